//! Loads a file; if it loads, it must run in every possible way and give the reference's integers.

use super::oracle;
use eyas::model::{CoreClass, Costs, FrontEnd, GoldenVectors, LayerKind, Normalization, Packing, pack};
use eyas::{AlignedBytes, InferError, Layout, LoadError, QuantizeError, SelftestError, Student};

/// Channels whose extreme inputs are tried.
const CHANNELS: usize = 2;

/// Returns whether the bytes load; if so, everything that a caller can do has been done.
///
/// # Panics
/// If any promise of the runtime does not hold.
pub fn load_and_run(file: &AlignedBytes) -> bool {
    let student = match Student::load(file) {
        Ok(student) => student,
        Err(error) => {
            refused(file, error);
            return false;
        }
    };
    accessors(&student, file);
    let inputs = inputs(&student);
    let expected = integers(&student, &inputs);
    run(&student, &inputs, &expected, inputs.len());
    let tested = selftest(&student);
    listed(&student);
    quantize(&student);
    // The same network in every layout, each made from the previous one, and back to the same bytes. The seal
    // determines the order, so over many runs each layout is made from every other one.
    let mut packed = file.clone();
    for layout in round(&student, file) {
        packed = AlignedBytes::from(pack(&packed, layout).expect("a loaded file packs").as_slice());
        let packed = Student::load(&packed).expect("a packed file loads");
        assert_eq!(packed.layout(), layout);
        assert_eq!(packed.metadata(), student.metadata());
        assert_eq!(packed.front_end_tables(), student.front_end_tables());
        // The mixed input and the pair of the first channel; the portable kernels run only the first of them.
        run(&packed, &inputs[3..6], &expected[3..6], 1);
        assert_eq!(selftest(&packed), tested);
    }
    let back = pack(&packed, student.layout());
    assert_eq!(back.as_deref(), Ok(&**file), "back in {:?}", student.layout());
    true
}

/// The other layouts in an order drawn from the file's seal.
fn round(student: &Student<'_>, file: &AlignedBytes) -> Vec<Layout> {
    let mut layouts: Vec<_> = Layout::ALL.into_iter().filter(|&layout| layout != student.layout()).collect();
    let seal = file.last_chunk::<4>().map_or(0, |seal| u32::from_le_bytes(*seal) as usize);
    layouts.rotate_left(seal % 4);
    layouts[1..].rotate_left(seal / 4 % 3);
    layouts[2..].rotate_left(seal / 12 % 2);
    layouts
}

/// A refusal has a number and a message and is the same every time; nothing else may panic on such bytes.
fn refused(file: &AlignedBytes, error: LoadError) {
    assert!(error.code() > 0 && !error.to_string().is_empty());
    assert_eq!(Student::load(file).err(), Some(error));
    let _ = Costs::of(file);
    let _ = Student::file_bytes(file);
    assert!(pack(file, Layout::Lanes).is_err());
    // Packing does not look at the numbers, as at compile time: either it refuses the file, or its result does not
    // load.
    for layout in Layout::ALL {
        let packed = Packing::of(file, layout).and_then(|packing| {
            let mut packed = AlignedBytes::from(vec![0x5a; packing.bytes()].as_slice());
            packing.write(&mut packed).map(|()| packed)
        });
        assert!(packed.is_err() || packed.is_ok_and(|packed| Student::load(&packed).is_err()), "{error} in {layout:?}");
    }
}

fn accessors(student: &Student<'_>, file: &AlignedBytes) {
    let metadata = student.metadata();
    let costs = student.costs();
    assert_eq!(Costs::of(file), Some(costs));
    assert_eq!((costs.inputs, costs.outputs), (metadata.inputs.into(), metadata.outputs().into()));
    assert_eq!(costs.file_bytes, file.len());
    let slot = [&**file, &[0xff; 64]].concat();
    assert_eq!((Student::file_bytes(file), Student::file_bytes(&slot)), (Ok(file.len()), Ok(file.len())));
    for layout in Layout::ALL {
        let packing = Packing::of(file, layout).expect("a loaded file packs");
        let mut expected = costs;
        expected.file_bytes = packing.bytes();
        assert_eq!(packing.costs(), expected);
    }
    assert_eq!(costs.arena_bytes(CoreClass::THIS), 4 * student.arena_words());
    assert!(costs.arena_bytes(CoreClass::Words) >= costs.arena_bytes(CoreClass::Halfwords));
    assert_eq!(metadata.labels().count(), costs.outputs);
    assert!([0, costs.inputs].contains(&metadata.input_names().count()));
    assert_eq!(student.layers().count(), costs.layers);
    assert_eq!(student.layers().map(|layer| layer.macs() as usize).sum::<usize>(), costs.macs);
    for layer in student.layers() {
        let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
        assert_eq!(layer.channels().len(), outputs);
        assert!(layer.channels().all(|channel| channel.multiplier.is_valid()));
        assert!((0..outputs).all(|o| (0..inputs).all(|i| layer.weight(o, i).abs() <= 127)));
        let _ = (layer.weight(outputs, inputs), layer.weight(usize::MAX, usize::MAX));
    }
    let (gains, offsets) = student.front_end_tables();
    let tables = if metadata.front_end == FrontEnd::PerInput { costs.inputs } else { 0 };
    assert_eq!((gains.len(), offsets.len()), (tables, tables));
    let outputs: usize = student.layers().map(|layer| usize::from(layer.outputs)).sum();
    let mut vectors = student.golden_vectors();
    let mut x = vec![0; costs.inputs];
    while let Some(all) = vectors.advance(&mut x) {
        assert_eq!(all.len(), outputs);
        let mut coded = 0;
        GoldenVectors::encode_input(&x, metadata.input_zero_point, |_| coded += 1);
        assert!(coded <= 1 + costs.inputs);
    }
}

/// Inputs at both ends, at the zero point, mixed, and those that drive sums of the first layer to their ends.
fn inputs(student: &Student<'_>) -> Vec<Vec<i8>> {
    let width = usize::from(student.metadata().inputs);
    let zero = student.metadata().input_zero_point;
    let mut all: Vec<Vec<i8>> = [-128, 127, zero].map(|x| vec![x; width]).into();
    all.push((0..width).map(|i| (i as u32).wrapping_mul(0x9E37_79B9).to_le_bytes()[3] as i8).collect());
    let first = student.layers().next().expect("a student has layers");
    for o in (0..usize::from(first.outputs)).cycle().take(CHANNELS) {
        let rising: Vec<i8> = (0..width).map(|i| if first.weight(o, i) > 0 { 127 } else { -128 }).collect();
        all.push(rising.iter().map(|&x| !x).collect());
        all.push(rising);
    }
    all
}

/// Every integer of every layer from the reference, for each input.
fn integers(student: &Student<'_>, inputs: &[Vec<i8>]) -> Vec<Vec<Vec<i8>>> {
    let mut all: Vec<Vec<Vec<i8>>> = vec![Vec::new(); inputs.len()];
    for (index, layer) in student.layers().enumerate() {
        let weights = oracle::Weights::of(&layer);
        for (all, x) in all.iter_mut().zip(inputs) {
            let y = weights.outputs(&layer, if index == 0 { x } else { &all[index - 1] });
            all.push(y);
        }
    }
    all
}

/// Runs the inputs on the kernels of this machine, the first `on_portable` of them on the portable ones as well.
fn run(student: &Student<'_>, inputs: &[Vec<i8>], expected: &[Vec<Vec<i8>>], on_portable: usize) {
    let mut arena = vec![0xdead_beef; student.arena_words()];
    for (index, (x, expected)) in inputs.iter().zip(expected).enumerate() {
        for portable in [false, true].into_iter().take(1 + usize::from(index < on_portable)) {
            let mut layers = 0;
            let observe = |layer: usize, y: eyas::Outputs<'_>| {
                assert!(!y.is_empty() && y.get(y.len()).is_none());
                assert!(y.iter().eq(expected[layer].iter().copied()), "layer {layer}");
                layers += 1;
            };
            let answer = if portable {
                student.infer_portable(x, &mut arena, observe)
            } else {
                student.infer_observed(x, &mut arena, observe)
            };
            let answer = answer.expect("right lengths");
            assert_eq!(Some(answer.logits()), expected.last().map(Vec::as_slice));
            let decision = answer.decision();
            let winner = answer.quantity(decision.label.into()).expect("a label is an output");
            assert_eq!(Some(&winner.value), answer.logits().iter().max());
            let _ = winner.real();
            assert!(answer.quantity(answer.logits().len()).is_none());
            assert_eq!(layers, expected.len());
        }
    }
    let x = &inputs[0];
    let again = student.infer(x, &mut arena).expect("right lengths").logits();
    assert_eq!(Some(again), expected[0].last().map(Vec::as_slice));
    let words = arena.len();
    assert!(matches!(student.infer(&x[1..], &mut arena), Err(InferError::InputLength { .. })));
    assert!(matches!(student.infer(x, &mut arena[..words - 1]), Err(InferError::ArenaLength { .. })));
    assert!(matches!(student.infer(x, &mut []), Err(InferError::ArenaLength { .. })));
}

/// The result of the self-test, which must match a replay of every vector on the portable kernels.
fn selftest(student: &Student<'_>) -> Result<eyas::SelftestReport, SelftestError> {
    let mut input = vec![0; usize::from(student.metadata().inputs)];
    let mut arena = vec![0xdead_beef; student.arena_words()];
    let said = student.selftest(&mut input, &mut arena);
    let vectors = student.golden_vectors().count();
    match said {
        Ok(report) => assert_eq!(usize::from(report.vectors), vectors.min(u16::MAX.into())),
        Err(SelftestError::NoVectors) => assert_eq!(vectors, 0),
        Err(SelftestError::Difference { expected, got, .. }) => assert_ne!(expected, got),
        Err(error) => panic!("{error}"),
    }
    said
}

fn listed(student: &Student<'_>) {
    let mut arena = vec![0xdead_beef; student.arena_words()];
    let width = student.metadata().inputs;
    let sparse = student.layers().next().is_some_and(|layer| layer.kind == LayerKind::SparseInput);
    if !sparse {
        assert_eq!(student.infer_present(&[], 0, &mut arena), Err(InferError::NotSparse));
        return;
    }
    let zero = student.metadata().input_zero_point;
    for (step, value) in [(1, 127), (2, -128), (3, zero)] {
        let present: Vec<u16> = (0..width).step_by(step).collect();
        let mut x = vec![zero; width.into()];
        present.iter().for_each(|&input| x[usize::from(input)] = value);
        let expected = integers(student, &[x])[0].pop();
        let answer = student.infer_present(&present, value, &mut arena).expect("a sound list");
        assert_eq!(Some(answer.logits()), expected.as_deref());
    }
    for (list, position) in [(&[width][..], 0), (&[0, 0], 1), (&[u16::MAX], 0)] {
        assert_eq!(student.infer_present(list, 1, &mut arena), Err(InferError::Present { position }));
    }
}

fn quantize(student: &Student<'_>) {
    let width = usize::from(student.metadata().inputs);
    let mut x = vec![0; width];
    let integers = student.metadata().front_end == FrontEnd::Integers;
    for feature in [0.0, 1.0, -1.5, f32::MAX, f32::MIN, f32::MIN_POSITIVE, -0.0, f32::from_bits(1)] {
        match student.quantize(&vec![feature; width], &mut x) {
            Ok(()) => assert!(!integers),
            Err(QuantizeError::NoFrontEnd) => assert!(integers),
            // The sum of a row's magnitudes may overflow, or be too small to have a reciprocal.
            Err(QuantizeError::NotFinite { .. }) => {
                assert_eq!(student.metadata().normalization, Normalization::RowSum);
                assert!(feature.abs() > 1.0e30 || feature.abs() < 3.0e-39, "{feature}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    for feature in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut features = vec![0.0; width];
        features[width - 1] = feature;
        let refused = student.quantize(&features, &mut x);
        let index = width as u32 - 1;
        assert_eq!(refused, Err(if integers { QuantizeError::NoFrontEnd } else { QuantizeError::NotFinite { index } }));
    }
    assert!(student.quantize(&[], &mut x).is_err() && student.quantize(&vec![0.0; width], &mut []).is_err());
}
