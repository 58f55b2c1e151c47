use std::{
    fmt,
    ops::Range,
    sync::{Arc, LazyLock},
};

use regex_automata::{
    Input,
    meta::{Config, Regex},
};
use regex_syntax::hir::Hir;

use super::{address, card};

/// What one expression may take when it is built, and what is kept of its automaton at once.
const SIZE: usize = 1 << 20;
const LONGEST: usize = 1024;

const EMAIL: &str = r"[\p{L}\p{N}._%+\-]+@[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+";
const PHONE: &str = r"\+[1-9](?:[ ().-]{0,2}[0-9]){6,14}";
/// Where a text holds JSON, `\n` may stand before what begins a word.
const SECRET: &str = concat!(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)",
    r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
    r"|gh[opusr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_\-]{20,}",
    r"|(?:(?-u:\b)|\\[nrt])sk-[A-Za-z0-9_\-]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}",
    r"|xox[abeoprs]-[A-Za-z0-9\-]{10,}",
    r"|eyJ[A-Za-z0-9_\-]{6,}\.[A-Za-z0-9_\-]{6,}(?:\.[A-Za-z0-9_\-]*)+",
    r"|mcpo2_[A-Za-z0-9.\-]{1,64}_[A-Za-z0-9]{49}",
);

/// The names of the finders that are always there.
pub(super) const BUILT_IN: [&str; 5] = ["card", "email", "ip", "phone", "secret"];

/// Those finders, built once: they are the same in each configuration.
pub(super) static ALWAYS: LazyLock<Result<[Arc<Finder>; 5], String>> = LazyLock::new(|| {
    let [card, email, ip, phone, secret] =
        BUILT_IN.map(|name| Finder::built_in(name).map(Arc::new));
    Ok([card?, email?, ip?, phone?, secret?])
});

/// Finds one kind of text.
pub(super) struct Finder {
    name: Box<str>,
    marker: Box<str>,
    looks: Looks,
}

enum Looks {
    For(Regex),
    Cards(Regex),
    Addresses { v4: Regex, v6: Regex },
}

impl Finder {
    /// The one of this name that is built in.
    fn built_in(name: &str) -> Result<Self, String> {
        let looks = match name {
            "card" => Looks::Cards(regex(card::RUN)?),
            "email" => Looks::For(regex(EMAIL)?),
            "phone" => Looks::For(regex(PHONE)?),
            "secret" => Looks::For(regex(SECRET)?),
            "ip" => Looks::Addresses {
                v4: regex(address::V4)?,
                v6: regex(address::V6)?,
            },
            _ => return Err("there is no such finder".into()),
        };
        Ok(Self::of(name, looks))
    }

    /// One that finds what this expression matches.
    pub(super) fn custom(name: &str, pattern: &str) -> Result<Self, String> {
        if pattern.len() > LONGEST {
            return Err(format!("the expression is longer than {LONGEST} bytes"));
        }
        let syntax = regex_syntax::parse(pattern).map_err(|error| error.to_string())?;
        if may_be_empty(&syntax) {
            return Err("the expression matches where there is nothing".into());
        }
        Ok(Self::of(name, Looks::For(regex(pattern)?)))
    }

    fn of(name: &str, looks: Looks) -> Self {
        let marker = format!("[redacted:{name}]").into();
        let name = name.into();
        Self {
            name,
            marker,
            looks,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What stands in the place of what it finds: no character of it is escaped in JSON.
    pub(super) fn marker(&self) -> &str {
        &self.marker
    }

    /// Where in the text it finds something, in order.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        match &self.looks {
            Looks::For(regex) => each(regex, text, |span| Ok(span.clone())),
            Looks::Cards(regex) => {
                let runs = regex.find_iter(text);
                runs.flat_map(|run| card::numbers(text, &run.range()))
                    .collect()
            }
            Looks::Addresses { v4, v6 } => {
                let mut found = each(v4, text, |span| address::v4(text, span));
                found.extend(each(v6, text, |span| address::v6(text, span)));
                found
            }
        }
    }
}

impl fmt::Debug for Finder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Finder").field(&self.name).finish()
    }
}

/// What is accepted of what the expression matches; or where, behind that, it goes on.
fn each(
    regex: &Regex,
    text: &str,
    accept: impl Fn(&Range<usize>) -> Result<Range<usize>, usize>,
) -> Vec<Range<usize>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(matched) = regex.find(Input::new(text).span(at..text.len())) {
        let span = matched.range();
        match accept(&span) {
            Ok(accepted) if !accepted.is_empty() => {
                at = accepted.end;
                found.push(accepted);
            }
            Ok(_) => at = next(text, span.start),
            // INVARIANT: what is asked for is ASCII up to there.
            Err(later) => at = later,
        }
        if at > text.len() {
            break;
        }
    }
    found
}

/// Where the character behind this one begins.
fn next(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.chars().next().map_or(1, char::len_utf8)
}

/// Whether no letter or digit touches it. `n` of `\n`, in a text that holds JSON, is none.
pub(super) fn stands_apart(text: &str, span: &Range<usize>) -> bool {
    let before = text.get(..span.start).unwrap_or_default();
    let after = text.get(span.end..).unwrap_or_default();
    let touches_after = after.starts_with(char::is_alphanumeric);
    let is_escape = || {
        let mut signs = before.chars().rev();
        matches!(signs.next(), Some('b' | 'f' | 'n' | 'r' | 't')) && signs.next() == Some('\\')
    };
    !touches_after && (!before.ends_with(char::is_alphanumeric) || is_escape())
}

fn may_be_empty(syntax: &Hir) -> bool {
    syntax.properties().minimum_len().is_none_or(|len| len == 0)
}

fn regex(pattern: &str) -> Result<Regex, String> {
    let config = Config::new()
        .nfa_size_limit(Some(SIZE))
        .hybrid_cache_capacity(SIZE)
        .onepass(false)
        .dfa(false);
    let built = Regex::builder().configure(config).build(pattern);
    built.map_err(|error| match error.size_limit() {
        Some(limit) => format!("the expression takes more than {limit} bytes"),
        None => error.to_string(),
    })
}
