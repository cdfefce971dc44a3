//! Student and teachers trained together, where the recipe says so.

use super::RunError;
use super::job::Job;
use crate::distill::mutual::Mutual;
use crate::nn::{Length, Net, TrainPlan, Trained, drawn};
use crate::recipe::Recipe;

impl Job<'_> {
    /// Trains student and teachers together: the student first, then every trained teacher.
    pub(super) fn cotrain(&mut self, recipe: &Recipe) -> Result<Option<Trained>, RunError> {
        let Some((nets, plan, temperature)) = self.cotrain_plan(recipe) else { return Ok(None) };
        let trained = self.kept("cotrain", self.cotrain_key(recipe), |job| {
            let trained = {
                let mut lesson = Mutual { labels: job.labels(0.0), tune: &job.split.tune, temperature };
                job.train("cotrain", &drawn(&nets, plan.seed), &job.labelled, &plan, &mut lesson)?
            };
            job.spend("cotrain", trained.cpu_seconds);
            Ok(trained)
        })?;
        self.record_curve("cotrain", &trained.curve, trained.best_epoch);
        Ok(Some(trained))
    }

    fn cotrain_plan(&self, recipe: &Recipe) -> Option<(Vec<Net>, TrainPlan, f32)> {
        let cotrain = recipe.cotrain.as_ref()?;
        let teachers = recipe.teacher.iter().filter(|teacher| teacher.is_trained());
        let mut nets = vec![self.student_net(recipe)];
        nets.extend(teachers.map(|teacher| Net { dropout: 0.0, ..self.teacher_net(teacher) }));
        let plan = TrainPlan { length: Length::Epochs(cotrain.epochs), ..self.student_plan(recipe) };
        Some((nets, plan, cotrain.temperature as f32))
    }

    /// Key of what was trained together.
    pub(super) fn cotrain_key(&self, recipe: &Recipe) -> [u8; 32] {
        self.key("cotrain", &self.cotrain_plan(recipe))
    }
}
