use base64::{Engine, engine::general_purpose::STANDARD};
use mcpo2_core::Passed;

use super::config::{Form, Rule};
use crate::{Artifacts, Error, Excerpt, Reader, View, excerpt::Kind};

/// What stands in place of one reference, and what is recorded of it.
pub(super) struct Given {
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
        let excerpt = artifacts.take(reader, uri, most).await?;
        let text = text(rule.form, &excerpt);
        let text = text.ok_or_else(|| Error::unsupported("argument is no text"))?;
        let passed = Passed {
            digest: excerpt.digest,
            range: (excerpt.range.start, excerpt.range.end),
            form: rule.form.as_str().into(),
        };
        Ok(Self { text, passed })
    }

    /// How many bytes the module is given.
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
    })
}
