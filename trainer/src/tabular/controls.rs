//! Students that are trained beside the recipe's own, so that a gain can be told from what any training gives.

use ndarray::Array2;

use super::job::Job;
use super::lesson::FromLabels;
use super::prepare::Truth;
use super::student::Course;
use crate::nn::{MlpWeights, Net, TrainedNet, drawn};
use crate::recipe::old::{RouteKind, TabularTask};
use crate::run::RunError;

/// Share of label mass that the label-smoothing control spreads over all classes.
const LABEL_SMOOTHING: f32 = 0.1;
/// Distill temperatures the plain control chooses from, on the tune rows.
const PLAIN_TEMPERATURES: [f32; 3] = [1.0, 2.0, 4.0];

/// Trainings of all controls: on labels alone and plain distilling; of a classifier label smoothing, the uniform teacher
/// and the random router as well.
pub(super) fn count(task: TabularTask) -> usize {
    let of_classes = if task == TabularTask::Classify { 3 } else { 0 };
    1 + of_classes + PLAIN_TEMPERATURES.len()
}

impl Job<'_> {
    /// Trains the student on labels alone.
    fn on_labels(&mut self, name: &str, smoothing: f32) -> Result<MlpWeights, RunError> {
        let trained = {
            let labels = self.labels(smoothing);
            let tune = &self.split.tune;
            let mut lesson = FromLabels { labels, tune, mixup: false, mix: Vec::new() };
            let net = Net { dropout: 0.0, ..self.student_net() };
            self.train(name, &drawn(&[net], self.seed), &self.labelled, &self.student_plan(), &mut lesson)?
        };
        self.spend(name, trained.cpu_seconds);
        Ok(trained.nets[0].weights())
    }

    /// `first` is what the first teacher says, `routed` the answers of the ways of the route, from which the student starts
    /// at `start`.
    pub(super) fn controls(
        &mut self,
        first: &Array2<f32>,
        (routed, best, start): (&[Array2<f32>], usize, Option<&TrainedNet>),
    ) -> Result<Vec<(&'static str, MlpWeights)>, RunError> {
        let mut all = vec![("label_only", self.on_labels("label_only", 0.0)?)];
        if matches!(self.data.truth, Truth::Classes { .. }) {
            all.push(("label_smoothing", self.on_labels("label_smoothing", LABEL_SMOOTHING)?));
            // The same recipe from a teacher that knows nothing. Labels have to say what it cannot.
            let blank = [Array2::zeros(first.dim())];
            let course = self.course();
            let label_weight = if course.label_weight > 0.0 { course.label_weight } else { 1.0 };
            let mean = (RouteKind::Mean, 0);
            let taught = self.towards("uniform_teacher", &blank, mean, &Course { label_weight, ..course })?;
            self.spend("uniform_teacher", taught.cpu_seconds);
            all.push(("uniform_teacher", taught.weights));
            let random = self.distil("random_router", routed, (RouteKind::Random, best), start)?.0;
            all.push(("random_router", random));
        }
        // Hinton's distillation from the first teacher alone, half labels, half teacher, without noise.
        let first = std::slice::from_ref(first);
        let mut plain: Option<(f64, MlpWeights)> = None;
        for temperature in PLAIN_TEMPERATURES {
            let name = format!("plain_kd-{temperature}");
            let course = Course { temperature, soft_weight: 0.5, label_weight: 0.5, noise: 0.0, ..self.course() };
            let taught = self.towards(&name, first, (RouteKind::Mean, 0), &course)?;
            self.spend(&name, taught.cpu_seconds);
            let weights = taught.weights;
            let merit = self.score(&weights, &self.split.tune).merit();
            if plain.as_ref().is_none_or(|(best, _)| merit > *best) {
                plain = Some((merit, weights));
            }
        }
        all.extend(plain.map(|(_, weights)| ("plain_kd", weights)));
        Ok(all)
    }
}
