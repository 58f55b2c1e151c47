//! The configuration changes while the gateway serves: whole or not at all, and no request fails
//! for it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{Method, StatusCode};
use mcpo2_audit::{CallRecord, Event, Note, Record};
use mcpo2_server::{
    App, Mode, Shutdown,
    reload::{Reloader, Source, Trigger},
};
use mcpo2_testkit::raw::{RawUpstream, vendor::Era};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

use self::support::{
    calls,
    client::{self, Answer, Ask, KeepAlive, bare, in_session, modern, plain, stateless},
    fact, key,
    paced::Paced,
    process::{Mcpo2, path, raw_child},
    soon, until, vendor as upstream,
};

/// A gateway in this process that serves by a file.
struct Filed {
    address: SocketAddr,
    dir: TempDir,
    reloader: Reloader,
    shutdown: Shutdown,
    serving: JoinHandle<()>,
}

impl Filed {
    async fn serve(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mcpo2.yaml");
        std::fs::write(&file, text).unwrap();
        Self::of(dir, &file).await
    }

    async fn of(dir: TempDir, file: &Path) -> Self {
        Self::of_then(dir, file, || ()).await
    }

    /// The same, where this happens between reading the file and serving by it.
    async fn of_then(dir: TempDir, file: &Path, then: impl FnOnce()) -> Self {
        let source = Source::new(file).ledger(dir.path().join("ledger"));
        let config = source.load().unwrap_or_else(|found| panic!("{found}"));
        then();
        let app = App::build(config, Mode::Governed).unwrap().reading(source);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            address: listener.local_addr().unwrap(),
            dir,
            reloader: app.reloader().clone(),
            shutdown: app.shutdown().clone(),
            serving: tokio::spawn(async move { app.serve(listener).await.unwrap() }),
        }
    }

    fn write(&self, text: &str) {
        write(&self.dir.path().join("mcpo2.yaml"), text);
    }

    /// As an operator on this machine.
    fn reload(&self) -> Ask {
        reload(self.address)
    }

    /// This in place of what it says, and what came of it.
    async fn become_(&self, text: &str) -> Answer {
        self.write(text);
        self.reload().answer().await
    }

    async fn get(&self, path: &str) -> Answer {
        get(self.address, path).await
    }

    async fn stop(self) -> Vec<Record> {
        self.shutdown.drain();
        soon("the end of the gateway", self.serving).await.unwrap();
        records(&self.dir.path().join("ledger"))
    }
}

/// Takes the place of the file in one step.
fn write(file: &Path, text: &str) {
    let beside = file.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, file).unwrap();
}

fn reload(address: SocketAddr) -> Ask {
    bare(address, "").path("/admin/reload")
}

async fn get(address: SocketAddr, path: &str) -> Answer {
    bare(address, "")
        .method(Method::GET)
        .path(path)
        .answer()
        .await
}

fn records(ledger: &Path) -> Vec<Record> {
    mcpo2_audit::verify(ledger).unwrap();
    let entries = mcpo2_audit::calls(ledger).unwrap();
    entries.map(|entry| entry.unwrap().record).collect()
}

fn reloads(records: &[Record]) -> Vec<Note> {
    let note = |record: &Record| match &record.event {
        Event::Admin(note) if note.action == "config_reload" => Some(note.clone()),
        _ => None,
    };
    records.iter().filter_map(note).collect()
}

/// A file with these modules, where these tools may be called.
fn file(modules: &[(&str, &str)], tools: &str) -> String {
    let mut text = "version: 1\nidentity: { anonymous: { tenant: local } }\n".to_owned();
    text += if modules.is_empty() {
        "modules: []\n"
    } else {
        "modules:\n"
    };
    for (id, more) in modules {
        text += &format!("  - {{ id: {id}, family: general, approval: approved, {more} }}\n");
    }
    text + &format!(
        "policy:\n  rules:\n    - {{ id: some, effect: allow, tools: [{tools}] }}\n    - {{ id: lists, effect: allow, methods: [initialize, notifications/initialized, tools/list] }}\n"
    )
}

fn over_http(url: &str) -> String {
    format!("http: {{ url: \"{url}\" }}")
}

fn call() -> String {
    stateless("1", "tools/call", r#""name":"one__vendor_call""#)
}

/// Each generation has a rule of its own name, and every fourth another module beside.
fn variant(number: u64, url: &str, beside: &str) -> String {
    let (one, two) = (over_http(url), over_http(beside));
    let mut modules = vec![("one", one.as_str())];
    if number.is_multiple_of(4) {
        modules.push(("two", &two));
    }
    file(&modules, "one__vendor_call").replace("id: some", &format!("id: g{number}"))
}

/// What a client knows of the generation that served it.
struct Seen {
    /// Acknowledged before the request was sent.
    from: u64,
    /// Begun when the answer was there.
    to: u64,
}

/// A call that is found in the ledger by its trace.
fn traced(address: SocketAddr, number: u64) -> Ask {
    let parent = format!("00-{number:032x}-00000000000000ff-01");
    modern(address, call()).with("traceparent", &parent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r01_a_thousand_reloads_under_a_thousand_requests_a_second_fail_none() {
    const RELOADS: u64 = 1000;
    let (beside, upstream) = (upstream(Era::Modern).await, upstream(Era::Modern).await);
    let url = upstream.url();
    let gateway = Filed::serve(&variant(1, &url, &beside.url())).await;
    let address = gateway.address;
    let (begun, served) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(1)));
    let paced = Paced::each(Duration::from_millis(1));
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let (due, begun, served) = (paced.due(), Arc::clone(&begun), Arc::clone(&served));
            tokio::spawn(async move {
                let mut connection = KeepAlive::open(address).await;
                let mut seen = Vec::new();
                while let Some(number) = due.next().await {
                    let from = served.load(Ordering::SeqCst);
                    let answer = connection.ask(traced(address, number)).await.unwrap();
                    let to = begun.load(Ordering::SeqCst);
                    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
                    assert!(answer.json()["result"].is_object(), "{}", answer.text());
                    seen.push((number, Seen { from, to }));
                }
                seen
            })
        })
        .collect();
    for number in 2..=RELOADS + 1 {
        // One for four requests; for more, where a reload takes longer than these.
        paced.credit(8);
        paced.passed(4 * (number - 1)).await;
        gateway.write(&variant(number, &url, &beside.url()));
        begun.store(number, Ordering::SeqCst);
        if number.is_multiple_of(10) {
            let answer = gateway.reload().answer().await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            assert_eq!(answer.json()["generation"], number);
        } else {
            let reloaded = gateway.reloader.reload(Trigger::Host).await.unwrap();
            assert_eq!(reloaded.generation, number);
        }
        served.store(number, Ordering::SeqCst);
    }
    let due = paced.end().await;
    let mut seen = BTreeMap::new();
    for client in clients {
        seen.extend(client.await.unwrap());
    }
    assert_eq!(
        u64::try_from(seen.len()).unwrap(),
        due,
        "one was not answered"
    );
    let handshakes = upstream.log().of("server/discover").count();
    assert_eq!(handshakes, 1, "a module that stays is reached anew");

    let records = gateway.stop().await;
    assert_eq!(reloads(&records).len(), usize::try_from(RELOADS).unwrap());
    each_by_one_generation(calls(records), seen);
}

/// Each call has one record, and was decided by the policy and routed by the modules of the
/// generation that it names, which served when the client asked.
fn each_by_one_generation(calls: Vec<CallRecord>, mut seen: BTreeMap<u64, Seen>) {
    let (mut policies, mut registries) = (BTreeMap::new(), BTreeMap::new());
    for call in &calls {
        let trace = u128::from_str_radix(call.trace.as_deref().unwrap(), 16).unwrap();
        let seen = seen.remove(&u64::try_from(trace).unwrap());
        let Seen { from, to } = seen.expect("a request has one record");
        let generation = call.generation.unwrap();
        assert!(
            (from..=to).contains(&generation),
            "{generation} is not of {from} to {to}"
        );
        let decided = fact(call, "decided");
        assert_eq!(
            decided["rules"],
            serde_json::json!([format!("g{generation}")])
        );
        let policy = policies
            .entry(generation)
            .or_insert_with(|| decided["bundle"].clone());
        assert_eq!(*policy, decided["bundle"], "generation {generation}");
        let registry = fact(call, "routed")["registry"].clone();
        let modules = registries
            .entry(generation.is_multiple_of(4))
            .or_insert_with(|| registry.clone());
        assert_eq!(*modules, registry, "generation {generation}");
    }
    assert!(seen.is_empty(), "{} calls have no record", seen.len());
    let bundles: HashSet<_> = policies.values().map(Value::to_string).collect();
    assert_eq!(
        bundles.len(),
        policies.len(),
        "two generations have one policy"
    );
    assert_ne!(registries[&true], registries[&false]);
}

/// Every other generation denies what the others allow.
fn alternating(number: u64, url: &str) -> String {
    let text = file(&[("one", &over_http(url))], "one__vendor_call");
    let effect = if number.is_multiple_of(2) {
        "deny"
    } else {
        "allow"
    };
    let some = format!("id: g{number}, effect: {effect}");
    text.replace("id: some, effect: allow", &some)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_revoked_holds_for_the_next_request_a_thousand_times_and_each_sees_one_policy() {
    const RELOADS: u64 = 1000;
    let upstream = upstream(Era::Modern).await;
    let url = upstream.url();
    let gateway = Filed::serve(&alternating(1, &url)).await;
    let address = gateway.address;
    let (begun, served) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(1)));
    let paced = Paced::each(Duration::from_millis(1));
    let crowd: Vec<_> = (0..4)
        .map(|_| {
            let (due, begun, served) = (paced.due(), Arc::clone(&begun), Arc::clone(&served));
            tokio::spawn(async move {
                let mut connection = KeepAlive::open(address).await;
                let mut seen = Vec::new();
                while let Some(number) = due.next().await {
                    // Not among the numbers of those that ask between two reloads.
                    let number = number << 32;
                    let from = served.load(Ordering::SeqCst);
                    let answer = connection.ask(traced(address, number)).await.unwrap();
                    let to = begun.load(Ordering::SeqCst);
                    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
                    let allowed = answer.json()["result"].is_object();
                    seen.push((number, (Seen { from, to }, allowed)));
                }
                seen
            })
        })
        .collect();
    let mut connection = KeepAlive::open(address).await;
    let mut seen = BTreeMap::new();
    for number in 2..=RELOADS + 1 {
        paced.credit(4);
        gateway.write(&alternating(number, &url));
        begun.store(number, Ordering::SeqCst);
        gateway.reloader.reload(Trigger::Host).await.unwrap();
        served.store(number, Ordering::SeqCst);
        let answer = connection.ask(traced(address, number)).await.unwrap();
        let allowed = answer.json()["result"].is_object();
        assert_eq!(allowed, !number.is_multiple_of(2), "{}", answer.text());
        let (from, to) = (number, number);
        seen.insert(number, (Seen { from, to }, allowed));
    }
    paced.end().await;
    for client in crowd {
        seen.extend(soon("the end of a client", client).await.unwrap());
    }
    each_saw_one_policy(calls(gateway.stop().await), seen);
}

/// Each call has one record with one decision, by the policy of the generation that it names, and
/// was answered as that says.
fn each_saw_one_policy(calls: Vec<CallRecord>, mut seen: BTreeMap<u64, (Seen, bool)>) {
    let mut policies = BTreeMap::new();
    for call in &calls {
        let trace = u128::from_str_radix(call.trace.as_deref().unwrap(), 16).unwrap();
        let (Seen { from, to }, allowed) = seen.remove(&u64::try_from(trace).unwrap()).unwrap();
        let generation = call.generation.unwrap();
        assert!((from..=to).contains(&generation), "{generation}");
        assert_eq!(allowed, !generation.is_multiple_of(2));
        let facts = serde_json::to_value(&call.facts).unwrap();
        let facts = facts.as_array().unwrap().iter();
        let decided: Vec<_> = facts.filter_map(|fact| fact.get("decided")).collect();
        let [decided] = decided[..] else {
            panic!("{decided:?}");
        };
        let rule = serde_json::json!([format!("g{generation}")]);
        assert_eq!(decided["rules"], rule);
        let bundle = decided["bundle"].clone();
        let policy = policies.entry(generation).or_insert_with(|| bundle.clone());
        assert_eq!(*policy, bundle, "generation {generation}");
    }
    assert!(seen.is_empty(), "{} calls have no record", seen.len());
    let bundles: HashSet<_> = policies.values().map(Value::to_string).collect();
    assert_eq!(bundles.len(), policies.len());
}

#[tokio::test]
async fn r02_a_file_that_is_wrong_changes_nothing_and_says_where() {
    let upstream = upstream(Era::Modern).await;
    let good = file(&[("one", &over_http(&upstream.url()))], "one__vendor_call");
    let gateway = Filed::serve(&good).await;
    let answer = gateway.become_(&good.replace("policy:", "polciy:")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let said = answer.json();
    assert_eq!(said["result"], "rejected");
    let found = &said["found"]["diagnostics"][0];
    assert_eq!(
        (&found["line"], &found["column"]),
        (&5.into(), &1.into()),
        "{said}"
    );
    assert!(found.to_string().contains("polciy"), "{found}");
    assert_eq!(gateway.reloader.generation(), 1);
    assert_eq!(gateway.get("/readyz").await.status, StatusCode::OK);
    let answer = modern(gateway.address, call()).answer().await;
    assert!(answer.json()["result"].is_object(), "{}", answer.text());

    // What a check finds only when it is built is refused too.
    let twice = good.replace(
        "policy:",
        "preamble: { select: [{ profile: none }] }\npolicy:",
    );
    let answer = gateway.become_(&twice).await;
    assert_eq!(
        answer.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        answer.text()
    );
    std::fs::remove_file(gateway.dir.path().join("mcpo2.yaml")).unwrap();
    let answer = gateway.reload().answer().await;
    assert_eq!(
        answer.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        answer.text()
    );

    let answer = gateway.become_(&good).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["generation"], 2);
    let metrics = gateway.get("/metrics").await;
    for sample in [
        r#"mcpo2_config_reload_total{result="rejected",source="admin"} 3"#,
        r#"mcpo2_config_reload_total{result="applied",source="admin"} 1"#,
        "mcpo2_config_generation 2",
    ] {
        let mut lines = metrics.text().lines();
        assert!(
            lines.any(|line| line == sample),
            "{sample}: {}",
            metrics.text()
        );
    }
    let notes = reloads(&gateway.stop().await);
    let results: Vec<_> = notes.iter().map(|note| &*note.detail["result"]).collect();
    assert_eq!(results, ["rejected", "rejected", "rejected", "applied"]);
    assert!(
        notes[0].detail["error"].contains("mcpo2.yaml:5:1"),
        "{:?}",
        notes[0]
    );
    assert!(
        notes[3].detail["config"].starts_with("b3:"),
        "{:?}",
        notes[3]
    );
}

/// Each call that begins after the acknowledgement sees what was acknowledged, whatever calls began
/// before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r03_what_was_revoked_is_denied_to_the_next_request() {
    let upstream = upstream(Era::Legacy).await;
    let (text, entry) = key("ada", "acme");
    let open = file(&[("one", &over_http(&upstream.url()))], "one__vendor_call").replace(
        "anonymous: { tenant: local }",
        &format!("api_keys: [{}]", entry.trim_start_matches("- ")),
    );
    let shut = open.replace("tools: [one__vendor_call]", "tools: [one__other]");
    let gateway = Filed::serve(&open).await;
    let address = gateway.address;
    let session = client::begin_as(address, "{}", Some(&text)).await;
    let ask = |id: usize| {
        let body = plain(
            &id.to_string(),
            "tools/call",
            r#""name":"one__vendor_call""#,
        );
        in_session(address, &session, body).key(&text)
    };
    let done = Arc::new(AtomicBool::new(false));
    let crowd: Vec<_> = (0..4)
        .map(|n| {
            let (done, session, text) = (Arc::clone(&done), session.clone(), text.clone());
            tokio::spawn(async move {
                for id in (n * 1_000_000).. {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    let body = plain(
                        &id.to_string(),
                        "tools/call",
                        r#""name":"one__vendor_call""#,
                    );
                    let ask = in_session(address, &session, body).key(&text);
                    assert_eq!(ask.answer().await.status, StatusCode::OK);
                }
            })
        })
        .collect();
    for round in 0..40 {
        let allowed = round % 2 == 1;
        let answer = gateway.become_(if allowed { &open } else { &shut }).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let answer = ask(9_000_000 + round).answer().await;
        assert_eq!(
            answer.json()["result"].is_object(),
            allowed,
            "{}",
            answer.text()
        );
    }
    done.store(true, Ordering::Relaxed);
    for one in crowd {
        soon("the end of a client", one).await.unwrap();
    }

    let (_, other) = key("ada", "acme");
    let entry = entry.trim_start_matches("- ");
    let renewed = open.replace(entry, other.trim_start_matches("- "));
    assert_ne!(renewed, open);
    assert_eq!(gateway.become_(&renewed).await.status, StatusCode::OK);
    assert_eq!(ask(1).answer().await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(gateway.become_(&open).await.status, StatusCode::OK);
    assert!(ask(2).answer().await.json()["result"].is_object());
    gateway.stop().await;
}

#[tokio::test]
async fn what_did_not_change_keeps_its_process_and_sessions_go_on() {
    let kept = tempfile::tempdir().unwrap();
    let log = kept.path().join("log");
    let child = format!(
        "stdio: {{ command: sh, args: {} }}",
        Value::from(raw_child(&log)[1..].to_vec())
    );
    let upstream = upstream(Era::Legacy).await;
    let url = over_http(&upstream.url());
    let tools = "one__vendor_call, two__vendor_call, three__vendor_call";
    let before = file(&[("one", &child), ("two", &url)], tools);
    let gateway = Filed::serve(&before).await;
    let session = client::begin(gateway.address, "{}").await;
    let ask = |module: &str| {
        let name = format!(r#""name":"{module}__vendor_call""#);
        in_session(gateway.address, &session, plain("1", "tools/call", &name))
    };
    let works = async |module: &str| ask(module).answer().await.json()["result"].is_object();
    assert!(works("one").await && works("two").await && !works("three").await);

    // The tier of one is another, and so is the rest: one and two are reached as before.
    let tiers = before.replace(
        "approval: approved, stdio",
        "tier: 3, approval: approved, stdio",
    );
    assert_ne!(tiers, before);
    assert_eq!(gateway.become_(&tiers).await.status, StatusCode::OK);
    let more = file(&[("one", &child), ("two", &url), ("three", &url)], tools);
    assert_eq!(gateway.become_(&more).await.status, StatusCode::OK);
    assert!(works("one").await && works("two").await && works("three").await);
    let heard = std::fs::read_to_string(&log).unwrap();
    // One for the session, and one for what the catalog asks.
    assert_eq!(
        heard.matches(r#""method":"initialize""#).count(),
        1,
        "{heard}"
    );
    let deleted = |log: &mcpo2_testkit::raw::Log| {
        log.received
            .iter()
            .filter(|request| request.method == Method::DELETE)
            .count()
    };
    assert_eq!(deleted(&upstream.log()), 0);

    // Two is reached another way now, and three is gone: the links to them end.
    let url = format!("{url}, limits: {{ concurrency: 7 }}");
    let fewer = file(&[("one", &child), ("two", &url)], tools);
    assert_eq!(gateway.become_(&fewer).await.status, StatusCode::OK);
    soon(
        "the end of the links",
        upstream.wait_for(|log| deleted(log) >= 2),
    )
    .await;
    assert!(works("one").await && works("two").await && !works("three").await);
    gateway.stop().await;
}

#[tokio::test]
async fn a_call_to_a_module_that_is_taken_out_ends_before_its_link_does() {
    let upstream = upstream(Era::Legacy).await;
    let url = over_http(&upstream.url());
    let gateway = Filed::serve(&file(&[("one", &url)], "one__vendor_hang")).await;
    let session = client::begin(gateway.address, "{}").await;
    let body = plain("7", "tools/call", r#""name":"one__vendor_hang""#);
    let mut call = in_session(gateway.address, &session, body).open().await;
    assert_eq!(
        gateway.become_(&file(&[], "none")).await.status,
        StatusCode::OK
    );
    let body = plain("8", "tools/call", r#""name":"one__vendor_hang""#);
    let late = in_session(gateway.address, &session, body).answer().await;
    assert!(late.json()["error"].is_object(), "{}", late.text());
    let deleted = |log: &mcpo2_testkit::raw::Log| {
        let deleted = log
            .received
            .iter()
            .filter(|one| one.method == Method::DELETE);
        deleted.count()
    };
    // The link that sessions do not use may have ended by now.
    assert!(
        deleted(&upstream.log()) < 2,
        "the link ended under its call"
    );
    upstream.emit(r#"{"jsonrpc":"2.0","id":"$id","result":{"content":[]}}"#);
    let answer = call.message(|message| message["id"] == 7).await;
    assert!(answer["result"].is_object(), "{answer}");
    drop(call);
    soon(
        "the end of the link",
        upstream.wait_for(|log| deleted(log) == 2),
    )
    .await;
    gateway.stop().await;
}

/// As Kubernetes mounts a file: a link to a directory that is a link, which is swapped.
#[tokio::test]
async fn a_file_that_is_swapped_behind_links_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().to_owned();
    let upstream = upstream(Era::Modern).await;
    let text = |tools: &str| {
        file(&[("one", &over_http(&upstream.url()))], tools) + "reload: { watch: true }\n"
    };
    let put = |version: &str, text: &str| -> PathBuf {
        std::fs::create_dir(root.join(version)).unwrap();
        std::fs::write(root.join(version).join("mcpo2.yaml"), text).unwrap();
        let (next, data) = (root.join("next"), root.join("..data"));
        std::os::unix::fs::symlink(version, &next).unwrap();
        std::fs::rename(next, data).unwrap();
        root.join("mcpo2.yaml")
    };
    let file = put("1", &text("one__other"));
    std::os::unix::fs::symlink("..data/mcpo2.yaml", &file).unwrap();
    let gateway = Filed::of(dir, &file).await;
    let address = gateway.address;
    let works = async || modern(address, call()).answer().await.json()["result"].is_object();
    assert!(!works().await);
    put("2", "version: 1\nnonsense: true\n");
    until("the refusal", || {
        let metrics = gateway.reloader.generation();
        let ledger = mcpo2_audit::calls(root.join("ledger")).ok()?;
        let seen: Vec<_> = ledger
            .filter_map(Result::ok)
            .map(|entry| entry.record)
            .collect();
        (!reloads(&seen).is_empty() && metrics == 1).then_some(())
    })
    .await;
    put("3", &text("one__vendor_call"));
    let reloader = &gateway.reloader;
    until("the reload", || (reloader.generation() == 2).then_some(())).await;
    assert!(works().await);
    let notes = reloads(&gateway.stop().await);
    assert!(notes.iter().all(|note| &*note.detail["source"] == "file"));
}

/// A gateway whose one tool a bundle beside its file allows.
async fn bundled(more: &str, url: &str) -> (Filed, PathBuf) {
    let (dir, config, bundle) = written(more, url);
    (Filed::of(dir, &config).await, bundle)
}

/// Its files.
fn written(more: &str, url: &str) -> (TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (config, bundle) = (dir.path().join("mcpo2.yaml"), dir.path().join("team.yaml"));
    let text = file(&[("one", &over_http(url))], "one__other");
    write(
        &config,
        &format!("{text}bundles: {{ files: [team.yaml] }}\n{more}"),
    );
    write(&bundle, &allowing("one__vendor_call"));
    (dir, config, bundle)
}

fn allowing(tool: &str) -> String {
    format!("id: team\nrules:\n  - {{ id: team-calls, effect: allow, tools: [{tool}] }}\n")
}

#[tokio::test]
async fn a_bundle_that_is_wrong_changes_nothing_and_says_in_which_file() {
    let upstream = upstream(Era::Modern).await;
    let (gateway, bundle) = bundled("", &upstream.url()).await;
    let address = gateway.address;
    let works = async || modern(address, call()).answer().await.json()["result"].is_object();
    assert!(works().await);
    for (wrong, line) in [
        (allowing("one__other").replace("tools:", "tool:"), 3),
        (allowing("'one__[other'"), 3),
        (
            allowing("x") + "tests: [{ name: a, given: { tool: y }, expect: allow }]\n",
            4,
        ),
        ("id: [team\n".to_owned(), 1),
    ] {
        write(&bundle, &wrong);
        let answer = gateway.reload().answer().await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let said = answer.json();
        let found = &said["found"]["diagnostics"][0];
        assert!(
            found["file"].as_str().unwrap().ends_with("team.yaml"),
            "{said}"
        );
        assert_eq!(found["line"], line, "{said}");
        assert!(works().await);
    }
    assert_eq!(gateway.reloader.generation(), 1);
    write(&bundle, &allowing("one__other"));
    assert_eq!(gateway.reload().answer().await.status, StatusCode::OK);
    assert!(!works().await);
    let notes = reloads(&gateway.stop().await);
    assert!(
        notes[0].detail["error"].contains("team.yaml:3:"),
        "{:?}",
        notes[0]
    );
}

#[tokio::test]
async fn a_bundle_that_changes_is_noticed() {
    let upstream = upstream(Era::Modern).await;
    let (gateway, bundle) = bundled("reload: { watch: true }\n", &upstream.url()).await;
    let address = gateway.address;
    let works = async || modern(address, call()).answer().await.json()["result"].is_object();
    assert!(works().await);
    write(&bundle, &allowing("one__other"));
    let reloader = &gateway.reloader;
    until("the reload", || (reloader.generation() == 2).then_some(())).await;
    assert!(!works().await);
    gateway.stop().await;
}

#[tokio::test]
async fn a_bundle_that_changes_before_the_gateway_serves_is_noticed() {
    let upstream = upstream(Era::Modern).await;
    let (dir, config, bundle) = written("reload: { watch: true }\n", &upstream.url());
    let change = || write(&bundle, &allowing("one__other"));
    let gateway = Filed::of_then(dir, &config, change).await;
    let reloader = &gateway.reloader;
    until("the reload", || (reloader.generation() == 2).then_some(())).await;
    let answer = modern(gateway.address, call()).answer().await;
    assert!(answer.json()["error"].is_object(), "{}", answer.text());
    gateway.stop().await;
}

#[tokio::test]
async fn a_reload_is_for_operators_on_this_machine() {
    let gateway = Filed::serve(&file(&[], "none")).await;
    let page = gateway.reload().with("origin", "http://localhost:1");
    assert_eq!(page.answer().await.status, StatusCode::NOT_FOUND);
    let proxied = gateway.reload().with("x-forwarded-for", "192.0.2.1");
    assert_eq!(proxied.answer().await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        gateway.get("/admin/reload").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(gateway.reloader.generation(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn what_needs_a_restart_is_named_and_the_rest_applies() {
    let gateway = Filed::serve(&file(&[], "none")).await;
    let other = file(&[], "none")
        + "listen: 127.0.0.1:1\nhttp: { path: /other, max_connections: 3 }\nartifact: { threshold_bytes: 7 }\n";
    let answer = gateway.become_(&other).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let named = &answer.json()["needs_restart"];
    assert_eq!(
        *named,
        serde_json::json!(["listen", "http.max_connections", "artifact"])
    );
    let list = || modern(gateway.address, stateless("1", "tools/list", ""));
    assert_eq!(list().answer().await.status, StatusCode::NOT_FOUND);
    assert_eq!(list().path("/other").answer().await.status, StatusCode::OK);
    gateway.stop().await;
}

#[tokio::test]
async fn a_hangup_reads_the_file_again() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("mcpo2.yaml");
    let upstream: RawUpstream = upstream(Era::Modern).await;
    let text = |tools: &str| file(&[("one", &over_http(&upstream.url()))], tools);
    write(&config, &text("one__other"));
    let mut mcpo2 = Mcpo2::run(&["serve", "-f", &path(&config), "--listen", "127.0.0.1:0"]);
    let address = mcpo2.address().await;
    let works = async || modern(address, call()).answer().await.json()["result"].is_object();
    assert!(!works().await);
    write(&config, &text("one__vendor_call"));
    mcpo2.signal("HUP");
    soon("the reload", async { while !works().await {} }).await;
    write(&config, "version: 1\nnonsense: true\n");
    mcpo2.signal("HUP");
    soon("the refusal", async {
        while !get(address, "/metrics")
            .await
            .text()
            .contains(r#"result="rejected",source="signal"} 1"#)
        {}
    })
    .await;
    assert!(works().await);
    assert_eq!(get(address, "/readyz").await.status, StatusCode::OK);
    mcpo2.signal("TERM");
    let (status, said) = mcpo2.ended().await;
    assert!(status.success(), "{said}");
    assert!(
        said.contains("nonsense") && said.contains("mcpo2.yaml:2:1"),
        "{said}"
    );
    // A gateway without a file has nothing to read.
    let url = upstream.url();
    let state = path(dir.path());
    let mut mcpo2 = Mcpo2::run(&[
        "serve",
        "--upstream",
        &url,
        "--dir",
        &state,
        "--listen",
        "127.0.0.1:0",
    ]);
    let address = mcpo2.address().await;
    mcpo2.signal("HUP");
    assert_eq!(reload(address).answer().await.status, StatusCode::CONFLICT);
    mcpo2.signal("TERM");
    assert!(mcpo2.ended().await.0.success());
}
