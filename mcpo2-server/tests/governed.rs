//! Two tenants before two modules: what each sees and may, what its modules get, and what the
//! ledger says of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::too_many_lines, reason = "tables")]

mod support;

use http::StatusCode;
use mcpo2_audit::{CallRecord, Outcome};
use mcpo2_core::ErrorKind;
use mcpo2_server::{App, Mode, config};
use mcpo2_testkit::raw::{
    RawUpstream,
    vendor::{self, Era},
};
use serde_json::{Value, json};

use self::support::{
    Gateway, calls,
    client::{self, Answer, modern, plain, stateless},
    fact, vendor as upstream,
};

const CANARY: &str = "canary-4f1d9c0b7a";
const HOUSE: &str = "Report findings; change nothing.";

/// A gateway for `ada` of acme and `ben` of globex. `alpha` is approved and gets a preamble, `beta`
/// is approved, nobody answers for `dead`, and `pending` is not approved.
struct Platform {
    alpha: RawUpstream,
    beta: RawUpstream,
    pending: RawUpstream,
    gateway: Gateway,
    ada: String,
    ben: String,
}

impl Platform {
    async fn new() -> Self {
        let alpha = upstream(Era::Modern).await;
        let beta = upstream(Era::Modern).await;
        let pending = upstream(Era::Modern).await;
        let (ada, ada_entry) = support::key("ada", "acme");
        let (ben, ben_entry) = support::key("ben", "globex");
        let yaml = yaml(
            [&ada_entry, &ben_entry],
            [&alpha.url(), &beta.url(), &pending.url()],
        );
        let gateway = Gateway::governed(&yaml).await;
        Self {
            alpha,
            beta,
            pending,
            gateway,
            ada,
            ben,
        }
    }

    async fn ask(&self, key: &str, method: &str, params: &str) -> Answer {
        let body = stateless("1", method, params);
        modern(self.gateway.address, body).key(key).answer().await
    }

    async fn call(&self, key: &str, tool: &str, arguments: &str) -> Answer {
        let params = format!(r#""name":"{tool}","arguments":{arguments}"#);
        self.ask(key, "tools/call", &params).await
    }

    async fn tools(&self, key: &str) -> Vec<String> {
        names(&self.ask(key, "tools/list", "").await, "tools", "name")
    }
}

fn yaml([ada, ben]: [&str; 2], [alpha, beta, pending]: [&str; 3]) -> String {
    format!(
        r#"
version: 1
identity:
  api_keys:
    {ada}
    {ben}
modules:
  - id: alpha
    family: security
    approval: approved
    http: {{ url: "{alpha}", headers: {{ Authorization: "Bearer {CANARY}", X-Team: "{CANARY}" }} }}
  - {{ id: beta, family: design, approval: approved, http: {{ url: "{beta}" }} }}
  - {{ id: dead, family: design, approval: approved, http: {{ url: "http://127.0.0.1:1/mcp" }} }}
  - {{ id: pending, family: design, approval: pending, http: {{ url: "{pending}" }} }}
policy:
  rules:
    - {{ id: ada-all, effect: allow, tenants: [acme], modules: [alpha, beta, dead, pending] }}
    - {{ id: nobody-hangs, effect: deny, tools: ["*__vendor_hang"], reason: it never ends }}
    - {{ id: ask-first, effect: require_approval, tenants: [acme], tools: [beta__vendor_stream], approval: {{ group: leads }} }}
    - {{ id: short, effect: allow, tenants: [acme], tools: [beta__vendor_call], obligations: {{ max_result_bytes: 300 }} }}
    - id: ben-safely
      effect: allow
      tenants: [globex]
      tools: [beta__vendor_call]
      arguments: [{{ pointer: /path, glob: "/srv/**" }}]
preamble:
  profiles: [{{ id: house, version: "3", text: "{HOUSE}" }}]
  select: [{{ profile: house, families: [security] }}]
  announce: [alpha]
  instructions: house
artifact: {{ preview_bytes: 64, max_read_bytes: 1024 }}
"#
    )
}

fn names(answer: &Answer, list: &str, member: &str) -> Vec<String> {
    let json: Value = list_json(answer.text());
    let entries = json["result"][list].as_array().unwrap();
    let name = |entry: &Value| entry[member].as_str().unwrap().to_owned();
    entries.iter().map(name).collect()
}

/// Numbers that no machine type holds stand in the way of a `Value`.
fn list_json(text: &str) -> Value {
    serde_json::from_str(&text.replace("1e400", "0")).unwrap()
}

#[tokio::test]
async fn each_sees_what_it_may_and_no_dead_module_hides_the_others() {
    let platform = Platform::new().await;
    let all = [
        "alpha__vendor_call",
        "alpha__vendor_stream",
        "alpha__vendor_error",
        "beta__vendor_call",
        "beta__vendor_stream",
        "beta__vendor_error",
    ];
    assert_eq!(platform.tools(&platform.ada).await, all);
    assert_eq!(platform.tools(&platform.ben).await, ["beta__vendor_call"]);

    let prompts = |answer: Answer| names(&answer, "prompts", "name");
    let seen = platform.ask(&platform.ada, "prompts/list", "").await;
    assert_eq!(
        prompts(seen),
        ["alpha__vendor_prompt", "beta__vendor_prompt"]
    );
    let seen = platform.ask(&platform.ben, "prompts/list", "").await;
    assert!(prompts(seen).is_empty());
    let seen = platform.ask(&platform.ben, "resources/list", "").await;
    assert!(names(&seen, "resources", "uri").is_empty());

    for (key, expected) in [(&platform.ada, all.as_slice()), (&platform.ben, &all[3..4])] {
        let session = client::begin_as(platform.gateway.address, "{}", Some(key)).await;
        let list = plain("2", "tools/list", "");
        let ask = client::in_session(platform.gateway.address, &session, list).key(key);
        assert_eq!(names(&ask.answer().await, "tools", "name"), expected);
    }
    assert!(platform.pending.log().received.is_empty());
    let listed = calls(platform.gateway.stop().await);
    let of_ben = |call: &&CallRecord| call.principal.id.as_ref().unwrap().as_str() == "ben";
    let list = listed
        .iter()
        .filter(of_ben)
        .find(|call| &*call.request.method == "tools/list");
    assert_eq!(
        fact(list.unwrap(), "filtered"),
        json!({ "shown": 1, "hidden": 7 })
    );
}

#[tokio::test]
async fn entries_of_a_list_keep_their_bytes_but_for_their_names() {
    let platform = Platform::new().await;
    let answer = platform.ask(&platform.ada, "tools/list", "").await;
    let result = vendor::result(Era::Modern, "tools/list").unwrap();
    let (_, entries) = result.split_once(r#""tools":["#).unwrap();
    let (first, _) = entries.split_once(r#",{"name":"vendor_stream""#).unwrap();
    for module in ["alpha", "beta"] {
        let renamed = first.replace("vendor_call", &format!("{module}__vendor_call"));
        assert!(answer.text().contains(&renamed), "{renamed}");
    }
}

/// All of an answer that could tell one refusal from another, without the name that was asked for.
fn told(answer: &Answer, name: &str) -> (StatusCode, Vec<(String, String)>, String) {
    assert!(answer.text().contains(name) || !name.contains("__"));
    let headers = answer.headers.iter().filter(|(name, _)| *name != "date");
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    let body = answer.text().replace(name, "NAME");
    (answer.status, headers.map(header).collect(), body)
}

#[tokio::test]
async fn what_is_denied_answers_as_what_is_not_there() {
    let platform = Platform::new().await;
    let ben = &platform.ben;
    let session = client::begin_as(platform.gateway.address, "{}", Some(ben)).await;
    // Of each kind: denied, of a module that has no such thing, of no module. One length, so that
    // `content-length` is the same too.
    for (method, member, same) in [
        (
            "tools/call",
            "name",
            [
                "alpha__vendor_call",
                "alpha__vendor_nope",
                "gamma__vendor_call",
                "beta__vendor_error",
            ],
        ),
        (
            "prompts/get",
            "name",
            [
                "alpha__vendor_prompt",
                "alpha__vendor_nonono",
                "gamma__vendor_prompt",
                "beta__vendor_promptx",
            ],
        ),
        (
            "resources/read",
            "uri",
            ["raw://one", "raw://two", "new://one", "mcpo2:one"],
        ),
    ] {
        let mut answers = Vec::new();
        for name in same {
            let params = format!(r#""{member}":"{name}""#);
            let answer = platform.ask(ben, method, &params).await;
            assert!(answer.code().is_some());
            answers.push(told(&answer, name));
        }
        assert_eq!(answers[0].0, StatusCode::OK);
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{answers:#?}"
        );

        let mut answers = Vec::new();
        for name in same {
            let body = plain("1", method, &format!(r#""{member}":"{name}""#));
            let ask = client::in_session(platform.gateway.address, &session, body);
            answers.push(told(&ask.key(ben).answer().await, name));
        }
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{answers:#?}"
        );
    }
    let reached = |upstream: &RawUpstream| {
        let log = upstream.log();
        ["tools/call", "prompts/get", "resources/read"]
            .iter()
            .any(|method| log.of(method).next().is_some())
    };
    assert!(!reached(&platform.alpha) && !reached(&platform.beta));
    assert!(platform.pending.log().received.is_empty());
}

/// Whatever addresses something by name in another way than the calls above.
#[tokio::test]
async fn no_other_method_tells_what_is_denied_from_what_is_not_there() {
    let platform = Platform::new().await;
    let ben = &platform.ben;
    let address = platform.gateway.address;
    let session = client::begin_as(address, "{}", Some(ben)).await;
    let argument = r#""argument":{"name":"a","value":""}"#;
    let prompt =
        |name: &str| format!(r#""ref":{{"type":"ref/prompt","name":"{name}"}},{argument}"#);
    let template =
        |uri: &str| format!(r#""ref":{{"type":"ref/resource","uri":"{uri}"}},{argument}"#);
    let resource = |uri: &str| format!(r#""uri":"{uri}""#);
    let (real, not) = ("alpha__vendor_prompt", "alpha__vendor_nonono");
    for (method, denied, unknown) in [
        ("completion/complete", prompt(real), prompt(not)),
        (
            "completion/complete",
            template("raw://t/{id}"),
            template("raw://u/{id}"),
        ),
        (
            "resources/subscribe",
            resource("raw://one"),
            resource("raw://two"),
        ),
        (
            "resources/unsubscribe",
            resource("raw://one"),
            resource("raw://two"),
        ),
        ("resources/templates/list", String::new(), String::new()),
    ] {
        let mut answers = Vec::new();
        for params in [&denied, &unknown] {
            let here = platform.ask(ben, method, params).await;
            let ask = client::in_session(address, &session, plain("1", method, params));
            let there = ask.key(ben).answer().await;
            let told = |answer: &Answer| {
                let (status, headers, body) = told(answer, "raw://");
                (
                    status,
                    headers,
                    // An answer may say what was asked for.
                    [real, not, "NAMEone", "NAMEtwo"]
                        .iter()
                        .fold(body, |body, asked| body.replace(asked, "NAME")),
                )
            };
            let (here, there) = (told(&here), told(&there));
            assert!(!there.2.contains("raw://t"), "{}", there.2);
            answers.push((here, there));
        }
        assert_eq!(answers[0], answers[1], "{method}");
    }
    for upstream in [&platform.alpha, &platform.beta] {
        let log = upstream.log();
        assert_eq!(log.of("completion/complete").count(), 0);
        assert_eq!(log.of("resources/subscribe").count(), 0);
    }
}

#[tokio::test]
async fn what_is_denied_for_everybody_and_what_is_not_approved_is_not_there() {
    let platform = Platform::new().await;
    let ada = &platform.ada;
    let mut answers = Vec::new();
    for name in ["alpha__vendor_hang", "alpha__vendor_nope"] {
        answers.push(told(&platform.call(ada, name, "{}").await, name));
    }
    for name in ["pending__vendor_call", "unknown__vendor_call"] {
        let (status, headers, body) = told(&platform.call(ada, name, "{}").await, name);
        let plain = headers
            .into_iter()
            .filter(|(name, _)| name != "content-length");
        answers.push((status, plain.collect(), body));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[2], answers[3]);
    assert_eq!(answers[0].2, answers[2].2);
    assert!(platform.pending.log().received.is_empty());

    let answer = platform.ask(ada, "vendor/method", "").await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::NOT_FOUND, Some(-32601))
    );
    assert_eq!(platform.alpha.log().of("vendor/method").count(), 0);
}

#[tokio::test]
async fn arguments_decide() {
    let platform = Platform::new().await;
    let ben = &platform.ben;
    let name = "beta__vendor_call";
    let good = platform.call(ben, name, r#"{"path":"/srv/a"}"#).await;
    assert_eq!(good.code(), None, "{}", good.text());
    for arguments in [
        r#"{"path":"/etc/passwd"}"#,
        r#"{"path":"/srv/../etc/passwd"}"#,
        r#"{"path":["/srv/a"]}"#,
        "{}",
    ] {
        let answer = platform.call(ben, name, arguments).await;
        assert_eq!(answer.code(), Some(-32602), "{arguments}");
        assert_eq!(
            answer.json()["error"]["message"],
            format!("Unknown tool: {name}")
        );
    }
    assert_eq!(platform.beta.log().of("tools/call").count(), 1);
    let denied = calls(platform.gateway.stop().await);
    let denied = denied
        .iter()
        .filter(|call| call.end.outcome == Outcome::Denied);
    assert_eq!(denied.count(), 4);
}

#[tokio::test]
async fn what_waits_for_an_approval_says_so() {
    let platform = Platform::new().await;
    let answer = platform
        .call(&platform.ada, "beta__vendor_stream", "{}")
        .await;
    assert_eq!(answer.code(), Some(-31001), "{}", answer.text());
    assert!(!answer.text().contains("leads") && !answer.text().contains("ask-first"));
    assert_eq!(platform.beta.log().of("tools/call").count(), 0);
    let record = platform.gateway.call_of("tools/call").await;
    let kind = ErrorKind::ApprovalRequired.as_str().into();
    assert_eq!(record.end.outcome, Outcome::Failed { kind });
    assert_eq!(fact(&record, "decided")["rules"], json!(["ask-first"]));
}

#[tokio::test]
async fn a_long_result_is_read_in_parts_by_its_owner_alone() {
    let platform = Platform::new().await;
    let (ada, ben) = (&platform.ada, &platform.ben);
    let answer = platform.call(ada, "beta__vendor_call", "{}").await;
    let text = answer.text();
    let (_, from) = text.split_once("mcpo2+artifact://r/").unwrap();
    let id = from.split(['"', '?', '\\']).next().unwrap();
    let uri = format!("mcpo2+artifact://r/{id}");
    let whole = vendor::result(Era::Modern, "tools/call").unwrap();
    assert!(!text.contains("vendor/new"), "{text}");

    let mut read = String::new();
    for range in ["0-100", "100-250", "250-"] {
        let params = format!(r#""uri":"{uri}?bytes={range}""#);
        let part = platform.ask(ada, "resources/read", &params).await.json();
        read.push_str(part["result"]["contents"][0]["text"].as_str().unwrap());
    }
    assert_eq!(read, whole);

    let never = uri.replace(id, &"0".repeat(id.len()));
    let (theirs, none) = (format!(r#""uri":"{uri}""#), format!(r#""uri":"{never}""#));
    let theirs = platform.ask(ben, "resources/read", &theirs).await;
    let none_of_ben = platform.ask(ben, "resources/read", &none).await;
    let none_of_ada = platform.ask(ada, "resources/read", &none).await;
    assert!(theirs.code().is_some());
    // Each says which was asked for, and nothing else differs.
    assert_eq!(told(&theirs, &uri), told(&none_of_ben, &never));
    assert_eq!(told(&theirs, &uri), told(&none_of_ada, &never));

    let record = platform.gateway.call_of("tools/call").await;
    assert_eq!(fact(&record, "offloaded")["bytes"], whole.len());
}

/// A gateway, and what it recorded of three results that became references: those of two calls of
/// acme and of one of globex. All three are the same to the letter.
async fn offloaded(upstream: &RawUpstream) -> Vec<String> {
    let (ada, ada_entry) = support::key("ada", "acme");
    let (ben, ben_entry) = support::key("ben", "globex");
    let rule =
        "id: short, effect: allow, modules: [module], obligations: { max_result_bytes: 300 }";
    let yaml = format!(
        "version: 1\nidentity: {{ api_keys: [{}, {}] }}\nmodules:\n  - {{ id: module, family: \
         general, approval: approved, http: {{ url: \"{}\" }} }}\npolicy: {{ rules: [{{ {rule} }}] \
         }}\nartifact: {{ preview_bytes: 64 }}\n",
        ada_entry.trim_start_matches("- "),
        ben_entry.trim_start_matches("- "),
        upstream.url(),
    );
    let gateway = Gateway::governed(&yaml).await;
    let whole = vendor::result(Era::Modern, "tools/call").unwrap();
    let plain = mcpo2_core::Digest::of(whole.as_bytes()).to_string();
    for key in [&ada, &ada, &ben] {
        let body = stateless("1", "tools/call", r#""name":"module__vendor_call""#);
        let answer = modern(gateway.address, body).key(key).answer().await;
        assert!(answer.text().contains(&plain), "{}", answer.text());
    }
    let ledger = gateway.dir.path().join("ledger");
    let digests: Vec<_> = gateway
        .calls()
        .iter()
        .map(|call| {
            fact(call, "offloaded")["digest"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(digests.len(), 3);
    let bare = plain.rsplit(':').next().unwrap();
    for file in support::files(&ledger) {
        let bytes = std::fs::read(&file).unwrap();
        let raw = mcpo2_core::Digest::of(whole.as_bytes());
        let found = [bare.as_bytes(), raw.as_bytes()]
            .iter()
            .any(|digest| memchr::memmem::find(&bytes, digest).is_some());
        assert!(!found, "{}", file.display());
    }
    digests
}

#[tokio::test]
async fn no_record_tells_that_two_tenants_got_the_same_result() {
    let upstream = upstream(Era::Modern).await;
    let (here, elsewhere) = (offloaded(&upstream).await, offloaded(&upstream).await);
    assert_eq!(here[0], here[1], "one tenant may know its own again");
    assert_ne!(here[0], here[2]);
    assert_ne!(here[0], elsewhere[0], "nor does another ledger");
}

#[tokio::test]
async fn a_call_arrives_under_the_module_s_own_name_and_is_else_the_same() {
    let platform = Platform::new().await;
    let ask = |name: &str, meta: &str| {
        let own = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#;
        format!(
            r#"{{ "params":{{"z":1e400,"name" : "{name}","arguments":{{"path":"/srv/a\u0062","n":18446744073709551617}},"_meta":{{{meta}"com.example/x":1.0,{own}}}}},"id":"i\u0064","method":"tools/call","jsonrpc":"2.0"}}"#
        )
    };
    let body = ask("beta__vendor_call", "");
    modern(platform.gateway.address, body)
        .key(&platform.ben)
        .answer()
        .await;
    let log = platform.beta.log();
    let received = log.of("tools/call").next().unwrap();
    assert_eq!(received.body, ask("vendor_call", ""));
    assert_eq!(received.header("mcp-name"), Some("vendor_call"));
    assert_eq!(received.header("authorization"), None);

    // The preamble of the platform takes the place of what a caller says in its name.
    let forged = r#""dev.mcpo2/preamble":{"id":"mine"},"#;
    let body = ask(
        "alpha__vendor_call",
        &format!(r#"{forged}"dev.mcpo2/x":1,"#),
    );
    let answer = modern(platform.gateway.address, body)
        .key(&platform.ada)
        .answer()
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let log = platform.alpha.log();
    let received = log.of("tools/call").next().unwrap();
    let text = std::str::from_utf8(&received.body).unwrap();
    assert!(
        !text.contains("mine") && !text.contains("dev.mcpo2/x"),
        "{text}"
    );
    let (before, after) = text.split_once(r#""dev.mcpo2/preamble":"#).unwrap();
    let announced = after.split_once('}').unwrap().0;
    let announced: Value = serde_json::from_str(&format!("{announced}}}")).unwrap();
    let digest = mcpo2_core::Digest::of(HOUSE.as_bytes()).to_string();
    assert_eq!(
        announced,
        json!({ "id": "house", "version": "3", "digest": digest })
    );
    assert!(
        before.starts_with(r#"{ "params":{"z":1e400,"name" : "vendor_call""#),
        "{text}"
    );
    assert!(
        after.ends_with(r#""id":"i\u0064","method":"tools/call","jsonrpc":"2.0"}"#),
        "{text}"
    );
    let authorization = format!("Bearer {CANARY}");
    assert_eq!(received.header("authorization"), Some(&*authorization));

    let record = platform.gateway.calls();
    let to_alpha = |call: &&CallRecord| fact(call, "routed")["module"] == "alpha";
    let record = record.iter().find(to_alpha).unwrap();
    let stripped = json!(["dev.mcpo2/preamble", "dev.mcpo2/x"]);
    let applied = fact(record, "preamble");
    assert_eq!(applied["point"], "meta");
    assert_eq!(applied["profile"]["digest"], digest);
    assert_eq!(applied["stripped"], stripped);
}

#[tokio::test]
async fn instructions_are_the_gateway_s() {
    let platform = Platform::new().await;
    let discovered = platform.ask(&platform.ben, "server/discover", "").await;
    assert_eq!(discovered.json()["result"]["instructions"], HOUSE);
    let params = r#""protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}"#;
    let hello = client::post(platform.gateway.address, plain("0", "initialize", params));
    let begun = hello.key(&platform.ben).answer().await;
    assert_eq!(begun.json()["result"]["instructions"], HOUSE);
    for answer in [discovered, begun] {
        assert!(!answer.text().contains("raw instructions"));
        assert!(!answer.text().contains(r#""name":"raw""#));
    }
}

#[tokio::test]
async fn every_call_has_one_record_that_explains_it() {
    let platform = Platform::new().await;
    let (ada, ben) = (&platform.ada, &platform.ben);
    let error = "alpha__vendor_error";
    for (key, tool) in [
        (ada, "alpha__vendor_call"),
        (ada, error),
        (ada, "dead__anything"),
        (ben, "alpha__vendor_call"),
        (ben, "gamma__vendor_call"),
    ] {
        platform
            .call(key, tool, r#"{"secret":"do-not-record"}"#)
            .await;
    }
    let records = platform.gateway.stop().await;
    let text = serde_json::to_string(&records).unwrap();
    assert!(!text.contains("do-not-record") && !text.contains(CANARY));
    let calls = calls(records);
    let row = |call: &CallRecord| {
        let (decided, routed) = (fact(call, "decided"), fact(call, "routed"));
        let outcome = serde_json::to_value(&call.end.outcome).unwrap();
        json!([
            call.principal.id.as_ref().unwrap().as_str(),
            call.request.item.as_ref().unwrap().name,
            call.family,
            decided["effect"],
            decided["rules"],
            routed["module"],
            routed["item"],
            outcome["outcome"],
            fact(call, "preamble")["profile"]["id"],
        ])
    };
    let rows: Vec<_> = calls.iter().map(row).collect();
    let rules = json!(["ada-all"]);
    assert_eq!(
        rows,
        [
            json!([
                "ada",
                "alpha__vendor_call",
                "security",
                "allow",
                rules,
                "alpha",
                "vendor_call",
                "ok",
                "house"
            ]),
            json!([
                "ada",
                error,
                "security",
                "allow",
                rules,
                "alpha",
                "vendor_error",
                "error",
                "house"
            ]),
            json!([
                "ada",
                "dead__anything",
                "design",
                "allow",
                rules,
                "dead",
                "anything",
                "failed",
                null
            ]),
            json!([
                "ben",
                "alpha__vendor_call",
                "security",
                "deny",
                [],
                null,
                null,
                "denied",
                null
            ]),
            json!([
                "ben",
                "gamma__vendor_call",
                null,
                "deny",
                [],
                null,
                null,
                "denied",
                null
            ]),
        ]
    );
    for call in &calls {
        assert!(
            fact(call, "decided")["bundle"]
                .as_str()
                .unwrap()
                .starts_with("b3:")
        );
        assert_eq!(call.transport.as_deref(), Some("http"));
        assert!(call.remote.as_deref().unwrap().starts_with("127.0.0.1:"));
    }
    let candidates = fact(&calls[0], "routed")["candidates"].clone();
    assert_eq!(
        candidates,
        json!([{ "module": "alpha", "verdict": "chosen" }])
    );
}

#[tokio::test]
async fn credentials_of_modules_and_callers_show_nowhere() {
    let platform = Platform::new().await;
    let mut heard = String::new();
    for (method, params) in [
        ("server/discover", ""),
        ("tools/list", ""),
        ("tools/call", r#""name":"alpha__vendor_call""#),
        ("tools/call", r#""name":"dead__vendor_call""#),
        ("tools/call", r#""name":"pending__vendor_call""#),
    ] {
        let answer = platform.ask(&platform.ada, method, params).await;
        heard.push_str(&format!("{answer:?}"));
    }
    assert!(
        !heard.contains(CANARY) && !heard.contains("127.0.0.1:1"),
        "{heard}"
    );
    for upstream in [&platform.alpha, &platform.beta] {
        for received in upstream.log().received {
            let all = format!("{:?} {:?}", received.headers, received.body);
            assert!(!all.contains(&platform.ada), "{all}");
        }
    }
    let (ada, ben) = (platform.ada.clone(), platform.ben.clone());
    let dir = platform.gateway.dir.path().join("ledger");
    for file in support::files(&dir) {
        let bytes = std::fs::read(file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for secret in [CANARY, &ada, &ben] {
            assert!(!text.contains(secret));
        }
    }
}

#[tokio::test]
async fn credentials_do_not_show_in_a_dump() {
    let (ada, ada_entry) = support::key("ada", "acme");
    let (_, ben_entry) = support::key("ben", "globex");
    let url = "http://127.0.0.1:1/mcp";
    let yaml = yaml([&ada_entry, &ben_entry], [url; 3]);
    let dir = tempfile::tempdir().unwrap();
    let checked = config::check_text("test.yaml", dir.path(), &yaml, &|_| None);
    let config = checked.config.unwrap();
    let mut dump = format!("{config:?} {config:#?} {:?}", checked.diagnostics);
    let app = App::build(config, Mode::Governed).unwrap();
    dump.push_str(&format!("{app:?} {app:#?}"));
    assert!(dump.contains("alpha"));
    assert!(!dump.contains(CANARY) && !dump.contains(&ada));
}
