use std::cell::OnceCell;

use super::{Index, Places, dimension::View, traits::Known};
use crate::{
    native::{
        Rule,
        bits::{Bits, Building, places},
        condition::Condition,
    },
    query::Query,
};

/// What a rule has to come through. It is put together where the first rule needs it.
#[derive(Debug)]
pub(super) struct Filters<'i> {
    index: &'i Index,
    /// The rules that come through whatever stands in it; none where the method is not one of
    /// those that rules are about which name none.
    free: Option<&'i Bits>,
    views: OnceCell<Vec<View<'i>>>,
}

/// As many as there are things to have conditions on.
const VIEWS: usize = 12;

impl<'i> Filters<'i> {
    pub(super) fn new(index: &'i Index, query: &Query<'_>) -> Self {
        Self {
            index,
            free: query.addresses().then_some(&index.sets.free),
            views: OnceCell::new(),
        }
    }

    /// Adds those of these rules that come through; of one caller.
    pub(super) fn pass(&self, rules: &Bits, query: &Query<'_>, who: &Known, to: &mut Places) {
        for (at, word) in rules.words() {
            let free = self.free.map_or(0, |free| free.word(at));
            let through = match word & !free {
                0 => word,
                rest => word & free | self.through(at, rest, query, who),
            };
            to.extend(places(at, through));
        }
    }

    /// What of one word comes through.
    fn through(&self, at: u32, mut word: u64, query: &Query<'_>, who: &Known) -> u64 {
        for view in self.views.get_or_init(|| self.index.views(query, who)) {
            if word == 0 {
                break;
            }
            word = view.pass(at, word);
        }
        word
    }
}

impl Index {
    fn views(&self, query: &Query<'_>, who: &Known) -> Vec<View<'_>> {
        let mut views = Vec::with_capacity(VIEWS);
        // Those first that fewest rules come through: that the caller has one of the names that a
        // rule asks for is settled for most already, as they were found by it.
        self.sets.modules.views(query, &mut views);
        views.extend(self.sets.methods.view(query));
        let callers = &self.sets.callers;
        callers.views(query.principal(), who, &mut views);
        views
    }
}

/// The rules that come through where the method addresses something: they have no conditions but
/// those by which they are found.
pub(super) fn free(rules: &[Rule], found_by_caller: impl Fn(&Rule) -> bool) -> Bits {
    let mut free = Building::default();
    for (at, rule) in rules.iter().enumerate() {
        let mut callers = 0;
        let others = rule.conditions.iter().any(|condition| match condition {
            Condition::Methods(_) | Condition::Module(_) => true,
            Condition::Caller(_) => {
                callers += 1;
                false
            }
            Condition::Addressing
            | Condition::Items(_)
            | Condition::Situation(_)
            | Condition::Argument(_)
            | Condition::Unless(_) => false,
        });
        // INVARIANT: a rule stands only among the rules of the names that its one condition on
        // callers demands.
        if !others && (callers == 0 || callers == 1 && found_by_caller(rule)) {
            free.insert(at);
        }
    }
    free.finish()
}
