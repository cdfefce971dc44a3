//! What a recipe on a table may say.

use super::check::{Checked, Checker, Ends};
use super::error::RecipeFault;
use super::sections::QuantizeMethod;
use super::tabular::{HEADS, MaskKind, RouteKind, TabularRecipe, TabularSplit, TabularTask};

impl Checker<'_> {
    fn masks(&self, recipe: &TabularRecipe) -> Checked {
        let Some(masks) = &recipe.masks else { return Ok(()) };
        if recipe.cotrain.is_none() {
            return Err(self.combination("masks", "masks imitate the co-trained student", "add a table [cotrain]"));
        }
        let attention = masks.kind == MaskKind::Attention;
        if let Some(units) = masks.units {
            if attention {
                return Err(self.idle("masks.units", "kind = \"bottleneck\""));
            }
            self.count("masks.units", units, 1..=65_535)?;
        }
        if masks.heads.is_some() && !attention {
            return Err(self.idle("masks.heads", "kind = \"attention\""));
        }
        self.count("masks.epochs", masks.epochs, 1..=100_000)?;
        self.real("masks.learning_rate", masks.learning_rate, 0.0, 1.0, Ends::Above)?;
        for (index, teacher) in recipe.teacher.iter().enumerate().filter(|(_, teacher)| teacher.is_trained()) {
            let Some(narrowest) = teacher.hidden.iter().rev().take(2).min() else {
                return Err(self.range(&format!("teacher[{index}].hidden"), "a hidden layer to mask", "none"));
            };
            if attention {
                self.count("masks.heads", masks.heads.unwrap_or(HEADS), 1..=narrowest / 2)?;
            }
        }
        Ok(())
    }

    /// Embeddings are given and used, or neither.
    fn embeddings(&self, recipe: &TabularRecipe) -> Checked {
        let named = recipe.teacher.iter().enumerate().find_map(|(index, teacher)| {
            let columns = (!teacher.embedding_columns.is_empty()).then_some("embedding_columns");
            teacher.embedding.as_ref().map(|_| "embedding").or(columns).map(|name| format!("teacher[{index}].{name}"))
        });
        match (recipe.target.embedding_weight, named) {
            (Some(_), None) => Err(self.idle("target.embedding_weight", "an `embedding` of a teacher")),
            (None, Some(key)) => Err(self.idle(&key, "target.embedding_weight")),
            (Some(_), Some(_)) if recipe.student.hidden.is_empty() => {
                Err(self.idle("target.embedding_weight", "a hidden layer of the student"))
            }
            (Some(weight), Some(_)) => self.real("target.embedding_weight", weight, 0.0, 100.0, Ends::Above),
            (None, None) => Ok(()),
        }
    }

    pub(super) fn tabular(&self, recipe: &TabularRecipe) -> Checked {
        let data = &recipe.data;
        for (key, columns) in
            [("data.student_columns", &data.student_columns), ("data.teacher_columns", &data.teacher_columns)]
        {
            if columns.is_empty() {
                return Err(self.range(key, "at least one pattern", "none"));
            }
            self.once(key, "pattern", columns)?;
        }
        self.once("data.class_names", "name", &data.class_names)?;
        self.once("data.folds", "fold", &data.folds)?;
        let fold = data.fold.as_deref().or((data.split == TabularSplit::Folds).then_some("fold"));
        let roles = [("data.fold", fold), ("data.group", data.group.as_deref()), ("data.id", data.id.as_deref())];
        for (key, column) in roles {
            if column == Some(data.label.as_str()) {
                let reason = "the column is the label, so the split or the rows would be told by the answer";
                return Err(self.combination(key, reason, "name another column"));
            }
        }
        self.series(data)?;
        self.real("data.label_share", data.label_share, 0.0, 1.0, Ends::Above)?;
        let folds = data.split == TabularSplit::Folds;
        for (key, given) in [("data.fold", data.fold.is_some()), ("data.folds", !data.folds.is_empty())] {
            if given && !folds {
                return Err(self.idle(key, "split = \"folds\""));
            }
        }
        for (key, share) in [("data.tune_share", data.tune_share), ("data.test_share", data.test_share)] {
            match share {
                Some(_) if folds => return Err(self.idle(key, "split = \"random\" or \"ordered\"")),
                Some(share) => self.real(key, share, 0.0, 0.9, Ends::Above)?,
                None => {}
            }
        }
        if data.tune_share.unwrap_or(0.2) + data.test_share.unwrap_or(0.2) >= 1.0 {
            return Err(self.combination("data.test_share", "no row is left to teach", "lower one of the two shares"));
        }
        if recipe.teacher.is_empty() {
            let message = "expected at least one teacher, found none";
            return Err(self.refuse(RecipeFault::MissingKey, "teacher", message, "add a table [[teacher]]"));
        }
        let regress = data.task == TabularTask::Regress;
        self.teachers(recipe, regress)?;
        if let Some(cotrain) = recipe.cotrain {
            if regress {
                let reason = "networks are trained together through their class probabilities";
                return Err(self.combination("cotrain", reason, "remove the table, or classify"));
            }
            self.count("cotrain.epochs", cotrain.epochs, 1..=100_000)?;
            self.real("cotrain.temperature", cotrain.temperature, 0.0, 100.0, Ends::Above)?;
            if recipe.teacher.iter().all(|teacher| !teacher.is_trained()) {
                return Err(self.idle("cotrain", "a teacher that is trained here"));
            }
            if recipe.target.embedding_weight.is_some() && cotrain.keep_student {
                let reason = "outputs that learn an embedding cannot be added to a student that is trained already";
                return Err(self.combination(
                    "target.embedding_weight",
                    reason,
                    "say keep_student = false in [cotrain]",
                ));
            }
        }
        self.masks(recipe)?;
        match recipe.route.balance {
            Some(_) if recipe.route.kind != RouteKind::Router => {
                return Err(self.idle("route.balance", "kind = \"router\""));
            }
            Some(balance) => self.real("route.balance", balance, 0.0, 100.0, Ends::Both)?,
            None => {}
        }
        if regress && recipe.route.kind == RouteKind::Router {
            let reason = "the router learns which teacher names the right class";
            return Err(self.combination("route.kind", reason, "use mean or best-on-tune"));
        }
        let student = &recipe.student;
        self.student_hidden(&student.hidden)?;
        self.real("student.dropout", student.dropout, 0.0, 1.0, Ends::Below)?;
        self.real("student.noise", student.noise, 0.0, 10.0, Ends::Both)?;
        self.real("student.learning_rate", student.learning_rate, 0.0, 1.0, Ends::Above)?;
        self.count("student.epochs", student.epochs, 1..=100_000)?;
        self.count("student.batch_rows", student.batch_rows, 1..=1 << 20)?;
        let target = &recipe.target;
        self.real("target.distill_temperature", target.distill_temperature, 0.0, 100.0, Ends::Above)?;
        self.real("target.soft_weight", target.soft_weight, 0.0, 100.0, Ends::Above)?;
        self.real("target.label_weight", target.label_weight, 0.0, 100.0, Ends::Both)?;
        if let Some(margin) = target.margin {
            if !regress || target.label_weight == 0.0 {
                return Err(self.idle("target.margin", "task = \"regress\" and a label_weight"));
            }
            self.real("target.margin", margin, 0.0, 100.0, Ends::Both)?;
        }
        self.embeddings(recipe)?;
        self.quantize(&recipe.quantize)?;
        if let Some(headroom) = recipe.quantize.input_headroom {
            self.real("quantize.input_headroom", headroom, 1.0, 10.0, Ends::Both)?;
        }
        if recipe.quantize.method == QuantizeMethod::Qat {
            let reason = "students of tables are rounded after training";
            return Err(self.combination("quantize.method", reason, "remove the key"));
        }
        self.report(&recipe.report)
    }
}
