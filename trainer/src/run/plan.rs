//! The recipe's tables as plans of the training core.

use crate::distill::{FitPlan, ObjectivePlan};
use crate::nn::{Adam, TrainPlan};
use crate::quantize::{AwarePlan, QuantizePlan, RangeMethod};
use crate::recipe::old::{
    InputKind, QuantizeMethod, QuantizeSection, RangeKind, Recipe, StudentSection, TeacherKind as RecipeTeacher,
    TeacherSection,
};
use crate::teacher::{TeacherKind, TeacherPlan};
use eyas::model::Normalization;

/// The teachers of a recipe in words, such as `gcn 3x512, mean of 3`.
#[must_use]
pub fn teacher_in_words(recipe: &Recipe) -> String {
    let one = |teacher: &TeacherSection| {
        let kind = match teacher.kind {
            RecipeTeacher::Gcn => "gcn",
            RecipeTeacher::Sage => "sage",
            RecipeTeacher::Gat => "gat",
        };
        let mean = if teacher.members > 1 { format!(", mean of {}", teacher.members) } else { String::new() };
        format!("{kind} {}x{}{mean}", teacher.layers, teacher.hidden)
    };
    recipe.teacher.iter().map(one).collect::<Vec<_>>().join(" + ")
}

pub(super) fn teacher(section: &TeacherSection, seed: u64) -> TeacherPlan {
    let kind = match section.kind {
        RecipeTeacher::Gcn => TeacherKind::Gcn,
        RecipeTeacher::Sage => TeacherKind::Sage,
        RecipeTeacher::Gat => TeacherKind::Gat,
    };
    TeacherPlan {
        kind,
        hidden: vec![section.hidden; section.layers.saturating_sub(1)],
        dropout: section.dropout as f32,
        attention_heads: section.attention_heads.unwrap_or(1),
        attention_dropout: section.attention_dropout.unwrap_or(0.0) as f32,
        training: TrainPlan {
            adam: Adam { learning_rate: section.learning_rate as f32, weight_decay: section.weight_decay as f32 },
            max_epochs: section.max_epochs,
            patience: Some(section.patience),
            batch_rows: None,
            seed,
        },
    }
}

/// What the student's rows go through first.
pub(super) fn normalization(section: &StudentSection) -> Normalization {
    match section.input {
        InputKind::Raw => Normalization::None,
        InputKind::Normalized => Normalization::RowSum,
    }
}

/// The student's training towards `objective`.
pub(super) fn fit(section: &StudentSection, objective: ObjectivePlan, seed: u64) -> FitPlan {
    FitPlan {
        hidden: section.hidden.clone(),
        dropout: section.dropout as f32,
        word_dropout: section.word_dropout as f32,
        objective,
        training: TrainPlan {
            adam: Adam { learning_rate: section.learning_rate as f32, weight_decay: section.weight_decay as f32 },
            max_epochs: section.max_epochs,
            patience: Some(section.patience),
            batch_rows: None,
            seed,
        },
    }
}

/// The objective of the shipped student: labels, soft targets and the edge link.
pub(super) fn objective(recipe: &Recipe) -> ObjectivePlan {
    let target = &recipe.target;
    let edges = recipe.link.first();
    ObjectivePlan {
        label_weight: target.label_weight as f32,
        soft_weight: target.soft_weight as f32,
        distill_temperature: target.distill_temperature as f32,
        low_weight: edges.map_or(0.0, |link| link.low_weight) as f32,
        low_hops: edges.and_then(|link| link.low_hops).unwrap_or(1),
        high_weight: edges.map_or(0.0, |link| link.high_weight) as f32,
        edge_temperature: edges.and_then(|link| link.high_temperature).unwrap_or(1.0) as f32,
    }
}

pub(crate) fn quantize(section: &QuantizeSection) -> QuantizePlan {
    let ranges = match section.ranges {
        RangeKind::Minmax => RangeMethod::MinMax,
        RangeKind::Percentile => RangeMethod::Percentile(section.percentile.unwrap_or(100.0)),
        RangeKind::Mse => RangeMethod::Mse,
    };
    QuantizePlan { ranges, bias_correction: section.bias_correction }
}

/// The fine-tuning with rounding, where the recipe asks for it.
pub(super) fn aware(section: &QuantizeSection) -> Option<AwarePlan> {
    (section.method == QuantizeMethod::Qat).then(|| AwarePlan {
        epochs: section.qat_epochs.unwrap_or(0),
        adam: Adam { learning_rate: section.qat_learning_rate.unwrap_or(0.0) as f32, weight_decay: 0.0 },
    })
}
