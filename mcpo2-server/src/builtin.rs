//! Three small modules that are part of this program, one for each family.
//!
//! They are rmcp servers behind a pair of pipes, reached as any other module is: `secrets` finds
//! credentials, `contrast` checks colours after WCAG 2.2, `outline` says what is in a repository.
//! Those that read files read below one root and nowhere else.

mod contrast;
mod outline;
mod root;
mod secrets;
mod walk;

use std::path::Path;

use rmcp::{RoleServer, ServiceExt, service::Service};
use tokio::{
    io::{DuplexStream, ReadHalf, WriteHalf},
    task::JoinHandle,
};

use self::{contrast::Contrast, outline::Outline, root::Root, secrets::Secrets};

/// The names under which [`builtin`] knows the modules, and the family of each.
pub const NAMES: [(&str, &str); 3] = [
    ("secrets", "security"),
    ("contrast", "design"),
    ("outline", "engineering"),
];

/// How many bytes wait in a pipe before its writer does.
const PIPE_BYTES: usize = 64 * 1024;

/// The module of this name, reading files below `root` only; none if there is no such module.
#[must_use]
pub fn builtin(name: &str, root: &Path) -> Option<BuiltinModule> {
    let root = Root::new(root);
    let kind = match name {
        "secrets" => Kind::Secrets(Secrets::new(root)),
        "contrast" => Kind::Contrast(Contrast),
        "outline" => Kind::Outline(Outline::new(root)),
        _ => return None,
    };
    Some(BuiltinModule(kind))
}

/// A module that is part of this program.
#[derive(Debug, Clone)]
pub struct BuiltinModule(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Secrets(Secrets),
    Contrast(Contrast),
    Outline(Outline),
}

impl BuiltinModule {
    /// Starts the module on a task of the current tokio runtime: what it says, what it reads, and
    /// a guard that ends it when dropped, as `PipeUpstream` wants them.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start(&self) -> (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>, Running) {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let task = match self.0.clone() {
            Kind::Secrets(module) => serve(module, theirs),
            Kind::Contrast(module) => serve(module, theirs),
            Kind::Outline(module) => serve(module, theirs),
        };
        let (reader, writer) = tokio::io::split(ours);
        (reader, writer, Running(task))
    }
}

/// A module that runs; dropping this ends it.
#[derive(Debug)]
pub struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn serve<M: Service<RoleServer> + 'static>(module: M, pipe: DuplexStream) -> JoinHandle<()> {
    tokio::spawn(async move {
        match module.serve(tokio::io::split(pipe)).await {
            Ok(running) => {
                // It ends with the pipe; how, the other side of the pipe knows.
                let _ = running.waiting().await;
            }
            Err(error) => tracing::debug!(%error, "a built-in module did not start"),
        }
    })
}

#[cfg(test)]
mod tests;
