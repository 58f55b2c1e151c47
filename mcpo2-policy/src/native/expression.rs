//! Regular expressions of one policy: each distinct one is built once, and with no more than it
//! takes to say whether it matches.

use std::{
    cell::RefCell,
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::Arc,
};

use regex_automata::{
    meta::{BuildError, Config, Regex},
    util::syntax,
};

use super::needed::Needed;

/// What one expression may take when it is built, and what is kept of its automaton at once.
const SIZE: usize = 1 << 20;

/// A regular expression. It takes time linear in the text, whatever it is.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    regex: Regex,
    /// What a long text is looked through for first.
    needed: Option<Arc<Needed>>,
}

impl Expression {
    /// Whether it matches somewhere in the text; anchors in it say where.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let needed = self.needed.as_ref();
        needed.is_none_or(|needed| needed.may_be_in(text)) && self.regex.is_match(text)
    }
}

/// The expressions that were built so far, by what they say: many rules say the same.
#[derive(Default)]
pub(crate) struct Expressions {
    whole: RefCell<HashMap<Box<str>, Expression>>,
    globs: RefCell<HashMap<Box<str>, Expression>>,
}

impl Expressions {
    /// The expression that matches a text which this one matches as a whole.
    pub(crate) fn whole(&self, pattern: &str) -> Result<Expression, Refused> {
        built(&self.whole, pattern, || {
            // Alone first: `a)|(?:b` is no expression, but would become one between the anchors.
            syntax::parse(pattern).map_err(|error| Refused(error.to_string()))?;
            let syntax = syntax::Config::new();
            let regex = build(&format!(r"\A(?:{pattern})\z"), syntax)?;
            let needed = Some(Arc::new(Needed::by(pattern)));
            Ok(Expression { regex, needed })
        })
    }

    /// The expression that a glob is.
    pub(crate) fn glob(&self, regex: &str) -> Result<Expression, Refused> {
        built(&self.globs, regex, || {
            let syntax = syntax::Config::new().utf8(false);
            let regex = build(regex, syntax.dot_matches_new_line(true))?;
            Ok(Expression {
                regex,
                needed: None,
            })
        })
    }
}

/// Why something is no expression, or none that is built.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<BuildError> for Refused {
    fn from(error: BuildError) -> Self {
        Self(match (error.size_limit(), error.syntax_error()) {
            (Some(limit), _) => format!("Compiled regex exceeds size limit of {limit} bytes."),
            (None, Some(error)) => error.to_string(),
            (None, None) => error.to_string(),
        })
    }
}

fn built(
    known: &RefCell<HashMap<Box<str>, Expression>>,
    pattern: &str,
    build: impl FnOnce() -> Result<Expression, Refused>,
) -> Result<Expression, Refused> {
    Ok(match known.borrow_mut().entry(pattern.into()) {
        Entry::Occupied(known) => known.get().clone(),
        Entry::Vacant(new) => new.insert(build()?).clone(),
    })
}

/// Without the automata that are built whole: they take longest to build, and only say sooner
/// what the others say.
fn build(pattern: &str, syntax: syntax::Config) -> Result<Regex, Refused> {
    let config = Config::new()
        .nfa_size_limit(Some(SIZE))
        .hybrid_cache_capacity(SIZE)
        .onepass(false)
        .dfa(false);
    let mut builder = Regex::builder();
    Ok(builder.configure(config).syntax(syntax).build(pattern)?)
}
