/// What a file is written in, as far as its name and first line tell.
#[derive(
    serde::Serialize, serde::Deserialize, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
#[non_exhaustive]
pub enum Language {
    /// C, and headers that may be C++.
    C,
    /// C++.
    Cpp,
    /// C#.
    CSharp,
    /// CSS and its dialects.
    Css,
    /// A Dockerfile.
    Docker,
    /// Go.
    Go,
    /// HTML, XML and templates of them.
    Html,
    /// Java.
    Java,
    /// JavaScript, with JSX.
    JavaScript,
    /// JSON and its dialects.
    Json,
    /// Kotlin.
    Kotlin,
    /// Makefiles.
    Make,
    /// Markdown.
    Markdown,
    /// PHP.
    Php,
    /// Protocol buffers.
    Proto,
    /// Python.
    Python,
    /// reStructuredText.
    Rst,
    /// Ruby.
    Ruby,
    /// Rust.
    Rust,
    /// Scala.
    Scala,
    /// Shell scripts.
    Shell,
    /// SQL.
    Sql,
    /// Swift.
    Swift,
    /// TOML.
    Toml,
    /// TypeScript, with TSX.
    TypeScript,
    /// YAML.
    Yaml,
}

use Language as L;

/// Each language once, its name, and the endings of its files; the place in this table is its code.
const TABLE: &[(L, &str, &[&str])] = &[
    (L::C, "c", &["c", "h"]),
    (
        L::Cpp,
        "cpp",
        &[
            "cc", "cpp", "cxx", "hpp", "hh", "hxx", "inl", "cu", "m", "mm",
        ],
    ),
    (L::CSharp, "csharp", &["cs"]),
    (L::Css, "css", &["css", "scss", "less", "sass"]),
    (L::Docker, "dockerfile", &["dockerfile"]),
    (L::Go, "go", &["go"]),
    (
        L::Html,
        "html",
        &[
            "html", "htm", "xml", "xhtml", "svg", "vue", "svelte", "j2", "jinja",
        ],
    ),
    (L::Java, "java", &["java", "groovy", "gradle"]),
    (L::JavaScript, "javascript", &["js", "jsx", "mjs", "cjs"]),
    (
        L::Json,
        "json",
        &["json", "jsonc", "json5", "jsonl", "ipynb"],
    ),
    (L::Kotlin, "kotlin", &["kt", "kts"]),
    (L::Make, "make", &["mk", "mak"]),
    (L::Markdown, "markdown", &["md", "markdown", "mdx"]),
    (L::Php, "php", &["php"]),
    (L::Proto, "proto", &["proto"]),
    (L::Python, "python", &["py", "pyi", "pyx", "pyw"]),
    (L::Rst, "rst", &["rst"]),
    (L::Ruby, "ruby", &["rb", "rake", "gemspec", "erb"]),
    (L::Rust, "rust", &["rs"]),
    (L::Scala, "scala", &["scala", "sc"]),
    (
        L::Shell,
        "shell",
        &["sh", "bash", "zsh", "fish", "ps1", "nu", "elv"],
    ),
    (L::Sql, "sql", &["sql"]),
    (L::Swift, "swift", &["swift"]),
    (L::Toml, "toml", &["toml"]),
    (L::TypeScript, "typescript", &["ts", "tsx", "mts", "cts"]),
    (L::Yaml, "yaml", &["yaml", "yml"]),
];

/// Whole names that have no ending to go by.
const NAMES: &[(&str, L)] = &[
    ("dockerfile", L::Docker),
    ("containerfile", L::Docker),
    ("makefile", L::Make),
    ("gnumakefile", L::Make),
    ("justfile", L::Make),
    ("rakefile", L::Ruby),
    ("gemfile", L::Ruby),
    ("cargo.lock", L::Toml),
    ("build.bazel", L::Python),
    ("sconstruct", L::Python),
];

/// Interpreters of a first line `#!`.
const SHEBANGS: &[(&str, L)] = &[
    ("python", L::Python),
    ("node", L::JavaScript),
    ("deno", L::TypeScript),
    ("ruby", L::Ruby),
    ("php", L::Php),
    ("sh", L::Shell),
];

impl Language {
    /// The language of a file with this path and content; none where neither tells.
    #[must_use]
    pub fn detect(path: &str, bytes: &[u8]) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        Self::by_name(&name).or_else(|| Self::by_shebang(bytes))
    }

    /// Its name in lower case, as fenced code blocks want it.
    #[must_use]
    pub fn name(self) -> &'static str {
        let row = TABLE.iter().find(|row| row.0 == self);
        row.map_or("text", |row| row.1)
    }

    /// True for files that are read and not run: prose and data.
    pub(crate) fn is_code(self) -> bool {
        !matches!(
            self,
            L::Markdown | L::Rst | L::Json | L::Yaml | L::Toml | L::Html | L::Css
        )
    }

    pub(crate) fn code(self) -> u8 {
        let at = TABLE.iter().position(|row| row.0 == self);
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
    }

    pub(super) fn by_ending(ending: &str) -> Option<Self> {
        let row = TABLE.iter().find(|row| row.2.contains(&ending));
        row.map(|row| row.0)
    }

    fn by_name(name: &str) -> Option<Self> {
        if let Some(found) = NAMES.iter().find(|(whole, _)| *whole == name) {
            return Some(found.1);
        }
        let (stem, ending) = name.rsplit_once('.')?;
        if stem == "dockerfile" {
            return Some(L::Docker);
        }
        Self::by_ending(ending)
    }

    fn by_shebang(bytes: &[u8]) -> Option<Self> {
        let line = bytes.strip_prefix(b"#!")?.split(|b| *b == b'\n').next()?;
        let line = std::str::from_utf8(line.get(..line.len().min(200))?).ok()?;
        let (_, program) = line.trim().rsplit_once(['/', ' '])?;
        let program = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let found = SHEBANGS.iter().find(|(name, _)| program.ends_with(name));
        found.map(|found| found.1)
    }
}
