//! The template engine as all reports use it: what comes from outside is text in every form, never markup.

use super::ReportError;
use crate::output::escaped;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, Output, State, Value};

/// What a template is written in, and so how the values in it are escaped.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// A page for a browser.
    Html,
    /// A card, which is read as it stands or by a renderer that lets HTML through.
    Markdown,
}

/// Renders a template that keeps its lines as they stand.
pub(crate) fn render(form: Form, template: &str, values: Value) -> Result<String, ReportError> {
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?;
    let mut environment = Environment::new();
    match form {
        Form::Html => environment.set_auto_escape_callback(|_| AutoEscape::Html),
        Form::Markdown => {
            environment.set_auto_escape_callback(|_| AutoEscape::Custom("markdown".into()));
            environment.set_formatter(write_markdown);
        }
    }
    environment.set_syntax(syntax);
    let page = environment.template_from_str(template)?.render(values)?;
    // Directions and joiners hide what a name says in any form.
    Ok(escaped(&page).into_owned())
}

/// Markdown from outside, such as a notice of licence: it keeps its own markup, but no HTML.
pub(super) fn foreign_markdown(text: &str) -> Value {
    Value::from_safe_string(text.replace('<', "&lt;"))
}

fn write_markdown(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    let plain = matches!(value.kind(), ValueKind::Undefined | ValueKind::None | ValueKind::Bool | ValueKind::Number);
    if plain || value.is_safe() {
        return Ok(write!(out, "{value}")?);
    }
    Ok(out.write_str(&markdown(&value.to_string()))?)
}

/// Text as Markdown shows it: in one line, inside its cell of a table, without markup or HTML.
fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text.chars().peekable();
    // At the start of a line these would begin a list.
    if text.starts_with("- ") || text.starts_with("+ ") {
        out.push('\\');
    }
    while let Some(c) = rest.next() {
        let inside_word = |next: Option<&char>| {
            before.is_some_and(char::is_alphanumeric) && next.is_some_and(|next| next.is_alphanumeric())
        };
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\r' => out.push(' '),
            '\\' | '`' | '*' | '[' | ']' | '|' | '#' | '~' => out.extend(['\\', c]),
            // Names of networks and figures are full of it, where it marks nothing up.
            '_' if !inside_word(rest.peek()) => out.push_str("\\_"),
            _ => out.push(c),
        }
        before = Some(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    #[test]
    fn what_comes_from_outside_is_text_in_both_forms() {
        let name = "a|b\n<img src=x onerror=alert(1)> [x](y) *b* `c` _d_ e_f \u{202e}\u{1b}[m & #";
        let values = || context! { name, number => -1.5, list => [name], none => () };
        let template = "{{ name }}\n{{ number }}\n{{ list | join(', ') }}\n{{ list }}\n{{ missing }}\n";
        let card = render(Form::Markdown, template, values()).unwrap();
        let line = "a\\|b &lt;img src=x onerror=alert(1)&gt; \\[x\\](y) \\*b\\* \\`c\\` \\_d\\_ e_f \\u202e\\u001b\\[m &amp; \\#";
        let lines: Vec<&str> = card.lines().collect();
        assert_eq!(lines[..3], [line, "-1.5", line]);
        let page = render(Form::Html, template, values()).unwrap();
        for text in [&card, &page] {
            assert!(!text.contains('<') && !text.contains(['\u{202e}', '\u{1b}']), "{text}");
        }
    }

    #[test]
    fn figures_and_words_of_our_own_stay_as_they_are() {
        for plain in ["−0.52 ± 0.10", "-0.03", "+1.32 to +2.00", "student_int8", "fusion 2x(256-128)-64", "25.5 %"] {
            assert_eq!(markdown(plain), plain);
        }
        assert_eq!(markdown("- item"), "\\- item");
    }

    #[test]
    fn a_notice_keeps_its_markup_and_loses_its_html() {
        let values = context! { notice => foreign_markdown("# Data\n\n**CC BY 4.0** <script>") };
        assert_eq!(render(Form::Markdown, "{{ notice }}", values).unwrap(), "# Data\n\n**CC BY 4.0** &lt;script>");
    }
}
