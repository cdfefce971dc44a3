//! Stops models while they run. A model may contain an endless loop, and then no later epoch or batch could notice the
//! interrupt.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ort::session::RunOptions;

static RAISED: AtomicBool = AtomicBool::new(false);
/// One for each open model.
static OPEN: Mutex<Vec<Weak<RunOptions>>> = Mutex::new(Vec::new());

/// Stops every evaluation in progress and all later ones; called from a signal handler's thread.
pub fn interrupt() {
    RAISED.store(true, Ordering::SeqCst);
    for options in OPEN.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade) {
        // A library that cannot stop a run continues; a second Ctrl-C then ends the process.
        let _ = options.terminate();
    }
}

/// Whether [`interrupt`] was called.
#[must_use]
pub fn is_interrupted() -> bool {
    RAISED.load(Ordering::SeqCst)
}

/// Settings of all runs of a model, through which they can be stopped.
pub(super) struct Runs(Arc<RunOptions>);

impl Runs {
    /// Registers one more model; `None` for a library without such settings.
    pub(super) fn open() -> Option<Self> {
        let options = Arc::new(RunOptions::new().ok()?);
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|options| options.strong_count() > 0);
        open.push(Arc::downgrade(&options));
        drop(open);
        if is_interrupted() {
            let _ = options.terminate();
        }
        Some(Self(options))
    }

    pub(super) fn options(&self) -> &RunOptions {
        &self.0
    }
}

impl fmt::Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runs").finish_non_exhaustive()
    }
}
