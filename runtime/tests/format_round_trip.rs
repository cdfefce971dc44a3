//! A written file is read back exactly, and its costs are known before anything runs.

mod support;

use eyas::model::{CoreClass, Costs, FrontEnd, LayerKind, Layout, Normalization, Packing, pack};
use eyas::{AlignedBytes, Decision, InferError, LoadError, QuantizeError, SelftestError, Student};
use support::Parts;

#[test]
fn metadata_and_tensors_come_back() {
    let state = &mut 11;
    for sparse in [false, true] {
        let mut parts = Parts::random(&[40, 12, 3], sparse, state);
        parts.metadata.front_end = FrontEnd::PerInput;
        parts.per_input = Some((vec![2.0; 40], (0..40).map(|i| i as f32 - 20.0).collect()));
        let parts = parts.with_golden_vectors(5, state);
        let file = parts.file();
        let student = Student::load(&file).unwrap();
        assert_eq!(student.metadata(), parts.metadata);
        for (layer, tensors) in student.layers().zip(&parts.layers) {
            assert_eq!(layer.weights, tensors.weights);
            let channels: Vec<_> = layer.channels().collect();
            assert!(channels.iter().map(|c| c.bias).eq(tensors.biases.iter().copied()));
            assert!(channels.iter().map(|c| c.multiplier).eq(tensors.multipliers.iter().copied()));
        }
        let mut x = [0; 40];
        student.quantize(&[1.25; 40], &mut x).unwrap();
        assert_eq!(x[..4], [-17, -16, -15, -14], "2.5 - 20 rounds up to -17");
        let report = student.selftest(&mut x, &mut vec![0; student.arena_words()]).unwrap();
        assert_eq!((report.vectors, report.values), (5, 5 * 15));
    }
}

#[test]
fn costs_of_the_prefix_equal_costs_of_the_student() {
    let state = &mut 12;
    for (widths, sparse) in [(&[1433, 16, 7][..], true), (&[33, 32, 16, 2], false), (&[5, 300, 4, 9], false)] {
        let file = Parts::random(widths, sparse, state).file();
        let costs = Costs::of(&file).unwrap();
        assert_eq!(costs, Student::load(&file).unwrap().costs());
        assert_eq!(costs.macs, widths.windows(2).map(|w| usize::from(w[0]) * usize::from(w[1])).sum::<usize>());
        assert_eq!(costs.file_bytes, file.len());
    }
    let costs = Costs::of(&Parts::random(&[1433, 16, 7], true, state).file()).unwrap();
    // 16 sums of 4 bytes shared with 7 logits, then 16 hidden integers.
    assert_eq!(costs.arena_bytes(CoreClass::Bytes), 64 + 16);
    assert_eq!(Costs::of(b"EYAS"), None);
    assert_eq!(Costs::of(&[]), None);
}

#[test]
fn wrong_lengths_are_the_only_way_to_fail() {
    let state = &mut 13;
    let parts = Parts::random(&[20, 8, 3], false, state);
    let file = parts.file();
    let student = Student::load(&file).unwrap();
    let words = student.arena_words();
    let mut arena = vec![0; words];
    assert_eq!(student.infer(&[0; 19], &mut arena), Err(InferError::InputLength { expected: 20, found: 19 }));
    let short = InferError::ArenaLength { expected: words as u32, found: words as u32 - 1 };
    assert_eq!(student.infer(&[0; 20], &mut arena[1..]), Err(short));
    assert_eq!(short.code(), 2);
    assert!(student.infer(&[0; 20], &mut arena).is_ok());
    let mut x = [0; 20];
    let mut features = [0.0; 20];
    features[17] = f32::NAN;
    assert_eq!(student.quantize(&features, &mut x), Err(QuantizeError::NotFinite { index: 17 }));
    assert_eq!(student.selftest(&mut x, &mut arena), Err(SelftestError::NoVectors));
}

#[test]
fn selftest_names_the_first_difference() {
    let state = &mut 14;
    let mut parts = Parts::random(&[30, 9, 4], true, state).with_golden_vectors(3, state);
    let mut golden = parts.metadata.golden.to_vec();
    let at = golden.len() - 2; // third vector, layer 1, unit 2
    golden[at] ^= 1;
    parts.metadata.golden = Box::leak(golden.into_boxed_slice());
    let file = parts.file();
    let student = Student::load(&file).unwrap();
    let error = student.selftest(&mut [0; 30], &mut vec![0; student.arena_words()]).unwrap_err();
    let SelftestError::Difference { vector, layer, unit, expected, got } = error else { panic!("{error}") };
    assert_eq!((vector, layer, unit), (2, 1, 2));
    assert_eq!(expected, got ^ 1);
}

#[test]
fn a_decision_reads_the_logits() {
    let state = &mut 15;
    let parts = Parts::random(&[10, 6, 4], false, state);
    let file = parts.file();
    let student = Student::load(&file).unwrap();
    let mut arena = vec![0; student.arena_words()];
    let answer = student.infer(&parts.input(state), &mut arena).unwrap();
    let mut sorted = answer.logits().to_vec();
    sorted.sort_unstable();
    let margin = (i16::from(sorted[3]) - i16::from(sorted[2])) as u8;
    let label = answer.logits().iter().position(|logit| logit == &sorted[3]).unwrap() as u16;
    assert_eq!(answer.decision(), Decision { label, margin });
    assert_eq!(student.metadata().labels().nth(usize::from(label)), Some(format!("label {label}").as_str()));
}

#[test]
fn unaligned_bytes_are_refused_by_name() {
    let mut bytes = vec![0u8; 16];
    bytes.extend_from_slice(&Parts::random(&[4, 2], false, &mut 16).file());
    let mut shifted = eyas::AlignedBytes::from([&[0u8; 3][..], &bytes[16..]].concat().as_slice());
    assert_eq!(Student::load(&shifted[3..]).unwrap_err(), LoadError::Misaligned { remainder: 3 });
    shifted[0] = 1;
    assert_eq!(parts_kind(&bytes[16..]), LayerKind::Dense);
}

fn parts_kind(file: &[u8]) -> LayerKind {
    let file = eyas::AlignedBytes::from(file);
    Student::load(&file).unwrap().layers().next().unwrap().kind
}

#[test]
fn rows_are_normalized_before_the_gain() {
    let mut parts = Parts::random(&[4, 2], true, &mut 17);
    parts.metadata.normalization = Normalization::RowSum;
    let file = parts.file();
    let student = Student::load(&file).unwrap();
    let mut x = [0; 4];
    student.quantize(&[0.0, 3.0, 1.0, 0.0], &mut x).unwrap();
    assert_eq!(x, [-128, 63, -64, -128], "255 * 0.75 and 255 * 0.25 above -128, halves up");
    student.quantize(&[0.0; 4], &mut x).unwrap();
    assert_eq!(x, [-128; 4]);
    for (bad, index) in [(f32::NAN, 2), (f32::INFINITY, 2), (f32::MAX, 3)] {
        let features = [0.0, 1.0, bad, f32::MAX];
        assert_eq!(student.quantize(&features, &mut x), Err(QuantizeError::NotFinite { index }), "{bad}");
    }
}

/// Packing keeps every weight, pads at most fifteen bytes per row, and packing back gives the same bytes.
#[test]
fn packing_is_reversible() {
    let state = &mut 77;
    for sparse in [false, true] {
        for widths in [&[33, 32, 16, 2][..], &[5, 3], &[1, 1], &[130, 9, 6]] {
            let canonical = Parts::random(widths, sparse, state).with_golden_vectors(2, state).file();
            for layout in Layout::ALL {
                let packed = pack(&canonical, layout).unwrap();
                assert_eq!(pack(&packed, layout).unwrap(), packed);
                assert_eq!(pack(&packed, Layout::Canonical).unwrap(), canonical.to_vec());
                let rows: usize = widths.iter().map(|&width| usize::from(width)).sum();
                assert!(packed.len() <= canonical.len() + 15 * rows);
            }
        }
    }
}

/// Changed bytes under a correct seal: if `load` refuses the file, either packing refuses it too or `load` refuses the
/// packed file.
#[test]
fn packing_mends_nothing() {
    let state = &mut 79;
    let (mut accepted, mut refused_early, mut refused_late) = (0, 0, 0);
    for (layout, sparse) in Layout::ALL.into_iter().flat_map(|layout| [(layout, false), (layout, true)]) {
        let mut parts = Parts::random(&[19, 6, 3], sparse, state);
        parts.metadata.front_end = FrontEnd::PerInput;
        parts.per_input = Some((vec![2.0; 19], vec![1.0; 19]));
        let sound = pack(&parts.with_golden_vectors(1, state).file(), layout).unwrap();
        for _ in 0..6000 {
            let mut mutant = sound.clone();
            for _ in 0..support::int(state, 1, 2) {
                let at = support::draw(state) as usize % mutant.len();
                mutant[at] = [support::draw(state) as u8, mutant[at] ^ 1, 0x80][support::draw(state) as usize % 3];
            }
            support::reseal(&mut mutant);
            // A change may be to another layout of the same length.
            let loaded = AlignedBytes::from(mutant.as_slice());
            let loaded = Student::load(&loaded).map(|student| student.layout());
            let loads = loaded.is_ok();
            for to in Layout::ALL {
                let packed = Packing::of(&mutant, to).and_then(|packing| {
                    let mut packed = vec![0x5a; packing.bytes()];
                    packing.write(&mut packed).map(|()| packed)
                });
                let Ok(packed) = packed else {
                    assert!(!loads, "{layout:?} to {to:?}");
                    refused_early += 1;
                    continue;
                };
                assert_eq!(
                    Student::load(&AlignedBytes::from(packed.as_slice())).is_ok(),
                    loads,
                    "{layout:?} to {to:?}"
                );
                if let Ok(layout) = loaded {
                    accepted += 1;
                    assert_eq!(pack(&packed, layout).unwrap(), mutant);
                } else {
                    refused_late += 1;
                }
            }
        }
    }
    println!("{accepted} packed, {refused_early} refused by the packing, {refused_late} by load");
    assert!(accepted > 50_000 && refused_early > 20_000 && refused_late > 20_000);
}

#[test]
fn room_of_another_length_is_refused_and_left_alone() {
    let file = Parts::random(&[9, 6], false, &mut 80).file();
    let packing = Packing::of(&file, Layout::Pairs).unwrap();
    for length in [0, packing.bytes() - 1, packing.bytes() + 1] {
        let mut room = vec![0x5a; length];
        let expected = packing.bytes() as u32;
        assert_eq!(packing.write(&mut room), Err(LoadError::Length { expected, found: length as u32 }));
        assert!(room.iter().all(|&byte| byte == 0x5a));
    }
}

/// Padding that a layout adds at a row's end, and digits that no weight has.
#[test]
fn packed_files_are_proven_too() {
    let state = &mut 78;
    for layout in Layout::ALL {
        let canonical = Parts::random(&[9, 6], false, state).file();
        let packed = pack(&canonical, layout).unwrap();
        let aligned = AlignedBytes::from(packed.as_slice());
        let weights = Student::load(&aligned).unwrap().layers().next().unwrap().weights;
        let start = weights.as_ptr() as usize - aligned.as_ptr() as usize;
        let (mut refused, mut accepted) = (0, 0);
        for at in start..start + weights.len() {
            for value in 0..=255 {
                let mut mutant = packed.clone();
                mutant[at] = value;
                support::reseal(&mut mutant);
                let aligned = AlignedBytes::from(mutant.as_slice());
                match Student::load(&aligned) {
                    // Any file that loads is the only form of some network.
                    Ok(_) => {
                        accepted += 1;
                        assert_eq!(pack(&pack(&mutant, Layout::Canonical).unwrap(), layout).unwrap(), mutant);
                    }
                    Err(LoadError::Weight { .. } | LoadError::Padding { .. }) => refused += 1,
                    Err(error) => panic!("{layout:?}: {error}"),
                }
            }
        }
        assert!(refused >= weights.len() && accepted >= 54 * 200, "{layout:?}: {refused}, {accepted}");
    }
}
