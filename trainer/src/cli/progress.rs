//! Progress of a run on standard error: one bar over all stages, one line for each active stage.

use crate::nn::TuneFigure;
use crate::output::{one_line, tell};
use crate::run::{Observer, StageEvent};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Shows bars on a terminal and plain lines in a file.
pub(super) struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    stages: Mutex<HashMap<String, ProgressBar>>,
    plain: bool,
}

impl Bars {
    /// Bars on standard error.
    pub(super) fn new() -> Self {
        Self::on(ProgressDrawTarget::stderr())
    }

    fn on(target: ProgressDrawTarget) -> Self {
        let all = MultiProgress::with_draw_target(target);
        let plain = all.is_hidden();
        let total = all.add(ProgressBar::new(0));
        total.set_style(style("{bar:30} {pos}/{len} stages, {elapsed} {msg}"));
        Self { all, total, stages: Mutex::new(HashMap::new()), plain }
    }

    /// Removes the bars before other output follows.
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
                    // A bar draws itself, so its text bypasses the printer and must be escaped here.
                    bar.set_prefix(one_line(stage).into_owned());
                    bar
                });
                bar.set_position(epoch as u64 + 1);
                bar.set_message(match tune {
                    TuneFigure::Accuracy(share) | TuneFigure::Both { accuracy: share, .. } => {
                        format!("loss {loss:.4}, tune {:.1} %", 100.0 * share)
                    }
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
                    let (position, stages) = (self.total.position(), self.total.length().unwrap_or(0));
                    tell(format_args!("[{position}/{stages}] {stage}: {message}"));
                }
            }
        }
    }

    fn note(&self, text: &str) {
        // The bars reappear with the next epoch; `suspend` would draw them at once, and would panic on a closed
        // terminal.
        let _ = self.all.clear();
        tell(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use std::io;

    /// A terminal whose window was closed.
    #[derive(Debug)]
    struct Gone;

    impl TermLike for Gone {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn write_line(&self, _: &str) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn write_str(&self, _: &str) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn clear_line(&self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn bars_on_a_terminal_that_is_gone_stop_nothing() {
        let bars = Bars::on(ProgressDrawTarget::term_like(Box::new(Gone)));
        assert!(!bars.plain);
        bars.planned(2);
        for stage in ["first", "second \u{1b}[2J"] {
            for epoch in 0..3 {
                let tune = TuneFigure::Loss(0.5);
                bars.stage(StageEvent::Epoch { stage, epoch, max_epochs: 3, loss: 1.0, tune });
                bars.note("between");
            }
            bars.stage(StageEvent::Done { stage, resumed: false });
        }
        bars.finish();
        assert_eq!(bars.total.position(), 2);
    }
}
