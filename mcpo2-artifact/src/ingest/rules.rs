use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use mcpo2_core::Digest;

use super::{
    Detail, Spec,
    ignored::Level,
    secret::{self, name_rule},
};
use crate::manifest::{Reason, RelPath};

/// A compiled [`Spec`].
#[derive(Debug, Clone)]
pub struct Rules {
    digest: Digest,
    include: GlobSet,
    exclude: GlobSet,
    allow_secrets: GlobSet,
    ignore_files: Box<[String]>,
    detail: Box<[(GlobSet, Detail)]>,
    max_file_bytes: u64,
    max_depth: usize,
}

/// Why a [`Spec`] is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// A glob is none.
    #[error("`{glob}` is not a glob")]
    Glob {
        /// The glob.
        glob: String,
        /// What is wrong with it.
        source: globset::Error,
    },
    /// A glob is empty, or leads out of the tree.
    #[error("`{glob}` names nothing in a tree")]
    Nowhere {
        /// The glob.
        glob: String,
    },
    /// The name of an ignore file is none: it is empty, or has a `/`.
    #[error("`{name}` is not the name of a file")]
    Name {
        /// The name.
        name: String,
    },
    /// The depth is 0 or over 1024.
    #[error("`max_depth` must be 1 to 1024")]
    Depth,
}

impl Rules {
    pub(super) fn new(mut spec: Spec) -> Result<Self, SpecError> {
        for globs in [
            &mut spec.include,
            &mut spec.exclude,
            &mut spec.allow_secrets,
        ] {
            globs.sort_unstable();
            globs.dedup();
        }
        let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains('/');
        if let Some(name) = spec.ignore_files.iter().find(|name| !is_name(name)) {
            return Err(SpecError::Name { name: name.clone() });
        }
        let max_depth = usize::try_from(spec.max_depth).unwrap_or_default();
        if !(1..=1024).contains(&max_depth) {
            return Err(SpecError::Depth);
        }
        let detail = spec.detail.iter();
        let detail = detail.map(|rule| Ok((compile([&rule.glob])?, rule.detail)));
        Ok(Self {
            digest: digest(&spec),
            include: compile(&spec.include)?,
            exclude: compile(&spec.exclude)?,
            allow_secrets: compile(&spec.allow_secrets)?,
            detail: detail.collect::<Result<_, _>>()?,
            ignore_files: spec.ignore_files.into(),
            max_file_bytes: spec.max_file_bytes,
            max_depth,
        })
    }

    /// The digest of the specification and of the version of the rules for secrets: two with the
    /// same digest take the same of each tree.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How much of this file is shown.
    #[must_use]
    pub fn detail(&self, path: &RelPath) -> Detail {
        let rule = self
            .detail
            .iter()
            .find(|(globs, _)| globs.is_match(path.as_str()));
        rule.map_or(Detail::default(), |(_, detail)| *detail)
    }

    /// Why a directory is withheld, and all below it; none where it is not.
    pub(super) fn directory(&self, level: &Level, path: &str) -> Option<Reason> {
        let below = format!("{path}/");
        let matches = |globs: &GlobSet| globs.is_match(path) || globs.is_match(&below);
        if matches(&self.exclude) {
            return Some(Reason::Excluded);
        }
        let ignored = !matches(&self.include) && level.ignores(path, true);
        ignored.then_some(Reason::Ignored)
    }

    /// Why a file or link is withheld by its path; none where it is not.
    pub(super) fn file(&self, level: &Level, path: &str) -> Option<Reason> {
        if let Some(rule) = name_rule(path).filter(|_| self.secrets_count(path)) {
            let rule = rule.as_str().into();
            return Some(Reason::SecretName { rule });
        }
        if self.exclude.is_match(path) {
            return Some(Reason::Excluded);
        }
        if self.include.is_match(path) {
            return None;
        }
        if !self.include.is_empty() {
            return Some(Reason::Excluded);
        }
        level.ignores(path, false).then_some(Reason::Ignored)
    }

    /// Whether a secret in this file withholds it.
    pub(super) fn secrets_count(&self, path: &str) -> bool {
        self.allow_secrets.is_empty() || !self.allow_secrets.is_match(path)
    }

    /// The names of the files that say what to ignore, in the order in which they count.
    pub(super) fn ignore_files(&self) -> &[String] {
        &self.ignore_files
    }

    pub(super) fn max_file_bytes(&self) -> u64 {
        self.max_file_bytes
    }

    pub(super) fn max_depth(&self) -> usize {
        self.max_depth
    }
}

/// Of the fields in the order of the struct, each as JSON, which has one form for these types.
fn digest(spec: &Spec) -> Digest {
    let mut canonical = format!("mcpo2 ingest spec v1, secrets v{}\n", secret::VERSION);
    // A struct of texts and numbers is always written.
    canonical.push_str(&serde_json::to_string(spec).unwrap_or_default());
    Digest::of(canonical.as_bytes())
}

fn compile<'a>(globs: impl IntoIterator<Item = &'a String>) -> Result<GlobSet, SpecError> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let inner = glob.strip_prefix('/').unwrap_or(glob).trim_end_matches('/');
        if inner.is_empty() || inner.split('/').any(|part| part == "..") {
            return Err(SpecError::Nowhere { glob: glob.clone() });
        }
        let anywhere = !glob.trim_end_matches('/').contains('/');
        let start = if anywhere { "**/" } else { "" };
        for end in ["", "/**"] {
            let text = format!("{start}{inner}{end}");
            let built = GlobBuilder::new(&text).literal_separator(true).build();
            let built = built.map_err(|source| SpecError::Glob {
                glob: glob.clone(),
                source,
            });
            set.add(built?);
        }
    }
    set.build().map_err(|source| SpecError::Glob {
        glob: String::new(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(spec: serde_json::Value) -> Rules {
        serde_json::from_value::<Spec>(spec)
            .unwrap()
            .compile()
            .unwrap()
    }

    #[test]
    fn secrets_come_before_exclude_before_include_before_ignore_files() {
        let rules = rules(serde_json::json!({"include": ["a", "*.rs"], "exclude": ["*.snap"]}));
        let level = Level::root().below("", &[b"*.log\nb/\n".to_vec()]).unwrap();
        let reason = |path| rules.file(&level, path);
        assert!(matches!(reason("a/.env"), Some(Reason::SecretName { .. })));
        assert_eq!(reason("a/x.snap"), Some(Reason::Excluded));
        assert_eq!(reason("a/x.log"), None);
        assert_eq!(reason("b/x.rs"), None);
        assert_eq!(reason("x.txt"), Some(Reason::Excluded));
        assert_eq!(rules.directory(&level, "a"), None);
        assert_eq!(rules.directory(&level, "b"), Some(Reason::Ignored));
        assert_eq!(rules.directory(&level, "x.snap"), Some(Reason::Excluded));
    }

    #[test]
    fn the_order_of_globs_is_not_of_the_digest_and_their_text_is() {
        let one = rules(serde_json::json!({"exclude": ["a", "b", "a"]}));
        let two = rules(serde_json::json!({"exclude": ["b", "a"]}));
        let other = rules(serde_json::json!({"exclude": ["b"]}));
        assert_eq!(one.digest(), two.digest());
        assert_ne!(one.digest(), other.digest());
    }

    #[test]
    fn the_first_detail_that_matches_counts() {
        let rules = rules(serde_json::json!({"detail": [
            {"glob": "docs", "detail": "listing"}, {"glob": "*.md", "detail": "outline"},
        ]}));
        let detail = |path: &str| rules.detail(&path.parse().unwrap());
        assert_eq!(detail("docs/a.md"), Detail::Listing);
        assert_eq!(detail("a/b.md"), Detail::Outline);
        assert_eq!(detail("a/b.rs"), Detail::Full);
    }

    #[test]
    fn a_spec_that_means_nothing_is_refused() {
        for spec in [
            serde_json::json!({"exclude": [""]}),
            serde_json::json!({"exclude": ["../a"]}),
            serde_json::json!({"include": ["a[" ]}),
            serde_json::json!({"ignore_files": ["a/b"]}),
            serde_json::json!({"max_depth": 0}),
        ] {
            let parsed: Spec = serde_json::from_value(spec.clone()).unwrap();
            assert!(parsed.compile().is_err(), "{spec}");
        }
        assert!(serde_json::from_str::<Spec>(r#"{"excludes": []}"#).is_err());
    }
}
