use http::Uri;
use mcpo2_artifact::Form;

use super::{Context, Diagnostic, modules::is_local};
use crate::library::bucket;

/// Checks the bucket of the library. It is not asked for anything: to check a file must not need it.
pub(super) fn check(context: &mut Context<'_>) {
    urls(context);
    let library = context.config.library.as_ref();
    let Some(bucket) = library.and_then(|library| library.bucket.as_ref()) else {
        return;
    };
    let (path, secret) = ("library/bucket", "library/bucket/secret_access_key");
    if context.is_literal(secret) {
        context.secret_in_clear(secret);
    }
    if let Err(fault) = bucket::open(bucket) {
        let finding = Diagnostic::error("invalid-bucket", fault.to_string());
        match fault.key {
            Some(key) => context.value(&format!("{path}/{key}"), finding),
            None => context.key(path, finding),
        }
        return;
    }
    let endpoint = bucket.endpoint.as_deref().unwrap_or_default();
    let uri: Option<Uri> = endpoint.parse().ok();
    if uri.is_some_and(|uri| uri.scheme_str() == Some("http") && !is_local(&uri)) {
        let message = "what is in this bucket goes over the network in clear";
        let finding = Diagnostic::warning("clear-text", message).help("use https://");
        context.value(&format!("{path}/endpoint"), finding);
    }
}

/// Checks that there can be the URLs that modules are to be given: every such call would fail.
fn urls(context: &mut Context<'_>) {
    let config = context.config;
    let library = config.library.as_ref();
    let missing = match library {
        Some(library) if library.bucket.is_none() => "`library` has no `bucket`",
        Some(library) if library.seal => "what is in a `library` that seals can only be read here",
        Some(_) => return,
        None => "there is no `library`",
    };
    for (index, module) in config.modules.iter().enumerate() {
        let form = module.references.as_ref().map(|given| given.form);
        if form == Some(Form::Url) {
            let message = format!("there are no URLs to give: {missing}");
            let finding = Diagnostic::error("invalid-references", message);
            context.value(&format!("modules/{index}/references/as"), finding);
        }
    }
}
