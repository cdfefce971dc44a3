//! What `[[teacher]]` may say of each kind: one section a kind.

use toml::Value as Toml;

use super::rule::Rule;
use super::section::{Context, section};
use super::training::{TeacherInput, Training};
use super::value::{Fault, Value, one_of, word, words};
use crate::teacher::AnswerKind;

words! {
    /// Columns of a table's teacher.
    pub enum Seen {
        /// All of `teacher_columns`.
        All = "all",
        /// Those of `teacher_columns` that are no student columns.
        Others = "others",
        /// The student's columns: a bigger network, or several, on the same sensors.
        Student = "student",
    }
}

section! {
    /// Keys of `auto`.
    #[derive(Copy)]
    pub struct AutoTeacher {
        /// Settings that are tried, of the list in docs/TABLES.md.
        candidates: usize = 4, Rule::whole_numbers(1, crate::teacher::PORTFOLIO as u64);
        /// Which columns.
        sees: Seen = "all";
    }
}

section! {
    /// Keys of `gcn` and `sage`.
    pub struct GraphTeacher with training: Training {
        /// What the teacher sees of a node. The student has its own key.
        input: TeacherInput = "unit-norm";
    }
}

section! {
    /// Keys of `gat`.
    pub struct AttentionTeacher with training: Training {
        /// What the teacher sees of a node. The student has its own key.
        input: TeacherInput = "unit-norm";
        /// Attention heads of a hidden layer; they divide its width.
        attention_heads: usize = 4, Rule::whole_numbers(1, 64);
        /// Share of attention weights dropped while training.
        attention_dropout: f64 = 0.3, Rule::below(0.0, 1.0);
    }
}

section! {
    /// Keys of `mlp`.
    pub struct MlpTeacher with training: Training {
        /// Whether rows are mixed in pairs while training (mixup with Beta(0.4, 0.4)).
        mixup: bool = false;
        /// Rows of a step. Left out, every step takes all rows.
        batch_rows: Option<usize> = 64, Rule::whole_numbers(1, 1 << 20);
        /// Which columns.
        sees: Seen = "all";
        /// Whether it is asked again about every noised row.
        reask: bool = false;
    }
}

section! {
    /// Keys of `fusion`.
    pub struct FusionTeacher with training: Training {
        /// Widths of the layers before the join, the same for each branch.
        branch_hidden: Vec<usize> = [256, 128], Rule::whole_numbers(1, 65_535);
        /// Whether rows are mixed in pairs while training (mixup with Beta(0.4, 0.4)).
        mixup: bool = false;
        /// Rows of a step.
        batch_rows: usize = 64, Rule::whole_numbers(1, 1 << 20);
    }
}

section! {
    /// An input of a model and the columns it takes.
    pub struct ModelInput {
        /// Its name; may be left out where there is one only.
        name: Option<String> = none;
        /// Patterns of its columns, in order, of those that the teacher may see.
        columns: Vec<String> = none, Rule::ANY.each_once("pattern");
    }
}

section! {
    /// Keys of `onnx`.
    pub struct ModelTeacher {
        /// The model, from the recipe's folder, then from the working folder.
        path: String = needed, Rule::named("the file of the teacher");
        /// Inputs of the model with the columns that each takes. Default: the one input takes the columns the teacher sees,
        /// and several of one column each take those of their names. Values are given as measured; a model that wants standard
        /// scores brings them along.
        inputs: Vec<ModelInput> = none;
        /// Name of the model's output with the answers; may be left out where one only holds no labels, as in exports of
        /// scikit-learn, LightGBM and XGBoost. Dictionaries (ZipMap) are read where they are made.
        output: Option<String> = none;
        /// Name of the model's embedding, an output or any value that a node computes; for a link `embedding`.
        embedding: Option<String> = none;
        /// Rows of a batch. A model with a fixed batch keeps its own.
        batch_rows: usize = 256, Rule::whole_numbers(1, crate::onnx::MAX_BATCH_ROWS as u64);
        /// What the answers are; log-probabilities and quantities count as `logits`. Default: `probabilities` if every row lies
        /// within 0 to 1 and adds up to 1, else `logits`; what was found is said, and rows with one other sum are refused.
        answers: Option<AnswerKind> = none;
        /// Which columns.
        sees: Seen = "all" => "an input without `columns`" if |model| model.inputs.iter().all(|input| input.columns.is_empty());
        /// For `eyas label`: columns in the order of the model's inputs, as names, positions from 0, or ranges `a..b` with both
        /// ends. Default: every column but `id`, `label`, `split`, `fold`, `group` and those that `[data]` names as such.
        columns: Vec<String> = none, Rule::ANY.each_once("pattern");
    }
}

section! {
    /// Keys of `table`.
    pub struct TableTeacher {
        /// The table, from the recipe's folder, then from the working folder: `.npz`, `.csv`, `.csv.gz`, `.parquet`, a folder of
        /// Parquet files, or what `eyas label` wrote.
        path: String = needed, Rule::named("the file of the teacher");
        /// Columns with the answers, one a class. Default `["logits"]` or `["logits_*"]`.
        columns: Vec<String> = none, Rule::ANY.each_once("pattern");
        /// Columns with an embedding; for a link `embedding`.
        embedding_columns: Vec<String> = none, Rule::ANY.each_once("pattern");
        /// What the answers are; log-probabilities and quantities count as `logits`. Default `logits`, and answers that look
        /// like probabilities in every row are refused.
        answers: Option<AnswerKind> = none;
    }
}

section! {
    /// Keys of `dense` and `student`.
    pub struct FileTeacher {
        /// The file, from the recipe's folder, then from the working folder.
        path: String = needed, Rule::named("the file of the teacher");
        /// Which columns.
        sees: Seen = "all";
        /// For `eyas label`: columns in the order of the teacher's inputs, as names, positions from 0, or ranges `a..b` with
        /// both ends. Default: every column but `id`, `label`, `split`, `fold`, `group` and those that `[data]` names as such.
        columns: Vec<String> = none, Rule::ANY.each_once("pattern");
    }
}

section! {
    /// Keys of `uniform`: none.
    pub struct UniformTeacher {}
}

/// The words of [`AnswerKind`].
const ANSWERS: [&str; 2] = ["logits", "probabilities"];

impl Value for AnswerKind {
    fn words() -> String {
        one_of(&ANSWERS)
    }

    fn read(value: &Toml, _: Context) -> Result<Self, Fault> {
        word(value, &ANSWERS).map(|at| if at == 0 { Self::Logits } else { Self::Probabilities })
    }

    fn absent() -> Self {
        Self::Logits
    }

    fn write(&self) -> Option<Toml> {
        Some(Toml::String(ANSWERS[usize::from(*self == Self::Probabilities)].to_owned()))
    }
}
