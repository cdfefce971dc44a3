//! Any byte string is safe to load; the named cases are the classes of real loader flaws.

mod support;

use eyas::model::{FrontEnd, LayerKind, PREFIX_BYTES, Task};
use eyas::{AlignedBytes, LoadError, Student};
use support::{Parts, draw, int, reseal};

fn load(file: &[u8]) -> Result<(), LoadError> {
    let file = AlignedBytes::from(file);
    let student = Student::load(&file)?;
    // Any file that loads must run, on any input.
    let mut arena = vec![0; student.arena_words()];
    let mut x = vec![0; usize::from(student.metadata().inputs)];
    for fill in [-128, 0, 127] {
        x.fill(fill);
        let _ = student.infer(&x, &mut arena).unwrap().decision();
    }
    let _ = student.selftest(&mut x, &mut arena);
    let _ = student.quantize(&vec![1.0e30; x.len()], &mut x);
    Ok(())
}

fn sample() -> Vec<u8> {
    Parts::random(&[24, 10, 4], true, &mut 21).with_golden_vectors(2, &mut 22).file().to_vec()
}

#[test]
fn every_truncation_and_every_extension_is_refused() {
    let file = sample();
    for length in 0..file.len() {
        assert!(load(&file[..length]).is_err(), "a prefix of {length} bytes was accepted");
    }
    let mut longer = file.clone();
    for _ in 0..64 {
        longer.push(0);
        assert!(load(&longer).is_err());
    }
}

#[test]
fn every_flip_of_one_or_two_bits_is_refused() {
    let file = sample();
    for bit in 0..file.len() * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(load(&flipped).is_err(), "a flip of bit {bit} was accepted");
    }
    let state = &mut 23;
    for _ in 0..100_000 {
        let mut flipped = file.clone();
        let (a, b) = (draw(state) as usize % (file.len() * 8), draw(state) as usize % (file.len() * 8));
        if a != b {
            flipped[a / 8] ^= 1 << (a % 8);
            flipped[b / 8] ^= 1 << (b % 8);
            assert!(load(&flipped).is_err());
        }
    }
}

#[test]
fn resealed_mutations_never_panic() {
    let file = sample();
    let state = &mut 24;
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..200_000 {
        let mut mutant = file.clone();
        for _ in 0..int(state, 1, 4) {
            let at = draw(state) as usize % mutant.len();
            mutant[at] = match int(state, 0, 3) {
                0 => draw(state) as u8,
                1 => mutant[at] ^ (1 << int(state, 0, 7)),
                2 => 0xff,
                _ => 0,
            };
        }
        reseal(&mut mutant);
        match load(&mutant) {
            Ok(()) => accepted += 1,
            Err(_) => refused += 1,
        }
    }
    println!("re-sealed mutants: {accepted} accepted and run, {refused} refused, 0 panics");
    assert!(accepted > 0 && refused > 0);
}

/// Builds a file from changed parts; the seal is always correct, so a later check must refuse it.
fn refused(change: impl FnOnce(&mut Parts)) -> LoadError {
    let mut parts = Parts::random(&[24, 10, 4], false, &mut 25);
    change(&mut parts);
    load(&parts.file()).unwrap_err()
}

#[test]
fn hostile_shapes() {
    // CVE-2021-37688, CVE-2021-37680: a dense layer with no units.
    assert!(matches!(refused(|p| p.metadata.layers[0].outputs = 0), LoadError::Width { layer: 0, .. }));
    assert!(matches!(refused(|p| p.metadata.inputs = 0), LoadError::Width { layer: 0, .. }));
    // CVE-2021-29601, CVE-2022-23558: a product of sizes that overflows or exceeds the file.
    assert!(matches!(refused(|p| p.metadata.layers[1].outputs = u16::MAX), LoadError::Width { layer: 1, .. }));
    assert!(matches!(
        refused(|p| {
            p.metadata.inputs = 32_767;
            p.metadata.layers[0].outputs = 32_767;
        }),
        LoadError::TensorLength { .. }
    ));
    // CVE-2020-15211, CVE-2021-29603: a layer that reads more than the previous one wrote.
    assert!(matches!(refused(|p| p.metadata.layers[0].outputs = 11), LoadError::TensorLength { .. }));
    assert!(matches!(refused(|p| p.metadata.layers.clear()), LoadError::LayerCount { found: 0, .. }));
    assert!(matches!(
        refused(|p| p.metadata.layers[1].kind = LayerKind::SparseInput),
        LoadError::SparseBehindFirst { layer: 1 }
    ));
}

#[test]
fn hostile_numbers() {
    // CVE-2021-37682: quantization parameters that are absent or senseless.
    assert!(matches!(
        refused(|p| p.layers[1].multipliers[2].mantissa = 0),
        LoadError::Multiplier { layer: 1, unit: 2 }
    ));
    assert!(matches!(
        refused(|p| p.layers[0].multipliers[9].exponent = 31),
        LoadError::Multiplier { layer: 0, unit: 9 }
    ));
    assert!(matches!(
        refused(|p| p.layers[0].multipliers[0].exponent = -32),
        LoadError::Multiplier { layer: 0, unit: 0 }
    ));
    assert!(matches!(refused(|p| p.layers[0].weights[25] = -128), LoadError::Weight { layer: 0, unit: 1 }));
    assert!(matches!(refused(|p| p.layers[0].biases[3] = i32::MAX), LoadError::Accumulator { layer: 0, unit: 3 }));
    assert!(matches!(refused(|p| p.layers[0].biases[3] = i32::MIN), LoadError::Accumulator { layer: 0, unit: 3 }));
    assert!(matches!(refused(|p| p.metadata.layers[0].lo = 127), LoadError::Clamp { layer: 0 }));
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(matches!(refused(|p| p.metadata.output.scale = scale), LoadError::NotFinite));
    }
    let gain = FrontEnd::Uniform { gain: f32::NAN, offset: 0.0 };
    assert!(matches!(refused(|p| p.metadata.front_end = gain), LoadError::NotFinite));
    assert!(matches!(
        refused(|p| {
            p.metadata.front_end = FrontEnd::PerInput;
            p.per_input = Some((vec![1.0; 24], vec![f32::INFINITY; 24]));
        }),
        LoadError::NotFinite
    ));
}

#[test]
fn hostile_metadata() {
    assert!(matches!(refused(|p| p.metadata.output.labels = "a\nb\nc"), LoadError::Labels { expected: 4, found: 3 }));
    assert!(matches!(refused(|p| p.metadata.schema.names = "a\nb"), LoadError::InputNames { expected: 24, found: 2 }));
    assert!(matches!(refused(|p| p.metadata.output.abstain = &[1]), LoadError::Reserved));
    assert!(matches!(refused(|p| p.metadata.golden = &[2]), LoadError::Golden));
    assert!(matches!(refused(|p| p.metadata.golden = &[1, 255, 255]), LoadError::Golden));
    assert!(matches!(
        refused(|p| {
            p.metadata.layers.truncate(1);
            p.metadata.layers[0].outputs = 1;
            p.layers.truncate(1);
            p.metadata.task = Task::Classify;
        }),
        LoadError::Outputs { found: 1 }
    ));
}

#[test]
fn the_metadata_has_one_encoding_only() {
    let mut parts = Parts::random(&[24, 10, 4], true, &mut 21);
    parts.metadata.provenance.teacher = "a teacher";
    let file = parts.file().to_vec();
    // `inputs` = 24 as a two-byte varint: the same number, one byte more.
    let mut longer = file.clone();
    assert_eq!(longer[PREFIX_BYTES + 1], 24);
    longer[PREFIX_BYTES + 1] = 24 | 0x80;
    longer.insert(PREFIX_BYTES + 2, 0);
    // Keep the tensors where they were: take the byte from the padding before them.
    let metadata_bytes = u32::from_le_bytes(file[12..16].try_into().unwrap()) as usize;
    let padding = (16 - (PREFIX_BYTES + metadata_bytes) % 16) % 16;
    assert!(padding > 0, "choose a sample with padding");
    longer.remove(PREFIX_BYTES + metadata_bytes + 1);
    longer[12..16].copy_from_slice(&(metadata_bytes as u32 + 1).to_le_bytes());
    reseal(&mut longer);
    assert_eq!(load(&longer), Err(LoadError::NotCanonical));
}

#[test]
fn prefix_fields_are_all_checked() {
    let file = sample();
    let mut errors = Vec::new();
    for at in 0..PREFIX_BYTES {
        for value in [0, 1, 0x7f, 0x80, 0xff, file[at].wrapping_add(1)] {
            if value != file[at] {
                let mut changed = file.clone();
                changed[at] = value;
                reseal(&mut changed);
                errors.push(load(&changed).expect_err("a changed prefix was accepted").code());
            }
        }
    }
    for code in [3, 4, 5, 7, 8, 9] {
        assert!(errors.contains(&code), "error {code} was never seen");
    }
}
