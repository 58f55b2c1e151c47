use mcpo2_core::Effect;
use rustc_hash::FxHashMap;

use crate::{
    native::{Matched, Rule, Truth, condition::Condition, few::Few},
    query::Query,
};

/// What is left to ask of each rule that was found. Many rules have the same conditions, each of
/// which is asked once in a decision; and of a rule without any nothing is looked at.
#[derive(Debug)]
pub(crate) struct Asked {
    effects: Box<[Effect]>,
    /// Where the conditions of each rule end in `each`: they begin where those of the last end.
    ends: Box<[u32]>,
    /// Each condition, by its place in `places`.
    each: Box<[u32]>,
    /// Where the distinct ones stand: of which rule, and at which place of those that are open.
    places: Box<[(u32, u32)]>,
    /// Which rules have exceptions.
    excepting: Box<[bool]>,
}

/// The answers for one query.
#[derive(Debug)]
pub(crate) struct Answers<'a, 'q> {
    asked: &'a Asked,
    rules: &'a [Rule],
    query: &'a Query<'q>,
    known: Few<(u32, Option<Truth>), KNOWN>,
}

/// How many answers are remembered: to look through more would cost more than to ask again.
const KNOWN: usize = 8;

/// What tells a condition apart from others.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    /// Where it stands: those that are written alike are one.
    Argument(usize),
    Situation(String),
}

impl Asked {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut known: FxHashMap<Key, u32> = FxHashMap::default();
        let (mut ends, mut each, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for (rule, of) in (0..).zip(rules) {
            for (at, condition) in (0..).zip(of.conditions.open()) {
                let new = index(places.len());
                let place = match Key::of(condition) {
                    Some(key) => *known.entry(key).or_insert(new),
                    None => new,
                };
                if place == new {
                    places.push((rule, at));
                }
                each.push(place);
            }
            ends.push(index(each.len()));
        }
        Self {
            effects: rules.iter().map(|rule| rule.effect).collect(),
            ends: ends.into(),
            each: each.into(),
            places: places.into(),
            excepting: rules.iter().map(excepts).collect(),
        }
    }

    /// The answers for a query; of these rules, the same that this was made of.
    pub(crate) fn of<'a, 'q>(&'a self, rules: &'a [Rule], query: &'a Query<'q>) -> Answers<'a, 'q> {
        Answers {
            asked: self,
            rules,
            query,
            known: Few::default(),
        }
    }

    /// Whether something is asked of this rule that may be about the item: an exception.
    pub(crate) fn depends_on_item(&self, rule: u32) -> bool {
        let excepting = self.excepting.get(rule as usize);
        excepting.copied().unwrap_or(true)
    }

    fn conditions(&self, rule: u32) -> &[u32] {
        let end = |rule: u32| self.ends.get(rule as usize).map(|end| *end as usize);
        let begin = rule.checked_sub(1).and_then(end).unwrap_or_default();
        let of = |end| self.each.get(begin..end);
        end(rule).and_then(of).unwrap_or_default()
    }
}

impl Answers<'_, '_> {
    /// Whether the rule at this place matches, of which the rest was settled.
    pub(crate) fn matched(&mut self, rule: u32) -> Matched {
        let Some(effect) = self.asked.effects.get(rule as usize) else {
            return Matched::No;
        };
        let mut least = Matched::Yes;
        for condition in self.asked.conditions(rule) {
            least = least.min(self.truth(*condition).for_effect(*effect));
            if least == Matched::No {
                break;
            }
        }
        least
    }

    fn truth(&mut self, condition: u32) -> Truth {
        let known = self.known.iter().find(|(known, _)| *known == condition);
        if let Some((_, Some(truth))) = known {
            return *truth;
        }
        let truth = self.find(condition).map(|found| found.holds(self.query));
        let truth = truth.unwrap_or(Truth::Unknown);
        if self.known.len() < KNOWN {
            self.known.push((condition, Some(truth)));
        }
        truth
    }

    fn find(&self, condition: u32) -> Option<&Condition> {
        let (rule, at) = self.asked.places.get(condition as usize)?;
        let rule = self.rules.get(*rule as usize)?;
        rule.conditions.open().get(*at as usize)
    }
}

impl Key {
    fn of(condition: &Condition) -> Option<Self> {
        match condition {
            Condition::Argument(argument) => {
                Some(Self::Argument(std::ptr::from_ref(&**argument).addr()))
            }
            Condition::Situation(moment) => Some(Self::Situation(format!("{moment:?}"))),
            _ => None,
        }
    }
}

fn excepts(rule: &Rule) -> bool {
    let open = rule.conditions.open().iter();
    open.into_iter()
        .any(|condition| matches!(condition, Condition::Unless(_)))
}

/// INVARIANT: what a policy may have in entries fits.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
