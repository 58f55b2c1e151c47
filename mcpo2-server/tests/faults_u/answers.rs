//! U06 and U09: answers and reports that are none, or another's.

use futures_util::future::join_all;
use mcpo2_server::Mode;
use mcpo2_testkit::raw::{Answer, Canned, vendor::Era};
use serde_json::{Value, json};

use crate::{
    bench::{Bench, TIMED_OUT, UPSTREAM, call, counted, failed, limited},
    support::{
        Gateway,
        client::{self, begin, in_session, modern, plain, stateless},
    },
};

fn fine(text: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":"$id","result":{{"resultType":"complete","said":"{text}"}}}}"#
    )
}

/// What the client has of an answer: the word in the result, or the code.
type Wanted = Result<&'static str, Option<i64>>;

/// What the module answers over HTTP, and what comes of it.
fn matrix() -> Vec<(&'static str, Answer, Wanted)> {
    let wrong = fine("wrong").replace(r#""$id""#, "2");
    let text = fine("wrong").replace(r#""$id""#, r#""1""#);
    let none = r#"{"jsonrpc":"2.0","result":{"resultType":"complete","said":"wrong"}}"#;
    let twice = fine("wrong").replacen(r#""id""#, r#""id":2,"id""#, 1);
    vec![
        ("no_json", Answer::json("hello"), Err(UPSTREAM)),
        ("half", Answer::json(r#"{"jsonrpc":"2.0","id":1,"resu"#), Err(UPSTREAM)),
        ("no_utf8", Answer::json(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"said\":\"\xff\"}}".as_slice()), Err(UPSTREAM)),
        ("nothing", Answer::json(""), Err(UPSTREAM)),
        ("batch", Answer::json(format!("[{}]", fine("wrong"))), Err(UPSTREAM)),
        ("two", Answer::json(format!("{0}{0}", fine("wrong"))), Err(UPSTREAM)),
        ("wrong_id", Answer::json(wrong.clone()), Err(UPSTREAM)),
        ("text_id", Answer::json(text.clone()), Err(UPSTREAM)),
        ("no_id", Answer::json(none), Err(UPSTREAM)),
        ("id_twice", Answer::json(twice.clone()), Err(UPSTREAM)),
        ("a_request", Answer::json(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#), Err(UPSTREAM)),
        ("stream_of_noise", Answer::stream("data: hello\n\ndata: {\n\n"), Err(UPSTREAM)),
        ("stream_of_wrong", Answer::events([wrong.clone(), text, none.to_owned(), twice]), Err(UPSTREAM)),
        ("noise_before", Answer::events(["hello".to_owned(), wrong.clone(), fine("right")]), Ok("right")),
        ("two_finals", Answer::events([fine("right"), fine("wrong")]), Ok("right")),
        ("behind_the_final", Answer::events([fine("right"), r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"wrong"}}"#.to_owned()]), Ok("right")),
    ]
}

#[tokio::test]
async fn u06_over_http_only_the_answer_to_a_request_is_one() {
    let mut canned = Canned::vendor(Era::Modern);
    for (tool, answer, _) in matrix() {
        canned = canned.with_target("tools/call", tool, answer);
    }
    let bench = Bench::new(canned, "timeout: 10s").await;
    for (tool, _, wanted) in matrix() {
        // Two who know nothing of each other, each with the id 1; the other one calls what is fine.
        let other = call(bench.address(), "vendor_call");
        let (answer, other) = tokio::join!(bench.call(tool).answer(), other.answer());
        assert!(
            other.json()["result"]["content"].is_array(),
            "{tool}: {}",
            other.text()
        );
        assert!(
            !answer.text().contains("wrong"),
            "{tool}: {}",
            answer.text()
        );
        assert_eq!(answer.json()["id"], 1, "{tool}");
        match wanted {
            Ok(said) => assert_eq!(answer.json()["result"]["said"], said, "{tool}"),
            Err(code) => assert_eq!(answer.code(), code, "{tool}: {}", answer.text()),
        }
    }
    let ended = bench.ended(2 * matrix().len()).await;
    let bad = ended
        .iter()
        .filter(|call| call.end.outcome != mcpo2_audit::Outcome::Ok);
    let bad: Vec<_> = bad.map(failed).collect();
    let wrong = matrix()
        .iter()
        .filter(|(_, _, wanted)| wanted.is_err())
        .count();
    assert_eq!(bad, vec!["upstream"; wrong]);
    // What comes behind an answer is not read.
    let noise = [("no_message", 13), ("answer", 6), ("progress", 0)];
    counted(bench.address(), noise).await;
}

/// A child process, whose one pipe is shared by all clients. It answers in ways that the name of
/// the tool says, and a request that waits is answered behind the next.
const CHILD: &str = r#"
import json, sys
def say(id, text):
    print(json.dumps({"jsonrpc": "2.0", "id": id, "result": {"resultType": "complete", "said": text}}), flush=True)
waiting = []
for line in sys.stdin:
    message = json.loads(line)
    method, id, params = message.get("method"), message.get("id"), message.get("params", {})
    name = params.get("name", "")
    who = params.get("arguments", {}).get("who", "")
    if method == "server/discover":
        print(json.dumps({"jsonrpc": "2.0", "id": id, "result": {"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {}, "ttlMs": 0, "cacheScope": "private"}}), flush=True)
    elif method != "tools/call":
        if id is not None:
            print(json.dumps({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "no"}}), flush=True)
    elif name == "noise":
        print("hello"); print("{"); print("[]"); print("\x00")
        say(id, who)
    elif name == "twice":
        say(id, who); say(id, "wrong")
    elif name == "nobody":
        say(999999, "wrong"); say(str(id), "wrong"); say(None, "wrong"); say(-1, "wrong")
        say(id, who)
    elif name == "gone":
        say(str(id), "wrong"); say(id + 1000, "wrong")
    elif name == "swap":
        waiting.append((id, who))
        if len(waiting) == 2:
            for id, who in reversed(waiting):
                say(id, who)
            waiting = []
"#;

#[tokio::test]
async fn u06_over_one_pipe_no_client_gets_what_is_another_s() {
    let stdio = json!({ "command": "python3", "args": ["-c", CHILD] });
    let url = "http://127.0.0.1:1";
    let http = format!(r#"http: {{ url: "{url}" }}"#);
    let yaml = limited(url, "timeout: 10s").replace(&http, &format!("stdio: {stdio}"));
    let gateway = Gateway::start(&yaml, Mode::Observed).await;
    let ask = |tool: &str, who: &str| {
        let params = format!(r#""name":"{tool}","arguments":{{"who":"{who}"}}"#);
        modern(gateway.address, stateless("1", "tools/call", &params)).answer()
    };
    for tool in ["noise", "twice", "nobody", "swap"] {
        for _ in 0..3 {
            let (one, two) = tokio::join!(ask(tool, "one"), ask(tool, "two"));
            for (answer, who) in [(one, "one"), (two, "two")] {
                let message = answer.json();
                assert_eq!(
                    (&message["id"], &message["result"]["said"]),
                    (&1.into(), &who.into()),
                    "{tool}: {}",
                    answer.text()
                );
            }
        }
    }
    // One that nobody answers is the only one that waits.
    let (gone, fine) = tokio::join!(ask("gone", "one"), ask("twice", "two"));
    assert_eq!(gone.code(), TIMED_OUT, "{}", gone.text());
    assert_eq!(fine.json()["result"]["said"], "two");
    let noise = [("no_message", 30), ("answer", 27), ("progress", 0)];
    counted(gateway.address, noise).await;
}

fn report(token: &str, progress: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{progress}}}}}"#
    )
}

#[tokio::test]
async fn u09_progress_of_nobody_or_backwards_reaches_no_client() {
    let reports = [
        (r#""$progressToken""#, "1"),
        (r#""another""#, "2"),
        ("7", "2"),
        ("null", "2"),
        (r#""$progressToken""#, r#""2""#),
        (r#""$progressToken""#, "3"),
        (r#""$progressToken""#, "2"),
        (r#""$progressToken""#, "3.5"),
    ];
    let events = reports.map(|(token, progress)| report(token, progress));
    let events = events.into_iter().chain([fine("right")]);
    for era in [Era::Modern, Era::Legacy] {
        let answer = Answer::events(events.clone());
        let canned = Canned::vendor(era).with_target("tools/call", "progress", answer);
        let bench = Bench::new(canned, "timeout: 10s").await;
        let session = match era {
            Era::Modern => None,
            Era::Legacy => Some(begin(bench.address(), "{}").await),
        };
        let told = |meta: &'static str| {
            let (bench, session) = (&bench, session.as_deref());
            async move {
                let ask = match session {
                    None => {
                        let body = stateless("1", "tools/call", r#""name":"progress""#);
                        let meta = format!(r#""_meta":{{{meta}"#);
                        modern(bench.address(), body.replace(r#""_meta":{"#, &meta))
                    }
                    Some(session) => {
                        let meta = meta.trim_end_matches(',');
                        let params = format!(r#""name":"progress","_meta":{{{meta}}}"#);
                        in_session(bench.address(), session, plain("1", "tools/call", &params))
                    }
                };
                let mut stream = ask.open().await;
                let mut told = Vec::new();
                while let Some(client::SseEvent { data, .. }) = stream.event().await {
                    let message: Value = serde_json::from_str(&data).unwrap();
                    told.push(match message["params"]["progress"].as_f64() {
                        Some(progress) => {
                            format!("{} {progress}", message["params"]["progressToken"])
                        }
                        None => message["result"]["said"].to_string(),
                    });
                }
                told
            }
        };
        let crowd = join_all([
            told(r#""progressToken":"mine","#),
            told(r#""progressToken":"mine","#),
        ])
        .await;
        for heard in crowd {
            assert_eq!(
                heard,
                [r#""mine" 1"#, r#""mine" 3"#, r#""mine" 3.5"#, r#""right""#],
                "{era:?}"
            );
        }
        // Who asked for no progress gets none.
        assert_eq!(told("").await, [r#""right""#], "{era:?}");
        let noise = [("no_message", 0), ("answer", 0), ("progress", 5 + 5 + 8)];
        counted(bench.address(), noise).await;
    }
}
