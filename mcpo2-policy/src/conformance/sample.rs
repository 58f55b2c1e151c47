use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use mcpo2_core::{
    AuthMethod, Facts, Family, Item, ItemKind, Method, ModuleId, NameError, Principal,
};

use crate::{Query, Situation};

/// A request to ask an engine about.
///
/// ```
/// use mcpo2_core::{AuthMethod, Item, ItemKind, Principal};
/// use mcpo2_policy::conformance::Sample;
///
/// let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
/// let sample = Sample::new(Item::new(ItemKind::Tool, "t"), ada).with_arguments(br#"{"n": 1}"#);
/// # let _ = sample;
/// # Ok::<(), mcpo2_core::NameError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sample {
    item: Item,
    principal: Principal,
    facts: Option<Arc<Facts>>,
    arguments: Option<Vec<u8>>,
}

impl Sample {
    /// The request of `principal` to use this item, without arguments.
    #[must_use]
    pub fn new(item: Item, principal: Principal) -> Self {
        Self {
            item,
            principal,
            facts: None,
            arguments: None,
        }
    }

    /// The same, of a module of which this is known.
    #[must_use]
    pub fn with_facts(mut self, facts: Facts) -> Self {
        self.facts = Some(Arc::new(facts));
        self
    }

    /// The same, with these arguments (JSON text).
    #[must_use]
    pub fn with_arguments(mut self, json: impl Into<Vec<u8>>) -> Self {
        self.arguments = Some(json.into());
        self
    }

    pub(super) fn item(&self) -> &Item {
        &self.item
    }

    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    pub(super) fn query(&self) -> Query<'_> {
        let method = match self.item.kind() {
            ItemKind::Tool => &Method::ToolsCall,
            ItemKind::Prompt => &Method::PromptsGet,
            ItemKind::Task => &Method::TasksGet,
            _ => &Method::ResourcesRead,
        };
        let query = Query::new(method, Some(&self.item), &self.principal);
        let query = query.with_facts(self.facts.clone());
        match &self.arguments {
            Some(arguments) => query.with_arguments(arguments),
            None => query,
        }
    }

    pub(super) fn listed(&self) -> Query<'_> {
        Query::listed(&self.item, &self.principal).with_facts(self.facts.clone())
    }

    /// Whether it is a request that a list foresees: its arguments can be read.
    pub(super) fn is_listable(&self) -> bool {
        let object = |json: &Vec<u8>| crate::native::decode(json).is_some();
        self.arguments.as_ref().is_none_or(object)
    }
}

/// Samples for any engine: tools, prompts and resources of known and unknown modules, with arguments
/// that are plain, missing, of odd types, and unreadable.
#[must_use]
pub fn samples() -> Vec<Sample> {
    // The names below have their form.
    all().unwrap_or_default()
}

fn all() -> Result<Vec<Sample>, NameError> {
    let caller = |tenant: &str, id: &str| {
        let caller = Principal::new(tenant.parse()?, id.parse()?, AuthMethod::Host);
        Ok::<_, NameError>(caller.with_roles(["analyst"]).with_scopes(["repo"]))
    };
    let module: ModuleId = "github".parse()?;
    let family: Family = "engineering".parse()?;
    let known = Facts::new(module, family)
        .with_region("eu".parse()?)
        .with_tier(2);
    let mut samples = Vec::new();
    for caller in [caller("acme", "ada")?, caller("other", "eve")?] {
        for (kind, name) in [
            (ItemKind::Tool, "allowed"),
            (ItemKind::Tool, "by-path"),
            (ItemKind::Tool, "asks"),
            (ItemKind::Tool, "denied"),
            (ItemKind::Tool, "unheard-of"),
            (ItemKind::Prompt, "allowed"),
            (ItemKind::Resource, "file:///srv/x"),
            (ItemKind::Resource, "file:///../x"),
        ] {
            let sample = Sample::new(Item::new(kind, name), caller.clone());
            samples.push(sample.clone());
            for arguments in ARGUMENTS {
                let sample = sample.clone().with_arguments(*arguments);
                samples.push(sample.clone());
                samples.push(sample.with_facts(known.clone()));
            }
        }
    }
    Ok(samples)
}

const ARGUMENTS: &[&[u8]] = &[
    b"{}",
    br#"{"path":"/srv/x","n":5}"#,
    br#"{"path":"/srv/../etc/x","n":-2.5}"#,
    br#"{"path":7,"n":"7"}"#,
    br#"{"path":null,"n":9007199254740993}"#,
    b"[]",
    br#"{"path":1,"path":2}"#,
    b"{",
    b"\xff",
];

/// Situations that differ in each of their members.
pub(super) fn situations() -> Vec<Situation> {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let mut all = vec![Situation::default()];
    for hour in 0..24 {
        all.push(Situation::default().at(at(1_795_000_000 + hour * 3600)));
    }
    for name in ["prod", "dev"] {
        all.push(Situation::default().in_environment(name));
    }
    for last in [1, 2] {
        let source = std::net::Ipv4Addr::new(10, 0, 0, last);
        all.push(Situation::default().from_source(source.into()));
    }
    for seconds in [1, 3600] {
        all.push(Situation::default().in_session_of(Duration::from_secs(seconds)));
        all.push(Situation::default().with_request_bytes(seconds));
    }
    all
}
