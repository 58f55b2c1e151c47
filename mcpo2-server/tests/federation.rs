//! Several modules behind one endpoint, over real sockets: nothing of one crosses over to another,
//! and one that is slow or gone takes nobody with it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{collections::BTreeSet, net::SocketAddr};

use http::{Method, StatusCode};
use mcpo2_audit::Event;
use mcpo2_testkit::raw::{
    Answer as CannedAnswer, Canned, RawUpstream,
    vendor::{Era, TOOLS_CHANGED},
};
use serde_json::{Value, json};

use self::support::{
    Gateway,
    client::{Answer, bare, begin, in_session, listen, modern, plain, stateless},
    fact, fixture, key, until, vendor,
};

/// A gateway before these modules, for whoever is on this machine.
fn yaml(modules: &[(&str, &str)], more: &str) -> String {
    let module = |(id, url): &(&str, &str)| {
        format!(
            "  - {{ id: {id}, family: general, approval: approved, http: {{ url: \"{url}\" }} }}\n"
        )
    };
    let modules: String = modules.iter().map(module).collect();
    format!(
        "version: 1\nidentity: {{ anonymous: {{ tenant: local }} }}\nmodules:\n{modules}policy:\n  \
         rules:\n    - {{ id: all, effect: allow, families: [general] }}\n{more}"
    )
}

/// Fast enough for a test, and long enough for a module that answers.
const PATIENT: &str = "lists: { changes: 50ms, deadline: 10s }\n";

async fn before(modules: &[(&str, &str)], more: &str) -> Gateway {
    Gateway::governed(&yaml(modules, more)).await
}

async fn ask(address: SocketAddr, method: &str, params: &str) -> Answer {
    modern(address, stateless("1", method, params))
        .answer()
        .await
}

async fn get(address: SocketAddr, path: &str) -> Answer {
    bare(address, "")
        .method(Method::GET)
        .path(path)
        .answer()
        .await
}

/// Numbers that no machine type holds stand in the way of a `Value`.
fn result(answer: &Answer) -> Value {
    let text = answer.text().replace("1e400", "0");
    let json: Value = serde_json::from_str(&text).unwrap();
    assert!(json["error"].is_null(), "{json}");
    json["result"].clone()
}

fn names(result: &Value, list: &str, member: &str) -> Vec<String> {
    let entries = result[list].as_array().unwrap();
    let name = |entry: &Value| entry[member].as_str().unwrap().to_owned();
    entries.iter().map(name).collect()
}

/// A module of 2026-07-28 that answers these methods with these results.
async fn canned(results: &[(&str, Value)]) -> RawUpstream {
    let mut canned = Canned::vendor(Era::Modern);
    for (method, result) in results {
        canned = canned.with(*method, CannedAnswer::result(&result.to_string()));
    }
    RawUpstream::start(canned).await.unwrap()
}

fn tools(names: impl IntoIterator<Item = String>) -> Value {
    let tool = |name| json!({ "name": name, "inputSchema": { "type": "object" } });
    let tools: Vec<_> = names.into_iter().map(tool).collect();
    json!({ "resultType": "complete", "tools": tools, "ttlMs": 60_000, "cacheScope": "public" })
}

/// Nothing of this kind, to be kept for as long as tools are.
fn none(list: &str) -> Value {
    json!({ "resultType": "complete", list: [], "ttlMs": 60_000, "cacheScope": "public" })
}

/// What the module was asked by this method, as values.
fn asked(upstream: &RawUpstream, method: &str) -> Vec<Value> {
    let log = upstream.log();
    let bodies = log.of(method).map(|received| received.body.clone());
    let params = |body: bytes::Bytes| {
        let body: Value = serde_json::from_slice(&body).unwrap();
        body["params"].clone()
    };
    bodies.map(params).collect()
}

#[tokio::test]
async fn t06_equal_names_and_uris_of_two_modules_go_to_one_owner_each() {
    for era in [Era::Modern, Era::Legacy] {
        let (alpha, beta) = (vendor(era).await, vendor(era).await);
        let modules = [("beta", &*beta.url()), ("alpha", &*alpha.url())];
        let gateway = before(&modules, PATIENT).await;
        let address = gateway.address;
        let listed = result(&ask(address, "tools/list", "").await);
        assert_eq!(
            names(&listed, "tools", "name")[3..5],
            ["alpha__vendor_hang", "beta__vendor_call"]
        );
        let prompts = result(&ask(address, "prompts/list", "").await);
        assert_eq!(
            names(&prompts, "prompts", "name"),
            ["alpha__vendor_prompt", "beta__vendor_prompt"]
        );
        // The first by id has what both list, and the other's is not shown beside it.
        let resources = result(&ask(address, "resources/list", "").await);
        assert_eq!(names(&resources, "resources", "uri"), ["raw://one"]);
        ask(address, "resources/read", r#""uri":"raw://one""#).await;
        ask(address, "tools/call", r#""name":"beta__vendor_call""#).await;
        ask(address, "prompts/get", r#""name":"alpha__vendor_prompt""#).await;
        let argument = r#""argument":{"name":"a","value":"x"}"#;
        for reference in [
            r#"{"type":"ref/prompt","name":"beta__vendor_prompt"}"#,
            r#"{"type":"ref/resource","uri":"raw://t/{id}"}"#,
        ] {
            let params = format!(r#""ref":{reference},{argument}"#);
            result(&ask(address, "completion/complete", &params).await);
        }
        let counts = |upstream: &RawUpstream| {
            ["resources/read", "tools/call", "prompts/get"].map(|m| asked(upstream, m).len())
        };
        assert_eq!((counts(&alpha), counts(&beta)), ([1, 0, 1], [0, 1, 0]));
        assert_eq!(asked(&beta, "tools/call")[0]["name"], "vendor_call");
        assert_eq!(
            asked(&beta, "completion/complete")[0]["ref"]["name"],
            "vendor_prompt"
        );
        assert_eq!(
            asked(&alpha, "completion/complete")[0]["ref"]["uri"],
            "raw://t/{id}"
        );
        let detail = get(address, "/readyz?verbose").await.json();
        // A resource and a template.
        assert_eq!(detail["modules"]["beta"]["shadowed"], 2, "{detail}");
        assert_eq!(detail["modules"]["alpha"]["shadowed"], 0);
        let metrics = get(address, "/metrics").await;
        let sample = r#"mcpo2_modules_shadowed{module="beta"} 2"#;
        assert!(metrics.text().contains(sample), "{}", metrics.text());
    }
}

#[tokio::test]
async fn names_that_model_apis_refuse_are_shortened_and_find_their_owner() {
    let own = ["a.b", "a_b", "überall", &"long".repeat(25), "plain"];
    let upstream = canned(&[("tools/list", tools(own.map(String::from)))]).await;
    let other = vendor(Era::Modern).await;
    let modules = [("m", &*upstream.url()), ("n", &*other.url())];
    let gateway = before(&modules, PATIENT).await;
    let listed = result(&ask(gateway.address, "tools/list", "").await);
    let shown: Vec<_> = names(&listed, "tools", "name")
        .into_iter()
        .take(5)
        .collect();
    assert_eq!((&*shown[1], &*shown[4]), ("m__a_b", "m__plain"));
    for name in &shown {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        assert!(name.len() <= 64 && name.chars().all(allowed), "{name}");
        ask(
            gateway.address,
            "tools/call",
            &format!(r#""name":"{name}""#),
        )
        .await;
    }
    let called = asked(&upstream, "tools/call");
    let called: Vec<_> = called
        .iter()
        .map(|params| params["name"].as_str().unwrap())
        .collect();
    assert_eq!(called, own);
    // What is not such a name is nobody's, even where the module would understand it.
    let dotted = ask(gateway.address, "tools/call", r#""name":"m__a.b""#).await;
    assert_eq!(dotted.code(), Some(-32602), "{}", dotted.text());
}

#[tokio::test]
async fn a_thousand_tools_of_five_modules_come_in_pages_that_nobody_else_can_turn() {
    let mut upstreams = Vec::new();
    for _ in 0..5 {
        // All of them last: a list that is old soon has the others read again, too.
        let lists = [
            (
                "tools/list",
                tools((0..200).map(|n| format!("tool_{n:03}"))),
            ),
            ("prompts/list", none("prompts")),
            ("resources/list", none("resources")),
            ("resources/templates/list", none("resourceTemplates")),
        ];
        upstreams.push(canned(&lists).await);
    }
    let ((ada, ada_line), (ben, ben_line)) = (key("ada", "acme"), key("ben", "globex"));
    let modules: Vec<_> = upstreams.iter().map(RawUpstream::url).collect();
    let ids = ["m0", "m1", "m2", "m3", "m4"];
    let modules: Vec<_> = ids
        .into_iter()
        .zip(modules.iter().map(|url| &**url))
        .collect();
    let hidden = "    - { id: no-099, effect: deny, tools: [\"*__tool_099\"] }\n";
    let yaml = yaml(
        &modules,
        &format!("{hidden}lists: {{ deadline: 10s, page_entries: 300 }}\n"),
    )
    .replace(
        "anonymous: { tenant: local }",
        &format!(
            "api_keys: [{}, {}]",
            ada_line.trim().trim_start_matches("- "),
            ben_line.trim().trim_start_matches("- ")
        ),
    );
    let gateway = Gateway::governed(&yaml).await;
    let page = async |key: &str, method: &str, cursor: Option<&str>| {
        let params = cursor.map(|cursor| format!(r#""cursor":"{cursor}""#));
        let body = stateless("1", method, &params.unwrap_or_default());
        modern(gateway.address, body).key(key).answer().await
    };
    let (mut all, mut cursors, mut next) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let result = result(&page(&ada, "tools/list", next.as_deref()).await);
        // Something is hidden from somebody, so nobody else may keep it.
        assert_eq!(result["cacheScope"], "private");
        all.extend(names(&result, "tools", "name"));
        next = result["nextCursor"].as_str().map(str::to_owned);
        match &next {
            Some(cursor) => cursors.push(cursor.clone()),
            None => break,
        }
    }
    assert_eq!((all.len(), cursors.len()), (995, 3));
    assert!(all.is_sorted(), "in order of ids");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 995);
    let cursor = Some(&*cursors[0]);
    for refused in [
        page(&ben, "tools/list", cursor).await,
        page(&ada, "prompts/list", cursor).await,
        page(&ada, "tools/list", Some("garbage")).await,
        page(&ada, "tools/list", Some("")).await,
    ] {
        assert_eq!(refused.code(), Some(-32602), "{}", refused.text());
    }
    // The same page again is the same page.
    let again = [
        page(&ada, "tools/list", cursor).await,
        page(&ada, "tools/list", cursor).await,
    ];
    let [one, two] = again.map(|answer| result(&answer)["tools"].clone());
    assert_eq!(one, two);
    // All of it was read once.
    for upstream in &upstreams {
        assert_eq!(asked(upstream, "tools/list").len(), 1);
    }
}

#[tokio::test]
async fn a_module_that_is_dead_and_one_that_never_answers_hide_and_delay_nobody() {
    let never = Canned::default()
        .with("server/discover", CannedAnswer::never())
        .with("initialize", CannedAnswer::never());
    let mute = RawUpstream::start(never).await.unwrap();
    let alive = vendor(Era::Modern).await;
    let legacy = fixture().await;
    let modules = [
        ("alive", &*alive.url()),
        ("dead", "http://127.0.0.1:1/mcp"),
        ("legacy", &*legacy),
        ("mute", &*mute.url()),
    ];
    let gateway = before(&modules, "lists: { deadline: 3s }\n").await;
    let address = gateway.address;
    let listed = result(&ask(address, "tools/list", "").await);
    let shown = names(&listed, "tools", "name");
    assert!(
        shown.contains(&"alive__vendor_call".to_owned()),
        "{shown:?}"
    );
    assert!(
        shown.contains(&"legacy__test_simple_text".to_owned()),
        "{shown:?}"
    );
    // What is not whole is not kept.
    assert_eq!(listed["ttlMs"], 0);
    let capabilities = result(&ask(address, "server/discover", "").await)["capabilities"].clone();
    assert_eq!(capabilities["tools"], json!({ "listChanged": true }));
    let session = begin(address, "{}").await;
    let body = plain("1", "tools/list", "");
    let in_session = result(&in_session(address, &session, body).answer().await);
    assert_eq!(names(&in_session, "tools", "name"), shown);
    let call = ask(address, "tools/call", r#""name":"alive__vendor_call""#).await;
    assert_eq!(call.status, StatusCode::OK);

    let detail = get(address, "/readyz?verbose").await;
    assert_eq!(detail.status, StatusCode::OK);
    let detail = detail.json();
    let state = |id: &str| detail["modules"][id]["state"].clone();
    assert_eq!(
        ["alive", "dead", "legacy", "mute"].map(state),
        ["present", "missing", "present", "missing"]
    );
    assert!(!detail.to_string().contains("127.0.0.1"), "{detail}");
    let metrics = get(address, "/metrics").await;
    for sample in [
        r#"mcpo2_modules_missing{module="alive"} 0"#,
        r#"mcpo2_modules_missing{module="dead"} 1"#,
        r#"mcpo2_modules_missing{module="mute"} 1"#,
    ] {
        assert!(metrics.text().contains(sample), "{}", metrics.text());
    }
    let record = gateway.call_of("tools/list").await;
    assert_eq!(fact(&record, "listing")["missing"], json!(["dead", "mute"]));
    let missing = |record: &mcpo2_audit::Record| match &record.event {
        Event::Module(note) => Some((note.action.to_string(), note.detail["module"].to_string())),
        _ => None,
    };
    let noted: BTreeSet<_> = gateway.records().iter().filter_map(missing).collect();
    let gone = |id: &str| ("missing".to_owned(), id.to_owned());
    assert_eq!(noted, BTreeSet::from([gone("dead"), gone("mute")]));
}

#[tokio::test]
async fn equal_ids_of_tasks_stay_apart_and_belong_to_who_began_them() {
    let task = json!({ "resultType": "task", "taskId": "7", "status": "working", "vendor": 1 });
    let (mut of_task, mut upstreams) = (task.clone(), Vec::new());
    of_task["resultType"] = "complete".into();
    for _ in 0..2 {
        let results = [("tools/call", task.clone()), ("tasks/get", of_task.clone())];
        upstreams.push(canned(&results).await);
    }
    let ((ada, ada_line), (ben, ben_line)) = (key("ada", "acme"), key("ben", "acme"));
    let modules = [
        ("alpha", &*upstreams[0].url()),
        ("beta", &*upstreams[1].url()),
    ];
    let keys = format!(
        "api_keys: [{}, {}]",
        ada_line.trim().trim_start_matches("- "),
        ben_line.trim().trim_start_matches("- ")
    );
    let yaml = yaml(&modules, PATIENT).replace("anonymous: { tenant: local }", &keys);
    let gateway = Gateway::governed(&yaml).await;
    let declared = |body: String| {
        body.replace(
            r#"clientCapabilities":{}"#,
            r#"clientCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#,
        )
    };
    let call = async |key: &str, tool: &str| {
        let body = declared(stateless("1", "tools/call", &format!(r#""name":"{tool}""#)));
        let answer = modern(gateway.address, body).key(key).answer().await;
        assert!(answer.text().contains(r#""vendor":1"#), "{}", answer.text());
        result(&answer)["taskId"].as_str().unwrap().to_owned()
    };
    let get = async |key: &str, id: &str| {
        let body = declared(stateless("1", "tasks/get", &format!(r#""taskId":"{id}""#)));
        modern(gateway.address, body)
            .with("mcp-name", id)
            .key(key)
            .answer()
            .await
    };
    let alphas = call(&ada, "alpha__vendor_call").await;
    let betas = call(&ada, "beta__vendor_call").await;
    assert_ne!(alphas, betas);
    // A task keeps its id, whoever tells of it.
    assert_eq!(alphas, call(&ada, "alpha__vendor_call").await);
    for (id, upstream) in [(&alphas, &upstreams[0]), (&betas, &upstreams[1])] {
        assert_eq!(result(&get(&ada, id).await)["taskId"], **id);
        let log = upstream.log();
        let sent = log.of("tasks/get").next().unwrap();
        assert_eq!(sent.header("mcp-name"), Some("7"));
        assert_eq!(asked(upstream, "tasks/get")[0]["taskId"], "7");
    }
    let forged = alphas.replacen("alpha", "beta", 1);
    for (key, id) in [
        (&ben, &*alphas),
        (&ada, &*forged),
        (&ada, "7"),
        (&ada, "alpha__7"),
    ] {
        let refused = get(key, id).await;
        assert_eq!(refused.code(), Some(-32602), "{}", refused.text());
    }
    for upstream in &upstreams {
        assert_eq!(asked(upstream, "tasks/get").len(), 1);
    }
}

#[tokio::test]
async fn equal_ids_and_tokens_of_calls_to_two_modules_stay_apart_in_both_eras() {
    for era in [Era::Modern, Era::Legacy] {
        let (alpha, beta) = (vendor(era).await, vendor(era).await);
        let modules = [("alpha", &*alpha.url()), ("beta", &*beta.url())];
        let gateway = before(&modules, PATIENT).await;
        let session = begin(gateway.address, "{}").await;
        let call = async |module: &str, in_a_session: bool| {
            let name = format!(r#""name":"{module}__vendor_stream""#);
            let token = r#""progressToken":"t""#;
            let ask = match in_a_session {
                true => {
                    let params = format!(r#"{name},"_meta":{{{token}}}"#);
                    in_session(gateway.address, &session, plain("9", "tools/call", &params))
                }
                false => {
                    let body = stateless("9", "tools/call", &name);
                    let body = body.replace(r#""_meta":{"#, &format!(r#""_meta":{{{token},"#));
                    modern(gateway.address, body)
                }
            };
            let mut stream = ask.open().await;
            let progress = stream
                .message(|m| m["method"] == "notifications/progress")
                .await;
            assert_eq!(progress["params"]["progressToken"], "t", "{era:?} {module}");
            let end = stream.message(|m| m.get("id").is_some()).await;
            assert_eq!(end["id"], 9, "{end}");
        };
        tokio::join!(
            call("alpha", false),
            call("beta", false),
            call("alpha", false),
            call("alpha", true),
        );
        // One client of the session uses an id for one call at a time.
        call("beta", true).await;
        let counts = [&alpha, &beta].map(|one| asked(one, "tools/call").len());
        assert_eq!(counts, [3, 2]);
    }
}

#[tokio::test]
async fn u07_what_modules_say_of_their_lists_is_told_once_to_all_who_listen() {
    let alpha = vendor(Era::Modern).await;
    let fixture = fixture().await;
    let modules = [("alpha", &*alpha.url()), ("fixture", &*fixture)];
    let gateway = before(&modules, "lists: { changes: 2s, deadline: 10s }\n").await;
    let address = gateway.address;
    ask(address, "tools/list", "").await;
    let filter = r#""notifications":{"toolsListChanged":true,"com.example/other":true}"#;
    let body = stateless(r#""mine""#, "subscriptions/listen", filter);
    let mut stateless_stream = modern(address, body).open().await;
    let acknowledged = stateless_stream.message(|_| true).await;
    assert_eq!(
        acknowledged["params"]["notifications"],
        json!({ "toolsListChanged": true })
    );
    let session = begin(address, "{}").await;
    let mut session_stream = listen(address, &session).open().await;
    // The catalog listens to the module.
    alpha
        .wait_for(|log| log.of("subscriptions/listen").count() >= 1)
        .await;
    until("an open stream", || {
        (alpha.emit(TOOLS_CHANGED) > 0).then_some(())
    })
    .await;
    for _ in 0..5_000 {
        alpha.emit(TOOLS_CHANGED);
    }
    let is_change = |m: &Value| m["method"] == "notifications/tools/list_changed";
    let told = stateless_stream.message(is_change).await;
    let subscription = "io.modelcontextprotocol/subscriptionId";
    assert_eq!(told["params"]["_meta"][subscription], "mine", "{told}");
    session_stream.message(is_change).await;
    // Once at the beginning, at once when it said so, and once for all that it said since.
    alpha
        .wait_for(|log| log.of("tools/list").count() >= 3)
        .await;
    stateless_stream.message(is_change).await;
    let lists = asked(&alpha, "tools/list").len();
    assert!((3..=4).contains(&lists), "{lists}");

    // What changes in the other module is told on the same stream, and what was not asked for not.
    for change in ["prompt", "tool"] {
        let name = format!(r#""name":"fixture__test_trigger_{change}_change","arguments":{{}}"#);
        let answer = ask(address, "tools/call", &name).await;
        assert!(answer.code().is_none(), "{}", answer.text());
    }
    let told = stateless_stream.message(|_| true).await;
    assert!(is_change(&told), "{told}");
}

#[tokio::test]
async fn what_is_merged_is_the_same_whoever_answers_first() {
    let (alpha, beta) = (vendor(Era::Legacy).await, vendor(Era::Modern).await);
    let modules = [("beta", &*beta.url()), ("alpha", &*alpha.url())];
    let gateway = before(&modules, PATIENT).await;
    let mut answers = BTreeSet::new();
    for _ in 0..3 {
        for method in ["server/discover", "tools/list", "resources/list"] {
            answers.insert(ask(gateway.address, method, "").await.text().to_owned());
        }
    }
    assert_eq!(answers.len(), 3, "{answers:?}");
    let discovered = result(&ask(gateway.address, "server/discover", "").await);
    let own = "io.modelcontextprotocol/serverInfo";
    assert_eq!(discovered["_meta"][own]["name"], "mcpo2");
    assert!(discovered["capabilities"]["vendorCap"].is_null());
}
