//! Clients without sessions before modules that have them: what the module asks, says and tells
//! while it works.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf};

use http::StatusCode;
use mcpo2_server::Mode;
use mcpo2_testkit::fixture::Fixture;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::support::{
    Gateway,
    client::{self, Answer, Ask, modern},
    scripted, soon, until,
};

const ALL: &str = r#"{"elicitation":{},"sampling":{},"roots":{}}"#;

/// A tool call of a client that can be asked this; `more` are members of `params`.
fn call(address: SocketAddr, abilities: &str, name: &str, more: &str) -> Ask {
    call_with(address, abilities, "", name, more)
}

fn call_with(address: SocketAddr, abilities: &str, meta: &str, name: &str, more: &str) -> Ask {
    modern(
        address,
        format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{name}"{more},"_meta":{{{meta}"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{abilities}}}}}}}"#
        ),
    )
}

/// The members with which a client comes back.
fn back(answer: &Answer, answers: &Value) -> String {
    let state = &answer.json()["result"]["requestState"];
    format!(r#","inputResponses":{answers},"requestState":{state}"#)
}

/// The same answer to all that is asked.
fn all(answer: &Answer, said: &Value) -> Value {
    let asked = answer.json()["result"]["inputRequests"].clone();
    let asked = asked
        .as_object()
        .unwrap_or_else(|| panic!("{}", answer.text()));
    asked
        .keys()
        .map(|key| (key.clone(), said.clone()))
        .collect()
}

fn asks(answer: &Answer) -> bool {
    answer.json()["result"]["resultType"] == "input_required"
}

fn text(answer: &Answer) -> String {
    let text = answer.json()["result"]["content"][0]["text"].clone();
    text.as_str()
        .unwrap_or_else(|| panic!("{}", answer.text()))
        .to_owned()
}

/// What the scripted module says in the end: the answers that it got.
fn said(answer: &Answer) -> Value {
    serde_json::from_str(&text(answer)).unwrap()
}

/// Answers all that is asked until there is a result.
async fn converse(address: SocketAddr, name: &str, more: &str, say: &Value) -> (usize, Answer) {
    let mut answer = call(address, ALL, name, more).answer().await;
    let mut rounds = 0;
    while asks(&answer) {
        rounds += 1;
        let back = back(&answer, &all(&answer, say));
        let again = format!("{more}{back}");
        answer = call(address, ALL, name, &again).answer().await;
    }
    (rounds, answer)
}

/// A gateway before the scripted module, for these keys of the identity.
struct Scripted {
    gateway: Gateway,
    log: PathBuf,
    _dir: TempDir,
}

impl Scripted {
    async fn start(identity: &str) -> Self {
        Self::within("", identity).await
    }

    /// With these members of the module's limits.
    async fn within(limits: &str, identity: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut command = scripted::child(&log).into_iter();
        let program = command.next().unwrap();
        let args = serde_json::to_string(&command.collect::<Vec<_>>()).unwrap();
        let yaml = format!(
            "version: 1\nidentity: {identity}\nmodules:\n  - {{ id: module, family: general, \
             approval: approved, limits: {{ {limits} }}, stdio: {{ command: \"{program}\", args: {args} }} }}\npolicy:\n  \
             rules:\n    - {{ id: all, effect: allow, modules: [module] }}\n"
        );
        let gateway = Gateway::start(&yaml, Mode::Observed).await;
        Self {
            gateway,
            log,
            _dir: dir,
        }
    }

    async fn open() -> Self {
        Self::start(LOCAL).await
    }

    fn address(&self) -> SocketAddr {
        self.gateway.address
    }

    fn heard(&self) -> Vec<Value> {
        scripted::heard(&self.log)
    }

    fn heard_of(&self, method: &str) -> Vec<Value> {
        let mut heard = self.heard();
        heard.retain(|message| message["method"] == method);
        heard
    }
}

#[tokio::test]
async fn a_question_over_http_becomes_a_result_and_its_answer_goes_back() {
    let url = support::serving(Fixture::new().unwrap().legacy()).await;
    let gateway = Gateway::before(&url).await;
    let (address, name) = (gateway.address, "test_elicitation");
    let first = call(address, ALL, name, "").answer().await;
    assert!(asks(&first), "{}", first.text());
    assert_eq!(first.json()["id"], 7);
    let questions = first.json()["result"]["inputRequests"].clone();
    let (_, question) = questions.as_object().unwrap().iter().next().unwrap();
    assert_eq!(question["method"], "elicitation/create");
    assert_eq!(question["params"]["message"], "Who are you?");
    let say = json!({ "action": "accept", "content": { "username": "ada", "email": "a@b.c" } });
    let more = back(&first, &all(&first, &say));
    let done = call(address, ALL, name, &more).answer().await;
    assert!(text(&done).contains("ada"), "{}", done.text());
    assert_eq!(done.json()["result"]["resultType"], "complete");

    let sampled = json!({ "role": "assistant", "model": "m", "content": { "type": "text", "text": "Paris" } });
    let (rounds, done) = converse(address, "test_sampling", "", &sampled).await;
    assert_eq!((rounds, &*text(&done)), (1, "LLM response: Paris"));
}

#[tokio::test]
async fn several_questions_come_at_once_and_several_rounds_one_after_the_other() {
    let module = Scripted::open().await;
    let say = json!({ "action": "accept", "n": 1 });
    let (rounds, done) = converse(module.address(), "ask_all", "", &say).await;
    assert!((1..=3).contains(&rounds), "{rounds}");
    assert_eq!(said(&done)["answers"], json!([say, say, say]));
    let (rounds, done) =
        converse(module.address(), "rounds", r#","arguments":{"a":1}"#, &say).await;
    assert_eq!(rounds, 3);
    assert_eq!(
        said(&done),
        json!({ "answers": [say, say, say], "arguments": { "a": 1 } })
    );
    // One client, one thing that it can be asked: one link for both, beside the one for all.
    let begun = module.heard_of("initialize");
    let declared: Vec<_> = begun
        .iter()
        .map(|begun| &begun["params"]["capabilities"])
        .collect();
    let able = serde_json::from_str::<Value>(ALL).unwrap();
    assert_eq!(declared, [&json!({}), &able]);
    for called in module.heard_of("tools/call") {
        for gone in ["inputResponses", "requestState"] {
            assert!(called["params"].get(gone).is_none(), "{called}");
        }
        assert!(
            called["params"]["_meta"].as_object().unwrap().is_empty(),
            "{called}"
        );
    }
}

#[tokio::test]
async fn the_bytes_of_a_question_are_the_module_s() {
    let module = Scripted::open().await;
    let first = call(module.address(), ALL, "ask_one", "").answer().await;
    assert!(
        first.text().contains(r#""big":12345678901234567890123"#),
        "{}",
        first.text()
    );
}

#[tokio::test]
async fn what_is_not_answered_is_asked_again_and_what_nobody_asked_is_ignored() {
    let module = Scripted::open().await;
    let address = module.address();
    let mut answer = call(address, ALL, "ask_one", "").answer().await;
    for useless in [
        json!({}),
        json!({ "other": { "a": 1 } }),
        json!({ "input-1": "text" }),
    ] {
        let before = answer.json()["result"]["inputRequests"].clone();
        let again = back(&answer, &useless);
        answer = call(address, ALL, "ask_one", &again).answer().await;
        assert_eq!(answer.json()["result"]["inputRequests"], before);
    }
    let more = back(&answer, &all(&answer, &json!({ "action": "decline" })));
    let done = call(address, ALL, "ask_one", &more).answer().await;
    assert_eq!(said(&done)["answers"], json!([{ "action": "decline" }]));
}

#[tokio::test]
async fn a11_a_state_is_of_use_once_for_the_same_request_of_the_same_principal() {
    let (ada, ada_entry) = support::key("ada", "acme");
    let (ben, ben_entry) = support::key("ben", "acme");
    let identity = format!("\n  api_keys:\n    {ada_entry}\n    {ben_entry}");
    let module = Scripted::start(&identity).await;
    let (address, arguments) = (module.address(), r#","arguments":{"a":1}"#);
    let first = call(address, ALL, "ask_one", arguments)
        .key(&ada)
        .answer()
        .await;
    assert!(asks(&first), "{}", first.text());
    let answers = all(&first, &json!({ "action": "accept" }));
    let good = back(&first, &answers);
    let state = first.json()["result"]["requestState"]
        .as_str()
        .unwrap()
        .to_owned();
    // Nothing has waited yet for the process of the link for all to read what ends its handshake.
    let greeted = || {
        let notes = module.heard_of("notifications/initialized");
        (notes.len() == 2).then_some(())
    };
    until("both handshakes", greeted).await;
    let heard = module.heard().len();

    let mut refused = Vec::new();
    for at in 0..state.len() {
        let mut bad = state.clone().into_bytes();
        bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
        let bad = String::from_utf8(bad).unwrap();
        let more = format!(r#"{arguments},"inputResponses":{answers},"requestState":"{bad}""#);
        refused.push(call(address, ALL, "ask_one", &more).key(&ada));
    }
    for bad in ["", "x", "a.b.c", "{}"] {
        let more = format!(r#"{arguments},"inputResponses":{answers},"requestState":"{bad}""#);
        refused.push(call(address, ALL, "ask_one", &more).key(&ada));
    }
    refused.push(call(address, ALL, "ask_one", &format!("{arguments}{good}")).key(&ben));
    refused.push(call(address, ALL, "ask_all", &format!("{arguments}{good}")).key(&ada));
    refused.push(
        call(
            address,
            ALL,
            "ask_one",
            &format!(r#","arguments":{{"a":2}}{good}"#),
        )
        .key(&ada),
    );
    refused.push(call(address, ALL, "ask_one", &good).key(&ada));
    let number = format!(r#"{arguments},"inputResponses":{answers},"requestState":5"#);
    refused.push(call(address, ALL, "ask_one", &number).key(&ada));
    let list = format!(
        r#"{arguments}{}"#,
        good.replacen(&answers.to_string(), "[]", 1)
    );
    refused.push(call(address, ALL, "ask_one", &list).key(&ada));
    for ask in refused {
        let answer = ask.answer().await;
        assert_eq!(answer.code(), Some(-32602), "{}", answer.text());
    }
    assert_eq!(module.heard().len(), heard, "nothing goes to the module");

    // Spaces and the order of members are not what is asked for, nor is a capability.
    let same = format!(r#"{good},"arguments":{{ "a" : 1 }}"#);
    let done = call(address, "{}", "ask_one", &same)
        .key(&ada)
        .answer()
        .await;
    assert_eq!(said(&done)["answers"], json!([{ "action": "accept" }]));
    let replayed = call(address, ALL, "ask_one", &same)
        .key(&ada)
        .answer()
        .await;
    assert_eq!(replayed.code(), Some(-32602));
    assert_eq!(module.heard_of("tools/call").len(), 1);
}

#[tokio::test]
async fn nobody_hears_what_is_asked_of_another() {
    let mut keys = Vec::new();
    let mut entries = String::new();
    for n in 0..4 {
        let (key, entry) = support::key(&format!("user-{n}"), "acme");
        keys.push(key);
        entries.push_str(&format!("\n    {entry}"));
    }
    let module = Scripted::start(&format!("\n  api_keys:{entries}")).await;
    let address = module.address();
    let talks = keys.iter().enumerate().map(|(n, key)| async move {
        for turn in 0..3 {
            let mine = format!("{n}/{turn}");
            let arguments = format!(r#","arguments":{{"mine":"{mine}"}}"#);
            let first = call(address, ALL, "ask_one", &arguments)
                .key(key)
                .answer()
                .await;
            let more = back(&first, &all(&first, &json!({ "content": mine })));
            let again = format!("{arguments}{more}");
            let done = call(address, ALL, "ask_one", &again)
                .key(key)
                .answer()
                .await;
            let got = said(&done);
            assert_eq!(got["answers"][0]["content"], *mine);
            assert_eq!(got["arguments"]["mine"], *mine);
        }
    });
    futures_util::future::join_all(talks).await;
    // A link is of one principal, whatever it is used for next.
    assert_eq!(module.heard_of("initialize").len(), 1 + keys.len());
}

#[tokio::test]
async fn u08_a_flood_of_questions_is_bounded_and_the_client_is_asked_a_few() {
    let module = Scripted::open().await;
    let first = call(module.address(), ALL, "flood", "").answer().await;
    let asked = first.json()["result"]["inputRequests"].clone();
    assert!(asked.as_object().unwrap().len() <= 16, "{}", first.text());
    let refused = || {
        let heard = module.heard();
        let refused = heard
            .iter()
            .filter(|message| message.get("error").is_some());
        (refused.count() >= 24).then_some(())
    };
    until("the refusal of the rest", refused).await;
    let more = back(&first, &all(&first, &json!({ "ok": true })));
    let mut done = call(module.address(), ALL, "flood", &more).answer().await;
    while asks(&done) {
        let more = back(&done, &all(&done, &json!({ "ok": true })));
        done = call(module.address(), ALL, "flood", &more).answer().await;
    }
    assert_eq!(said(&done)["answers"].as_array().unwrap().len(), 40);
}

const LOCAL: &str = "{ anonymous: { tenant: local } }";

#[tokio::test]
async fn no_more_calls_of_a_caller_wait_than_the_limits_say() {
    let module = Scripted::within("max_waiting: 1", LOCAL).await;
    let ask = |more: &str| call(module.address(), ALL, "ask_one", more).answer();
    let first = ask("").await;
    assert!(asks(&first), "{}", first.text());
    let second = ask("").await;
    assert_eq!(second.code(), Some(-31003), "{}", second.text());
    let more = back(&first, &all(&first, &json!({ "ok": true })));
    assert!(said(&ask(&more).await)["answers"].is_array());
    assert!(asks(&ask("").await));
}

#[tokio::test]
async fn no_more_calls_have_a_link_to_themselves_than_the_limits_say() {
    let module = Scripted::within("max_exclusive: 1", LOCAL).await;
    let ask = |more: &str| call(module.address(), ALL, "ask_one", more).answer();
    let first = ask("").await;
    let more = back(&first, &all(&first, &json!({ "ok": true })));
    let metrics = || {
        client::bare(module.address(), "")
            .method(http::Method::GET)
            .path("/metrics")
    };
    let done = async {
        // The second is under way before the first ends.
        soon("the second call", async {
            while !metrics()
                .answer()
                .await
                .text()
                .contains("\nmcpo2_calls_in_flight 1\n")
            {}
        })
        .await;
        assert_eq!(module.heard_of("tools/call").len(), 1);
        ask(&more).await
    };
    let (second, done) = tokio::join!(ask(""), done);
    assert!(asks(&second) && said(&done)["answers"].is_array());
}

#[tokio::test]
async fn u08_a_client_that_cannot_be_asked_is_not_and_the_module_is_told() {
    let module = Scripted::open().await;
    let answer = call(module.address(), "{}", "ask_all", "").answer().await;
    let answers = said(&answer)["answers"].clone();
    for refused in answers.as_array().unwrap() {
        assert_eq!(refused["code"], -32601, "{answers}");
    }
    let sampling = r#"{"sampling":{}}"#;
    let answer = call(module.address(), sampling, "ask_all", "")
        .answer()
        .await;
    let asked = answer.json()["result"]["inputRequests"].clone();
    let asked = asked.as_object().unwrap().values();
    let asked: Vec<_> = asked.map(|question| question["method"].clone()).collect();
    assert_eq!(asked, ["sampling/createMessage"]);
    let declared = module.heard_of("initialize");
    let last = &declared.last().unwrap()["params"]["capabilities"];
    assert_eq!(*last, json!({ "sampling": {} }));
}

#[tokio::test]
async fn a_client_hears_the_log_from_its_level_on_and_none_without() {
    let module = Scripted::open().await;
    let address = module.address();
    let levels = |answer: &Answer| {
        let lines = answer
            .text()
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        let messages = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        let logs = messages.filter(|message| message["method"] == "notifications/message");
        logs.map(|log| log["params"]["level"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let at = |level: &str| {
        let meta = format!(r#""io.modelcontextprotocol/logLevel":{level},"#);
        call_with(address, "{}", &meta, "log", "")
    };
    for (level, heard) in [
        (r#""warning""#, &["warning", "error"][..]),
        (r#""debug""#, &["debug", "info", "warning", "error"]),
        (r#""emergency""#, &[]),
    ] {
        let answer = at(level).answer().await;
        assert_eq!(levels(&answer), heard, "{}", answer.text());
        assert!(said(&answer)["answers"].as_array().unwrap().is_empty());
    }
    for abilities in ["{}", ALL] {
        let answer = call(address, abilities, "log", "").answer().await;
        assert!(levels(&answer).is_empty(), "{}", answer.text());
    }
    let set = module.heard_of("logging/setLevel");
    let set: Vec<_> = set
        .iter()
        .map(|set| set["params"]["level"].clone())
        .collect();
    assert_eq!(set, ["warning", "debug", "emergency"]);
    assert_eq!(at(r#""loud""#).answer().await.code(), Some(-32602));
}

#[tokio::test]
async fn progress_comes_under_the_client_s_token() {
    let module = Scripted::open().await;
    let meta = r#""progressToken":"mine","#;
    let mut stream = call_with(module.address(), ALL, meta, "ask_one", "")
        .open()
        .await;
    let progress = stream.message(|_| true).await;
    assert_eq!(progress["method"], "notifications/progress");
    assert_eq!(
        progress["params"],
        json!({ "progressToken": "mine", "progress": 1 })
    );
    let asked = stream.message(|_| true).await;
    assert_eq!(asked["result"]["resultType"], "input_required");
    let shared = call_with(module.address(), "{}", meta, "ask_one", "")
        .answer()
        .await;
    assert!(
        shared.text().contains(r#""progressToken":"mine""#),
        "{}",
        shared.text()
    );
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_call() {
    let module = Scripted::open().await;
    for abilities in [ALL, "{}"] {
        let before = module.heard_of("notifications/cancelled").len();
        let calls = module.heard_of("tools/call").len();
        let ask = call(module.address(), abilities, "silent", "");
        let waiting = tokio::spawn(async move { ask.try_open().await.map(drop) });
        let called = || (module.heard_of("tools/call").len() > calls).then_some(());
        until("the call", called).await;
        waiting.abort();
        let told = || {
            module
                .heard_of("notifications/cancelled")
                .get(before)
                .cloned()
        };
        let told = until("the cancellation", told).await;
        let called = module.heard_of("tools/call");
        assert_eq!(told["params"]["requestId"], called.last().unwrap()["id"]);
    }
}

#[tokio::test]
async fn who_listens_is_told_what_it_wants_and_resources_are_watched_while_somebody_does() {
    let module = Scripted::open().await;
    let address = module.address();
    let listen = |id: &str, wants: &str| {
        let params = format!(r#""notifications":{wants}"#);
        modern(
            address,
            support::client::stateless(id, "subscriptions/listen", &params),
        )
    };
    let wants = r#"{"toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["test://a"]}"#;
    let mut one = listen("\"one\"", wants).open().await;
    let agreed = one.message(|_| true).await;
    assert_eq!(agreed["method"], "notifications/subscriptions/acknowledged");
    let told = json!({ "toolsListChanged": true, "resourceSubscriptions": ["test://a"] });
    assert_eq!(agreed["params"]["notifications"], told);
    let mut two = listen("2", r#"{"resourceSubscriptions":["test://a"]}"#)
        .open()
        .await;
    two.message(|_| true).await;
    assert_eq!(module.heard_of("resources/subscribe").len(), 1);

    assert_eq!(
        call(address, "{}", "change", "").answer().await.status,
        StatusCode::OK
    );
    let tag = "io.modelcontextprotocol/subscriptionId";
    // Changes of lists come together, after a while, so the order of the two is open.
    let (mut tools, mut resources) = (0, 0);
    while tools == 0 || resources == 0 {
        let told = one.message(|_| true).await;
        assert_eq!(told["params"]["_meta"][tag], "one", "{told}");
        match told["method"].as_str().unwrap() {
            "notifications/tools/list_changed" => tools += 1,
            "notifications/resources/updated" => {
                assert_eq!(told["params"]["uri"], "test://a");
                resources += 1;
            }
            other => panic!("{other}"),
        }
    }
    let updated = two.message(|_| true).await;
    assert_eq!(updated["method"], "notifications/resources/updated");
    assert_eq!(updated["params"]["uri"], "test://a");
    assert_eq!(updated["params"]["_meta"][tag], 2);
    drop(one);
    // Only the last one to leave takes the subscription with it.
    call(address, "{}", "change", "").answer().await;
    let updated = two.message(|_| true).await;
    assert_eq!(updated["params"]["uri"], "test://a");
    assert!(module.heard_of("resources/unsubscribe").is_empty());
    drop(two);
    let gone = || module.heard_of("resources/unsubscribe").pop();
    let gone = until("the end of the subscription", gone).await;
    assert_eq!(gone["params"]["uri"], "test://a");
}

#[tokio::test]
async fn what_the_other_era_cannot_say_is_not_offered_and_answered_with_an_error() {
    let module = Scripted::open().await;
    let address = module.address();
    let ask = |method: &str, params: &str| {
        modern(address, support::client::stateless("1", method, params))
    };
    let discovered = ask("server/discover", "").answer().await.json();
    let offered = discovered["result"]["capabilities"].clone();
    let offered: BTreeSet<&str> = offered
        .as_object()
        .unwrap()
        .keys()
        .map(|it| &**it)
        .collect();
    assert_eq!(offered, ["tools", "resources", "logging"].into());
    for (method, params) in [
        ("resources/subscribe", r#""uri":"test://a""#),
        ("logging/setLevel", r#""level":"info""#),
        ("tasks/list", ""),
    ] {
        let answer = ask(method, params).answer().await;
        assert_eq!(answer.code(), Some(-32601), "{method}: {}", answer.text());
    }
    let heard = module.heard();
    assert!(
        heard
            .iter()
            .all(|heard| heard["method"] != "resources/subscribe")
    );
}
