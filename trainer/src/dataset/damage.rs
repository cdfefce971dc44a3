//! Damaged archives are refused, or they still yield exactly the same arrays. Tests real archives with damage of every
//! kind, and archives that other zip readers accept silently.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::{DataError, FaultKind};
use super::npz::{Npz, read_arrays};

/// Shape and bits of every array; two readers of the same bytes must agree.
type Decoded = BTreeMap<String, (Vec<usize>, Vec<u32>)>;

fn decode(path: &Path) -> Result<Decoded, DataError> {
    let arrays = read_arrays(path)?;
    let mut streamed = Npz::open_directory(path)?;
    for (name, (shape, values)) in &arrays {
        if streamed.shape(name).is_ok() {
            let mut read = Vec::new();
            let count = shape.iter().product::<usize>() as u64;
            streamed.stream(name, 0, count, |value| {
                read.push(value.to_bits());
                Ok::<(), DataError>(())
            })?;
            assert!(read.iter().copied().eq(values.iter().map(|value| value.to_bits())), "{name}");
        }
    }
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
    Ok(arrays.into_iter().map(|(name, (shape, values))| (name, (shape, bits(values)))).collect())
}

struct Damaged {
    folder: tempfile::TempDir,
    whole: Vec<u8>,
    decoded: Decoded,
    refused: usize,
    equal: usize,
}

impl Damaged {
    fn new(whole: Vec<u8>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whole.npz");
        std::fs::write(&path, &whole).unwrap();
        let decoded = decode(&path).unwrap();
        assert!(!decoded.is_empty());
        Self { folder, whole, decoded, refused: 0, equal: 0 }
    }

    /// Reads the damaged bytes, which must be refused with a message or equal to the bit.
    fn attack(&mut self, bytes: &[u8], what: &str) {
        let path = self.folder.path().join("damaged.npz");
        std::fs::write(&path, bytes).unwrap();
        match decode(&path) {
            Ok(decoded) => {
                assert!(decoded == self.decoded, "{what}: other arrays were read");
                self.equal += 1;
            }
            Err(error) => {
                assert!(!error.fault().remedy.is_empty(), "{what}: {error}");
                self.refused += 1;
            }
        }
    }

    fn refuse(&mut self, bytes: &[u8], what: &str) {
        let before = self.equal;
        self.attack(bytes, what);
        assert_eq!(self.equal, before, "{what}: taken");
    }

    fn flip(&mut self, bit: usize) {
        let mut bytes = self.whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        self.attack(&bytes, &format!("bit {bit}"));
    }

    /// Truncation, excess bytes, swaps and gaps, each of which must be refused.
    fn structure(&mut self) {
        let whole = self.whole.clone();
        let (length, headers) = (whole.len(), positions(&whole, b"PK\x03\x04"));
        for cut in [0, 1, 21, 22, 100, length / 3, length / 2, length - 23, length - 22, length - 2, length - 1] {
            self.refuse(&whole[..cut.min(length - 1)], &format!("cut to {cut}"));
        }
        for excess in [&b"\0"[..], b"excess", &whole[..30], &whole[..], &[0; 70_000]] {
            self.refuse(&[&whole[..], excess].concat(), "bytes after the end");
            self.refuse(&[excess, &whole[..]].concat(), "bytes at the start");
        }
        for at in headers.iter().chain(&positions(&whole, b"PK\x01\x02")).chain(&positions(&whole, b"PK\x05\x06")) {
            self.refuse(&[&whole[..*at], b"excess", &whole[*at..]].concat(), "bytes in between");
            self.refuse(&[&whole[..*at], &whole[at + 1..]].concat(), "a byte is missing");
        }
        if let [first, second, rest @ ..] = &headers[..] {
            let third = rest.first().copied().unwrap_or_else(|| positions(&whole, b"PK\x01\x02")[0]);
            let swapped = [&whole[..*first], &whole[*second..third], &whole[*first..*second], &whole[third..]].concat();
            self.refuse(&swapped, "members swapped under their directory");
            self.refuse(&[&whole[..*first], &whole[*second..]].concat(), "a member is missing");
        }
    }
}

fn positions(bytes: &[u8], signature: &[u8]) -> Vec<usize> {
    bytes.windows(signature.len()).enumerate().filter(|(_, window)| *window == signature).map(|(at, _)| at).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn real_archives_damaged_anywhere_are_refused_or_read_the_same() {
    let (mut refused, mut equal) = (0, 0);
    for name in [
        "models/cora/data/cora.npz",
        "models/cora/vectors.npz",
        "models/har-watch/data/har-watch.npz",
        "models/beijing-air/vectors.npz",
        "models/spoken-digit/vectors.npz",
        "trainer/tests/models/uint8.npz",
        "trainer/tests/onnx/cnn.npz",
        "trainer/tests/onnx/mlp.npz",
    ] {
        let mut archive = Damaged::new(std::fs::read(root().join(name)).unwrap());
        archive.structure();
        // Bits over the whole file, and again over its last kilobyte, where the directory is.
        let bits = 8 * archive.whole.len();
        let tail = bits.saturating_sub(8 << 10);
        let over = |from: usize, count: usize| (0..count).map(move |at| from + (bits - from) * at / count + at % 8);
        over(0, 40).chain(over(tail, 40)).filter(|bit| *bit < bits).for_each(|bit| archive.flip(bit));
        println!("{name}: {} refused, {} equal", archive.refused, archive.equal);
        refused += archive.refused;
        equal += archive.equal;
    }
    println!("{} damaged archives, {refused} refused, {equal} with the same arrays", refused + equal);
    assert!(refused + equal > 700 && refused > 5 * equal, "{refused} refused, {equal} equal");
}

/// Every bit of an archive as NumPy writes it, of a compressed one, and of one with sizes after the data.
#[test]
fn every_bit_of_small_archives() {
    let values: Vec<u8> = (0..40u32).flat_map(|value| ((value / 7) as f32).to_le_bytes()).collect();
    let array = npy("(40,)", &values);
    for (name, whole) in [
        ("NumPy's", std::fs::read(root().join("trainer/tests/onnx/gcn_dense.npz")).unwrap()),
        ("deflated", build(&[Part::deflated("x.npy", &array), Part::stored("y.npy", &array)])),
        ("with descriptors", build(&[Part { descriptor: true, ..Part::deflated("x.npy", &array) }])),
    ] {
        let mut archive = Damaged::new(whole);
        (0..8 * archive.whole.len()).for_each(|bit| archive.flip(bit));
        println!(
            "{name}: {} bits flipped, {} refused, {} equal",
            8 * archive.whole.len(),
            archive.refused,
            archive.equal
        );
        // Versions and attributes of the directory may differ, and bits that pad compressed data.
        assert!(archive.refused > 2 * archive.equal, "{name}: {} equal", archive.equal);
    }
}

#[test]
fn what_lenient_readers_take_is_refused() {
    let (one, two) = (npy("(1,)", &1f32.to_le_bytes()), npy("(1,)", &2f32.to_le_bytes()));
    let long = npy("(1,)", &[0; 8]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crafted.npz");
    let read = |parts: &[Part]| {
        std::fs::write(&path, build(parts)).unwrap();
        read_arrays(&path).map(|arrays| arrays["x"].1.clone())
    };
    let (x, deflated) = (|| Part::stored("x.npy", &one), || Part::deflated("x.npy", &one));
    assert_eq!(read(&[x(), Part::stored("y.npy", &two)]).unwrap(), [1.0]);
    assert_eq!(read(&[deflated()]).unwrap(), [1.0]);
    assert_eq!(read(&[Part { descriptor: true, ..x() }]).unwrap(), [1.0]);
    for (what, kind, parts) in [
        ("two arrays of one name", FaultKind::Duplicate, vec![x(), Part::stored("x.npy", &two)]),
        ("the same array twice", FaultKind::Duplicate, vec![x(), x()]),
        ("another name in the header", FaultKind::Damaged, vec![Part { local_name: Some("z.npy"), ..x() }]),
        ("a wrong checksum", FaultKind::Damaged, vec![Part { crc: Some(7), ..x() }]),
        (
            "a wrong checksum, unread",
            FaultKind::Damaged,
            vec![x(), Part { crc: Some(7), ..Part::stored("note", b"a") }],
        ),
        ("bytes after the array", FaultKind::Damaged, vec![Part::stored("x.npy", &long)]),
        ("bytes after the array, packed", FaultKind::Damaged, vec![Part::deflated("x.npy", &long)]),
        ("bytes after packed data", FaultKind::Damaged, vec![Part { behind: b"excess", ..deflated() }]),
        ("more than is declared", FaultKind::Damaged, vec![Part { held: Some(one.len() - 1), ..deflated() }]),
        ("less than is declared", FaultKind::Damaged, vec![Part { held: Some(one.len() + 1), ..deflated() }]),
        ("an encrypted member", FaultKind::Damaged, vec![Part { flags: 1, ..x() }]),
        ("another compression", FaultKind::Damaged, vec![Part { method: 12, ..x() }]),
    ] {
        let error = read(&parts).expect_err(what);
        assert_eq!(error.kind(), kind, "{what}: {error}");
    }
}

/// A `.npy` array of little-endian `f32`.
fn npy(shape: &str, data: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    while (11 + header.len()) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// A member of an archive whose fields can be falsified.
struct Part<'a> {
    name: &'a str,
    local_name: Option<&'a str>,
    bytes: &'a [u8],
    packed: Vec<u8>,
    behind: &'a [u8],
    method: u16,
    flags: u16,
    descriptor: bool,
    crc: Option<u32>,
    held: Option<usize>,
}

impl<'a> Part<'a> {
    fn stored(name: &'a str, bytes: &'a [u8]) -> Self {
        let packed = bytes.to_vec();
        Self {
            name,
            local_name: None,
            bytes,
            packed,
            behind: b"",
            method: 0,
            flags: 0,
            descriptor: false,
            crc: None,
            held: None,
        }
    }

    fn deflated(name: &'a str, bytes: &'a [u8]) -> Self {
        use std::io::Write;
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        Self { packed: encoder.finish().unwrap(), method: 8, ..Self::stored(name, bytes) }
    }
}

fn build(parts: &[Part]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for part in parts {
        let mut crc = flate2::Crc::new();
        crc.update(part.bytes);
        let data = [&part.packed[..], part.behind].concat();
        let sizes = [part.crc.unwrap_or(crc.sum()), data.len() as u32, part.held.unwrap_or(part.bytes.len()) as u32];
        let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_le_bytes()).collect();
        let flags = part.flags | if part.descriptor { 8 } else { 0 };
        let common = [&[20, 0][..], &flags.to_le_bytes(), &part.method.to_le_bytes(), &[0, 0, 0x21, 0]].concat();
        let at = file.len() as u32;
        let local_name = part.local_name.unwrap_or(part.name);
        let local_sizes = if part.descriptor { vec![0; 12] } else { sizes.clone() };
        let name_length = (part.name.len() as u16).to_le_bytes();
        file.extend([b"PK\x03\x04", &common[..], &local_sizes, &name_length, &[0, 0], local_name.as_bytes()].concat());
        file.extend(data);
        if part.descriptor {
            file.extend([b"PK\x07\x08", &sizes[..]].concat());
        }
        let record = [b"PK\x01\x02", &[20, 0][..], &common, &sizes, &name_length, &[0; 12], &at.to_le_bytes()].concat();
        directory.extend([&record[..], part.name.as_bytes()].concat());
    }
    let (start, size, count) = (file.len() as u32, directory.len() as u32, (parts.len() as u16).to_le_bytes());
    let end = [b"PK\x05\x06", &[0; 4][..], &count, &count, &size.to_le_bytes(), &start.to_le_bytes(), &[0, 0]].concat();
    [file, directory, end].concat()
}
