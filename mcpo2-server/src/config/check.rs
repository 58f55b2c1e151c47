//! What the parts of a configuration say together.

mod admission;
mod bucket;
mod contexts;
mod duties;
mod edge;
mod engines;
mod layers;
mod lists;
mod modules;
mod policy;
mod sessions;

use std::collections::BTreeSet;

use mcpo2_policy::Known;

pub(crate) use self::policy::known;

use super::{
    BundleFile, Compiled, Config,
    diagnostic::{Diagnostic, Diagnostics},
    tree::{Node, Text, Value},
};

/// Checks a configuration that has been read from this tree, and its bundles from these files.
/// What had to be compiled for that is kept, and not compiled a second time.
pub(crate) fn check(
    config: &mut Config,
    tree: &Node,
    bundles: &mut [BundleFile],
    found: &mut Diagnostics,
) {
    let mut context = Context {
        config,
        tree,
        bundles,
        found,
    };
    edge::check(&mut context);
    sessions::check(&mut context);
    admission::check(&mut context);
    modules::check(&mut context);
    contexts::check(&mut context);
    bucket::check(&mut context);
    lists::check(&mut context);
    duties::check(&mut context);
    let compiled = Compiled {
        digest: config.compiled.digest,
        rules: layers::check(&mut context),
        policy: policy::check(&mut context),
        engines: engines::check(&mut context),
        seen: std::mem::take(&mut config.compiled.seen),
    };
    config.compiled = compiled;
}

/// Checks the policy alone, against what is known.
pub(crate) fn lint(
    config: &Config,
    tree: &Node,
    bundles: &mut [BundleFile],
    known: &Known,
    found: &mut Diagnostics,
) {
    let mut context = Context {
        config,
        tree,
        bundles,
        found,
    };
    policy::lint(&mut context, known);
}

/// The lines that hold secrets written out: they are never shown.
pub(crate) fn secret_lines(tree: &Node) -> BTreeSet<usize> {
    let mut lines = BTreeSet::new();
    let mut hide = |node: &Node, text: &Text| {
        // The value of a block stands on the lines below.
        let more = text.value.matches('\n').count() + 1;
        lines.extend(node.at.line..=node.at.line + more);
    };
    for module in tree.get("modules").map_or(&[][..], Node::items) {
        for path in ["http/headers", "stdio/env"] {
            let Ok(secrets) = module.find(path) else {
                continue;
            };
            secrets.visit_texts(&mut |node, text| {
                if text.raw.is_none() {
                    hide(node, text);
                }
            });
        }
    }
    for path in [
        "http/sessions/keys",
        "audit/index/postgres/url",
        "engines/rego/signed/secret",
        "library/bucket/secret_access_key",
    ] {
        let Ok(secrets) = tree.find(path) else {
            continue;
        };
        secrets.visit_texts(&mut |node, text| {
            if text.raw.is_none() {
                hide(node, text);
            }
        });
    }
    // An API key in place of its hash, and a URL with a password.
    tree.visit_texts(&mut |node, text| {
        if text.value.starts_with("mcpo2_")
            || text.value.contains("://") && text.value.contains('@')
        {
            hide(node, text);
        }
    });
    lines
}

/// What the references stand for, and how each stands in the file. The shortest are left out:
/// they are no secrets, and stand in every other word.
pub(crate) fn resolved(tree: &Node) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    tree.visit_texts(&mut |_, text| {
        if let Some(raw) = text
            .raw
            .as_ref()
            .filter(|raw| **raw != text.value && text.value.len() > 3)
        {
            pairs.push((text.value.clone(), raw.clone()));
        }
    });
    pairs
}

struct Context<'a> {
    config: &'a Config,
    tree: &'a Node,
    bundles: &'a mut [BundleFile],
    found: &'a mut Diagnostics,
}

impl Context<'_> {
    /// Adds a finding about the value at this path.
    fn value(&mut self, path: &str, finding: Diagnostic) {
        self.found.push(finding.at(Some(self.tree.value_at(path))));
    }

    /// Adds a finding about the value at this path of the policy, in the file where it stands.
    fn policy(&mut self, path: &str, finding: Diagnostic) {
        let of_bundle = path.strip_prefix("bundles/").and_then(|rest| {
            let (index, rest) = rest.split_once('/').unwrap_or((rest, ""));
            Some((index.parse::<usize>().ok()?, rest))
        });
        let file = of_bundle.and_then(|(index, rest)| {
            let mut files = self.bundles.iter_mut();
            Some((files.find(|file| file.index == index)?, rest))
        });
        match file {
            Some((file, rest)) => file.value(rest, finding),
            None => self.value(&format!("policy/{path}"), finding),
        }
    }

    /// Adds a finding about the key at this path.
    fn key(&mut self, path: &str, finding: Diagnostic) {
        self.found.push(finding.at(Some(self.tree.key_at(path))));
    }

    /// Warns of a secret that stands in the file.
    fn secret_in_clear(&mut self, path: &str) {
        let finding =
            Diagnostic::warning("secret-in-clear", "a secret is written out in this file")
                .help("write `${env:NAME}` or `${file:PATH}` in its place");
        self.key(path, finding);
    }

    /// Whether the text at this path stands in the file as it is, and not as a reference.
    fn is_literal(&self, path: &str) -> bool {
        let value = self.tree.find(path).map(|node| &node.value);
        matches!(value, Ok(Value::Text(text)) if text.raw.is_none())
    }
}

/// A module, family, tenant or profile that is named and not there.
fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> (String, Option<String>) {
    let known: Vec<&str> = known.into_iter().collect();
    let help = super::fault::nearest(name, &known).map(|meant| format!("did you mean `{meant}`?"));
    (format!("there is no {what} `{name}`"), help)
}

impl Diagnostic {
    fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }
}
