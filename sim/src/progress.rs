//! Progress of long work: a bar on a terminal, and occasional plain lines elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whether no progress is shown.
static SILENT: AtomicBool = AtomicBool::new(false);
/// The least time left that is said. Units: seconds.
const WORTH_SAYING_S: f64 = 2.0;
/// The share of the work between two plain lines.
const PLAIN_STEP: f64 = 0.25;

/// Shows no progress from now on.
pub fn silence() {
    SILENT.store(true, Ordering::Relaxed);
}

/// One stage of long work. Shared by threads.
pub struct Stage {
    bar: ProgressBar,
    plain: Option<std::sync::Mutex<f64>>,
    name: String,
}

impl Stage {
    /// Starts a stage of `total` steps, shown on standard error.
    pub fn new(name: &str, total: u64) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let is_silent = SILENT.load(Ordering::Relaxed);
        let bar = if is_terminal && !is_silent { ProgressBar::new(total) } else { ProgressBar::hidden() };
        bar.set_length(total);
        let style =
            ProgressStyle::with_template("{prefix:<22} {bar:20} {pos}/{len} {elapsed}, about {eta} left {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        let has_lines = !is_terminal && !is_silent;
        Self { bar, plain: has_lines.then(|| std::sync::Mutex::new(PLAIN_STEP)), name: name.to_owned() }
    }

    /// Counts steps.
    pub fn add(&self, steps: u64) {
        self.bar.inc(steps);
        self.plain_line("");
    }

    /// Sets the numbers of steps done and to do, and shows a message.
    pub fn progress(&self, steps: u64, total: u64, message: &str) {
        self.bar.set_length(total);
        self.bar.set_position(steps);
        self.bar.set_message(message.to_owned());
        self.plain_line(message);
    }

    /// Ends the stage, and prints its duration if no bar has shown it.
    pub fn finish(&self) {
        if self.plain.is_some() {
            eprintln!("{}: {} in {:.2} s", self.name, self.bar.position(), self.bar.elapsed().as_secs_f64());
        }
        self.bar.finish();
    }

    fn plain_line(&self, message: &str) {
        let Some(next) = &self.plain else { return };
        let mut next = next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let total = self.bar.length().unwrap_or(0);
        if self.bar.position() as f64 >= *next * total as f64 && total > 0 {
            eprintln!("{}: {}/{total}{} {message}", self.name, self.bar.position(), self.left());
            while self.bar.position() as f64 >= *next * total as f64 {
                *next += PLAIN_STEP;
            }
        }
    }

    /// Estimates the time left, where that is worth saying: the rest at the rate so far.
    fn left(&self) -> String {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
        let so_far_s = self.bar.elapsed().as_secs_f64();
        let left_s = so_far_s * total.saturating_sub(done) as f64 / done.max(1) as f64;
        if left_s < WORTH_SAYING_S { String::new() } else { format!(", about {left_s:.0} s left") }
    }
}
