//! Why a run ended without a result.

use crate::nn::TrainError;
use crate::quantize::QuantizeError;

/// Why a run ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A training could not be started or diverged.
    #[error("seed {seed}, {stage}: {source}")]
    Train {
        /// Seed of the job.
        seed: u64,
        /// Stage of the job.
        stage: String,
        /// What is wrong.
        source: TrainError,
    },
    /// The float student fits no student file.
    #[error("seed {seed}: {source}")]
    Quantize {
        /// Seed of the job.
        seed: u64,
        /// What is wrong.
        source: QuantizeError,
    },
    /// The user stopped the run; finished stages are checkpointed.
    #[error("interrupted; finished stages are kept, go on with --resume")]
    Interrupted,
    /// A teacher that learns from edges, and data without.
    #[error("{0} has no edges, and a graph teacher learns from them; choose another kind of teacher")]
    NoEdges(String),
    /// A checkpoint could not be read or written.
    #[error("checkpoint {stage}: {source}")]
    Checkpoint {
        /// Stage of the job.
        stage: String,
        /// What is wrong.
        source: crate::output::OutputError,
    },
    /// No student of these data can be sealed.
    #[error(transparent)]
    Unsealable(#[from] crate::export::Unsealable),
    /// The sealed file is not accepted by the runtime.
    #[error(transparent)]
    Seal(#[from] crate::export::SealError),
    /// Something of the run folder could not be written.
    #[error(transparent)]
    Output(#[from] crate::output::OutputError),
    /// A report could not be rendered.
    #[error(transparent)]
    Report(#[from] crate::report::ReportError),
    /// A teacher that comes as a file was not asked before the run.
    #[error("teacher {number}: expected its answers, found none; call `consult` before the run")]
    NotConsulted {
        /// Teacher, counted from 1.
        number: usize,
    },
    /// The nodes to take out cannot be chosen.
    #[error(transparent)]
    Data(#[from] crate::dataset::DataError),
    /// The thread pool could not be started.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// The system's reason.
        reason: String,
    },
}
