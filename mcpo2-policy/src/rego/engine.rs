use std::{
    fmt,
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use mcpo2_core::Digest;
use regorus::{
    Engine as Interpreter, PolicyLengthConfig, Value, utils::limits::ExecutionTimerConfig,
};

use super::{RegoBundle, RegoError, RegoErrorKind, source::MAX_BYTES};
use crate::{
    Engine, Input, Query, Verdict, Visibility,
    answer::{self, Answer, Shown},
    join,
    native::gate,
};

const ENTRY_POINT: &str = "data.mcpo2.policy.decision";
const TIME_LIMIT: Duration = Duration::from_millis(100);
/// How long a module may be: what is generated has long lines, and many.
const LENGTHS: PolicyLengthConfig = PolicyLengthConfig {
    max_col: NonZeroU32::new(1 << 24).unwrap(),
    max_file_bytes: NonZeroUsize::new(MAX_BYTES).unwrap(),
    max_lines: NonZeroUsize::new(1 << 22).unwrap(),
};
/// After how many steps the clock is read.
const STEPS: NonZeroU32 = NonZeroU32::new(64).unwrap();

/// Decides by policies in Rego.
///
/// The policy sees the document of an [`Input`] and answers a truth value or an object:
/// `{"allow": bool, "approve": group, "rules": [ids], "reason": text, "public_code": word,
/// "obligations": {…}, "visible": "denied" | "depends_on_arguments" | "allowed"}`, of which only
/// `allow` is needed. `approve` and `obligations` may be lists, which are joined. A policy that is
/// undefined, or that denies without a rule, reason or code, says nothing: then nothing but the
/// protocol's own methods passes. An answer that has another member, a reserved rule or an unknown
/// obligation denies by `sys:eval-error`, as do errors and what takes longer than the limit.
///
/// So do arguments with a number that no double holds (`1e400`): this interpreter has none for it.
///
/// What the platform itself denies (a module of other tenants or not in service, a URI without a
/// single reading) is denied before the policy is asked.
///
/// In a list, the policy is asked with `context.listed` true and may answer `visible`; where it
/// says nothing of that, the item is shown.
///
/// Of OPA's built-in functions those are there that need neither the clock, nor the network, nor
/// chance: numbers, texts, `regex`, `glob`, lists, sets, objects and JSON. A call of another is an
/// error where it is evaluated, which denies; only what an empty document reaches is found at load.
///
/// ```
/// use mcpo2_core::{AuthMethod, Effect, Item, ItemKind, Method, Principal};
/// use mcpo2_policy::{Engine, Query, RegoBundle, RegoEngine};
///
/// let engine = RegoEngine::new(&RegoBundle::from_modules([("policy.rego", r#"
///     package mcpo2.policy
///
///     decision := {"allow": true, "rules": ["reads"]} if {
///         input.action == "tools/call"
///         startswith(input.facts["/path"].path, "/srv/")
///     }
/// "#)]))?;
/// let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
/// let tool = Item::new(ItemKind::Tool, "files__read");
/// let effect = |arguments: &[u8]| {
///     let query = Query::new(&Method::ToolsCall, Some(&tool), &ada).with_arguments(arguments);
///     engine.decide(&query).decided().effect
/// };
/// assert_eq!(effect(br#"{"path": "/srv/a"}"#), Effect::Allow);
/// assert_eq!(effect(br#"{"path": "/srv/../etc/passwd"}"#), Effect::Deny);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RegoEngine {
    // It is prepared, and cloned for each question: what it holds is shared.
    interpreter: Interpreter,
    entry_point: Box<str>,
    digest: Digest,
}

/// How policies in Rego are read and asked.
///
/// ```
/// use std::time::Duration;
/// use mcpo2_policy::{RegoOptions, RegoSyntax};
///
/// let options = RegoOptions::default()
///     .with_entry_point("data.acme.authz.decision")
///     .with_syntax(RegoSyntax::V0)
///     .with_time_limit(Duration::from_millis(20));
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct RegoOptions {
    entry_point: Box<str>,
    syntax: Option<RegoSyntax>,
    time_limit: Duration,
}

/// The version of Rego.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RegoSyntax {
    /// That of OPA before 1.0, without `if` and `contains`.
    V0,
    /// That of OPA 1.0.
    V1,
}

impl Default for RegoOptions {
    fn default() -> Self {
        Self {
            entry_point: ENTRY_POINT.into(),
            syntax: None,
            time_limit: TIME_LIMIT,
        }
    }
}

impl RegoOptions {
    /// The same, where this rule decides; without it, `data.mcpo2.policy.decision`.
    #[must_use]
    pub fn with_entry_point(mut self, rule: impl Into<Box<str>>) -> Self {
        self.entry_point = rule.into();
        self
    }

    /// The same, in this syntax; without it, that of the bundle's manifest, or else of OPA 1.0.
    #[must_use]
    pub fn with_syntax(mut self, syntax: RegoSyntax) -> Self {
        self.syntax = Some(syntax);
        self
    }

    /// The same, where one question may take so long; without it, 100 ms.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }
}

impl RegoEngine {
    /// An engine of this bundle.
    ///
    /// # Errors
    ///
    /// [`RegoError`] where the bundle does not compile or has no entry point.
    pub fn new(bundle: &RegoBundle) -> Result<Self, RegoError> {
        Self::with_options(bundle, &RegoOptions::default())
    }

    /// The same, with these options.
    ///
    /// # Errors
    ///
    /// As [`RegoEngine::new`].
    pub fn with_options(bundle: &RegoBundle, options: &RegoOptions) -> Result<Self, RegoError> {
        let wrong = |error: &dyn fmt::Display| RegoError::new(RegoErrorKind::Compile, error);
        let syntax = options.syntax.or(bundle.syntax()).unwrap_or(RegoSyntax::V1);
        let entry_point = options.entry_point.clone();
        answer::rule(&entry_point).map_err(|error| wrong(&error))?;
        let mut interpreter = Interpreter::new();
        interpreter.set_rego_v0(syntax == RegoSyntax::V0);
        interpreter.set_strict_builtin_errors(true);
        interpreter.set_policy_length_config(LENGTHS);
        for (name, text) in bundle.modules() {
            let added = interpreter.add_policy(name.to_owned(), text.to_owned());
            added.map_err(|error| RegoError::compile(&error))?;
        }
        let data = Value::from_json_str(&bundle.data()).and_then(|data| interpreter.add_data(data));
        data.map_err(|error| wrong(&error))?;
        // It prepares the engine, and says whether there is an entry point.
        let compiled = interpreter.compile_with_entrypoint(&(*entry_point).into());
        compiled.map_err(|error| RegoError::compile(&error))?;
        interpreter.set_execution_timer_config(ExecutionTimerConfig {
            limit: options.time_limit,
            check_interval: STEPS,
        });
        let engine = Self {
            interpreter,
            digest: bundle.digest(&format!("{syntax:?} {entry_point}")),
            entry_point,
        };
        // Where no rule or function has a name, only asking tells.
        let missing = ["not a valid rule path", "could not find function"];
        match engine.evaluated(Value::new_object()) {
            Err(problem) if missing.iter().any(|text| problem.contains(text)) => {
                Err(wrong(&problem))
            }
            _ => Ok(engine),
        }
    }

    fn asked(&self, query: &Query<'_>, listed: bool) -> Result<Option<Answer>, String> {
        let input = Input::of(query).listed(listed);
        let input = serde_json::to_string(&input).map_err(|error| error.to_string())?;
        let input = Value::from_json_str(&input).map_err(|error| error.to_string())?;
        let answer = match self.evaluated(input)? {
            Value::Undefined => return Ok(None),
            answer => answer.to_json_str().map_err(|error| error.to_string())?,
        };
        let answer = serde_json::from_str(&answer);
        answer
            .map(Some)
            .map_err(|error| format!("the answer is none: {error}"))
    }

    fn evaluated(&self, input: Value) -> Result<Value, String> {
        let mut interpreter = self.interpreter.clone();
        interpreter.set_input(input);
        let value = interpreter.eval_rule(self.entry_point.to_string());
        value.map_err(|error| error.to_string())
    }

    fn verdict(&self, query: &Query<'_>) -> Result<Verdict, String> {
        let verdict = match self.asked(query, false)? {
            Some(answer) => answer.into_verdict(&self.entry_point, self.digest)?,
            None => None,
        };
        Ok(match verdict {
            Some(verdict) => join::within_regions(verdict, query, self.digest),
            None => join::silent(query, "no rule allows it".into(), self.digest),
        })
    }
}

impl Engine for RegoEngine {
    fn decide(&self, query: &Query<'_>) -> Verdict {
        if let Some(outcome) = gate(query) {
            return outcome.into_verdict(self.digest);
        }
        self.verdict(query)
            .unwrap_or_else(|problem| Verdict::eval_error(problem, self.digest))
    }

    fn visible(&self, query: &Query<'_>) -> Visibility {
        if gate(query).is_some() {
            return Visibility::Denied;
        }
        match self.asked(query, true) {
            Err(_) => Visibility::Denied,
            Ok(answer) => match answer.and_then(|answer| answer.shown()) {
                Some(Shown::Denied) => Visibility::Denied,
                Some(Shown::Allowed) => Visibility::Allowed,
                Some(Shown::DependsOnArguments) | None => Visibility::DependsOnArguments,
            },
        }
    }

    fn digest(&self) -> Digest {
        self.digest
    }
}

impl fmt::Debug for RegoEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegoEngine")
            .field("entry_point", &self.entry_point)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}
