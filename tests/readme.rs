//! Every command of the README runs.

use eyas_tests::command::{eyas, root};
use std::fs;

/// The lines of the README's shell blocks.
fn commands() -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let blocks = readme.split("```sh\n").skip(1).map(|block| block.split("```").next().expect("an end").to_owned());
    blocks.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The figure of a core in `budgets.toml`, grouped by thousands as in a document.
fn budget(core: &str, key: &str) -> String {
    let budgets = fs::read_to_string(root().join("budgets.toml")).expect("the budgets");
    let section = budgets.split("\n[").find_map(|section| section.strip_prefix(&format!("bench.{core}]\n")));
    let lines = section.unwrap_or_else(|| panic!("no section bench.{core}")).lines();
    let figure = lines.filter_map(|line| line.split_once(" = ")).find(|(name, _)| *name == key);
    let digits = figure.unwrap_or_else(|| panic!("no {key} for {core}")).1;
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// The cells of the table rows in `document` that begin with `first`.
fn cells(document: &str, first: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(document)).expect(document);
    let row = text.lines().find(|line| line.starts_with(&format!("| {first} |")));
    let row = row.unwrap_or_else(|| panic!("no row {first} in {document}"));
    row.trim_matches('|').split('|').skip(1).map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn the_figures_of_devices_are_the_budgets() {
    let both = |name: &str| ["cora", "cora_s"].map(|profile| budget("cortex-m4", &format!("{profile}_{name}")));
    let instructions = [("load, once", "load"), ("`quantize`", "quantize"), ("inference and decision", "infer")];
    for (row, name) in instructions {
        let stack = both(&format!("{name}_stack_bytes"));
        let expected: Vec<_> =
            both(name).iter().zip(&stack).map(|(count, stack)| format!("{count} / {stack}")).collect();
        assert_eq!(cells("README.md", row), expected, "{row} in the README");
    }
    let page = fs::read_to_string(root().join("runtime/README.md")).expect("the crate's page");
    let said =
        page.split("From its features on").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("its sentence");
    for count in instructions.iter().flat_map(|(_, name)| both(name)) {
        assert!(said.contains(&count), "the crate's page does not say {count}: {said}");
    }
    // The table of all cores.
    let cores = [
        ("Cortex-M4F", "cortex-m4"),
        ("Cortex-M0+", "cortex-m0"),
        ("Cortex-M3", "cortex-m3"),
        ("Cortex-M55", "cortex-m55"),
        ("RV32IMC", "riscv32"),
    ];
    for (title, core) in cores {
        let expected = instructions
            .map(|(_, name)| ["cora", "cora_s"].map(|profile| budget(core, &format!("{profile}_{name}"))).join(" / "));
        assert_eq!(cells("docs/RESULTS.md", &format!("{title}, from features")), expected, "{title} in the results");
        let stack = ["stack_bytes", "stack_bound_bytes"].map(|key| budget(core, key)).join(" / ");
        let load = ["load_stack_bytes", "load_stack_bound_bytes"].map(|key| budget(core, key)).join(" / ");
        let column = cores.iter().position(|(found, _)| *found == title).expect("a column");
        assert_eq!(cells("docs/PROOF.md", "inference and decision: painted / bound")[column], stack, "{title}");
        assert_eq!(cells("docs/PROOF.md", "load: painted / bound")[column], load, "{title}");
    }
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
    assert_eq!(ran, 8, "the README's commands changed; this test must follow");
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
