use postgres::{Client, Transaction};

use super::failed;
use crate::index::{Error, ErrorKind};

/// What makes each version of the schema of the one before it.
///
/// INVARIANT: they are added to, and never changed.
const MIGRATIONS: [&str; 1] = [include_str!("1.sql")];

/// Any number that no other program locks in the same database.
const LOCK: i64 = 0x6d63_706f_3261_7564;

/// Makes the schema what this version needs, and the index that of this ledger.
pub(super) fn migrate(client: &mut Client, schema: &str, ledger: &str) -> Result<(), Error> {
    let mut change = client.transaction().map_err(failed)?;
    change
        .execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])
        .map_err(failed)?;
    let known = "SELECT FROM pg_namespace WHERE nspname = $1";
    if change
        .query_opt(known, &[&schema])
        .map_err(failed)?
        .is_none()
    {
        let made = format!(
            "CREATE SCHEMA {schema}; \
             CREATE TABLE {schema}.migration (\
             version bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
        );
        change.batch_execute(&made).map_err(failed)?;
    }
    advance(&mut change)?;
    pin(&mut change, ledger)?;
    change.commit().map_err(failed)
}

fn advance(change: &mut Transaction<'_>) -> Result<(), Error> {
    let version: i64 = change
        .query_one("SELECT coalesce(max(version), 0) FROM migration", &[])
        .and_then(|row| row.try_get(0))
        .map_err(failed)?;
    let known = usize::try_from(version).unwrap_or(usize::MAX);
    let Some(missing) = MIGRATIONS.get(known..) else {
        let message = "the index was made by a newer version";
        return Err(Error::new(ErrorKind::Newer, message));
    };
    let mut version = version;
    for migration in missing {
        version = version.saturating_add(1);
        change.batch_execute(migration).map_err(failed)?;
        change
            .execute("INSERT INTO migration (version) VALUES ($1)", &[&version])
            .map_err(failed)?;
    }
    Ok(())
}

/// Numbers of another ledger would make it skip records.
fn pin(change: &mut Transaction<'_>, ledger: &str) -> Result<(), Error> {
    let pinned = change
        .query_opt("SELECT ledger FROM progress", &[])
        .map_err(failed)?;
    let Some(pinned) = pinned else {
        let insert = "INSERT INTO progress (one, ledger) VALUES (1, $1)";
        change.execute(insert, &[&ledger]).map_err(failed)?;
        return Ok(());
    };
    let pinned: String = pinned.try_get(0).map_err(failed)?;
    if pinned == ledger {
        return Ok(());
    }
    let message = format!("the index is that of the ledger `{pinned}`");
    Err(Error::new(ErrorKind::OtherLedger, message))
}
