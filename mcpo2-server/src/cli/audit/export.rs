use std::{
    fs::OpenOptions,
    io::{self, IsTerminal as _, Write},
    path::PathBuf,
};

use clap::ValueEnum;
use mcpo2_audit::{
    LedgerFeed,
    export::{
        Cef, CursorFile, Exported, Feed, Format, Jsonl, Lines, Ocsf, Paired, Sink, otlp::Otlp, pump,
    },
    index::TenantScope,
};
use mcpo2_core::BoxError;

use super::{
    super::{
        progress::{Bar, Watch},
        say,
    },
    index::Scope,
};

/// How many records are given at once.
const BATCH: usize = 500;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Export {
    /// The directory of the ledger
    dir: PathBuf,
    #[command(flatten)]
    scope: Scope,
    /// In which form
    #[arg(long, value_enum)]
    to: Target,
    /// Append to this file; to standard output if none is said
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where it is written down how far it came, so that the next time goes on there: then each
    /// record arrives at least once
    #[arg(long, value_name = "FILE")]
    cursor: Option<PathBuf>,
    #[command(flatten)]
    watch: Watch,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Target {
    /// Records as they are, a line each
    Jsonl,
    /// OCSF events, class API Activity (6003), a line each
    Ocsf,
    /// Common Event Format, a line each
    Cef,
    /// OTLP/HTTP JSON requests with log records, a line each
    Otlp,
}

impl Export {
    pub(super) fn run(self) -> Result<(), BoxError> {
        let out: Box<dyn Write + Send> = match &self.out {
            Some(file) => Box::new(OpenOptions::new().create(true).append(true).open(file)?),
            None => Box::new(io::stdout()),
        };
        let feed = LedgerFeed::open(&self.dir)?;
        let origin = feed.origin().to_owned();
        let mut feed = Paired::new(feed);
        let mut sink: Box<dyn Sink> = match self.to {
            Target::Jsonl => self.sink(Jsonl, out),
            Target::Ocsf => self.sink(Ocsf, out),
            Target::Cef => self.sink(Cef, out),
            Target::Otlp => self.sink(Otlp, out),
        };
        // Lines and a bar at one terminal would be in each other's way.
        let lines = self.out.is_none() && io::stdout().is_terminal();
        let bar = self.watch.unless(lines).records("exporting", &self.dir);
        let sent = match &self.cursor {
            Some(file) => behind(
                CursorFile::open(file, &origin)?,
                &mut feed,
                &mut *sink,
                &bar,
            )?,
            None => all(&mut feed, &mut *sink, &bar)?,
        };
        drop(bar);
        say(&format!("{sent} records read"));
        Ok(())
    }

    fn sink(
        &self,
        format: impl Format + Send + 'static,
        out: Box<dyn Write + Send>,
    ) -> Box<dyn Sink> {
        Box::new(Scoped {
            scope: self.scope.get(),
            sink: Lines::new(format, out),
        })
    }
}

fn behind(
    mut cursor: CursorFile,
    feed: &mut dyn Feed,
    sink: &mut dyn Sink,
    bar: &Bar,
) -> Result<usize, BoxError> {
    let mut sent = 0;
    loop {
        match pump(feed, sink, &mut cursor, BATCH)? {
            0 => return Ok(sent),
            count => sent += count,
        }
        cursor.seq().into_iter().for_each(|seq| bar.at(seq));
    }
}

fn all(feed: &mut dyn Feed, sink: &mut dyn Sink, bar: &Bar) -> Result<usize, BoxError> {
    let (mut sent, mut after) = (0, None);
    loop {
        let records = feed.next_after(after, BATCH)?;
        let Some(last) = records.last() else {
            return Ok(sent);
        };
        after = Some(last.seq);
        sent += records.len();
        sink.send(&records)?;
        after.into_iter().for_each(|seq| bar.at(seq));
    }
}

/// Passes on what is of a tenant.
struct Scoped<S> {
    scope: TenantScope,
    sink: S,
}

impl<S: Sink> Sink for Scoped<S> {
    fn send(&mut self, records: &[Exported]) -> Result<(), BoxError> {
        let TenantScope::One(tenant) = &self.scope else {
            return self.sink.send(records);
        };
        let theirs = records
            .iter()
            .filter(|record| record.tenant() == Some(tenant.as_str()));
        let theirs: Vec<Exported> = theirs.cloned().collect();
        self.sink.send(&theirs)
    }
}
