//! A policy from files, for those who work on it and need no gateway.

use std::path::{Path, PathBuf};

use mcpo2_core::ModuleId;
use mcpo2_policy::Known;
use serde::de::DeserializeOwned;

use super::{
    BundleFile, Config, Engines, Module, bundles, check, deserialize,
    diagnostic::{Diagnostic, Diagnostics},
    line_of, may_hold_secret, prepare, read_text, resolve_paths,
    tree::{Node, Value},
};

/// A policy that was read, and what was found in its files. Its tests were not run.
#[derive(Debug)]
pub(crate) struct Sources {
    /// The policy; none where it cannot be read.
    pub(crate) policy: Option<mcpo2_policy::Config>,
    /// What decides beside it, where a configuration names that. Their files were not read.
    pub(crate) engines: Engines,
    /// The modules, where a configuration names them.
    pub(crate) modules: Vec<Module>,
    /// The environment that it serves, where it says one.
    pub(crate) environment: Option<String>,
    /// The module whose names stand alone, likewise.
    pub(crate) unprefixed: Option<ModuleId>,
    /// The files of bundles.
    pub(crate) bundles: Vec<PathBuf>,
    /// What was found.
    pub(crate) found: Diagnostics,
}

impl Sources {
    /// The policy of a configuration and its bundles, held against the configuration and what
    /// else is known.
    pub(crate) fn of_config(path: &Path, more: &Known) -> Self {
        let mut found = Diagnostics::new(path.display().to_string());
        let base = path.parent().unwrap_or(Path::new(""));
        let (mut tree, text) = match parse(path) {
            Ok(parsed) => parsed,
            Err(found) => return Self::unreadable(*found),
        };
        // What a variable stands for in another section need not be known here.
        let mut unresolved = Diagnostics::new(String::new());
        prepare(
            &mut tree,
            base,
            &|name| std::env::var(name).ok(),
            &mut unresolved,
        );
        let secrets = check::secret_lines(&tree);
        let resolved = check::resolved(&tree);
        let config: Option<Config> = deserialize(&mut tree, &mut found);
        let mut sources = match config {
            Some(config) => Self::checked(config, base, &tree, more, found),
            None => Self::unreadable(found),
        };
        sources.found.hide(&resolved);
        sources.found = sources.found.finish(&text, |line| secrets.contains(&line));
        sources
    }

    fn checked(
        mut config: Config,
        base: &Path,
        tree: &Node,
        more: &Known,
        mut found: Diagnostics,
    ) -> Self {
        let mut files = bundles::read::read_all(&mut config, base, tree, &mut found);
        let is_whole = !found.has_errors();
        resolve_paths(&mut config, base);
        let mut known = check::known(&config);
        known.tools = more.tools.clone();
        check::lint(&config, tree, &mut files, &known, &mut found);
        absorb(files, &mut found);
        Self {
            policy: is_whole.then_some(config.policy),
            engines: config.engines,
            modules: config.modules,
            environment: config.environment,
            unprefixed: config.lists.unprefixed,
            bundles: config.bundles.files,
            found,
        }
    }

    /// The policy of these bundles alone, whose signatures are not looked at.
    pub(crate) fn of_bundles(paths: &[PathBuf], known: &Known) -> Self {
        let names: Vec<String> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let mut found = Diagnostics::new(names.join(", "));
        let (mut config, mut files) = (Config::default(), Vec::new());
        for path in paths {
            let name = path.display().to_string();
            let parsed = text_of(path).and_then(|text| BundleFile::parse(name, path, text));
            match parsed {
                Ok((bundle, mut file)) => {
                    file.index = files.len();
                    files.push(file);
                    config.policy.bundles.push(bundle);
                }
                Err(wrong) => found.absorb(*wrong),
            }
        }
        let is_whole = !found.has_errors();
        if is_whole {
            check::lint(&config, &Node::default(), &mut files, known, &mut found);
        }
        absorb(files, &mut found);
        Self {
            policy: is_whole.then_some(config.policy),
            engines: Engines::default(),
            modules: Vec::new(),
            environment: None,
            unprefixed: None,
            bundles: paths.to_vec(),
            found: found.finish("", |_| false),
        }
    }

    fn unreadable(found: Diagnostics) -> Self {
        Self {
            policy: None,
            engines: Engines::default(),
            modules: Vec::new(),
            environment: None,
            unprefixed: None,
            bundles: Vec::new(),
            found,
        }
    }
}

fn absorb(files: Vec<BundleFile>, found: &mut Diagnostics) {
    for file in files {
        found.absorb(file.into_found());
    }
}

/// Reads a file as this type, strictly.
pub(crate) fn read_as<T: DeserializeOwned>(path: &Path) -> Result<T, Box<Diagnostics>> {
    text_as(&path.display().to_string(), &text_of(path)?)
}

/// Reads a text as this type, likewise.
pub(crate) fn text_as<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Box<Diagnostics>> {
    let mut tree = tree_of(name, text)?;
    let mut found = Diagnostics::new(name.to_owned());
    let read = deserialize(&mut tree, &mut found).filter(|_| !found.has_errors());
    read.ok_or_else(|| found.finish(text, |_| false).into())
}

/// Whether a file is a bundle, and no configuration.
pub(crate) fn is_bundle(path: &Path) -> Result<bool, Box<Diagnostics>> {
    let (tree, _) = parse(path)?;
    let is_config = matches!(
        tree.get("version").map(|node| &node.value),
        Some(Value::Unsigned(_))
    );
    let keys = ["rules", "policies", "id"];
    Ok(!is_config && keys.iter().any(|key| tree.get(key).is_some()))
}

fn parse(path: &Path) -> Result<(Node, String), Box<Diagnostics>> {
    let text = text_of(path)?;
    Ok((tree_of(&path.display().to_string(), &text)?, text))
}

fn tree_of(name: &str, text: &str) -> Result<Node, Box<Diagnostics>> {
    Node::parse(text).map_err(|problem| {
        let mut found = Diagnostics::new(name.to_owned());
        found.push(*problem);
        let is_secret = |line| line_of(text, line).is_some_and(may_hold_secret);
        found.finish(text, is_secret).into()
    })
}

fn text_of(path: &Path) -> Result<String, Box<Diagnostics>> {
    read_text(path).map_err(|error| {
        let mut found = Diagnostics::new(path.display().to_string());
        let message = format!("cannot be read: {error}");
        found.push(Diagnostic::error("unreadable", message));
        Box::new(found)
    })
}
