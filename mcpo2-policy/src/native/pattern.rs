use globset::GlobBuilder;

use super::{
    Located, Template, Truth,
    expression::{Expression, Expressions},
    path::{Anchor, has_percent_escape, scheme, with_lower_authority},
};

const MAX_LENGTH: usize = 1024;
const META: [char; 5] = ['*', '?', '[', '{', '\\'];

/// A glob over names, in which `*` stands for any text.
#[derive(Debug, Clone)]
pub(crate) struct NameGlob {
    source: Box<str>,
    text: Text,
    /// What stands before the first character with a meaning.
    literal: Box<str>,
}

impl NameGlob {
    pub(crate) fn new(glob: &str, expressions: &Expressions) -> Result<Self, String> {
        let (literal, _) = glob.split_at(glob.find(META).unwrap_or(glob.len()));
        Ok(Self {
            text: Text::name(glob, expressions)?,
            source: glob.into(),
            literal: literal.into(),
        })
    }

    /// As it is written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        self.text.matches(name)
    }

    /// The texts between which any text may stand, where it has no other meaning.
    pub(crate) fn parts(&self) -> Option<Vec<Box<str>>> {
        match &self.text {
            Text::Exact(exact) => Some(vec![exact.clone()]),
            Text::Stars(parts) => Some(parts.clone()),
            Text::Tree(_) | Text::Glob(_) => None,
        }
    }

    /// Whether its literal says all: what begins like it, or holds it, matches.
    pub(crate) fn is_its_literal(&self) -> bool {
        match &self.text {
            Text::Exact(_) => true,
            Text::Stars(parts) => match parts.as_slice() {
                [_, last] => last.is_empty(),
                [first, _, last] => first.is_empty() && last.is_empty(),
                _ => false,
            },
            Text::Tree(_) | Text::Glob(_) => false,
        }
    }

    pub(crate) fn literal(&self) -> Literal<'_> {
        match &self.text {
            Text::Exact(_) => Literal::Whole(&self.literal),
            _ if !self.literal.is_empty() => Literal::Prefix(&self.literal),
            Text::Stars(parts) => match parts.iter().max_by_key(|part| part.len()) {
                Some(part) if !part.is_empty() => Literal::Within(part),
                _ => Literal::Any,
            },
            Text::Tree(_) | Text::Glob(_) => Literal::Any,
        }
    }
}

/// What is known of the names that a glob matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Literal<'a> {
    /// There is one.
    Whole(&'a str),
    /// They begin like this.
    Prefix(&'a str),
    /// They hold this.
    Within(&'a str),
    /// Nothing.
    Any,
}

/// A glob over normalised paths and URIs, in which `*` stops at `/` and `**` does not.
#[derive(Debug)]
pub(crate) struct PathGlob {
    text: Text,
    /// Where it begins; none where it begins with `**`, and so anywhere.
    anchor: Option<Anchor>,
    /// What stands before the first character with a meaning, and what follows.
    literal: Box<str>,
    rest: Box<str>,
}

/// A glob that is one path, or a tree, whose last `/` is part of the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlainPath<'g> {
    pub(crate) text: &'g str,
    pub(crate) is_tree: bool,
    pub(crate) anchor: Anchor,
}

impl PathGlob {
    /// The same, where it is one path or a tree.
    pub(crate) fn plain(&self) -> Option<PlainPath<'_>> {
        let (text, is_tree) = match &self.text {
            Text::Exact(text) => (text, false),
            Text::Tree(text) => (text, true),
            Text::Stars(_) | Text::Glob(_) => return None,
        };
        let anchor = self.anchor?;
        Some(PlainPath {
            text,
            is_tree,
            anchor,
        })
    }

    /// A glob over the paths and URLs that arguments name.
    pub(crate) fn for_arguments(glob: &str, expressions: &Expressions) -> Result<Self, String> {
        // Of a group the first alternative tells where it begins.
        let first = glob.trim_start_matches('{');
        let anchor = if first.starts_with("**") {
            None
        } else if first.starts_with('/') {
            Some(Anchor::Root)
        } else if scheme(first).is_some_and(|(_, rest)| rest.starts_with("//")) {
            Some(Anchor::Scheme)
        } else {
            Some(Anchor::Unknown)
        };
        Self::new(glob, anchor, expressions)
    }

    /// A glob over the URIs of resources.
    pub(crate) fn for_resources(glob: &str, expressions: &Expressions) -> Result<Self, String> {
        if !glob.starts_with(META) && scheme(glob).is_none() {
            return Err("begins with no scheme, such as `file:`, and so matches no URI".into());
        }
        let lower = with_lower_authority(glob);
        if lower.starts_with("file:") && !lower.starts_with("file:///") {
            return Err("matches nothing: file URIs begin with `file:///`".into());
        }
        Self::new(glob, Some(Anchor::Scheme), expressions)
    }

    fn new(glob: &str, anchor: Option<Anchor>, expressions: &Expressions) -> Result<Self, String> {
        let glob = match anchor {
            _ if glob.len() > MAX_LENGTH => return Err(format!("has 1 to {MAX_LENGTH} bytes")),
            Some(Anchor::Scheme) if !glob.contains(META) => match Located::uri(glob) {
                Some(located) => located.text,
                None => return Err("is a URI that has no single reading".into()),
            },
            Some(Anchor::Scheme) => with_lower_authority(glob),
            _ => glob.to_owned(),
        };
        if let Some(reason) = never_matches(&glob) {
            return Err(reason.into());
        }
        let text = Text::path(&glob, expressions)?;
        let (literal, rest) = glob.split_at(glob.find(META).unwrap_or(glob.len()));
        let (literal, rest) = (literal.into(), rest.into());
        Ok(Self {
            text,
            anchor,
            literal,
            rest,
        })
    }

    /// Whether it matches. Unknown where the two begin at different places, where a query or
    /// fragment decides, and of the root of a tree that is named by its content (`/etc/**`).
    pub(crate) fn matches(&self, located: &Located) -> Truth {
        let whole = self.matches_text(&located.text);
        let bare = located.bare.as_deref().map(|bare| self.matches_text(bare));
        match (whole, bare) {
            (whole, Some(bare)) if whole != bare => Truth::Unknown,
            (Truth::False, _) if self.anchor.is_some_and(|a| a != located.anchor) => Truth::Unknown,
            (whole, _) => whole,
        }
    }

    /// Whether it matches what a template can become.
    pub(crate) fn matches_template(&self, template: &Template) -> Truth {
        let prefix = template.prefix.as_str();
        let within = prefix.starts_with(&*self.literal);
        match &*self.rest {
            "**" if within => Truth::True,
            "" => Truth::of(self.literal.starts_with(prefix)).but_open(),
            _ => Truth::of(within || self.literal.starts_with(prefix)).but_open(),
        }
    }

    fn matches_text(&self, text: &str) -> Truth {
        if self.text.matches(text) {
            Truth::True
        } else if self.text.matches_with_slash(text) {
            Truth::Unknown
        } else {
            Truth::False
        }
    }
}

impl Truth {
    fn but_open(self) -> Self {
        match self {
            Self::True => Self::Open,
            other => other,
        }
    }
}

/// Why no normalised text matches, if none does: a rule that looks as if it protected something
/// would protect nothing.
fn never_matches(glob: &str) -> Option<&'static str> {
    let path = glob.split_once("://").map_or(glob, |(_, path)| path);
    let path = path.strip_prefix('/').unwrap_or(path);
    if glob != "/" && path.split('/').any(|s| matches!(s, "" | "." | "..")) && !path.is_empty() {
        return Some(
            "matches nothing: paths are compared without `.`, `..`, `//` and a `/` at the end",
        );
    }
    has_percent_escape(glob).then_some("matches nothing: it is compared without percent-encoding")
}

#[derive(Debug, Clone)]
enum Text {
    Exact(Box<str>),
    /// What stands between stars, each of which stands for any text.
    Stars(Vec<Box<str>>),
    /// What stands before any text, its last `/` included.
    Tree(Box<str>),
    Glob(Expression),
}

impl Text {
    /// A glob over names. Most have only stars, and need no automaton.
    fn name(glob: &str, expressions: &Expressions) -> Result<Self, String> {
        let plain = !glob.contains(|letter| letter != '*' && META.contains(&letter));
        if plain && glob.contains('*') && glob.len() <= MAX_LENGTH && !glob.contains("**") {
            return Ok(Self::Stars(glob.split('*').map(Into::into).collect()));
        }
        Self::new(glob, false, expressions)
    }

    /// A glob over paths. Most are one path, or a tree.
    fn path(glob: &str, expressions: &Expressions) -> Result<Self, String> {
        let tree = glob.strip_suffix("**").filter(|tree| tree.ends_with('/'));
        match tree.filter(|tree| !tree.contains(META) && glob.len() <= MAX_LENGTH) {
            Some(tree) => Ok(Self::Tree(tree.into())),
            None => Self::new(glob, true, expressions),
        }
    }

    fn new(glob: &str, literal_separator: bool, expressions: &Expressions) -> Result<Self, String> {
        if glob.is_empty() || glob.len() > MAX_LENGTH {
            return Err(format!("has 1 to {MAX_LENGTH} bytes"));
        }
        if !glob.contains(META) {
            return Ok(Self::Exact(glob.into()));
        }
        let glob = GlobBuilder::new(glob)
            .literal_separator(literal_separator)
            .backslash_escape(true)
            .build()
            .map_err(|error| error.kind().to_string())?;
        // globset's own matcher panics where the pattern grows too large, and sets no tight limit.
        let expression = expressions.glob(glob.regex());
        expression
            .map(Self::Glob)
            .map_err(|_| "is too large".into())
    }

    /// Whether it matches this with a `/` behind it, and not without.
    fn matches_with_slash(&self, text: &str) -> bool {
        match self {
            Self::Exact(whole) | Self::Tree(whole) => whole.strip_suffix('/') == Some(text),
            Self::Stars(_) | Self::Glob(_) => self.matches(&format!("{text}/")),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => **exact == *text,
            Self::Stars(parts) => stars(parts, text),
            Self::Tree(tree) => text.starts_with(&**tree),
            Self::Glob(expression) => expression.matches(text),
        }
    }
}

/// Whether a text is these parts in order, with any text between them.
fn stars(parts: &[Box<str>], text: &str) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return text.is_empty();
    };
    let Some((last, middle)) = rest.split_last() else {
        return **first == *text;
    };
    let Some(mut text) = text.strip_prefix(&**first) else {
        return false;
    };
    for part in middle {
        // The first place leaves most for the others.
        match text.split_once(&**part) {
            Some((_, behind)) => text = behind,
            None => return false,
        }
    }
    text.ends_with(&**last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of which some together are no expression.
    const PARTS: &[&str] = &[
        ".*", "a", "ä", "[^a]", "a|", "(b|)", r"\b", "^", "$", "a{2}", "b+", "(?i:ä)", "(", ")",
    ];

    proptest! {
        #[test]
        fn stars_match_as_globs_do(glob in "[ab/ä]{0,3}(\\*[ab/\nä]{0,2}){1,4}", text in "[ab/\nä]{0,9}") {
            prop_assume!(!glob.contains("**"));
            let expressions = Expressions::default();
            let stars = Text::name(&glob, &expressions).unwrap();
            prop_assert!(matches!(stars, Text::Stars(_)));
            let regex = Text::new(&glob, false, &expressions).unwrap();
            prop_assert!(matches!(regex, Text::Glob(_)));
            prop_assert_eq!(stars.matches(&text), regex.matches(&text));
        }

        #[test]
        fn trees_match_as_globs_do(tree in "[ab/ä\n.:]{0,6}/", text in "[ab/ä\n.:]{0,9}") {
            let glob = format!("{tree}**");
            let expressions = Expressions::default();
            let plain = Text::path(&glob, &expressions).unwrap();
            prop_assert!(matches!(plain, Text::Tree(_)));
            let regex = Text::new(&glob, true, &expressions).unwrap();
            prop_assert!(matches!(regex, Text::Glob(_)));
            for text in [&text, &format!("{tree}{text}"), &tree] {
                prop_assert_eq!(plain.matches(text), regex.matches(text), "{:?}", text);
            }
        }

        // The reference is `regex` itself, which builds all its automata.
        #[test]
        fn expressions_match_as_those_of_regex_do(
            parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..6),
            texts in proptest::collection::vec("[aAbäÄ\n]{0,6}", 1..5),
        ) {
            let (pattern, expressions) = (parts.concat(), Expressions::default());
            let whole = expressions.whole(&pattern);
            let reference = regex::Regex::new(&pattern)
                .and_then(|_| regex::Regex::new(&format!(r"\A(?:{pattern})\z")));
            match (whole, reference) {
                (Ok(whole), Ok(reference)) => for text in texts {
                    prop_assert_eq!(whole.matches(&text), reference.is_match(&text), "{:?}", text);
                },
                (whole, reference) => prop_assert!(whole.is_err() && reference.is_err()),
            }
        }
    }
}
