//! One row of the bench, its table against the anchors, and the budgets.

use super::students::WORKLOADS;
use anyhow::{Context, Result, bail};
use serde::{Serialize, Serializer};
use std::fmt::Write as _;

/// One core, one workload. As JSON, what the workload does not have is left out.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub core: &'static str,
    pub workload: &'static str,
    /// Mean over the vectors.
    pub instructions: u64,
    pub code_bytes: u32,
    pub stack_bytes: u32,
    pub arena_bytes: usize,
    pub exact: bool,
    pub golden_off_by_one: u32,
    /// In JSON as eight hexadecimal digits.
    #[serde(serialize_with = "hexadecimal")]
    pub weights_crc32: u32,
    pub load_stack_bytes: u32,
    pub static_ram_bytes: u32,
    /// Largest minus smallest count over the vectors.
    pub spread: u32,
    /// `code_bytes` with the runtime at `opt-level = "z"`.
    pub code_bytes_for_size: u32,
    /// Functions of the kernels alone.
    pub kernel_bytes: u32,
    /// What the call graph allows, whatever the student and its input.
    pub stack_bound_bytes: u32,
    pub load_stack_bound_bytes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nnz: Option<f64>,
    /// Instructions on the list of present inputs, where the workload has one.
    #[serde(rename = "instructions_listed", skip_serializing_if = "Option::is_none")]
    pub listed: Option<u64>,
}

/// Instructions of the best other runtime by core and workload, counted on these networks under the same emulators.
const ANCHORS: [(&str, &str, [u32; 5]); 4] = [
    ("cortex-m4", "CMSIS-NN -O3", [6_162, 31_571, 161_661, 353_527, 353_527]),
    ("cortex-m0", "CMSIS-NN per channel -O3", [15_200, 85_700, 454_568, 1_006_368, 1_006_368]),
    ("cortex-m55", "CMSIS-NN -O3", [2_262, 8_540, 41_810, 89_171, 89_171]),
    ("riscv32", "CMSIS-NN plain C -O3, m1 plain Rust", [8_944, 74_700, 438_900, 995_300, 995_300]),
];

fn anchor(row: &Row) -> Option<(&'static str, u32)> {
    let (_, name, counts) = ANCHORS.iter().find(|(core, ..)| *core == row.core)?;
    let at = WORKLOADS.iter().position(|name| *name == row.workload)?;
    counts.get(at).map(|&count| (*name, count))
}

fn hexadecimal<S: Serializer>(check: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{check:08x}"))
}

/// The rows as a table, each with the published count.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| core | workload | instructions | published | ratio | code, for size, kernels | stack infer (bound) / load (bound) | arena | exact |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let (published, ratio) = anchor(row).map_or((String::new(), String::new()), |(name, count)| {
            (format!("{count} ({name})"), format!("{:.2}", f64::from(count) / row.instructions.max(1) as f64))
        });
        let listed = row.listed.map_or(String::new(), |count| format!(" ({count} from a list)"));
        let _ = writeln!(
            text,
            "| {} | {} | {}{listed} | {published} | {ratio} | {}, {}, {} | {} ({}) / {} ({}) | {} | {} |",
            row.core,
            row.workload,
            row.instructions,
            row.code_bytes,
            row.code_bytes_for_size,
            row.kernel_bytes,
            row.stack_bytes,
            row.stack_bound_bytes,
            row.load_stack_bytes,
            row.load_stack_bound_bytes,
            row.arena_bytes,
            if row.exact { "yes" } else { "NO" },
        );
    }
    text
}

/// One figure that may have a budget.
pub struct Finding {
    pub core: &'static str,
    /// Its key in `budgets.toml`: the workload of a count, otherwise the measured quantity.
    pub key: String,
    pub found: u64,
}

/// The figures of a row that may have a budget.
pub fn findings(row: &Row) -> [Finding; 10] {
    [
        (row.workload, row.instructions),
        ("code_bytes", row.code_bytes.into()),
        ("code_bytes_for_size", row.code_bytes_for_size.into()),
        ("kernel_bytes", row.kernel_bytes.into()),
        ("stack_bytes", row.stack_bytes.into()),
        ("load_stack_bytes", row.load_stack_bytes.into()),
        ("stack_bound_bytes", row.stack_bound_bytes.into()),
        ("load_stack_bound_bytes", row.load_stack_bound_bytes.into()),
        ("static_ram_bytes", row.static_ram_bytes.into()),
        ("arena_bytes", row.arena_bytes as u64),
    ]
    .map(|(key, found)| Finding { core: row.core, key: key.into(), found })
}

/// The sections `bench.CORE` of `budgets.toml`: `WORKLOAD = instructions`, `code_bytes = …`.
///
/// A rise above a budget fails; a fall is printed, so that the budget can be lowered by hand.
pub fn check_budgets(budgets: &str, findings: &[Finding]) -> Result<()> {
    let mut section = String::new();
    let (mut rises, mut falls) = (Vec::new(), Vec::new());
    for line in budgets.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.to_string();
            continue;
        }
        let Some(core) = section.strip_prefix("bench.") else { continue };
        let (key, budget) = line.split_once('=').with_context(|| format!("budgets.toml: {line}"))?;
        let (key, budget): (&str, u64) = (key.trim(), budget.trim().replace('_', "").parse()?);
        let found = findings.iter().filter(|finding| finding.core == core && finding.key == key).map(|one| one.found);
        match found.max() {
            Some(found) if found > budget => {
                rises.push(format!("{core} {key}: budget {budget}, found {found}, {} more", found - budget));
            }
            // The deepest stack belongs to one workload, which may not have been measured.
            Some(found) if found < budget && !key.ends_with("stack_bytes") => {
                falls.push(format!("{core} {key}: budget {budget}, found {found}, {} fewer", budget - found));
            }
            _ => {}
        }
    }
    falls.iter().for_each(|fall| eprintln!("{fall}"));
    if rises.is_empty() { Ok(()) } else { bail!("over the budgets of budgets.toml:\n{}", rises.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::{Finding, check_budgets};

    const BUDGETS: &str = "# a comment\n[other]\nm1 = 1\n[bench.a]\nm1 = 1_000\nstack_bytes = 8\n[bench.b]\nm1 = 5\n";

    fn finding(core: &'static str, key: &'static str, found: u64) -> Finding {
        Finding { core, key: key.into(), found }
    }

    #[test]
    fn a_rise_is_named_with_old_new_and_difference() {
        let rows = [finding("a", "m1", 1002), finding("a", "stack_bytes", 8), finding("b", "m1", 4)];
        let said = check_budgets(BUDGETS, &rows).unwrap_err().to_string();
        assert!(said.ends_with("a m1: budget 1000, found 1002, 2 more"), "{said}");
    }

    #[test]
    fn the_largest_of_several_workloads_counts() {
        let rows = [finding("a", "stack_bytes", 9), finding("a", "stack_bytes", 7)];
        assert!(check_budgets(BUDGETS, &rows).is_err());
        assert!(check_budgets(BUDGETS, &rows[1..]).is_ok());
    }
}
