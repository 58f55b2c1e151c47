use std::path::{Path, PathBuf};

use mcpo2_audit::{Ledger, Options};
use mcpo2_core::{BoxError, PrincipalId, TenantId};

use super::{
    super::{
        print,
        progress::{Bar, Watch},
    },
    verify::own_key,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Key {
    /// The directory of the ledger
    dir: PathBuf,
}

impl Key {
    pub(super) fn run(self) -> Result<(), BoxError> {
        let key = own_key(&self.dir)?;
        print(&format!("origin  {}\nkey     {key}\n", key.name()));
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Erase {
    /// The directory of the ledger, which no gateway may have open
    dir: PathBuf,
    /// The tenant of the person
    #[arg(long)]
    tenant: TenantId,
    /// Their id in it
    #[arg(long)]
    principal: PrincipalId,
    /// Why: a law, a ticket
    #[arg(long)]
    basis: String,
    /// Who approved it
    #[arg(long)]
    by: String,
    #[command(flatten)]
    watch: Watch,
}

impl Erase {
    pub(super) fn run(self) -> Result<(), BoxError> {
        let who = (&self.tenant, &self.principal);
        let erased = changed(&self.dir, self.watch.work("erasing"), |ledger| {
            ledger.erase(who, &self.basis, &self.by)
        })?;
        print(&match erased {
            Some(pseudonym) => format!(
                "erased: the records of {pseudonym} say no more who it was. Copies of vault/keys \
                 made before, in backups, must be destroyed too.\n"
            ),
            None => "nothing is recorded of them\n".to_owned(),
        });
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Retain {
    /// The directory of the ledger, which no gateway may have open
    dir: PathBuf,
    /// Remove whole segments whose records all stand below this number
    #[arg(long, value_name = "RECORD")]
    before: u64,
    /// By which rule, as the record of it will say
    #[arg(long, default_value = "by hand")]
    policy: String,
    #[command(flatten)]
    watch: Watch,
}

impl Retain {
    pub(super) fn run(self) -> Result<(), BoxError> {
        let gone = changed(&self.dir, self.watch.work("removing"), |ledger| {
            ledger.retain(self.before, &self.policy)
        })?;
        print(&format!("{gone} segments removed\n"));
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Hold {
    /// The directory of the ledger, which no gateway may have open
    dir: PathBuf,
    /// End the hold
    #[arg(long)]
    end: bool,
    /// Why
    #[arg(long)]
    reason: String,
    /// Who says so
    #[arg(long)]
    by: String,
    #[command(flatten)]
    watch: Watch,
}

impl Hold {
    pub(super) fn run(self) -> Result<(), BoxError> {
        changed(&self.dir, self.watch.work("recording"), |ledger| {
            ledger.hold(!self.end, &self.reason, &self.by)
        })
    }
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Rotate {
    /// The directory of the ledger, which no gateway may have open
    dir: PathBuf,
    #[command(flatten)]
    watch: Watch,
}

impl Rotate {
    pub(super) fn run(self) -> Result<(), BoxError> {
        changed(&self.dir, self.watch.work("rotating"), Ledger::rotate_key)
    }
}

/// Opens the ledger that is there for one change. After a crash, that reads much of it.
fn changed<T>(
    dir: &Path,
    _shown: Bar,
    change: impl FnOnce(&Ledger) -> Result<T, mcpo2_audit::Error>,
) -> Result<T, BoxError> {
    // Not to begin one by mistake.
    own_key(dir)?;
    let mut options = Options::default();
    if dir.join("checkpoint.unwitnessed").exists() {
        // What is published is what witnesses signed, and the gateway will ask them.
        options = options.witnessed();
    }
    let ledger = Ledger::open(dir, options)?;
    let changed = change(&ledger)?;
    ledger.close()?;
    Ok(changed)
}
