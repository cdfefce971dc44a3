//! `metrics.json` records the kind of machine that made a student, and the bytes of a student depend only on that kind.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use eyas_trainer::nn::MadeOn;
use serde_json::Value;

/// A table whose class follows from two columns, and a recipe with two members of one teacher.
fn prepare(folder: &Path) {
    let mut text = "a,b,c,fold,label\n".to_owned();
    for row in 0..180u32 {
        let (a, b) = ((row * 37 % 101) as f32 / 50.0 - 1.0, (row * 53 % 97) as f32 / 48.0 - 1.0);
        writeln!(text, "{a},{b},{},{},{}", a * b, row % 3, u8::from(a + b > 0.0)).unwrap();
    }
    fs::write(folder.join("table.csv"), text).unwrap();
    let recipe = "[data]\nsource = \"table.csv\"\nlabel = \"label\"\nstudent_columns = [\"a\", \"b\"]\n\
                  teacher_columns = [\"*\"]\nfolds = [0]\n[[teacher]]\nkind = \"mlp\"\nhidden = [16]\nepochs = 8\n\
                  batch_rows = 16\nmembers = 2\n[student]\nhidden = [12]\nepochs = 8\nbatch_rows = 16\n[report]\nseeds = [1]\n";
    fs::write(folder.join("recipe.toml"), recipe).unwrap();
}

/// Distils in `folder` into `out`, with or without an emulator; `cache` holds the trained teachers.
fn distil(folder: &Path, (out, cache): (&str, &str), emulator: &[&str]) -> (Vec<u8>, Value) {
    let words: Vec<&str> = emulator.iter().copied().chain([env!("CARGO_BIN_EXE_eyas")]).collect();
    let run = Command::new(words[0])
        .args(&words[1..])
        .args(["distill", "recipe.toml", "--out", out, "--cache", cache, "--threads", "1"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let metrics = fs::read_to_string(folder.join(out).join("metrics.json")).unwrap();
    (fs::read(folder.join(out).join("student.eyas")).unwrap(), serde_json::from_str(&metrics).unwrap())
}

fn made_on(metrics: &Value) -> MadeOn {
    serde_json::from_value(metrics["made_on"].clone()).unwrap()
}

#[test]
fn metrics_say_what_a_student_was_made_on() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let (_, metrics) = distil(folder.path(), ("out", "kept"), &[]);
    let here = MadeOn::here();
    assert_eq!(made_on(&metrics), here);
    assert_eq!(here.architecture, std::env::consts::ARCH);
    for name in ["report.html", "card.md"] {
        let text = fs::read_to_string(folder.path().join("out").join(name)).unwrap();
        assert!(text.contains(&here.to_string()), "{name} does not say {here}");
    }
    // The kind of machine, never its identity.
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let fields: Vec<&String> = metrics["made_on"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["architecture", "instructions", "system"]);
    assert!(name.trim().len() < 4 || !metrics.to_string().contains(name.trim()), "{name}");
}

/// Other processors, emulated: one of the same kind gives the same bytes; one of another kind records that and uses
/// nothing cached on this one.
#[test]
fn machines_of_one_kind_give_the_same_bytes() {
    if !cfg!(target_arch = "x86_64") || Command::new("qemu-x86_64").arg("--version").output().is_err() {
        return eyas_tests::skip("no qemu-x86_64 (`cargo xtask setup` installs it), or a host it does not emulate");
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    let kept = |cache: &str| fs::read_dir(folder.join(cache)).unwrap().count();
    let (here, metrics) = distil(folder, ("here", "kept"), &[]);
    let native = made_on(&metrics);
    let before = kept("kept");
    for processor in ["Nehalem", "Haswell"] {
        let emulator = ["qemu-x86_64", "-cpu", processor];
        let (there, metrics) = distil(folder, (processor, &format!("kept-{processor}")), &emulator);
        let emulated = made_on(&metrics);
        println!("{processor}: {emulated}; bytes {}", if there == here { "equal" } else { "differ" });
        if emulated == native {
            assert_eq!(there, here, "{processor} is of the same kind");
        }
        if processor == "Nehalem" {
            assert_eq!(emulated.instructions, ["sse4.2"], "it has neither AVX2 nor FMA");
            let (again, _) = distil(folder, ("again", "kept"), &emulator);
            assert_eq!(again, there);
            let kinds = if emulated == native { 1 } else { 2 };
            assert_eq!(kept("kept"), before * kinds, "one kind of machine took what another had learnt");
        }
    }
}
