use std::collections::HashSet;

use mcpo2_artifact::{
    ConfigError,
    context::{ContextConfig, Contexts, Place, WorkspaceConfig},
};
use mcpo2_core::ModuleId;

use super::{Context, Diagnostic, modules::check_tenants, unknown};

/// Checks which workspaces there are, and which modules may have context of them.
pub(super) fn check(context: &mut Context<'_>) {
    let config = context.config;
    let mut seen = HashSet::new();
    for (index, workspace) in config.artifact.workspaces.iter().enumerate() {
        let path = format!("artifact/workspaces/{index}");
        check_workspace(context, &path, workspace);
        check_tenants(context, &path, &workspace.tenants);
        let mut each = workspace.tenants.iter();
        if !each.all(|tenant| seen.insert((tenant, &workspace.name))) {
            let message = format!("a tenant has workspace `{}` twice", workspace.name);
            let finding = Diagnostic::error("duplicate-workspace", message);
            context.value(&format!("{path}/name"), finding);
        }
    }
    for (index, module) in config.modules.iter().enumerate() {
        if let Some(given) = &module.context {
            let path = format!("modules/{index}/context");
            check_module(context, &path, &module.id, given);
        }
    }
}

fn check_workspace(context: &mut Context<'_>, path: &str, workspace: &WorkspaceConfig) {
    if !(1..=128).contains(&workspace.name.len()) {
        let finding = Diagnostic::error("invalid-workspace", "a name has 1 to 128 bytes");
        context.value(&format!("{path}/name"), finding);
    }
    if workspace.tenants.is_empty() {
        let finding = Diagnostic::error("invalid-workspace", "nobody may name this workspace")
            .help("name the tenants whose callers may");
        context.value(&format!("{path}/tenants"), finding);
    }
    let message = match std::fs::metadata(&workspace.path) {
        Ok(found) if found.is_dir() => return,
        Ok(_) => "this is no directory".to_owned(),
        Err(error) => format!("this directory cannot be read: {error}"),
    };
    let finding = Diagnostic::error("invalid-workspace", message);
    context.value(&format!("{path}/path"), finding);
}

fn check_module(context: &mut Context<'_>, path: &str, id: &ModuleId, given: &ContextConfig) {
    if let Err(error) = Contexts::default().with(id.clone(), given.clone()) {
        let at = match &error {
            ConfigError::Bound { field, .. } => format!("{path}/{field}"),
            ConfigError::Glob { glob, .. } => {
                let at = given.workspaces.iter().position(|written| written == glob);
                at.map_or(path.to_owned(), |at| format!("{path}/workspaces/{at}"))
            }
            ConfigError::Argument => format!("{path}/into"),
            _ => path.to_owned(),
        };
        context.value(&at, Diagnostic::error("invalid-context", error.to_string()));
    }
    let slot = context.config.preamble.slots.get(id);
    if let (Place::Argument(name), Some(slot)) = (&given.into, slot)
        && *name == slot.argument
    {
        let message = format!("argument `{name}` takes the preamble of module `{id}`");
        let finding = Diagnostic::error("invalid-context", message);
        context.value(&format!("{path}/into"), finding);
    }
    check_names(context, path, given);
}

/// A name that stands for no workspace is a typing error; a glob may be of what comes later.
fn check_names(context: &mut Context<'_>, path: &str, given: &ContextConfig) {
    let config = context.config;
    let known = || config.artifact.workspaces.iter().map(|known| &*known.name);
    for (at, name) in given.workspaces.iter().enumerate() {
        if name.contains(['*', '?', '[', '{', '\\']) || known().any(|known| known == name) {
            continue;
        }
        let (message, help) = unknown("workspace", name, known());
        let finding = Diagnostic::warning("unknown-workspace", message).maybe_help(help);
        context.value(&format!("{path}/workspaces/{at}"), finding);
    }
}
