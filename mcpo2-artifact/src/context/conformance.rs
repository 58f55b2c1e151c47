//! What all [`Workspaces`] must do, for implementors to run.

use std::sync::Arc;

use mcpo2_core::{Digest, Principal};

use super::{Workspace, Workspaces};
use crate::{
    conformance::{Violation, broken, holds},
    manifest::Content,
};

/// Runs the laws on workspaces of which one with this name, which has a text in it, is there for
/// `owner`, and none of this name for `stranger`.
///
/// # Errors
///
/// The first [`Violation`].
pub async fn check(
    workspaces: &dyn Workspaces,
    (owner, name): (&Principal, &str),
    stranger: &Principal,
) -> Result<(), Violation> {
    let law = "a workspace opens for whom it is there";
    let found = open(workspaces, (owner, name), law).await?;
    let Some(found) = found else {
        return holds(false, law);
    };
    holds(!found.index().is_empty(), "what has a text can be searched")?;
    texts(&found)?;

    let law = "opened again it is the same";
    let again = open(workspaces, (owner, name), law).await?;
    let root = again.map(|again| again.manifest().root());
    holds(root == Some(found.manifest().root()), law)?;

    let law = "a workspace of another is none, and no error";
    let theirs = open(workspaces, (stranger, name), law).await?;
    holds(theirs.is_none(), law)?;
    let law = "a workspace that was never there is none, and no error";
    for name in [
        "",
        "../x",
        "\u{0}",
        &format!("{name}-not"),
        &"n".repeat(128),
    ] {
        let none = open(workspaces, (owner, name), law).await?;
        holds(none.is_none(), law)?;
    }
    Ok(())
}

async fn open(
    workspaces: &dyn Workspaces,
    (who, name): (&Principal, &str),
    law: &'static str,
) -> Result<Option<Arc<Workspace>>, Violation> {
    let opened = workspaces.open(who, name).await;
    opened.map_err(|error| broken(law, error))
}

fn texts(workspace: &Workspace) -> Result<(), Violation> {
    let mut readable = false;
    for entry in workspace.manifest().entries() {
        let Content::File { digest, .. } = entry.content() else {
            continue;
        };
        if let Some(text) = workspace.texts().read(digest) {
            readable = true;
            let law = "a text has the digest by which it is read";
            holds(Digest::of(&text) == *digest, law)?;
        }
    }
    let law = "what is not in the manifest has no text";
    let absent = Digest::of(b"no file of any workspace has this text");
    holds(workspace.texts().read(&absent).is_none(), law)?;
    holds(readable, "a text that is searched can be read")
}
