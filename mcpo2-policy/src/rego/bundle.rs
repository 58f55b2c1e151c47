use std::path::Path;

use mcpo2_core::Digest;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{BundleKey, RegoError, RegoSyntax, signature::SIGNATURES, source::Files};

const MANIFEST: &str = ".manifest";

/// Policies in Rego with their data, read and not yet compiled.
///
/// It has files `*.rego`, and data in files `data.json`, of which each stands in the data where its
/// directory says. Other files are ignored; data in YAML and policies in WebAssembly are refused,
/// since leaving them out would change what is decided.
///
/// ```
/// use mcpo2_policy::RegoBundle;
///
/// let bundle = RegoBundle::from_modules([("policy.rego", "package mcpo2.policy\ndecision := true")]);
/// assert_eq!(bundle.modules().count(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct RegoBundle {
    modules: Vec<(String, String)>,
    data: Map<String, Value>,
    syntax: Option<RegoSyntax>,
}

#[derive(Default, Deserialize)]
struct Manifest {
    #[serde(default)]
    rego_version: Option<u8>,
    #[serde(default)]
    file_rego_versions: Map<String, Value>,
    #[serde(default)]
    wasm: Vec<Value>,
}

impl RegoBundle {
    /// These modules, each a name and its text, without data.
    pub fn from_modules<N: Into<String>, T: Into<String>>(
        modules: impl IntoIterator<Item = (N, T)>,
    ) -> Self {
        let modules = modules.into_iter();
        Self {
            modules: modules
                .map(|(name, text)| (name.into(), text.into()))
                .collect(),
            data: Map::new(),
            syntax: None,
        }
    }

    /// What a directory holds, and what is below it. Links in it are refused, and directories whose
    /// name begins with a dot are not entered.
    ///
    /// # Errors
    ///
    /// [`RegoError`] says which file is wrong.
    pub fn from_directory(path: impl AsRef<Path>) -> Result<Self, RegoError> {
        Self::of(Files::of_directory(path.as_ref())?)
    }

    /// What a bundle of OPA holds: a tarball, compressed with gzip. With a key, it must be signed by
    /// it.
    ///
    /// # Errors
    ///
    /// [`RegoError`] where it is no such bundle, is larger than 16 MiB unpacked, or is not signed
    /// as it has to be.
    pub fn from_tarball(bytes: &[u8], key: Option<&BundleKey>) -> Result<Self, RegoError> {
        let files = Files::of_tarball(bytes)?;
        if let Some(key) = key {
            key.check(&files)?;
        }
        Self::of(files)
    }

    /// The same, with this data: an object.
    ///
    /// # Errors
    ///
    /// [`RegoError`] where it is none, or contradicts the data that is there.
    pub fn with_data(mut self, data: Value) -> Result<Self, RegoError> {
        mount(&mut self.data, "", data)?;
        Ok(self)
    }

    /// Its modules: the name and the text of each.
    pub fn modules(&self) -> impl Iterator<Item = (&str, &str)> {
        self.modules
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }

    pub(super) fn data(&self) -> String {
        serde_json::to_string(&self.data).unwrap_or_default()
    }

    /// The syntax that its manifest names.
    pub(super) fn syntax(&self) -> Option<RegoSyntax> {
        self.syntax
    }

    pub(super) fn digest(&self, options: &str) -> Digest {
        let mut modules: Vec<_> = self.modules.iter().collect();
        modules.sort();
        let all = serde_json::to_string(&(options, modules, &self.data)).unwrap_or_default();
        Digest::of(format!("mcpo2.policy/v1 rego {all}").as_bytes())
    }

    fn of(files: Files) -> Result<Self, RegoError> {
        let mut bundle = Self::from_modules::<String, String>([]);
        for (path, content) in files.by_path {
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", &path));
            let wrong = |problem: String| RegoError::form(format!("`{path}`: {problem}"));
            match name {
                "data.json" => {
                    let data = serde_json::from_slice(&content);
                    let data = data.map_err(|error| wrong(error.to_string()))?;
                    mount(&mut bundle.data, directory, data)?;
                }
                MANIFEST if directory.is_empty() => {
                    let manifest = serde_json::from_slice(&content);
                    let manifest = manifest.map_err(|error| wrong(error.to_string()))?;
                    bundle.syntax = syntax(&manifest).map_err(wrong)?;
                }
                SIGNATURES => {}
                "data.yaml" | "data.yml" => return Err(wrong("data is JSON here".into())),
                name if name.ends_with(".wasm") => {
                    return Err(wrong("WebAssembly is not supported".into()));
                }
                name if name.ends_with(".rego") => {
                    let text = String::from_utf8(content);
                    let text = text.map_err(|error| wrong(error.to_string()))?;
                    bundle.modules.push((path, text));
                }
                _ => {}
            }
        }
        Ok(bundle)
    }
}

fn syntax(manifest: &Manifest) -> Result<Option<RegoSyntax>, String> {
    if !manifest.wasm.is_empty() || !manifest.file_rego_versions.is_empty() {
        return Err("neither `wasm` nor `file_rego_versions` are supported".into());
    }
    match manifest.rego_version {
        None => Ok(None),
        Some(0) => Ok(Some(RegoSyntax::V0)),
        Some(1) => Ok(Some(RegoSyntax::V1)),
        Some(other) => Err(format!("there is no version {other} of Rego")),
    }
}

/// Puts data where its directory says.
fn mount(all: &mut Map<String, Value>, at: &str, data: Value) -> Result<(), RegoError> {
    let mut data = data;
    for step in at.rsplit('/').filter(|step| !step.is_empty()) {
        data = Value::Object(Map::from_iter([(step.to_owned(), data)]));
    }
    let Value::Object(data) = data else {
        return Err(RegoError::form("the data is no object"));
    };
    merge(all, data)
}

fn merge(all: &mut Map<String, Value>, more: Map<String, Value>) -> Result<(), RegoError> {
    for (key, value) in more {
        match (all.get_mut(&key), value) {
            (None, value) => {
                all.insert(key, value);
            }
            (Some(Value::Object(one)), Value::Object(two)) => merge(one, two)?,
            (Some(_), _) => {
                return Err(RegoError::form(format!(
                    "the data has two values of `{key}`"
                )));
            }
        }
    }
    Ok(())
}
