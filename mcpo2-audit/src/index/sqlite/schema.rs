use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::failed;
use crate::index::{Error, ErrorKind};

/// What makes each version of the schema of the one before it.
///
/// INVARIANT: they are added to, and never changed.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE progress (
        one INTEGER PRIMARY KEY CHECK (one = 1), ledger TEXT NOT NULL, last_seq INTEGER
    ) STRICT;
    CREATE TABLE entry (
        seq INTEGER PRIMARY KEY, segment INTEGER NOT NULL, start INTEGER NOT NULL,
        id TEXT NOT NULL, kind TEXT NOT NULL, time INTEGER NOT NULL,
        tenant TEXT, pseudonym TEXT, principal TEXT,
        method TEXT, item_kind TEXT, item TEXT, family TEXT, module TEXT, action TEXT,
        bytes_in INTEGER, effect TEXT, bundle TEXT, outcome TEXT, fault TEXT,
        duration_us INTEGER, bytes_out INTEGER, trace TEXT, generation INTEGER,
        intent TEXT, subject TEXT, detail TEXT
    ) STRICT;
    CREATE TABLE entry_rule (
        seq INTEGER NOT NULL, place INTEGER NOT NULL, rule TEXT NOT NULL,
        PRIMARY KEY (seq, place)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX entry_id ON entry (id);
    CREATE INDEX entry_intent ON entry (intent) WHERE intent IS NOT NULL;
    CREATE INDEX entry_subject ON entry (subject) WHERE subject IS NOT NULL;
    CREATE INDEX entry_time ON entry (time);
    CREATE INDEX entry_tenant ON entry (tenant);
    CREATE INDEX entry_pseudonym ON entry (pseudonym);
    CREATE INDEX entry_trace ON entry (trace) WHERE trace IS NOT NULL;
    CREATE INDEX entry_rule_rule ON entry_rule (rule, seq);
"];

/// Makes the schema what this version needs, and the index that of this ledger.
pub(super) fn migrate(connection: &mut Connection, ledger: &str) -> Result<(), Error> {
    let change = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let version: usize = change
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(failed)?;
    let Some(missing) = MIGRATIONS.get(version..) else {
        let message = "the index was made by a newer version";
        return Err(Error::new(ErrorKind::Newer, message));
    };
    for migration in missing {
        change.execute_batch(migration).map_err(failed)?;
    }
    if !missing.is_empty() {
        change
            .pragma_update(None, "user_version", MIGRATIONS.len())
            .map_err(failed)?;
    }
    let known: Option<String> = change
        .query_row("SELECT ledger FROM progress", [], |row| row.get(0))
        .optional()
        .map_err(failed)?;
    match known {
        None => {
            let insert = "INSERT INTO progress (one, ledger) VALUES (1, $1)";
            change.execute(insert, [ledger]).map_err(failed)?;
        }
        Some(known) if known == ledger => {}
        Some(known) => {
            let message = format!("the index is that of the ledger `{known}`");
            return Err(Error::new(ErrorKind::OtherLedger, message));
        }
    }
    change.commit().map_err(failed)
}
