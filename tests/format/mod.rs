//! The committed student files of format version 1, one for each feature of the format.
//!
//! Later readers must keep reading them; `cargo xtask golden` checks that the current writer still makes the same
//! bytes, and `cargo xtask golden --overwrite` is the only way to change them.

pub mod hostile;

use crate::Draft;
use eyas::AlignedBytes;
use eyas::model::{FrontEnd, LayerKind, LayerMeta, Normalization, Task};
use std::path::{Path, PathBuf};

/// One committed file.
#[derive(Clone, Debug)]
pub struct FormatFile {
    /// File name in [`folder`].
    pub name: &'static str,
    /// The draft it is made from.
    pub draft: Draft,
}

impl FormatFile {
    /// The content that the file must have.
    #[must_use]
    pub fn bytes(&self) -> AlignedBytes {
        self.draft.file()
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        folder().join(self.name)
    }
}

/// The folder of the committed files.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("format/v1")
}

/// All committed files; the number in each draft is its seed.
#[must_use]
pub fn files() -> Vec<FormatFile> {
    let file = |name, draft| FormatFile { name, draft };
    vec![
        file("dense.eyas", Draft::classifier(1, &[6, 5, 3])),
        file("sparse_input.eyas", Draft::bag_of_words(2, &[40, 8, 4], 5)),
        file("per_input.eyas", Draft { front_end: FrontEnd::PerInput, ..Draft::classifier(3, &[7, 6, 3]) }),
        file("regression.eyas", regression()),
        file("stripped.eyas", Draft { golden: 0, ..Draft::classifier(5, &[6, 5, 3]) }),
        file("deepest.eyas", Draft::classifier(6, &[9, 8, 7, 6, 5, 4, 3, 4, 3])),
        file("extremes.eyas", extremes()),
        file("row_sum.eyas", row_sum()),
    ]
}

/// One real quantity, named inputs with units, one gain for all inputs.
fn regression() -> Draft {
    Draft {
        task: Task::Regress,
        front_end: FrontEnd::Uniform { gain: 25.5, offset: -3.0 },
        labels: "temperature".into(),
        names: "voltage\ncurrent\nspeed".into(),
        units: "V\nA\nm/s".into(),
        ..Draft::classifier(4, &[3, 4, 1])
    }
}

/// Features divided by the sum of their row, then turned into integers by one gain.
fn row_sum() -> Draft {
    Draft {
        normalization: Normalization::RowSum,
        front_end: FrontEnd::Uniform { gain: 255.0, offset: -128.0 },
        ..Draft::classifier(8, &[12, 6, 3])
    }
}

/// Exponents at both limits of their range and between, clamps on both sides, odd zero points.
fn extremes() -> Draft {
    let layer = |outputs, zero_point, lo, hi| LayerMeta { kind: LayerKind::Dense, outputs, zero_point, lo, hi };
    Draft {
        input_zero_point: 127,
        layers: vec![layer(17, -100, -100, 60), layer(16, 127, -128, 127), layer(9, -128, -128, -128 + 90)],
        exponents: vec![-31, -12, -1, 0, -10, 30, -2, -11],
        golden: 3,
        ..Draft::classifier(7, &[16, 17, 16, 9])
    }
}
