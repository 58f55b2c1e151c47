//! One message: which of its strings are looked through.

use std::{borrow::Cow, fmt};

use mcpo2_core::json::{Token, tokens, unescape};

use super::{config::BlobsConfig, text::Chosen};

/// Why what is to be blotted out of a message cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unredactable {
    /// There is no finder of that name.
    UnknownFinder,
    /// It is no JSON object, or holds a string of which nobody can tell what it says.
    Unreadable,
    /// It holds bytes, in which nobody can look for text.
    Blob,
}

impl fmt::Display for Unredactable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownFinder => "there is no such finder",
            Self::Unreadable => "the message cannot be read",
            Self::Blob => "the message holds bytes",
        })
    }
}

impl std::error::Error for Unredactable {}

/// The message with each string of its `result`, `error` or `params` blotted; none where nothing
/// is found. All other bytes stay, keys among them.
pub(super) fn redact(
    text: &str,
    chosen: &mut Chosen,
    blobs: BlobsConfig,
) -> Result<Option<String>, Unredactable> {
    let (mut out, mut kept) = (String::new(), 0);
    for raw in strings(text, blobs)? {
        let blotted = chosen.blot(raw).map_err(|_| Unredactable::Unreadable)?;
        let Some(blotted) = blotted else {
            continue;
        };
        let start = raw.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        out.push_str(text.get(kept..start).unwrap_or_default());
        out.push_str(&blotted);
        kept = start + raw.len();
    }
    if kept == 0 {
        return Ok(None);
    }
    out.push_str(text.get(kept..).unwrap_or_default());
    Ok(Some(out))
}

/// The strings that are looked through, each what stands between its quotes, in order. Bytes are
/// not among them, where they are allowed.
fn strings(text: &str, blobs: BlobsConfig) -> Result<Vec<&str>, Unredactable> {
    let (mut found, mut place) = (Vec::new(), Place::default());
    for token in tokens(text) {
        let token = token.map_err(|_| Unredactable::Unreadable)?;
        if let Token::Text(raw) = token
            && place.is_looked_through()
        {
            match place.key() {
                Some("blob") => place.bytes = Some(found.len()),
                Some("data") => place.note(|level| level.data = Some(found.len())),
                Some("mimeType") => place.note(|level| level.has_kind = true),
                _ => {}
            }
            found.push(raw);
        }
        place.pass(token)?;
        let bytes = place.take_bytes();
        if let Some(raw) = bytes.and_then(|at| found.get_mut(at)) {
            if blobs == BlobsConfig::Deny && !raw.is_empty() {
                return Err(Unredactable::Blob);
            }
            *raw = "";
        }
    }
    Ok(found)
}

/// Where in a message we are.
#[derive(Debug, Default)]
struct Place<'a> {
    /// What is open, outermost first.
    open: Vec<Level<'a>>,
    part: Part,
    /// Which of the strings so far turned out to be bytes.
    bytes: Option<usize>,
}

/// An object or array that is open.
#[derive(Debug, Default)]
struct Level<'a> {
    /// The key of what comes next; an array has none.
    key: Option<Cow<'a, str>>,
    /// Which of the strings so far is its `data`: of an image or a sound, if it has a `mimeType`.
    data: Option<usize>,
    has_kind: bool,
}

/// Which member of the message we are in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    /// One that says nothing of a module: `jsonrpc`, `id`, `method`.
    #[default]
    Frame,
    /// The result or error.
    Outcome,
    /// The parameters of what a module asks or tells.
    Params,
}

impl<'a> Place<'a> {
    fn pass(&mut self, token: Token<'a>) -> Result<(), Unredactable> {
        if self.open.is_empty() && token != Token::Object {
            return Err(Unredactable::Unreadable);
        }
        match token {
            Token::Object | Token::Array => self.open.push(Level::default()),
            Token::End => {
                self.open.pop();
            }
            Token::Key(raw) => {
                let key = unescape(raw).ok_or(Unredactable::Unreadable)?;
                if self.open.len() == 1 {
                    self.part = part(&key);
                }
                self.note(|level| level.key = Some(key));
            }
            Token::Text(_) | Token::Word(_) => {}
        }
        Ok(())
    }

    /// What is looked through: all that a module says, but for what names a request of ours.
    fn is_looked_through(&self) -> bool {
        match self.part {
            Part::Frame => false,
            Part::Outcome => true,
            Part::Params => {
                let names = matches!(self.key(), Some("progressToken" | "requestId"));
                !(self.open.len() == 2 && names)
            }
        }
    }

    /// Which of the strings so far is known to be bytes now, and was not before.
    fn take_bytes(&mut self) -> Option<usize> {
        let level = self.open.last_mut();
        let data = level.filter(|level| level.has_kind);
        self.bytes
            .take()
            .or_else(|| data.and_then(|level| level.data.take()))
    }

    fn note(&mut self, what: impl FnOnce(&mut Level<'a>)) {
        if let Some(level) = self.open.last_mut() {
            what(level);
        }
    }

    fn key(&self) -> Option<&str> {
        self.open.last()?.key.as_deref()
    }
}

fn part(key: &str) -> Part {
    match key {
        "jsonrpc" | "id" | "method" => Part::Frame,
        "params" => Part::Params,
        _ => Part::Outcome,
    }
}
