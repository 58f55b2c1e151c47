use std::collections::BTreeSet;

use mcpo2_core::{Effect, Family, ModuleId, Region};

use super::dimension::{Collecting, Dimension, View};
use crate::{
    native::{
        Rule,
        condition::{Condition, Owner},
    },
    query::{Place, Query},
};

/// Which rules let which modules through.
#[derive(Debug)]
pub(super) struct Modules {
    families: Dimension<Family>,
    ids: Dimension<ModuleId>,
    regions: Dimension<Region>,
    /// By the tier of a module: each lets the rules through that ask for no more.
    tiers: Dimension<u8>,
}

impl Modules {
    pub(super) fn new(rules: &[Rule]) -> Self {
        Self {
            families: values(rules, |owner| match owner {
                Owner::Families(families) => Some(families.iter().cloned().collect()),
                _ => None,
            }),
            ids: values(rules, |owner| match owner {
                Owner::Modules(ids) => Some(ids.iter().cloned().collect()),
                _ => None,
            }),
            regions: values(rules, |owner| match owner {
                Owner::Regions(regions) => Some(regions.iter().cloned().collect()),
                _ => None,
            }),
            tiers: values(rules, |owner| match owner {
                Owner::MinTier(least) => Some((*least..=4).collect()),
                _ => None,
            }),
        }
    }

    pub(super) fn views<'a>(&'a self, query: &Query<'_>, to: &mut impl Extend<View<'a>>) {
        match query.place() {
            Place::Module(facts) => {
                to.extend(self.families.of(Some(facts.family())));
                to.extend(self.ids.of(Some(facts.module())));
                to.extend(match facts.region() {
                    Some(region) => self.regions.of(Some(region)),
                    None => self.regions.unknown::<Region>(None),
                });
                to.extend(self.tiers.of(Some(&facts.tier())));
            }
            Place::Gateway => {
                to.extend(self.families.of::<Family>(None));
                to.extend(self.ids.of::<ModuleId>(None));
                to.extend(self.regions.of::<Region>(None));
                to.extend(self.tiers.of::<u8>(None));
            }
            Place::Unknown => {
                // The guess of the classifier may fulfil a condition, and exempts from none.
                to.extend(self.families.unknown(query.family()));
                to.extend(self.ids.unknown::<ModuleId>(None));
                to.extend(self.regions.unknown::<Region>(None));
                to.extend(self.tiers.unknown::<u8>(None));
            }
        }
    }
}

fn values<K: std::hash::Hash + Ord>(
    rules: &[Rule],
    of: impl Fn(&Owner) -> Option<BTreeSet<K>>,
) -> Dimension<K> {
    let mut collecting = Collecting::default();
    let mut conditional = false;
    for (at, rule) in rules.iter().enumerate() {
        let values = rule
            .conditions
            .iter()
            .find_map(|condition| match condition {
                Condition::Module(owner) => of(owner),
                _ => None,
            });
        conditional |= values.is_some();
        collecting.insert(at, values, rule.effect != Effect::Allow);
    }
    collecting.finish(conditional)
}
