pub(super) mod read;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Files with rules of other authors, beside this one. They join `policy.bundles`.
///
/// A file is one bundle, with the keys of `policy.bundles[]`, or a list of `policies` in the flat
/// shape that other gateways use. References such as `${env:NAME}` mean nothing in it: what is
/// signed is what is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Bundles {
    /// The files. They are watched and read again like this one.
    pub files: Vec<PathBuf>,
    /// The public keys of minisign, by one of which each file must be signed: FILE has its
    /// signature beside it in `FILE.minisig`. Without any, signatures are not asked for.
    pub keys: Vec<String>,
    /// Whether there must be keys, so that none can be forgotten.
    pub require_signature: bool,
    /// The files with the signatures that are asked for.
    #[serde(skip)]
    signatures: Vec<PathBuf>,
}

impl Bundles {
    /// The files that they are made of.
    pub(crate) fn watched(&self) -> impl Iterator<Item = &Path> {
        let files = self.files.iter().chain(&self.signatures);
        files.map(PathBuf::as_path)
    }

    /// Paths in the configuration are relative to its directory.
    pub(super) fn resolve(&mut self, base: &Path) {
        for file in &mut self.files {
            *file = base.join(&file);
        }
        if !self.keys.is_empty() {
            let signatures = self.files.iter().map(|file| read::signature_of(file));
            self.signatures = signatures.collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_watched_where_they_count() {
        let mut bundles = Bundles {
            files: vec!["a.yaml".into()],
            ..Bundles::default()
        };
        bundles.resolve(Path::new("etc"));
        let watched: Vec<_> = bundles.watched().collect();
        assert_eq!(watched, [Path::new("etc/a.yaml")]);
        bundles.files = vec!["a.yaml".into()];
        bundles.keys.push("key".into());
        bundles.resolve(Path::new("etc"));
        let watched: Vec<_> = bundles.watched().collect();
        let both = ["etc/a.yaml", "etc/a.yaml.minisig"].map(Path::new);
        assert_eq!(watched, both);
    }
}
