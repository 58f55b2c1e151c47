use mcpo2_policy::{ObligationsConfig, RedactConfig};

use super::{Context, Diagnostic, unknown};
use crate::config::Config;

/// Checks what discharges obligations, and that rules oblige to nothing that is not there: such a
/// call would be denied.
pub(super) fn check(context: &mut Context<'_>) {
    redact(context);
    rates(context);
    let config = context.config;
    for (path, obligations) in obligations(config) {
        finders(context, &path, obligations);
        rate_class(context, &path, obligations);
    }
}

fn redact(context: &mut Context<'_>) {
    if let Err(error) = context.config.redact.compile() {
        let path = format!("redact/finders/{}", error.finder());
        let finding = Diagnostic::error("invalid-redact", error.to_string());
        context.value(&path, finding);
    }
}

fn rates(context: &mut Context<'_>) {
    if let Err(error) = context.config.rates.compile() {
        let path = format!("rates/classes/{}", error.class());
        let finding = Diagnostic::error("invalid-rates", error.to_string());
        context.value(&path, finding);
    }
}

/// What all rules oblige to, each with the place where it is written.
fn obligations(config: &Config) -> impl Iterator<Item = (String, &ObligationsConfig)> {
    let ours = std::iter::once((String::new(), &config.policy.rules));
    let others = config.policy.bundles.iter().enumerate();
    let others = others.map(|(at, bundle)| (format!("bundles/{at}/"), &bundle.rules));
    ours.chain(others).flat_map(|(path, rules)| {
        let rules = rules.iter().enumerate();
        rules.filter_map(move |(at, rule)| {
            let obligations = rule.obligations.as_ref()?;
            Some((format!("{path}rules/{at}/obligations"), obligations))
        })
    })
}

fn finders(context: &mut Context<'_>, path: &str, obligations: &ObligationsConfig) {
    let custom = context.config.redact.finders.keys().map(String::as_str);
    let known = || RedactConfig::BUILT_IN.into_iter().chain(custom.clone());
    for (at, name) in obligations.redact.iter().flatten().enumerate() {
        if !known().any(|known| known == name) {
            let (message, help) = unknown("finder", name, known());
            let finding = Diagnostic::error("unknown-finder", message).maybe_help(help);
            context.policy(&format!("{path}/redact/{at}"), finding);
        }
    }
}

fn rate_class(context: &mut Context<'_>, path: &str, obligations: &ObligationsConfig) {
    let classes = &context.config.rates.classes;
    let named = obligations.rate_class.as_deref();
    if let Some(name) = named.filter(|name| !classes.contains_key(*name)) {
        let (message, help) = unknown("rate class", name, classes.keys().map(String::as_str));
        let finding = Diagnostic::error("unknown-rate-class", message).maybe_help(help);
        context.policy(&format!("{path}/rate_class"), finding);
    }
}
