//! Small modules that are part of this program: one for each family, and one for artifacts.
//!
//! They are rmcp servers behind a pair of pipes, reached as any other module is: `secrets` finds
//! credentials, `contrast` checks colours after WCAG 2.2, `outline` says what is in a repository,
//! `artifact` reads what became a reference.
//! Those that read files read below one root and nowhere else.

mod artifact;
mod contrast;
mod outline;
mod root;
mod secrets;
mod walk;

use std::path::Path;

use mcpo2_rmcp::InProcess;

use self::{
    artifact::Artifact, contrast::Contrast, outline::Outline, root::Root, secrets::Secrets,
};
use crate::config::Builtin;

/// One of them, as an MCP server.
#[derive(Debug, Clone)]
pub struct Server(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Secrets(Secrets),
    Contrast(Contrast),
    Outline(Outline),
    Artifact(Artifact),
}

impl Server {
    /// The module of this name, reading files below `root` only.
    #[must_use]
    pub fn new(name: Builtin, root: &Path) -> Self {
        let root = Root::new(root);
        Self(match name {
            Builtin::Secrets => Kind::Secrets(Secrets::new(root)),
            Builtin::Contrast => Kind::Contrast(Contrast),
            Builtin::Outline => Kind::Outline(Outline::new(root)),
            Builtin::Artifact => Kind::Artifact(Artifact),
        })
    }

    /// Starts the module on a task of the current tokio runtime; dropping the guard ends it.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start(&self) -> InProcess {
        match self.0.clone() {
            Kind::Secrets(module) => mcpo2_rmcp::spawn(module),
            Kind::Contrast(module) => mcpo2_rmcp::spawn(module),
            Kind::Outline(module) => mcpo2_rmcp::spawn(module),
            Kind::Artifact(module) => mcpo2_rmcp::spawn(module),
        }
    }
}

#[cfg(test)]
mod tests;
