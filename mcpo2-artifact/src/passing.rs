//! References in the arguments of tools become what they name, before the module hears of the call.

mod config;
mod given;
mod layer;
mod service;
mod splice;

pub use config::{Form, PassConfig};
pub use layer::ReferenceLayer;
pub use service::ReferenceService;

use std::{collections::BTreeMap, fmt};

use mcpo2_core::{Error, ErrorKind, Fact, Method, ModuleId, Routed, Trail};

use self::{config::Rule, given::Given, splice::Place};
use crate::{Artifacts, ConfigError, ErrorKind as Kind, Reader, token::Verb};

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
    /// [`ConfigError::Glob`] names the first glob that is none, [`ConfigError::Bound`] a time that is
    /// none.
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
        if self.places.len() > MOST {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "too many references in one call",
            ));
        }
        let (mut left, mut texts, mut passed) = (self.rule.max_bytes, Vec::new(), Vec::new());
        for place in &self.places {
            let given = Given::of(artifacts, &self.reader, &self.rule, &place.uri, left).await;
            let given = given.map_err(|error| said(&routed, error))?;
            left = left.saturating_sub(given.bytes());
            texts.push(given.text);
            passed.push(given.passed);
        }
        for passed in passed {
            self.trail.record(Fact::Passed(passed));
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

/// What a caller is told of a reference whose call goes no further.
fn said(routed: &Routed, error: crate::Error) -> Error {
    let (kind, message) = match error.kind() {
        Kind::NotFound => {
            return Error::not_found(ErrorKind::NotFound, routed.call().request())
                .with_source(error);
        }
        Kind::TooLarge => (ErrorKind::TooLarge, "argument too large".to_owned()),
        Kind::Unsupported => (ErrorKind::InvalidParams, error.to_string()),
        _ => return error.into(),
    };
    Error::new(kind, message).with_source(error)
}

/// The tool, by the name that its caller knows.
fn caller_name(routed: &Routed) -> Box<str> {
    let item = routed.call().item();
    item.map_or("", |item| item.name()).into()
}
