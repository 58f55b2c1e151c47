//! Sessions that ask for tasks, before modules without sessions that have some.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::net::SocketAddr;

use http::StatusCode;
use mcpo2_testkit::raw::{Answer as Canned, Canned as Answers, RawUpstream, vendor::Era};
use serde_json::{Value, json};

use self::support::{
    Gateway,
    client::{self, Answer, Streaming, in_session, listen, plain},
    fixtures, soon,
};

const ABLE: &str = r#"{"elicitation":{},"sampling":{},"roots":{}}"#;
const RELATED: &str = "io.modelcontextprotocol/related-task";

/// A session and where it is.
struct Client {
    address: SocketAddr,
    session: String,
}

impl Client {
    async fn of(gateway: &Gateway, abilities: &str) -> Self {
        Self {
            address: gateway.address,
            session: client::begin(gateway.address, abilities).await,
        }
    }

    fn ask(&self, method: &str, params: &str) -> client::Ask {
        in_session(self.address, &self.session, plain("5", method, params))
    }

    async fn begin(&self, tool: &str, arguments: &Value) -> Value {
        let params = format!(r#""name":"{tool}","arguments":{arguments},"task":{{"ttl":60000}}"#);
        let made = self.ask("tools/call", &params).answer().await;
        assert_eq!(made.json()["id"], 5);
        let task = made.json()["result"]["task"].clone();
        assert_eq!(task["status"], "working", "{}", made.text());
        assert_eq!(task["ttl"], 60_000);
        for time in ["createdAt", "lastUpdatedAt"] {
            assert!(task[time].as_str().unwrap().ends_with('Z'), "{task}");
        }
        task
    }

    async fn about(&self, method: &str, task: &Value) -> Answer {
        self.open(method, task).await.whole().await
    }

    async fn open(&self, method: &str, task: &Value) -> Streaming {
        let id = &task["taskId"];
        self.ask(method, &format!(r#""taskId":{id}"#)).open().await
    }

    async fn get_until(&self, task: &Value, status: &str) -> Value {
        soon("the status of a task", async {
            loop {
                let answer = self.about("tasks/get", task).await;
                let told = answer.json()["result"].clone();
                assert_eq!(told["taskId"], task["taskId"], "{}", answer.text());
                if told["status"] == status {
                    return told;
                }
            }
        })
        .await
    }

    /// Answers what is asked on the stream until the result is there.
    async fn converse(&self, mut stream: Streaming, task: &Value, said: &Value) -> (usize, Value) {
        let mut asked = 0;
        loop {
            let message = stream.message(|message| !message["id"].is_null()).await;
            if message.get("method").is_none() {
                return (asked, message);
            }
            assert_eq!(message["method"], "elicitation/create");
            let related = &message["params"]["_meta"][RELATED]["taskId"];
            assert_eq!(*related, task["taskId"], "{message}");
            asked += 1;
            self.say(&message["id"], said).await;
        }
    }

    async fn say(&self, id: &Value, said: &Value) {
        let said = json!({ "jsonrpc": "2.0", "id": id, "result": said });
        let ask = in_session(self.address, &self.session, said.to_string());
        let taken = ask.answer().await;
        assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.text());
    }
}

fn text(message: &Value) -> &str {
    message["result"]["content"][0]["text"]
        .as_str()
        .unwrap_or_else(|| panic!("{message}"))
}

fn accepted() -> Value {
    json!({ "action": "accept", "content": { "name": "Ada", "confirm": true, "value": "v" } })
}

#[tokio::test]
async fn a_session_is_offered_tasks_where_the_module_has_some() {
    for gateway in [fixtures::over_http().await, fixtures::over_stdio().await] {
        let params = r#""protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}"#;
        let ask = client::post(gateway.address, plain("0", "initialize", params));
        let begun = ask.answer().await;
        let offered = &begun.json()["result"]["capabilities"];
        let tasks = json!({ "cancel": {}, "requests": { "tools": { "call": {} } } });
        assert_eq!(offered["tasks"], tasks);
        assert!(offered.get("extensions").is_none(), "{}", begun.text());
        let client = Client::of(&gateway, "{}").await;
        let listed = client.ask("tools/list", "").answer().await.json();
        let tools = listed["result"]["tools"].as_array().unwrap().clone();
        assert!(!tools.is_empty());
        for tool in tools {
            assert_eq!(tool["execution"]["taskSupport"], "optional", "{tool}");
        }
        let refused = client.ask("tasks/list", "").answer().await;
        assert_eq!(refused.code(), Some(-32601), "{}", refused.text());
    }
}

#[tokio::test]
async fn a_revision_without_tasks_is_offered_none() {
    let gateway = fixtures::over_http().await;
    let params = r#""protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}"#;
    let ask = client::post(gateway.address, plain("0", "initialize", params));
    let begun = ask.answer().await;
    assert!(
        begun.json()["result"]["capabilities"]
            .get("tasks")
            .is_none(),
        "{}",
        begun.text()
    );
    let session = begun.header("mcp-session-id").to_owned();
    let call = |body| {
        in_session(gateway.address, &session, body).with_only("mcp-protocol-version", "2025-06-18")
    };
    let listed = call(plain("1", "tools/list", "")).answer().await;
    assert!(!listed.text().contains("taskSupport"));
    // What a module that has no tasks is asked with means nothing.
    let params = r#""name":"greet","arguments":{"name":"Ada"},"task":{}"#;
    let answer = call(plain("2", "tools/call", params)).answer().await;
    assert_eq!(text(&answer.json()), "Hello, Ada!");
}

#[tokio::test]
async fn a_task_of_the_module_is_one_of_the_session_and_its_result_is_waited_for() {
    for gateway in [fixtures::over_http().await, fixtures::over_stdio().await] {
        let client = Client::of(&gateway, ABLE).await;
        let arguments = json!({ "seconds": 0.3, "label": "sum" });
        let task = client.begin("slow_compute", &arguments).await;
        let answer = client.about("tasks/result", &task).await.json();
        assert_eq!(answer["id"], 5);
        assert_eq!(text(&answer), "sum took 300 ms");
        assert_eq!(answer["result"]["_meta"][RELATED]["taskId"], task["taskId"]);
        assert!(answer["result"].get("resultType").is_none(), "{answer}");
        let told = client.get_until(&task, "completed").await;
        assert_eq!(told["createdAt"], task["createdAt"]);
        // It is there as often as it is asked for.
        assert_eq!(client.about("tasks/result", &task).await.json(), answer);
        // A tool that failed is a task that did, in this revision.
        let failing = client.begin("failing_job", &json!({})).await;
        let answer = client.about("tasks/result", &failing).await.json();
        assert_eq!(answer["result"]["isError"], true);
        client.get_until(&failing, "failed").await;
        let broken = client.begin("protocol_error_job", &json!({})).await;
        let answer = client.about("tasks/result", &broken).await;
        assert_eq!(answer.code(), Some(-32603), "{}", answer.text());
        client.get_until(&broken, "failed").await;
    }
}

#[tokio::test]
async fn a_module_that_answers_at_once_has_done_the_task() {
    let gateway = fixtures::over_http().await;
    let client = Client::of(&gateway, ABLE).await;
    let task = client.begin("greet", &json!({ "name": "Ada" })).await;
    let answer = client.about("tasks/result", &task).await.json();
    assert_eq!(text(&answer), "Hello, Ada!");
    client.get_until(&task, "completed").await;
    // One that asks first, without a task of its own, is asked on the same stream.
    let task = client
        .begin("test_input_required_result_elicitation", &json!({}))
        .await;
    let stream = client.open("tasks/result", &task).await;
    let (asked, answer) = client.converse(stream, &task, &accepted()).await;
    assert_eq!((asked, text(&answer)), (1, "Hello, Ada!"));
}

#[tokio::test]
async fn what_a_task_asks_comes_on_the_stream_of_its_result() {
    for gateway in [fixtures::over_http().await, fixtures::over_stdio().await] {
        let client = Client::of(&gateway, ABLE).await;
        for (tool, questions, says) in [
            ("confirm_delete", 1, "confirmed: true"),
            ("multi_input", 2, r#"The inputs were "v" and "v""#),
            ("test_tool_with_task", 1, "Hello, Ada!"),
        ] {
            let task = client.begin(tool, &json!({})).await;
            client.get_until(&task, "input_required").await;
            // Who leaves without an answer is asked again.
            let mut left = client.open("tasks/result", &task).await;
            left.message(|message| message["method"] == "elicitation/create")
                .await;
            drop(left);
            let stream = client.open("tasks/result", &task).await;
            let (asked, answer) = client.converse(stream, &task, &accepted()).await;
            assert_eq!(asked, questions, "{tool}");
            assert!(text(&answer).contains(says), "{tool}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_call_without_a_task_is_answered_where_the_module_only_has_it_as_one() {
    for gateway in [fixtures::over_http().await, fixtures::over_stdio().await] {
        let client = Client::of(&gateway, ABLE).await;
        let mut outside = listen(client.address, &client.session).open().await;
        let call = client.ask("tools/call", r#""name":"confirm_delete""#);
        let mut stream = call.open().await;
        let asked = stream
            .message(|message| message["method"] == "elicitation/create")
            .await;
        assert_eq!(asked["params"].get("_meta"), None, "{asked}");
        client.say(&asked["id"], &accepted()).await;
        let answer = stream
            .message(|message| message.get("result").is_some())
            .await;
        assert_eq!(answer["id"], 5);
        assert!(text(&answer).contains("confirmed: true"), "{answer}");
        assert_eq!(answer["result"].get("_meta"), None, "{answer}");
        // It has not heard of a task: the first that it hears of is the next.
        let task = client.begin("failing_job", &json!({})).await;
        let told = outside
            .message(|message| message["method"] == "notifications/tasks/status")
            .await;
        assert_eq!(told["params"]["taskId"], task["taskId"]);
    }
}

#[tokio::test]
async fn a_module_that_refuses_all_the_same_is_asked_once_more_and_no_further() {
    let discovered = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}},"ttlMs":0,"cacheScope":"private"}"#;
    let needed = r#"{"jsonrpc":"2.0","id":"$id","error":{"code":-32021,"message":"no","data":{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}}}"#;
    let refusal = Canned::json(needed).with_status(StatusCode::BAD_REQUEST);
    let answers = Answers::default()
        .only(Era::Modern)
        .with("server/discover", Canned::result(discovered))
        .with("tools/call", refusal);
    let module = RawUpstream::start(answers).await.unwrap();
    let gateway = Gateway::before(&module.url()).await;
    let client = Client::of(&gateway, "{}").await;
    let refused = client.ask("tools/call", r#""name":"never""#).answer().await;
    assert_eq!(refused.code(), Some(-32021), "{}", refused.text());
    let log = module.log();
    let calls: Vec<_> = log.of("tools/call").collect();
    assert_eq!(calls.len(), 2);
    let declares =
        |body: &[u8]| String::from_utf8_lossy(body).contains("modelcontextprotocol/tasks");
    assert!(!declares(&calls[0].body) && declares(&calls[1].body));
}

#[tokio::test]
async fn what_the_client_cannot_be_asked_ends_the_task() {
    let gateway = fixtures::over_http().await;
    let client = Client::of(&gateway, r#"{"sampling":{}}"#).await;
    for tool in ["confirm_delete", "test_tool_with_task"] {
        let task = client.begin(tool, &json!({})).await;
        let answer = client.about("tasks/result", &task).await;
        assert_eq!(answer.code(), Some(-32021), "{tool}: {}", answer.text());
        client.get_until(&task, "failed").await;
    }
}

#[tokio::test]
async fn a_cancelled_task_stays_so_and_its_module_is_told() {
    for gateway in [fixtures::over_http().await, fixtures::over_stdio().await] {
        let client = Client::of(&gateway, ABLE).await;
        let task = client
            .begin("slow_compute", &json!({ "seconds": 60 }))
            .await;
        let waiting = client.open("tasks/result", &task).await;
        let cancelled = client.about("tasks/cancel", &task).await.json();
        assert_eq!(cancelled["result"]["status"], "cancelled", "{cancelled}");
        assert_eq!(waiting.whole().await.code(), Some(-32603));
        client.get_until(&task, "cancelled").await;
        let again = client.about("tasks/cancel", &task).await;
        assert_eq!(again.code(), Some(-32602), "{}", again.text());
    }
}

#[tokio::test]
async fn a_session_is_told_how_a_task_goes() {
    let gateway = fixtures::over_http().await;
    let client = Client::of(&gateway, ABLE).await;
    let mut stream = listen(client.address, &client.session).open().await;
    let task = client.begin("confirm_delete", &json!({})).await;
    let is_status = |message: &Value| message["method"] == "notifications/tasks/status";
    let told = stream.message(is_status).await;
    assert_eq!(told["params"]["status"], "input_required");
    assert_eq!(told["params"]["taskId"], task["taskId"]);
    let asking = client.open("tasks/result", &task).await;
    client.converse(asking, &task, &accepted()).await;
    let told = stream
        .message(|message| is_status(message) && message["params"]["status"] != "working")
        .await;
    assert_eq!(told["params"]["status"], "completed");
}

#[tokio::test]
async fn a_task_is_of_its_session_alone_and_how_many_there_are_is_bounded() {
    let gateway = fixtures::over_http().await;
    let client = Client::of(&gateway, ABLE).await;
    let other = Client::of(&gateway, ABLE).await;
    let task = client.begin("greet", &json!({})).await;
    client.get_until(&task, "completed").await;
    for id in [task.clone(), json!({ "taskId": "none" })] {
        for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
            let refused = other.about(method, &id).await;
            assert_eq!(refused.code(), Some(-32602), "{}", refused.text());
        }
    }
    for _ in 0..31 {
        client
            .begin("slow_compute", &json!({ "seconds": 60 }))
            .await;
    }
    // The one that has ended makes room for another.
    client
        .begin("slow_compute", &json!({ "seconds": 60 }))
        .await;
    assert_eq!(client.about("tasks/get", &task).await.code(), Some(-32602));
    let params = r#""name":"slow_compute","task":{}"#;
    let refused = client.ask("tools/call", params).answer().await;
    assert_eq!(
        refused.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn a_module_is_asked_about_its_task_as_the_extension_says() {
    let discovered = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}},"ttlMs":0,"cacheScope":"private"}"#;
    let task = |status: &str, more: &str| {
        format!(
            r#"{{"resultType":"{status}","taskId":"own","status":"working","createdAt":"2026-01-01T00:00:00Z","lastUpdatedAt":"2026-01-01T00:00:00Z","ttlMs":null,"pollIntervalMs":100{more}}}"#
        )
    };
    let done = task(
        "complete",
        r#","result":{"resultType":"complete","content":[],"big":1e400}"#,
    )
    .replace("working", "completed");
    let answers = Answers::default()
        .only(Era::Modern)
        .with("server/discover", Canned::result(discovered))
        .with("tools/call", Canned::result(&task("task", "")))
        .with("tasks/get", Canned::result(&done));
    let module = RawUpstream::start(answers).await.unwrap();
    let gateway = Gateway::before(&module.url()).await;
    let client = Client::of(&gateway, "{}").await;
    let task = client.begin("any", &json!({})).await;
    assert_ne!(task["taskId"], "own");
    let answer = client.about("tasks/result", &task).await;
    assert!(
        answer.text().contains(r#""content":[],"big":1e400"#),
        "{}",
        answer.text()
    );
    assert!(!answer.text().contains("own"), "{}", answer.text());
    let log = module.log();
    let call = log.of("tools/call").next().unwrap();
    let sent = String::from_utf8_lossy(&call.body).into_owned();
    let sent: Value = serde_json::from_str(&sent).unwrap();
    assert_eq!(sent["params"].get("task"), None);
    let said = &sent["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"];
    assert_eq!(
        *said,
        json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } })
    );
    let asked = log.of("tasks/get").next().unwrap();
    assert_eq!(asked.header("mcp-name"), Some("own"));
}

#[tokio::test]
async fn over_several_modules_tasks_of_a_session_find_their_own() {
    let url = support::serving(mcpo2_testkit::fixture::Fixture::new().unwrap().modern()).await;
    let yaml = format!(
        "version: 1\nidentity: {{ anonymous: {{ tenant: local }} }}\nmodules:\n  - {{ id: alpha, family: general, approval: approved, http: {{ url: \"{url}\" }} }}\n  - {{ id: beta, family: general, approval: approved, {} }}\npolicy:\n  rules:\n    - {{ id: all, effect: allow, families: [general] }}\n",
        fixtures::child()
    );
    let gateway = Gateway::governed(&yaml).await;
    let client = Client::of(&gateway, ABLE).await;
    let listed = client.ask("tools/list", "").answer().await;
    assert!(listed.text().contains(r#""taskSupport":"optional""#));
    for module in ["alpha", "beta"] {
        let task = client
            .begin(&format!("{module}__confirm_delete"), &json!({}))
            .await;
        assert!(
            task["taskId"].as_str().unwrap().starts_with(module),
            "{task}"
        );
        let stream = client.open("tasks/result", &task).await;
        let (asked, answer) = client.converse(stream, &task, &accepted()).await;
        assert_eq!(asked, 1);
        assert!(text(&answer).contains("confirmed"), "{answer}");
        client.get_until(&task, "completed").await;
    }
}
