//! The only interface to the terminal: all output of the command passes through here, and nothing else in this crate
//! may write to the terminal.
//!
//! Names come from untrusted files. Control characters and invisible characters are escaped as in `\u001b`, which is
//! also JSON's spelling, so one rule serves sentences, tables and `--json`. Work must not be lost because nobody reads
//! the output: text to standard error may be lost, and the reader of standard output may exit.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::io::{self, ErrorKind, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the reader of standard output has exited.
static LEFT: AtomicBool = AtomicBool::new(false);

/// Whether a file goes to standard output, so that text there would damage it.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Invisible characters: formats (directions, joiners, tags) and separators of lines and paragraphs.
const FORMATS: [std::ops::RangeInclusive<char>; 21] = [
    '\u{ad}'..='\u{ad}',
    '\u{600}'..='\u{605}',
    '\u{61c}'..='\u{61c}',
    '\u{6dd}'..='\u{6dd}',
    '\u{70f}'..='\u{70f}',
    '\u{890}'..='\u{891}',
    '\u{8e2}'..='\u{8e2}',
    '\u{180e}'..='\u{180e}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{2064}',
    '\u{2066}'..='\u{206f}',
    '\u{feff}'..='\u{feff}',
    '\u{fff9}'..='\u{fffb}',
    '\u{110bd}'..='\u{110bd}',
    '\u{110cd}'..='\u{110cd}',
    '\u{13430}'..='\u{1343f}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0001}'..='\u{e0001}',
    '\u{e0020}'..='\u{e007f}',
];

/// Prints to standard output. Once its reader has exited, nothing is printed, which is not an error.
///
/// # Errors
/// A system error, such as a full disk.
pub(crate) fn print(text: impl Display) -> io::Result<()> {
    if TAKEN.load(Ordering::Relaxed) {
        tell(text);
        return Ok(());
    }
    if !is_read() {
        return Ok(());
    }
    match writeln!(io::stdout().lock(), "{}", escaped(&text.to_string())) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            LEFT.store(true, Ordering::Relaxed);
            Ok(())
        }
        printed => printed,
    }
}

/// Whether anybody still reads standard output; long work that only prints may stop.
pub(crate) fn is_read() -> bool {
    !LEFT.load(Ordering::Relaxed)
}

/// From now on sends text to standard error, because a file went to standard output.
pub(super) fn take_stdout() {
    TAKEN.store(true, Ordering::Relaxed);
}

/// Writes a message to standard error. If that fails, the message is lost and the work continues.
pub(crate) fn tell(text: impl Display) {
    // A single write, so that lines of several threads do not mix.
    let line = format!("{}\n", escaped(&text.to_string()));
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// Reports panics the same way, since their message may quote a file.
pub(crate) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        tell(panic);
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            tell(trace);
        }
    }));
}

/// The text with every control or invisible character escaped, except line breaks and tabs.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    spelt(text, |c| is_unseen(c) && !matches!(c, '\n' | '\t'))
}

/// [`escaped`], including line breaks and tabs, for a value that must stay within its line or cell.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    spelt(text, is_unseen)
}

fn is_unseen(c: char) -> bool {
    c.is_control() || !c.is_ascii() && FORMATS.iter().any(|range| range.contains(&c))
}

fn spelt(text: &str, is_spelt: impl Fn(char) -> bool) -> Cow<'_, str> {
    let Some(first) = text.find(&is_spelt) else { return Cow::Borrowed(text) };
    let (plain, rest) = text.split_at(first);
    let mut out = plain.to_owned();
    for c in rest.chars() {
        if is_spelt(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::string::string_regex;

    #[test]
    fn terminals_are_not_steered_and_words_stay() {
        assert_eq!(escaped("\u{1b}[31mred\u{7}\r\u{9b}2J"), "\\u001b[31mred\\u0007\\u000d\\u009b2J");
        assert_eq!(escaped("abc\u{202e}cba\u{2066}\u{200b}\u{feff}"), "abc\\u202ecba\\u2066\\u200b\\ufeff");
        assert_eq!(escaped("\u{e0041}"), "\\udb40\\udc41");
        for plain in
            ["a\tb\nc", "Größe µ ± 3 −", "très bien\u{a0}!", "日本語\u{3000}", "e\u{301}", "❤\u{fe0f}", "\\ \" '"]
        {
            assert!(matches!(escaped(plain), Cow::Borrowed(same) if same == plain), "{plain:?}");
        }
        assert_eq!(one_line("a\tb\nc"), "a\\u0009b\\u000ac");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_has_a_shape_is_left_alone(text in string_regex(r"[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]{0,40}").unwrap()) {
            prop_assert_eq!(one_line(&text), text.as_str());
        }

        /// Compared with Unicode's own classes: controls, formats, separators of lines and paragraphs.
        #[test]
        fn what_has_none_is_spelt_out(text in string_regex(r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,40}").unwrap()) {
            prop_assert!(one_line(&text).is_ascii(), "{text:?}");
        }

        /// The spelling is JSON's, so a parser reads the same text.
        #[test]
        fn json_reads_back_the_same(text in any::<String>(), key in "\\PC{0,9}[\\u{1b}\\u{202e}\\u{e0041}]") {
            let value = serde_json::json!({ key: text });
            let printed = value.to_string();
            let shown = escaped(&printed);
            prop_assert!(!shown.contains(is_unseen), "{shown:?}");
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }
    }
}
