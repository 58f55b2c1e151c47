use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Excerpt, excerpt::Kind, respond::Members};

/// What a kept result says, as a reader wants it: its text, if it has nothing but text, and its
/// JSON otherwise.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) is_json: bool,
}

impl<'a> View<'a> {
    /// Of a part that is not the whole, the part as it is; none of what is no text.
    pub(crate) fn of(excerpt: &'a Excerpt) -> Option<Self> {
        let text = excerpt.text()?;
        let is_result = excerpt.is_whole() && excerpt.kind == Kind::Result;
        Some(match is_result.then(|| said(text)).flatten() {
            Some(text) => Self {
                is_json: is_json(&text),
                text: Cow::Owned(text),
            },
            None => Self {
                text: Cow::Borrowed(text),
                is_json: is_result || (excerpt.is_whole() && is_json(text)),
            },
        })
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines()
    }
}

/// A text that is a JSON object or array in itself, as many tools answer.
fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<&RawValue>(text).is_ok()
}

/// The text of a result all of whose content is text.
fn said(result: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Block<'a> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
        #[serde(borrow)]
        text: Option<Cow<'a, str>>,
    }
    let members: Members<'_> = serde_json::from_str(result).ok()?;
    let blocks: Vec<Block<'_>> = serde_json::from_str(members.get("content")?).ok()?;
    let texts: Option<Vec<_>> = (blocks.into_iter())
        .map(|block| block.text.filter(|_| block.kind == "text"))
        .collect();
    let texts = texts.filter(|texts| !texts.is_empty())?;
    Some(texts.join("\n"))
}
