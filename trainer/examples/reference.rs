//! Accuracy and CPU seconds at the reference settings: GCN teacher, then students on labels only, with
//! plain soft targets and with the edge link. `cargo run --release --example reference -- cora.npz`;
//! append `sage` or `gat` for one of those teachers alone.

use std::error::Error;

use eyas_trainer::distill::{FitPlan, ObjectivePlan, SoftTargets, Targets, fit};
use eyas_trainer::nn::{BackendKind, TrainPlan, accuracy_at, normalize_rows, silent};
use eyas_trainer::teacher::{self, Labelled, TeacherKind, TeacherPlan};
use sprs::CsMat;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("give the path of cora.npz or citeseer.npz")?;
    let kind = arguments.next().unwrap_or_else(|| "gcn".to_owned());
    let mut archive = npyz::npz::NpzArchive::open(&path)?;
    let mut ints = |name: &str| -> Result<Vec<usize>, Box<dyn Error>> {
        let array = archive.by_name(name)?.ok_or_else(|| format!("{path} has no {name}"))?;
        Ok(array.into_vec::<i32>()?.into_iter().map(|value| value as usize).collect())
    };
    let shape = ints("shape")?;
    let (train, tune, test) = (ints("train_idx")?, ints("val_idx")?, ints("test_idx")?);
    let labels: Vec<u16> = ints("labels")?.into_iter().map(|label| label as u16).collect();
    let (starts, ends) = (ints("indptr")?, ints("indices")?);
    let edges = ends.len();
    let adjacency = CsMat::new_from_unsorted((shape[0], shape[0]), starts, ends, vec![1.0f32; edges])
        .map_err(|(_, _, _, error)| error)?;
    let (starts, words) = (ints("feat_indptr")?, ints("feat_indices")?);
    let values: Vec<f32> = archive.by_name("feat_values")?.ok_or("the archive has no feat_values")?.into_vec()?;
    let features =
        CsMat::new_from_unsorted((shape[0], shape[1]), starts, words, values).map_err(|(_, _, _, error)| error)?;
    let features = normalize_rows(&features);

    // Layers, hidden, student dropout, teacher dropout, tau, lamb of the reference's parameter file.
    let cora = shape[2] == 7;
    let (kind, layers, hidden, dropout, teacher_dropout, tau, lamb) = match (kind.as_str(), cora) {
        ("sage", true) => (TeacherKind::Sage, 3, 512, 0.4, 0.3, 1.3, 0.5),
        ("sage", false) => (TeacherKind::Sage, 2, 1024, 0.5, 0.5, 1.2, 0.1),
        ("gat", true) => (TeacherKind::Gat, 3, 1024, 0.3, 0.6, 1.2, 0.5),
        ("gat", false) => (TeacherKind::Gat, 2, 2048, 0.4, 0.5, 1.0, 0.1),
        (_, true) => (TeacherKind::Gcn, 3, 512, 0.6, 0.5, 1.5, 0.4),
        (_, false) => (TeacherKind::Gcn, 2, 256, 0.5, 0.5, 1.5, 0.1),
    };
    let plan = TeacherPlan::reference(kind, layers, hidden, teacher_dropout);
    let objectives = [
        ("labels", ObjectivePlan::labels_only()),
        ("soft", ObjectivePlan::soft_targets(1.0 - lamb, 1.0)),
        ("edges", ObjectivePlan::edges(1.0 - lamb, tau)),
    ];
    for seed in 2022..=2026 {
        let data = Labelled { labels: &labels, classes: shape[2], train: &train, tune: &tune };
        let taught = teacher::train(&features, &adjacency, data, &plan, seed, BackendKind::Flex, None, &mut silent)?;
        let show = |name: &str, accuracy: f64, epochs: usize, seconds: f64| {
            println!("{seed} {name:8} {:5.1} % {epochs:4} epochs {seconds:6.2} s", 100.0 * accuracy);
        };
        let accuracy = accuracy_at(&taught.logits, &labels, &test);
        show("teacher", accuracy, taught.curve.len(), taught.cpu_seconds);
        let soft = SoftTargets::from_teacher(&taught.logits);
        let edges = Some((&adjacency, &taught.logits));
        if kind != TeacherKind::Gcn {
            continue;
        }
        for (name, objective) in objectives {
            let hidden = vec![hidden; layers - 1];
            let plan = FitPlan { hidden, dropout, word_dropout: 0.0, objective, training: TrainPlan::default() };
            let targets =
                Targets { labels: &labels, classes: shape[2], train: &train, tune: &tune, soft: Some(&soft), edges };
            let student = fit(&features, &targets, &plan, seed, BackendKind::Flex, None, &mut silent)?;
            let accuracy = accuracy_at(&student.weights.logits(&features, BackendKind::Flex), &labels, &test);
            show(name, accuracy, student.curve.len(), student.cpu_seconds);
        }
    }
    Ok(())
}
