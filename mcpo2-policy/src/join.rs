//! What several verdicts on one call come to.

use mcpo2_core::{Approval, Decided, Decision, Denial, Digest, Obligations, RuleId};

use crate::{
    Query, Verdict,
    native::{ELSEWHERE, reserved_allowance, rule_id, runs_within},
    reserved,
};

/// The strictest of these verdicts, in the name of `bundle`: all must allow, and what each obliges
/// to is owed. None at all denies.
pub(crate) fn strictest(
    verdicts: impl IntoIterator<Item = Verdict>,
    query: &Query<'_>,
    bundle: Digest,
) -> Verdict {
    let mut joined = Joined::default();
    for verdict in verdicts {
        joined.add(verdict);
    }
    within_regions(joined.verdict(bundle), query, bundle)
}

/// The verdict; a denial where the module runs in none of the regions that it obliges to.
pub(crate) fn within_regions(verdict: Verdict, query: &Query<'_>, bundle: Digest) -> Verdict {
    let regions = match verdict.decision() {
        Decision::Allow(obligations) => obligations.regions.as_ref(),
        Decision::Deny(_) | Decision::Ask(_) => None,
    };
    match regions.is_none_or(|regions| runs_within(regions, query)) {
        true => verdict,
        false => refused(reserved::REGION, ELSEWHERE, bundle),
    }
}

/// The verdict where an engine says nothing: only what the platform itself allows is allowed.
#[cfg_attr(
    not(any(feature = "cedar", feature = "rego")),
    expect(dead_code, reason = "for engines that can say nothing")
)]
pub(crate) fn silent(query: &Query<'_>, reason: String, bundle: Digest) -> Verdict {
    match reserved_allowance(query).and_then(rule_id) {
        Some(rule) => {
            let reason = "allowed by the platform";
            Verdict::allow(vec![rule], reason, Obligations::default(), bundle)
        }
        None => Verdict::deny(Denial::new(Vec::new(), reason), bundle),
    }
}

fn refused(rule: &str, reason: &'static str, bundle: Digest) -> Verdict {
    Verdict::deny(
        Denial::new(rule_id(rule).into_iter().collect(), reason),
        bundle,
    )
}

/// What was said so far.
#[derive(Default)]
struct Joined {
    denied: Option<Denial>,
    asked: Option<Approval>,
    /// The rules that allow, and what they oblige to; none of the latter where they contradict.
    allowed: Option<(Vec<RuleId>, Option<Obligations>)>,
    /// Of the first verdict of the effect that counts.
    reasons: [Option<std::borrow::Cow<'static, str>>; 3],
    shadow: Option<mcpo2_core::Shadow>,
}

impl Joined {
    fn add(&mut self, verdict: Verdict) {
        let (decision, decided) = verdict.into_parts();
        let Decided {
            effect,
            rules,
            reason,
            shadow,
            ..
        } = decided;
        if let Some(slot) = self.reasons.get_mut(effect as usize) {
            slot.get_or_insert(reason);
        }
        if self.shadow.is_none() {
            self.shadow = shadow;
        }
        match decision {
            Decision::Deny(denial) => {
                self.denied = Some(match self.denied.take() {
                    Some(one) => both(&one, &denial),
                    None => denial,
                });
            }
            Decision::Ask(approval) => {
                self.asked = Some(match self.asked.take() {
                    Some(one) => one.join(approval),
                    None => approval,
                });
            }
            Decision::Allow(more) => {
                let (mut all, owed) = self
                    .allowed
                    .take()
                    .unwrap_or_else(|| (Vec::new(), Some(Obligations::default())));
                let new: Vec<_> = rules.into_iter().filter(|id| !all.contains(id)).collect();
                all.extend(new);
                self.allowed = Some((all, owed.and_then(|owed| owed.join(more))));
            }
        }
    }

    fn verdict(self, bundle: Digest) -> Verdict {
        let [allowed, asked, _] = self.reasons;
        let verdict = match (self.denied, self.asked, self.allowed) {
            (Some(denial), _, _) => Verdict::deny(denial, bundle),
            (None, Some(approval), _) => Verdict::ask(approval, asked.unwrap_or_default(), bundle),
            (None, None, Some((rules, Some(owed)))) => {
                Verdict::allow(rules, allowed.unwrap_or_default(), owed, bundle)
            }
            (None, None, Some((_, None))) => {
                let reason = "the engines that allow it demand different preambles";
                refused(reserved::PREAMBLE_CONFLICT, reason, bundle)
            }
            (None, None, None) => {
                Verdict::deny(Denial::new(Vec::new(), "no engine decides"), bundle)
            }
        };
        verdict.with_shadow(self.shadow)
    }
}

/// A denial by both. Where one has nothing to tell, the caller learns nothing.
fn both(one: &Denial, two: &Denial) -> Denial {
    let mut rules = one.rules().to_vec();
    rules.extend(two.rules().iter().cloned());
    rules.dedup();
    let denial = Denial::new(rules, one.reason().to_owned());
    match (one.public_code(), two.public_code()) {
        (Some(code), Some(_)) => denial.with_public_code(code),
        _ => denial,
    }
}
