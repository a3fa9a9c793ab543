//! How far it is: a line that is painted over and over on a terminal, plain lines elsewhere.
//!
//! The painter is a task among all the others. That its line keeps moving while a hundred thousand tasks are
//! ready is the runtime's fairness at work.

use crate::table::grouped;
use filch::JoinHandle;
use filch::time::interval;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How often the line is painted on a terminal, and how often one is written elsewhere.
const PAINT_PERIOD: Duration = Duration::from_millis(100);
const WRITE_PERIOD: Duration = Duration::from_secs(2);

/// Shows how far some work is, until it is finished or dropped.
pub(crate) struct Progress {
    line: Line,
    painter: JoinHandle<()>,
}

/// Counts what is done.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicU64>);

impl Progress {
    pub(crate) fn start(what: &'static str, total: u64) -> Self {
        let line = Line { what, total, done: Counter::default(), start: Instant::now() };
        let painter = filch::spawn(line.clone().keep_painting());
        Self { line, painter }
    }

    pub(crate) fn counter(&self) -> Counter {
        self.line.done.clone()
    }

    /// Shows the last of it.
    pub(crate) async fn finish(mut self) {
        self.painter.abort();
        // An abort is what was asked for, so the result tells nothing. With it, the painting has ended.
        let _ = (&mut self.painter).await;
        self.line.paint("\n");
    }
}

impl Drop for Progress {
    /// Leaves the line as it is when the work has failed.
    fn drop(&mut self) {
        if !self.painter.is_finished() {
            self.painter.abort();
            self.line.paint("\n");
        }
    }
}

impl Counter {
    pub(crate) fn step(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[derive(Clone)]
struct Line {
    what: &'static str,
    total: u64,
    done: Counter,
    start: Instant,
}

impl Line {
    async fn keep_painting(self) {
        let (period, end) = match io::stdout().is_terminal() {
            true => (PAINT_PERIOD, ""),
            false => (WRITE_PERIOD, "\n"),
        };
        let mut pace = interval(period);
        // The first tick comes at once, when there is nothing to tell.
        pace.tick().await;
        loop {
            pace.tick().await;
            self.paint(end);
        }
    }

    /// Paints over what stands on the line.
    fn paint(&self, end: &str) {
        let mut out = io::stdout().lock();
        let begin = if out.is_terminal() { "\r\x1b[K" } else { "" };
        let (done, total) = (grouped(self.done.0.load(Relaxed)), grouped(self.total));
        let seconds = self.start.elapsed().as_secs_f64();
        // Nobody reads any more: no reason to stop working.
        let _ = write!(out, "{begin}{:<18} {done:>9} of {total:<9} {seconds:>6.2} s{end}", self.what);
        let _ = out.flush();
    }
}
