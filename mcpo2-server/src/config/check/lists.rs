use super::{Context, Diagnostic, unknown};

/// Checks how lists are read and joined.
pub(super) fn check(context: &mut Context<'_>) {
    let lists = &context.config.lists;
    for (key, is_zero, what) in [
        (
            "refresh",
            lists.refresh.is_zero(),
            "modules would be read all the time",
        ),
        (
            "deadline",
            lists.deadline.is_zero(),
            "no module could answer in time",
        ),
        (
            "changes",
            lists.changes.is_zero(),
            "modules could be read all the time",
        ),
        (
            "page_entries",
            lists.page_entries == 0,
            "there would be nothing on a page",
        ),
        (
            "page_bytes",
            lists.page_bytes == 0,
            "there would be nothing on a page",
        ),
    ] {
        if is_zero {
            let message = format!("`{key}` is 0: {what}");
            let path = format!("lists/{key}");
            context.value(&path, Diagnostic::error("invalid-value", message));
        }
    }
    let modules = &context.config.modules;
    if let Some(alone) = lists.unprefixed.as_ref()
        && !modules.iter().any(|module| module.id == *alone)
    {
        let ids = modules.iter().map(|module| module.id.as_str());
        let (message, help) = unknown("module", alone.as_str(), ids);
        let finding = Diagnostic::error("unknown-module", message).maybe_help(help);
        context.value("lists/unprefixed", finding);
    }
}
