use std::sync::Arc;

use mcpo2_core::{Digest, Item};

use crate::{Engine, Query, Verdict, Visibility, join};

/// Several engines, all of which must allow: the strictest decides, and what each obliges to is
/// owed. Without any engine, everything is denied.
///
/// ```
/// use std::sync::Arc;
///
/// use mcpo2_core::{AuthMethod, Effect, Item, ItemKind, Method, Principal};
/// use mcpo2_policy::{All, Config, Engine, Policy, Query};
///
/// let config: Config = serde_json::from_str(
///     r#"{"rules": [{"id": "reads", "effect": "allow", "tools": ["*__get_*"]}]}"#,
/// )?;
/// let both = All::of(vec![Arc::new(config.compile()?), Arc::new(Policy::allow_all())]);
///
/// let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
/// let effect = |name: &str| {
///     let tool = Item::new(ItemKind::Tool, name);
///     let query = Query::new(&Method::ToolsCall, Some(&tool), &ada);
///     both.decide(&query).decided().effect
/// };
/// assert_eq!(effect("x__get_it"), Effect::Allow);
/// assert_eq!(effect("x__delete_it"), Effect::Deny);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct All(Vec<Arc<dyn Engine>>);

impl All {
    /// These engines together.
    #[must_use]
    pub fn of(engines: Vec<Arc<dyn Engine>>) -> Self {
        Self(engines)
    }
}

impl Engine for All {
    fn decide(&self, query: &Query<'_>) -> Verdict {
        let verdicts = self.0.iter().map(|engine| engine.decide(query));
        join::strictest(verdicts, query, self.digest())
    }

    fn visible(&self, query: &Query<'_>) -> Visibility {
        let each = self.0.iter().map(|engine| engine.visible(query));
        each.min().unwrap_or(Visibility::Denied)
    }

    fn digest(&self) -> Digest {
        let mut all = b"mcpo2.policy/v1 all".to_vec();
        for engine in &self.0 {
            all.extend_from_slice(engine.digest().as_bytes());
        }
        Digest::of(&all)
    }

    fn visible_of<'q>(
        &self,
        items: &mut dyn Iterator<Item = &'q Item>,
        query: &dyn Fn(&'q Item) -> Query<'q>,
    ) -> Vec<Visibility> {
        let items: Vec<&Item> = items.collect();
        let each = |engine: &Arc<dyn Engine>| engine.visible_of(&mut items.iter().copied(), query);
        let least = |one: Vec<Visibility>, two: Vec<Visibility>| {
            let pairs = one.into_iter().zip(two);
            pairs.map(|(one, two)| one.min(two)).collect()
        };
        let all = self.0.iter().map(each);
        all.reduce(least)
            .unwrap_or_else(|| vec![Visibility::Denied; items.len()])
    }

    fn situation_key(&self, query: &Query<'_>) -> Option<Box<[u8]>> {
        let mut all = Vec::new();
        for engine in &self.0 {
            let key = engine.situation_key(query)?;
            let length = u64::try_from(key.len()).ok()?;
            all.extend_from_slice(&length.to_le_bytes());
            all.extend_from_slice(&key);
        }
        Some(all.into())
    }

    fn is_uniform(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(Engine::is_uniform)
    }
}

impl std::fmt::Debug for All {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digests = self.0.iter().map(Engine::digest);
        f.debug_list().entries(digests).finish()
    }
}
