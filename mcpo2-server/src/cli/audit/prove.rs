use std::{fmt::Write as _, fs, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mcpo2_audit::{Evidence, prove, prove_since};
use mcpo2_core::BoxError;
use mcpo2_verify::checkpoint::SignedCheckpoint;
use serde_json::json;

use super::{super::print, hex};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Prove {
    /// The directory of the ledger
    dir: PathBuf,
    /// The number of the record
    #[arg(required_unless_present = "since")]
    record: Option<u64>,
    /// Write RECORD.tlog-proof and RECORD.body here, and RECORD.fields.json for fields
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Disclose this personal field, by its JSON pointer; again for another
    #[arg(long, value_name = "POINTER")]
    field: Vec<String>,
    /// Prove that the ledger still has all of this older checkpoint: the newest one and the hashes
    #[arg(long, value_name = "CHECKPOINT", conflicts_with_all = ["record", "field"])]
    since: Option<PathBuf>,
}

impl Prove {
    pub(super) fn run(self) -> Result<(), BoxError> {
        match (&self.since, self.record) {
            (Some(old), _) => self.consistency(&fs::read(old)?),
            (None, Some(seq)) => self.record(seq),
            (None, None) => Err("which record?".into()),
        }
    }

    fn record(&self, seq: u64) -> Result<(), BoxError> {
        let evidence = prove(&self.dir, seq)?;
        fs::create_dir_all(&self.out)?;
        let file = |end: &str| self.out.join(format!("{seq}.{end}"));
        fs::write(file("tlog-proof"), evidence.proof.to_string())?;
        fs::write(file("body"), &evidence.body)?;
        print(&format!(
            "{}\n{}\n",
            file("tlog-proof").display(),
            file("body").display()
        ));
        if !self.field.is_empty() {
            fs::write(file("fields.json"), self.fields(&evidence)?)?;
            print(&format!("{}\n", file("fields.json").display()));
        }
        Ok(())
    }

    fn fields(&self, evidence: &Evidence) -> Result<String, BoxError> {
        let mut fields = Vec::new();
        for pointer in &self.field {
            let field = evidence.fields.iter().find(|field| field.path == *pointer);
            let field = field.ok_or_else(|| {
                format!("record has no `{pointer}` that could be disclosed, or it was erased")
            })?;
            fields.push(json!({
                "path": field.path, "salt": hex(&field.salt), "value": field.value,
            }));
        }
        Ok(format!("{:#}\n", json!(fields)))
    }

    fn consistency(&self, old: &[u8]) -> Result<(), BoxError> {
        let old = SignedCheckpoint::parse(old)?;
        let (new, hashes) = prove_since(&self.dir, old.checkpoint().size())?;
        fs::create_dir_all(&self.out)?;
        let mut lines = String::new();
        for hash in hashes {
            writeln!(lines, "{}", BASE64_STANDARD.encode(hash))?;
        }
        let size = new.checkpoint().size();
        let (checkpoint, proof) = (format!("{size}.checkpoint"), format!("{size}.consistency"));
        fs::write(self.out.join(&checkpoint), new.note().to_string())?;
        fs::write(self.out.join(&proof), lines)?;
        let out = self.out.display();
        print(&format!("{out}/{checkpoint}\n{out}/{proof}\n"));
        Ok(())
    }
}
