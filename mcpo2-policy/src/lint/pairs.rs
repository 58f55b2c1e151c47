//! What rules say together.

use std::collections::HashMap;

use super::{Finding, Severity, Site, cover, glob::is_literal};
use crate::config::{EffectConfig, RuleConfig};

/// Over so many rules they are not compared: it can take the square of their number.
const MOST: usize = 2000;

pub(super) fn check(sites: &[Site<'_>], found: &mut Vec<Finding>) {
    if sites.len() > MOST {
        return;
    }
    let enforced: Vec<&Site<'_>> = sites.iter().filter(|site| !site.is_shadow()).collect();
    let index = Index::new(&enforced);
    for (at, site) in enforced.iter().enumerate() {
        let wider = || {
            let others = index.wider(site).filter(move |other| *other != at);
            others.filter_map(|other| Some((other, *enforced.get(other)?)))
        };
        if let Some((_, wide)) = wider().find(|(_, wide)| shadows(wide, site)) {
            let message = format!(
                "rule `{}` changes nothing: rule `{}` denies all that it matches",
                site.rule.id, wide.rule.id
            );
            found.push(site.warning("shadowed-rule", "id", message));
            continue;
        }
        // Of two rules that say the same, the one that stands above stays.
        let makes_redundant = |(other, wide): &(usize, &Site<'_>)| {
            adds_nothing(site.rule, wide.rule)
                && site.author.level == wide.author.level
                && cover::rule(wide, site)
                && (*other < at || !cover::rule(site, wide) || !adds_nothing(wide.rule, site.rule))
        };
        if let Some((_, wide)) = wider().find(makes_redundant) {
            let message = format!(
                "rule `{}` changes nothing: rule `{}` does the same wherever it matches",
                site.rule.id, wide.rule.id
            );
            found.push(site.warning("redundant-rule", "id", message));
        }
        preambles(at, site, &enforced, found);
    }
}

/// Finds the rules that could be wider than one, by what they are about.
#[derive(Debug, Default)]
struct Index<'c> {
    /// Those that are about anything.
    of_all: Vec<usize>,
    /// Those with a glob that stands for more than a name.
    of_globs: Vec<usize>,
    /// Those that name this, to the letter.
    of_name: HashMap<&'c str, Vec<usize>>,
}

impl<'c> Index<'c> {
    fn new(sites: &[&Site<'c>]) -> Self {
        let mut index = Self::default();
        for (at, site) in sites.iter().enumerate() {
            let mut names = names(site).peekable();
            if names.peek().is_none() {
                index.of_all.push(at);
            }
            let mut has_globs = false;
            for name in names {
                has_globs |= !is_literal(name);
                index.of_name.entry(name).or_default().push(at);
            }
            if has_globs {
                index.of_globs.push(at);
            }
        }
        index
    }

    /// Each of them once or twice.
    fn wider(&self, site: &Site<'c>) -> impl Iterator<Item = usize> {
        let name = names(site).next();
        let globs = name.map_or(&[][..], |_| &self.of_globs);
        let named = name.and_then(|name| self.of_name.get(name));
        let all = self.of_all.iter().chain(globs);
        all.chain(named.into_iter().flatten()).copied()
    }
}

/// What a rule is about, in all its lists.
fn names<'c>(site: &Site<'c>) -> impl Iterator<Item = &'c str> {
    let items = &site.rule.conditions.items;
    let lists = [&items.tools, &items.prompts, &items.resources];
    lists.into_iter().flatten().flatten().map(String::as_str)
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
