//! References in the arguments of tools become what they name, before the module hears of the call.

mod config;
mod layer;
mod service;
mod splice;

pub use config::{Form, PassConfig};
pub use layer::ReferenceLayer;
pub use service::ReferenceService;

use std::{collections::BTreeMap, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use mcpo2_core::{Error, ErrorKind, Fact, Method, ModuleId, Passed, Routed, Trail};

use self::{config::Rule, splice::Place};
use crate::{
    Artifacts, ConfigError, ErrorKind as Kind, Excerpt, Reader, View, excerpt::Kind as ExcerptKind,
    token::Verb,
};

/// How many references one call may pass.
const MOST: usize = 16;

/// Which modules are given what references name, and how.
///
/// A module that is not named here is given the reference itself, which tells it nothing and which
/// it cannot read.
///
/// ```
/// use mcpo2_artifact::{PassConfig, Passing};
/// let config: PassConfig = serde_json::from_str(r#"{"tools": ["convert*"], "as": "text"}"#)?;
/// let passing = Passing::default().with("converter".parse()?, config)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Passing {
    rules: BTreeMap<ModuleId, Rule>,
}

impl Passing {
    /// Gives this module what references name, by this configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Glob`] names the first glob that is none.
    pub fn with(mut self, module: ModuleId, config: PassConfig) -> Result<Self, ConfigError> {
        self.rules.insert(module, config.compile()?);
        Ok(self)
    }

    /// The call with what is to be put into its arguments, if something is.
    fn wanted(&self, routed: &Routed) -> Option<Wanted> {
        let facts = routed.target().facts()?;
        let rule = self.rules.get(facts.module())?;
        let tool = routed.request().item()?;
        if *routed.call().method() != Method::ToolsCall || !rule.tools.is_match(tool.name()) {
            return None;
        }
        let places = splice::places(routed.request().arguments()?)?;
        Some(Wanted {
            rule: rule.clone(),
            places,
            reader: Reader::routed(routed, Verb::PassToTool(caller_name(routed))),
            trail: routed.call().trail().clone(),
        })
    }
}

/// What is to be put into the arguments of one call.
struct Wanted {
    rule: Rule,
    places: Vec<Place>,
    reader: Reader,
    trail: Trail,
}

impl Wanted {
    /// The call with everything in its place. All bytes beside stay as they are.
    async fn put(self, artifacts: &Artifacts, routed: Routed) -> Result<Routed, Error> {
        let not_found = || Error::not_found(ErrorKind::NotFound, routed.call().request());
        if self.places.len() > MOST {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "too many references in one call",
            ));
        }
        let (mut left, mut texts) = (self.rule.max_bytes, Vec::new());
        for place in &self.places {
            let excerpt = match artifacts.take(&self.reader, &place.uri, left).await {
                Ok(excerpt) => excerpt,
                Err(error) if error.kind() == Kind::NotFound => {
                    return Err(not_found().with_source(error));
                }
                Err(error) if error.kind() == Kind::TooLarge => {
                    let error =
                        Error::new(ErrorKind::TooLarge, "argument too large").with_source(error);
                    return Err(error);
                }
                Err(error) => return Err(error.into()),
            };
            left = left.saturating_sub(excerpt.range.end - excerpt.range.start);
            self.trail.record(Fact::Passed(Passed {
                digest: excerpt.digest,
                range: (excerpt.range.start, excerpt.range.end),
            }));
            texts.push(text(self.rule.form, &excerpt)?);
        }
        Ok(routed.map_request(|request| {
            let arguments = request.arguments().unwrap_or_default();
            match splice::put(arguments, &self.places, &texts) {
                Some(arguments) => request.with_arguments(&arguments),
                None => request.clone(),
            }
        }))
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted").finish_non_exhaustive()
    }
}

/// What stands in place of a reference.
fn text(form: Form, excerpt: &Excerpt) -> Result<String, Error> {
    let none = || Error::new(ErrorKind::InvalidParams, "argument is no text");
    Ok(match form {
        Form::Text => View::of(excerpt).ok_or_else(none)?.text.into_owned(),
        Form::Json => excerpt.text().ok_or_else(none)?.to_owned(),
        Form::DataUri => {
            let media = match excerpt.kind {
                // Its type is that of the whole also where a part is passed.
                ExcerptKind::Result => "application/json",
                _ => excerpt.media_type(),
            };
            format!("data:{media};base64,{}", STANDARD.encode(&excerpt.bytes))
        }
    })
}

/// The tool, by the name that its caller knows.
fn caller_name(routed: &Routed) -> Box<str> {
    let item = routed.call().item();
    item.map_or("", |item| item.name()).into()
}
