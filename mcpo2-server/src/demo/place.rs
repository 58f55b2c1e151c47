//! Where the demonstration keeps what it needs: its configuration, its ledger, and a workspace
//! that the modules may read.

use std::{
    fs::{self, DirBuilder},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use mcpo2_core::BoxError;

use super::script::Keys;

/// The configuration; its references are filled in when it is written.
const CONFIG: &str = include_str!("demo.yaml");

/// The services of the company whose workspace it is.
const SERVICES: [&str; 16] = [
    "accounts", "billing", "cart", "catalog", "checkout", "coupons", "delivery", "fraud",
    "invoices", "ledger", "mail", "orders", "prices", "returns", "search", "stock",
];

/// The files of a service, by name.
const FILES: [(&str, &str); 5] = [
    ("README.md", "# {}\n\n## Run\n\n## Operate\n"),
    (
        "lib.rs",
        "pub struct Store;\npub trait Events {}\npub fn open() {}\npub async fn serve() {}\n",
    ),
    (
        "client.ts",
        "export interface Options {}\nexport class Client {}\nexport const retries = 3\n",
    ),
    (
        "jobs.py",
        "class Nightly:\n    pass\n\n\ndef run(): ...\n\n\ndef report(): ...\n",
    ),
    (
        "main.go",
        "package main\n\ntype Server struct{}\n\nfunc main() {}\n\nfunc (s *Server) Stop() {}\n",
    ),
];

/// The directory of a demonstration.
#[derive(Debug)]
pub(super) struct Place(PathBuf);

impl Place {
    /// Makes the directory, and the workspace in it.
    pub(super) fn prepare(dir: Option<&Path>) -> Result<Self, BoxError> {
        let dir = match dir {
            Some(dir) => dir.to_owned(),
            None => std::env::temp_dir().join(format!("mcpo2-demo-{:016x}", getrandom::u64()?)),
        };
        make_private(&dir)?;
        let place = Self(dir.canonicalize()?);
        for service in SERVICES {
            let dir = place.workspace().join("services").join(service);
            fs::create_dir_all(&dir)?;
            for (name, text) in FILES {
                fs::write(dir.join(name), text.replace("{}", service))?;
            }
        }
        Ok(place)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.0
    }

    /// What the modules may read.
    pub(super) fn workspace(&self) -> PathBuf {
        self.0.join("workspace")
    }

    /// Where the configuration puts the ledger.
    pub(super) fn ledger(&self) -> PathBuf {
        self.0.join("ledger")
    }

    /// Writes the configuration. Of the keys it holds the hashes.
    pub(super) fn write_config(&self, listen: SocketAddr, keys: &Keys) -> io::Result<PathBuf> {
        let text = CONFIG
            .replace("${env:MCPO2_DEMO_LISTEN}", &listen.to_string())
            .replace("${env:MCPO2_DEMO_HASH_ANA}", &keys.ana.hash().to_string())
            .replace("${env:MCPO2_DEMO_HASH_BEN}", &keys.ben.hash().to_string())
            .replace("${env:MCPO2_DEMO_HASH_DORA}", &keys.dora.hash().to_string());
        let path = self.0.join("demo.yaml");
        fs::write(&path, text)?;
        Ok(path)
    }
}

/// Makes a directory that only its owner can read; one that is there stays as it is.
fn make_private(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}
