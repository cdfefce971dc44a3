//! Training of one teacher: its members, the parts it is cross-fitted in, and what is kept of it for later runs.

use std::collections::BTreeSet;
use std::ops::Range;

use ndarray::Array2;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cache::Cache;
use super::job::{Job, distance};
use super::teachers::mixing;
use super::{RunError, StageEvent};
use crate::data::{Matrix, TeacherForm};
use crate::distill::confidence_temperature;
use crate::distill::labels::Distance;
use crate::distill::mixer::{Mixing, mean};
use crate::distill::supervised::Supervised;
use crate::nn::{Adam, Branch, CurvePoint, Family, Length, Net, Source, TrainPlan, TrainedNet, Training, Whole, drawn};
use crate::recipe::{ChooseBy, Recipe, Seen as Columns, TeacherInput, TeacherSection};
use crate::teacher::graph::{GraphKind, Seen};

/// Distance between the seeds of a job's trainings: larger than any list of seeds a user writes.
const STRIDE: u64 = 1 << 32;
/// Room for the members of one teacher: 64 members for each of 64 parts.
const MOST_MEMBERS: u64 = 64 * 64;

/// A teacher that was trained here.
pub(super) struct TrainedTeacher {
    pub(super) answer: Array2<f32>,
    /// For all rows of the whole data, where it has more.
    pub(super) everywhere: Option<Array2<f32>>,
    /// Its members, where it is asked again.
    pub(super) asked_again: Option<Vec<TrainedNet>>,
}

/// What is kept of a member: its logits, and its weights where it is asked again.
#[derive(Serialize, Deserialize)]
struct Member {
    #[serde(with = "crate::nn::matrix")]
    logits: Array2<f32>,
    #[serde(with = "crate::nn::matrix")]
    everywhere: Array2<f32>,
    net: Option<TrainedNet>,
    curve: Vec<CurvePoint>,
    /// Epoch, from 0, whose weights are kept.
    best_epoch: usize,
}

/// The training of one member.
struct MemberPlan<'t> {
    teacher: &'t TeacherSection,
    stage: String,
    training: TrainPlan,
    /// Rows whose labels it learns.
    rows: &'t [usize],
}

impl Job<'_> {
    /// Trains the members of a teacher.
    ///
    /// Cross-fitted in parts, a labelled row is answered by the members that did not see its part (Chernozhukov et al. 2018;
    /// for distillation Dao et al. 2021): a teacher is far surer of rows it has learnt from than of new ones.
    pub(super) fn train_teacher(
        &mut self,
        recipe: &Recipe,
        number: usize,
        teacher: &TeacherSection,
    ) -> Result<TrainedTeacher, RunError> {
        let parts = match teacher.training().and_then(|training| training.crossfit) {
            Some(count) => self.data.parts(&self.labelled, count, self.seed()),
            None => vec![Vec::new()],
        };
        let mut asked_again = Vec::new();
        let (mut means, mut everywhere) = (Vec::new(), Vec::new());
        for (place, part) in parts.iter().enumerate() {
            let held: BTreeSet<usize> = part.iter().copied().collect();
            let rows: Vec<usize> = self.labelled.iter().copied().filter(|row| !held.contains(row)).collect();
            let members = self.members(number, place, teacher, &rows)?;
            let of = |logits: &dyn Fn(&Member) -> Array2<f32>| self.mean_of(recipe, teacher, &members, logits);
            means.push(of(&|member| member.logits.clone())?);
            if members.iter().all(|member| member.everywhere.nrows() > 0) {
                everywhere.push(of(&|member| member.everywhere.clone())?);
            }
            asked_again.extend(members.into_iter().filter_map(|member| member.net));
        }
        let mut answer = mean(Mixing::Mean, &means);
        for (part, mean) in parts.iter().zip(&means) {
            part.iter().for_each(|&row| answer.row_mut(row).assign(&mean.row(row)));
        }
        let everywhere = (!everywhere.is_empty()).then(|| mean(Mixing::Mean, &everywhere));
        Ok(TrainedTeacher { answer, everywhere, asked_again: teacher.reask().then_some(asked_again) })
    }

    /// Trains the members of one part of a teacher on `rows`.
    fn members(
        &mut self,
        number: usize,
        part: usize,
        teacher: &TeacherSection,
        rows: &[usize],
    ) -> Result<Vec<Member>, RunError> {
        let Some(training) = teacher.training() else { return Ok(Vec::new()) };
        let adam = Adam { learning_rate: training.learning_rate as f32, weight_decay: training.weight_decay as f32 };
        let mut members = Vec::new();
        for member in 0..training.members {
            let place = part * training.members + member;
            let plan = TrainPlan {
                adam,
                length: Length::of(training.epochs, training.steps),
                patience: training.patience,
                batch_rows: teacher.batch_rows(),
                seed: self.member_seed(teacher, number, place),
            };
            let stage = format!("{}teacher-{number}-{place}", self.prefix);
            let key = match distance(self.recipe) {
                Distance::Squared => self.key("member-2", &(of_one_member(teacher), plan, rows)),
                other => self.key("member-2", &(of_one_member(teacher), plan, rows, format!("{other:?}"))),
            };
            let plan = MemberPlan { teacher, stage: stage.clone(), training: plan, rows };
            let member = self.kept(&stage, key, |job| match job.graph_kind(teacher) {
                Some(kind) => job.graph_member(kind, &plan),
                None => job.dense_member(&plan),
            })?;
            self.record_curve(&stage, &member.curve, member.best_epoch);
            members.push(member);
        }
        Ok(members)
    }

    /// The mean of the members' answers, each as sure as fits the tune labels where the teacher says so.
    fn mean_of(
        &self,
        recipe: &Recipe,
        teacher: &TeacherSection,
        members: &[Member],
        logits: &dyn Fn(&Member) -> Array2<f32>,
    ) -> Result<Array2<f32>, RunError> {
        let mixing = mixing(recipe);
        let fits = teacher.training().is_some_and(|training| training.fit_confidence);
        let mut answers = Vec::new();
        for member in members {
            let mut answer = logits(member);
            if let (true, Some(labels)) = (fits, self.data.truth.labels()) {
                let temperature = confidence_temperature(&member.logits, labels, &self.split.tune);
                answer /= temperature.map_err(|source| self.train_error("teacher", source))?;
            }
            answers.push(if mixing == Mixing::MeanOfProbabilities { answer } else { self.answer_of(&answer) });
        }
        Ok(mean(mixing, &answers))
    }

    fn graph_kind(&self, teacher: &TeacherSection) -> Option<GraphKind> {
        match teacher {
            TeacherSection::Gcn(_) => Some(GraphKind::Gcn),
            TeacherSection::Sage(_) => Some(GraphKind::Sage),
            TeacherSection::Gat(gat) => {
                Some(GraphKind::Gat { heads: gat.attention_heads, dropout: gat.attention_dropout as f32 })
            }
            _ => None,
        }
    }

    /// A member that sees the edges.
    fn graph_member(&mut self, kind: GraphKind, plan: &MemberPlan<'_>) -> Result<Member, RunError> {
        let (Some(training), Some(edges)) = (plan.teacher.training(), self.data.edges.clone()) else {
            return Err(RunError::NoEdges(self.data.name.clone()));
        };
        let mut widths = vec![self.data.x.columns()];
        widths.extend(&training.hidden);
        widths.push(self.data.truth.outputs());
        let net = kind.net(&widths, training.dropout as f32);
        let form = TeacherForm::of(&self.data.x, &self.split.train, plan.teacher.input().unwrap_or(TeacherInput::Raw));
        let x = form.apply(&self.data.x);
        let seen = Seen::new(kind, &x, &edges);
        let (train, tune) = (seen.view(&net, plan.rows), seen.view(&net, &self.split.tune));
        let trained = {
            let mut lesson =
                Supervised::new(self.labels(training.label_smoothing), &self.split.tune, training.choose_by);
            let start = drawn(&[net], plan.training.seed);
            let source = Source::Whole(Whole { rows: plan.rows, train: &train, tune: &tune });
            let training = Training { start: &start, source, plan: plan.training, backend: self.backend };
            self.run(&plan.stage, &training, &mut lesson)?
        };
        self.spend(&plan.stage, trained.cpu_seconds);
        let net = &trained.nets[0];
        let everywhere = match &self.whole.edges {
            Some(edges) if !self.evaluation.unseen.is_empty() => {
                let x = form.apply(&self.whole.x);
                Seen::new(kind, &x, edges).logits(net, self.backend)
            }
            _ => Array2::zeros((0, 0)),
        };
        Ok(Member {
            logits: seen.logits(net, self.backend),
            everywhere,
            net: None,
            curve: trained.curve,
            best_epoch: trained.best_epoch,
        })
    }

    /// A member that sees columns.
    fn dense_member(&mut self, plan: &MemberPlan<'_>) -> Result<Member, RunError> {
        let net = self.teacher_net(plan.teacher);
        let (smoothing, choose_by) = plan
            .teacher
            .training()
            .map_or((0.0, ChooseBy::Loss), |training| (training.label_smoothing, training.choose_by));
        let mixup = plan.teacher.mixup();
        let start = drawn(&[net], plan.training.seed);
        let trained = {
            let labels = self.labels(smoothing);
            let mut lesson = Supervised::new(labels, &self.split.tune, choose_by);
            lesson.mixup = mixup;
            self.train(&plan.stage, &start, plan.rows, &plan.training, &mut lesson)?
        };
        self.spend(&plan.stage, trained.cpu_seconds);
        let (curve, best_epoch, net) =
            (trained.curve, trained.best_epoch, trained.nets.into_iter().next().ok_or(RunError::Interrupted)?);
        let everywhere = match self.evaluation.unseen.is_empty() {
            true => Array2::zeros((0, 0)),
            false => self.logits_on(&net, &self.form.apply(&self.whole.x)),
        };
        Ok(Member {
            logits: self.logits(&net),
            everywhere,
            net: plan.teacher.reask().then_some(net),
            curve,
            best_epoch,
        })
    }

    /// The network of a teacher that sees columns.
    pub(super) fn teacher_net(&self, teacher: &TeacherSection) -> Net {
        let student = self.data.student;
        let columns = if teacher.sees() == Columns::Student { student } else { self.x.columns() };
        // The matrix holds the student's columns first; a teacher that does not see them all reads the others alone.
        let blind = teacher.sees() == Columns::All && !self.data.teacher.contains(&0);
        let first = if teacher.sees() == Columns::Others || blind { student } else { 0 };
        let (hidden, dropout) =
            teacher.training().map_or((&[][..], 0.0), |training| (&training.hidden[..], training.dropout as f32));
        let outputs = self.data.truth.outputs();
        match teacher {
            TeacherSection::Fusion(fusion) if first == 0 && student < columns => {
                let branch = |columns: Range<usize>| Branch { columns, hidden: fusion.branch_hidden.clone() };
                let branches = vec![branch(0..student), branch(student..columns)];
                Net { family: Family::Mlp, branches, hidden: hidden.to_vec(), outputs, dropout, input_dropout: 0.0 }
            }
            _ => Net::mlp(first..columns, hidden, outputs, dropout),
        }
    }

    /// Logits of a network that sees columns, for all rows that may be learnt from.
    pub(super) fn logits(&self, net: &TrainedNet) -> Array2<f32> {
        self.logits_on(net, &self.x)
    }

    /// The same for rows in the student's form.
    fn logits_on(&self, net: &TrainedNet, x: &Matrix) -> Array2<f32> {
        match x {
            Matrix::Dense(x) => net.logits(x.view(), self.backend),
            Matrix::Sparse(x) => net.weights().logits(x, self.backend),
        }
    }

    /// Seed of a member of a teacher.
    fn member_seed(&self, teacher: &TeacherSection, number: usize, place: usize) -> u64 {
        match self.graph_kind(teacher) {
            // The first graph teacher has the streams it always had, which the shipped student of Cora learnt from.
            Some(_) if number == 0 => self.apart(place as u64),
            _ => self.apart(1 + number as u64 * MOST_MEMBERS + place as u64),
        }
    }

    /// A seed that no other training of the job has; 0 is the job's own.
    pub(super) fn apart(&self, number: u64) -> u64 {
        self.seed().wrapping_add(STRIDE.wrapping_mul(number))
    }

    /// SHA-256 over all that decides something constant about the teachers.
    pub(super) fn key(&self, what: &str, settings: &impl Serialize) -> [u8; 32] {
        let settings = serde_json::to_vec(settings).unwrap_or_default();
        let key = Sha256::new().chain_update(self.data_key).chain_update(what).chain_update([0]);
        key.chain_update(settings).finalize().into()
    }

    /// Takes a stage's result from what an earlier run kept, or works it out and keeps it.
    pub(super) fn kept<T: Serialize + DeserializeOwned>(
        &mut self,
        stage: &str,
        key: [u8; 32],
        work: impl FnOnce(&mut Self) -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        let cache = Cache::new(self.context.cache, self.context.observer);
        if let Some(kept) = cache.get(key) {
            let stage = format!("{}-{stage}", self.evaluation.stage());
            self.context.observer.stage(StageEvent::Done { stage: &stage, resumed: true });
            return Ok(kept);
        }
        let result = work(self)?;
        cache.put(key, &result);
        Ok(result)
    }
}

/// Everything of a teacher's section that one member depends on, for the key of what is kept of it.
fn of_one_member(teacher: &TeacherSection) -> String {
    let mut teacher = teacher.clone();
    if let Some(training) = teacher.training_mut() {
        (training.members, training.crossfit, training.fit_confidence) = (1, None, false);
    }
    format!("{:?}", teacher.entries(false))
}
