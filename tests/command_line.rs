//! The promises of the command line to scripts: exit statuses, clear refusals, help with examples.

use eyas_tests::command::{failure, run, stdout};
use eyas_tests::format;
use std::fs;

const STUDENT: &str = "models/cora/student.eyas";

#[test]
fn every_subcommand_helps_with_examples() {
    for command in [
        "new", "distill", "inspect", "verify", "run", "evaluate", "compare", "label", "methods", "import", "export",
        "pack", "doctor",
    ] {
        let help = stdout(&[command, "--help"]);
        assert!(help.contains("Examples:") && help.contains(&format!("eyas {command}")), "{command}: {help}");
    }
    assert!(stdout(&["--help"]).contains("Exit status"));
}

#[test]
fn bad_usage_is_2_a_refused_file_3() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.to_str().expect("text").to_owned()
    };
    assert_eq!(failure(&[]).0, 2);
    assert_eq!(failure(&["distil"]).0, 2);
    assert_eq!(failure(&["distill", "models/cora/recipe.toml", "--seeds", "0"]).0, 2);
    assert_eq!(failure(&["distill", "models/cora/recipe.toml", "--backend", "cuda"]).0, 2);

    let recipe = write("typo.toml", b"[data]\nsource = \"cora\"\n[[teacher]]\nkind = \"gcn\"\nhiden = 3\n");
    let (status, said) = failure(&["distill", &recipe]);
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("typo.toml:5") && said.contains("hiden") && said.contains("`hidden`"), "{said}");

    let recipe = write("missing.toml", b"[data]\nsource = \"pubmed\"\n[[teacher]]\nkind = \"gcn\"\n");
    let (status, said) = failure(&["distill", &recipe, "--out", folder.path().join("out").to_str().expect("text")]);
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("EYAS_DATA") && said.contains("--data-dir"), "{said}");

    let (status, said) = failure(&["inspect", "no-such-file.eyas"]);
    assert_eq!(status, 3);
    assert!(said.contains("no-such-file.eyas"), "{said}");
    let mut damaged = fs::read(eyas_tests::command::root().join(STUDENT)).expect("the shipped student");
    damaged[5000] ^= 1;
    let damaged = write("damaged.eyas", &damaged);
    for command in [vec!["inspect", &damaged], vec!["verify", &damaged], vec!["run", &damaged, "--input", "x.csv"]] {
        let (status, said) = failure(&command);
        assert_eq!(status, 3, "{said}");
        assert!(said.contains("checksum"), "{said}");
    }
    let rows = write("short.csv", b"a,b,c\n1,2,3\n");
    let (status, said) = failure(&["run", STUDENT, "--input", &rows]);
    assert_eq!(status, 3);
    assert!(said.contains("3 features") && said.contains("1433"), "{said}");
    let rows = write("nan.csv", b"a,b,c,d,e,f\n1,2,3,4,5,6\n1,2,3,NaN,5,6\n");
    let dense = format::folder().join("dense.eyas");
    let (status, said) = failure(&["run", dense.to_str().expect("text"), "--input", &rows]);
    assert_eq!(status, 3);
    assert!(said.contains("nan.csv"), "{said}");
}

#[test]
fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("dry");
    let output = run(&["distill", "models/cora/recipe.toml", "--dry-run", "--out", out.to_str().expect("text")]);
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("2708 nodes") && said.contains("1433-16-7") && said.contains("2026"), "{said}");
    assert!(!out.exists());
}

/// The targets on which a student is verified.
const TARGETS: [&str; 6] = ["host", "cortex-m4", "cortex-m0", "cortex-m3", "cortex-m55", "riscv32"];

#[test]
fn an_unknown_target_is_answered_with_all_there_are() {
    for command in [["verify", STUDENT, "--target"], ["distill", "models/cora/recipe.toml", "--verify"]] {
        let (status, said) = failure(&[&command[..], &["cortex-m7"]].concat());
        assert_eq!(status, 2, "{said}");
        assert!(said.contains("cortex-m7"), "{said}");
        for target in TARGETS {
            assert!(said.contains(target), "{target}: {said}");
        }
    }
}

#[test]
fn verification_without_an_emulator_fails_and_says_so() {
    for target in &TARGETS[1..] {
        // Training that could not be verified at its end does not start: its folder stays empty.
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out");
        let verify: &[&str] = &["verify", STUDENT, "--target", target];
        let out_text = out.to_str().expect("text");
        let distill: &[&str] = &["distill", "models/cora/recipe.toml", "--out", out_text, "--verify", target];
        for arguments in [verify, distill] {
            let mut command = eyas_tests::command::eyas();
            let output = command.args(arguments).env("EYAS_QEMU", "/nonexistent/qemu").output().expect("starts");
            assert_eq!(output.status.code(), Some(1));
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains(target) && said.contains("/nonexistent/qemu"), "{said}");
            assert!(said.contains("cargo xtask setup"), "{said}");
            assert!(output.stdout.is_empty(), "nothing that looks like a verdict");
        }
        assert!(!out.exists());
    }
}

#[test]
fn a_full_disk_is_an_error_and_not_a_panic() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        return eyas_tests::skip("this system has no /dev/full");
    };
    let output = eyas_tests::command::eyas().args(["inspect", STUDENT]).stdout(full).output().expect("starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
}
