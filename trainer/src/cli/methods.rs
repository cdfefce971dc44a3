//! `eyas methods`: what a recipe may choose, and what each choice means.

use super::Failure;
use super::rows::print;
use crate::method::{METHODS, book};

/// List the methods of distillation that a recipe may choose, or explain one: formula, when, needs, keys, example.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eyas methods\n  eyas methods router\n  eyas methods --markdown > docs/METHODS.md")]
pub struct Arguments {
    /// The `kind` of a method.
    name: Option<String>,
    /// All methods as one page.
    #[arg(long, conflicts_with = "name")]
    markdown: bool,
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let Some(name) = &arguments.name else {
        let text = if arguments.markdown { book::whole() } else { book::list() };
        return print(text.trim_end());
    };
    let found: Vec<String> =
        METHODS.iter().filter(|method| method.kind == name).map(|method| book::explain(method)).collect();
    if found.is_empty() {
        let near = crate::recipe::value::nearest(name, METHODS.iter().map(|method| method.kind));
        let remedy = if near.is_empty() { "`eyas methods` lists them".to_owned() } else { near };
        return Err(Failure::usage(format!("expected the name of a method, found `{name}`; {remedy}")));
    }
    print(found.join("\n").trim_end())
}
