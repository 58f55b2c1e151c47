//! U04, U07 and U08: modules that say too much.

use std::{fs, time::Duration};

use mcpo2_testkit::raw::{Answer, Canned, Log, RawUpstream, vendor::Era};

use crate::{
    bench::{Bench, TOO_LARGE, call, limited},
    support::{
        Gateway, PATIENT,
        client::{begin, in_session, modern, plain, stateless},
        process::{Mcpo2, path},
        soon, until,
    },
};

/// The highest that the memory of a process has been, in bytes.
fn peak(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB").trim();
    kib.parse::<usize>().unwrap() * 1024
}

fn endless() -> Vec<(&'static str, Answer)> {
    let (json, events) = ("application/json", "text/event-stream");
    let opening = r#"{"jsonrpc":"2.0","id":"$id","result":{"said":""#;
    // Few and large: what takes time is the number of events, and bounded are their bytes.
    let note = format!(
        r#"data: {{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":"{}"}}}}"#,
        "x".repeat(1000)
    ) + "\n\n";
    let long = "x".repeat(16 * 1024);
    vec![
        ("endless_text", Answer::endless(json, opening, long.clone())),
        (
            "endless_blanks",
            Answer::endless(json, " ", " ".repeat(16 * 1024)),
        ),
        (
            "ten_gigabytes",
            Answer::endless(json, opening, long.clone())
                .with_header("content-length", "10737418240"),
        ),
        (
            "endless_events",
            Answer::endless(events, note.clone(), note.repeat(64)),
        ),
        (
            "endless_event",
            Answer::endless(events, "data: ", long.clone()),
        ),
        (
            "endless_comment",
            Answer::endless(events, ": ", long.clone()),
        ),
        (
            "endless_lines",
            Answer::endless(events, "data: x\n", "data: x\n".repeat(1024)),
        ),
        (
            "endless_comments",
            Answer::endless(events, ": x\n\n", ": x\n\n".repeat(1024)),
        ),
    ]
}

#[tokio::test]
async fn u04_an_answer_without_end_is_cut_off_and_takes_no_memory() {
    const LIMIT: usize = 1 << 20;
    const ROUNDS: usize = 4;
    let names = endless()
        .into_iter()
        .map(|(tool, _)| tool)
        .chain(["vendor_call"]);
    let tools: Vec<_> = names
        .map(|tool| serde_json::json!({ "name": tool, "inputSchema": { "type": "object" } }))
        .collect();
    let list = serde_json::json!({ "resultType": "complete", "tools": tools, "ttlMs": 0, "cacheScope": "public" });
    let mut canned =
        Canned::vendor(Era::Modern).with("tools/list", Answer::result(&list.to_string()));
    for (tool, answer) in endless() {
        canned = canned.with_target("tools/call", tool, answer);
    }
    let upstream = RawUpstream::start(canned).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let rules = "policy:\n  rules:";
    let yaml = limited(&upstream.url(), "max_response_bytes: 1MiB")
        .replace(rules, &format!("listen: 127.0.0.1:0\n{PATIENT}{rules}"));
    let file = dir.path().join("mcpo2.yaml");
    fs::write(&file, yaml).unwrap();
    let mut mcpo2 = Mcpo2::run(&["serve", "--file", &path(&file), "--dir", &path(dir.path())]);
    let address = mcpo2.address().await;
    let all = |tool: &'static str| {
        let ask = move |_| call(address, &format!("module__{tool}")).answer();
        futures_util::future::join_all((0..4).map(ask))
    };
    for answer in all("vendor_call").await {
        assert_eq!(answer.code(), None, "{}", answer.text());
    }
    let round = async || {
        for (tool, _) in endless() {
            for answer in soon(tool, all(tool)).await {
                assert_eq!(answer.code(), TOO_LARGE, "{tool}");
                assert_eq!(answer.json()["id"], 1, "{tool}");
            }
        }
    };
    // What the allocator keeps for later is there after one round; what is kept of answers would
    // be more with each.
    round().await;
    let before = peak(mcpo2.pid());
    for _ in 0..ROUNDS {
        round().await;
    }
    let taken = ROUNDS * 4 * endless().len() * LIMIT;
    let grown = peak(mcpo2.pid()).saturating_sub(before);
    assert!(grown < taken / 2, "{grown} bytes more, of {taken}");
    // The module is told by the end of its connections.
    let left = |log: &Log| log.abandoned >= (ROUNDS + 1) * 4 * endless().len();
    soon("the end of all answers", upstream.wait_for(left)).await;
    for answer in all("vendor_call").await {
        assert_eq!(answer.code(), None, "{}", answer.text());
    }
}

/// A stream that goes on in good order, but for ever, has a time.
#[tokio::test]
async fn u04_a_stream_of_comments_has_a_time() {
    let drip = Answer::stream(": here\n\n").and_stay_open();
    let canned = Canned::vendor(Era::Modern).with_target("tools/call", "drip", drip);
    let bench = Bench::new(canned, "timeout: 1s, max_timeout: 1s").await;
    let trickle = mcpo2_testkit::chaos::Act::Trickle(usize::MAX, Duration::from_millis(10));
    bench.chaos.all(
        mcpo2_testkit::chaos::Script::default()
            .down(mcpo2_testkit::chaos::Act::PassUntil("here".into()))
            .down(trickle),
    );
    let answer = bench.call("drip").answer().await;
    assert_eq!(answer.code(), crate::bench::TIMED_OUT, "{}", answer.text());
}

/// The questions that a module may have for a client of a session.
const QUESTIONS: [&str; 3] = ["sampling/createMessage", "elicitation/create", "roots/list"];

fn asking(times: usize) -> Canned {
    let result = r#"{"jsonrpc":"2.0","id":"$id","result":{"said":"done"}}"#.to_owned();
    let mut canned = Canned::vendor(Era::Legacy);
    for method in QUESTIONS {
        let ask =
            |n| format!(r#"{{"jsonrpc":"2.0","id":"q{n}","method":"{method}","params":{{}}}}"#);
        let events = (0..times).map(ask).chain([result.clone()]);
        canned = canned.with_target("tools/call", method, Answer::events(events));
    }
    canned
}

/// What a client with these capabilities hears of a call in which it is asked, and how many
/// answers the module gets.
async fn asked(bench: &Bench, capabilities: &str, method: &str) -> Vec<serde_json::Value> {
    let session = begin(bench.address(), capabilities).await;
    let body = plain("1", "tools/call", &format!(r#""name":"{method}""#));
    let mut stream = in_session(bench.address(), &session, body).open().await;
    let mut heard = Vec::new();
    while let Some(event) = stream.event().await {
        heard.push(serde_json::from_str(&event.data).unwrap());
    }
    heard
}

fn refusals(log: &Log) -> usize {
    let is_refusal = |body: &[u8]| {
        let message: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        message["error"]["code"] == -32601
    };
    log.received
        .iter()
        .filter(|received| is_refusal(&received.body))
        .count()
}

#[tokio::test]
async fn u08_a_client_is_not_asked_what_it_cannot_be_asked_and_the_module_is_told() {
    let bench = Bench::new(asking(3), "timeout: 10s").await;
    for (n, method) in QUESTIONS.into_iter().enumerate() {
        let heard = asked(&bench, "{}", method).await;
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_eq!(heard[0]["result"]["said"], "done");
        assert_eq!(refusals(&bench.upstream.log()), 3 * (n + 1), "{method}");
    }
    let all = r#"{"sampling":{},"elicitation":{},"roots":{}}"#;
    for method in QUESTIONS {
        let heard = asked(&bench, all, method).await;
        let methods: Vec<_> = heard
            .iter()
            .filter_map(|message| message["method"].as_str())
            .collect();
        assert_eq!(methods, [method; 3]);
    }
}

#[tokio::test]
async fn u08_a_flood_of_questions_is_bounded() {
    const MOST: usize = 1024;
    let bench = Bench::new(asking(MOST + 200), "timeout: 10s").await;
    let heard = asked(&bench, r#"{"sampling":{}}"#, "sampling/createMessage").await;
    // As many as may be open, and the result.
    assert_eq!(heard.len(), MOST + 1);
    assert_eq!(heard[MOST]["result"]["said"], "done");
    assert_eq!(refusals(&bench.upstream.log()), 200);
}

#[tokio::test]
async fn u07_a_storm_of_changes_is_calmed() {
    use mcpo2_testkit::raw::vendor::TOOLS_CHANGED;

    const STORM: usize = 10_000;
    let upstream = crate::support::vendor(Era::Modern).await;
    let gateway = Gateway::governed(&crate::support::observed(&upstream.url(), "")).await;
    let filter = r#""notifications":{"toolsListChanged":true}"#;
    let listen = modern(
        gateway.address,
        stateless("7", "subscriptions/listen", filter),
    );
    let mut client = listen.open().await;
    let first = client.event().await.unwrap();
    assert!(first.data.contains("acknowledged"), "{first:?}");
    let ask = || modern(gateway.address, stateless("1", "tools/list", "")).answer();
    assert_eq!(ask().await.code(), None);
    let began = std::time::Instant::now();
    // Once the gateway listens, it hears the whole storm.
    until("the gateway to listen", || {
        (upstream.emit(TOOLS_CHANGED) > 0).then_some(())
    })
    .await;
    for n in 0..STORM {
        upstream.emit(TOOLS_CHANGED);
        if n % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let relisted = |log: &Log| log.of("tools/list").count() > 1;
    soon("another look", upstream.wait_for(relisted)).await;
    let told = client.event().await.unwrap();
    assert!(
        told.data.contains("notifications/tools/list_changed"),
        "{told:?}"
    );
    assert_eq!(ask().await.code(), None);
    let windows = usize::try_from(began.elapsed().as_secs()).unwrap() + 2;
    let lists = upstream.log().of("tools/list").count();
    assert!(lists <= 1 + windows, "{lists} lists in {windows} s");
    drop(client);
}
