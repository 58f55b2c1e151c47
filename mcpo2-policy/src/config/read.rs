//! Reads rules, exceptions and arguments key by key.
//!
//! By hand, since `serde(flatten)` buffers: the reader would lose the line of what is wrong.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, Visitor},
};

use super::{
    ArgumentConfig, ConditionsConfig, EffectConfig, ModeConfig, PredicateConfig, RuleConfig,
};

/// A mapping that is read one key after the other.
trait Keyed<'de>: Default {
    /// What it is.
    const WHAT: &'static str;
    /// Its keys; no other is read.
    const KEYS: &'static [&'static str];

    /// Reads the value of one of its keys.
    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

fn keyed<'de, T: Keyed<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    from.deserialize_map(Mapping(PhantomData))
}

struct Mapping<T>(PhantomData<T>);

impl<'de, T: Keyed<'de>> Visitor<'de> for Mapping<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut value = T::default();
        while let Some(key) = map.next_key_seed(Key(T::KEYS))? {
            value.read(key, &mut map)?;
        }
        Ok(value)
    }
}

/// Reads a key, which has to be one of these: what is wrong is said where the key stands.
struct Key(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<&'static str, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<&'static str, E> {
        let known = self.0.iter().find(|known| **known == text);
        known.copied().ok_or_else(|| E::unknown_field(text, self.0))
    }
}

/// Reads a value; a key without one (`null`) is an error, since a condition that an operator
/// began to write must not vanish.
fn set<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    name: &'static str,
    map: &mut A,
) -> Result<(), A::Error> {
    if slot.is_some() {
        return Err(A::Error::duplicate_field(name));
    }
    *slot = Some(map.next_value()?);
    Ok(())
}

impl<'de> Deserialize<'de> for RuleConfig {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let RuleDraft {
            id,
            effect,
            mut rule,
        } = keyed(from)?;
        rule.id = id.ok_or_else(|| D::Error::missing_field("id"))?;
        rule.effect = effect.ok_or_else(|| D::Error::missing_field("effect"))?;
        Ok(rule)
    }
}

impl<'de> Deserialize<'de> for ConditionsConfig {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        keyed(from)
    }
}

impl<'de> Deserialize<'de> for ArgumentConfig {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let ArgumentDraft {
            pointer,
            mut argument,
        } = keyed(from)?;
        argument.pointer = pointer.ok_or_else(|| D::Error::missing_field("pointer"))?;
        Ok(argument)
    }
}

/// A rule of which it is not known yet that it has what it must have.
struct RuleDraft {
    id: Option<String>,
    effect: Option<EffectConfig>,
    rule: RuleConfig,
}

impl Default for RuleDraft {
    fn default() -> Self {
        Self {
            id: None,
            effect: None,
            rule: RuleConfig {
                id: String::new(),
                effect: EffectConfig::Deny,
                mode: None,
                conditions: ConditionsConfig::default(),
                unless: None,
                obligations: None,
                approval: None,
                reason: None,
                public_code: None,
            },
        }
    }
}

impl<'de> Keyed<'de> for RuleDraft {
    const WHAT: &'static str = "a rule";
    const KEYS: &'static [&'static str] = RULE_KEYS;

    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "id" => set(&mut self.id, "id", map),
            "effect" => set(&mut self.effect, "effect", map),
            "mode" => set::<ModeConfig, _>(&mut self.rule.mode, "mode", map),
            "unless" => set(&mut self.rule.unless, "unless", map),
            "obligations" => set(&mut self.rule.obligations, "obligations", map),
            "approval" => set(&mut self.rule.approval, "approval", map),
            "reason" => set(&mut self.rule.reason, "reason", map),
            "public_code" => set(&mut self.rule.public_code, "public_code", map),
            condition => self.rule.conditions.read(condition, map),
        }
    }
}

impl<'de> Keyed<'de> for ConditionsConfig {
    const WHAT: &'static str = "conditions";
    const KEYS: &'static [&'static str] = CONDITION_KEYS;

    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let Self {
            callers,
            modules,
            items,
            situation,
        } = self;
        match key {
            "tenants" => set(&mut callers.tenants, "tenants", map),
            "roles" => set(&mut callers.roles, "roles", map),
            "principals" => set(&mut callers.principals, "principals", map),
            "projects" => set(&mut callers.projects, "projects", map),
            "scopes" => set(&mut callers.scopes, "scopes", map),
            "kinds" => set(&mut callers.kinds, "kinds", map),
            "auth" => set(&mut callers.auth, "auth", map),
            "families" => set(&mut modules.families, "families", map),
            "modules" => set(&mut modules.modules, "modules", map),
            "regions" => set(&mut modules.regions, "regions", map),
            "min_tier" => set(&mut modules.min_tier, "min_tier", map),
            "methods" => set(&mut items.methods, "methods", map),
            "tools" => set(&mut items.tools, "tools", map),
            "prompts" => set(&mut items.prompts, "prompts", map),
            "resources" => set(&mut items.resources, "resources", map),
            "arguments" => set(&mut items.arguments, "arguments", map),
            "environments" => set(&mut situation.environments, "environments", map),
            "networks" => set(&mut situation.networks, "networks", map),
            "times" => set(&mut situation.times, "times", map),
            "calendars" => set(&mut situation.calendars, "calendars", map),
            "max_session_seconds" => set(
                &mut situation.max_session_seconds,
                "max_session_seconds",
                map,
            ),
            "max_request_bytes" => set(&mut situation.max_request_bytes, "max_request_bytes", map),
            unknown => Err(A::Error::unknown_field(unknown, CONDITION_KEYS)),
        }
    }
}

#[derive(Default)]
struct ArgumentDraft {
    pointer: Option<String>,
    argument: ArgumentConfig,
}

impl<'de> Keyed<'de> for ArgumentDraft {
    const WHAT: &'static str = "a condition on an argument";
    const KEYS: &'static [&'static str] = ARGUMENT_KEYS;

    fn read<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let PredicateConfig {
            glob,
            prefix,
            regex,
            one_of,
            equals,
            at_least,
            at_most,
            present,
            sql_within,
        } = &mut self.argument.predicate;
        match key {
            "pointer" => set(&mut self.pointer, "pointer", map),
            "items" => set(&mut self.argument.items, "items", map),
            "glob" => set(glob, "glob", map),
            "prefix" => set(prefix, "prefix", map),
            "regex" => set(regex, "regex", map),
            "one_of" => set(one_of, "one_of", map),
            "equals" => set(equals, "equals", map),
            "at_least" => set(at_least, "at_least", map),
            "at_most" => set(at_most, "at_most", map),
            "present" => set(present, "present", map),
            "sql_within" => set(sql_within, "sql_within", map),
            unknown => Err(A::Error::unknown_field(unknown, ARGUMENT_KEYS)),
        }
    }
}

/// The keys of conditions, with others before and behind them.
macro_rules! conditions_between {
    ([$($before:literal),*] [$($behind:literal),*]) => {
        &[
            $($before,)*
            "tenants",
            "roles",
            "principals",
            "projects",
            "scopes",
            "kinds",
            "auth",
            "families",
            "modules",
            "regions",
            "min_tier",
            "methods",
            "tools",
            "prompts",
            "resources",
            "arguments",
            "environments",
            "networks",
            "times",
            "calendars",
            "max_session_seconds",
            "max_request_bytes",
            $($behind,)*
        ]
    };
}

const RULE_KEYS: &[&str] = conditions_between!(
    ["id", "effect", "mode"]
    ["unless", "obligations", "approval", "reason", "public_code"]
);

const CONDITION_KEYS: &[&str] = conditions_between!([] []);

const ARGUMENT_KEYS: &[&str] = &[
    "pointer",
    "items",
    "glob",
    "prefix",
    "regex",
    "one_of",
    "equals",
    "at_least",
    "at_most",
    "present",
    "sql_within",
];
