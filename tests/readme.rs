//! Every command of the README runs.

use eyas_tests::command::{eyas, root};
use std::fs;

/// The lines of the README's shell blocks.
fn commands() -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let blocks = readme.split("```sh\n").skip(1).map(|block| block.split("```").next().expect("an end").to_owned());
    blocks.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn the_commands_on_students_run() {
    let mut ran = 0;
    for line in commands() {
        let Some(arguments) = line.strip_prefix("cargo eyas ") else { continue };
        let output = eyas().args(arguments.split(' ')).output().expect("starts");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        ran += 1;
    }
    assert_eq!(ran, 6, "the README's commands changed; this test must follow");
}

#[test]
fn the_two_commands_are_the_ones_that_ci_and_the_other_tests_run() {
    let commands = commands();
    let main = "cargo xtask setup && cargo eyas distill models/cora/recipe.toml --verify cortex-m4";
    assert!(commands.iter().any(|line| line == main));
    assert!(commands.iter().any(|line| line == "cargo xtask test"));
    let ci = fs::read_to_string(root().join(".ci/run")).expect("the CI script");
    let run: Vec<_> = ci.lines().filter(|line| line.starts_with("cargo ")).collect();
    assert_eq!(run[..2], [main, "cargo xtask test"], "CI runs them as they stand, and nothing of cargo before");
}
