//! A module with sessions that runs tools as tasks (2025-11-25), over stdio and over HTTP. Nothing
//! in it takes time: a task is done when somebody looks, or stays until it is cancelled.

use std::{
    collections::HashMap,
    convert::Infallible,
    io::{BufRead as _, Write as _},
    path::Path,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Frame, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};

/// The names of the tools, and what they say of tasks.
const TOOLS: [(&str, Option<&str>); 10] = [
    ("done", Some("required")),
    ("asks", Some("required")),
    ("asks_early", Some("required")),
    ("asks_outside", Some("required")),
    ("breaks", Some("required")),
    ("fails", Some("optional")),
    ("stays", Some("required")),
    ("stays_until_it_dies", Some("required")),
    ("plain", None),
    ("forbidden", Some("forbidden")),
];

const RELATED: &str = "io.modelcontextprotocol/related-task";

/// Where a message goes.
enum On {
    /// To the stream of the request of this id.
    Stream(Value),
    Outside,
}

/// One session of the module.
#[derive(Default)]
pub struct Script {
    tasks: Vec<Task>,
    /// Which task waits for the answer to the question of this id.
    asked: HashMap<String, usize>,
    said: Vec<(On, Value)>,
}

struct Task {
    tool: String,
    status: &'static str,
    outcome: Value,
    /// Who waits for the result.
    waits: Vec<Value>,
    asked: bool,
}

impl Script {
    fn say(&mut self, on: On, message: Value) {
        self.said.push((on, message));
    }

    fn answer(&mut self, id: &Value, part: &str, value: &Value) {
        let message = json!({ "jsonrpc": "2.0", "id": id, part: value });
        self.say(On::Stream(id.clone()), message);
    }

    fn refuse(&mut self, id: &Value, code: i64, message: &str) {
        self.answer(id, "error", &json!({ "code": code, "message": message }));
    }

    fn take(&mut self, message: &Value) -> Vec<(On, Value)> {
        let id = message["id"].clone();
        match message["method"].as_str() {
            None => self.answered(message),
            Some("server/discover") => self.refuse(&id, -32601, "no"),
            Some("initialize") => self.answer(
                &id,
                "result",
                &json!({
                    "protocolVersion": "2025-11-25",
                    "capabilities": {
                        "tools": {},
                        "tasks": { "list": {}, "cancel": {}, "requests": { "tools": { "call": {} } } },
                    },
                    "serverInfo": { "name": "tasked", "version": "1" },
                }),
            ),
            Some("tools/list") => {
                let tool = |(name, support): &(&str, Option<&str>)| match support {
                    Some(support) => json!({ "name": name, "inputSchema": { "type": "object" }, "execution": { "taskSupport": support } }),
                    None => json!({ "name": name, "inputSchema": { "type": "object" } }),
                };
                let tools: Vec<_> = TOOLS.iter().map(tool).collect();
                self.answer(&id, "result", &json!({ "tools": tools }));
            }
            Some("tools/call") => self.call(&id, message),
            Some(method) if method.starts_with("tasks/") => self.task(&id, method, message),
            Some(_) if !id.is_null() => self.refuse(&id, -32601, "no such method"),
            Some(_) => {}
        }
        std::mem::take(&mut self.said)
    }

    fn call(&mut self, id: &Value, message: &Value) {
        let tool = message["params"]["name"].as_str().unwrap().to_owned();
        let support = TOOLS.iter().find(|(name, _)| *name == tool);
        let support = support.and_then(|(_, support)| *support);
        match (support, message["params"].get("task").is_some()) {
            (Some("required"), false) => return self.refuse(id, -32601, "only as a task"),
            (Some("forbidden") | None, true) => return self.refuse(id, -32601, "never as a task"),
            (_, false) => return self.answer(id, "result", &text("at once", false)),
            _ => {}
        }
        let n = self.tasks.len();
        let (status, outcome) = match &*tool {
            "done" => ("completed", json!({ "result": text("done", false) })),
            "fails" => ("failed", json!({ "result": text("failed", true) })),
            "breaks" => (
                "failed",
                json!({ "error": { "code": -32603, "message": "broken", "data": { "v": 1 } } }),
            ),
            "stays" | "stays_until_it_dies" => ("working", Value::Null),
            _ => ("input_required", Value::Null),
        };
        self.tasks.push(Task {
            status,
            outcome,
            waits: Vec::new(),
            asked: false,
            tool: tool.clone(),
        });
        if tool == "asks_early" {
            self.ask(n, On::Stream(id.clone()));
        }
        let mut told = self.told(n);
        told["status"] = "working".into();
        told["vendor"] = 1.into();
        self.answer(id, "result", &json!({ "task": told, "_meta": { "v": 2 } }));
        if tool == "asks_outside" {
            self.ask(n, On::Outside);
        }
    }

    /// Puts the question of a task.
    fn ask(&mut self, n: usize, on: On) {
        if std::mem::replace(&mut self.tasks[n].asked, true) {
            return;
        }
        let id = format!("q-{n}");
        let params = json!({
            "message": "who?",
            "requestedSchema": { "type": "object", "properties": {} },
            "_meta": { RELATED: { "taskId": format!("own-{n}") } },
        });
        self.asked.insert(id.clone(), n);
        let question =
            json!({ "jsonrpc": "2.0", "id": id, "method": "elicitation/create", "params": params });
        self.say(on, question);
    }

    fn told(&self, n: usize) -> Value {
        json!({
            "taskId": format!("own-{n}"),
            "status": self.tasks[n].status,
            "statusMessage": "so far",
            "createdAt": "2026-01-01T00:00:00Z",
            "lastUpdatedAt": "2026-01-01T00:00:01Z",
            "ttl": 60_000,
            "pollInterval": 50,
        })
    }

    fn task(&mut self, id: &Value, method: &str, message: &Value) {
        let own = message["params"]["taskId"].as_str().unwrap_or_default();
        let n = own.strip_prefix("own-").and_then(|n| n.parse().ok());
        let Some(n) = n.filter(|n| *n < self.tasks.len()) else {
            return self.refuse(id, -32602, "no such task");
        };
        match method {
            "tasks/get" => self.answer(id, "result", &self.told(n)),
            "tasks/cancel" if self.tasks[n].outcome.is_null() => {
                self.end(
                    n,
                    "cancelled",
                    json!({ "error": { "code": -32000, "message": "cancelled" } }),
                );
                self.answer(id, "result", &self.told(n));
            }
            "tasks/cancel" => self.refuse(id, -32602, "it has ended"),
            "tasks/result" if self.tasks[n].outcome.is_null() => {
                self.tasks[n].waits.push(id.clone());
                if self.tasks[n].tool.starts_with("asks") {
                    self.ask(n, On::Stream(id.clone()));
                }
            }
            _ => self.tell(n, id),
        }
    }

    /// Gives the result of a task.
    fn tell(&mut self, n: usize, id: &Value) {
        let mut outcome = self.tasks[n].outcome.clone();
        if let Some(result) = outcome.get_mut("result") {
            result["_meta"] = json!({ RELATED: { "taskId": format!("own-{n}") } });
        }
        let (part, value) = outcome.as_object().unwrap().iter().next().unwrap();
        self.answer(id, part, value);
    }

    fn end(&mut self, n: usize, status: &'static str, outcome: Value) {
        self.tasks[n].status = status;
        self.tasks[n].outcome = outcome;
        for waits in std::mem::take(&mut self.tasks[n].waits) {
            self.tell(n, &waits);
        }
        let told = json!({ "jsonrpc": "2.0", "method": "notifications/tasks/status", "params": self.told(n) });
        self.say(On::Outside, told);
    }

    fn answered(&mut self, message: &Value) {
        let id = message["id"].as_str().unwrap_or_default();
        let Some(n) = self.asked.remove(id) else {
            return;
        };
        let mut said = message.get("result").unwrap_or(&message["error"]).clone();
        let meta = said.as_object_mut().and_then(|said| said.remove("_meta"));
        said["of"] = (meta.unwrap_or_default()[RELATED]["taskId"] == format!("own-{n}")).into();
        let result = json!({ "result": text(&said.to_string(), false) });
        self.end(n, "completed", result);
    }
}

fn text(text: &str, is_error: bool) -> Value {
    json!({ "content": [{ "type": "text", "text": text }], "isError": is_error })
}

/// A command that serves the script, and copies what it gets to `log`.
pub fn child(log: &Path) -> Vec<String> {
    let program = std::env::current_exe().unwrap();
    let script = r#"TASKED_LOG="$1" exec "$0" --exact support::tasked::tasked_child_serves --nocapture 3>&1 1>/dev/null"#;
    let (program, log) = (program.to_str().unwrap(), log.to_str().unwrap());
    ["sh", "-c", script, program, log]
        .map(str::to_owned)
        .to_vec()
}

/// The child process itself; nothing where it is not one.
#[test]
fn tasked_child_serves() {
    let Some(log) = std::env::var_os("TASKED_LOG") else {
        return;
    };
    let open = |path: &Path| {
        let mut options = std::fs::OpenOptions::new();
        options.create(true).append(true).open(path).unwrap()
    };
    let (mut out, mut log) = (open(Path::new("/dev/fd/3")), open(Path::new(&log)));
    let mut script = Script::default();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        log.write_all(format!("{line}\n").as_bytes()).unwrap();
        for (_, message) in script.take(&serde_json::from_str(&line).unwrap()) {
            out.write_all(format!("{message}\n").as_bytes()).unwrap();
        }
        if line.contains("stays_until_it_dies") {
            return;
        }
    }
}

/// The script over HTTP: its URL, and the messages that it gets.
pub async fn serve() -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let module = Arc::new(Mutex::new(Module::default()));
    let heard = Arc::clone(&module.lock().unwrap().heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let module = Arc::clone(&module);
            let service = service_fn(move |request| respond(Arc::clone(&module), request));
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, heard)
}

#[derive(Default)]
struct Module {
    sessions: HashMap<String, Session>,
    heard: Arc<Mutex<Vec<Value>>>,
}

#[derive(Default)]
struct Session {
    script: Script,
    streams: HashMap<String, mpsc::UnboundedSender<Value>>,
    outside: Option<mpsc::UnboundedSender<Value>>,
    /// What was said outside before anybody listened.
    waiting: Vec<Value>,
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

async fn respond(
    module: Arc<Mutex<Module>>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut module = module.lock().unwrap();
    let named = head.headers.get("mcp-session-id");
    let named = named.map(|id| id.to_str().unwrap().to_owned());
    let id = match (named, message["method"].as_str()) {
        (Some(id), _) => id,
        (None, Some("initialize")) => format!("session-{}", module.sessions.len()),
        (None, _) => return Ok(empty(400)),
    };
    if !message.is_null() {
        module.heard.lock().unwrap().push(message.clone());
    }
    let session = module.sessions.entry(id.clone()).or_default();
    let (sender, stream) = mpsc::unbounded_channel();
    match head.method {
        Method::GET => {
            for early in session.waiting.drain(..) {
                let _ = sender.send(early);
            }
            session.outside = Some(sender);
        }
        Method::POST if message["method"].is_string() && !message["id"].is_null() => {
            session.streams.insert(message["id"].to_string(), sender);
            session.take(&message);
        }
        Method::POST => {
            session.take(&message);
            return Ok(empty(202));
        }
        _ => {
            module.sessions.remove(&id);
            return Ok(empty(200));
        }
    }
    let events = futures_util::stream::unfold(stream, |mut stream| async move {
        let message = stream.recv().await?;
        let event = Frame::data(Bytes::from(format!("data: {message}\n\n")));
        Some((Ok(event), stream))
    });
    let mut response = Response::new(UnsyncBoxBody::new(StreamBody::new(events)));
    let headers = response.headers_mut();
    headers.insert("content-type", "text/event-stream".parse().unwrap());
    headers.insert("mcp-session-id", id.parse().unwrap());
    Ok(response)
}

impl Session {
    fn take(&mut self, message: &Value) {
        for (on, said) in self.script.take(message) {
            match on {
                On::Outside => match self
                    .outside
                    .as_ref()
                    .map(|outside| outside.send(said.clone()))
                {
                    Some(Ok(())) => {}
                    _ => self.waiting.push(said),
                },
                On::Stream(id) => {
                    let is_last = said.get("method").is_none();
                    let key = id.to_string();
                    if let Some(stream) = self.streams.get(&key) {
                        let _ = stream.send(said);
                    }
                    if is_last {
                        self.streams.remove(&key);
                    }
                }
            }
        }
    }
}

fn empty(status: u16) -> Response<Body> {
    let mut response = Response::new(UnsyncBoxBody::new(http_body_util::Empty::new()));
    *response.status_mut() = status.try_into().unwrap();
    response
}
