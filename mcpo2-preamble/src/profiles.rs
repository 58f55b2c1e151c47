use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mcpo2_core::{
    Digest, Facts, Family, ModuleId, Preamble, Principal, ProfileRef, TenantId, json::Member,
};

use crate::{
    Config, ConfigError, InstructionsConfig, MAX_INSTRUCTIONS_BYTES, META_KEY, ProfileConfig,
    Refusal, Selection, lint,
};

/// The profiles and their selection, checked.
///
/// Which profile applies depends on the tenant, on what is registered of the module, and on the
/// obligation of the policy. Nothing that a caller writes is among its inputs.
#[derive(Debug)]
pub struct Profiles {
    profiles: BTreeMap<Box<str>, Profile>,
    rules: Vec<Rule>,
    required: BTreeSet<Family>,
    slots: BTreeMap<ModuleId, Box<str>>,
    announced: BTreeSet<ModuleId>,
    instructions: Option<InstructionsConfig>,
}

#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) preamble: Preamble,
    text: Arc<str>,
    /// The reference as a module is told of it.
    pub(crate) announcement: Member,
}

/// Where a preamble goes in a call of one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Point<'a> {
    /// Its text goes into this argument.
    Argument(&'a str),
    /// Its reference goes into `_meta`.
    Meta,
    /// Nothing is sent; that it applies is recorded.
    Nowhere,
}

impl Point<'_> {
    /// Its name in records.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Argument(_) => "arguments",
            Self::Meta => "meta",
            Self::Nowhere => "none",
        }
    }
}

impl Profiles {
    pub(crate) fn compile(config: Config) -> Result<Self, ConfigError> {
        let mut profiles = BTreeMap::new();
        for profile in config.profiles {
            let id = profile.id.clone();
            if profiles.insert(id.clone(), check(profile)?).is_some() {
                return Err(ConfigError::Duplicate(id));
            }
        }
        let rules: Vec<_> = config.select.into_iter().map(Rule::new).collect();
        let announced: BTreeSet<_> = config.announce.into_iter().collect();
        let mut slots = BTreeMap::new();
        for (module, slot) in config.slots {
            if slot.argument.is_empty() {
                return Err(ConfigError::Slot(module));
            }
            if announced.contains(&module) {
                return Err(ConfigError::TwoPoints(module));
            }
            slots.insert(module, slot.argument);
        }
        let compiled = Self {
            profiles,
            rules,
            required: config.required_families.into_iter().collect(),
            slots,
            announced,
            instructions: config.instructions,
        };
        compiled.check_names()?;
        compiled.check_overlaps()?;
        Ok(compiled)
    }

    /// The preamble for a call of this module by this tenant; none where none is selected.
    ///
    /// An obligation of the policy goes before every selection.
    ///
    /// # Errors
    ///
    /// [`Refusal`], where a profile is needed and there is not exactly one.
    pub fn choose(
        &self,
        tenant: &TenantId,
        facts: &Facts,
        obligation: Option<&str>,
    ) -> Result<Option<&Preamble>, Refusal> {
        let profile = self.profile(tenant, facts, obligation)?;
        Ok(profile.map(|profile| &profile.preamble))
    }

    pub(crate) fn profile(
        &self,
        tenant: &TenantId,
        facts: &Facts,
        obligation: Option<&str>,
    ) -> Result<Option<&Profile>, Refusal> {
        if let Some(id) = obligation {
            let profile = self.profiles.get(id);
            let profile = profile.ok_or_else(|| Refusal::UnknownProfile(id.into()))?;
            return Ok(Some(profile));
        }
        let mut ids = (self.rules.iter())
            .filter(|rule| rule.matches(tenant, facts))
            .map(|rule| &rule.profile);
        let Some(first) = ids.next() else {
            return match self.required.contains(facts.family()) {
                true => Err(Refusal::Unresolved(facts.family().clone())),
                false => Ok(None),
            };
        };
        if let Some(second) = ids.find(|id| *id != first) {
            let (first, second) = (first.clone(), second.clone());
            return Err(Refusal::Ambiguous { first, second });
        }
        let profile = self.profiles.get(first);
        let profile = profile.ok_or_else(|| Refusal::UnknownProfile(first.clone()))?;
        Ok(Some(profile))
    }

    /// Where the preamble goes in a call of this module.
    #[must_use]
    pub fn point(&self, module: &ModuleId) -> Point<'_> {
        match self.slots.get(module) {
            Some(argument) => Point::Argument(argument),
            None if self.announced.contains(module) => Point::Meta,
            None => Point::Nowhere,
        }
    }

    /// The gateway's own `instructions` for this caller, if it has any.
    ///
    /// They are for `initialize` and `server/discover`, and never an upstream's. As they depend on
    /// the tenant, a reply that carries them is private to it.
    #[must_use]
    pub fn instructions(&self, principal: &Principal) -> Option<Arc<str>> {
        let profile = self.instructions_profile(principal)?;
        Some(Arc::clone(&profile.text))
    }

    /// The reference of the profile that [`instructions`](Self::instructions) come from.
    #[must_use]
    pub fn instructions_reference(&self, principal: &Principal) -> Option<&ProfileRef> {
        let profile = self.instructions_profile(principal)?;
        Some(profile.preamble.reference())
    }

    /// What the profile of this id is known by.
    #[must_use]
    pub fn reference(&self, id: &str) -> Option<&ProfileRef> {
        Some(self.profiles.get(id)?.preamble.reference())
    }

    fn instructions_profile(&self, principal: &Principal) -> Option<&Profile> {
        let id = match self.instructions.as_ref()? {
            InstructionsConfig::Everybody(id) => id,
            InstructionsConfig::ByTenant(tenants) => tenants.get(principal.tenant())?,
        };
        self.profiles.get(id)
    }

    fn check_names(&self) -> Result<(), ConfigError> {
        let instructions: Vec<&Box<str>> = match &self.instructions {
            None => Vec::new(),
            Some(InstructionsConfig::Everybody(id)) => vec![id],
            Some(InstructionsConfig::ByTenant(tenants)) => tenants.values().collect(),
        };
        let selected = self.rules.iter().map(|rule| &rule.profile);
        for id in selected.chain(instructions.iter().copied()) {
            if !self.profiles.contains_key(id) {
                return Err(ConfigError::UnknownProfile(id.clone()));
            }
        }
        for id in instructions {
            let bytes = self.profiles.get(id).map_or(0, |found| found.text.len());
            if bytes > MAX_INSTRUCTIONS_BYTES {
                tracing::warn!(profile = %id, bytes, "clients may cut these instructions short");
            }
        }
        Ok(())
    }

    fn check_overlaps(&self) -> Result<(), ConfigError> {
        for (second, b) in self.rules.iter().enumerate() {
            for (first, a) in self.rules.iter().enumerate().take(second) {
                if a.profile != b.profile && a.must_overlap(b) {
                    return Err(ConfigError::Ambiguous { first, second });
                }
            }
        }
        Ok(())
    }
}

fn check(config: ProfileConfig) -> Result<Profile, ConfigError> {
    let ProfileConfig {
        id,
        version,
        text,
        digest: pinned,
    } = config;
    let wrong = [("id", &id), ("version", &version)]
        .into_iter()
        .find_map(|(part, name)| (!is_name(name)).then_some(part));
    if let Some(part) = wrong {
        return Err(ConfigError::Name { id, part });
    }
    if let Err(fault) = lint::check(&text) {
        return Err(ConfigError::Text { id, fault });
    }
    let digest = Digest::of(text.as_bytes());
    if let Some(pinned) = pinned.filter(|pinned| *pinned != digest) {
        let actual = digest;
        return Err(ConfigError::Digest { id, pinned, actual });
    }
    let text: Arc<str> = text.into();
    let reference = ProfileRef {
        id,
        version,
        digest,
    };
    // A name, a version and a digest: nothing in them can fail as JSON.
    let told = serde_json::to_string(&reference).unwrap_or_default();
    let Ok(announcement) = Member::new(META_KEY, &told) else {
        let (id, part) = (reference.id, "id");
        return Err(ConfigError::Name { id, part });
    };
    Ok(Profile {
        announcement,
        preamble: Preamble::new(reference, Arc::clone(&text)),
        text,
    })
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && (text.bytes()).all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[derive(Debug)]
struct Rule {
    profile: Box<str>,
    families: BTreeSet<Family>,
    tenants: BTreeSet<TenantId>,
    modules: BTreeSet<ModuleId>,
}

impl Rule {
    fn new(config: Selection) -> Self {
        Self {
            profile: config.profile,
            families: config.families.into_iter().collect(),
            tenants: config.tenants.into_iter().collect(),
            modules: config.modules.into_iter().collect(),
        }
    }

    fn matches(&self, tenant: &TenantId, facts: &Facts) -> bool {
        admits(&self.families, facts.family())
            && admits(&self.tenants, tenant)
            && admits(&self.modules, facts.module())
    }

    /// Whether some call matches both, whatever modules are registered.
    ///
    /// Where both a family and a module are asked for, that depends on the module's family, which
    /// is not known here; such a call is refused when it comes.
    fn must_overlap(&self, other: &Self) -> bool {
        let meet = meets(&self.families, &other.families)
            && meets(&self.tenants, &other.tenants)
            && meets(&self.modules, &other.modules);
        let any_family = self.families.is_empty() && other.families.is_empty();
        let any_module = self.modules.is_empty() && other.modules.is_empty();
        meet && (any_family || any_module)
    }
}

/// An empty set admits all.
fn admits<T: Ord>(set: &BTreeSet<T>, value: &T) -> bool {
    set.is_empty() || set.contains(value)
}

fn meets<T: Ord>(one: &BTreeSet<T>, two: &BTreeSet<T>) -> bool {
    one.is_empty() || two.is_empty() || !one.is_disjoint(two)
}
