use std::{collections::HashMap, fmt};

use cedar_policy::{
    Authorizer, Decision, PolicyId, PolicySet, Response, ValidationMode, Validator,
};
use mcpo2_core::{Approval, Denial, Digest, Obligations, RuleId};

use super::{
    CedarError, CedarErrorKind, CedarSchema,
    annotation::{self, Rule},
    lists::Lists,
    request,
};
use crate::{Engine, Query, Verdict, Visibility, join, native::gate, reserved};

/// Decides by policies in Cedar.
///
/// Each policy needs an `@id`. A `permit` may have `@approve("group:2")` (with
/// `@approve_ttl("900")` and `@approve_by("another")`), which asks for an approval, and
/// `@oblige("redact:email max_result_bytes:4096")`; a `forbid` may have `@public_code("WORD")`; and
/// both `@reason` and `@description`. Any other annotation is an error. Where several policies
/// permit, all that they oblige to and ask for counts.
///
/// The policies are validated against the schema when they are loaded. Where a policy cannot be
/// evaluated nonetheless, Cedar would leave it out; here the call is denied, by `sys:eval-error`.
///
/// What the platform itself denies is denied before the policies are asked. Where no policy permits
/// or forbids, only the protocol's own methods pass.
///
/// In a list, conditions on the `context` are not known yet: an item is shown where policies without
/// these conditions permit it, and no policy without any forbids it. So conditions on the context
/// stand best in a `when` of their own.
///
/// ```
/// use mcpo2_core::{AuthMethod, Effect, Item, ItemKind, Method, Principal};
/// use mcpo2_policy::{CedarEngine, CedarSchema, Engine, Query};
///
/// let engine = CedarEngine::new(r#"
///     @id("reads")
///     permit (principal in Mcpo2::Tenant::"acme", action in Mcpo2::Action::"tools/call", resource)
///     when { context.arguments.hasTag("/path") }
///     when { context.arguments.getTag("/path") has path }
///     when { context.arguments.getTag("/path").path like "/srv/*" };
/// "#, &CedarSchema::any_tools()?);
/// # let engine = match engine { Ok(engine) => engine, Err(error) => panic!("{error}") };
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
pub struct CedarEngine {
    authorizer: Authorizer,
    policies: PolicySet,
    rules: HashMap<PolicyId, Rule>,
    lists: Lists,
    schema: CedarSchema,
    digest: Digest,
}

impl CedarEngine {
    /// An engine of these policies, as Cedar writes them.
    ///
    /// # Errors
    ///
    /// [`CedarError`] where they do not parse, are not valid under the schema, or have annotations
    /// that say what they cannot.
    pub fn new(policies: &str, schema: &CedarSchema) -> Result<Self, CedarError> {
        let digest = Digest::of(
            format!(
                "mcpo2.policy/v1 cedar {} {policies} {}",
                policies.len(),
                schema.text()
            )
            .as_bytes(),
        );
        let parsed: PolicySet = policies
            .parse()
            .map_err(|error| CedarError::parse(&error, policies))?;
        if parsed.num_of_templates() > 0 {
            let problem = "a template is no policy";
            return Err(CedarError::new(CedarErrorKind::Parse, problem));
        }
        validate(&parsed, schema)?;
        let lists = Lists::of(&parsed);
        Ok(Self {
            authorizer: Authorizer::new(),
            rules: rules(&parsed)?,
            lists: lists.map_err(|error| CedarError::new(CedarErrorKind::Parse, error))?,
            policies: parsed,
            schema: schema.clone(),
            digest,
        })
    }

    fn verdict(&self, query: &Query<'_>) -> Result<Verdict, String> {
        let asked = request::of(query, &self.schema, false)?;
        let response =
            self.authorizer
                .is_authorized(&asked.request, &self.policies, &asked.entities);
        let rules = self.deciding(&response)?;
        Ok(match response.decision() {
            Decision::Deny if rules.is_empty() => {
                join::silent(query, "no policy permits it".into(), self.digest)
            }
            Decision::Deny => self.denied(&rules),
            Decision::Allow => join::within_regions(self.permitted(&rules), query, self.digest),
        })
    }

    /// The rules that decide, by id; an error where any policy could not be evaluated.
    fn deciding(&self, response: &Response) -> Result<Vec<&Rule>, String> {
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(error.to_string());
        }
        let rules = response.diagnostics().reason().map(|id| self.rules.get(id));
        let mut rules = rules
            .collect::<Option<Vec<_>>>()
            .ok_or("a policy is unknown")?;
        rules.sort_by(|one, two| one.id.cmp(&two.id));
        Ok(rules)
    }

    fn denied(&self, rules: &[&Rule]) -> Verdict {
        let denial = Denial::new(ids(rules), reason(rules, "forbidden by policy"));
        // Where one policy has nothing to tell, the caller learns nothing.
        let codes: Option<Vec<&str>> = rules
            .iter()
            .map(|rule| rule.public_code.as_deref())
            .collect();
        let denial = match codes.and_then(|codes| codes.first().copied()) {
            Some(code) => denial.with_public_code(code),
            None => denial,
        };
        Verdict::deny(denial, self.digest)
    }

    fn permitted(&self, rules: &[&Rule]) -> Verdict {
        let asking: Vec<&Rule> = rules
            .iter()
            .copied()
            .filter(|rule| rule.approval.is_some())
            .collect();
        let approvals = asking.iter().filter_map(|rule| rule.approval.clone());
        if let Some(approval) = approvals.reduce(Approval::join) {
            let reason = reason(&asking, "a policy asks for approval");
            return Verdict::ask(approval, reason, self.digest);
        }
        let mut each = rules.iter().map(|rule| rule.obligations.clone());
        match each.try_fold(Obligations::default(), Obligations::join) {
            Some(owed) => {
                let reason = reason(rules, "permitted by policy");
                Verdict::allow(ids(rules), reason, owed, self.digest)
            }
            None => {
                let id = crate::native::rule_id(reserved::PREAMBLE_CONFLICT);
                let reason = "the policies that permit it demand different preambles";
                Verdict::deny(Denial::new(id.into_iter().collect(), reason), self.digest)
            }
        }
    }

    fn shown(&self, query: &Query<'_>) -> Result<Visibility, String> {
        let asked = request::of(query, &self.schema, true)?;
        let allows = |policies: &PolicySet| {
            let response = self
                .authorizer
                .is_authorized(&asked.request, policies, &asked.entities);
            match response.diagnostics().errors().next() {
                Some(error) => Err(error.to_string()),
                None => Ok(response.decision() == Decision::Allow),
            }
        };
        Ok(if !allows(&self.lists.possible)? {
            Visibility::Denied
        } else if self.lists.may_forbid || !allows(&self.lists.certain)? {
            Visibility::DependsOnArguments
        } else {
            Visibility::Allowed
        })
    }
}

fn validate(policies: &PolicySet, schema: &CedarSchema) -> Result<(), CedarError> {
    let result = Validator::new(schema.parsed.clone()).validate(policies, ValidationMode::Strict);
    match result.validation_errors().next() {
        Some(error) => Err(CedarError::new(CedarErrorKind::Validation, error)),
        None => Ok(()),
    }
}

fn rules(policies: &PolicySet) -> Result<HashMap<PolicyId, Rule>, CedarError> {
    let mut rules = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    for policy in policies.policies() {
        let wrong = |problem: String| {
            let problem = format!("policy `{}`: {problem}", policy.id());
            CedarError::new(CedarErrorKind::Annotation, problem)
        };
        let rule = annotation::read(policy).map_err(wrong)?;
        if !seen.insert(rule.id.clone()) {
            return Err(wrong(format!(
                "`{}` is the id of another policy too",
                rule.id
            )));
        }
        rules.insert(policy.id().clone(), rule);
    }
    Ok(rules)
}

fn ids(rules: &[&Rule]) -> Vec<RuleId> {
    rules.iter().map(|rule| rule.id.clone()).collect()
}

fn reason(rules: &[&Rule], unsaid: &str) -> String {
    let said = rules.iter().find_map(|rule| rule.reason.as_deref());
    said.unwrap_or(unsaid).to_owned()
}

impl Engine for CedarEngine {
    fn decide(&self, query: &Query<'_>) -> Verdict {
        if let Some(outcome) = gate(query) {
            return outcome.into_verdict(self.digest);
        }
        self.verdict(query)
            .unwrap_or_else(|problem| Verdict::eval_error(problem, self.digest))
    }

    fn visible(&self, query: &Query<'_>) -> Visibility {
        match gate(query) {
            Some(_) => Visibility::Denied,
            None => self.shown(query).unwrap_or(Visibility::Denied),
        }
    }

    fn digest(&self) -> Digest {
        self.digest
    }

    /// Lists do not depend on the situation: it is part of the context.
    fn situation_key(&self, _query: &Query<'_>) -> Option<Box<[u8]>> {
        Some(Box::default())
    }
}

impl fmt::Debug for CedarEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CedarEngine")
            .field("rules", &self.rules.len())
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}
