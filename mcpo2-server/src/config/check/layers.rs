use std::sync::Arc;

use mcpo2_artifact::MemoryStore;
use mcpo2_classify::Rules;
use mcpo2_preamble::ConfigError as PreambleError;

use super::{Context, Diagnostic, unknown};

/// Checks the configuration of each layer by itself: what its own crate says of it.
pub(super) fn check(context: &mut Context<'_>) -> Option<Arc<Rules>> {
    let rules = classify(context);
    preamble(context);
    preamble_names(context);
    artifact(context);
    library(context);
    audit(context);
    rules
}

fn classify(context: &mut Context<'_>) -> Option<Arc<Rules>> {
    let error = match context.config.classify.clone().compile() {
        Ok(rules) => return Some(rules.into()),
        Err(error) => error,
    };
    let subject = error.subject();
    let rules = &context.config.classify.rules;
    let path = match rules.iter().rposition(|rule| rule.id == subject) {
        Some(index) => format!("classify/rules/{index}"),
        None => format!("classify/{}", subject.replace('.', "/")),
    };
    context.value(
        &path,
        Diagnostic::error("invalid-classify", error.to_string()),
    );
    None
}

fn preamble(context: &mut Context<'_>) {
    let config = &context.config.preamble;
    let Err(error) = config.clone().compile() else {
        return;
    };
    let profile = |id: &str, key: &str| {
        let index = config
            .profiles
            .iter()
            .rposition(|profile| *profile.id == *id);
        index.map_or("preamble/profiles".into(), |index| {
            format!("preamble/profiles/{index}/{key}")
        })
    };
    let mut help = None;
    let path = match &error {
        PreambleError::Name { id, part } => profile(id, part),
        PreambleError::Duplicate(id) => profile(id, "id"),
        PreambleError::Text { id, .. } => profile(id, "text"),
        PreambleError::Digest { id, .. } => profile(id, "digest"),
        PreambleError::UnknownProfile(id) => {
            let known = config.profiles.iter().map(|profile| &*profile.id);
            help = unknown("profile", id, known).1;
            match config
                .select
                .iter()
                .position(|selection| selection.profile == *id)
            {
                Some(index) => format!("preamble/select/{index}/profile"),
                None => "preamble/instructions".into(),
            }
        }
        PreambleError::Ambiguous { second, .. } => format!("preamble/select/{second}"),
        PreambleError::Slot(module) => format!("preamble/slots/{module}"),
        _ => "preamble".into(),
    };
    let finding = Diagnostic::error("invalid-preamble", error.to_string()).maybe_help(help);
    context.value(&path, finding);
}

/// A preamble for a module that is not there protects nothing.
fn preamble_names(context: &mut Context<'_>) {
    let config = &context.config.preamble;
    let modules = &context.config.modules;
    let selected = config
        .select
        .iter()
        .enumerate()
        .flat_map(|(index, selection)| {
            let path = move |at| format!("preamble/select/{index}/modules/{at}");
            selection
                .modules
                .iter()
                .enumerate()
                .map(move |(at, module)| (path(at), module))
        });
    let announced = config.announce.iter().enumerate();
    let announced = announced.map(|(at, module)| (format!("preamble/announce/{at}"), module));
    let slots = config
        .slots
        .keys()
        .map(|module| (format!("preamble/slots/{module}"), module));
    for (path, module) in selected.chain(announced).chain(slots) {
        if modules.iter().any(|known| known.id == *module) {
            continue;
        }
        let known = modules.iter().map(|known| known.id.as_str());
        let (message, help) = unknown("module", module.as_str(), known);
        context.value(
            &path,
            Diagnostic::error("unknown-module", message).maybe_help(help),
        );
    }
}

fn artifact(context: &mut Context<'_>) {
    // In memory: to check a file must not touch the store that it names.
    let store = Arc::new(MemoryStore::new(0));
    let Err(error) = context.config.artifact.clone().compile_with(store) else {
        return;
    };
    let path = match &error {
        mcpo2_artifact::ConfigError::Bound { field, .. } => format!("artifact/{field}"),
        _ => "artifact".into(),
    };
    context.value(
        &path,
        Diagnostic::error("invalid-artifact", error.to_string()),
    );
}

fn library(context: &mut Context<'_>) {
    let Some(library) = &context.config.library else {
        return;
    };
    let name = library
        .authority
        .parse::<mcpo2_artifact::token::Authority>();
    let holds = library.uploads.reference;
    if name.is_err() {
        let text = "a name has 1 to 64 of a-z, 0-9, `.` and `-`, and is not `r`";
        context.value(
            "library/authority",
            Diagnostic::error("invalid-library", text),
        );
    }
    let most = mcpo2_artifact::token::MAX_LIFETIME;
    if holds > most || holds.as_secs() == 0 {
        let text = "a reference holds for a second to a day";
        context.value(
            "library/uploads/reference",
            Diagnostic::error("invalid-library", text),
        );
    }
}

fn audit(context: &mut Context<'_>) {
    index(context);
    let Err(error) = context.config.audit.compile() else {
        return;
    };
    let message = error.to_string();
    let field = message.split('`').nth(1).unwrap_or_default();
    context.value(
        &format!("audit/{field}"),
        Diagnostic::error("invalid-audit", message),
    );
}

fn index(context: &mut Context<'_>) {
    let index = &context.config.audit.index;
    let (path, url) = ("audit/index", "audit/index/postgres/url");
    // Which ledger it is of is known when that is opened.
    if let Err(error) = crate::index::named(index, "") {
        let finding = Diagnostic::error("invalid-index", error.to_string());
        context.key(path, finding);
    } else if context.is_literal(url) && has_password(index) {
        context.secret_in_clear(url);
    }
}

#[cfg(feature = "postgres")]
fn has_password(index: &mcpo2_audit::IndexConfig) -> bool {
    let mcpo2_audit::IndexConfig::Postgres(config) = index else {
        return false;
    };
    config.compile("").is_ok_and(|it| it.has_password())
}

#[cfg(not(feature = "postgres"))]
fn has_password(_: &mcpo2_audit::IndexConfig) -> bool {
    false
}
