use std::sync::Arc;

use http::Uri;

use super::{Context, Diagnostic, modules::is_local};
use crate::engines::Engines;

/// Checks the engines beside the rules. What is read for that is kept.
pub(super) fn check(context: &mut Context<'_>) -> Option<Arc<Engines>> {
    let secret = "engines/rego/signed/secret";
    if context.is_literal(secret) {
        context.secret_in_clear(secret);
    }
    clear_text(context);
    let faults = match Engines::open(&context.config.engines) {
        Ok(engines) => return Some(Arc::new(engines)),
        Err(faults) => faults,
    };
    for fault in faults {
        let finding = Diagnostic::error("invalid-engine", fault.message);
        let path = format!("engines/{}", fault.key);
        match fault.key.contains('/') {
            true => context.value(&path, finding),
            false => context.key(&path, finding),
        }
    }
    None
}

fn clear_text(context: &mut Context<'_>) {
    let Some(opa) = &context.config.engines.opa else {
        return;
    };
    let uri: Option<Uri> = opa.url.parse().ok();
    if uri.is_some_and(|uri| uri.scheme_str() == Some("http") && !is_local(&uri)) {
        let message =
            "arguments of calls go to this agent in clear, and its decisions come back so";
        let finding = Diagnostic::warning("clear-text", message)
            .help("run the agent on this machine, or a proxy before it that encrypts");
        context.value("engines/opa/url", finding);
    }
}
