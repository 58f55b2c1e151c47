//! Reads a rule key by key.
//!
//! By hand, since `serde(flatten)` buffers: the reader would lose the line of what is wrong.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};

use super::{CallersConfig, EffectConfig, ItemsConfig, ModulesConfig, RuleConfig};

impl<'de> Deserialize<'de> for RuleConfig {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(RuleVisitor)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Id,
    Effect,
    Tenants,
    Roles,
    Principals,
    Families,
    Modules,
    Regions,
    MinTier,
    Methods,
    Tools,
    Prompts,
    Resources,
    Arguments,
    Obligations,
    Approval,
    Reason,
}

struct RuleVisitor;

impl<'de> Visitor<'de> for RuleVisitor {
    type Value = RuleConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rule")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RuleConfig, A::Error> {
        let (mut id, mut effect): (Option<String>, Option<EffectConfig>) = (None, None);
        let mut callers = CallersConfig::default();
        let mut modules = ModulesConfig::default();
        let mut items = ItemsConfig::default();
        let (mut obligations, mut approval, mut reason) = (None, None, None);
        while let Some(key) = map.next_key()? {
            match key {
                Key::Id => set(&mut id, "id", &mut map)?,
                Key::Effect => set(&mut effect, "effect", &mut map)?,
                Key::Tenants => set(&mut callers.tenants, "tenants", &mut map)?,
                Key::Roles => set(&mut callers.roles, "roles", &mut map)?,
                Key::Principals => set(&mut callers.principals, "principals", &mut map)?,
                Key::Families => set(&mut modules.families, "families", &mut map)?,
                Key::Modules => set(&mut modules.modules, "modules", &mut map)?,
                Key::Regions => set(&mut modules.regions, "regions", &mut map)?,
                Key::MinTier => set(&mut modules.min_tier, "min_tier", &mut map)?,
                Key::Methods => set(&mut items.methods, "methods", &mut map)?,
                Key::Tools => set(&mut items.tools, "tools", &mut map)?,
                Key::Prompts => set(&mut items.prompts, "prompts", &mut map)?,
                Key::Resources => set(&mut items.resources, "resources", &mut map)?,
                Key::Arguments => set(&mut items.arguments, "arguments", &mut map)?,
                Key::Obligations => set(&mut obligations, "obligations", &mut map)?,
                Key::Approval => set(&mut approval, "approval", &mut map)?,
                Key::Reason => set(&mut reason, "reason", &mut map)?,
            }
        }
        Ok(RuleConfig {
            id: id.ok_or_else(|| A::Error::missing_field("id"))?,
            effect: effect.ok_or_else(|| A::Error::missing_field("effect"))?,
            callers,
            modules,
            items,
            obligations,
            approval,
            reason,
        })
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
