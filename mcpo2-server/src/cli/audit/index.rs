use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use jiff::Timestamp;
use mcpo2_audit::{
    LedgerFeed,
    index::{
        Cursor, Filter, Found, Index, Order, Progress, Source as _, TenantScope, check, reindex,
    },
};
use mcpo2_core::{BoxError, TenantId};
use serde_json::json;

use super::{
    super::{
        format::Format,
        print,
        progress::{Bar, Watch},
        say,
    },
    opened::Which,
};

/// How many rows are put in at once while an index catches up.
const BATCH: usize = 1000;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Query {
    /// The directory of the ledger
    dir: PathBuf,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    index: Which,
    #[command(flatten)]
    filters: Filters,
    /// How many at most, up to 1000
    #[arg(short = 'n', long, default_value_t = 50)]
    limit: usize,
    /// The oldest first
    #[arg(long)]
    oldest: bool,
    /// The page behind the record of this number, as the page before said
    #[arg(long, value_name = "RECORD")]
    behind: Option<u64>,
    /// How it is said
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    watch: Watch,
}

/// Whose records: it is always said.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct Scope {
    /// Those of this tenant
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Those of all tenants, and of none: for operators only
    #[arg(long)]
    all_tenants: bool,
}

impl Scope {
    pub(in crate::cli) fn get(&self) -> TenantScope {
        match &self.tenant {
            Some(tenant) => TenantScope::One(tenant.clone()),
            None => TenantScope::All,
        }
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Which")]
struct Filters {
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    decision: Decision,
    /// Of this principal, by id or pseudonym
    #[arg(long)]
    principal: Option<String>,
    /// Of this method
    #[arg(long)]
    method: Option<String>,
    /// To this tool, prompt or resource
    #[arg(long)]
    item: Option<String>,
    /// To this module
    #[arg(long)]
    module: Option<String>,
    /// Of this family
    #[arg(long)]
    family: Option<String>,
    /// Of this trace
    #[arg(long)]
    trace: Option<String>,
    /// Of this kind, such as call, intent, reject or admin
    #[arg(long)]
    kind: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Span {
    /// Not before this time (RFC 3339)
    #[arg(long)]
    from: Option<Timestamp>,
    /// Before this time
    #[arg(long)]
    until: Option<Timestamp>,
}

#[derive(Debug, clap::Args)]
struct Decision {
    /// With this effect: allow, require_approval or deny
    #[arg(long)]
    effect: Option<String>,
    /// With this outcome, such as ok, tool_error, denied, unknown or pending
    #[arg(long)]
    outcome: Option<String>,
    /// Decided by this rule
    #[arg(long)]
    rule: Option<String>,
    /// Decided by the policy of this digest
    #[arg(long)]
    bundle: Option<String>,
}

impl Query {
    pub(super) fn run(self) -> Result<(), BoxError> {
        let watch = self.watch.beside(self.format);
        let index = caught_up(&self.dir, &self.index, &watch)?;
        let mut query = mcpo2_audit::index::Query::new(self.scope.get()).with_limit(self.limit);
        if self.oldest {
            query = query.with_order(Order::Oldest);
        }
        if let Some(behind) = self.behind {
            query = query.with_cursor(Cursor::behind(behind));
        }
        for filter in self.filters.all() {
            query = query.with(filter);
        }
        let page = index.query(&query)?;
        for found in &page.rows {
            print(&match self.format {
                Format::Json => format!("{}\n", row(found)),
                Format::Text => line(found),
            });
        }
        if let Some(next) = page.next {
            say(&format!("more: --behind {}", next.seq()));
        }
        Ok(())
    }
}

impl Filters {
    fn all(self) -> impl Iterator<Item = Filter> {
        let text = |text: Option<String>, filter: fn(Box<str>) -> Filter| {
            text.map(|text| filter(text.into()))
        };
        [
            self.span.from.map(Filter::From),
            self.span.until.map(Filter::Until),
            text(self.principal, Filter::Principal),
            text(self.method, Filter::Method),
            text(self.item, Filter::Item),
            text(self.module, Filter::Module),
            text(self.family, Filter::Family),
            text(self.decision.effect, Filter::Effect),
            text(self.decision.outcome, Filter::Outcome),
            text(self.decision.rule, Filter::Rule),
            text(self.decision.bundle, Filter::Bundle),
            text(self.trace, Filter::Trace),
            text(self.kind, Filter::Kind),
        ]
        .into_iter()
        .flatten()
    }
}

fn row(found: &Found) -> serde_json::Value {
    let row = &found.row;
    json!({
        "seq": row.seq, "outcome_seq": found.closed_by, "id": row.id, "kind": row.kind,
        "time": row.time, "tenant": row.who.tenant, "pseudonym": row.who.pseudonym,
        "principal": row.who.principal, "method": row.what.method,
        "item": row.what.item, "family": row.what.family, "module": row.what.module,
        "action": row.what.action, "effect": row.decided.effect, "rules": row.decided.rules,
        "bundle": row.decided.bundle, "outcome": found.outcome(),
        "duration_us": row.ended.duration_us, "trace": row.context.trace,
    })
}

fn line(found: &Found) -> String {
    let row = &found.row;
    let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let tenant = row.who.tenant.as_ref().map(TenantId::as_str);
    let who = row
        .who
        .principal
        .as_deref()
        .or(row.who.pseudonym.as_deref());
    let what = row.what.item.as_deref().or(row.what.action.as_deref());
    format!(
        "{:>8}  {:.3}  {:<10} {:<16} {:<24} {} {} {}\n",
        row.seq,
        row.time,
        text(tenant),
        text(who),
        text(row.what.method.as_deref().or(Some(&row.kind))),
        text(what),
        text(row.decided.effect.as_deref()),
        text(found.outcome()),
    )
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Reindex {
    /// The directory of the ledger
    dir: PathBuf,
    #[command(flatten)]
    index: Which,
    /// Do not make it anew, but find the first row that is not what the ledger says
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    watch: Watch,
}

impl Reindex {
    pub(super) fn run(self) -> Result<ExitCode, BoxError> {
        let mut feed = LedgerFeed::open(&self.dir)?;
        let mut index = self.index.open(&self.dir, feed.origin())?;
        if !self.check {
            let rows = reindex(
                &mut *index,
                &mut feed,
                moving(self.watch.records("indexing", &self.dir)),
            )?;
            print(&format!("{rows} rows\n"));
            return Ok(ExitCode::SUCCESS);
        }
        let bar = self.watch.records("comparing", &self.dir);
        let checked = check(&*index, &mut feed, moving(bar))?;
        Ok(match checked.difference {
            None => {
                print(&format!(
                    "ok: {} rows are what the ledger says\n",
                    checked.rows
                ));
                ExitCode::SUCCESS
            }
            Some(difference) => {
                print(&format!(
                    "{difference}: the ledger is right, so make the index anew\n"
                ));
                ExitCode::FAILURE
            }
        })
    }
}

/// The index of the ledger, with all that is in the ledger by now.
fn caught_up(dir: &Path, which: &Which, watch: &Watch) -> Result<Box<dyn Index>, BoxError> {
    let mut feed = LedgerFeed::open(dir)?;
    let mut index = which.open(dir, feed.origin())?;
    let bar = watch.records("catching up", dir);
    loop {
        let last = index.last_indexed()?;
        let rows = feed.next_after(last, BATCH)?;
        let Some(last) = rows.last() else {
            return Ok(index);
        };
        index.apply(&rows)?;
        bar.at(last.seq);
    }
}

/// Moves a bar, and takes it away in the end.
fn moving(bar: Bar) -> impl FnMut(Progress) {
    move |progress| bar.at(progress.last)
}
