use std::{path::PathBuf, thread, time::Duration};

use mcpo2_audit::{Entry, Follower, RecordId};
use mcpo2_core::BoxError;
use serde_json::json;

use super::{super::print, hex};

/// How often a ledger is looked at again while it is followed.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Tail {
    /// The directory of the ledger
    dir: PathBuf,
    /// How many
    #[arg(short = 'n', default_value_t = 10)]
    lines: usize,
    /// Go on with those that come, until it is interrupted
    #[arg(short, long)]
    follow: bool,
}

impl Tail {
    pub(super) fn run(self) -> Result<(), BoxError> {
        let entries = mcpo2_audit::tail(&self.dir, self.lines)?;
        let next = entries
            .last()
            .map_or(0, |entry| entry.seq.saturating_add(1));
        entries.iter().try_for_each(record)?;
        if self.follow {
            let mut follower = Follower::open(&self.dir, next);
            loop {
                let entries = follower.next_entries(1000)?;
                entries.iter().try_for_each(record)?;
                if entries.is_empty() {
                    thread::sleep(PAUSE);
                }
            }
        }
        Ok(())
    }
}

fn record(entry: &Entry) -> Result<(), BoxError> {
    print(&format!("{}\n", serde_json::to_string(&entry.json)?));
    Ok(())
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Show {
    /// The directory of the ledger
    dir: PathBuf,
    /// The number of the record, or its id
    record: String,
}

impl Show {
    pub(super) fn run(self) -> Result<(), BoxError> {
        let found = match self.record.parse::<u64>() {
            Ok(seq) => Follower::open(&self.dir, seq)
                .next_entries(1)?
                .pop()
                .filter(|it| it.seq == seq),
            Err(_) => self.by_id(self.record.parse()?)?,
        };
        let entry = found.ok_or("there is no such record")?;
        let shown = json!({
            "seq": entry.seq,
            "segment": entry.segment,
            "offset": entry.offset,
            "leaf": hex(&mcpo2_verify::leaf_hash(&entry.leaf.encode())),
            "appended_ns": entry.leaf.wall_ns,
            "record": entry.json,
        });
        print(&format!("{shown:#}\n"));
        Ok(())
    }

    fn by_id(&self, id: RecordId) -> Result<Option<Entry>, BoxError> {
        for entry in mcpo2_audit::read(&self.dir)? {
            let entry = entry?;
            if entry.record.id == id {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}
