use serde::Deserialize;

use crate::token::Verb;

/// A tool, and what it is asked.
#[derive(Debug)]
pub(crate) enum Tool {
    Read(Read),
    Search(Search),
    Outline(Outline),
}

/// The arguments of `artifact_read`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Read {
    uri: String,
    /// The first line, from one.
    #[serde(default)]
    pub(crate) from: Option<usize>,
    /// The last line, with it.
    #[serde(default)]
    pub(crate) to: Option<usize>,
}

/// The arguments of `artifact_search`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    uri: String,
    #[serde(default)]
    pub(crate) query: Option<String>,
    #[serde(default)]
    pub(crate) regex: Option<String>,
    /// Lines before and after each that is found.
    #[serde(default)]
    pub(crate) around: usize,
    /// In tokens.
    #[serde(default = "thousand")]
    pub(crate) budget: usize,
}

/// The arguments of `artifact_outline`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outline {
    uri: String,
}

fn thousand() -> usize {
    1000
}

impl Tool {
    /// The tool of this name with these arguments, JSON text; or what is wrong with them.
    pub(crate) fn parse(name: &str, arguments: &[u8]) -> Result<Self, String> {
        let tool = match name {
            "artifact_read" => serde_json::from_slice(arguments).map(Self::Read),
            "artifact_search" => serde_json::from_slice(arguments).map(Self::Search),
            "artifact_outline" => serde_json::from_slice(arguments).map(Self::Outline),
            _ => return Err("no such tool".to_owned()),
        };
        tool.map_err(|error| format!("not the arguments of {name}: {error}"))
    }

    /// What it does with what it is about.
    pub(crate) fn verb(&self) -> Verb {
        match self {
            Self::Read(_) | Self::Outline(_) => Verb::Read,
            Self::Search(_) => Verb::Search,
        }
    }

    pub(crate) fn uri(&self) -> &str {
        match self {
            Self::Read(Read { uri, .. }) => uri,
            Self::Search(Search { uri, .. }) => uri,
            Self::Outline(Outline { uri }) => uri,
        }
    }
}
