use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use mcpo2_artifact::{PassConfig, Passing, context::ContextConfig};
use mcpo2_core::{
    ApprovalState, Endpoint, Family, Module as Registered, ModuleId, Region, TenantId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ModuleTls, Network, Sandbox, Secret,
    unit::{duration, size},
};

/// A module: what is known of it, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
#[non_exhaustive]
pub struct Module {
    /// Its id.
    pub id: ModuleId,
    /// Its family.
    pub family: Family,
    /// Where it runs.
    pub region: Option<Region>,
    /// How far it is trusted, 0 (not at all) to 4.
    pub tier: u8,
    /// How far it is on its way into service.
    pub approval: ApprovalState,
    /// The tenants that it is there for; all where none are said.
    pub tenants: Option<Vec<TenantId>>,
    /// How it is reached.
    pub transport: Transport,
    /// How much it may take.
    pub limits: ModuleLimits,
    /// How it is given what references in arguments name; the references themselves if nothing is
    /// said.
    pub references: Option<PassConfig>,
    /// Of which workspaces its calls may be given context, and how; of none if nothing is said.
    pub context: Option<ContextConfig>,
}

impl Module {
    /// An approved module that is reached this way, not trusted and with the usual limits.
    #[must_use]
    pub fn new(id: ModuleId, family: Family, transport: Transport) -> Self {
        Self {
            id,
            family,
            region: None,
            tier: 0,
            approval: ApprovalState::Approved,
            tenants: None,
            transport,
            limits: ModuleLimits::default(),
            references: None,
            context: None,
        }
    }

    /// What is known of it, where it is reached by this.
    pub(crate) fn registered(&self, endpoint: Endpoint) -> Arc<Registered> {
        let builder = Registered::builder(self.id.clone(), self.family.clone(), endpoint);
        let builder = builder.approval(self.approval).tier(self.tier);
        let builder = match &self.region {
            Some(region) => builder.region(region.clone()),
            None => builder,
        };
        match &self.tenants {
            Some(tenants) => builder.tenants(tenants.iter().cloned()).build(),
            None => builder.build(),
        }
    }
}

/// How a module is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// Over Streamable HTTP.
    Http(HttpModule),
    /// As a child process, over its standard streams.
    Stdio(StdioModule),
    /// In this process.
    Builtin(BuiltinModule),
}

/// A module: what is known of it, and how it is reached.
// As it is written, with the transports side by side.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Module")]
#[schemars(rename = "Module")]
struct Written {
    /// Its id, which stands before its tools' names: 1 to 32 of a-z, 0-9 and -.
    #[schemars(with = "String")]
    id: ModuleId,
    /// Its family, such as `security`, `design` or `engineering`.
    #[schemars(with = "String")]
    family: Family,
    /// Where it runs and keeps data.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    region: Option<Region>,
    /// How far it is trusted, 0 (not at all) to 4.
    #[serde(default)]
    #[schemars(range(max = 4))]
    tier: u8,
    /// How far it is on its way into service. Only an approved module is ever called.
    #[schemars(with = "super::schema::ApprovalState")]
    approval: ApprovalState,
    /// The tenants that it is there for. To callers of others it looks as if it were not there. If
    /// nothing is said, it is there for all.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>")]
    tenants: Option<Vec<TenantId>>,
    /// Reached over Streamable HTTP. A module has exactly one of `http`, `stdio` and `builtin`.
    #[serde(default)]
    http: Option<HttpModule>,
    /// Reached as a child process, over its standard streams.
    #[serde(default)]
    stdio: Option<StdioModule>,
    /// Part of this program.
    #[serde(default)]
    builtin: Option<Builtin>,
    /// Where a built-in module reads files, and nowhere else; the directory of this file if none
    /// is given.
    #[serde(default)]
    root: Option<PathBuf>,
    /// How much it may take.
    #[serde(default)]
    limits: ModuleLimits,
    /// Gives it what references (`mcpo2+artifact://…`) in arguments of tools name, in their place.
    /// If nothing is said, it is given the references themselves.
    #[serde(default)]
    references: Option<PassConfig>,
    /// Gives it, with calls that name a workspace, the parts of its files that their task needs. If
    /// nothing is said, it is given none, and such calls are refused.
    #[serde(default)]
    context: Option<ContextConfig>,
}

impl TryFrom<Written> for Module {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written {
            id,
            family,
            region,
            tier,
            approval,
            tenants,
            http,
            stdio,
            builtin,
            root,
            limits,
            references,
            context,
        } = written;
        if root.is_some() && builtin.is_none() {
            return Err(format!(
                "module `{id}` is not built in, so it has no `root`"
            ));
        }
        let transport = match (http, stdio, builtin) {
            (Some(http), None, None) => Transport::Http(http),
            (None, Some(stdio), None) => Transport::Stdio(stdio),
            (None, None, Some(name)) => {
                let root = root.unwrap_or_default();
                Transport::Builtin(BuiltinModule { name, root })
            }
            (None, None, None) => {
                return Err(format!(
                    "module `{id}` has no transport: it needs one of `http`, `stdio` and `builtin`"
                ));
            }
            _ => {
                return Err(format!(
                    "module `{id}` has more than one of `http`, `stdio` and `builtin`"
                ));
            }
        };
        if let Some(config) = &references {
            let compiled = Passing::default().with(id.clone(), config.clone());
            compiled.map_err(|error| format!("module `{id}`: `references`: {error}"))?;
        }
        if tier > 4 {
            return Err(format!("module `{id}`: the tier is 0 to 4, not {tier}"));
        }
        Ok(Self {
            id,
            family,
            region,
            tier,
            approval,
            tenants,
            transport,
            limits,
            references,
            context,
        })
    }
}

impl JsonSchema for Module {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Written::json_schema(generator)
    }
}

/// A module that is reached over Streamable HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpModule {
    /// Its MCP endpoint, `http://…` or `https://…`.
    pub url: String,
    /// Further addresses of the same module, each as good as the first. A call without a session goes
    /// to the one that has less to do of two; a session stays where it began.
    #[serde(default)]
    pub replicas: Vec<String>,
    /// Headers of every request to it, such as `Authorization: Bearer ${env:GITHUB_TOKEN}`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub headers: BTreeMap<String, Secret>,
    /// Where it is: an address elsewhere is not dialled. If nothing is said, `loopback` for
    /// `localhost`, the network of an address that is written out, and `public` for other names.
    #[serde(default)]
    pub network: Option<Network>,
    /// Who it is, and who the gateway is to it, over `https`.
    #[serde(default)]
    pub tls: ModuleTls,
}

impl HttpModule {
    /// A module at this URL, without headers of its own.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            replicas: Vec::new(),
            headers: BTreeMap::new(),
            network: None,
            tls: ModuleTls::default(),
        }
    }
}

/// A module that runs as a child process.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StdioModule {
    /// The program. It is started as it is, by no shell.
    pub command: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Variables of its environment.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub env: BTreeMap<String, Secret>,
    /// Variables of our own environment that it is given. It is given no others.
    #[serde(default = "StdioModule::default_inherit_env")]
    pub inherit_env: Vec<String>,
    /// Where it is started; the directory of this file if none is given.
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// What it is kept from.
    #[serde(default)]
    pub sandbox: Sandbox,
}

impl StdioModule {
    /// This program, with these arguments and the usual environment.
    pub fn new(command: impl Into<String>, args: Vec<String>) -> Self {
        Self {
            command: command.into(),
            args,
            env: BTreeMap::new(),
            inherit_env: Self::default_inherit_env(),
            cwd: None,
            sandbox: Sandbox::default(),
        }
    }

    fn default_inherit_env() -> Vec<String> {
        ["PATH", "HOME", "LANG", "TMPDIR", "TZ"]
            .map(str::to_owned)
            .to_vec()
    }
}

/// A module that is part of this program, and where it reads files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuiltinModule {
    /// Which one.
    pub name: Builtin,
    /// The directory below which it reads files, and nowhere else.
    pub root: PathBuf,
}

impl BuiltinModule {
    /// This one, reading below this directory.
    pub fn new(name: Builtin, root: impl Into<PathBuf>) -> Self {
        Self {
            name,
            root: root.into(),
        }
    }
}

/// The name of a module that is part of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Builtin {
    /// Finds secrets in text.
    Secrets,
    /// Checks the contrast of colours.
    Contrast,
    /// Outlines a directory of sources.
    Outline,
    /// Reads, searches and outlines results that became references.
    Artifact,
}

/// How much a module may take, in time and in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ModuleLimits {
    /// Calls at once; one more is refused. Tenants share them, and an eighth is kept for who comes
    /// anew.
    pub concurrency: usize,
    /// Failures to reach it, or to be answered in time, in a row, after which it is asked no more
    /// for a while; 0 for never.
    pub eject_after: u32,
    /// Time to connect and shake hands.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub connect_timeout: Duration,
    /// Time without a byte of an answer.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub timeout: Duration,
    /// Time for a whole answer, streams included, however much progress it makes.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub max_timeout: Duration,
    /// Bytes of one answer, streams included.
    #[serde(with = "size")]
    #[schemars(with = "super::schema::Size")]
    pub max_response_bytes: usize,
    /// Sessions at once, each of them with a process of its own where the module is one.
    pub max_sessions: usize,
    /// Calls at once of clients without sessions that a module with sessions may ask back, or that
    /// want its log: each has a link to itself, a process where the module is one. One more waits
    /// for `connect_timeout`.
    pub max_exclusive: usize,
    /// Calls of one caller that wait at once until it answers what the module asked.
    pub max_waiting: usize,
}

impl Default for ModuleLimits {
    fn default() -> Self {
        Self {
            concurrency: 256,
            eject_after: 5,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            max_timeout: Duration::from_secs(600),
            max_response_bytes: 64 << 20,
            max_sessions: 1024,
            max_exclusive: 32,
            max_waiting: 16,
        }
    }
}
