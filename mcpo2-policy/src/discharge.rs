//! What follows from a verdict before it is applied: what of it the service itself sees to.

use mcpo2_core::{Call, Decision, Denial, Duty, Effect, Loudness};

use crate::{Query, Situation, Verdict, Visibility, layer::Known, native::rule_id, reserved};

/// The verdict that is applied: a denial where something is owed that nothing discharges, and one
/// that says nothing to a caller who may not know that the thing is there.
pub(crate) fn settle(
    verdict: Verdict,
    call: &Call,
    situation: &Situation,
    known: &Known,
) -> Verdict {
    match verdict.decision() {
        Decision::Allow(obligations) => {
            let mut duties = obligations.duties();
            if let Some(duty) = duties.find(|duty| !known.discharged.contains(duty)) {
                return undischarged(duty, verdict);
            }
            if let Some(level) = obligations.log_level {
                log(level, &verdict, call);
            }
            verdict
        }
        Decision::Deny(denial) if denial.public_code().is_some() => {
            match sees(call, situation, known) {
                true => verdict,
                false => verdict.without_public_code(),
            }
        }
        Decision::Deny(_) | Decision::Ask(_) => verdict,
    }
}

/// A denial in place of a call that would owe what nothing sees to.
fn undischarged(duty: Duty, verdict: Verdict) -> Verdict {
    let (_, decided) = verdict.into_parts();
    let rules = rule_id(reserved::OBLIGATION).into_iter().collect();
    let reason = format!("nothing below discharges the obligation `{duty}`");
    let shadow = decided
        .shadow
        .filter(|shadow| shadow.effect != Effect::Deny);
    Verdict::deny(Denial::new(rules, reason), decided.bundle).with_shadow(shadow)
}

/// Whether the caller sees in a list what it asked for.
fn sees(call: &Call, situation: &Situation, known: &Known) -> bool {
    call.item().is_some_and(|item| {
        let query = Query::listed(item, call.principal())
            .with_facts(known.directory.describe(item))
            .with_situation(situation);
        known.engine.visible(&query) != Visibility::Denied
    })
}

fn log(level: Loudness, verdict: &Verdict, call: &Call) {
    let decided = verdict.decided();
    let rules = decided
        .rules
        .iter()
        .map(AsRef::as_ref)
        .collect::<Vec<&str>>()
        .join(" ");
    let item = call.item().map(mcpo2_core::Item::name).unwrap_or_default();
    let (method, principal) = (call.method().as_str(), call.principal());
    macro_rules! say {
        ($level:ident) => {
            tracing::$level!(%method, item, %principal, rules, "allowed by policy")
        };
    }
    match level {
        Loudness::Debug => say!(debug),
        Loudness::Info => say!(info),
        Loudness::Warn => say!(warn),
    }
}
