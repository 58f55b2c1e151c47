//! How far long work has come, for whoever watches it at a terminal.
//!
//! It is drawn on standard error, and not at all where that is no terminal: files and pipes never
//! get a piece of it.

use std::{path::Path, time::Duration};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use mcpo2_artifact::ingest::{Done, Progress};
use mcpo2_audit::Statements;

use super::format::Format;

/// How often it moves while nothing is heard of the work.
const TICK: Duration = Duration::from_millis(100);

/// Whether it is shown.
#[derive(Debug, clap::Args)]
pub(super) struct Watch {
    /// Do not show how far it is
    #[arg(short, long)]
    quiet: bool,
}

impl Watch {
    /// Nor is it shown beside what is for tools.
    pub(super) fn beside(&self, format: Format) -> Self {
        self.unless(format == Format::Json)
    }

    /// Nor is it shown where this is so.
    pub(super) fn unless(&self, hidden: bool) -> Self {
        Self {
            quiet: self.quiet || hidden,
        }
    }

    /// A bar of as many records as the ledger in this directory has published.
    pub(super) fn records(&self, doing: &'static str, ledger: &Path) -> Bar {
        let published = Statements::of(ledger).published().ok().flatten();
        let size = published.map(|it| it.checkpoint().size());
        let Some(size) = size.filter(|_| !self.quiet) else {
            return self.work(doing);
        };
        let bar = self.drawn(
            "{msg} {wide_bar} {human_pos} of {human_len} records, {per_sec}, {eta} to go",
            doing,
        );
        bar.set_length(size);
        bar.tick();
        Bar(bar)
    }

    /// Work of which nobody knows how much there is.
    pub(super) fn work(&self, doing: &'static str) -> Bar {
        let bar = self.drawn("{spinner} {msg} {elapsed}", doing);
        if !bar.is_hidden() {
            // Work may be done before the first tick.
            bar.tick();
            bar.enable_steady_tick(TICK);
        }
        Bar(bar)
    }

    /// Files of which nobody knows how many there are.
    pub(super) fn files(&self, doing: &'static str) -> Bar {
        Bar(self.drawn(
            "{spinner} {msg} {human_pos} files, {prefix}, {elapsed}",
            doing,
        ))
    }

    fn drawn(&self, template: &str, doing: &'static str) -> ProgressBar {
        let target = match self.quiet {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(None, target).with_message(doing);
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}

/// How far some work has come. It is gone from the terminal once it is dropped.
#[derive(Debug)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// All records up to the one of this number are dealt with.
    pub(super) fn at(&self, seq: u64) {
        let done = seq.saturating_add(1);
        // More may have come since it began.
        if self.0.length().is_some_and(|length| length < done) {
            self.0.set_length(done);
        }
        self.0.set_position(done);
    }
}

impl Progress for Bar {
    fn file(&self, done: &Done<'_>) {
        if !self.0.is_hidden() {
            self.0.set_prefix(HumanBytes(done.bytes).to_string());
            self.0.set_position(done.files);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
