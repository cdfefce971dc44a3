//! The plan: the table, the teacher and the parts. It is made once, from the input alone, and never changes.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::LabelError;
use super::commit::{create_once, read_json};
use crate::output::hexadecimal;

/// Name of the plan in the folder.
pub const PLAN: &str = "plan.json";

/// Version of plan, commit files and data files. A new one is another key.
const FORMAT: u32 = 1;

/// The settings that, with the rows themselves, determine every byte of the output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Identity of the teacher, hexadecimal.
    pub teacher: String,
    /// Columns the teacher sees, in the order of its inputs.
    pub columns: Vec<String>,
    /// Logits per row.
    pub outputs: usize,
    /// One column per logit instead of one list.
    pub wide: bool,
}

/// A file of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFile {
    /// Its name, without the folder: a table may be mounted elsewhere on another machine.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 over its size and the first and last 64 KiB, hexadecimal.
    pub fingerprint: String,
}

/// A part of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// File, counted from 0.
    pub file: usize,
    /// Number of its first row, counted from 0 over the whole table.
    pub first_row: u64,
    /// Rows.
    pub rows: u64,
    /// Its place in the file.
    pub place: Place,
}

/// The place of a part in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Row groups of a Parquet file.
    RowGroups {
        /// First row group.
        first: usize,
        /// Row groups.
        count: usize,
    },
    /// Rows of an array.
    Rows {
        /// First row.
        first: u64,
    },
    /// Lines of a text, after inflation.
    Text {
        /// Byte of the first cell.
        byte: u64,
        /// Its line.
        line: u64,
    },
}

/// The whole plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    format: u32,
    /// SHA-256 over all that follows, hexadecimal; it reveals another job in the folder.
    pub key: String,
    /// The settings that determine the output.
    pub settings: Settings,
    /// Files of the table.
    pub files: Vec<TableFile>,
    /// Target number of rows per part.
    pub rows_per_part: u64,
    /// The parts, in the order of the table.
    pub parts: Vec<Part>,
}

impl Plan {
    pub(super) fn new(settings: Settings, files: Vec<TableFile>, rows_per_part: u64, parts: Vec<Part>) -> Self {
        let mut plan = Self { format: FORMAT, key: String::new(), settings, files, rows_per_part, parts };
        plan.key = plan.hash();
        plan
    }

    /// Rows of the table.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Eight characters of the key, for names of files.
    pub(super) fn short_key(&self) -> &str {
        self.key.get(..8).unwrap_or_default()
    }

    fn hash(&self) -> String {
        let keyed = (self.format, &self.settings, &self.files, self.rows_per_part, &self.parts);
        // Serialising fails only for maps with non-string keys, and a plan has none.
        hexadecimal(&Sha256::digest(serde_json::to_vec(&keyed).unwrap_or_default()))
    }

    /// Reads the plan of a folder; `None` if there is none.
    ///
    /// # Errors
    /// [`LabelError::Damaged`] for an invalid plan, or one whose content does not match its key.
    pub fn load(folder: &Path) -> Result<Option<Self>, LabelError> {
        let path = folder.join(PLAN);
        let Some(plan) = read_json::<Self>(&path)? else { return Ok(None) };
        let in_order = plan.parts.iter().try_fold(0u64, |row, part| {
            (part.first_row == row && part.file < plan.files.len()).then(|| row.checked_add(part.rows)).flatten()
        });
        if plan.format == FORMAT && plan.key == plan.hash() && in_order.is_some() {
            return Ok(Some(plan));
        }
        let reason = "expected a plan as this version writes it, found another; label into a new folder".to_owned();
        Err(LabelError::Damaged { path, reason })
    }

    /// Publishes the plan, or reads the one that another worker published first.
    pub(super) fn publish(self, folder: &Path) -> Result<Self, LabelError> {
        let text = serde_json::to_vec_pretty(&self).unwrap_or_default();
        if create_once(folder, PLAN, &text)? {
            return Ok(self);
        }
        Self::load(folder)?.ok_or_else(|| LabelError::NoPlan { folder: folder.to_path_buf() })
    }

    /// Refuses a plan for another job.
    pub(super) fn check(
        &self,
        folder: &Path,
        settings: &Settings,
        files: &[TableFile],
        rows_per_part: Option<u64>,
    ) -> Result<(), LabelError> {
        let difference = if self.settings.teacher != settings.teacher {
            "the teacher"
        } else if self.settings.columns != settings.columns {
            "the columns"
        } else if self.settings != *settings {
            "the form of the output (--wide)"
        } else if self.files != *files {
            "the table"
        } else if rows_per_part.is_some_and(|rows| rows != self.rows_per_part) {
            "--rows-per-part"
        } else {
            return Ok(());
        };
        Err(LabelError::OtherWork { folder: folder.to_path_buf(), difference })
    }
}
