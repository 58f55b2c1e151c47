//! What a list may show, found without arguments: a policy that reads the context says nothing of
//! it yet.

use cedar_policy::{Effect, Policy, PolicySet};
use serde_json::Value;

/// The policies as a list asks them.
#[derive(Debug)]
pub(super) struct Lists {
    /// Those that do not read the context.
    pub(super) certain: PolicySet,
    /// The same, and those that permit without their conditions on the context: what these permit
    /// may come to be permitted.
    pub(super) possible: PolicySet,
    /// Whether the context may forbid.
    pub(super) may_forbid: bool,
}

impl Lists {
    pub(super) fn of(policies: &PolicySet) -> Result<Self, String> {
        let mut lists = Self {
            certain: PolicySet::new(),
            possible: PolicySet::new(),
            may_forbid: false,
        };
        for policy in policies.policies() {
            lists.add(policy)?;
        }
        Ok(lists)
    }

    fn add(&mut self, policy: &Policy) -> Result<(), String> {
        let mut json = policy.to_json().map_err(|error| error.to_string())?;
        let conditions = json.get_mut("conditions").and_then(Value::as_array_mut);
        let conditions = conditions.ok_or("a policy has no conditions to read")?;
        let all = conditions.len();
        conditions.retain(|condition| !reads_context(condition));
        let wrong = |error: cedar_policy::PolicySetError| error.to_string();
        if conditions.len() == all {
            self.certain.add(policy.clone()).map_err(wrong)?;
            return self.possible.add(policy.clone()).map_err(wrong);
        }
        if policy.effect() == Effect::Forbid {
            self.may_forbid = true;
            return Ok(());
        }
        let rest = Policy::from_json(Some(policy.id().clone()), json);
        let rest = rest.map_err(|error| error.to_string())?;
        self.possible.add(rest).map_err(wrong)
    }
}

fn reads_context(json: &Value) -> bool {
    match json {
        Value::Object(members) => {
            members.get("Var").is_some_and(|name| name == "context")
                || members.values().any(reads_context)
        }
        Value::Array(items) => items.iter().any(reads_context),
        _ => false,
    }
}
