//! Progress of a run on standard error: one bar over all stages, one line a stage in work.

use crate::nn::TuneFigure;
use crate::run::{Observer, StageEvent};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Bars where a person watches, plain lines where the output is a file.
pub(super) struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    stages: Mutex<HashMap<String, ProgressBar>>,
    plain: bool,
}

impl Bars {
    /// Bars on standard error.
    pub(super) fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let plain = all.is_hidden();
        let total = all.add(ProgressBar::new(0));
        total.set_style(style("{bar:30} {pos}/{len} stages, {elapsed} {msg}"));
        Self { all, total, stages: Mutex::new(HashMap::new()), plain }
    }

    /// Removes the bars, so that what follows stands alone.
    pub(super) fn finish(&self) {
        self.total.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Observer for Bars {
    fn planned(&self, stages: usize) {
        self.total.set_length(stages as u64);
    }

    fn stage(&self, event: StageEvent<'_>) {
        let mut bars = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            StageEvent::Epoch { stage, epoch, max_epochs, loss, tune } => {
                let bar = bars.entry(stage.to_owned()).or_insert_with(|| {
                    let bar = self.all.add(ProgressBar::new(max_epochs as u64));
                    bar.set_style(style("  {prefix:40} epoch {pos}/{len} {msg}"));
                    bar.set_prefix(stage.to_owned());
                    bar
                });
                bar.set_position(epoch as u64 + 1);
                bar.set_message(match tune {
                    TuneFigure::Accuracy(share) => format!("loss {loss:.4}, tune {:.1} %", 100.0 * share),
                    TuneFigure::Loss(tune) => format!("loss {loss:.4}, tune {tune:.4}"),
                });
            }
            StageEvent::Done { stage, resumed } => {
                let message = bars.remove(stage).map(|bar| {
                    // Finishing moves the bar to its end.
                    let message = format!("{} epochs, {}", bar.position(), bar.message());
                    bar.finish_and_clear();
                    message
                });
                self.total.inc(1);
                if self.plain {
                    let message = message.unwrap_or_else(|| if resumed { "from before".into() } else { String::new() });
                    eprintln!("[{}/{}] {stage}: {message}", self.total.position(), self.total.length().unwrap_or(0));
                }
            }
        }
    }

    fn note(&self, text: &str) {
        if self.plain { eprintln!("{text}") } else { self.total.suspend(|| eprintln!("{text}")) }
    }
}
