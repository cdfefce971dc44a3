//! Checks what TOML cannot: ranges, and combinations that have no meaning.

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;
use std::ops::RangeInclusive;
use std::path::Path;

use super::error::{RecipeError, RecipeFault, RecipeProblem};
use super::position::Positions;
use super::sections::{
    DataSection, LinkSection, QuantizeMethod, QuantizeSection, RangeKind, SplitKind, StudentSection, TargetSection,
    TeacherKind, TeacherSection,
};
use super::{Recipe, ReportSection};
use crate::report::number::exact;

/// Widest layer of a teacher.
const WIDEST: usize = u16::MAX as usize;
/// Most hidden layers of a student.
const DEEPEST: usize = eyas::model::MAX_LAYERS - 1;

/// Where messages about one recipe come from.
pub(super) struct Checker<'a> {
    pub(super) positions: &'a Positions<'a>,
    pub(super) file: &'a Path,
}

pub(super) type Checked = Result<(), RecipeError>;

/// Checks ranges and combinations of a recipe that TOML accepted, before defaults of single choices are filled in.
pub(super) fn check(recipe: &Recipe, positions: &Positions<'_>, file: &Path) -> Checked {
    let checker = Checker { positions, file };
    checker.data(&recipe.data)?;
    if recipe.teacher.is_empty() {
        return Err(checker.refuse(
            RecipeFault::MissingKey,
            "teacher",
            "expected at least one teacher, found none",
            "add a table [[teacher]]",
        ));
    }
    for (index, teacher) in recipe.teacher.iter().enumerate() {
        checker.teacher(&format!("teacher[{index}]"), teacher)?;
    }
    checker.student(&recipe.student)?;
    checker.target(&recipe.target, recipe.link.len())?;
    let mut kinds = HashSet::new();
    for (index, link) in recipe.link.iter().enumerate() {
        let key = format!("link[{index}]");
        checker.link(&key, link)?;
        if !kinds.insert(link.kind) {
            return Err(checker.combination(&key, "this kind of link is there already", "keep one of the two"));
        }
    }
    checker.quantize(&recipe.quantize)?;
    if recipe.quantize.input_headroom.is_some() {
        return Err(checker.idle("quantize.input_headroom", "the standard scores of a table"));
    }
    checker.report(&recipe.report)
}

impl Checker<'_> {
    fn data(&self, data: &DataSection) -> Checked {
        if data.source.trim().is_empty() {
            return Err(self.range("data.source", "a name or a path", "nothing"));
        }
        let is_csv = data.source.to_ascii_lowercase().ends_with(".csv");
        if is_csv && data.edges.is_none() {
            return Err(self.combination(
                "data.source",
                "a CSV file holds nodes only, and graph teachers and links learn from edges",
                "name the file with the edges: edges = \"edges.csv\"",
            ));
        }
        if !is_csv && data.edges.is_some() {
            return Err(self.combination(
                "data.edges",
                "this source brings its own edges, so the key would do nothing",
                "remove the key, or give a CSV file with nodes as source",
            ));
        }
        let random = data.split == SplitKind::Random;
        let counts = [
            ("data.train_per_class", data.train_per_class),
            ("data.tune_nodes", data.tune_nodes),
            ("data.test_nodes", data.test_nodes),
        ];
        for (key, count) in counts {
            if let Some(count) = count {
                if !random {
                    return Err(self.idle(key, "split = \"random\""));
                }
                self.count(key, count, 1..=usize::MAX)?;
            }
        }
        self.real("data.inductive_share", data.inductive_share, 0.0, 1.0, Ends::Below)?;
        match data.split_seed {
            Some(_) if !random => Err(self.idle("data.split_seed", "split = \"random\"")),
            Some(seed) => self.seed("data.split_seed", seed),
            None => Ok(()),
        }
    }

    fn teacher(&self, at: &str, teacher: &TeacherSection) -> Checked {
        let key = |name: &str| format!("{at}.{name}");
        self.count(&key("layers"), teacher.layers, 2..=8)?;
        self.count(&key("hidden"), teacher.hidden, 1..=WIDEST)?;
        self.real(&key("dropout"), teacher.dropout, 0.0, 1.0, Ends::Below)?;
        self.training(at, teacher.learning_rate, teacher.weight_decay, teacher.patience, teacher.max_epochs)?;
        self.count(&key("members"), teacher.members, 1..=64)?;
        if teacher.kind != TeacherKind::Gat {
            for (name, given) in [
                ("attention_heads", teacher.attention_heads.is_some()),
                ("attention_dropout", teacher.attention_dropout.is_some()),
            ] {
                if given {
                    return Err(self.idle(&key(name), "kind = \"gat\""));
                }
            }
            return Ok(());
        }
        let heads = teacher.attention_heads.unwrap_or(4);
        self.count(&key("attention_heads"), heads, 1..=64)?;
        self.real(&key("attention_dropout"), teacher.attention_dropout.unwrap_or(0.3), 0.0, 1.0, Ends::Below)?;
        if !teacher.hidden.is_multiple_of(heads) {
            return Err(self.combination(
                &key("hidden"),
                &format!("a width of {} does not divide into {heads} attention heads", teacher.hidden),
                "make `hidden` a multiple of `attention_heads`",
            ));
        }
        Ok(())
    }

    /// Hidden widths that a student file can hold.
    pub(super) fn student_hidden(&self, hidden: &[usize]) -> Checked {
        if hidden.len() > DEEPEST {
            let found = format!("{} widths", hidden.len());
            return Err(self.range("student.hidden", &format!("at most {DEEPEST} hidden layers"), &found));
        }
        for (index, &width) in hidden.iter().enumerate() {
            self.count(&format!("student.hidden[{index}]"), width, 1..=usize::from(eyas::model::MAX_WIDTH))?;
        }
        Ok(())
    }

    fn student(&self, student: &StudentSection) -> Checked {
        self.student_hidden(&student.hidden)?;
        self.real("student.dropout", student.dropout, 0.0, 1.0, Ends::Below)?;
        if student.hidden.is_empty() && student.dropout != 0.0 && self.positions.has("student.dropout") {
            return Err(self.idle("student.dropout", "at least one hidden layer"));
        }
        self.real("student.word_dropout", student.word_dropout, 0.0, 1.0, Ends::Below)?;
        self.training("student", student.learning_rate, student.weight_decay, student.patience, student.max_epochs)
    }

    fn target(&self, target: &TargetSection, links: usize) -> Checked {
        self.real("target.distill_temperature", target.distill_temperature, 0.0, 100.0, Ends::Above)?;
        self.real("target.soft_weight", target.soft_weight, 0.0, 100.0, Ends::Both)?;
        self.real("target.label_weight", target.label_weight, 0.0, 100.0, Ends::Both)?;
        if target.soft_weight == 0.0 && links == 0 {
            return Err(self.combination(
                "target.soft_weight",
                "with 0 and no link the teacher would do nothing",
                "give a weight above 0 or a [[link]]; the student on labels alone is one of the controls of the report",
            ));
        }
        Ok(())
    }

    fn link(&self, at: &str, link: &LinkSection) -> Checked {
        let key = |name: &str| format!("{at}.{name}");
        self.real(&key("low_weight"), link.low_weight, 0.0, 100.0, Ends::Both)?;
        self.real(&key("high_weight"), link.high_weight, 0.0, 100.0, Ends::Both)?;
        if link.low_weight == 0.0 && link.high_weight == 0.0 {
            return Err(self.combination(at, "a link with both weights 0 does nothing", "remove it, or give a weight"));
        }
        match link.low_hops {
            Some(_) if link.low_weight == 0.0 => return Err(self.idle(&key("low_hops"), "a low_weight above 0")),
            Some(hops) => self.count(&key("low_hops"), hops, 1..=8)?,
            None => {}
        }
        match link.high_temperature {
            Some(_) if link.high_weight == 0.0 => Err(self.idle(&key("high_temperature"), "a high_weight above 0")),
            Some(temperature) => self.real(&key("high_temperature"), temperature, 0.0, 100.0, Ends::Above),
            None => Ok(()),
        }
    }

    pub(super) fn quantize(&self, quantize: &QuantizeSection) -> Checked {
        if let Some(percentile) = quantize.percentile {
            if quantize.ranges != RangeKind::Percentile {
                return Err(self.idle("quantize.percentile", "ranges = \"percentile\""));
            }
            self.real("quantize.percentile", percentile, 50.0, 100.0, Ends::Both)?;
        }
        let qat = quantize.method == QuantizeMethod::Qat;
        if let Some(epochs) = quantize.qat_epochs {
            if !qat {
                return Err(self.idle("quantize.qat_epochs", "method = \"qat\""));
            }
            self.count("quantize.qat_epochs", epochs, 1..=100_000)?;
        }
        if let Some(rate) = quantize.qat_learning_rate {
            if !qat {
                return Err(self.idle("quantize.qat_learning_rate", "method = \"qat\""));
            }
            self.real("quantize.qat_learning_rate", rate, 0.0, 1.0, Ends::Above)?;
        }
        Ok(())
    }

    pub(super) fn report(&self, report: &ReportSection) -> Checked {
        if !(1..=1000).contains(&report.seeds.len()) {
            return Err(self.range("report.seeds", "1 to 1000 seeds", &format!("{}", report.seeds.len())));
        }
        for (index, &seed) in report.seeds.iter().enumerate() {
            self.seed(&format!("report.seeds[{index}]"), seed)?;
        }
        self.once("report.seeds", "seed", &report.seeds)
    }

    /// Each value of a list once; `what` is one of them in words.
    pub(super) fn once<T: Eq + Hash + Display>(&self, key: &str, what: &str, values: &[T]) -> Checked {
        let mut seen = HashSet::new();
        match values.iter().position(|value| !seen.insert(value)) {
            None => Ok(()),
            Some(index) => {
                let found = format!("{} again", values[index]);
                Err(self.range(&format!("{key}[{index}]"), &format!("every {what} once"), &found))
            }
        }
    }

    fn training(&self, at: &str, rate: f64, decay: f64, patience: usize, epochs: usize) -> Checked {
        self.real(&format!("{at}.learning_rate"), rate, 0.0, 1.0, Ends::Above)?;
        self.real(&format!("{at}.weight_decay"), decay, 0.0, 1.0, Ends::Both)?;
        self.count(&format!("{at}.patience"), patience, 1..=100_000)?;
        self.count(&format!("{at}.max_epochs"), epochs, 1..=100_000)
    }

    /// Every integer is one that TOML can hold; asked before the recipe is read, since the reader cannot say which is not.
    pub(super) fn integers(&self) -> Checked {
        match self.positions.too_large() {
            Some((key, found)) => Err(self.range(key, &format!("an integer from {} to {}", i64::MIN, i64::MAX), found)),
            None => Ok(()),
        }
    }

    pub(super) fn count(&self, key: &str, value: usize, range: RangeInclusive<usize>) -> Checked {
        if range.contains(&value) {
            return Ok(());
        }
        let expected = match *range.end() {
            usize::MAX => format!("at least {}", range.start()),
            most => format!("{} to {most}", range.start()),
        };
        Err(self.range(key, &expected, &value.to_string()))
    }

    /// TOML integers end at 2^63, so a larger seed could not be written down again.
    pub(super) fn seed(&self, key: &str, seed: u64) -> Checked {
        if i64::try_from(seed).is_ok() { Ok(()) } else { Err(self.range(key, "a seed below 2^63", &seed.to_string())) }
    }

    pub(super) fn real(&self, key: &str, value: f64, least: f64, most: f64, ends: Ends) -> Checked {
        let (fits, expected) = match ends {
            Ends::Both => (value >= least && value <= most, format!("{least} to {most}")),
            Ends::Below => (value >= least && value < most, format!("{least} to below {most}")),
            Ends::Above => (value > least && value <= most, format!("above {least} to {most}")),
        };
        if fits { Ok(()) } else { Err(self.range(key, &expected, &exact(value))) }
    }

    pub(super) fn range(&self, key: &str, expected: &str, found: &str) -> RecipeError {
        self.refuse(RecipeFault::OutOfRange, key, &format!("expected {expected}, found {found}"), "")
    }

    pub(super) fn idle(&self, key: &str, needs: &str) -> RecipeError {
        self.combination(key, &format!("the key does nothing without {needs}"), "remove it")
    }

    pub(super) fn combination(&self, key: &str, reason: &str, remedy: &str) -> RecipeError {
        self.refuse(RecipeFault::Combination, key, reason, remedy)
    }

    pub(super) fn refuse(&self, kind: RecipeFault, key: &str, message: &str, remedy: &str) -> RecipeError {
        let (line, column) = self.positions.line_and_column(self.positions.value_of(key).start);
        RecipeError::new(RecipeProblem {
            kind,
            file: self.file.to_path_buf(),
            line,
            column,
            key: key.to_owned(),
            message: message.to_owned(),
            remedy: remedy.to_owned(),
        })
    }
}

/// Which ends belong to a range of reals.
#[derive(Clone, Copy)]
pub(super) enum Ends {
    Both,
    Below,
    Above,
}

/// An error of the TOML reader with key, position and the nearest word.
pub(super) fn from_toml(error: &toml::de::Error, positions: &Positions<'_>, file: &Path) -> RecipeError {
    let span = error.span().unwrap_or(0..0);
    let (line, column) = positions.line_and_column(span.start);
    let message = error.message().trim();
    // The reader tells the kind of an error in words only; the tests hold its wording.
    let kind = if message.starts_with("unknown field") {
        RecipeFault::UnknownKey
    } else if message.starts_with("unknown variant") {
        RecipeFault::UnknownWord
    } else if message.starts_with("missing field") {
        RecipeFault::MissingKey
    } else if message.starts_with("invalid type") {
        RecipeFault::WrongType
    } else if message.starts_with("invalid value") || message.starts_with("integer number overflowed") {
        RecipeFault::OutOfRange
    } else {
        RecipeFault::Syntax
    };
    let remedy = match kind {
        RecipeFault::UnknownKey | RecipeFault::UnknownWord => nearest(message),
        RecipeFault::MissingKey => "add the key".to_owned(),
        _ => String::new(),
    };
    RecipeError::new(RecipeProblem {
        kind,
        file: file.to_path_buf(),
        line,
        column,
        key: positions.key_at(&span),
        message: message.lines().collect::<Vec<_>>().join(", "),
        remedy,
    })
}

/// The nearest of the words a message lists, as a question; empty when none is near.
fn nearest(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let Some(found) = words.next() else {
        return String::new();
    };
    words
        .map(|word| (strsim::damerau_levenshtein(word, found), word))
        .min()
        .filter(|&(distance, word)| distance <= 2.max(word.len() / 3))
        .map_or_else(String::new, |(_, word)| format!("did you mean `{word}`?"))
}
