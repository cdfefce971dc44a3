//! Ends models while they answer. A model may hold a loop that never ends, and no epoch or batch follows it at which a
//! wish to stop would be seen.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ort::session::RunOptions;

static RAISED: AtomicBool = AtomicBool::new(false);
/// One for each model that is open.
static OPEN: Mutex<Vec<Weak<RunOptions>>> = Mutex::new(Vec::new());

/// Ends every answer that is under way, and those to come; called from a signal handler's thread.
pub fn interrupt() {
    RAISED.store(true, Ordering::SeqCst);
    for options in OPEN.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade) {
        // A library that cannot end a run goes on; a second Ctrl-C then ends the process.
        let _ = options.terminate();
    }
}

/// Whether [`interrupt`] was called.
#[must_use]
pub fn is_interrupted() -> bool {
    RAISED.load(Ordering::SeqCst)
}

/// Settings of all runs of a model, through which they are ended.
pub(super) struct Runs(Arc<RunOptions>);

impl Runs {
    /// Those of one more model; `None` for a library without any.
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
