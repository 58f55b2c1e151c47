//! Calls that name a workspace are given the parts of its files that their task needs.
//!
//! A `tools/call` or `prompts/get` on its way to a module names a workspace in `_meta` under
//! [`WORKSPACE`]: `{"name": …, "task"?: …, "budget"?: …, "pinned"?: […]}`. Where the configuration
//! lets the module have it, the [`ManifestLayer`] puts a pack into the call: into `_meta` under
//! [`CONTEXT`], or its text into an argument. Without a `task`, the strings of the arguments are it.
//!
//! The keys are the platform's. A caller's own [`CONTEXT`] is taken away from every request, and so
//! is [`WORKSPACE`]; an argument that takes packs no caller may set.
//!
//! What stands in files is data. The text of a pack says so, and says where it ends by a mark that
//! none of its files can know; nothing in it is resolved. Where the feature `ingest` is on, what
//! looks like a secret is withheld once more.
//!
//! ```
//! use std::{collections::HashMap, sync::Arc};
//!
//! use mcpo2_artifact::{
//!     Error,
//!     context::{Contexts, ManifestLayer, Workspace, Workspaces},
//!     manifest::{Content, Entry, Manifest, Mode},
//!     select::{MemoryCache, Texts},
//! };
//! use mcpo2_core::{
//!     ApprovalState, AuthMethod, Call, Decision, Digest, Endpoint, Message, Module, Obligations,
//!     Principal, Reply, Routed, Target,
//! };
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! struct Files(HashMap<Digest, Arc<[u8]>>);
//! impl Texts for Files {
//!     fn read(&self, digest: &Digest) -> Option<Arc<[u8]>> {
//!         self.0.get(digest).cloned()
//!     }
//! }
//!
//! #[derive(Debug)]
//! struct OfAcme(Arc<Workspace>);
//! #[async_trait::async_trait]
//! impl Workspaces for OfAcme {
//!     async fn open(
//!         &self,
//!         principal: &Principal,
//!         name: &str,
//!     ) -> Result<Option<Arc<Workspace>>, Error> {
//!         let is_theirs = principal.tenant().as_str() == "acme" && name == "web";
//!         Ok(is_theirs.then(|| Arc::clone(&self.0)))
//!     }
//! }
//!
//! let text: &[u8] = b"/// Reads dates.\nfn parse_date() {}\n";
//! let (size, digest) = (u64::try_from(text.len())?, Digest::of(text));
//! let content = Content::File { mode: Mode::Plain, size, digest };
//! let entries = vec![Entry::new("src/date.rs".parse()?, content)];
//! let manifest = Arc::new(Manifest::new(Digest::of(b"all files"), entries, vec![])?);
//! let files = Arc::new(Files(HashMap::from([(digest, text.into())])));
//! let web = Workspace::new(manifest, files, &mut MemoryCache::default());
//!
//! let config = serde_json::from_str(r#"{"workspaces": ["web"], "into": {"argument": "files"}}"#)?;
//! let contexts = Contexts::default().with("reviewer".parse()?, config)?;
//! let layer = ManifestLayer::new(Arc::new(OfAcme(Arc::new(web))), Arc::new(contexts));
//!
//! let bytes = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"review",
//!     "arguments":{"issue":"dates are wrong"},"_meta":{"dev.mcpo2/workspace":{"name":"web"}}}}"#;
//! let Message::Request(request) = Message::parse(bytes)? else { unreachable!() };
//! let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
//! let reviewer = Module::builder("reviewer".parse()?, "engineering".parse()?, Endpoint::new(()))
//!     .approval(ApprovalState::Approved)
//!     .build();
//! let routed = Call::new(request, ada)
//!     .decide(Decision::Allow(Obligations::default()))?
//!     .route(Target::module(&reviewer).ok_or("not approved")?);
//!
//! let module = service_fn(|routed: Routed| async move {
//!     let arguments = std::str::from_utf8(routed.request().arguments().unwrap()).unwrap();
//!     assert!(arguments.contains("fn parse_date() {}"));
//!     assert_eq!(routed.request().meta_json(), Some(&b"{}"[..]));
//!     Ok::<_, mcpo2_core::Error>(Reply::complete(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#))
//! });
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! runtime.block_on(layer.layer(module).oneshot(routed))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod conformance;

mod asked;
mod chosen;
mod config;
mod edit;
mod fence;
#[cfg(feature = "ingest")]
mod fixed;
mod layer;
mod service;
mod stored;
mod workspace;

pub use config::{ContextConfig, Place};
#[cfg(feature = "ingest")]
pub use fixed::{FixedWorkspaces, WorkspaceConfig};
pub use layer::ManifestLayer;
pub use service::ManifestService;
pub use stored::StoredWorkspaces;
pub use workspace::{Workspace, Workspaces};

use std::collections::BTreeMap;

use mcpo2_core::{Error, ErrorKind, Method, ModuleId, Routed};

use self::{asked::Asked, config::Rule};
use crate::ConfigError;
pub use crate::run::{Inline, Job, Run};

/// The `_meta` key by which a call names a workspace.
pub const WORKSPACE: &str = "dev.mcpo2/workspace";

/// The `_meta` key of the pack that a module is given.
pub const CONTEXT: &str = "dev.mcpo2/context";

/// Which modules may be given context, of which workspaces, and how.
///
/// A module that is not named here is given none, and a call of it that names a workspace is
/// refused.
///
/// ```
/// use mcpo2_artifact::context::{ContextConfig, Contexts};
/// let config: ContextConfig = serde_json::from_str(
///     r#"{"workspaces": ["web-*"], "max_tokens": 4000, "into": {"argument": "files"}}"#,
/// )?;
/// let contexts = Contexts::default().with("reviewer".parse()?, config)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Contexts {
    rules: BTreeMap<ModuleId, Rule>,
}

impl Contexts {
    /// Gives this module context, by this configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the first glob that is none, the bound that is not kept, or an argument
    /// without a name.
    pub fn with(mut self, module: ModuleId, config: ContextConfig) -> Result<Self, ConfigError> {
        self.rules.insert(module, config.compile()?);
        Ok(self)
    }

    /// What is to be put into the call, if something is.
    fn wanted(&self, routed: &Routed) -> Result<Option<Wanted>, Error> {
        let works = matches!(
            routed.request().method(),
            Method::ToolsCall | Method::PromptsGet
        );
        let Some(facts) = routed.target().facts().filter(|_| works) else {
            return Ok(None);
        };
        let rule = self.rules.get(facts.module());
        if let Some(Place::Argument(name)) = rule.map(|rule| &rule.into) {
            // Also where no workspace is named, for else the caller would write its own context.
            edit::refuse_argument(routed.request(), name)?;
        }
        // As the caller sent it: layers above may have taken the platform's keys away already.
        let Some(asked) = Asked::of(routed.call().request())? else {
            return Ok(None);
        };
        let rule = rule.filter(|rule| rule.workspaces.is_match(&asked.name));
        let Some(rule) = rule.cloned() else {
            return Err(unknown(&asked.name).with_source("the module may not have this workspace"));
        };
        Ok(Some(Wanted { asked, rule }))
    }
}

/// A workspace that a call names and its module may have, and how.
#[derive(Debug)]
struct Wanted {
    asked: Asked,
    rule: Rule,
}

/// One error for a workspace that is not there, one that is another's, and one that the module may
/// not have.
fn unknown(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("Unknown workspace: {name}"))
}

fn internal() -> Error {
    Error::new(ErrorKind::Internal, "internal error")
}
