use crate::{
    config::{AuthConfig, CallersConfig, ConditionsConfig, KindConfig},
    error::Fault,
};

/// Callers of one kind, whom one rule can name.
#[derive(Debug)]
pub(super) struct Callers {
    pub(super) what: &'static str,
    pub(super) conditions: ConditionsConfig,
}

impl Callers {
    /// The callers that these entries name, by kind; all in one where one of them is `*`.
    pub(super) fn of(principals: &[String]) -> Result<Vec<Self>, Fault> {
        let mut all: Vec<Self> = Vec::new();
        let mut any = false;
        for (at, entry) in principals.iter().enumerate() {
            let Some((what, mut callers)) =
                read(entry).map_err(|problem| Fault::new(format!("principals[{at}]"), problem))?
            else {
                any = true;
                continue;
            };
            match all.iter_mut().find(|known| known.what == what) {
                Some(known) => known.conditions.callers.join(&mut callers),
                None => all.push(Self {
                    what,
                    conditions: ConditionsConfig {
                        callers,
                        ..ConditionsConfig::default()
                    },
                }),
            }
        }
        all.sort_by_key(|callers| callers.what);
        match (any, all.is_empty()) {
            (true, _) => Ok(vec![Self {
                what: "any",
                conditions: ConditionsConfig::default(),
            }]),
            (false, true) => Err(Fault::new(
                "principals",
                "is empty, and so matches nobody; write `*` for anybody",
            )),
            (false, false) => Ok(all),
        }
    }
}

/// Who is meant; none for anybody.
fn read(entry: &str) -> Result<Option<(&'static str, CallersConfig)>, String> {
    if entry == "*" {
        return Ok(None);
    }
    let unknown = || {
        format!(
            "`{entry}` is none of `token:ID`, `user:ID`, `agent:ID`, `service:ID`, `role:NAME` \
             and `*`"
        )
    };
    let (prefix, name) = entry.split_once(':').ok_or_else(unknown)?;
    if name.is_empty() || name.contains('*') {
        return Err(format!(
            "`{entry}` names nobody: a name stands for itself only"
        ));
    }
    let principals = Some(vec![name.to_owned()]);
    let mut callers = CallersConfig::default();
    let what = match prefix {
        "role" => {
            callers.roles = principals;
            return Ok(Some(("roles", callers)));
        }
        "token" => {
            callers.auth = Some(vec![AuthConfig::ApiKey]);
            "tokens"
        }
        "user" => {
            callers.kinds = Some(vec![KindConfig::User]);
            "users"
        }
        "agent" => {
            callers.kinds = Some(vec![KindConfig::Agent]);
            "agents"
        }
        "service" => {
            callers.kinds = Some(vec![KindConfig::Service]);
            "services"
        }
        _ => return Err(unknown()),
    };
    callers.principals = principals;
    Ok(Some((what, callers)))
}

impl CallersConfig {
    /// Names those that others of the same kind name, too.
    fn join(&mut self, others: &mut Self) {
        let lists = [
            (&mut self.roles, &mut others.roles),
            (&mut self.principals, &mut others.principals),
        ];
        for (to, from) in lists {
            if let (Some(to), Some(from)) = (to, from.take()) {
                to.extend(from);
            }
        }
    }
}
