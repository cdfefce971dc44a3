//! The recipe: one TOML file that describes a run.
//!
//! A key that does nothing does not exist, a key that is unknown is refused with the nearest one, and a combination without
//! meaning is refused with the reason.
//!
//! | file | what it holds |
//! |---|---|
//! | `section` | the macro that makes a section from one definition of its keys |
//! | `value`, `rule`, `schedule` | types of values, their ranges, weights that fall |
//! | `data`, `teacher`, `training`, `student`, `quantize`, `budget` | the sections |
//! | `teacher_kinds` | what each kind of teacher may say |
//! | `read` | from text to a recipe, `resolve` back to text |
//! | `clash` | combinations without meaning, as a table |
//! | `spelling` | keys of earlier versions and their new home, as a table |
//! | `position`, `error` | where something is wrong, and what |
//!
//! What `[[rows]]`, `[[target]]`, `[objective]` and `[[link]]` may say is defined in [`crate::method`].

mod base;
mod budget;
pub mod clash;
pub(crate) mod data;
mod error;
mod labelling;
mod position;
mod quantize;
mod read;
mod resolve;
pub mod rule;
mod schedule;
pub mod section;
pub mod spelling;
mod student;
mod teacher;
mod teacher_kinds;
mod training;
pub mod value;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub(crate) use base::{folders, relative};
pub use budget::BudgetSection;
pub use data::{DataKind, DataSection, Missing, SeriesSection, SplitKind, Task};
pub use error::{RecipeError, RecipeFault, RecipeProblem};
pub use labelling::Labelling;
pub use quantize::{QuantizeMethod, QuantizeSection, RangeKind, ReportSection};
pub use rule::Rule;
pub use schedule::{Halving, Schedule};
pub use section::{Context, Key, Section};
pub use student::{CotrainSection, MaskKind, MasksSection, StudentSection};
pub use teacher::{TeacherKind, TeacherSection};
pub use teacher_kinds::{
    AttentionTeacher, AutoTeacher, FileTeacher, FusionTeacher, GraphTeacher, MlpTeacher, ModelInput, ModelTeacher,
    Seen, TableTeacher, UniformTeacher,
};
pub use training::{ChooseBy, InputKind, TeacherInput, Training};

use crate::bounded;
use crate::dataset::locate::Search;
use crate::method::link::edges::{self, Edges};
use crate::method::objective::Weights;
use crate::method::{Chosen, METHODS, Method, Point};

/// The file that a recipe was read from. It is no part of the recipe: two of different files may be equal.
#[derive(Debug, Clone, Default)]
pub struct File(PathBuf);

impl PartialEq for File {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl std::ops::Deref for File {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

/// A whole run, checked and with every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Where it was read from.
    pub file: File,
    /// Folders that the paths of the recipe start from, relative to its own, in the order they are searched. The copy in
    /// a run folder has them; the hash of a recipe does not cover them. Default: its own folder.
    pub base: Vec<String>,
    /// Which graph or table, and which rows teach, choose and judge.
    pub data: DataSection,
    /// Teachers, at least one.
    pub teacher: Vec<TeacherSection>,
    /// Training of teachers and student together before the student's own; left out for none.
    pub cotrain: Option<CotrainSection>,
    /// Masks on the co-trained teachers' features; left out for none.
    pub masks: Option<MasksSection>,
    /// The network that ships.
    pub student: StudentSection,
    /// What happens to the student's rows while it trains.
    pub rows: Vec<Chosen>,
    /// What the teachers' answers become: a mixer, then shapers.
    pub target: Vec<Chosen>,
    /// The loss of a row.
    pub objective: Chosen,
    /// Losses between rows, or on hidden layers.
    pub link: Vec<Chosen>,
    /// The way to int8.
    pub quantize: QuantizeSection,
    /// What the student may cost; left out for no limit.
    pub budget: Option<BudgetSection>,
    /// What is measured.
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
        read::parse(text, file)
    }

    /// SHA-256 of the resolved text, so that comments, order and written-out defaults do not matter.
    #[must_use]
    pub fn recipe_hash(&self) -> [u8; 32] {
        Sha256::digest(self.resolved().as_bytes()).into()
    }

    /// Where the files of a recipe read from `path` are looked for.
    #[must_use]
    pub fn search(&self, path: &Path, data_dir: Option<PathBuf>) -> Search {
        Search::from_environment(data_dir, folders(path, &self.base))
    }

    /// The same recipe as it lies in the run folder `copy`, from where its paths lead to what `search` finds.
    #[must_use]
    pub fn copied(&self, copy: &Path, search: &Search) -> Self {
        let data = [Some(self.data.source.as_str()), self.data.edges.as_deref()];
        let paths: Vec<&str> =
            data.into_iter().flatten().chain(self.teacher.iter().filter_map(|it| it.path())).collect();
        Self { base: base::of_copy(copy, &paths, search), ..self.clone() }
    }

    /// The text of the recipe in a run folder: [`Recipe::resolved`] and where its paths start.
    #[must_use]
    pub fn text(&self) -> String {
        base::with_base(&self.base, &self.resolved())
    }

    /// What the defaults of this recipe depend on.
    #[must_use]
    pub fn context(&self) -> Context {
        Context { kind: self.data.kind, task: self.data.task }
    }

    /// Methods of a point, in the order of the recipe.
    #[must_use]
    pub fn chosen(&self, point: Point) -> &[Chosen] {
        match point {
            Point::Rows => &self.rows,
            Point::Target => &self.target,
            Point::Objective => std::slice::from_ref(&self.objective),
            Point::Link => &self.link,
            Point::Acquire | Point::Head | Point::Search | Point::Audit => &[],
        }
    }

    /// A method, where the recipe has it.
    #[must_use]
    pub fn method(&self, method: &Method) -> Option<&Chosen> {
        self.chosen(method.point).iter().find(|chosen| chosen.is(method))
    }

    /// The keys of a method, where the recipe has it.
    #[must_use]
    pub fn keys_of<T: Section>(&self, method: &Method) -> Option<T> {
        self.method(method).map(Chosen::read)
    }

    /// What makes one target of several teachers' answers; a recipe always has one.
    #[must_use]
    pub fn mixer(&self) -> Option<&Chosen> {
        self.target.iter().find(|chosen| chosen.method.mixes)
    }

    /// How much teachers and labels count.
    #[must_use]
    pub fn weights(&self) -> Weights {
        self.objective.read()
    }

    /// The link along edges, where the recipe has it.
    #[must_use]
    pub fn edges(&self) -> Option<Edges> {
        self.keys_of(&edges::METHOD)
    }

    /// The softmax divisor of the objective; 1 where it has none.
    #[must_use]
    pub fn temperature(&self) -> f64 {
        use crate::method::objective::kl;
        self.keys_of(&kl::METHOD).map_or(1.0, |keys: kl::Kl| keys.temperature)
    }
}

/// Every section with its keys, for documentation and tests; teachers by kind, methods by point and kind.
#[must_use]
pub fn sections() -> Vec<(String, Vec<&'static Key>)> {
    let own = [
        ("data", DataSection::keys()),
        ("data.series", SeriesSection::keys()),
        ("cotrain", CotrainSection::keys()),
        ("masks", MasksSection::keys()),
        ("student", StudentSection::keys()),
        ("quantize", QuantizeSection::keys()),
        ("budget", BudgetSection::keys()),
        ("report", ReportSection::keys()),
        ("teacher.inputs", ModelInput::keys()),
        ("objective.soft_weight", Halving::keys()),
    ];
    let own = own.into_iter().map(|(name, keys)| (name.to_owned(), keys));
    let teachers =
        TeacherKind::ALL.iter().map(|&kind| (format!("teacher {}", kind.word()), TeacherSection::keys(kind)));
    let methods = METHODS.iter().map(|method| (format!("{} {}", method.point.section(), method.kind), (method.keys)()));
    own.chain(teachers).chain(methods).collect()
}
