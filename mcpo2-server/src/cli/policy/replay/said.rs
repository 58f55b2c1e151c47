use std::{cmp::Reverse, fmt::Write as _};

use mcpo2_core::{Digest, Effect};
use serde_json::{Value, json};

use super::tally::{Change, Group, Side, Tally};

/// The effects that a call can newly have, with how they are told.
const KINDS: [(Effect, &str, &str); 3] = [
    (Effect::Allow, "newly allowed", "newly_allowed"),
    (
        Effect::RequireApproval,
        "newly in need of approval",
        "newly_needs_approval",
    ),
    (Effect::Deny, "newly denied", "newly_denied"),
];

/// What came of it, for people and for tools.
#[derive(Debug)]
pub(super) struct Said<'t> {
    tally: &'t Tally,
    policy: Digest,
    limit: usize,
    /// Those with the most calls first.
    groups: Vec<(&'t Change, Group)>,
}

impl<'t> Said<'t> {
    pub(super) fn new(tally: &'t Tally, policy: Digest, limit: usize) -> Self {
        let groups = tally.groups.iter().map(|(change, group)| (change, *group));
        let mut groups: Vec<_> = groups.collect();
        groups.sort_by_key(|(change, group)| (Reverse(group.calls), *change));
        Self {
            tally,
            policy,
            limit,
            groups,
        }
    }

    /// The groups of one kind that are told of, and how many calls are in none of them.
    fn of(&self, effect: Effect) -> (Vec<(&'t Change, Group)>, u64) {
        let all = self.groups.iter().copied();
        let all = all.filter(|(change, _)| change.after.effect == effect);
        let told: Vec<_> = all.take(self.limit).collect();
        let calls: u64 = told.iter().map(|(_, group)| group.calls).sum();
        (told, self.tally.newly(effect).saturating_sub(calls))
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (effect, title, _) in KINDS {
            let (told, rest) = self.of(effect);
            if told.is_empty() && rest == 0 {
                continue;
            }
            let _ = writeln!(text, "{title}:");
            for (change, group) in told {
                let _ = writeln!(text, "{}", line(change, group));
            }
            if rest > 0 {
                let _ = writeln!(text, "  and {rest} more");
            }
            text.push('\n');
        }
        let on = &self.tally.on;
        if !on.is_empty() {
            text.push_str("not to be decided without what the ledger does not tell:\n");
        }
        for (on, group) in on {
            let Group { calls, example } = group;
            let on: Vec<&str> = on.iter().copied().collect();
            let _ = writeln!(text, "  {calls:>6}  {}  (record {example})", on.join(", "));
        }
        if !on.is_empty() {
            text.push('\n');
        }
        text + &self.totals()
    }

    fn totals(&self) -> String {
        let tally = self.tally;
        let mut text = String::new();
        for (bundle, calls) in &tally.bundles {
            let _ = writeln!(text, "decided  {calls:>6} by {bundle}");
        }
        let _ = writeln!(text, "replayed {:>6} by {}", tally.calls, self.policy);
        let _ = write!(text, "{} the same", tally.same);
        for (effect, title, _) in KINDS {
            let _ = write!(text, ", {} {title}", tally.newly(effect));
        }
        let (open, none) = (tally.undetermined, tally.not_decided);
        let _ = writeln!(text, ", {open} undetermined, {none} not decided");
        text
    }

    pub(super) fn json(&self) -> Value {
        let tally = self.tally;
        let mut said = json!({
            "policy": self.policy,
            "decided_by": tally.bundles,
            "calls": tally.calls,
            "same": tally.same,
            "not_decided": tally.not_decided,
            "undetermined": {
                "calls": tally.undetermined,
                "groups": tally.on.iter().map(|(on, group)| json!({
                    "on": on, "calls": group.calls, "record": group.example,
                })).collect::<Vec<_>>(),
            },
        });
        for (effect, _, key) in KINDS {
            let (told, rest) = self.of(effect);
            let groups = told
                .into_iter()
                .map(|(change, group)| object(change, group));
            let newly = json!({
                "calls": tally.newly(effect),
                "groups": groups.collect::<Vec<_>>(),
                "not_told": rest,
            });
            if let Some(said) = said.as_object_mut() {
                said.insert(key.to_owned(), newly);
            }
        }
        said
    }
}

fn line(change: &Change, group: Group) -> String {
    let Change {
        tenant,
        who,
        method,
        item,
        before,
        after,
    } = change;
    let item = item.as_deref().map(|item| format!(" {item}"));
    let item = item.unwrap_or_default();
    let (before, after) = (side(before), side(after));
    let Group { calls, example } = group;
    format!(
        "  {calls:>6}  {tenant} [{who}]  {method}{item}: {before} -> {after}  (record {example})"
    )
}

fn side(side: &Side) -> String {
    let effect = match side.effect {
        Effect::Allow => "allowed",
        Effect::RequireApproval => "asked to be approved",
        Effect::Deny => "denied",
    };
    match side.rules.is_empty() {
        true => format!("{effect} by no rule"),
        false => format!("{effect} by `{}`", side.rules.join("`, `")),
    }
}

fn object(change: &Change, group: Group) -> Value {
    let side = |side: &Side| json!({ "effect": side.effect, "rules": side.rules });
    json!({
        "tenant": change.tenant, "who": change.who, "method": change.method, "item": change.item,
        "before": side(&change.before), "after": side(&change.after),
        "calls": group.calls, "record": group.example,
    })
}
