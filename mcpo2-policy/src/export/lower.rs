//! Takes the third value out of rules: for a rule that allows, what is unknown does not hold, and
//! for one that denies or asks, it does.

use mcpo2_core::{Approval, Effect, ItemKind, Obligations};

use super::{
    ExportError, Language, fact,
    formula::{Atom, Caller, Fact, Formula, Target},
};
use crate::{
    config::LevelConfig,
    native::{
        ArgumentCondition, CallerCondition, Condition, Items, METHODS, NameGlob, OwnerCondition,
        Predicate, Rule,
    },
};

/// A rule that matches where all of its parts hold.
pub(super) struct Lowered {
    pub(super) id: Box<str>,
    pub(super) effect: Effect,
    pub(super) when: Vec<Formula>,
    pub(super) obligations: Obligations,
    pub(super) approval: Option<Approval>,
    pub(super) reason: Option<Box<str>>,
    pub(super) public_code: Option<Box<str>>,
}

/// What keeps a condition from being exported.
struct Inexact {
    field: String,
    problem: &'static str,
}

/// When a condition is true, and when it is not false.
struct Truths {
    certain: Formula,
    possible: Formula,
}

#[derive(Clone, Copy)]
struct Lower {
    effect: Effect,
    to: Language,
}

pub(super) fn rule(rule: &Rule, to: Language) -> Result<Lowered, ExportError> {
    let inexact = |fault: Inexact| ExportError::Inexact {
        rule: rule.id.as_str().into(),
        field: fault.field.into(),
        problem: fault.problem.into(),
    };
    let whole = |field: &str, problem| {
        let field = field.to_owned();
        Err(inexact(Inexact { field, problem }))
    };
    if rule.origin.shadow {
        return whole("mode", "a rule in shadow mode decides nothing elsewhere");
    }
    if rule.origin.level != LevelConfig::Platform {
        return whole("level", "a level that has to allow cannot be said exactly");
    }
    let lower = Lower {
        effect: rule.effect,
        to,
    };
    let when = rule.conditions.iter().map(|condition| {
        let truths = lower.condition(condition)?;
        Ok(match rule.effect {
            Effect::Allow => truths.certain,
            Effect::RequireApproval | Effect::Deny => truths.possible,
        })
    });
    Ok(Lowered {
        id: rule.id.as_str().into(),
        effect: rule.effect,
        when: when.collect::<Result<_, _>>().map_err(inexact)?,
        obligations: rule.obligations.as_deref().cloned().unwrap_or_default(),
        approval: rule.approval.as_deref().cloned(),
        reason: rule.words.reason.clone(),
        public_code: rule.words.public_code.clone(),
    })
}

impl Lower {
    fn condition(self, condition: &Condition) -> Result<Truths, Inexact> {
        let inexact = |problem| Inexact {
            field: condition.field(),
            problem,
        };
        match condition {
            Condition::Methods(globs) => self.methods(globs),
            Condition::Addressing => Ok(Truths::known(addressing())),
            Condition::Items(items) => self.items(items),
            Condition::Caller(caller) => Ok(Truths::known(callers(caller))),
            Condition::Module(owner) => Ok(self::owner(owner)),
            Condition::Argument(argument) => self.argument(argument).map_err(inexact),
            Condition::Situation(_) => Err(inexact("a situation cannot be said exactly")),
            Condition::Unless(exceptions) => self.unless(exceptions),
        }
    }

    fn methods(self, globs: &[NameGlob]) -> Result<Truths, Inexact> {
        let each = globs.iter().enumerate().map(|(at, glob)| {
            let known = |parts: &Vec<Box<str>>| {
                self.to == Language::Rego
                    || matches!(parts.as_slice(), [one] if METHODS.contains(&&**one))
            };
            let parts = glob.parts().filter(known);
            parts.map(Atom::Method).ok_or_else(|| Inexact {
                field: format!("methods[{at}]"),
                problem: "only methods of the protocol can be said exactly, each by its name",
            })
        });
        let atoms: Vec<Atom> = each.collect::<Result<_, _>>()?;
        Ok(Truths::known(Formula::any_of(atoms)))
    }

    fn items(self, items: &Items) -> Result<Truths, Inexact> {
        if !items.resources.is_empty() {
            return Err(Inexact {
                field: "resources".into(),
                problem: "globs over URIs cannot be said exactly",
            });
        }
        let of = |kind, globs: &[NameGlob], field: &str| {
            let each = globs.iter().enumerate().map(|(at, glob)| {
                let name = glob.parts().map(|parts| Atom::Target(Target::Name(parts)));
                name.ok_or_else(|| Inexact {
                    field: format!("{field}[{at}]"),
                    problem: "only `*` can be said exactly",
                })
            });
            let names: Vec<Atom> = each.collect::<Result<_, _>>()?;
            let kind = Formula::Is(Atom::Target(Target::Kind(kind)));
            Ok::<_, Inexact>(kind.and(Formula::any_of(names)))
        };
        let tools = of(ItemKind::Tool, &items.tools, "tools")?;
        let prompts = of(ItemKind::Prompt, &items.prompts, "prompts")?;
        let kinds = [(tools, &items.tools), (prompts, &items.prompts)].into_iter();
        let kinds = kinds.filter_map(|(formula, globs)| (!globs.is_empty()).then_some(formula));
        Ok(Truths::known(Formula::Any(kinds.collect())))
    }

    fn argument(self, condition: &ArgumentCondition) -> Result<Truths, &'static str> {
        let args = |state| Formula::Is(Atom::Args(state));
        let there = Formula::fact(&fact::pointer(condition), Fact::Present);
        let truths = match condition.predicate() {
            Predicate::Present(wanted) if !condition.of_items() => {
                let certain = match wanted {
                    true => there,
                    false => args("missing").or(args("given").and(there.negated())),
                };
                Truths {
                    possible: Formula::Any(vec![certain.clone(), args("unreadable"), args("open")]),
                    certain,
                }
            }
            _ => {
                let sides = fact::sides(condition)?;
                Truths {
                    certain: sides.holds,
                    possible: args("inapplicable").negated().and(sides.fails.negated()),
                }
            }
        };
        Ok(self.in_lists(truths))
    }

    /// The same in a list, where what is open may come to allow, and does not deny yet.
    fn in_lists(self, truths: Truths) -> Truths {
        let open = Formula::Is(Atom::ListedOpen);
        let (certain, possible) = (truths.certain, truths.possible);
        match (self.to, self.effect) {
            // There is no such question in Cedar: its engine finds out itself.
            (Language::Cedar, _) | (_, Effect::RequireApproval) => Truths { certain, possible },
            (Language::Rego, Effect::Allow | Effect::Deny) => Truths {
                certain: certain.or(open.clone()),
                possible: possible.and(open.negated()),
            },
        }
    }

    fn unless(self, exceptions: &[Vec<Condition>]) -> Result<Truths, Inexact> {
        let (mut certain, mut possible) = (Vec::new(), Vec::new());
        for (at, exception) in exceptions.iter().enumerate() {
            let (mut failing, mut holding) = (Vec::new(), Vec::new());
            for condition in exception {
                let truths = self.condition(condition).map_err(|fault| Inexact {
                    field: format!("unless[{at}].{}", fault.field),
                    ..fault
                })?;
                failing.push(truths.possible.negated());
                holding.push(truths.certain);
            }
            certain.push(Formula::Any(failing));
            possible.push(Formula::All(holding).negated());
        }
        Ok(Truths {
            certain: Formula::All(certain),
            possible: Formula::All(possible),
        })
    }
}

impl Truths {
    fn known(formula: Formula) -> Self {
        Self {
            certain: formula.clone(),
            possible: formula,
        }
    }
}

fn addressing() -> Formula {
    let addressing = METHODS.iter().filter(|name| {
        let method = mcpo2_core::Method::from(**name);
        method.item_kind().is_some() || method == mcpo2_core::Method::Complete
    });
    Formula::any_of(addressing.map(|name| Atom::Method(vec![(*name).into()])))
}

fn callers(condition: &CallerCondition) -> Formula {
    use CallerCondition as C;
    let names = |names: &[Box<str>], caller: fn(Box<str>) -> Caller| {
        Formula::any_of(names.iter().cloned().map(|name| Atom::Caller(caller(name))))
    };
    match condition {
        C::Tenants(of) => names(of, Caller::Tenant),
        C::Roles(of) => names(of, Caller::Role),
        C::Principals(of) => names(of, Caller::Principal),
        C::Projects(of) => names(of, Caller::Project),
        C::Scopes(of) => names(of, Caller::Scope),
        C::Kinds(of) => Formula::any_of(of.iter().map(|kind| Atom::Caller(Caller::Kind(*kind)))),
        C::Auth(of) => Formula::any_of(of.iter().map(|auth| Atom::Caller(Caller::Auth(*auth)))),
    }
}

fn owner(condition: &OwnerCondition) -> Truths {
    use OwnerCondition as O;
    let is = |target| Formula::Is(Atom::Target(target));
    let any = |targets: Vec<Target>| Formula::any_of(targets.into_iter().map(Atom::Target));
    let family = |families: &[mcpo2_core::Family]| {
        let each = families
            .iter()
            .map(|one| Target::Family(one.as_str().into()));
        any(each.collect())
    };
    let (holds, may_hold) = match condition {
        O::Families(families) | O::OwnFamilies(families) => (family(families), None),
        O::Modules(ids) => {
            let each = ids.iter().map(|id| Target::Module(id.as_str().into()));
            (any(each.collect()), None)
        }
        O::Regions(regions) => {
            let each = regions
                .iter()
                .map(|one| Target::Region(one.as_str().into()));
            let within = any(each.collect());
            let unknown = is(Target::HasRegion).negated();
            (within.clone(), Some(unknown.or(within)))
        }
        O::MinTier(tier) => (is(Target::MinTier(*tier)), None),
    };
    let known = is(Target::Owner("module"));
    let unknown = is(Target::Owner("unknown"));
    let may_hold = may_hold.unwrap_or_else(|| holds.clone());
    let certain = known.clone().and(holds);
    let certain = match condition {
        // What the classifier found may fulfil a condition.
        O::Families(families) => {
            let found = families.iter().map(|one| Atom::Intent(one.as_str().into()));
            certain.or(unknown.clone().and(Formula::any_of(found)))
        }
        _ => certain,
    };
    Truths {
        certain,
        possible: unknown.or(known.and(may_hold)),
    }
}
