//! `[[teacher]]`: who teaches. `kind` chooses the section, so that a key of another kind does not exist.

use toml::{Table, Value as Toml};

use super::data::DataKind;
use super::error::RecipeFault;
use super::section::{Context, Key, Reader, Section, idle, unknown};
use super::teacher_kinds::{
    AttentionTeacher, AutoTeacher, FileTeacher, FusionTeacher, GraphTeacher, MlpTeacher, ModelTeacher, Seen,
    TableTeacher, UniformTeacher,
};
use super::training::{TeacherInput, Training};
use super::value::{Fault, one_of, word, words};
use crate::teacher::AnswerKind;

words! {
    /// Kind of a teacher.
    pub enum TeacherKind {
        /// Those of a few settings that are best on the tune rows, the mean of their answers.
        Auto = "auto",
        /// Graph convolution with the symmetric normalised adjacency.
        Gcn = "gcn",
        /// GraphSAGE with the `gcn` aggregator.
        Sage = "sage",
        /// Graph attention.
        Gat = "gat",
        /// One multi-layer perceptron over all its columns.
        Mlp = "mlp",
        /// One branch for the student's columns and one for the others, joined: intermediate fusion.
        Fusion = "fusion",
        /// An ONNX model that was trained elsewhere.
        Onnx = "onnx",
        /// A table of answers that someone already computed.
        Table = "table",
        /// Dense layers in an `.npz` file.
        Dense = "dense",
        /// A sealed student file.
        Student = "student",
        /// Knows nothing: zero logits.
        Uniform = "uniform",
    }
}

/// `[[teacher]]`.
#[derive(Debug, Clone, PartialEq)]
pub enum TeacherSection {
    /// The best of a few settings.
    Auto(AutoTeacher),
    /// Graph convolution.
    Gcn(GraphTeacher),
    /// GraphSAGE.
    Sage(GraphTeacher),
    /// Graph attention.
    Gat(AttentionTeacher),
    /// A perceptron over its columns.
    Mlp(MlpTeacher),
    /// Intermediate fusion.
    Fusion(FusionTeacher),
    /// An ONNX model.
    Onnx(ModelTeacher),
    /// A table of answers.
    Table(TableTeacher),
    /// Dense layers in an `.npz` file.
    Dense(FileTeacher),
    /// A sealed student file.
    Student(FileTeacher),
    /// Zero logits.
    Uniform(UniformTeacher),
}

/// The same expression for the section of every kind.
macro_rules! each_kind {
    ($teacher:expr, $section:ident => $value:expr) => {
        match $teacher {
            TeacherSection::Auto($section) => $value,
            TeacherSection::Gcn($section) | TeacherSection::Sage($section) => $value,
            TeacherSection::Gat($section) => $value,
            TeacherSection::Mlp($section) => $value,
            TeacherSection::Fusion($section) => $value,
            TeacherSection::Onnx($section) => $value,
            TeacherSection::Table($section) => $value,
            TeacherSection::Dense($section) | TeacherSection::Student($section) => $value,
            TeacherSection::Uniform($section) => $value,
        }
    };
}

/// Keys of a teacher's own training, which `[cotrain]` replaces.
const REPLACED: [&str; 14] = [
    "dropout",
    "label_smoothing",
    "learning_rate",
    "weight_decay",
    "epochs",
    "steps",
    "patience",
    "choose_by",
    "members",
    "crossfit",
    "fit_confidence",
    "mixup",
    "batch_rows",
    "reask",
];

impl TeacherSection {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> TeacherKind {
        match self {
            Self::Auto(_) => TeacherKind::Auto,
            Self::Gcn(_) => TeacherKind::Gcn,
            Self::Sage(_) => TeacherKind::Sage,
            Self::Gat(_) => TeacherKind::Gat,
            Self::Mlp(_) => TeacherKind::Mlp,
            Self::Fusion(_) => TeacherKind::Fusion,
            Self::Onnx(_) => TeacherKind::Onnx,
            Self::Table(_) => TeacherKind::Table,
            Self::Dense(_) => TeacherKind::Dense,
            Self::Student(_) => TeacherKind::Student,
            Self::Uniform(_) => TeacherKind::Uniform,
        }
    }

    /// Keys of its training, where it is trained here.
    #[must_use]
    pub const fn training(&self) -> Option<&Training> {
        match self {
            Self::Gcn(teacher) | Self::Sage(teacher) => Some(&teacher.training),
            Self::Gat(teacher) => Some(&teacher.training),
            Self::Mlp(teacher) => Some(&teacher.training),
            Self::Fusion(teacher) => Some(&teacher.training),
            _ => None,
        }
    }

    /// The same, to change.
    pub const fn training_mut(&mut self) -> Option<&mut Training> {
        match self {
            Self::Gcn(teacher) | Self::Sage(teacher) => Some(&mut teacher.training),
            Self::Gat(teacher) => Some(&mut teacher.training),
            Self::Mlp(teacher) => Some(&mut teacher.training),
            Self::Fusion(teacher) => Some(&mut teacher.training),
            _ => None,
        }
    }

    /// Whether the teacher is trained here; else it comes as a file, or knows nothing.
    #[must_use]
    pub const fn is_trained(&self) -> bool {
        self.training().is_some() || matches!(self, Self::Auto(_))
    }

    /// How it sees the features of a graph, where it learns from one.
    #[must_use]
    pub const fn input(&self) -> Option<TeacherInput> {
        match self {
            Self::Gcn(teacher) | Self::Sage(teacher) => Some(teacher.input),
            Self::Gat(teacher) => Some(teacher.input),
            _ => None,
        }
    }

    /// Patterns of the columns that it takes, where the recipe names them.
    #[must_use]
    pub fn column_patterns(&self) -> Vec<&[String]> {
        match self {
            Self::Onnx(model) if model.inputs.iter().any(|input| !input.columns.is_empty()) => {
                model.inputs.iter().map(|input| &input.columns[..]).collect()
            }
            Self::Onnx(model) => vec![&model.columns],
            Self::Dense(file) | Self::Student(file) => vec![&file.columns],
            _ => Vec::new(),
        }
    }

    /// Whether it learns from edges.
    #[must_use]
    pub const fn needs_edges(&self) -> bool {
        matches!(self, Self::Gcn(_) | Self::Sage(_) | Self::Gat(_))
    }

    /// Rows of a step, or of a batch of a model; `None` where every step takes all rows, or nothing runs here.
    #[must_use]
    pub const fn batch_rows(&self) -> Option<usize> {
        match self {
            Self::Mlp(teacher) => teacher.batch_rows,
            Self::Fusion(teacher) => Some(teacher.batch_rows),
            Self::Onnx(teacher) => Some(teacher.batch_rows),
            _ => None,
        }
    }

    /// Whether rows are mixed in pairs while it trains.
    #[must_use]
    pub const fn mixup(&self) -> bool {
        match self {
            Self::Mlp(teacher) => teacher.mixup,
            Self::Fusion(teacher) => teacher.mixup,
            _ => false,
        }
    }

    /// Its file, where it comes as one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Onnx(teacher) => Some(&teacher.path),
            Self::Table(teacher) => Some(&teacher.path),
            Self::Dense(teacher) | Self::Student(teacher) => Some(&teacher.path),
            _ => None,
        }
    }

    /// Which columns of a table it sees.
    #[must_use]
    pub const fn sees(&self) -> Seen {
        match self {
            Self::Auto(teacher) => teacher.sees,
            Self::Mlp(teacher) => teacher.sees,
            Self::Onnx(teacher) => teacher.sees,
            Self::Dense(teacher) | Self::Student(teacher) => teacher.sees,
            _ => Seen::All,
        }
    }

    /// Whether it is asked again about every noised row.
    #[must_use]
    pub const fn reask(&self) -> bool {
        matches!(self, Self::Mlp(MlpTeacher { reask: true, .. }))
    }

    /// What a file's answers are, where the recipe says.
    #[must_use]
    pub const fn answers(&self) -> Option<AnswerKind> {
        match self {
            Self::Onnx(teacher) => teacher.answers,
            Self::Table(teacher) => teacher.answers,
            _ => None,
        }
    }

    /// The key that gives its embedding, where one does.
    #[must_use]
    pub fn embedding_key(&self) -> Option<&'static str> {
        match self {
            Self::Onnx(teacher) => teacher.embedding.as_ref().map(|_| "embedding"),
            Self::Table(teacher) => (!teacher.embedding_columns.is_empty()).then_some("embedding_columns"),
            _ => None,
        }
    }

    /// Keys of a kind, in order.
    #[must_use]
    pub fn keys(kind: TeacherKind) -> Vec<&'static Key> {
        match kind {
            TeacherKind::Auto => AutoTeacher::keys(),
            TeacherKind::Gcn | TeacherKind::Sage => GraphTeacher::keys(),
            TeacherKind::Gat => AttentionTeacher::keys(),
            TeacherKind::Mlp => MlpTeacher::keys(),
            TeacherKind::Fusion => FusionTeacher::keys(),
            TeacherKind::Onnx => ModelTeacher::keys(),
            TeacherKind::Table => TableTeacher::keys(),
            TeacherKind::Dense | TeacherKind::Student => FileTeacher::keys(),
            TeacherKind::Uniform => UniformTeacher::keys(),
        }
    }

    /// `kind` and every key with its value. In a co-training only what it leaves to the teacher.
    #[must_use]
    pub fn entries(&self, cotrained: bool) -> Vec<(&'static str, Toml)> {
        let kind = ("kind", Toml::String(self.kind().word().to_owned()));
        let keys = each_kind!(self, section => section.entries());
        let is_left = |name: &str| !(cotrained && self.is_trained() && REPLACED.contains(&name));
        std::iter::once(kind).chain(keys.into_iter().filter(|(name, _)| is_left(name))).collect()
    }

    /// Reads a teacher.
    ///
    /// # Errors
    /// [`Fault`] for a kind or a key that does not exist, and for values as in every section.
    pub(crate) fn read(table: &Table, context: Context, cotrained: bool) -> Result<Self, Fault> {
        let words: Vec<&str> = TeacherKind::ALL.iter().map(|kind| kind.word()).collect();
        let Some(kind) = table.get("kind") else {
            let message = format!("expected {}, found none", one_of(&words));
            return Err(Fault::new(RecipeFault::MissingKey, message, "add the key").inside(".kind"));
        };
        let kind = TeacherKind::ALL[word(kind, &words).map_err(|fault| fault.inside(".kind"))?];
        let mut own = table.clone();
        own.remove("kind");
        let names = Self::keys(kind);
        if let Some(found) = own.keys().find(|found| names.iter().all(|key| key.name != found.as_str())) {
            return Err(elsewhere(found).unwrap_or_else(|| unknown(found, names.iter().map(|key| key.name))));
        }
        let is_trained = !matches!(
            kind,
            TeacherKind::Onnx | TeacherKind::Table | TeacherKind::Dense | TeacherKind::Student | TeacherKind::Uniform
        );
        if let Some(found) = REPLACED.iter().find(|name| cotrained && is_trained && own.contains_key(**name)) {
            let needs = "a training of the teacher's own, which [cotrain] replaces";
            return Err(idle(needs).inside(&format!(".{found}")));
        }
        let edges = matches!(kind, TeacherKind::Gcn | TeacherKind::Sage | TeacherKind::Gat);
        let kind_of_data = match kind {
            TeacherKind::Auto => context.kind,
            _ if edges => DataKind::Graph,
            _ => DataKind::Table,
        };
        let from = Reader { table: &own, context: Context { kind: kind_of_data, ..context } };
        let teacher = match kind {
            TeacherKind::Auto => Self::Auto(Section::read(&from)?),
            TeacherKind::Gcn => Self::Gcn(Section::read(&from)?),
            TeacherKind::Sage => Self::Sage(Section::read(&from)?),
            TeacherKind::Gat => Self::Gat(Section::read(&from)?),
            TeacherKind::Mlp => Self::Mlp(Section::read(&from)?),
            TeacherKind::Fusion => Self::Fusion(Section::read(&from)?),
            TeacherKind::Onnx => Self::Onnx(Section::read(&from)?),
            TeacherKind::Table => Self::Table(Section::read(&from)?),
            TeacherKind::Dense => Self::Dense(Section::read(&from)?),
            TeacherKind::Student => Self::Student(Section::read(&from)?),
            TeacherKind::Uniform => Self::Uniform(Section::read(&from)?),
        };
        match teacher.training().map(|training| training.hidden.len()) {
            Some(layers) if edges && !(1..=7).contains(&layers) => {
                let found = if layers == 0 { "none".to_owned() } else { layers.to_string() };
                Err(Fault::range("1 to 7 hidden layers of a graph teacher", &found).inside(".hidden"))
            }
            _ => Ok(teacher),
        }
    }
}

/// The refusal of a key that teachers of other kinds have.
fn elsewhere(found: &str) -> Option<Fault> {
    let has = |kind: &&TeacherKind| TeacherSection::keys(**kind).iter().any(|key| key.name == found);
    let kinds: Vec<String> =
        TeacherKind::ALL.iter().filter(has).map(|kind| format!("kind = \"{}\"", kind.word())).collect();
    (!kinds.is_empty()).then(|| idle(&kinds.join(" or ")).inside(&format!(".{found}")))
}
