//! The gateway as it is measured: every layer on, and a thousand rules.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use http::{HeaderValue, header};
use serde_json::{Value, json};

use crate::{
    Target,
    child::{Running, free_port},
    governance::{self, MODULE},
};

/// How many callers there are: each may have 256 sessions.
const CALLERS: usize = 24;

/// Where everything is.
#[derive(Debug)]
pub(crate) struct Setting {
    gateway: PathBuf,
    own: PathBuf,
    dir: tempfile::TempDir,
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    id: String,
    text: String,
    hash: String,
}

/// A gateway to start.
#[derive(Debug, Clone)]
pub(crate) struct Gateway<'a> {
    pub(crate) name: &'a str,
    pub(crate) durability: &'a str,
    pub(crate) modules: Value,
    /// Rules besides the thousand.
    pub(crate) rules: Vec<Value>,
}

impl Setting {
    /// With this gateway, or the one beside this program.
    pub(crate) fn new(gateway: Option<PathBuf>) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let gateway = match gateway {
            Some(gateway) => gateway,
            None => own.with_file_name("mcpo2"),
        };
        if !gateway.is_file() {
            bail!(
                "{} is not there: build it with `cargo build --release -p mcpo2-server`, or name one with --gateway",
                gateway.display()
            );
        }
        let keys = (0..CALLERS)
            .map(|number| Key::generate(&gateway, &format!("caller-{number:02}")))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            gateway,
            own,
            dir: tempfile::tempdir()?,
            keys,
        })
    }

    pub(crate) fn gateway_program(&self) -> &Path {
        &self.gateway
    }

    pub(crate) fn own_program(&self) -> &Path {
        &self.own
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts an upstream with this many tools.
    pub(crate) fn upstream(&self, name: &str, tools: usize) -> anyhow::Result<Running> {
        let port = free_port()?;
        let (listen, tools) = (format!("127.0.0.1:{port}"), tools.to_string());
        let arguments = ["serve", "upstream", "--listen", &listen, "--tools", &tools];
        Running::start(name, &self.own, &arguments, port, &self.log(name))
    }

    /// Starts a floor before this upstream, with a chain of records or without.
    pub(crate) fn floor(
        &self,
        name: &str,
        upstream: &Target,
        chain: Option<&Path>,
    ) -> anyhow::Result<Running> {
        let port = free_port()?;
        let (listen, url) = (format!("127.0.0.1:{port}"), upstream.url.to_string());
        let mut arguments = vec!["serve", "floor", "--listen", &listen, "--upstream", &url];
        let chain = chain.map(|path| path.to_string_lossy().into_owned());
        if let Some(chain) = &chain {
            arguments.extend(["--chain", chain]);
        }
        Running::start(name, &self.own, &arguments, port, &self.log(name))
    }

    /// Starts a gateway.
    pub(crate) fn start(&self, gateway: &Gateway<'_>) -> anyhow::Result<Running> {
        let port = free_port()?;
        let config = self.path(&format!("{}.yaml", gateway.name));
        // JSON is YAML.
        std::fs::write(&config, self.config(gateway, port).to_string())?;
        let config = config.to_string_lossy().into_owned();
        let log = self.log(gateway.name);
        let arguments = ["serve", "--file", &config];
        let mut running = Running::start(gateway.name, &self.gateway, &arguments, port, &log)
            .with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
        running.target = self.known(running.target.clone(), 0)?;
        Ok(running)
    }

    /// The same target, called by one of the callers.
    pub(crate) fn known(&self, mut target: Target, caller: usize) -> anyhow::Result<Target> {
        let key = self.keys.get(caller % self.keys.len()).context("a key")?;
        let mut credential = HeaderValue::from_str(&format!("Bearer {}", key.text))?;
        credential.set_sensitive(true);
        target.headers.insert(header::AUTHORIZATION, credential);
        Ok(target)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}.log"))
    }

    fn config(&self, gateway: &Gateway<'_>, port: u16) -> Value {
        let keys: Vec<Value> = self.keys.iter().map(Key::entry).collect();
        json!({
            "version": 1,
            "listen": format!("127.0.0.1:{port}"),
            "http": { "max_connections": 20_000, "max_body_bytes": "4MiB" },
            "identity": { "api_keys": keys },
            "modules": gateway.modules,
            "classify": governance::classify(),
            "policy": governance::policy(&gateway.rules),
            "preamble": governance::preamble(),
            "artifact": { "threshold_bytes": 8 << 20 },
            "audit": {
                "dir": self.path(&format!("{}-ledger", gateway.name)),
                "durability": gateway.durability,
            },
            "log": { "level": "warn" },
        })
    }
}

/// One module over HTTP.
pub(crate) fn http_module(upstream: &Target) -> Value {
    json!([{
        "id": MODULE, "family": "engineering", "region": "eu", "tier": 3, "approval": "approved",
        "http": { "url": upstream.url.to_string() },
        "limits": { "concurrency": 16_384, "max_sessions": 16_384 },
    }])
}

impl Key {
    fn generate(gateway: &Path, id: &str) -> anyhow::Result<Self> {
        let made = std::process::Command::new(gateway)
            .args(["key", id, "--tenant", "acme"])
            .output()
            .with_context(|| gateway.display().to_string())?;
        let text = String::from_utf8(made.stdout)?;
        let hash = text.lines().find_map(|line| {
            let (_, hash) = line.split_once("hash: \"")?;
            Some(hash.split_once('"')?.0.to_owned())
        });
        Ok(Self {
            id: id.into(),
            text: text.lines().next().context("no key")?.into(),
            hash: hash.context("a key without a hash")?,
        })
    }

    fn entry(&self) -> Value {
        json!({ "id": self.id, "tenant": "acme", "roles": ["caller"], "kind": "service", "hash": self.hash })
    }
}
