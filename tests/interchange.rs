//! Exchange of students with other tools on the command line: weight layouts, TFLite and ONNX.

use eyas::{AlignedBytes, Layout, Student};
use eyas_tests::command::{failure, root, stdout};
use eyas_tests::format;
use serde_json::Value;
use std::fs;
use std::path::Path;

const CORES: [&str; 6] = ["cortex-m4", "cortex-m0", "cortex-m55", "riscv32", "host", "portable"];

/// Whether the kernels for `core` read weights in a different order from the one the trainer writes.
fn reorders(core: &str) -> bool {
    match core {
        "portable" => false,
        "host" => Layout::THIS != Layout::Canonical,
        _ => true,
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[test]
fn packing_is_reversible_and_every_layout_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = folder.path().join("rows.csv");
    fs::write(&rows, "a,b,c,d,e,f,g\n1,-2,3,0.5,9,0,1\n-1,0,2,7,-9,4,0.1\n").expect("written");
    for name in ["dense.eyas", "sparse_input.eyas", "per_input.eyas", "deepest.eyas", "extremes.eyas"] {
        let file = format::folder().join(name);
        for core in CORES {
            let (packed, back) = (folder.path().join("packed.eyas"), folder.path().join("back.eyas"));
            let _ = stdout(&["pack", text(&file), "--for", core, "--out", text(&packed)]);
            let _ = stdout(&["pack", text(&packed), "--for", "canonical", "--out", text(&back)]);
            assert_eq!(fs::read(&back).expect("a file"), fs::read(&file).expect("a file"), "{name} for {core}");
            let changed = fs::read(&packed).expect("a file") != fs::read(&file).expect("a file");
            assert_eq!(changed, reorders(core), "{name} for {core}");
            assert!(stdout(&["verify", text(&packed)]).contains(" 0 differ"), "{name} for {core}");
            let _ = stdout(&["inspect", text(&packed)]);
            if name == "per_input.eyas" {
                let answers = |file: &Path| stdout(&["run", text(file), "--input", text(&rows), "--json"]);
                assert_eq!(answers(&packed), answers(&file), "{core}");
            }
        }
    }
}

#[test]
fn the_host_gets_the_layout_of_its_own_kernels() {
    let folder = tempfile::tempdir().expect("a folder");
    let packed = folder.path().join("packed.eyas");
    let said = stdout(&["pack", "models/cora/student.eyas", "--for", "host", "--out", text(&packed), "--json"]);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let bytes = AlignedBytes::from(fs::read(&packed).expect("a file").as_slice());
    let student = Student::load(&bytes).expect("the file loads");
    assert_eq!(student.layout(), Layout::THIS, "{said}");
    assert_eq!(said["to"], serde_json::to_value(Layout::THIS).expect("JSON"), "{said}");
    if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
        assert_eq!(Layout::THIS, Layout::Lanes, "what the bench measures on such hosts");
    }
    assert!(stdout(&["verify", text(&packed)]).contains(" 0 differ"));
}

#[test]
fn a_packed_student_exports_the_same_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let student = root().join("models/cora/student.eyas");
    let _ = stdout(&["pack", text(&student), "--for", "cortex-m4", "--out", text(&path("packed.eyas"))]);
    let said = stdout(&["export", text(&student), "--onnx", text(&path("a.onnx")), "--json"]);
    let _ = stdout(&["export", text(&path("packed.eyas")), "--onnx", text(&path("b.onnx"))]);
    assert_eq!(fs::read(path("a.onnx")).expect("a model"), fs::read(path("b.onnx")).expect("a model"));
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((&said["opset"], &said["larger"]), (&13.into(), &0.into()), "{said}");
}

#[test]
fn an_import_reports_its_differences() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("student.eyas");
    let models = root().join("trainer/tests/models");
    let model = |name: &str| text(&models.join(name)).to_owned();
    let said = stdout(&["import", &model("surroundings.tflite"), "--out", text(&out), "--json"]);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((&said["format"], &said["larger"]), (&"tflite".into(), &0.into()), "{said}");
    assert_eq!(said["layers"].as_array().map(Vec::len), Some(2), "{said}");
    assert!(stdout(&["verify", text(&out)]).contains(" 0 differ"));

    let refused =
        failure(&["import", &model("refused_logistic.tflite"), "--out", text(&folder.path().join("none.eyas"))]);
    assert_eq!(refused.0, 3, "{}", refused.1);
    assert!(refused.1.contains("refused_logistic.tflite") && refused.1.contains("operator 0"), "{}", refused.1);
    assert!(!folder.path().join("none.eyas").exists());
    let (status, said) = failure(&["import", &model("float_relu6.onnx"), "--out", text(&out)]);
    assert!(status == 2 && said.contains("--calibrate"), "{said}");
    assert_eq!(failure(&["import", "no-such-model.onnx"]).0, 3);
    assert_eq!(failure(&["pack", text(&out), "--for", "z80"]).0, 2);
    assert_eq!(failure(&["pack", &model("softmax.tflite"), "--for", "cortex-m4"]).0, 3);
    assert_eq!(failure(&["export", text(&out)]).0, 2);
}
