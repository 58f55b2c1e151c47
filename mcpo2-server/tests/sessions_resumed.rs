//! Sessions that outlive the process they began in: after a crash, at another replica, and with
//! other keys than they began with.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::atomic::{AtomicU16, Ordering},
};

use http::{Method, StatusCode};
use mcpo2_audit::{Event, Record};
use mcpo2_testkit::raw::{Log, vendor::Era};
use tempfile::TempDir;

use self::support::{
    Gateway,
    client::{self, Answer, Ask, in_session, listen, plain},
    fixture, observed,
    process::{Mcpo2, path, raw_child},
    reconnecting, soon, until, vendor as upstream,
};

/// A directory with a configuration, and the processes that serve by it.
struct Site {
    dir: TempDir,
    modules: String,
}

impl Site {
    fn over_http(url: &str) -> Self {
        Self::of(&format!("http: {{ url: \"{url}\" }}"))
    }

    fn of(transport: &str) -> Self {
        let modules = format!(
            "modules:\n  - {{ id: module, family: general, approval: approved, {transport} }}\n\
             policy:\n  rules:\n    - {{ id: all, effect: allow, modules: [module] }}\n"
        );
        let dir = tempfile::tempdir().unwrap();
        Self { dir, modules }
    }

    /// Serves with these settings of sessions; the ledger of the process is called `ledger`.
    async fn serve(&self, ledger: &str, sessions: &str) -> Process {
        let file = self.write(ledger, sessions);
        let mut process = Mcpo2::run(&["serve", "-f", &path(&file), "--listen", "127.0.0.1:0"]);
        let address = process.address().await;
        Process { process, address }
    }

    fn write(&self, ledger: &str, sessions: &str) -> PathBuf {
        let yaml = format!(
            "version: 1\nidentity: {{ anonymous: {{ tenant: local }} }}\n\
             http: {{ sessions: {{ {sessions} }} }}\naudit: {{ dir: {ledger} }}\n{}",
            self.modules
        );
        let file = self.dir.path().join(format!("{ledger}.yaml"));
        fs::write(&file, yaml).unwrap();
        file
    }

    fn ledger(&self) -> PathBuf {
        self.dir.path().join("ledger")
    }

    /// A new key, as the configuration refers to it.
    fn key(&self, name: &str) -> String {
        let key = mcpo2_seal::Secret::random().unwrap();
        let file = self.dir.path().join(name);
        fs::write(&file, key.to_base64().as_bytes()).unwrap();
        format!("\"${{file:{name}}}\"")
    }
}

struct Process {
    process: Mcpo2,
    address: SocketAddr,
}

impl Process {
    /// Ends it without a chance to tell anybody.
    async fn kill(self) {
        self.process.signal("KILL");
        let (status, _) = self.process.ended().await;
        assert!(!status.success());
    }

    /// Asks it to stop, and waits until it has.
    async fn stop(self) {
        self.process.signal("TERM");
        let (status, said) = self.process.ended().await;
        assert!(status.success(), "{said}");
    }
}

fn call(address: SocketAddr, session: &str) -> Ask {
    let call = plain("7", "tools/call", r#""name":"module__vendor_call""#);
    in_session(address, session, call)
}

async fn assert_goes_on(address: SocketAddr, session: &str) {
    let answer = call(address, session).answer().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.code(), None, "{}", answer.text());
}

async fn assert_unknown(ask: Ask) -> Answer {
    let answer = ask.answer().await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.text());
    let text =
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"session not found"}}"#;
    assert_eq!(answer.text(), text);
    answer
}

/// The id that the module gave its session, with each call that came in it.
fn in_sessions(log: &Log) -> Vec<String> {
    let calls = log.of("tools/call");
    calls
        .map(|call| call.header("mcp-session-id").unwrap_or_default().to_owned())
        .collect()
}

/// How many sessions began for the client. The gateway may have one of its own.
fn hellos(log: &Log) -> usize {
    let is_its = |hello: &&mcpo2_testkit::raw::Received| {
        String::from_utf8_lossy(&hello.body).contains(r#""name":"t""#)
    };
    log.of("initialize").filter(is_its).count()
}

fn was_told_of_the_end(log: &Log) -> bool {
    log.received
        .iter()
        .any(|received| received.method == Method::DELETE)
}

fn noted(records: &[Record], action: &str) -> usize {
    let is_it =
        |record: &&Record| matches!(&record.event, Event::Session(note) if note.action == action);
    records.iter().filter(is_it).count()
}

/// How often a session of this caller went idle, and how often one was resumed.
fn turns(records: &[Record], caller: &str) -> [usize; 2] {
    let is_theirs = |record: &&Record| {
        let Event::Session(note) = &record.event else {
            return false;
        };
        let id = note.principal.as_ref().and_then(|it| it.id.as_ref());
        id.is_some_and(|id| id.as_str() == caller)
    };
    let theirs: Vec<Record> = records.iter().filter(is_theirs).cloned().collect();
    ["session_idle", "session_resumed"].map(|action| noted(&theirs, action))
}

fn records(site: &Site) -> Vec<Record> {
    let read = mcpo2_audit::calls(site.ledger()).unwrap();
    read.map(|entry| entry.unwrap().record).collect()
}

#[tokio::test]
async fn a_session_goes_on_after_its_process_was_killed() {
    let module = upstream(Era::Legacy).await;
    let site = Site::over_http(&module.url());
    let first = site.serve("ledger", "").await;
    let session = client::begin(first.address, "{}").await;
    assert_goes_on(first.address, &session).await;
    first.kill().await;

    let second = site.serve("ledger", "").await;
    assert_goes_on(second.address, &session).await;
    assert_goes_on(second.address, &session).await;
    second.stop().await;
    // The module never noticed.
    let log = module.log();
    assert_eq!(hellos(&log), 1);
    assert_eq!(log.of("ping").count(), 1);
    assert_eq!(in_sessions(&log), ["raw-session"; 3]);
    assert_eq!(noted(&records(&site), "session_resumed"), 1);
}

#[tokio::test]
async fn a_session_goes_on_after_an_orderly_stop_too() {
    let module = upstream(Era::Legacy).await;
    let dir = tempfile::tempdir().unwrap();
    let (url, dir) = (module.url(), path(dir.path()));
    let serve = [
        "serve",
        "--upstream",
        &url,
        "--dir",
        &dir,
        "--listen",
        "127.0.0.1:0",
    ];
    let mut first = Mcpo2::run(&serve);
    let session = client::begin(first.address().await, "{}").await;
    first.signal("TERM");
    assert!(first.ended().await.0.success());
    assert!(
        !was_told_of_the_end(&module.log()),
        "somebody may yet go on with it"
    );
    let mut second = Mcpo2::run(&serve);
    // What has no answer goes to the module as well.
    let note = r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#;
    let told = in_session(second.address().await, &session, note)
        .answer()
        .await;
    assert_eq!(told.status, StatusCode::ACCEPTED);
    let heard = |log: &Log| log.of("notifications/roots/list_changed").count() == 1;
    let log = soon("the notification", module.wait_for(heard)).await;
    assert_eq!(hellos(&log), 1);
}

#[tokio::test]
async fn a_module_that_is_a_child_hears_the_same_hello_again() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("child.log");
    let child: Vec<_> = raw_child(&log)
        .iter()
        .map(|part| format!("{part:?}"))
        .collect();
    let (command, arguments) = child.split_first().unwrap();
    let site = Site::of(&format!(
        "stdio: {{ command: {command}, args: [{}], inherit_env: [PATH] }}",
        arguments.join(", ")
    ));
    let first = site.serve("ledger", "").await;
    let session = client::begin(first.address, r#"{"roots":{"listChanged":true}}"#).await;
    assert_goes_on(first.address, &session).await;
    first.kill().await;
    let second = site.serve("ledger", "").await;
    assert_goes_on(second.address, &session).await;
    second.stop().await;
    let heard = fs::read_to_string(&log).unwrap();
    let params = |line: &&str| {
        let hello: serde_json::Value = serde_json::from_str(line).unwrap();
        hello["params"].clone()
    };
    // The catalog has links of its own, in the name of the gateway.
    let mut of_client = heard.lines().filter(|line| line.contains(r#""name":"t""#));
    let (before, after) = (of_client.next().unwrap(), of_client.next().unwrap());
    assert_eq!(params(&before), params(&after));
    assert_eq!(params(&after)["capabilities"]["roots"]["listChanged"], true);
    assert_eq!(of_client.next(), None);
}

/// Modules over HTTP are not asked twice, whoever of two asks them.
#[tokio::test]
async fn r06_replicas_with_the_same_keys_serve_a_session_in_turn() {
    let module = upstream(Era::Legacy).await;
    let site = Site::over_http(&module.url());
    let keys = format!("keys: [{}]", site.key("shared"));
    let (one, two) = (
        site.serve("one", &keys).await,
        site.serve("two", &keys).await,
    );
    let session = client::begin(one.address, "{}").await;
    for address in [two.address, one.address].repeat(4) {
        assert_goes_on(address, &session).await;
    }
    assert_eq!(hellos(&module.log()), 1);
    assert_eq!(in_sessions(&module.log()), ["raw-session"; 8]);
    // One goes, and the other is enough.
    one.stop().await;
    assert_goes_on(two.address, &session).await;
    // Without the key nobody can do that.
    let stranger = site.serve("three", "").await;
    assert_unknown(call(stranger.address, &session)).await;
}

#[tokio::test]
async fn a10_an_older_key_opens_while_it_is_named() {
    let module = upstream(Era::Legacy).await;
    let site = Site::over_http(&module.url());
    let (old, new) = (site.key("old"), site.key("new"));
    let first = site.serve("ledger", &format!("keys: [{old}]")).await;
    let before = client::begin(first.address, "{}").await;
    first.kill().await;

    let second = site.serve("ledger", &format!("keys: [{new}, {old}]")).await;
    assert_goes_on(second.address, &before).await;
    let after = client::begin(second.address, "{}").await;
    second.kill().await;

    let third = site.serve("ledger", &format!("keys: [{new}]")).await;
    assert_unknown(call(third.address, &before)).await;
    assert_goes_on(third.address, &after).await;
}

#[tokio::test]
async fn a10_keys_are_changed_while_the_gateway_serves() {
    let module = upstream(Era::Legacy).await;
    let site = Site::over_http(&module.url());
    let (old, new) = (site.key("old"), site.key("new"));
    let gateway = site.serve("ledger", &format!("keys: [{old}]")).await;
    let address = gateway.address;
    let reload = async |keys: String| {
        site.write("ledger", &format!("keys: [{keys}]"));
        let answer = client::bare(address, "")
            .path("/admin/reload")
            .answer()
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    };
    let before = client::begin(address, "{}").await;
    reload(format!("{new}, {old}")).await;
    assert_goes_on(address, &before).await;
    let after = client::begin(address, "{}").await;
    reload(new).await;
    assert_unknown(call(address, &before)).await;
    assert_goes_on(address, &after).await;
    assert_eq!(
        hellos(&module.log()),
        2,
        "what still holds goes on as it was"
    );
}

#[tokio::test]
async fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::over_http("http://127.0.0.1:9/mcp");
    site.serve("ledger", "").await.stop().await;
    let key = site.dir.path().join("ledger.key");
    assert_eq!(
        fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let file = path(&site.dir.path().join("ledger.yaml"));
    let (status, _, said) =
        support::process::mcpo2(&["serve", "-f", &file, "--listen", "127.0.0.1:0"]).await;
    assert_eq!(status, Some(1));
    assert!(said.contains("ledger.key: others than its owner"), "{said}");
}

/// What a module had yet to say when the gateway was killed, it says to who comes back.
#[tokio::test]
async fn a_stream_that_a_crash_broke_off_is_resumed_by_the_next_process() {
    let (url, back) = reconnecting().await;
    let site = Site::over_http(&url);
    let first = site.serve("ledger", "").await;
    let session = client::begin(first.address, "{}").await;
    let body = plain("5", "tools/call", r#""name":"module__test_reconnection""#);
    let mut stream = in_session(first.address, &session, body).open().await;
    let mut last = None;
    while let Some(event) = stream.event().await {
        last = event.id.or(last);
    }
    first.kill().await;
    let second = site.serve("ledger", "").await;
    let resumed = listen(second.address, &session).with("last-event-id", &last.unwrap());
    let mut stream = resumed.open().await;
    assert_eq!(stream.status, StatusCode::OK);
    back.notify_one();
    let answer = stream
        .message(|message| message.get("result").is_some())
        .await;
    assert_eq!(answer["id"], 5);
    assert_eq!(
        answer["result"]["content"][0]["text"],
        "test_reconnection is done"
    );
}

/// What the gateway itself has to say is heard by who listens before doing anything else.
#[tokio::test]
async fn a_session_that_only_listens_hears_of_what_changes_at_the_gateway() {
    let (alpha, beta) = (fixture().await, fixture().await);
    let dir = tempfile::tempdir().unwrap();
    let module = |id: &str, url: &str| {
        format!(
            "  - {{ id: {id}, family: general, approval: approved, http: {{ url: \"{url}\" }} }}\n"
        )
    };
    let policy = |allowed: &str| {
        format!(
            "modules:\n{}{}policy:\n  rules:\n    - {{ id: all, effect: allow, modules: [{allowed}] }}\n",
            module("alpha", &alpha),
            module("beta", &beta)
        )
    };
    let mut site = Site {
        dir,
        modules: policy("alpha"),
    };
    let first = site.serve("ledger", "").await;
    let session = client::begin(first.address, "{}").await;
    first.kill().await;
    let second = site.serve("ledger", "").await;
    let mut stream = listen(second.address, &session).open().await;
    assert_eq!(stream.status, StatusCode::OK);
    site.modules = policy("alpha, beta");
    site.write("ledger", "");
    let reloaded = client::bare(second.address, "")
        .path("/admin/reload")
        .answer()
        .await;
    assert_eq!(reloaded.status, StatusCode::OK, "{}", reloaded.text());
    let changed =
        |message: &serde_json::Value| message["method"] == "notifications/tools/list_changed";
    stream.message(changed).await;
}

/// A question that a module asked before the crash is answered after it.
#[tokio::test]
async fn an_answer_to_what_was_asked_before_a_crash_finds_its_module() {
    let site = Site::over_http(&fixture().await);
    let first = site.serve("ledger", "").await;
    let asks = r#"{"elicitation":{"form":{}}}"#;
    let session = client::begin(first.address, asks).await;
    let body = plain(
        "9",
        "tools/call",
        r#""name":"module__test_elicitation","arguments":{"message":"who?"}"#,
    );
    let mut stream = in_session(first.address, &session, body).open().await;
    let (mut last, mut question) = (None, None);
    while question.is_none() {
        let event = stream.event().await.unwrap();
        last = event.id.or(last);
        let message: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
        question = (message["method"] == "elicitation/create").then_some(message);
    }
    first.kill().await;
    let second = site.serve("ledger", "").await;
    let resumed = listen(second.address, &session).with("last-event-id", &last.unwrap());
    let mut stream = resumed.open().await;
    let said = format!(
        r#"{{"jsonrpc":"2.0","id":{},"result":{{"action":"accept","content":{{"username":"ada","email":"a@b.c"}}}}}}"#,
        question.unwrap()["id"]
    );
    let taken = in_session(second.address, &session, said).answer().await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.text());
    let answer = stream
        .message(|message| message.get("result").is_some())
        .await;
    assert_eq!(answer["id"], 9);
    assert!(answer.to_string().contains("action=accept"), "{answer}");
}

/// An id of a session is a secret that a module shares with its clients: no other hears of it.
#[tokio::test]
async fn a_module_of_the_same_name_elsewhere_begins_another_session() {
    let (before, after) = (upstream(Era::Legacy).await, upstream(Era::Legacy).await);
    let site = Site::over_http(&before.url());
    let first = site.serve("ledger", "").await;
    let session = client::begin(first.address, "{}").await;
    first.kill().await;
    let modules = site.modules.replace(&before.url(), &after.url());
    let site = Site { modules, ..site };
    let second = site.serve("ledger", "").await;
    assert_goes_on(second.address, &session).await;
    let log = after.log();
    assert_eq!((hellos(&log), log.of("ping").count()), (1, 0));
    // Nor does it hear of the end of what was never its own.
    let session = client::begin(second.address, "{}").await;
    second.kill().await;
    let modules = site.modules.replace(&after.url(), &before.url());
    let site = Site { modules, ..site };
    let third = site.serve("ledger", "").await;
    let delete = in_session(third.address, &session, "").method(Method::DELETE);
    assert_eq!(delete.answer().await.status, StatusCode::NO_CONTENT);
    assert!(!was_told_of_the_end(&before.log()));
}

/// A fixture: its URL, what tells it to stop, and its end.
type FixtureAt = (
    String,
    tokio::sync::oneshot::Sender<()>,
    tokio::task::JoinHandle<()>,
);

/// A fixture at this address until it is told to stop.
async fn fixture_at(address: SocketAddr) -> FixtureAt {
    use mcpo2_testkit::fixture::{Fixture, Http};
    let http = Http::bind(Fixture::new().unwrap(), address).await.unwrap();
    let url = http.url();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let serving = tokio::spawn(async move {
        http.serve(async { drop(stopped.await) }).await.unwrap();
    });
    (url, stop, serving)
}

/// An address that stays free while nobody listens there: its port is below those that are given to
/// whoever asks for any.
fn free() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Tests may run in processes of their own at the same time.
    let block = 20_000 + 10 * u16::try_from(std::process::id() % 1000).unwrap();
    loop {
        let port = block + NEXT.fetch_add(1, Ordering::Relaxed);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if std::net::TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// Ends this module, and starts it anew at its address.
async fn started_again((url, stop, module): FixtureAt) -> FixtureAt {
    stop.send(()).unwrap();
    soon("the end of the module", module).await.unwrap();
    fixture_at(address_of(&url)).await
}

fn assert_works(answer: &Answer) {
    let came = (answer.status, answer.code());
    assert_eq!(came, (StatusCode::OK, None), "{}", answer.text());
}

fn address_of(url: &str) -> SocketAddr {
    let authority = url.strip_prefix("http://").unwrap().split('/').next();
    authority.unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_module_that_knows_its_session_no_more_begins_another() {
    let module = fixture_at(free()).await;
    let site = Site::over_http(&module.0);
    let first = site.serve("ledger", "").await;
    let session = client::begin(first.address, "{}").await;
    first.kill().await;
    let _module = started_again(module).await;
    let second = site.serve("ledger", "").await;
    let body = plain("1", "tools/call", r#""name":"module__test_simple_text""#);
    assert_works(&in_session(second.address, &session, body).answer().await);
}

/// The client does not notice that a module over HTTP was started again.
#[tokio::test]
async fn a_module_that_was_started_again_begins_another_session_for_the_same_call() {
    let module = fixture_at(free()).await;
    let gateway = Gateway::before(&module.0).await;
    let session = client::begin(gateway.address, "{}").await;
    let call = || {
        let body = plain("1", "tools/call", r#""name":"test_simple_text""#);
        in_session(gateway.address, &session, body).answer()
    };
    assert_works(&call().await);
    let _module = started_again(module).await;
    assert_works(&call().await);
}

#[tokio::test]
async fn a_session_that_this_process_never_saw_can_be_ended() {
    let module = upstream(Era::Legacy).await;
    let site = Site::over_http(&module.url());
    let first = site.serve("ledger", "").await;
    let session = client::begin(first.address, "{}").await;
    first.kill().await;
    let second = site.serve("ledger", "").await;
    let delete = || in_session(second.address, &session, "").method(Method::DELETE);
    assert_eq!(delete().answer().await.status, StatusCode::NO_CONTENT);
    let log = soon(
        "the end at the module",
        module.wait_for(was_told_of_the_end),
    )
    .await;
    let told = log
        .received
        .iter()
        .find(|received| received.method == Method::DELETE);
    assert_eq!(told.unwrap().header("mcp-session-id"), Some("raw-session"));
    assert_eq!(log.of("ping").count(), 0, "nobody opens what only ends");
    for ask in [
        delete(),
        call(second.address, &session),
        listen(second.address, &session),
    ] {
        assert_unknown(ask).await;
    }
}

/// A gateway for `ada` and `ben` before one module that both may use.
async fn shared(url: &str, sessions: &str) -> (Gateway, String, String) {
    let (ada, ada_entry) = support::key("ada", "acme");
    let (ben, ben_entry) = support::key("ben", "acme");
    let sessions = format!("http: {{ sessions: {{ {sessions} }} }}\n");
    let yaml = observed(url, &sessions).replace(
        "identity: { anonymous: { tenant: local } }",
        &format!("identity:\n  api_keys:\n    {ada_entry}\n    {ben_entry}"),
    );
    let gateway = Gateway::start(&yaml, mcpo2_server::Mode::Observed).await;
    (gateway, ada, ben)
}

async fn gone_idle(gateway: &Gateway) {
    let idle = || (noted(&gateway.records(), "session_idle") > 0).then_some(());
    until("the note that it is idle", idle).await;
}

/// Not even when nobody here knows the session any more, so that its id alone must say whose it is.
#[tokio::test]
async fn a09_a_stolen_id_is_of_no_use_to_another_principal() {
    let module = upstream(Era::Legacy).await;
    let (gateway, ada, ben) = shared(&module.url(), "idle: 50ms").await;
    let address = gateway.address;
    let session = client::begin_as(address, "{}", Some(&ada)).await;
    let list = || in_session(address, &session, plain("1", "tools/list", ""));
    let asks = || {
        let delete = in_session(address, &session, "").method(Method::DELETE);
        [listen(address, &session), delete]
    };
    for _ in 0..2 {
        for ask in asks() {
            assert_unknown(ask.key(&ben)).await;
        }
        assert_eq!(
            list().key(&ben).answer().await.status,
            StatusCode::NOT_FOUND
        );
        gone_idle(&gateway).await;
    }
    assert_eq!(list().key(&ada).answer().await.status, StatusCode::OK);
    assert!(!was_told_of_the_end(&module.log()));
}

#[tokio::test]
async fn a10_an_id_that_was_changed_is_no_other_than_one_that_never_was() {
    let gateway = Gateway::before(&fixture().await).await;
    let address = gateway.address;
    let session = client::begin(address, "{}").await;
    let mut changed: Vec<String> = [0, 1, 7, 30, 60, session.len() - 1]
        .map(|at| {
            let mut id = session.clone().into_bytes();
            id[at] = if id[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(id).unwrap()
        })
        .into();
    changed.extend(
        [1, 20, 40, session.len() / 2, session.len() - 1].map(|at| session[..at].to_owned()),
    );
    changed.extend([
        format!("{session}A"),
        format!("{session}=="),
        "never-was".to_owned(),
    ]);
    for id in &changed {
        assert_unknown(listen(address, id)).await;
        assert_unknown(in_session(address, id, "").method(Method::DELETE)).await;
    }
    let list = in_session(address, &session, plain("1", "tools/list", ""));
    assert_eq!(list.answer().await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_that_nobody_uses_lets_go_of_its_modules_and_comes_back() {
    let module = upstream(Era::Legacy).await;
    let gateway = Gateway::start(
        &observed(&module.url(), "http: { sessions: { idle: 50ms } }\n"),
        mcpo2_server::Mode::Observed,
    )
    .await;
    let session = client::begin(gateway.address, "{}").await;
    gone_idle(&gateway).await;
    let list = in_session(gateway.address, &session, plain("1", "tools/list", ""));
    assert_eq!(list.answer().await.status, StatusCode::OK);
    let log = module.log();
    assert_eq!(hellos(&log), 1);
    assert_eq!(log.of("ping").count(), 1);
    assert!(!was_told_of_the_end(&log));
    assert!(noted(&gateway.stop().await, "session_resumed") >= 1);
}

#[tokio::test]
async fn a_session_that_somebody_listens_to_is_not_idle() {
    let (gateway, ada, ben) = shared(&fixture().await, "idle: 50ms").await;
    let address = gateway.address;
    let session = client::begin_as(address, "{}", Some(&ada)).await;
    let mut stream = listen(address, &session).key(&ada).open().await;
    assert_eq!(stream.status, StatusCode::OK);
    // Before somebody listens it may be idle, where there is much else to do.
    let before = turns(&gateway.records(), "ada");
    // Another is looked at, and found idle, in the meantime.
    client::begin_as(address, "{}", Some(&ben)).await;
    let idle = || (turns(&gateway.records(), "ben")[0] > 0).then_some(());
    until("the note that the other is idle", idle).await;
    let body = plain("1", "tools/call", r#""name":"test_trigger_tool_change""#);
    let done = in_session(address, &session, body).key(&ada).answer().await;
    assert_eq!(done.status, StatusCode::OK);
    let changed =
        |message: &serde_json::Value| message["method"] == "notifications/tools/list_changed";
    stream.message(changed).await;
    // While the stream stands: it ends before the gateway does.
    assert_eq!(turns(&gateway.records(), "ada"), before);
}

#[tokio::test]
async fn a_session_ends_when_its_time_is_up() {
    let module = upstream(Era::Legacy).await;
    let gateway = Gateway::start(
        &observed(&module.url(), "http: { sessions: { lifetime: 10s } }\n"),
        mcpo2_server::Mode::Observed,
    )
    .await;
    let session = client::begin(gateway.address, "{}").await;
    let expired = || (noted(&gateway.records(), "session_expired") == 1).then_some(());
    until("the end of the session", expired).await;
    assert_unknown(listen(gateway.address, &session)).await;
    soon(
        "the end at the module",
        module.wait_for(was_told_of_the_end),
    )
    .await;
}

#[tokio::test]
async fn o03_sessions_have_a_limit_for_each_principal_and_one_for_all() {
    let module = upstream(Era::Legacy).await;
    let (gateway, ada, ben) = shared(&module.url(), "per_principal: 2, max: 3").await;
    let address = gateway.address;
    let params = r#""protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}"#;
    let begin = |key: &str| {
        client::post(address, plain("0", "initialize", params))
            .key(key)
            .answer()
    };
    for _ in 0..2 {
        assert_eq!(begin(&ada).await.status, StatusCode::OK);
    }
    let refused = begin(&ada).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let last = begin(&ben).await;
    assert_eq!(last.status, StatusCode::OK);
    let refused = begin(&ben).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (refused.code(), refused.header("retry-after")),
        (Some(-31003), "60")
    );
    assert_eq!(
        module.log().of("initialize").count(),
        3,
        "no module heard of the others"
    );
    // One that ends makes room.
    let delete = in_session(address, last.header("mcp-session-id"), "").method(Method::DELETE);
    assert_eq!(
        delete.key(&ben).answer().await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(begin(&ben).await.status, StatusCode::OK);
    let refused = support::rejects(gateway.stop().await);
    let reasons: Vec<_> = refused.iter().map(|reject| &*reject.reason).collect();
    assert_eq!(reasons, ["too_many_sessions", "sessions_full"]);
}

#[tokio::test]
async fn what_a_client_says_of_itself_has_an_end() {
    let module = upstream(Era::Legacy).await;
    let gateway = Gateway::before(&module.url()).await;
    let begin = |length: usize| {
        let name = "n".repeat(length);
        let params = format!(
            r#""protocolVersion":"2025-11-25","capabilities":{{}},"clientInfo":{{"name":"{name}","version":"1"}}"#
        );
        client::post(gateway.address, plain("0", "initialize", &params)).answer()
    };
    let refused = begin(17_000).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::PAYLOAD_TOO_LARGE, Some(-32602))
    );
    // What is too long for an id is a session all the same, here.
    let long = begin(8_000).await;
    assert_eq!(long.status, StatusCode::OK);
    let id = long.header("mcp-session-id");
    assert!(id.len() <= 4096, "{}", id.len());
    let list = in_session(gateway.address, id, plain("1", "tools/list", ""));
    assert_eq!(list.answer().await.status, StatusCode::OK);
}
