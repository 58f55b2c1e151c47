//! Calls through the whole gateway, decided again from its ledger by the same policy and by others.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{fs, path::Path};

use mcpo2_testkit::raw::{RawUpstream, vendor::Era};
use serde_json::Value;
use tokio::process::Command;

use self::support::{
    Gateway,
    client::{self, in_session, modern, plain, stateless},
    key, vendor as upstream,
};

const STREAMS: &str = "id: streams, effect: allow, tenants: [acme], tools: [m__vendor_stream]";

/// What each policy here has.
const RULES: [&str; 6] = [
    "id: within, effect: allow, tenants: [acme], tools: [m__vendor_call], arguments: [{ pointer: /path, glob: \"/srv/**\" }]",
    "id: few, effect: deny, tools: [m__vendor_call], arguments: [{ pointer: /n, at_least: 7.5 }, { pointer: /n, present: true }]",
    "id: asks, effect: require_approval, tools: [m__vendor_error], environments: [prod], approval: { group: leads }",
    "id: errors, effect: allow, tools: [m__vendor_error], networks: [127.0.0.0/8]",
    "id: prompts, effect: allow, roles: [reader], methods: [prompts/get], obligations: { max_result_bytes: 5000 }",
    "id: theirs, effect: allow, principals: [ben], modules: [theirs]",
];

/// Two tenants before two modules, of which one is there for one tenant.
struct World {
    upstream: RawUpstream,
    gateway: Gateway,
    ada: (String, String),
    ben: (String, String),
}

impl World {
    async fn new(arguments: &str) -> Self {
        let upstream = upstream(Era::Modern).await;
        let (ada, ben) = (key("ada", "acme"), key("ben", "globex"));
        let audit = format!("audit: {{ dir: ledger, arguments: {arguments} }}");
        let rules = [&[STREAMS][..], &RULES].concat();
        let yaml = yaml([&ada.1, &ben.1], &upstream.url(), &audit, &rules);
        let gateway = Gateway::governed(&yaml).await;
        Self {
            upstream,
            gateway,
            ada,
            ben,
        }
    }

    /// Everybody does everything, and some of it is denied.
    async fn busy(&self) {
        let paths = ["/srv/x", "/etc/x", "/srv/../etc"];
        let mut arguments: Vec<String> = paths.map(|it| format!(r#"{{"path":"{it}"}}"#)).into();
        arguments.extend(["{}", "[]"].map(str::to_owned));
        arguments.extend(
            ["7", "7.25", "7.5", "1e1", "100000000000000000000"]
                .map(|number| format!(r#"{{ "n": {number}, "path": "/srv/caf\u00e9" }}"#)),
        );
        let tools = [
            "m__vendor_stream",
            "m__vendor_error",
            "theirs__vendor_call",
            "m__none",
        ];
        for key in [&self.ada.0, &self.ben.0] {
            for arguments in &arguments {
                let params = format!(r#""name":"m__vendor_call","arguments":{arguments}"#);
                self.ask(key, "tools/call", &params).await;
            }
            for tool in tools {
                let params = format!(r#""name":"{tool}""#);
                self.ask(key, "tools/call", &params).await;
            }
            self.ask(key, "tools/list", "").await;
            self.ask(key, "server/discover", "").await;
            self.ask(key, "prompts/get", r#""name":"m__vendor_prompt""#)
                .await;
            self.ask(key, "resources/read", r#""uri":"file:///x""#)
                .await;
            self.ask(key, "vendor/none", "").await;
            let session = client::begin_as(self.gateway.address, "{}", Some(key)).await;
            let list = plain("2", "tools/list", "");
            in_session(self.gateway.address, &session, list)
                .key(key)
                .answer()
                .await;
        }
        self.gateway.records();
    }

    async fn ask(&self, key: &str, method: &str, params: &str) {
        let body = stateless("1", method, params);
        modern(self.gateway.address, body).key(key).answer().await;
    }

    /// What is said of a configuration with these rules, and how it exits.
    async fn replay(&self, rules: &[&str], more: &[&str]) -> (i32, Value) {
        let file = self.gateway.dir.path().join("new.yaml");
        let text = yaml([&self.ada.1, &self.ben.1], &self.upstream.url(), "", rules);
        fs::write(&file, text).unwrap();
        self.replay_by("--file", &file, more).await
    }

    async fn replay_by(&self, flag: &str, file: &Path, more: &[&str]) -> (i32, Value) {
        let ledger = self.gateway.dir.path().join("ledger");
        let output = Command::new(env!("CARGO_BIN_EXE_mcpo2"))
            .args(["policy", "replay", "--format", "json", "--ledger"])
            .arg(ledger)
            .arg(flag)
            .arg(file)
            .args(more)
            .output();
        let output = output.await.unwrap();
        let said = serde_json::from_slice(&output.stdout);
        let said = said.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap(), said)
    }
}

fn yaml([ada, ben]: [&str; 2], url: &str, more: &str, rules: &[&str]) -> String {
    let ada = ada.replace("roles: []", "roles: [reader]");
    let mut text = format!(
        "version: 1\nenvironment: prod\nidentity:\n  api_keys:\n    {ada}\n    {ben}\n{more}\nmodules:\n  \
         - {{ id: m, family: general, approval: approved, http: {{ url: \"{url}\" }} }}\n  \
         - {{ id: theirs, family: general, approval: approved, tenants: [globex], http: {{ url: \"{url}\" }} }}\n\
         policy:\n  rules:\n"
    );
    for rule in rules {
        text += &format!("    - {{ {rule} }}\n");
    }
    text
}

const ALL: &str = "--all-tenants";

#[track_caller]
fn assert_same(said: &Value) {
    for kind in ["newly_allowed", "newly_denied", "newly_needs_approval"] {
        assert_eq!(said[kind]["calls"], 0, "{said:#}");
    }
    let by = said["decided_by"].as_object().unwrap();
    assert!(by.keys().eq([said["policy"].as_str().unwrap()]), "{said:#}");
}

#[tokio::test]
async fn by_the_same_policy_the_same_is_decided() {
    let world = World::new("keep").await;
    world.busy().await;
    let rules = [&[STREAMS][..], &RULES].concat();
    let (code, said) = world.replay(&rules, &[ALL]).await;
    assert_same(&said);
    assert_eq!(code, 0);
    // Numbers that a double may have rounded are as good as not kept.
    let groups = said["undetermined"]["groups"].as_array().unwrap();
    assert!(
        groups.iter().all(|group| group["on"][0] == "arguments"),
        "{said:#}"
    );
    let calls = |key: &str| said[key].as_u64().unwrap();
    assert!(
        said["undetermined"]["calls"].as_u64().unwrap() <= 6,
        "{said:#}"
    );
    assert!(calls("same") >= 20, "{said:#}");
    // The order of rules has no meaning.
    let reversed: Vec<&str> = rules.iter().rev().copied().collect();
    let (code, said) = world.replay(&reversed, &["--tenant", "globex"]).await;
    assert_eq!(said["newly_denied"]["calls"], 0, "{said:#}");
    assert_eq!(code, 0);
}

#[tokio::test]
async fn what_depends_on_arguments_that_are_not_kept_is_no_difference() {
    let world = World::new("omit").await;
    world.busy().await;
    let rules = [&[STREAMS][..], &RULES].concat();
    let (code, said) = world.replay(&rules, &[ALL]).await;
    assert_same(&said);
    assert_eq!(code, 0);
    let undetermined = &said["undetermined"];
    assert_eq!(
        undetermined["groups"][0]["on"],
        serde_json::json!(["arguments"])
    );
    // Those of ada: no rule allows ben the tool, whatever the arguments.
    assert_eq!(undetermined["calls"], 10, "{said:#}");
    let (code, _) = world.replay(&rules, &[ALL, "--strict"]).await;
    assert_eq!(code, 1);
    // Whoever may not call it at all needs no arguments for that.
    let (_, said) = world.replay(&[STREAMS], &[ALL]).await;
    assert_eq!(said["undetermined"]["calls"], 0, "{said:#}");
}

#[tokio::test]
async fn what_a_rule_more_or_less_changes_is_told() {
    let world = World::new("keep").await;
    world.busy().await;
    let (code, said) = world.replay(&RULES, &[ALL]).await;
    let denied = &said["newly_denied"];
    assert_eq!((code, &denied["calls"]), (1, &1.into()), "{said:#}");
    let group = &denied["groups"][0];
    assert_eq!(group["item"], "m__vendor_stream");
    assert_eq!(
        (&group["tenant"], &group["who"]),
        (&"acme".into(), &"reader".into())
    );
    assert_eq!(group["before"]["rules"], serde_json::json!(["streams"]));
    assert_eq!(said["newly_allowed"]["calls"], 0, "{said:#}");
    let record = group["record"].as_u64().unwrap();
    let ledger = world.gateway.dir.path().join("ledger");
    let entries = mcpo2_audit::read(ledger).unwrap();
    let entry = entries
        .map(Result::unwrap)
        .find(|entry| entry.seq == record);
    assert_eq!(
        entry.unwrap().json["request"]["item"]["name"],
        "m__vendor_stream"
    );
    for (more, expected) in [
        (&[ALL, "--fail-on", "newly-allowed"][..], 0),
        (&[ALL, "--fail-on", "newly-denied"], 1),
        (&["--tenant", "globex"], 0),
        (&[ALL, "--until", "2020-01-01T00:00:00Z"], 0),
    ] {
        let (code, said) = world.replay(&RULES, more).await;
        assert_eq!(code, expected, "{more:?} {said:#}");
    }

    let more = "id: more, effect: allow, tools: [m__vendor_stream, m__vendor_error]";
    let rules = [&[STREAMS, more][..], &RULES].concat();
    let (code, said) = world.replay(&rules, &[ALL]).await;
    let allowed = &said["newly_allowed"];
    assert_eq!((code, &allowed["calls"]), (1, &1.into()), "{said:#}");
    assert_eq!(allowed["groups"][0]["tenant"], "globex");
    assert_eq!(said["newly_denied"]["calls"], 0, "{said:#}");
    let (code, _) = world
        .replay(&rules, &[ALL, "--fail-on", "newly-denied"])
        .await;
    assert_eq!(code, 0);

    // Nobody approves any more.
    let unasked: Vec<&str> = [&[STREAMS][..], &RULES].concat();
    let unasked: Vec<&str> = unasked
        .into_iter()
        .filter(|it| !it.contains("id: asks"))
        .collect();
    let (_, said) = world.replay(&unasked, &[ALL]).await;
    assert_eq!(said["newly_allowed"]["calls"], 2, "{said:#}");
    assert_eq!(
        said["newly_allowed"]["groups"][0]["before"]["effect"],
        "require_approval"
    );
}

#[tokio::test]
async fn a_bundle_alone_is_replayed_on_what_records_say_of_modules() {
    let world = World::new("keep").await;
    world.busy().await;
    let file = world.gateway.dir.path().join("bundle.yaml");
    let rules = [&[STREAMS][..], &RULES].concat();
    let mut text = "id: platform\nlevel: platform\nrules:\n".to_owned();
    for rule in &rules {
        text += &format!("  - {{ {rule} }}\n");
    }
    fs::write(&file, &text).unwrap();
    let (_, said) = world.replay_by("--bundle", &file, &[ALL]).await;
    let groups = said["undetermined"]["groups"].as_array().unwrap();
    let is_on = |on: &str| groups.iter().any(|group| group["on"][0] == on);
    assert!(is_on("environment"), "{said:#}");
    let more = [ALL, "--environment", "prod"];
    let (code, said) = world.replay_by("--bundle", &file, &more).await;
    for kind in ["newly_allowed", "newly_denied", "newly_needs_approval"] {
        assert_eq!(said[kind]["calls"], 0, "{said:#}");
    }
    assert_eq!(code, 0);
}
