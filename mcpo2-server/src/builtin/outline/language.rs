use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

/// A language, as the name of a file tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Language {
    C,
    Css,
    Go,
    Html,
    Java,
    JavaScript,
    Json,
    Markdown,
    Python,
    Rust,
    Shell,
    Sql,
    Toml,
    TypeScript,
    Yaml,
}

impl Language {
    pub(super) fn of(name: &str) -> Option<Self> {
        let extension = Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "c" | "h" => Self::C,
            "css" => Self::Css,
            "go" => Self::Go,
            "html" | "htm" => Self::Html,
            "java" => Self::Java,
            "js" | "jsx" | "mjs" | "cjs" => Self::JavaScript,
            "json" => Self::Json,
            "md" | "markdown" => Self::Markdown,
            "py" | "pyi" => Self::Python,
            "rs" => Self::Rust,
            "sh" | "bash" => Self::Shell,
            "sql" => Self::Sql,
            "toml" => Self::Toml,
            "ts" | "tsx" | "mts" | "cts" => Self::TypeScript,
            "yaml" | "yml" => Self::Yaml,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_language() {
        for (name, language) in [
            ("main.rs", Some(Language::Rust)),
            ("App.TSX", Some(Language::TypeScript)),
            ("README.md", Some(Language::Markdown)),
            ("Makefile", None),
            (".gitignore", None),
        ] {
            assert_eq!(Language::of(name), language, "{name}");
        }
    }
}
