use std::ops::Range;

use base64::{Engine, engine::general_purpose::STANDARD};
use mcpo2_core::{Digest, Passed};

use super::config::{Form, Rule};
use crate::{Artifacts, Error, Excerpt, Reader, View, excerpt::Kind};

/// What stands in place of one reference, and what is recorded of it.
pub(super) struct Given {
    /// INVARIANT: it may be a URL, which nobody but the module gets to know.
    pub(super) text: String,
    pub(super) passed: Passed,
}

impl Given {
    /// What this reference names, in the form of the rule and of `most` bytes at most.
    pub(super) async fn of(
        artifacts: &Artifacts,
        reader: &Reader,
        rule: &Rule,
        uri: &str,
        most: u64,
    ) -> Result<Self, Error> {
        if rule.form == Form::Url {
            let blob = artifacts.url(reader, uri, most, rule.valid).await?;
            return Ok(Self::new(rule, blob.url, blob.digest, 0..blob.size));
        }
        let excerpt = artifacts.take(reader, uri, most).await?;
        let text = text(rule.form, &excerpt);
        let text = text.ok_or_else(|| Error::unsupported("argument is no text"))?;
        Ok(Self::new(rule, text, excerpt.digest, excerpt.range))
    }

    fn new(rule: &Rule, text: String, digest: Digest, range: Range<u64>) -> Self {
        let passed = Passed {
            digest,
            range: (range.start, range.end),
            form: rule.form.as_str().into(),
        };
        Self { text, passed }
    }

    /// How many bytes the module is given, or reads.
    pub(super) fn bytes(&self) -> u64 {
        let (from, to) = self.passed.range;
        to.saturating_sub(from)
    }
}

/// A part as it is written into the arguments; none where it is no text and would have to be.
fn text(form: Form, excerpt: &Excerpt) -> Option<String> {
    Some(match form {
        Form::Text => View::of(excerpt)?.text.into_owned(),
        Form::Json => excerpt.text()?.to_owned(),
        Form::DataUri => {
            let media = match excerpt.kind {
                // Its type is that of the whole also where a part is passed.
                Kind::Result => "application/json",
                _ => excerpt.media_type(),
            };
            format!("data:{media};base64,{}", STANDARD.encode(&excerpt.bytes))
        }
        // That is no text of a part.
        Form::Url => return None,
    })
}
