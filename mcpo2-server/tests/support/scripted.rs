//! A module with sessions, as a child process, that asks what a test needs.

use std::{
    io::{BufRead as _, Write},
    path::Path,
};

use serde_json::{Value, json};

/// A command that serves the script, and copies what it gets to `log`.
pub fn child(log: &Path) -> Vec<String> {
    let program = std::env::current_exe().unwrap();
    let script = r#"SCRIPT_LOG="$1" exec "$0" --exact support::scripted::scripted_child_serves --nocapture 3>&1 1>/dev/null"#;
    let (program, log) = (program.to_str().unwrap(), log.to_str().unwrap());
    ["sh", "-c", script, program, log]
        .map(str::to_owned)
        .to_vec()
}

/// The messages that children were sent, one a line.
pub fn heard(log: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_default())
        .collect()
}

/// The child process itself; nothing where it is not one.
#[test]
fn scripted_child_serves() {
    let Some(log) = std::env::var_os("SCRIPT_LOG") else {
        return;
    };
    let open = |path: &Path| {
        let mut options = std::fs::OpenOptions::new();
        options.create(true).append(true).open(path).unwrap()
    };
    let mut script = Script {
        out: open(Path::new("/dev/fd/3")),
        asked: Vec::new(),
        call: Value::Null,
        answers: Vec::new(),
    };
    let mut log = open(Path::new(&log));
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        log.write_all(format!("{line}\n").as_bytes()).unwrap();
        script.take(&serde_json::from_str(&line).unwrap());
    }
}

struct Script {
    out: std::fs::File,
    /// The ids that wait for answers.
    asked: Vec<Value>,
    /// The call under way.
    call: Value,
    answers: Vec<Value>,
}

const QUESTIONS: [(&str, &str); 3] = [
    (
        "elicitation/create",
        r#"{"message":"who?","requestedSchema":{"type":"object","properties":{}},"big":12345678901234567890123}"#,
    ),
    ("sampling/createMessage", r#"{"messages":[],"maxTokens":1}"#),
    ("roots/list", "{}"),
];

impl Script {
    fn say(&mut self, message: &str) {
        self.out
            .write_all(format!("{message}\n").as_bytes())
            .unwrap();
    }

    fn answer(&mut self, id: &Value, result: &Value) {
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string());
    }

    fn ask(&mut self, n: usize) {
        let question = self.question(n);
        self.say(&question);
    }

    /// In one write, so that nothing comes between them.
    fn flood(&mut self) {
        let questions: Vec<_> = (0..40).map(|n| self.question(3 * n)).collect();
        self.say(&questions.join("\n"));
    }

    /// The question of this number, to which an answer is waited for.
    fn question(&mut self, n: usize) -> String {
        let (method, params) = QUESTIONS[n % 3];
        let id = json!(format!("q{n}"));
        let question =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
        self.asked.push(id);
        question
    }

    fn take(&mut self, message: &Value) {
        let id = &message["id"];
        match message["method"].as_str() {
            None => self.answered(message),
            Some("server/discover") => self.say(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"no"}}}}"#
            )),
            Some("initialize") => self.answer(
                id,
                &json!({
                    "protocolVersion": "2025-11-25",
                    "capabilities": {
                        "tools": { "listChanged": true },
                        "resources": { "subscribe": true },
                        "logging": {},
                    },
                    "serverInfo": { "name": "scripted", "version": "1" },
                }),
            ),
            Some("tools/list") => {
                let names = [
                    "ask_one", "ask_all", "rounds", "flood", "outside", "log", "silent", "change",
                ];
                let tools: Vec<_> = names
                    .iter()
                    .map(|name| json!({ "name": name, "inputSchema": { "type": "object" } }))
                    .collect();
                self.answer(id, &json!({ "tools": tools }));
            }
            Some("tools/call") => self.call(message),
            Some("notifications/cancelled") => self.asked.clear(),
            Some(_) if !id.is_null() => self.answer(id, &json!({})),
            Some(_) => {}
        }
    }

    fn call(&mut self, message: &Value) {
        self.call = message.clone();
        self.answers.clear();
        self.asked.clear();
        let token = &message["params"]["_meta"]["progressToken"];
        match message["params"]["name"].as_str().unwrap() {
            "ask_one" => {
                if !token.is_null() {
                    let params = json!({ "progressToken": token, "progress": 1 });
                    self.notify("notifications/progress", &params);
                }
                self.ask(0);
            }
            "ask_all" => (0..3).for_each(|n| self.ask(n)),
            "rounds" => self.ask(0),
            "flood" => self.flood(),
            "log" => {
                for level in ["debug", "info", "warning", "error"] {
                    let params = json!({ "level": level, "data": level });
                    self.notify("notifications/message", &params);
                }
                self.finish();
            }
            "change" => {
                self.notify("notifications/tools/list_changed", &json!({}));
                for uri in ["test://a", "test://b"] {
                    self.notify("notifications/resources/updated", &json!({ "uri": uri }));
                }
                self.finish();
            }
            "silent" => {}
            _ => self.finish(),
        }
    }

    fn notify(&mut self, method: &str, params: &Value) {
        self.say(&json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string());
    }

    fn answered(&mut self, message: &Value) {
        let id = &message["id"];
        if !self.asked.contains(id) {
            return;
        }
        self.asked.retain(|asked| asked != id);
        let said = message.get("result").unwrap_or(&message["error"]);
        self.answers.push(said.clone());
        let rounds = self.call["params"]["name"] == "rounds";
        if rounds && self.answers.len() < 3 {
            self.ask(self.answers.len());
        } else if self.asked.is_empty() {
            self.finish();
        }
    }

    /// The answer: what the client said, and the arguments of the call.
    fn finish(&mut self) {
        let said =
            json!({ "answers": self.answers, "arguments": self.call["params"]["arguments"] });
        let id = self.call["id"].clone();
        let content = json!([{ "type": "text", "text": said.to_string() }]);
        self.answer(&id, &json!({ "content": content }));
    }
}
