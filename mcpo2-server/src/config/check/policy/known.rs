use std::collections::BTreeSet;

use mcpo2_policy::Known;

use crate::config::Config;

/// What is known of a gateway by its file alone: what its modules have is not.
pub(crate) fn of(config: &Config) -> Known {
    let mut known = Known::default();
    known.modules = Some(names(
        config.modules.iter().map(|module| module.id.as_str()),
    ));
    known.families = Some(families(config));
    let regions = config
        .modules
        .iter()
        .filter_map(|module| module.region.as_ref());
    known.regions = Some(names(regions.map(AsRef::as_ref)));
    let profiles = config.preamble.profiles.iter();
    known.preambles = Some(names(profiles.map(|profile| &*profile.id)));
    known.tenants = tenants(config);
    known.roles = roles(config);
    known
}

/// The families that a call can be of: those of the modules, and those that text can speak of.
fn families(config: &Config) -> BTreeSet<String> {
    let modules = config.modules.iter().map(|module| module.family.as_str());
    names(modules.chain(config.classify.families.keys().map(AsRef::as_ref)))
}

/// The tenants of those who may call; none where tokens name them, and any may come.
pub(in crate::config::check) fn tenants(config: &Config) -> Option<BTreeSet<String>> {
    let identity = &config.identity;
    let keys = identity.api_keys.iter().map(|key| key.tenant.as_str());
    let anonymous = identity.anonymous.iter();
    let tenants = names(keys.chain(anonymous.map(|anonymous| anonymous.tenant.as_str())));
    (identity.jwt.is_none() && !tenants.is_empty()).then_some(tenants)
}

/// The roles of those who may call, likewise.
fn roles(config: &Config) -> Option<BTreeSet<String>> {
    let identity = &config.identity;
    let keys = identity.api_keys.iter().flat_map(|key| &key.roles);
    let anonymous = identity.anonymous.iter();
    let roles = keys.chain(anonymous.flat_map(|anonymous| &anonymous.roles));
    let has_callers = !identity.api_keys.is_empty() || identity.anonymous.is_some();
    (identity.jwt.is_none() && has_callers).then(|| names(roles.map(|role| &**role)))
}

fn names<'n>(names: impl Iterator<Item = &'n str>) -> BTreeSet<String> {
    names.map(str::to_owned).collect()
}
