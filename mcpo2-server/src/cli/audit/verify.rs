use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use mcpo2_core::BoxError;
use mcpo2_verify::{
    checkpoint::SignedCheckpoint,
    key::VerifierKey,
    log::{self, Event, Finding, Options, Report},
    trust::Trust,
};
use serde_json::json;

use super::{
    super::{format::Format, print, progress::Watch, say},
    hex,
};

/// After how many records the bar moves.
const EVERY: u64 = 512;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Verify {
    /// The directory of the ledger, or a copy of it
    dir: PathBuf,
    /// The key that you know the ledger by; without it, the one that the ledger names itself
    #[arg(long, value_name = "VKEY", conflicts_with = "trust")]
    key: Option<VerifierKey>,
    /// A policy of logs and witnesses that you trust, as C2SP tlog-policy has it
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// A checkpoint that you have seen before: the ledger must still have all of it
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// How far the times of records may be from those of witnesses
    #[arg(long, value_name = "SECONDS")]
    window: Option<u64>,
    /// How it is said
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    watch: Watch,
}

impl Verify {
    pub(super) fn run(self) -> Result<ExitCode, BoxError> {
        let trust = self.trust()?;
        let mut options = Options::default();
        if let Some(file) = &self.since {
            options = options.with_since(SignedCheckpoint::parse(&fs::read(file)?)?);
        }
        if let Some(window) = self.window {
            options = options.with_window(Duration::from_secs(window));
        }
        Ok(match self.verified(&trust, &options) {
            Ok(report) => {
                self.holds(&report);
                ExitCode::SUCCESS
            }
            Err(finding) => {
                self.fails(&finding);
                ExitCode::from(finding.attack().exit_code())
            }
        })
    }

    fn verified(&self, trust: &Trust, options: &Options) -> Result<Report, Finding> {
        let watch = self.watch.beside(self.format);
        let bar = watch.records("verifying", &self.dir);
        log::verify_with(&*self.dir, trust, options, &mut |event| match event {
            Event::Record(leaf, _) if leaf.seq.is_multiple_of(EVERY) => bar.at(leaf.seq),
            Event::Commit(size) => bar.at(size.saturating_sub(1)),
            _ => {}
        })
    }

    fn trust(&self) -> Result<Trust, BoxError> {
        if let Some(file) = &self.trust {
            return Ok(Trust::parse(&fs::read(file)?)?);
        }
        let key = match &self.key {
            Some(key) => key.clone(),
            None => own_key(&self.dir)?,
        };
        Ok(Trust::without_witnesses(key))
    }

    fn holds(&self, report: &Report) {
        let extent = &report.extent;
        match self.format {
            Format::Json => {
                let said = json!({
                    "holds": true, "origin": report.origin, "first": extent.first,
                    "size": extent.size, "root": hex(&extent.root),
                    "segments": report.counts.segments, "commits": report.counts.commits,
                    "epochs": report.counts.epochs, "published": report.published,
                    "cosigners": report.cosigners,
                });
                print(&format!("{said}\n"));
            }
            Format::Text => print(&format!(
                "ok: records {} to {} in {} segments, under {} signed checkpoints of {} keys\n\
                 origin  {}\nroot    {}\n",
                extent.first,
                extent.size.saturating_sub(1),
                report.counts.segments,
                report.counts.commits,
                report.counts.epochs,
                report.origin,
                hex(&extent.root),
            )),
        }
        if self.key.is_none() && self.trust.is_none() {
            say("the key is the one that the ledger names itself: know it from elsewhere (--key)");
        }
    }

    fn fails(&self, finding: &Finding) {
        let attack = finding.attack();
        match self.format {
            Format::Json => {
                let said = json!({
                    "holds": false, "attack": attack.name(), "seq": finding.seq(),
                    "proven": finding.proven(), "why": finding.why(),
                });
                print(&format!("{said}\n"));
            }
            Format::Text => {
                let at = finding
                    .seq()
                    .map(|seq| format!(", record {seq}"))
                    .unwrap_or_default();
                print(&format!(
                    "{}{at}: {}\n{}\n",
                    attack.name(),
                    finding.why(),
                    attack.explanation()
                ));
            }
        }
    }
}

pub(super) fn own_key(dir: &Path) -> Result<VerifierKey, BoxError> {
    let origin = fs::read_to_string(dir.join("origin"))
        .map_err(|error| format!("{} is no ledger: {error}", dir.display()))?;
    let key = origin.lines().nth(1).ok_or("the ledger names no key")?;
    Ok(key.parse()?)
}
