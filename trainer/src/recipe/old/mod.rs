//! The two recipes that today's engines read: one for graphs, one for tables.
//!
//! A key that does nothing does not exist, a key that is unknown is refused with the nearest one, and a combination without
//! meaning is refused with the reason.

mod check;
mod prepare;
mod sections;
mod series;
mod tabular;
mod tabular_check;
mod tabular_teacher;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::base::folders;
use super::{RecipeError, base, error, position};
pub use prepare::{PrepareError, Prepared};
pub use sections::{
    DataSection, InputKind, LinkKind, LinkSection, QuantizeMethod, QuantizeSection, RangeKind, ReportSection,
    SplitKind, StudentSection, TargetSection, TeacherKind, TeacherSection,
};

pub use series::SeriesSection;
pub use tabular::{
    BATCH_ROWS, CotrainSection, MaskKind, MasksSection, RouteKind, RouteSection, Softening, TabularData, TabularRecipe,
    TabularSplit, TabularStudent, TabularTarget, TabularTask,
};
pub use tabular_teacher::{Seen, TabularTeacher, TabularTeacherKind, TeacherInput};

use crate::bounded;
use crate::dataset::locate::Search;
use position::Positions;

/// A whole run, checked and with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Folders that the paths of the recipe start from, relative to its own, in the order they are searched. The copy in
    /// a run folder has them; the hash of a recipe does not cover them. Default: its own folder.
    #[serde(default, skip_serializing)]
    pub base: Vec<String>,
    /// Which graph and which split.
    pub data: DataSection,
    /// Teachers, at least one.
    pub teacher: Vec<TeacherSection>,
    /// The network that ships.
    #[serde(default)]
    pub student: StudentSection,
    /// What the student is taught.
    #[serde(default)]
    pub target: TargetSection,
    /// Losses over pairs of nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<LinkSection>,
    /// The way to int8.
    #[serde(default)]
    pub quantize: QuantizeSection,
    /// What is measured.
    #[serde(default)]
    pub report: ReportSection,
}

impl Recipe {
    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// [`RecipeError`] with file, line, column and key.
    pub fn load(path: &Path) -> Result<Self, RecipeError> {
        let text = bounded::text(path, bounded::Kind::Recipe).map_err(|error| RecipeError::read(path, &error))?;
        Self::parse(&text, path)
    }

    /// Checks the text of a recipe; `file` is its name for messages.
    ///
    /// # Errors
    /// As [`Recipe::load`].
    pub fn parse(text: &str, file: &Path) -> Result<Self, RecipeError> {
        let positions = Positions::of(text);
        check::Checker { positions: &positions, file }.integers()?;
        let mut recipe: Self = toml::from_str(text).map_err(|error| check::from_toml(&error, &positions, file))?;
        check::check(&recipe, &positions, file)?;
        recipe.fill();
        Ok(recipe)
    }

    /// The recipe as TOML with every default written out; it loads back to the same recipe.
    pub fn resolved(&self) -> String {
        // Serialising fails for maps with other keys than strings, and a recipe has none.
        toml::to_string(self).unwrap_or_default()
    }

    /// SHA-256 of the resolved text, so that comments, order and written-out defaults do not matter.
    pub fn recipe_hash(&self) -> [u8; 32] {
        Sha256::digest(self.resolved().as_bytes()).into()
    }

    /// Where the data of a recipe read from `path` is looked for.
    pub fn search(&self, path: &Path, data_dir: Option<PathBuf>) -> Search {
        Search::from_environment(data_dir, folders(path, &self.base))
    }

    /// The same recipe as it lies in the run folder `copy`, from where its paths lead to what `search` finds.
    #[must_use]
    pub fn copied(&self, copy: &Path, search: &Search) -> Self {
        let paths: Vec<&str> =
            [Some(&self.data.source), self.data.edges.as_ref()].into_iter().flatten().map(String::as_str).collect();
        Self { base: base::of_copy(copy, &paths, search), ..self.clone() }
    }

    /// The text of the recipe in a run folder: [`Recipe::resolved`] and where its paths start.
    pub fn text(&self) -> String {
        base::with_base(&self.base, &self.resolved())
    }

    /// Writes the defaults of keys that belong to one choice only.
    fn fill(&mut self) {
        if self.data.split == SplitKind::Random {
            self.data.train_per_class.get_or_insert(20);
            self.data.tune_nodes.get_or_insert(500);
            self.data.test_nodes.get_or_insert(1000);
        }
        if self.data.split == SplitKind::Random {
            self.data.split_seed.get_or_insert(2022);
        }
        for teacher in &mut self.teacher {
            if teacher.kind == TeacherKind::Gat {
                teacher.attention_heads.get_or_insert(4);
                teacher.attention_dropout.get_or_insert(0.3);
            }
        }
        if self.student.hidden.is_empty() {
            self.student.dropout = 0.0;
        }
        for link in &mut self.link {
            if link.low_weight > 0.0 {
                link.low_hops.get_or_insert(1);
            }
            if link.high_weight > 0.0 {
                link.high_temperature.get_or_insert(1.5);
            }
        }
        if self.quantize.ranges == RangeKind::Percentile {
            self.quantize.percentile.get_or_insert(99.9);
        }
        if self.quantize.method == QuantizeMethod::Qat {
            self.quantize.qat_epochs.get_or_insert(30);
            self.quantize.qat_learning_rate.get_or_insert(0.001);
        }
    }
}
