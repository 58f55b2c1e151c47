use std::time::Duration;

use mcpo2_artifact::{blob::SweepOptions, forget_name};
use mcpo2_core::TenantId;
use serde_json::json;

use super::{
    super::{format::Format, progress::Watch},
    Done, Outcome, Problem,
    store::{At, Store},
    tell,
};
use crate::config::unit::duration;

#[derive(Debug, clap::Args)]
pub(super) struct Gc {
    #[command(flatten)]
    at: At,
    /// Only say what would be taken away
    #[arg(long)]
    dry_run: bool,
    /// Leave what ended, or was put, less than this long ago
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "1h")]
    grace: Duration,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    watch: Watch,
    #[command(flatten)]
    first: First,
}

/// What ends before.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is no longer kept")]
struct First {
    /// Take this pin off the tree, as `ingest --pin` put it there
    #[arg(long, value_name = "NAME", requires_all = ["root", "tenant"], conflicts_with = "dry_run")]
    unpin: Option<String>,
    /// Forget the tree, whatever keeps it
    #[arg(long, requires_all = ["root", "tenant"], conflicts_with_all = ["unpin", "dry_run"])]
    forget: bool,
    /// The root or the name of the tree
    #[arg(long, requires = "tenant")]
    root: Option<String>,
    /// Whose it is
    #[arg(long, requires = "root")]
    tenant: Option<TenantId>,
}

impl First {
    fn run(&self, store: &Store) -> Result<(), Problem> {
        let (Some(tenant), Some(root)) = (&self.tenant, &self.root) else {
            return Ok(());
        };
        if self.unpin.is_none() && !self.forget {
            return Err(Problem::wrong(
                "say what becomes of the tree: --unpin NAME or --forget",
            ));
        }
        let record = store.record(tenant, root)?;
        let (blobs, label) = (store.depot.tenant(tenant)?, record.label());
        if let Some(pin) = &self.unpin {
            store.runtime.block_on(blobs.unpin(&label, pin))?;
        }
        if self.forget {
            store.runtime.block_on(blobs.forget(&label))?;
            if let Some(name) = &record.name {
                store.runtime.block_on(forget_name(&blobs, name))?;
            }
        }
        Ok(())
    }
}

impl Gc {
    pub(super) fn run(self) -> Done {
        let store = self.at.open()?;
        self.first.run(&store)?;
        let bar = self.watch.beside(self.format).work("sweeping");
        let options = SweepOptions::default().with_grace(self.grace);
        let options = match self.dry_run {
            true => options.dry_run(),
            false => options,
        };
        let report = store.runtime.block_on(store.depot.sweep(&options))?;
        if !self.dry_run {
            forget(&store).map_err(|problem| problem.at(&self.at.store))?;
        }
        drop(bar);
        let would = if self.dry_run { "would be " } else { "" };
        let mut text = format!(
            "roots  {} kept, {} {would}taken away\nblobs  {} kept, {} {would}taken away\npins   {} \
             {would}taken away\nfreed  {} bytes\n",
            report.roots_kept,
            report.roots_deleted,
            report.blobs_kept,
            report.blobs_deleted,
            report.pins_deleted,
            report.bytes_freed,
        );
        for space in &report.damaged {
            text.push_str(&format!(
                "damaged: space {space} has a root or a pin that cannot be read, and was left as \
                 it is: restore it from a copy\n"
            ));
        }
        let damaged = report.damaged.iter().map(ToString::to_string);
        let said = json!({
            "dry_run": self.dry_run, "spaces": report.spaces,
            "damaged": damaged.collect::<Vec<_>>(), "roots_kept": report.roots_kept,
            "roots_deleted": report.roots_deleted, "pins_deleted": report.pins_deleted,
            "blobs_kept": report.blobs_kept, "blobs_deleted": report.blobs_deleted,
            "bytes_freed": report.bytes_freed,
        });
        tell(self.format, &text, &said)?;
        Ok(match report.damaged.is_empty() {
            true => Outcome::Well,
            false => Outcome::Otherwise,
        })
    }
}

/// Takes away the records of trees that are gone.
fn forget(store: &Store) -> Result<(), Problem> {
    let io = |error: std::io::Error| Problem::failed(&error);
    for record in store.roots.all().map_err(io)? {
        let blobs = store.depot.tenant(&record.tenant)?;
        if !store.runtime.block_on(blobs.has(&record.label()))? {
            store.roots.remove(&record).map_err(io)?;
        }
    }
    Ok(())
}
