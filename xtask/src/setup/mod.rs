//! `cargo xtask setup`: installs only what this machine lacks.

mod needs;
mod python;

pub use python::Environment;

use anyhow::{Result, bail};
use comfy_table::{Table, presets};
use needs::{Need, Remedy, needs};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

/// Debian's compiler with the source of `core`, for machines that cannot download targets.
const DEBIAN_RUST: [&str; 2] = ["rustc-web", "rust-web-src"];

/// Installs what this machine lacks for tests and measurements; does nothing if nothing is missing.
///
/// First lists what it will install and where: Debian packages as root or through `sudo`, parts of the toolchain
/// through rustup, and, under `target`, the packages that `xtask/requirements` pins by version and hash.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask setup\n  cargo xtask setup --dry-run     only say what is missing\n  \
                        cargo xtask setup --fuzz\n  cargo xtask setup --bench"
)]
pub struct Setup {
    /// Also make a Python environment in target/bench-venv with the runtimes to compare with (several GB)
    #[arg(long)]
    bench: bool,
    /// Also install the fuzzer and the coverage tools of the compiler's LLVM release
    #[arg(long)]
    fuzz: bool,
    /// Print what would be installed, and install nothing
    #[arg(long)]
    dry_run: bool,
}

impl Setup {
    /// Runs the command.
    ///
    /// # Errors
    /// Something is still missing at the end; the commands to type are printed.
    pub fn run(&self) -> Result<()> {
        let needs = needs(self.bench, self.fuzz);
        let before: Vec<_> = needs.iter().map(|need| (need.found)()).collect();
        let missing = || needs.iter().zip(&before).filter(|(_, found)| found.is_none()).map(|(need, _)| need);
        let debian = Debian::new();
        // The package lists tell which compiler Debian has, and they may be absent or old.
        if !self.dry_run && missing().any(|need| need.remedy.may_be_debian()) {
            debian.update();
        }
        let plan = Plan::new(missing(), &debian);
        plan.in_words(&debian).iter().for_each(|line| println!("{line}"));
        if self.dry_run {
            return Ok(());
        }
        let by_hand = plan.carry_out(&debian);
        report(&needs, &before, &by_hand)
    }
}

/// The things to install, grouped by installer.
#[derive(Default)]
struct Plan {
    packages: BTreeSet<String>,
    targets: bool,
    components: BTreeSet<&'static str>,
    environments: Vec<&'static Environment>,
}

impl Plan {
    fn new<'n>(missing: impl Iterator<Item = &'n Need>, debian: &Debian) -> Self {
        let mut plan = Self::default();
        for need in missing {
            match &need.remedy {
                Remedy::Debian(package) => drop(plan.packages.insert(package.clone())),
                Remedy::Llvm(release) => match format!("llvm-{release}") {
                    package if debian.has(&package) => drop(plan.packages.insert(package)),
                    _ => drop(plan.components.insert("llvm-tools")),
                },
                Remedy::OtherCores if debian.has(DEBIAN_RUST[0]) => {
                    plan.packages.extend(DEBIAN_RUST.map(str::to_owned));
                }
                Remedy::OtherCores => {
                    plan.targets = true;
                    plan.components.insert("rust-src");
                }
                Remedy::Component(name) => drop(plan.components.insert(name)),
                Remedy::Environment(environment) if plan.environments.contains(environment) => {}
                Remedy::Environment(environment) => plan.environments.push(environment),
            }
        }
        plan
    }

    /// Everything that will be done, one line for each installer.
    fn in_words(&self, debian: &Debian) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.packages.is_empty() {
            let how = if debian.installs() { "as root, by apt-get" } else { "to be installed by root" };
            lines.push(format!("{how}: {}", self.packages()));
        }
        if self.targets {
            lines.push(format!("by rustup, targets: {}", needs::TARGETS.join(" ")));
        }
        for name in &self.components {
            lines.push(format!("by rustup, component: {name}"));
        }
        for environment in &self.environments {
            let pins = environment.pins().join(", ");
            lines.push(format!("in {}, versions and hashes pinned: {pins}", environment.folder));
        }
        lines
    }

    /// Installs everything it can, and returns the commands that the user must type.
    fn carry_out(&self, debian: &Debian) -> Vec<String> {
        let mut by_hand = Vec::new();
        if !self.packages.is_empty() && !debian.install(&self.packages) {
            by_hand.push(format!("sudo apt-get install {}", self.packages()));
        }
        if self.targets && !runs(Command::new("rustup").args(["target", "add"]).args(needs::TARGETS)) {
            by_hand.push(format!("rustup target add {}", needs::TARGETS.join(" ")));
        }
        for name in &self.components {
            if !runs(Command::new("rustup").args(["component", "add", name])) {
                by_hand.push(format!("rustup component add {name}"));
            }
        }
        for environment in &self.environments {
            if !environment.make() {
                by_hand.push(environment.by_hand());
            }
        }
        by_hand
    }

    fn packages(&self) -> String {
        self.packages.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// Debian's package manager, if this is such a system.
struct Debian {
    there: bool,
    root: bool,
    /// Whether `sudo` asks for no password.
    sudo: bool,
}

impl Debian {
    fn new() -> Self {
        let there = Path::new("/usr/bin/apt-get").is_file();
        let root = first_line(Command::new("id").arg("-u")).is_some_and(|id| id == "0");
        let quiet = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let sudo = !root && quiet(Command::new("sudo").args(["-n", "true"])).is_ok_and(|status| status.success());
        Self { there, root, sudo }
    }

    const fn installs(&self) -> bool {
        self.there && (self.root || self.sudo)
    }

    /// Whether the package lists know `package`.
    fn has(&self, package: &str) -> bool {
        let known = || first_line(Command::new("apt-cache").args(["madison", package]));
        self.there && known().is_some_and(|line| line.contains(package))
    }

    fn update(&self) {
        if self.installs() {
            println!("as root: apt-get update, to know what there is");
            // A stale list is no reason to stop, since it may still contain the packages.
            runs(&mut self.apt(&["update", "-qq"]));
        }
    }

    fn install(&self, packages: &BTreeSet<String>) -> bool {
        self.installs() && runs(self.apt(&["install", "-y", "-qq", "--no-install-recommends"]).args(packages))
    }

    fn apt(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(if self.root { "apt-get" } else { "sudo" });
        if !self.root {
            command.args(["-n", "apt-get"]);
        }
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        command
    }
}

/// Prints what was present, what was installed and what is still missing.
fn report(needs: &[Need], before: &[Option<String>], by_hand: &[String]) -> Result<()> {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(["need", "state", "what"]);
    let mut missing = Vec::new();
    for (need, before) in needs.iter().zip(before) {
        let now = before.clone().or_else(need.found);
        let state = match (before, &now) {
            (Some(_), _) => "found",
            (None, Some(_)) => "installed",
            (None, None) => "MISSING",
        };
        if now.is_none() {
            missing.push(need.name);
        }
        table.add_row([need.name, state, &now.unwrap_or_default()]);
    }
    println!("{table}");
    if missing.is_empty() {
        return Ok(());
    }
    if by_hand.is_empty() {
        bail!("installed, but still not found: {}", missing.join(", "));
    }
    bail!("missing: {}; to be typed by hand:\n  {}", missing.join(", "), by_hand.join("\n  "))
}

/// Shows and runs a command; `false` if it cannot start or fails.
fn runs(command: &mut Command) -> bool {
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
    eprintln!("+ {} {}", command.get_program().display(), arguments.join(" "));
    command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The first line a command prints, if it succeeds and prints any.
fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    let line = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned();
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::{Debian, Plan, Remedy, needs};

    /// On an empty machine, the announcement names everything that a remedy would install.
    #[test]
    fn everything_that_is_installed_is_said_first() {
        let needs = needs(true, true);
        for there in [false, true] {
            let debian = Debian { there, root: there, sudo: false };
            let said = Plan::new(needs.iter(), &debian).in_words(&debian);
            for need in &needs {
                let words = match &need.remedy {
                    Remedy::Debian(package) => vec![package.clone()],
                    Remedy::Component(name) => vec![(*name).to_owned()],
                    Remedy::Environment(environment) => environment.pins(),
                    // Depends on the package lists of this machine.
                    Remedy::Llvm(_) | Remedy::OtherCores if there => continue,
                    Remedy::Llvm(_) => vec!["llvm-tools".to_owned()],
                    Remedy::OtherCores => vec!["rust-src".to_owned(), "thumbv6m-none-eabi".to_owned()],
                };
                assert!(!words.is_empty(), "{} is met by nothing", need.name);
                let is_said = |word: &String| said.iter().any(|line| line.contains(word.as_str()));
                assert!(words.iter().all(is_said), "{}: {words:?} in {said:?}", need.name);
            }
            let root = said.iter().find(|line| line.contains("qemu-system-arm")).expect("the emulator");
            assert_eq!(root.starts_with("as root"), there, "{root}");
        }
    }
}
