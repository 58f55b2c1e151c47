//! A request, as flags or a file tell it.

use std::{collections::BTreeMap, path::PathBuf};

use mcpo2_policy::{AuthConfig, GivenCaller, GivenConfig, GivenModule, GivenSituation, KindConfig};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Unusable;
use crate::config::read_as;

#[derive(Debug, clap::Args)]
pub(super) struct Request {
    /// The request, in YAML or JSON: what stands under `given` in a test
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    #[command(flatten)]
    addressed: Addressed,
    #[command(flatten)]
    caller: Caller,
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    situation: When,
}

/// What is addressed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Request")]
struct Addressed {
    /// The tool that is called, by the name that callers use
    #[arg(long, conflicts_with = "request")]
    tool: Option<String>,
    /// The prompt
    #[arg(long, conflicts_with = "request")]
    prompt: Option<String>,
    /// The resource, by its URI
    #[arg(long, conflicts_with = "request")]
    resource: Option<String>,
    /// The method, where what is addressed does not say it
    #[arg(long, conflicts_with = "request")]
    method: Option<String>,
    /// The arguments, as JSON
    #[arg(long, value_name = "JSON", value_parser = json, conflicts_with = "request")]
    arguments: Option<BTreeMap<String, Value>>,
}

/// Who calls.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Caller")]
struct Caller {
    /// The tenant
    #[arg(long, conflicts_with = "request")]
    tenant: Option<String>,
    /// The id
    #[arg(long, conflicts_with = "request")]
    principal: Option<String>,
    /// The project
    #[arg(long, conflicts_with = "request")]
    project: Option<String>,
    /// A role, as often as there are some
    #[arg(long = "role", value_name = "ROLE", conflicts_with = "request")]
    roles: Vec<String>,
    /// A scope, likewise
    #[arg(long = "scope", value_name = "SCOPE", conflicts_with = "request")]
    scopes: Vec<String>,
    /// user, agent, service or anonymous
    #[arg(long, value_parser = named::<KindConfig>, conflicts_with = "request")]
    kind: Option<KindConfig>,
    /// none, api_key, jwt, process or host
    #[arg(long, value_parser = named::<AuthConfig>, conflicts_with = "request")]
    auth: Option<AuthConfig>,
}

/// What is known of the module.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Module; that of the configuration if nothing is said")]
struct Owner {
    /// Its id
    #[arg(long, requires = "family", conflicts_with = "request")]
    module: Option<String>,
    /// Its family
    #[arg(long, conflicts_with = "request")]
    family: Option<String>,
    /// Its region
    #[arg(long, requires = "family", conflicts_with = "request")]
    region: Option<String>,
    /// Its tier of trust, 0 to 4
    #[arg(long, requires = "family", conflicts_with = "request")]
    tier: Option<u8>,
}

/// When and from where.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Situation; unknown if nothing is said")]
struct When {
    /// The moment: 2026-11-28T18:00:00Z
    #[arg(long, conflicts_with = "request")]
    time: Option<String>,
    /// The environment that the gateway serves
    #[arg(long, conflicts_with = "request")]
    environment: Option<String>,
    /// The address from which it comes
    #[arg(long, conflicts_with = "request")]
    source: Option<String>,
    /// How many seconds ago the session began
    #[arg(long, value_name = "SECONDS", conflicts_with = "request")]
    session_seconds: Option<u64>,
    /// How many bytes the request has
    #[arg(long, value_name = "BYTES", conflicts_with = "request")]
    request_bytes: Option<u64>,
}

impl Request {
    pub(super) fn given(self) -> Result<GivenConfig, Unusable> {
        if let Some(path) = &self.request {
            return Ok(read_as(path)?);
        }
        let Addressed {
            tool,
            prompt,
            resource,
            method,
            arguments,
        } = self.addressed;
        Ok(GivenConfig {
            caller: self.caller.given(),
            method,
            tool,
            prompt,
            resource,
            arguments,
            module: self.owner.given(),
            situation: self.situation.given(),
        })
    }
}

impl Caller {
    fn given(self) -> GivenCaller {
        GivenCaller {
            tenant: self.tenant,
            principal: self.principal,
            project: self.project,
            roles: self.roles,
            scopes: self.scopes,
            kind: self.kind,
            auth: self.auth,
        }
    }
}

impl Owner {
    fn given(self) -> Option<GivenModule> {
        self.family.map(|family| GivenModule {
            id: self.module,
            family,
            region: self.region,
            tier: self.tier.unwrap_or_default(),
        })
    }
}

impl When {
    fn given(self) -> GivenSituation {
        GivenSituation {
            time: self.time,
            environment: self.environment,
            source: self.source,
            session_seconds: self.session_seconds,
            request_bytes: self.request_bytes,
        }
    }
}

fn json(text: &str) -> Result<BTreeMap<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// A name, as the configuration has it.
fn named<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(Value::String(text.to_owned())).map_err(|error| error.to_string())
}
