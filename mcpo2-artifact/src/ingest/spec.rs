use serde::{Deserialize, Serialize};

use super::{Rules, SpecError};

/// What of a tree is taken: the configuration of an ingest.
///
/// What a file is withheld for is asked in this order: its name is one of secrets, [`exclude`],
/// [`include`], the ignore files of the tree, and at last what is in it. An ignore file withholds
/// what git tracks, too: a directory does not say what is tracked, and the root must be the same.
///
/// A glob without `/` holds at any depth, and one with `/` from the root; `*` and `?` do not match
/// `/`, `**` does. A glob that matches a directory holds for all below it.
///
/// ```
/// use mcpo2_artifact::ingest::Spec;
/// let spec: Spec = serde_json::from_str(r#"{"include": ["src", "*.md"], "exclude": ["*.snap"]}"#)?;
/// let rules = spec.compile()?;
/// assert_ne!(rules.digest(), Spec::default().compile()?.digest());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`exclude`]: Self::exclude
/// [`include`]: Self::include
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Spec {
    /// Globs of what is taken, even if an ignore file names it; none takes all.
    pub include: Vec<String>,
    /// Globs of what is withheld.
    pub exclude: Vec<String>,
    /// The names of files that say what to ignore, as `.gitignore` does; of two in one directory,
    /// the later has the last word.
    pub ignore_files: Vec<String>,
    /// Globs of files that hold no secret, whatever the rules find: keys made for tests.
    pub allow_secrets: Vec<String>,
    /// How much of which files is shown; the first that matches counts, and without one all of it.
    pub detail: Vec<DetailRule>,
    /// How long one file may be, in bytes.
    pub max_file_bytes: u64,
    /// How deep in the tree a file may be: the parts of its path.
    pub max_depth: u32,
}

/// How much of the files that a glob matches is shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DetailRule {
    /// The glob.
    pub glob: String,
    /// How much is shown.
    pub detail: Detail,
}

/// How much of a file is shown to one who selects from a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// Its text.
    #[default]
    Full,
    /// What it defines.
    Outline,
    /// That it is there.
    Listing,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            ignore_files: [".gitignore", ".ignore", ".mcpo2ignore"]
                .map(Into::into)
                .into(),
            allow_secrets: Vec::new(),
            detail: Vec::new(),
            max_file_bytes: 256 << 20,
            max_depth: 64,
        }
    }
}

impl Spec {
    /// Compiles the globs.
    ///
    /// # Errors
    ///
    /// [`SpecError`] says which glob, name or bound is none.
    pub fn compile(self) -> Result<Rules, SpecError> {
        Rules::new(self)
    }
}
