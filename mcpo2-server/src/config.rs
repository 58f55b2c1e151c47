//! One YAML file: read strictly, checked as a whole, explained where it is wrong.
//!
//! The text becomes a tree that knows where everything stands (`tree`), references in it are
//! resolved (`interpolate`), the tree becomes plain serde types (`deserialize`), and what they say
//! together is checked (`check`). Every finding has its line and column.

mod admission;
mod bucket;
mod bundles;
mod check;
mod compiled;
mod deserialize;
mod diagnostic;
mod engines;
mod fault;
mod http;
mod identity;
mod interpolate;
mod library;
mod lists;
mod log;
mod module;
mod paths;
mod reference;
mod reload;
mod sandbox;
mod schema;
mod secret;
mod seen;
mod sessions;
mod sources;
mod tls;
mod tree;
pub(crate) mod unit;
mod upstream;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use mcpo2_core::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use self::{
    diagnostic::line_of,
    fault::Mended,
    paths::resolve_paths,
    tree::{Node, Value},
};

pub(crate) use self::{
    bundles::read::{BundleFile, signature_of},
    compiled::Compiled,
    seen::Seen,
    sources::{Sources, is_bundle, read_as, text_as},
};

pub use self::{
    admission::Admission,
    bucket::Bucket,
    bundles::Bundles,
    diagnostic::{Diagnostic, Diagnostics, Position, Severity},
    engines::{Cedar, Engines, Opa, Rego, RegoSignature, RegoSyntax},
    http::{Http, HttpTimeouts},
    identity::{Algorithm, Anonymous, ApiKey, Identity, Jwt},
    library::{Library, Sweep, TenantLimits, Trees, Uploads},
    lists::Lists,
    log::{Log, LogFormat, LogLevel},
    module::{Builtin, BuiltinModule, HttpModule, Module, ModuleLimits, StdioModule, Transport},
    reference::{FULL, MINIMAL, reference},
    reload::Reload,
    sandbox::{Confine, Sandbox},
    schema::schema,
    secret::Secret,
    sessions::Sessions,
    tls::Tls,
    upstream::{ModuleTls, Network},
};

/// The version of the format.
pub const VERSION: u64 = 1;

/// The longest file that is read.
const MAX_BYTES: u64 = 4 << 20;

/// The configuration of a server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Where HTTP is served: an address and a port. On an address that is not loopback, callers
    /// must show who they are.
    #[serde(deserialize_with = "address")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// The environment that the gateway serves, such as `dev`, `staging` or `prod`: rules with
    /// `environments` compare it. If nothing is said, it is unknown.
    pub environment: Option<String>,
    /// The HTTP edge.
    pub http: Http,
    /// Who may call.
    pub identity: Identity,
    /// The modules behind the gateway.
    pub modules: Vec<Module>,
    /// What modules have, and how their lists become one.
    pub lists: Lists,
    /// Who may call what.
    pub policy: mcpo2_policy::Config,
    /// Files with rules of other authors.
    pub bundles: Bundles,
    /// Engines in other languages, which decide beside the rules.
    pub engines: Engines,
    /// What finds the texts that rules oblige to blot out of results.
    pub redact: mcpo2_policy::RedactConfig,
    /// The rates that rules oblige callers to keep to.
    pub rates: mcpo2_policy::RatesConfig,
    /// How free text is sorted into families. Without it, a built-in rule pack knows `security`,
    /// `design` and `engineering`.
    pub classify: mcpo2_classify::Config,
    /// What the platform tells the models.
    pub preamble: mcpo2_preamble::Config,
    /// How large results become references, and what context is selected from.
    pub artifact: mcpo2_artifact::Config,
    /// What is kept for tenants beyond one process, and read by signed references. Without it,
    /// nothing is.
    pub library: Option<Library>,
    /// Where the ledger is kept; `ledger` beside this file if nothing is said.
    pub audit: mcpo2_audit::Config,
    /// What the server logs of itself.
    pub log: Log,
    /// When this file is read again.
    pub reload: Reload,
    /// What its file was made of when it was checked.
    #[serde(skip)]
    pub(crate) compiled: Compiled,
}

impl Default for Config {
    /// A server on a loopback address, without modules and without anyone who may call.
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8808).into(),
            environment: None,
            http: Http::default(),
            identity: Identity::default(),
            modules: Vec::new(),
            lists: Lists::default(),
            policy: mcpo2_policy::Config::default(),
            bundles: Bundles::default(),
            engines: Engines::default(),
            redact: mcpo2_policy::RedactConfig::default(),
            rates: mcpo2_policy::RatesConfig::default(),
            classify: mcpo2_classify::Config::builtin(),
            preamble: mcpo2_preamble::Config::default(),
            artifact: mcpo2_artifact::Config::default(),
            library: None,
            audit: mcpo2_audit::Config::new("ledger"),
            log: Log::default(),
            reload: Reload::default(),
            compiled: Compiled::default(),
        }
    }
}

impl Config {
    /// The digest of the file that it was read from; none where there was no file.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.compiled.digest
    }

    /// How these files were before they were read; nothing where they are not watched.
    pub(crate) fn seen(&self) -> &Seen {
        &self.compiled.seen
    }

    /// The files beside its own that it is made of when it is built; a directory is all that is in it.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let keys = self.identity.jwt.as_ref();
        let certificate = self.http.tls.as_ref();
        let files = keys.map(|jwt| jwt.jwks_file.as_path()).into_iter().chain(
            certificate
                .into_iter()
                .flat_map(|tls| [&*tls.cert, &*tls.key]),
        );
        files
            .chain(self.bundles.watched())
            .chain(self.engines.watched())
    }
}

/// A file that was read: what was found, and the configuration if nothing of it is an error.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checked {
    /// The configuration; none if there is an error.
    pub config: Option<Config>,
    /// What was found.
    pub diagnostics: Diagnostics,
}

/// Reads a file.
///
/// # Errors
///
/// What is wrong with it, if it cannot be loaded. Warnings alone are no error; [`check`] has them.
pub fn load(path: &Path) -> Result<Config, Diagnostics> {
    if let Some(config) = load_bare(path) {
        return Ok(config);
    }
    let Checked {
        config,
        diagnostics,
    } = check(path);
    config.ok_or(diagnostics)
}

/// Reads a file in which nothing is wrong. Nobody asks where anything stands there, and that is
/// most of the work.
fn load_bare(path: &Path) -> Option<Config> {
    let text = read_text(path).ok()?;
    let mut tree = Node::parse_bare(&text)?;
    let mut found = Diagnostics::new(String::new());
    let base = path.parent().unwrap_or(Path::new(""));
    prepare(
        &mut tree,
        base,
        &|name| std::env::var(name).ok(),
        &mut found,
    );
    let config = configure(&mut tree, base, &text, &mut found);
    config.filter(|_| !found.has_errors())
}

/// Reads a file and says all that is to be said of it.
#[must_use]
pub fn check(path: &Path) -> Checked {
    let name = path.display().to_string();
    let base = path.parent().unwrap_or(Path::new(""));
    match read_text(path) {
        Ok(text) => check_text(&name, base, &text, &|name| std::env::var(name).ok()),
        Err(error) => {
            let mut diagnostics = Diagnostics::new(name);
            diagnostics.push(Diagnostic::error(
                "unreadable",
                format!("cannot be read: {error}"),
            ));
            Checked {
                config: None,
                diagnostics,
            }
        }
    }
}

/// As [`check`], of a text that is at hand, with this environment. Paths in it are relative to
/// `base`.
#[must_use]
pub fn check_text(
    name: &str,
    base: &Path,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Checked {
    let mut found = Diagnostics::new(name.to_owned());
    let mut tree = match Node::parse(text) {
        Ok(tree) => tree,
        Err(problem) => {
            found.push(*problem);
            let is_secret = |line| line_of(text, line).is_some_and(may_hold_secret);
            return Checked {
                config: None,
                diagnostics: found.finish(text, is_secret),
            };
        }
    };
    prepare(&mut tree, base, env, &mut found);
    // INVARIANT: before anything is taken out of the tree, or a secret could go unnoticed.
    let secrets = check::secret_lines(&tree);
    let resolved = check::resolved(&tree);
    let config = configure(&mut tree, base, text, &mut found);
    found.hide(&resolved);
    let diagnostics = found.finish(text, |line| secrets.contains(&line));
    Checked {
        config: config.filter(|_| !diagnostics.has_errors()),
        diagnostics,
    }
}

/// Resolves what stands for something else, and takes the version off.
fn prepare(
    tree: &mut Node,
    base: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    found: &mut Diagnostics,
) {
    interpolate::Resolver { env, base }.resolve(tree, found);
    take_version(tree, found);
}

/// What the tree says, checked as a whole.
fn configure(tree: &mut Node, base: &Path, text: &str, found: &mut Diagnostics) -> Option<Config> {
    let mut config: Config = deserialize(tree, found)?;
    config.compiled.digest = Some(Digest::of(text.as_bytes()));
    if config.reload.watch {
        let mut resolved = config.clone();
        resolve_paths(&mut resolved, base);
        config.compiled.seen = Seen::of(resolved.files());
    }
    let mut bundles = bundles::read::read_all(&mut config, base, tree, found);
    resolve_paths(&mut config, base);
    check::check(&mut config, tree, &mut bundles, found);
    for bundle in bundles {
        found.absorb(bundle.into_found());
    }
    Some(config)
}

/// Reads the types from the tree. A fault does not end it: what was probably meant is taken in its
/// place, or the value is left out, so that one run finds more than one mistake.
///
/// It is none where something was left out: to check what remains would only find what follows
/// from that.
fn deserialize<T: DeserializeOwned>(tree: &mut Node, found: &mut Diagnostics) -> Option<T> {
    const MOST: usize = 50;
    let mut lost = Vec::new();
    for _ in 0..MOST {
        let fault = match deserialize::from_node(tree) {
            Ok(read) => return Some(read).filter(|_| lost.is_empty()),
            Err(fault) => fault,
        };
        let mended = fault.mend(tree);
        let follows = fault
            .missing_key()
            .is_some_and(|key| lost.iter().any(|lost| lost == key));
        if !follows {
            found.push(fault.into_diagnostic());
        }
        match mended {
            Mended::No => return None,
            Mended::Replaced | Mended::Dropped => {}
            Mended::Lost(key) => lost.push(key),
        }
    }
    None
}

/// Takes the version off: which types the rest is read into depends on it.
fn take_version(tree: &mut Node, found: &mut Diagnostics) {
    let at = tree.at;
    let Value::Map(entries) = &mut tree.value else {
        return;
    };
    let help = format!("this program reads `version: {VERSION}`");
    let problem = match entries.iter().position(|entry| entry.key == "version") {
        Some(index) => {
            let node = entries.remove(index).node;
            if matches!(node.value, Value::Unsigned(VERSION)) {
                return;
            }
            Diagnostic::error("unknown-version", "unknown version of the format").at(Some(node.at))
        }
        None => Diagnostic::error("missing-key", "missing key `version`").at(Some(at)),
    };
    found.push(problem.help(help));
}

pub(crate) fn read_text(path: &Path) -> std::io::Result<String> {
    use std::io::{Error, Read};
    let mut text = String::new();
    let read = std::fs::File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(Error::other("it is longer than 4 MiB"));
    }
    Ok(text)
}

/// Whether a line that could not be parsed may hold a secret, and so is better not shown.
fn may_hold_secret(line: &str) -> bool {
    let line = line.to_lowercase();
    ["authorization", "token", "secret", "password", "bearer"]
        .iter()
        .any(|word| line.contains(word))
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| {
        let message =
            format!("`{text}` is no address: write an IP and a port, such as 127.0.0.1:8808");
        serde::de::Error::custom(message)
    })
}
