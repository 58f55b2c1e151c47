use std::collections::HashSet;

use super::{Context, Diagnostic};

/// Checks the sessions and their keys.
pub(super) fn check(context: &mut Context<'_>) {
    let sessions = &context.config.http.sessions;
    for (key, is_zero) in [
        ("idle", sessions.idle.is_zero()),
        ("lifetime", sessions.lifetime.is_zero()),
        ("per_principal", sessions.per_principal == 0),
        ("max", sessions.max == 0),
    ] {
        if is_zero {
            let message = format!("`{key}` is 0: there would be no sessions");
            let path = format!("http/sessions/{key}");
            context.value(&path, Diagnostic::error("invalid-value", message));
        }
    }
    let mut seen = HashSet::new();
    for (index, key) in sessions.keys.iter().enumerate() {
        let path = format!("http/sessions/keys/{index}");
        if let Err(error) = key.expose().parse::<mcpo2_seal::Secret>() {
            let finding = Diagnostic::error("invalid-key", error.to_string())
                .help("make one with `openssl rand -base64 32`");
            context.value(&path, finding);
        } else if !seen.insert(key.expose().trim()) {
            let message = "this key is there twice";
            context.value(&path, Diagnostic::error("duplicate-key", message));
        } else if context.is_literal(&path) {
            context.secret_in_clear(&path);
        }
    }
}
