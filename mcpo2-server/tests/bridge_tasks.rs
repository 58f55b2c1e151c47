//! Tasks where client and module are of different eras.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use http::StatusCode;
use mcpo2_server::Mode;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::support::{
    Gateway,
    client::{Answer, Ask, modern},
    key, scripted, tasked, until,
};

/// What a client that knows tasks says of itself.
const TASKS: &str = r#"{"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;

/// A gateway before the module with sessions that has tasks.
struct Tasked {
    gateway: Gateway,
    heard: Heard,
}

enum Heard {
    Log(
        PathBuf,
        #[expect(dead_code, reason = "it holds the log")] TempDir,
    ),
    Http(Arc<Mutex<Vec<Value>>>),
}

impl Tasked {
    async fn over_http(identity: &str) -> Self {
        let (url, heard) = tasked::serve().await;
        let yaml = file(
            identity,
            &[("module", &format!("http: {{ url: \"{url}\" }}"))],
        );
        Self {
            gateway: Gateway::start(&yaml, Mode::Observed).await,
            heard: Heard::Http(heard),
        }
    }

    async fn over_stdio(identity: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let yaml = file(identity, &[("module", &stdio(tasked::child(&log)))]);
        Self {
            gateway: Gateway::start(&yaml, Mode::Observed).await,
            heard: Heard::Log(log, dir),
        }
    }

    async fn both() -> [Self; 2] {
        let anybody = "{ anonymous: { tenant: local } }";
        [
            Self::over_http(anybody).await,
            Self::over_stdio(anybody).await,
        ]
    }

    fn address(&self) -> SocketAddr {
        self.gateway.address
    }

    fn heard_of(&self, method: &str) -> Vec<Value> {
        let mut heard = match &self.heard {
            Heard::Log(log, _) => scripted::heard(log),
            Heard::Http(heard) => heard.lock().unwrap().clone(),
        };
        heard.retain(|message| message["method"] == method);
        heard
    }
}

fn stdio(command: Vec<String>) -> String {
    let mut command = command.into_iter();
    let program = command.next().unwrap();
    let args = serde_json::to_string(&command.collect::<Vec<_>>()).unwrap();
    format!("stdio: {{ command: \"{program}\", args: {args} }}")
}

fn file(identity: &str, modules: &[(&str, &str)]) -> String {
    let module = |(id, way): &(&str, &str)| {
        format!("  - {{ id: {id}, family: general, approval: approved, {way} }}\n")
    };
    let modules: String = modules.iter().map(module).collect();
    format!(
        "version: 1\nidentity: {identity}\nmodules:\n{modules}policy:\n  rules:\n    - {{ id: all, effect: allow, families: [general] }}\n"
    )
}

fn ask(address: SocketAddr, abilities: &str, method: &str, params: &str) -> Ask {
    let comma = if params.is_empty() { "" } else { "," };
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{{{params}{comma}"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{abilities}}}}}}}"#
    );
    modern(address, body)
}

fn call(address: SocketAddr, abilities: &str, tool: &str) -> Ask {
    ask(
        address,
        abilities,
        "tools/call",
        &format!(r#""name":"{tool}""#),
    )
}

fn about(address: SocketAddr, method: &str, id: &str, more: &str) -> Ask {
    let params = format!(r#""taskId":"{id}"{more}"#);
    ask(address, TASKS, method, &params).with("mcp-name", id)
}

async fn get(address: SocketAddr, id: &str) -> Value {
    let answer = about(address, "tasks/get", id, "").answer().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let result = answer.json()["result"].clone();
    assert_eq!(result["resultType"], "complete", "{}", answer.text());
    assert_eq!(result["taskId"], id);
    assert!(!answer.text().contains("own-"), "{}", answer.text());
    result
}

/// The id of the task that a call became.
fn made(answer: &Answer) -> String {
    let result = &answer.json()["result"];
    assert_eq!(result["resultType"], "task", "{}", answer.text());
    result["taskId"].as_str().unwrap().to_owned()
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"]
        .as_str()
        .unwrap_or_else(|| panic!("{result}"))
}

#[tokio::test]
async fn a_tool_of_a_session_s_module_becomes_a_task_for_a_client_that_knows_them() {
    for module in Tasked::both().await {
        let address = module.address();
        let discovered = ask(address, "{}", "server/discover", "").answer().await;
        let offered = discovered.json()["result"]["capabilities"].clone();
        assert_eq!(
            offered,
            json!({ "tools": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } })
        );
        let begun = call(address, TASKS, "done").answer().await;
        let (id, result) = (made(&begun), begun.json()["result"].clone());
        assert_eq!(begun.json()["id"], 7);
        let said = |key: &str| result[key].clone();
        assert_eq!(said("status"), "working");
        assert_eq!(
            (said("ttlMs"), said("pollIntervalMs")),
            (60_000.into(), 50.into())
        );
        assert_eq!(said("createdAt"), "2026-01-01T00:00:00Z");
        assert_eq!(
            (said("vendor"), said("_meta")),
            (1.into(), json!({ "v": 2 }))
        );
        assert_eq!(result.get("ttl"), None);
        assert!(!begun.text().contains("own-"), "{}", begun.text());
        let sent = module.heard_of("tools/call").pop().unwrap();
        assert_eq!(
            sent["params"],
            json!({ "name": "done", "task": { "ttl": 3_600_000 }, "_meta": {} })
        );

        // The result is there for as long as the task is.
        for _ in 0..2 {
            let done = get(address, &id).await;
            assert_eq!(done["status"], "completed");
            assert_eq!(text(&done["result"]), "done");
            assert_eq!(done["result"]["resultType"], "complete");
            assert_eq!(done["statusMessage"], "so far");
        }
    }
}

#[tokio::test]
async fn an_error_of_a_task_is_its_error_and_a_tool_that_failed_has_completed() {
    for module in Tasked::both().await {
        let address = module.address();
        let id = made(&call(address, TASKS, "breaks").answer().await);
        let broken = get(address, &id).await;
        assert_eq!(broken["status"], "failed");
        let error = json!({ "code": -32603, "message": "broken", "data": { "v": 1 } });
        assert_eq!(broken["error"], error);
        let id = made(&call(address, TASKS, "fails").answer().await);
        let failed = get(address, &id).await;
        assert_eq!(failed["status"], "completed");
        assert_eq!(failed["result"]["isError"], true);
    }
}

#[tokio::test]
async fn a_client_that_does_not_know_tasks_gets_none() {
    for module in Tasked::both().await {
        let address = module.address();
        for abilities in ["{}", r#"{"elicitation":{}}"#] {
            let refused = call(address, abilities, "done").answer().await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST);
            assert_eq!(refused.code(), Some(-32021), "{}", refused.text());
            let needed = &refused.json()["error"]["data"]["requiredCapabilities"];
            assert_eq!(
                needed["extensions"],
                json!({ "io.modelcontextprotocol/tasks": {} })
            );
            let once = call(address, abilities, "fails").answer().await;
            assert_eq!(text(&once.json()["result"]), "at once");
            // What a session would ask for a task with means nothing here.
            let sneaky = r#""name":"fails","task":{"ttl":1}"#;
            let once = ask(address, abilities, "tools/call", sneaky).answer().await;
            assert_eq!(text(&once.json()["result"]), "at once");
            for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
                let params = r#""taskId":"x","inputResponses":{}"#;
                let ask = ask(address, abilities, method, params).with("mcp-name", "x");
                let refused = ask.answer().await;
                assert_eq!(refused.code(), Some(-32021), "{}", refused.text());
            }
            let params = r#""notifications":{"taskIds":["x"]}"#;
            let refused = ask(address, abilities, "subscriptions/listen", params);
            assert_eq!(refused.answer().await.code(), Some(-32021));
        }
        for tool in ["plain", "forbidden"] {
            let once = call(address, TASKS, tool).answer().await;
            assert_eq!(text(&once.json()["result"]), "at once", "{tool}");
        }
        assert_eq!(module.heard_of("tasks/get"), [] as [Value; 0]);
    }
}

#[tokio::test]
async fn what_a_task_asks_is_in_it_and_the_answer_goes_back() {
    for module in Tasked::both().await {
        let address = module.address();
        for tool in ["asks", "asks_early", "asks_outside"] {
            let id = made(&call(address, TASKS, tool).answer().await);
            let asks = get_until(address, &id, "input_required").await;
            let asked = asks["inputRequests"].as_object().unwrap().clone();
            let (name, question) = asked.iter().next().unwrap();
            assert_eq!(
                (asked.len(), &question["method"]),
                (1, &json!("elicitation/create"))
            );
            assert_eq!(question["params"]["message"], "who?");
            // Asked again, it is the same question.
            assert_eq!(
                get(address, &id).await["inputRequests"],
                asks["inputRequests"]
            );

            let ignored = r#","inputResponses":{"other":{},"n":1}"#;
            let answer = about(address, "tasks/update", &id, ignored).answer().await;
            assert_eq!(answer.json()["result"], json!({ "resultType": "complete" }));
            assert_eq!(get(address, &id).await["status"], "input_required");
            let said = json!({ name: { "action": "accept", "content": { "name": "ada" } } });
            let said = format!(r#","inputResponses":{said}"#);
            let answer = about(address, "tasks/update", &id, &said).answer().await;
            assert_eq!(answer.json()["result"], json!({ "resultType": "complete" }));
            let done = get_until(address, &id, "completed").await;
            let heard: Value = serde_json::from_str(text(&done["result"])).unwrap();
            assert_eq!(heard["content"], json!({ "name": "ada" }));
            assert_eq!(heard["of"], true);
        }
    }
}

async fn get_until(address: SocketAddr, id: &str, status: &str) -> Value {
    support::soon("the status of a task", async {
        loop {
            let task = get(address, id).await;
            if task["status"] == status {
                return task;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_client_that_cannot_be_asked_is_not_and_the_module_is_told() {
    for module in Tasked::both().await {
        let address = module.address();
        let unable = TASKS.replace(r#""elicitation":{},"#, "");
        let id = made(&call(address, &unable, "asks").answer().await);
        let done = get_until(address, &id, "completed").await;
        assert!(text(&done["result"]).contains("-32601"), "{done}");
    }
}

#[tokio::test]
async fn a_task_is_cancelled_at_its_module() {
    for module in Tasked::both().await {
        let address = module.address();
        let id = made(&call(address, TASKS, "stays").answer().await);
        assert_eq!(get(address, &id).await["status"], "working");
        // One that has ended is no error either.
        for _ in 0..2 {
            let answer = about(address, "tasks/cancel", &id, "").answer().await;
            assert_eq!(answer.json()["result"], json!({ "resultType": "complete" }));
            assert_eq!(get(address, &id).await["status"], "cancelled");
        }
        assert_eq!(
            module.heard_of("tasks/cancel")[0]["params"]["taskId"],
            "own-0"
        );
    }
}

#[tokio::test]
async fn who_listens_to_a_task_hears_how_it_goes() {
    for module in Tasked::both().await {
        let address = module.address();
        let id = made(&call(address, TASKS, "stays").answer().await);
        let asks = made(&call(address, TASKS, "asks").answer().await);
        let params = format!(
            r#""notifications":{{"toolsListChanged":true,"taskIds":["{id}","no","{asks}"]}}"#
        );
        let mut stream = ask(address, TASKS, "subscriptions/listen", &params)
            .open()
            .await;
        let first = stream.message(|_| true).await;
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
        let agreed = first["params"]["notifications"]["taskIds"].clone();
        let agreed: std::collections::BTreeSet<_> = agreed
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_str().unwrap())
            .collect();
        assert_eq!(agreed, [&*id, &*asks].into());
        let mut told: BTreeMap<String, Value> = BTreeMap::new();
        // A module may be slow to put its question: until then its task works.
        while told.len() < 2 || told[&asks]["status"] == "working" {
            let note = stream.message(|_| true).await;
            assert_eq!(note["method"], "notifications/tasks");
            let subscription = &note["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
            assert_eq!(*subscription, 7);
            let task = note["params"].clone();
            let status = task["status"].clone();
            let of = task["taskId"].as_str().unwrap().to_owned();
            let before = told.insert(of, task);
            assert!(before.is_none_or(|before| before["status"] != status));
        }
        assert_eq!(told[&id]["status"], "working");
        assert_eq!(told[&asks]["status"], "input_required");
        assert!(told[&asks]["inputRequests"].is_object());
        about(address, "tasks/cancel", &id, "").answer().await;
        let note = stream.message(|_| true).await;
        assert_eq!(
            (&note["params"]["taskId"], &note["params"]["status"]),
            (&json!(id), &json!("cancelled"))
        );
    }
}

#[tokio::test]
async fn a_task_is_its_principal_s_alone() {
    let ((ada, ada_line), (ben, ben_line)) = (key("ada", "acme"), key("ben", "acme"));
    let line = |line: &str| line.trim().trim_start_matches("- ").to_owned();
    let identity = format!("{{ api_keys: [{}, {}] }}", line(&ada_line), line(&ben_line));
    for module in [
        Tasked::over_http(&identity).await,
        Tasked::over_stdio(&identity).await,
    ] {
        let address = module.address();
        let id = made(&call(address, TASKS, "stays").key(&ada).answer().await);
        let bens = made(&call(address, TASKS, "stays").key(&ben).answer().await);
        // Each has a session of its own at the module.
        let first = module.heard_of("initialize").len();
        assert!(first >= 3, "{first}");
        let mut texts = Vec::new();
        for id in [&*id, "own-0", "nothing"] {
            for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
                let more = r#","inputResponses":{}"#;
                let answer = about(address, method, id, more).key(&ben).answer().await;
                assert_eq!(answer.code(), Some(-32602), "{}", answer.text());
                texts.push(answer.text().to_owned());
            }
        }
        texts.dedup();
        assert_eq!(texts.len(), 1, "{texts:?}");
        let params = format!(r#""notifications":{{"taskIds":["{id}"]}}"#);
        let mut stream = ask(address, TASKS, "subscriptions/listen", &params)
            .key(&ben)
            .open()
            .await;
        let first = stream.message(|_| true).await;
        assert_eq!(first["params"]["notifications"], json!({}));
        for (key, id) in [(&ada, &id), (&ben, &bens)] {
            let answer = about(address, "tasks/get", id, "").key(key).answer().await;
            assert_eq!(
                answer.json()["result"]["status"],
                "working",
                "{}",
                answer.text()
            );
        }
        assert!(module.heard_of("tasks/cancel").is_empty());
    }
}

#[tokio::test]
async fn how_many_tasks_a_principal_has_is_bounded() {
    let module = Tasked::over_stdio("{ anonymous: { tenant: local } }").await;
    let address = module.address();
    let first = made(&call(address, TASKS, "done").answer().await);
    for _ in 0..63 {
        made(&call(address, TASKS, "stays").answer().await);
    }
    let refused = call(address, TASKS, "stays").answer().await;
    assert_eq!(
        refused.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        refused.text()
    );
    // One whose end was told makes room.
    get_until(address, &first, "completed").await;
    made(&call(address, TASKS, "stays").answer().await);
    let gone = about(address, "tasks/get", &first, "").answer().await;
    assert_eq!(gone.code(), Some(-32602), "{}", gone.text());
    let heard = until("the calls", || Some(module.heard_of("tools/call").len())).await;
    assert_eq!(heard, 65);
}

#[tokio::test]
async fn a_task_is_gone_with_the_module_that_it_was_at() {
    let module = Tasked::over_stdio("{ anonymous: { tenant: local } }").await;
    let address = module.address();
    let id = made(&call(address, TASKS, "stays_until_it_dies").answer().await);
    support::soon("the end of the task", async {
        loop {
            let answer = about(address, "tasks/get", &id, "").answer().await;
            if answer.code() == Some(-32602) {
                return;
            }
        }
    })
    .await;
    // Another begins at a module of its own.
    let id = made(&call(address, TASKS, "stays").answer().await);
    assert_eq!(get(address, &id).await["status"], "working");
}

#[tokio::test]
async fn over_several_modules_a_task_finds_its_own() {
    let (url, heard) = tasked::serve().await;
    let dir = tempfile::tempdir().unwrap();
    let child = stdio(tasked::child(&dir.path().join("log")));
    let modules = [
        ("alpha", &*format!("http: {{ url: \"{url}\" }}")),
        ("beta", &*child),
    ];
    let yaml = file("{ anonymous: { tenant: local } }", &modules);
    let gateway = Gateway::governed(&yaml).await;
    let address = gateway.address;
    let discovered = ask(address, "{}", "server/discover", "").answer().await;
    let offered = &discovered.json()["result"]["capabilities"]["extensions"];
    let wanted = json!({ "io.modelcontextprotocol/tasks": {} });
    assert_eq!(*offered, wanted, "{}", discovered.text());
    let refused = call(address, "{}", "alpha__done").answer().await;
    assert_eq!(refused.code(), Some(-32021), "{}", refused.text());
    let params = r#""notifications":{"taskIds":["alpha__no"]}"#;
    let refused = ask(address, "{}", "subscriptions/listen", params);
    assert_eq!(refused.answer().await.code(), Some(-32021));
    for module in ["alpha", "beta"] {
        let id = made(
            &call(address, TASKS, &format!("{module}__asks"))
                .answer()
                .await,
        );
        assert!(id.starts_with(module), "{id}");
        let params = format!(r#""notifications":{{"taskIds":["{id}","{module}__no"]}}"#);
        let listen = ask(address, TASKS, "subscriptions/listen", &params);
        let mut stream = listen.open().await;
        let first = stream.message(|_| true).await;
        assert_eq!(first["params"]["notifications"], json!({ "taskIds": [id] }));
        let mut status = json!("working");
        while status == "working" {
            let note = stream.message(|_| true).await;
            assert_eq!(
                (&note["method"], &note["params"]["taskId"]),
                (&json!("notifications/tasks"), &json!(id))
            );
            status = note["params"]["status"].clone();
        }
        assert_eq!(status, "input_required");
        let asks = get(address, &id).await;
        let (name, _) = asks["inputRequests"]
            .as_object()
            .unwrap()
            .iter()
            .next()
            .unwrap();
        let said = format!(
            r#","inputResponses":{}"#,
            json!({ name: { "action": "decline" } })
        );
        about(address, "tasks/update", &id, &said).answer().await;
        let done = get_until(address, &id, "completed").await;
        assert!(text(&done["result"]).contains("decline"), "{done}");
    }
    let heard = heard.lock().unwrap();
    assert!(
        heard
            .iter()
            .any(|message| message["method"] == "tasks/result")
    );
}
