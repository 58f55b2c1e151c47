mod environment;
mod known;
mod unused;

use std::sync::Arc;

use mcpo2_policy::{ConfigError, Finding, Known, Policy, Severity};

pub(crate) use self::known::of as known;

pub(super) use self::known::tenants;

use super::{Context, Diagnostic};
use crate::config::fault;

/// Checks the policy: by itself, against what there is, and what there is against it.
pub(super) fn check(context: &mut Context<'_>) -> Option<Arc<Policy>> {
    let compiled = Policy::try_from(&context.config.policy);
    let known = known(context.config);
    let policy = findings(context, compiled, &known);
    environment::check(context);
    unused::check(context);
    policy.map(Arc::new)
}

/// Finds what is wrong with the policy and what is suspicious. Its tests are not run.
pub(super) fn lint(context: &mut Context<'_>, known: &Known) {
    let compiled = context.config.policy.untested().compile();
    findings(context, compiled, known);
}

fn findings(
    context: &mut Context<'_>,
    compiled: Result<Policy, ConfigError>,
    known: &Known,
) -> Option<Policy> {
    if let Err(error) = &compiled {
        let message = match error.rule() {
            "" => error.problem().to_owned(),
            rule => format!("rule `{rule}`: {}", error.problem()),
        };
        context.policy(&error.path(), Diagnostic::error("invalid-policy", message));
    }
    let mut findings = context.config.policy.lint(known);
    if compiled.is_err() {
        // What its rules say together is not known yet; what they name is.
        findings.retain(|finding| finding.unknown.is_some());
    }
    for finding in findings {
        let diagnostic = diagnostic(&finding, known);
        context.policy(&finding.path, diagnostic);
    }
    compiled.ok()
}

fn diagnostic(finding: &Finding, known: &Known) -> Diagnostic {
    let message = finding.message.clone();
    let diagnostic = match finding.severity {
        Severity::Error => Diagnostic::error(finding.code, message),
        Severity::Warning => Diagnostic::warning(finding.code, message),
    };
    let names = match finding.code {
        "unknown-module" => &known.modules,
        "unknown-family" => &known.families,
        "unknown-region" => &known.regions,
        "unknown-tenant" => &known.tenants,
        "unknown-role" => &known.roles,
        "unknown-profile" => &known.preambles,
        _ => &None,
    };
    let names: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
    let meant = finding
        .unknown
        .as_deref()
        .and_then(|name| fault::nearest(name, &names));
    diagnostic.maybe_help(meant.map(|meant| format!("did you mean `{meant}`?")))
}
