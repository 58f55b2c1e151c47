//! Random policies over a small world, and requests that are aimed at their rules: of others, almost
//! all would be denied by default.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "shared by tests, each of which uses a part"
)]

use std::{net::IpAddr, sync::Arc, time::Duration};

use mcpo2_core::{
    ApprovalState, AuthMethod, Facts, Item, ItemKind, Method, Principal, PrincipalKind,
};
use mcpo2_policy::{Query, Situation};
use serde_json::{Map, Value, json};

const TENANTS: &[&str] = &["t0", "t1", "t2"];
const ROLES: &[&str] = &["r0", "r1", "r2"];
const PRINCIPALS: &[&str] = &["p0", "p1", "p2"];
const PROJECTS: &[&str] = &["w0", "w1"];
const SCOPES: &[&str] = &["s0", "s1"];
const KINDS: &[&str] = &["user", "agent", "service", "anonymous"];
const AUTH: &[&str] = &["none", "api_key", "jwt", "host"];
const FAMILIES: &[&str] = &["f0", "f1"];
const MODULES: &[&str] = &["m0", "m1"];
const REGIONS: &[&str] = &["eu", "us"];
const METHODS: &[&str] = &[
    "tools/call",
    "tools/*",
    "prompts/get",
    "*",
    "vendor/x",
    "ping",
    "resources/read",
];
const TOOLS: &[&str] = &[
    "m0__get",
    "m0__*",
    "m1__*",
    "*__get",
    "*__del*",
    "m0__[gd]et",
    "{m0,m1}__del",
    "*",
    "m?__get",
];
const TOOL_NAMES: &[&str] = &[
    "m0__get",
    "m0__del",
    "m1__get",
    "m1__del_all",
    "m0__det",
    "other",
];
const PROMPTS: &[&str] = &["m0__ask", "*__ask", "m1__*"];
const PROMPT_NAMES: &[&str] = &["m0__ask", "m1__ask", "m1__tell"];
const RESOURCES: &[&str] = &[
    "file:///srv/**",
    "file:///srv/a",
    "https://*.example.com/**",
    "*:**",
];
const URIS: &[&str] = &[
    "file:///srv/a",
    "file:///srv",
    "file:///etc/x",
    "https://a.example.com/b",
    "bad",
    "mcpo2-artifact://x",
];
const ENVIRONMENTS: &[&str] = &["dev", "prod"];
const NETWORKS: &[&str] = &["10.0.0.0/8", "fd00::/8", "192.0.2.7"];
const SOURCES: &[&str] = &[
    "10.1.2.3",
    "192.0.2.7",
    "fd00::1",
    "203.0.113.9",
    "::ffff:10.0.0.1",
];

/// A generator of numbers, the same for the same seed or bytes.
pub(crate) enum Rng {
    Seed(u64),
    Bytes(Vec<u8>),
}

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self::Seed(seed)
    }

    /// Numbers that whoever made these bytes chose; zeros behind their end.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.iter().rev().copied().collect())
    }

    pub(crate) fn next(&mut self) -> u64 {
        match self {
            // SplitMix64
            Self::Seed(seed) => {
                *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let z = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^ (z >> 31)
            }
            Self::Bytes(bytes) => bytes.pop().unwrap_or_default().into(),
        }
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn some(&mut self, from: &[&str]) -> Value {
        let first = *self.pick(from);
        match self.one_in(3) {
            true => json!([first, self.pick(from)]),
            false => json!([first]),
        }
    }
}

/// A policy, as it is written.
pub(crate) fn config(rng: &mut Rng) -> Value {
    let mut id = 0;
    let own = rules(rng, &mut id, 8);
    let bundles: Vec<Value> = (0..rng.below(4))
        .map(|at| bundle(rng, at, &mut id))
        .collect();
    json!({ "rules": own, "calendars": calendars(), "bundles": bundles })
}

fn calendars() -> Value {
    json!({ "c0": { "zone": "UTC", "spans": [{ "from": "1970-01-01T00:00", "until": "1970-01-01T12:00" }] } })
}

fn bundle(rng: &mut Rng, at: usize, id: &mut usize) -> Value {
    let rules = rules(rng, id, 4);
    let mut bundle = json!({ "id": format!("b{at}"), "calendars": calendars(), "rules": rules });
    match rng.below(3) {
        0 => bundle["level"] = json!("platform"),
        1 => {
            bundle["level"] = json!("tenant");
            bundle["tenants"] = rng.some(TENANTS);
        }
        _ => {
            bundle["level"] = json!("project");
            bundle["tenants"] = rng.some(TENANTS);
            bundle["projects"] = rng.some(PROJECTS);
        }
    }
    if rng.one_in(4) {
        bundle["mode"] = json!("shadow");
    }
    bundle
}

fn rules(rng: &mut Rng, id: &mut usize, most: usize) -> Vec<Value> {
    (0..=rng.below(most)).map(|_| rule(rng, id)).collect()
}

fn rule(rng: &mut Rng, id: &mut usize) -> Value {
    let mut rule = conditions(rng, 9);
    *id += 1;
    // Ids that are not in the order in which rules are made.
    rule.insert("id".into(), json!(format!("rule-{}", (*id * 7919) % 1009)));
    let effect = *rng.pick(&["allow", "allow", "allow", "deny", "require_approval"]);
    rule.insert("effect".into(), json!(effect));
    match effect {
        "allow" if rng.one_in(2) => {
            rule.insert("obligations".into(), obligations(rng));
        }
        "require_approval" => {
            let approval = json!({ "group": rng.pick(&["g0", "g1"]), "quorum": 1 + rng.below(3) });
            rule.insert("approval".into(), approval);
        }
        "deny" if rng.one_in(2) => {
            rule.insert("public_code".into(), json!(rng.pick(&["A", "B"])));
        }
        _ => {}
    }
    if rng.one_in(6) {
        rule.insert("mode".into(), json!("shadow"));
    }
    if rng.one_in(4) {
        let exceptions: Vec<_> = (0..=rng.below(2)).map(|_| some_condition(rng)).collect();
        rule.insert("unless".into(), json!(exceptions));
    }
    if rng.one_in(3) {
        rule.insert("reason".into(), json!(rng.pick(&["why", "because"])));
    }
    Value::Object(rule)
}

fn obligations(rng: &mut Rng) -> Value {
    match rng.below(6) {
        0 => json!({ "preamble": rng.pick(&["x", "x", "y"]) }),
        1 => json!({ "max_result_bytes": 1 + rng.below(9) }),
        2 => json!({ "redact": rng.some(&["email", "secret"]) }),
        3 => json!({ "rate_class": rng.pick(&["std", "low"]) }),
        4 => json!({ "regions": rng.some(REGIONS) }),
        _ => json!({ "log_level": rng.pick(&["debug", "info", "warn"]) }),
    }
}

fn some_condition(rng: &mut Rng) -> Map<String, Value> {
    loop {
        let conditions = conditions(rng, 12);
        if !conditions.is_empty() {
            return conditions;
        }
    }
}

/// Each condition with one chance in `rarity`, and one about items more often.
fn conditions(rng: &mut Rng, rarity: usize) -> Map<String, Value> {
    let mut all = Map::new();
    for (key, values) in [
        ("tenants", TENANTS),
        ("roles", ROLES),
        ("principals", PRINCIPALS),
        ("projects", PROJECTS),
        ("scopes", SCOPES),
        ("kinds", KINDS),
        ("auth", AUTH),
        ("families", FAMILIES),
        ("modules", MODULES),
        ("regions", REGIONS),
        ("methods", METHODS),
        ("prompts", PROMPTS),
        ("resources", RESOURCES),
        ("environments", ENVIRONMENTS),
        ("networks", NETWORKS),
    ] {
        if rng.one_in(rarity) {
            all.insert(key.into(), rng.some(values));
        }
    }
    if rng.one_in(2) {
        all.insert("tools".into(), rng.some(TOOLS));
    }
    let mut put = |rng: &mut Rng, key: &str, value: fn(&mut Rng) -> Value| {
        if rng.one_in(rarity) {
            all.insert(key.into(), value(rng));
        }
    };
    put(rng, "min_tier", |rng| json!(rng.below(5)));
    put(rng, "calendars", |_| json!(["c0"]));
    put(
        rng,
        "times",
        |rng| json!([{ "zone": rng.pick(&["UTC", "Asia/Tokyo"]), "from": "06:00", "until": "15:00" }]),
    );
    put(rng, "max_session_seconds", |_| json!(60));
    put(rng, "max_request_bytes", |_| json!(1000));
    for _ in 0..2 {
        put(rng, "arguments", |rng| json!([argument(rng)]));
    }
    all
}

fn argument(rng: &mut Rng) -> Value {
    match rng.below(10) {
        0 => json!({ "pointer": "/p", "glob": "/srv/**" }),
        1 => json!({ "pointer": "/p", "prefix": "/" }),
        2 => json!({ "pointer": "/p", "regex": "/[a-z/]+" }),
        3 => json!({ "pointer": "/n", "at_most": 5 }),
        4 => json!({ "pointer": "/n", "at_least": 6.5 }),
        5 => json!({ "pointer": "/n", "equals": 7 }),
        6 => json!({ "pointer": "/p", "present": rng.one_in(2) }),
        7 => json!({ "pointer": "/l", "items": rng.pick(&["any", "all"]), "prefix": "a" }),
        8 => json!({ "pointer": "/q", "sql_within": ["select"] }),
        _ => json!({ "pointer": "/p", "one_of": ["/srv/a", 7, true] }),
    }
}

const ARGUMENTS: &[&str] = &[
    "{}",
    r#"{"p":"/srv/a"}"#,
    r#"{"p":"/srv"}"#,
    r#"{"p":"/etc/x","n":5}"#,
    r#"{"p":"/..","n":7}"#,
    r#"{"n":6.5,"p":1,"l":["ab","b"]}"#,
    r#"{"n":100000000000000000000,"l":["a"],"q":"select 1"}"#,
    r#"{"q":"select 1; drop table t","l":[]}"#,
    r#"{"q":"select 'open","l":"a"}"#,
    "null",
    "[",
];

/// A request, and what the platform knows of it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) item: Option<Item>,
    pub(crate) principal: Principal,
    pub(crate) facts: Option<Arc<Facts>>,
    pub(crate) situation: Situation,
    pub(crate) arguments: &'static str,
}

impl Request {
    pub(crate) fn query(&self) -> Query<'_> {
        Query::new(&self.method, self.item.as_ref(), &self.principal)
            .with_facts(self.facts.clone())
            .with_situation(&self.situation)
            .with_arguments(self.arguments.as_bytes())
    }

    /// The same item in a list.
    pub(crate) fn listed(&self) -> Option<Query<'_>> {
        let query = Query::listed(self.item.as_ref()?, &self.principal);
        Some(
            query
                .with_facts(self.facts.clone())
                .with_situation(&self.situation),
        )
    }
}

/// A request, most often one that this rule could match.
pub(crate) fn request(rng: &mut Rng, rule: &Value) -> Request {
    let (method, item) = addressed(rng, rule);
    let mut aim = Aim { rng, rule };
    let principal = principal(&mut aim);
    let facts = facts(&mut aim);
    let situation = situation(&mut aim);
    Request {
        method,
        item,
        principal,
        facts,
        situation,
        arguments: ARGUMENTS[rng.below(ARGUMENTS.len())],
    }
}

struct Aim<'a> {
    rng: &'a mut Rng,
    rule: &'a Value,
}

impl Aim<'_> {
    /// One of these, or most often one that the rule names.
    fn at(&mut self, key: &str, others: &[&str]) -> String {
        let named = self.rule[key].as_array();
        match named.filter(|_| !self.rng.one_in(8)) {
            Some(named) => self.rng.pick(named).as_str().unwrap().to_owned(),
            None => (*self.rng.pick(others)).to_owned(),
        }
    }
}

fn addressed(rng: &mut Rng, rule: &Value) -> (Method, Option<Item>) {
    let kind = match rng.below(12) {
        0 => ItemKind::Prompt,
        1 => ItemKind::Resource,
        2 => ItemKind::Template,
        3 => {
            return (
                Method::from(*rng.pick(&["ping", "vendor/x", "tools/list", "vendor/y"])),
                None,
            );
        }
        _ if !rule["prompts"].is_null() && rng.one_in(2) => ItemKind::Prompt,
        _ if !rule["resources"].is_null() && rng.one_in(2) => ItemKind::Resource,
        _ => ItemKind::Tool,
    };
    let (method, names) = match kind {
        ItemKind::Prompt => (Method::PromptsGet, PROMPT_NAMES),
        ItemKind::Resource => (Method::ResourcesRead, URIS),
        ItemKind::Template => (Method::Complete, URIS),
        _ => (Method::ToolsCall, TOOL_NAMES),
    };
    (method, Some(Item::new(kind, *rng.pick(names))))
}

fn principal(aim: &mut Aim<'_>) -> Principal {
    let kind = match &*aim.at("kinds", KINDS) {
        "agent" => PrincipalKind::Agent,
        "service" => PrincipalKind::Service,
        "anonymous" => PrincipalKind::Anonymous,
        _ => PrincipalKind::User,
    };
    let auth = match &*aim.at("auth", AUTH) {
        "none" => AuthMethod::None,
        "api_key" => AuthMethod::ApiKey,
        "jwt" => AuthMethod::Jwt,
        _ => AuthMethod::Host,
    };
    let tenant = aim.at("tenants", TENANTS).parse().unwrap();
    let id = aim.at("principals", PRINCIPALS).parse().unwrap();
    let mut principal = Principal::new(tenant, id, auth).with_kind(kind);
    if !aim.rng.one_in(4) {
        let roles = [aim.at("roles", ROLES), aim.at("roles", ROLES)];
        principal = principal.with_roles(roles);
    }
    if !aim.rng.one_in(4) {
        principal = principal.with_scopes([aim.at("scopes", SCOPES)]);
    }
    match aim.rng.one_in(3) {
        true => principal,
        false => principal.with_project(aim.at("projects", PROJECTS)),
    }
}

fn facts(aim: &mut Aim<'_>) -> Option<Arc<Facts>> {
    if aim.rng.one_in(5) {
        return None;
    }
    let module = aim.at("modules", MODULES).parse().unwrap();
    let family = aim.at("families", FAMILIES).parse().unwrap();
    let mut facts = Facts::new(module, family).with_tier(u8::try_from(aim.rng.below(5)).unwrap());
    if !aim.rng.one_in(4) {
        facts = facts.with_region(aim.at("regions", REGIONS).parse().unwrap());
    }
    match aim.rng.below(20) {
        0 => facts = facts.with_tenants(["t0".parse().unwrap()]),
        1 => facts = facts.with_state(ApprovalState::Suspended),
        _ => {}
    }
    Some(Arc::new(facts))
}

fn situation(aim: &mut Aim<'_>) -> Situation {
    let mut situation = Situation::default();
    if !aim.rng.one_in(4) {
        let hour = aim.rng.below(30) as u64;
        situation = situation.at(std::time::UNIX_EPOCH + Duration::from_secs(hour * 3600));
    }
    if !aim.rng.one_in(4) {
        situation = situation.in_environment(aim.at("environments", ENVIRONMENTS));
    }
    if !aim.rng.one_in(4) {
        situation = situation.from_source(aim.rng.pick(SOURCES).parse::<IpAddr>().unwrap());
    }
    if aim.rng.one_in(2) {
        situation = situation.in_session_of(Duration::from_secs(aim.rng.below(120) as u64));
    }
    if aim.rng.one_in(2) {
        situation = situation.with_request_bytes(aim.rng.below(2000) as u64);
    }
    situation
}

/// All rules of a policy, those of bundles included.
pub(crate) fn all_rules(config: &Value) -> Vec<&Value> {
    let own = config["rules"].as_array().into_iter().flatten();
    let bundles = config["bundles"].as_array().into_iter().flatten();
    own.chain(bundles.flat_map(|bundle| bundle["rules"].as_array().into_iter().flatten()))
        .collect()
}
