use jiff::Timestamp;
use mcpo2_core::TenantId;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{Index as At, select},
};

use crate::{
    RecordId,
    index::{Filter, Order, Query, Row, TenantScope, Verdict},
};

/// What an index is given, and asked.
#[derive(Debug, Clone)]
pub(super) struct Story {
    pub(super) batches: Vec<Vec<Row>>,
    /// Which batches come a second time.
    pub(super) again: Vec<usize>,
    pub(super) queries: Vec<Query>,
}

const TENANTS: [&str; 2] = ["acme", "umbrella"];
const SCOPES: [&str; 3] = ["acme", "umbrella", "nobody"];
const PEOPLE: [&str; 3] = ["p1", "p2", "ada"];
const KINDS: [&str; 9] = [
    "intent", "intent", "outcome", "outcome", "outcome", "call", "call", "admin", "erase",
];
const METHODS: [&str; 2] = ["tools/call", "resources/read"];
const ITEMS: [&str; 4] = ["tool", "resource", "template", "prompt"];
const LABELS: [&str; 2] = ["git", "search"];
const EFFECTS: [&str; 3] = ["allow", "require_approval", "deny"];
const OUTCOMES: [&str; 4] = ["ok", "error", "unknown", "pending"];
const RULES: [&str; 3] = ["r1", "r2", "sys:none"];

pub(super) fn stories() -> impl Strategy<Value = Story> {
    let parts = vec((1..3_u64, whose(), asked(), ended(), any::<At>()), 1..40);
    let cuts = vec(1..8_usize, 1..40);
    (parts, cuts, vec(0..8_usize, 0..3), vec(query(), 6..16)).prop_map(
        |(parts, cuts, again, queries)| {
            let mut rows: Vec<Row> = Vec::new();
            for (gap, whose, asked, ended, intent) in parts {
                let seq = rows.last().map_or(0, |row| row.seq.saturating_add(gap));
                let mut row = row(seq);
                whose.fill(&mut row);
                asked.fill(&mut row);
                ended.fill(&mut row);
                if &*row.kind == "outcome" && !rows.is_empty() {
                    row.context.intent = Some(intent.get(&rows).id);
                    row.who.tenant = None;
                }
                rows.push(row);
            }
            let batches = cut(rows, &cuts);
            Story {
                batches,
                again,
                queries,
            }
        },
    )
}

/// The barest row of this number.
pub(super) fn row(seq: u64) -> Row {
    let id = format!("01a1fbaa-0000-7000-8000-{seq:012x}").parse();
    let id: RecordId = id.unwrap_or_else(|_| unreachable!("it is a UUID in lower case"));
    Row::new(seq, id, "call", Timestamp::UNIX_EPOCH)
}

fn cut(mut rows: Vec<Row>, cuts: &[usize]) -> Vec<Vec<Row>> {
    let mut batches = Vec::new();
    for size in cuts {
        let rest = rows.split_off(rows.len().min(*size));
        batches.push(rows);
        rows = rest;
    }
    batches.push(rows);
    batches
}

fn one(texts: &'static [&'static str]) -> impl Strategy<Value = Option<Box<str>>> {
    option::of(select(texts).prop_map(Into::into))
}

/// What callers may make up.
fn text() -> impl Strategy<Value = Box<str>> {
    prop_oneof![Just("a".to_owned()), "[a-z'\"%_\\\\;é\u{1F600}\u{1}]{0,6}"].prop_map(Into::into)
}

fn number() -> impl Strategy<Value = Option<u64>> {
    let most = i64::MAX.unsigned_abs();
    option::of(prop_oneof![Just(0), Just(most), 0..most])
}

#[derive(Debug, Clone)]
struct Whose {
    kind: &'static str,
    seconds: i32,
    tenant: Option<&'static str>,
    pseudonym: Option<Box<str>>,
    principal: Option<Box<str>>,
    subject: Option<Box<str>>,
    trace: Option<Box<str>>,
}

fn whose() -> impl Strategy<Value = Whose> {
    let tenant = option::weighted(0.8, select(&TENANTS[..]));
    let people = (one(&PEOPLE), one(&PEOPLE), one(&PEOPLE));
    (select(&KINDS[..]), -9..9_i32, tenant, people, one(&LABELS)).prop_map(
        |(kind, seconds, tenant, (pseudonym, principal, subject), trace)| Whose {
            kind,
            seconds,
            tenant,
            pseudonym,
            principal,
            subject,
            trace,
        },
    )
}

impl Whose {
    fn fill(self, row: &mut Row) {
        row.kind = self.kind.into();
        row.time = Timestamp::constant(self.seconds.into(), 0);
        row.who.tenant = self.tenant.and_then(|tenant| TenantId::new(tenant).ok());
        row.who.pseudonym = self.pseudonym;
        row.who.principal = self.principal;
        row.context.subject = self.subject;
        row.context.trace = self.trace;
    }
}

#[derive(Debug, Clone)]
struct Asked {
    method: Option<Box<str>>,
    item: Option<(&'static str, Box<str>)>,
    labels: (Option<Box<str>>, Option<Box<str>>),
    bytes: Option<u64>,
    decided: Verdict,
}

fn asked() -> impl Strategy<Value = Asked> {
    let decided = (
        one(&EFFECTS),
        vec(select(&RULES[..]), 0..3),
        option::of(text()),
    );
    let item = option::of((select(&ITEMS[..]), text()));
    let labels = (one(&LABELS), one(&LABELS));
    (one(&METHODS), item, labels, number(), decided).prop_map(
        |(method, item, labels, bytes, (effect, rules, bundle))| Asked {
            method,
            item,
            labels,
            bytes,
            decided: Verdict {
                effect,
                rules: rules.into_iter().map(Into::into).collect(),
                bundle,
            },
        },
    )
}

impl Asked {
    fn fill(self, row: &mut Row) {
        row.what.method = self.method;
        if let Some((kind, name)) = self.item {
            row.what.item_kind = Some(kind.into());
            row.what.item = Some(name);
        }
        (row.what.family, row.what.module) = self.labels;
        row.what.bytes = self.bytes;
        row.decided = self.decided;
    }
}

#[derive(Debug, Clone)]
struct Ended {
    outcome: Option<Box<str>>,
    texts: [Option<Box<str>>; 3],
    numbers: [Option<u64>; 3],
}

fn ended() -> impl Strategy<Value = Ended> {
    let texts = [option::of(text()), option::of(text()), option::of(text())];
    (one(&OUTCOMES), texts, [number(), number(), number()]).prop_map(|(outcome, texts, numbers)| {
        Ended {
            outcome,
            texts,
            numbers,
        }
    })
}

impl Ended {
    fn fill(self, row: &mut Row) {
        row.ended.outcome = self.outcome;
        [row.ended.fault, row.what.action, row.context.detail] = self.texts;
        [
            row.ended.duration_us,
            row.ended.bytes,
            row.context.generation,
        ] = self.numbers;
    }
}

fn filter() -> impl Strategy<Value = Filter> {
    let time = || (-9..9_i64).prop_map(|seconds| Timestamp::constant(seconds, 0));
    let of = |texts: &'static [&'static str], filter: fn(Box<str>) -> Filter| {
        select(texts)
            .prop_map(move |text| filter(text.into()))
            .boxed()
    };
    prop_oneof![
        time().prop_map(Filter::From),
        time().prop_map(Filter::Until),
        of(&PEOPLE, Filter::Principal),
        of(&METHODS, Filter::Method),
        text().prop_map(Filter::Item),
        of(&LABELS, Filter::Module),
        of(&LABELS, Filter::Family),
        of(&EFFECTS, Filter::Effect),
        of(&OUTCOMES, Filter::Outcome),
        of(&RULES, Filter::Rule),
        text().prop_map(Filter::Bundle),
        of(&LABELS, Filter::Trace),
        of(&KINDS, Filter::Kind),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    let scope = select(&SCOPES[..]).prop_filter_map("a tenant", |tenant| {
        TenantId::new(tenant).ok().map(TenantScope::One)
    });
    let scope = prop_oneof![2 => scope, 1 => Just(TenantScope::All)];
    let order = select(&[Order::Newest, Order::Oldest][..]);
    (scope, vec(filter(), 0..3), order, 1..7_usize).prop_map(|(scope, filters, order, limit)| {
        let query = Query::new(scope).with_order(order).with_limit(limit);
        filters.into_iter().fold(query, Query::with)
    })
}
