//! Reads the files of bundles.

use std::path::{Path, PathBuf};

use mcpo2_policy::{
    BundleConfig,
    flat::{FlatConfig, Flattened},
    signed::{self, PublicKey},
};

use crate::config::{
    Config, check, deserialize,
    diagnostic::{Diagnostic, Diagnostics},
    read_text,
    tree::Node,
};

/// A file with a bundle that was read, so that what is wrong with it can be said where it stands.
#[derive(Debug)]
pub(crate) struct BundleFile {
    /// The position of its bundle among those of the policy.
    pub(crate) index: usize,
    text: String,
    tree: Node,
    flat: Option<Flattened>,
    found: Diagnostics,
}

/// Reads the files that the configuration names, and adds their bundles to its policy. What is
/// wrong with a path or a signature is found in the configuration, the rest in the file.
pub(crate) fn read_all(
    config: &mut Config,
    base: &Path,
    tree: &Node,
    found: &mut Diagnostics,
) -> Vec<BundleFile> {
    let keys = keys(config, tree, found);
    let mut files = Vec::new();
    for (at, path) in config.bundles.files.iter().enumerate() {
        let place = tree.value_at(&format!("bundles/files/{at}"));
        let text = match signed_text(&base.join(path), keys.as_deref()) {
            Ok(text) => text,
            Err((code, problem)) => {
                let message = format!("`{}` {problem}", path.display());
                found.push(Diagnostic::error(code, message).at(Some(place)));
                continue;
            }
        };
        let name = beside(found.file(), path);
        match BundleFile::parse(name, path, text) {
            Ok((bundle, mut file)) => {
                file.index = config.policy.bundles.len();
                config.policy.bundles.push(bundle);
                files.push(file);
            }
            Err(wrong) => found.absorb(*wrong),
        }
    }
    files
}

/// The keys that count; none where signatures are not asked for.
fn keys(config: &Config, tree: &Node, found: &mut Diagnostics) -> Option<Vec<PublicKey>> {
    let bundles = &config.bundles;
    let mut keys = Vec::new();
    for (at, text) in bundles.keys.iter().enumerate() {
        match text.parse() {
            Ok(key) => keys.push(key),
            Err(_) => {
                let place = tree.value_at(&format!("bundles/keys/{at}"));
                let finding = Diagnostic::error("invalid-value", "is no public key of minisign")
                    .help("write the second line of a `minisign.pub`")
                    .at(Some(place));
                found.push(finding);
            }
        }
    }
    if bundles.require_signature && bundles.keys.is_empty() {
        let place = tree.value_at("bundles/require_signature");
        let finding = Diagnostic::error("bundle-signature", "signatures are required by no key")
            .help("name the public keys under `bundles.keys`")
            .at(Some(place));
        found.push(finding);
    }
    (bundles.require_signature || !bundles.keys.is_empty()).then_some(keys)
}

/// The text of a file, if it is signed where that is asked for; or what is wrong.
fn signed_text(path: &Path, keys: Option<&[PublicKey]>) -> Result<String, (&'static str, String)> {
    let unreadable = |error| ("unreadable", format!("cannot be read: {error}"));
    let text = read_text(path).map_err(unreadable)?;
    let Some(keys) = keys else {
        return Ok(text);
    };
    let refused = |problem: String| ("bundle-signature", problem);
    let signature = read_text(&signature_of(path)).map_err(|error| {
        refused(format!(
            "is not signed: its `.minisig` cannot be read: {error}"
        ))
    })?;
    signed::verify(text.as_bytes(), &signature, keys)
        .map_err(|error| refused(format!("has a signature that does not hold: {error}")))?;
    Ok(text)
}

/// The file with the signature of this one.
pub(crate) fn signature_of(path: &Path) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(".minisig");
    path.into()
}

/// How a file is called that is named in another: beside that.
fn beside(file: &str, path: &Path) -> String {
    let base = Path::new(file).parent().unwrap_or(Path::new(""));
    base.join(path).display().to_string()
}

/// Whether a file has the flat shape.
fn is_flat(tree: &Node) -> bool {
    tree.get("policies").is_some() && tree.get("rules").is_none()
}

impl BundleFile {
    /// The bundle of a file, or what is wrong with its form.
    pub(crate) fn parse(
        name: String,
        path: &Path,
        text: String,
    ) -> Result<(BundleConfig, Self), Box<Diagnostics>> {
        let mut found = Diagnostics::new(name);
        let mut tree = match Node::parse(&text) {
            Ok(tree) => tree,
            Err(problem) => {
                found.push(*problem);
                return Err(found.finish(&text, |_| false).into());
            }
        };
        let secrets = check::secret_lines(&tree);
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let (bundle, flat) = match is_flat(&tree) {
            true => {
                let flat = deserialize::<FlatConfig>(&mut tree, &mut found);
                let flat = flat.and_then(|flat| flattened(&flat, &stem, &tree, &mut found));
                (flat.as_ref().map(|flat| flat.bundle.clone()), flat)
            }
            false => (deserialize::<BundleConfig>(&mut tree, &mut found), None),
        };
        let Some(bundle) = bundle.filter(|_| !found.has_errors()) else {
            return Err(found.finish(&text, |line| secrets.contains(&line)).into());
        };
        let file = Self {
            index: 0,
            text,
            tree,
            flat,
            found,
        };
        Ok((bundle, file))
    }

    /// Adds a finding about the value at this path in the bundle.
    pub(crate) fn value(&mut self, path: &str, finding: Diagnostic) {
        let place = match &self.flat {
            // One name of the flat shape is several globs here, not all of which are meant.
            Some(_) if finding.code == "unmatched-glob" => return,
            Some(flat) => self.tree.value_at(&flat.path(path)),
            None => self.tree.value_at(path),
        };
        self.found.push(finding.at(Some(place)));
    }

    /// What was found in it.
    pub(crate) fn into_found(self) -> Diagnostics {
        let secrets = check::secret_lines(&self.tree);
        self.found
            .finish(&self.text, |line| secrets.contains(&line))
    }
}

fn flattened(
    flat: &FlatConfig,
    id: &str,
    tree: &Node,
    found: &mut Diagnostics,
) -> Option<Flattened> {
    let error = match flat.to_bundle(id) {
        Ok(flat) => return Some(flat),
        Err(error) => error,
    };
    let place = tree.value_at(&error.path());
    let finding = Diagnostic::error("invalid-policy", error.problem().to_owned());
    found.push(finding.at(Some(place)));
    None
}
