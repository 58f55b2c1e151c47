//! What rules say together.

use super::{Finding, Severity, Site, cover};
use crate::config::{EffectConfig, RuleConfig};

/// Over so many rules they are not compared: it takes the square of their number.
const MOST: usize = 2000;

pub(super) fn check(sites: &[Site<'_>], found: &mut Vec<Finding>) {
    if sites.len() > MOST {
        return;
    }
    let enforced: Vec<&Site<'_>> = sites.iter().filter(|site| !site.is_shadow()).collect();
    for (at, site) in enforced.iter().enumerate() {
        let others = || {
            let others = enforced.iter().enumerate();
            others.filter(move |(other, _)| *other != at)
        };
        let shadow = others().find(|(_, wide)| shadows(wide, site));
        if let Some((_, wide)) = shadow {
            let message = format!(
                "rule `{}` changes nothing: rule `{}` denies all that it matches",
                site.rule.id, wide.rule.id
            );
            found.push(site.warning("shadowed-rule", "id", message));
            continue;
        }
        // Of two rules that say the same, the one that stands above stays.
        let makes_redundant = |(other, wide): &(usize, &&Site<'_>)| {
            adds_nothing(site.rule, wide.rule)
                && site.author.level == wide.author.level
                && cover::rule(wide, site)
                && (*other < at || !cover::rule(site, wide) || !adds_nothing(wide.rule, site.rule))
        };
        if let Some((_, wide)) = others().find(makes_redundant) {
            let message = format!(
                "rule `{}` changes nothing: rule `{}` does the same wherever it matches",
                site.rule.id, wide.rule.id
            );
            found.push(site.warning("redundant-rule", "id", message));
        }
        preambles(at, site, &enforced, found);
    }
}

/// Whether `wide` denies all that `site` lets pass.
fn shadows(wide: &Site<'_>, site: &Site<'_>) -> bool {
    wide.rule.effect == EffectConfig::Deny
        && site.rule.effect != EffectConfig::Deny
        && cover::rule(wide, site)
}

/// Whether a rule obliges to nothing, and tells nobody anything, that the wider one does not.
fn adds_nothing(rule: &RuleConfig, wide: &RuleConfig) -> bool {
    let obligations = rule.obligations.is_none() || rule.obligations == wide.obligations;
    rule.effect == wide.effect
        && obligations
        && rule.approval == wide.approval
        && rule.public_code == wide.public_code
        && (rule.reason.is_none() || rule.reason == wide.reason)
}

/// Rules that allow a call together and demand different preambles deny it.
fn preambles(at: usize, site: &Site<'_>, enforced: &[&Site<'_>], found: &mut Vec<Finding>) {
    let Some(preamble) = preamble(site.rule) else {
        return;
    };
    let field = "obligations/preamble";
    for (other, two) in enforced.iter().enumerate() {
        let differs = self::preamble(two.rule).is_some_and(|other| other != preamble);
        if other == at || !differs {
            continue;
        }
        let other_id = &two.rule.id;
        if cover::rule(two, site) {
            let message = format!(
                "rule `{}` never lets a call pass: wherever it matches, rule `{other_id}` demands \
                 another preamble",
                site.rule.id
            );
            found.push(site.finding("preamble-conflict", Severity::Error, field, message));
        } else if other < at && !cover::rule(site, two) && cover::overlap(two, site) {
            let message = format!(
                "where rule `{other_id}` matches too, the call is denied: it demands another preamble"
            );
            found.push(site.warning("preamble-conflict", field, message));
        }
    }
}

fn preamble(rule: &RuleConfig) -> Option<&str> {
    rule.obligations.as_ref()?.preamble.as_deref()
}
