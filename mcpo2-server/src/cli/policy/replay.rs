//! What a policy would make of the calls that a ledger has.

mod owners;
mod recorded;
mod said;
mod tally;

use std::{collections::BTreeSet, error::Error, path::PathBuf};

use clap::ValueEnum;
use jiff::Timestamp;
use mcpo2_audit::{Entry, ReadError, index::TenantScope};
use mcpo2_core::Effect;
use mcpo2_policy::{Engine as _, Foreseen, Foresight, Known, reserved};

use self::{
    owners::Owners,
    recorded::{Recorded, Surroundings},
    said::Said,
    tally::{Became, Tally},
};
use super::{
    super::{audit::Scope, progress::Watch},
    Done, Format, Found, Of, Read, tell,
};

#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    #[command(flatten)]
    of: Of,
    /// The directory of the ledger
    #[arg(long, value_name = "DIR")]
    ledger: PathBuf,
    /// The environment that the gateway served; that of the configuration if nothing is said
    #[arg(long)]
    environment: Option<String>,
    /// How many groups of calls are told of at most, of each kind
    #[arg(short = 'n', long, default_value_t = 20)]
    limit: usize,
    /// How to say it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    finding: Finding,
    #[command(flatten)]
    watch: Watch,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Which calls")]
struct Which {
    #[command(flatten)]
    scope: Scope,
    /// Not before this time (RFC 3339)
    #[arg(long)]
    from: Option<Timestamp>,
    /// Before this time
    #[arg(long)]
    until: Option<Timestamp>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is something that was found")]
struct Finding {
    /// Which differences are
    #[arg(long, value_enum, default_value_t)]
    fail_on: FailOn,
    /// A call that cannot be decided again is, too
    #[arg(long)]
    strict: bool,
}

/// Which differences count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// What is decided less strictly
    NewlyAllowed,
    /// What is decided more strictly
    NewlyDenied,
    /// Both
    #[default]
    Any,
}

impl Replay {
    pub(super) fn run(self) -> Done {
        let read = Read::of(self.of.sources(&Known::default()))?;
        if !read.sources.engines.is_empty() {
            let why = "`engines` decide beside these rules on what no ledger keeps: replay the rules of a bundle";
            return Err(why.to_owned().into());
        }
        let surroundings = self.surroundings(&read)?;
        let foresight = Foresight::new(&read.policy);
        let mut tally = Tally::default();
        let bar = self
            .watch
            .beside(self.format)
            .records("deciding", &self.ledger);
        for entry in mcpo2_audit::read(&self.ledger).map_err(unread)? {
            let entry = entry.map_err(unread)?;
            bar.at(entry.seq);
            let Some(recorded) = Recorded::of(&entry).filter(|it| self.which.has(&entry, it))
            else {
                continue;
            };
            let became = became(&recorded, &foresight, &surroundings);
            tally.add(&recorded, became);
        }
        drop(bar);
        let said = Said::new(&tally, read.policy.digest(), self.limit);
        tell(self.format, &said.text(), &said.json())?;
        Ok(Found::of(self.finding.is_something(&tally)))
    }

    fn surroundings(&self, read: &Read) -> Result<Surroundings, String> {
        let is_config = self.of.file.is_some();
        let said = self.environment.clone();
        let environment = said.or_else(|| read.sources.environment.clone());
        Ok(Surroundings {
            owners: match is_config {
                true => Owners::of(&read.sources)?,
                false => Owners::unknown(),
            },
            // A configuration that says none serves none.
            has_environment: is_config || environment.is_some(),
            environment,
        })
    }
}

impl Which {
    fn has(&self, entry: &Entry, recorded: &Recorded<'_>) -> bool {
        let is_in_scope = match self.scope.get() {
            TenantScope::One(tenant) => tenant == recorded.caller.tenant,
            TenantScope::All => true,
        };
        let time = entry.record.time;
        is_in_scope
            && self.from.is_none_or(|from| time >= from)
            && self.until.is_none_or(|until| time < until)
    }
}

impl Finding {
    fn is_something(&self, tally: &Tally) -> bool {
        let (more, less) = (tally.is_anything_allowed(), tally.is_anything_denied());
        let differs = match self.fail_on {
            FailOn::NewlyAllowed => more,
            FailOn::NewlyDenied => less,
            FailOn::Any => more || less,
        };
        differs || (self.strict && tally.undetermined > 0)
    }
}

fn became(
    recorded: &Recorded<'_>,
    foresight: &Foresight<'_>,
    surroundings: &Surroundings,
) -> Became {
    let Some(decided) = recorded.decided() else {
        return Became::NotDecided;
    };
    let was_by = |rule: &str| decided.rules.iter().any(|by| **by == *rule);
    // What modules are there for whom is none of a bundle's business.
    let gated = [reserved::TENANT, reserved::MODULE_STATE];
    if !surroundings.owners.are_known() && gated.into_iter().any(was_by) {
        return Became::Same(decided.bundle);
    }
    let depends = |on: BTreeSet<&'static str>| Became::Undetermined {
        on,
        bundle: decided.bundle.clone(),
    };
    let ask = match recorded.ask(surroundings) {
        Ok(ask) => ask,
        Err(missing) => return depends(BTreeSet::from([missing])),
    };
    let now = match foresight.of(&ask.query(), &ask.lost) {
        Foreseen::Certain(now) => now,
        Foreseen::DependsOn(on) => return depends(on.into_iter().map(|it| it.as_str()).collect()),
        _ => return depends(BTreeSet::new()),
    };
    // Which layers stood below is not recorded.
    if was_by(reserved::OBLIGATION) && now.effect == Effect::Allow {
        return depends(BTreeSet::from(["obligations"]));
    }
    match now.effect == decided.effect {
        true => Became::Same(decided.bundle),
        false => Became::Other {
            effect: now.effect,
            rules: now.rules.iter().map(|rule| rule.as_ref().into()).collect(),
            was: decided,
        },
    }
}

fn unread(error: ReadError) -> String {
    let source = error.source().map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}
