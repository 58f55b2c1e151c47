use jiff::Timestamp;
use mcpo2_core::TenantId;

use crate::RecordId;

/// What an index keeps of one record of the ledger.
///
/// No text in it has a NUL, which PostgreSQL cannot store: [`Row::from_json`] writes U+FFFD
/// instead. No number in it is above [`i64::MAX`], which is as far as SQL counts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// The number of the record in its ledger.
    pub seq: u64,
    /// Where it stands on the disk.
    pub position: Position,
    /// Its id.
    pub id: RecordId,
    /// Its kind, such as `intent`, `outcome`, `call` or `admin`.
    pub kind: Box<str>,
    /// When it began, between the years 1677 and 2262.
    pub time: Timestamp,
    /// Who did it.
    pub who: Who,
    /// What was asked or done.
    pub what: What,
    /// What the policy said to it.
    pub decided: Verdict,
    /// How it ended.
    pub ended: Ending,
    /// What it belongs to.
    pub context: Context,
}

/// Where the frame of a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The number that names the segment.
    pub segment: u64,
    /// The offset of the frame in it, in bytes.
    pub offset: u64,
}

/// Who did it; nobody where a record is of the gateway itself, or of input from nobody known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Who {
    /// The tenant: rows without one are shown to operators only.
    pub tenant: Option<TenantId>,
    /// What stands for the principal, and stays when it is erased.
    pub pseudonym: Option<Box<str>>,
    /// The id of the principal; none once it is erased.
    pub principal: Option<Box<str>>,
}

/// What was asked, or done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct What {
    /// The method.
    pub method: Option<Box<str>>,
    /// The kind of what is addressed, such as `tool` or `resource`.
    pub item_kind: Option<Box<str>>,
    /// Its name or URI; a URI is gone once its principal is erased.
    pub item: Option<Box<str>>,
    /// The capability family.
    pub family: Option<Box<str>>,
    /// The module that it was sent to.
    pub module: Option<Box<str>>,
    /// What was done, or why input was refused: of records that are no calls.
    pub action: Option<Box<str>>,
    /// The length of the request in bytes.
    pub bytes: Option<u64>,
}

/// What the policy said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Verdict {
    /// `allow`, `require_approval` or `deny`.
    pub effect: Option<Box<str>>,
    /// The rules that made it, in order.
    pub rules: Vec<Box<str>>,
    /// The digest of the bundle that decided.
    pub bundle: Option<Box<str>>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Ending {
    /// The outcome, such as `ok`, `denied` or `unknown`.
    pub outcome: Option<Box<str>>,
    /// The code of an error, or the kind of a failure.
    pub fault: Option<Box<str>>,
    /// From the coming of the call to its end, in microseconds.
    pub duration_us: Option<u64>,
    /// The length of the reply in bytes.
    pub bytes: Option<u64>,
}

/// What it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Context {
    /// The id of the trace.
    pub trace: Option<Box<str>>,
    /// The generation of the configuration.
    pub generation: Option<u64>,
    /// The intent that this is the outcome of.
    pub intent: Option<RecordId>,
    /// The pseudonym of whom this record erases.
    pub subject: Option<Box<str>>,
    /// More of records that are no calls: a JSON object.
    pub detail: Option<Box<str>>,
}

impl Row {
    /// The row of a record of which no more is known.
    #[must_use]
    pub fn new(seq: u64, id: RecordId, kind: impl Into<Box<str>>, time: Timestamp) -> Self {
        Self {
            seq,
            position: Position::default(),
            id,
            kind: kind.into(),
            time,
            who: Who::default(),
            what: What::default(),
            decided: Verdict::default(),
            ended: Ending::default(),
            context: Context::default(),
        }
    }

    /// Whether it was written before its call went out, and waits for its outcome.
    pub(super) fn is_intent(&self) -> bool {
        &*self.kind == "intent"
    }

    /// The intent that it closes.
    pub(super) fn closes(&self) -> Option<RecordId> {
        self.context.intent.filter(|_| &*self.kind == "outcome")
    }

    /// The pseudonym of whom it erases.
    pub(super) fn erases(&self) -> Option<&str> {
        let subject = self.context.subject.as_deref();
        subject.filter(|_| &*self.kind == "erase")
    }

    /// Takes out what is personal.
    pub(super) fn erase(&mut self) {
        self.who.principal = None;
        let kind = self.what.item_kind.as_deref();
        if kind.is_some_and(|kind| PERSONAL_ITEMS.contains(&kind)) {
            self.what.item = None;
        }
    }

    /// The same with what its outcome adds.
    pub(super) fn closed_by(mut self, outcome: Self) -> Self {
        fn or<T>(known: &mut Option<T>, found: Option<T>) {
            if known.is_none() {
                *known = found;
            }
        }
        or(&mut self.what.family, outcome.what.family);
        or(&mut self.what.module, outcome.what.module);
        or(&mut self.decided.effect, outcome.decided.effect);
        or(&mut self.decided.bundle, outcome.decided.bundle);
        for rule in outcome.decided.rules {
            if !self.decided.rules.contains(&rule) {
                self.decided.rules.push(rule);
            }
        }
        self.ended = outcome.ended;
        self
    }
}

/// The kinds of items whose names are URIs, which callers make.
pub(super) const PERSONAL_ITEMS: [&str; 2] = ["resource", "template"];
