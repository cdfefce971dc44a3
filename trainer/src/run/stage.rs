//! One training of a job: shown, checkpointed, resumable, interruptible.

use super::RunError;
use crate::nn::{EpochReport, TrainError, TrainState, TuneFigure};
use crate::output::Checkpoints;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a training in progress is saved.
const SAVE_EVERY: Duration = Duration::from_secs(20);

/// The user's wish to stop, set from a signal handler.
#[derive(Debug, Default)]
pub struct Interrupt(AtomicBool);

impl Interrupt {
    /// An interrupt that is not raised; usable in a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Asks every training to stop after its current epoch.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the user wants to stop.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What happens in a run, for progress bars and logs. Called from several threads.
pub trait Observer: Sync {
    /// The number of stages to come.
    fn planned(&self, _stages: usize) {}
    /// A stage begins, goes on or ends.
    fn stage(&self, _event: StageEvent<'_>) {}
    /// Something the user should know before it costs him time.
    fn note(&self, _text: &str) {}
}

/// One step of one stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StageEvent<'a> {
    /// An epoch was done.
    Epoch {
        /// Name of the stage, unique in the run.
        stage: &'a str,
        /// Epoch from 0.
        epoch: usize,
        /// Epochs at most.
        max_epochs: usize,
        /// Training loss.
        loss: f64,
        /// How good it is on the tune rows.
        tune: TuneFigure,
    },
    /// The stage is done, now or in an earlier run.
    Done {
        /// Name of the stage.
        stage: &'a str,
        /// Whether it came from a checkpoint.
        resumed: bool,
    },
}

/// What a run may touch besides its data.
pub struct RunContext<'a> {
    /// Who watches.
    pub observer: &'a dyn Observer,
    /// Who stops it.
    pub interrupt: &'a Interrupt,
    /// Folder for finished and unfinished stages, and the hash of what makes it the same run; none for a run in memory.
    pub checkpoints: Option<(&'a Path, [u8; 32])>,
    /// Folder with what is constant about teachers, for tables; it outlives the run. None to keep nothing.
    pub cache: Option<&'a Path>,
}

/// What the checkpoint of a stage holds.
#[derive(Serialize, Deserialize)]
enum Kept<T> {
    /// A training in progress.
    Unfinished(Box<TrainState>),
    /// A result.
    Done(T),
}

/// Runs one training, or takes its result from a checkpoint.
///
/// `train(resume, progress)` runs the loop; a state saved mid-way is handed to it, and it goes on to the same bits.
pub(crate) fn stage<T: Serialize + DeserializeOwned>(
    context: &RunContext<'_>,
    seed: u64,
    name: &str,
    train: impl FnOnce(Option<TrainState>, &mut crate::nn::Progress<'_>) -> Result<T, TrainError>,
) -> Result<T, RunError> {
    let checkpoint = |source| RunError::Checkpoint { stage: name.to_owned(), source };
    let slot = context.checkpoints.map(|(folder, run)| Checkpoints::new(&folder.join(name), run, name));
    let slot = slot.transpose().map_err(checkpoint)?;
    let mut resume = None;
    if let Some(slot) = &slot {
        let restored = slot.load::<Kept<T>>().map_err(checkpoint)?;
        if let Some(fallback) = restored.fallback {
            context.observer.note(&fallback);
        }
        match restored.state {
            Some(Kept::Done(result)) => {
                context.observer.stage(StageEvent::Done { stage: name, resumed: true });
                return Ok(result);
            }
            Some(Kept::Unfinished(state)) => resume = Some(*state),
            None => {}
        }
    }
    if context.interrupt.is_raised() {
        return Err(RunError::Interrupted);
    }
    let mut saved = Instant::now();
    let mut failure = None;
    let mut progress = |report: EpochReport<'_>| {
        context.observer.stage(StageEvent::Epoch {
            stage: name,
            epoch: report.epoch,
            max_epochs: report.max_epochs,
            loss: report.point.loss,
            tune: report.point.tune,
        });
        let stop = context.interrupt.is_raised();
        if let Some(slot) = &slot
            && (stop || saved.elapsed() >= SAVE_EVERY)
        {
            failure = slot.save(&Kept::<T>::Unfinished(Box::new(report.state.clone()))).err();
            saved = Instant::now();
        }
        if stop || failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let result = train(resume, &mut progress);
    if let Some(source) = failure {
        return Err(checkpoint(source));
    }
    if context.interrupt.is_raised() {
        return Err(RunError::Interrupted);
    }
    let result = Kept::Done(result.map_err(|source| RunError::Train { seed, stage: name.to_owned(), source })?);
    if let Some(slot) = &slot {
        slot.save(&result).map_err(checkpoint)?;
    }
    context.observer.stage(StageEvent::Done { stage: name, resumed: false });
    match result {
        Kept::Done(result) => Ok(result),
        Kept::Unfinished(_) => Err(RunError::Interrupted),
    }
}
