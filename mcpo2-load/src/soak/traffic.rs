use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use http_body_util::BodyExt as _;
use tokio::{sync::watch, task::JoinSet};

use super::PIPE;
use crate::{
    Client, Era, Exchange, Expected, Target, Work, bench::setting::Setting, governance::MODULE,
    message::headers,
};

/// Callers of all kinds, until they are stopped.
pub(super) struct Traffic {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    tally: Arc<Mutex<Tally>>,
}

/// What they did, and what was wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    done: BTreeMap<&'static str, u64>,
    pub(super) faults: Vec<String>,
}

/// What a caller does, again and again.
#[derive(Debug, Clone, Copy)]
enum Does {
    Call,
    Piped,
    List,
    Session,
    Listen,
    Cancel,
    Large,
    Stream,
    Nonsense,
}

/// More would say nothing new.
const MAX_FAULTS: usize = 20;

impl Traffic {
    pub(super) fn start(setting: &Setting, target: &Target, rate: f64) -> anyhow::Result<Self> {
        use Does::{Call, Cancel, Large, List, Listen, Nonsense, Piped, Session, Stream};

        let (stop, stopped) = watch::channel(false);
        let tally = Arc::new(Mutex::new(Tally::default()));
        let mut tasks = JoinSet::new();
        let kinds = [
            Call, Call, Call, Call, Piped, Piped, List, Session, Session, Listen, Cancel, Large,
            Stream, Nonsense,
        ];
        let pause = Duration::from_secs_f64(14.0 / rate.max(1.0));
        for (number, does) in kinds.into_iter().enumerate() {
            let target = setting.known(target.clone(), number)?;
            let (tally, stopped) = (Arc::clone(&tally), stopped.clone());
            tasks.spawn(async move {
                let mut round = 0;
                while !*stopped.borrow() {
                    round += 1;
                    let done =
                        tokio::time::timeout(Duration::from_secs(30), does.once(&target, round));
                    let done = done.await.context("no answer in 30 s").flatten();
                    note(&tally, does, done);
                    tokio::time::sleep(pause * does.weight()).await;
                }
            });
        }
        Ok(Self { tasks, stop, tally })
    }

    pub(super) async fn stop(self) -> Tally {
        let _ = self.stop.send(true);
        self.tasks.join_all().await;
        self.tally
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn note(tally: &Mutex<Tally>, does: Does, done: anyhow::Result<()>) {
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    *tally.done.entry(does.name()).or_default() += 1;
    if let Err(error) = done
        && tally.faults.len() < MAX_FAULTS
    {
        tally.faults.push(format!("{}: {error:#}", does.name()));
    }
}

impl Tally {
    pub(super) fn summary(&self) -> String {
        let mut text = String::from("rounds");
        for (name, count) in &self.done {
            let _ = write!(text, "; {name}: {count}");
        }
        text
    }
}

impl Does {
    fn name(self) -> &'static str {
        match self {
            Self::Call => "calls on one connection",
            Self::Piped => "calls of a child process",
            Self::List => "lists",
            Self::Session => "sessions",
            Self::Listen => "streams opened and dropped",
            Self::Cancel => "calls cancelled",
            Self::Large => "large results",
            Self::Stream => "answers by events",
            Self::Nonsense => "bad input",
        }
    }

    /// How much rarer it is than a call.
    fn weight(self) -> u32 {
        match self {
            Self::Call | Self::Piped => 8,
            Self::List | Self::Session | Self::Stream | Self::Nonsense => 16,
            Self::Listen | Self::Cancel | Self::Large => 32,
        }
    }

    async fn once(self, target: &Target, round: usize) -> anyhow::Result<()> {
        match self {
            Self::Call => calls(target, MODULE, round * 37 % 4_000).await,
            Self::Piped => calls(target, PIPE, round * 53 % 2_000).await,
            Self::List => one(target, &Work::List, Expected::Text("bench__echo".into())).await,
            Self::Session => session(target, round).await,
            Self::Listen => listen(target, round).await,
            Self::Cancel => cancel(target).await,
            Self::Large => {
                let (work, _) = named("large", r#"{"bytes":700000}"#);
                one(target, &work, Expected::Text("x".repeat(700_000).into())).await
            }
            Self::Stream => {
                let (work, expected) = named("stream", r#"{"text":"by events"}"#);
                one(target, &work, expected).await
            }
            Self::Nonsense => nonsense(target, round).await,
        }
    }
}

fn named(tool: &str, arguments: &str) -> (Work, Expected) {
    let work = Work::Call {
        tool: format!("{MODULE}__{tool}"),
        arguments: arguments.into(),
    };
    (work, Expected::Result)
}

async fn calls(target: &Target, module: &str, bytes: usize) -> anyhow::Result<()> {
    let (work, expected) = Work::echo(&format!("{module}__echo"), bytes);
    let exchange = Exchange::new(Era::Modern, &work, expected);
    let mut client = Client::connect(target, Era::Modern).await?;
    for _ in 0..8 {
        client.call(&exchange).await?;
    }
    Ok(())
}

async fn one(target: &Target, work: &Work, expected: Expected) -> anyhow::Result<()> {
    let exchange = Exchange::new(Era::Modern, work, expected);
    let mut client = Client::connect(target, Era::Modern).await?;
    client.call(&exchange).await
}

/// Begun, used by both modules, listened to, and ended; one in four is left behind for a while.
async fn session(target: &Target, round: usize) -> anyhow::Result<()> {
    let mut client = Client::connect(target, Era::Legacy).await?;
    for module in [MODULE, PIPE] {
        let (work, expected) = Work::echo(&format!("{module}__echo"), 100);
        client
            .call(&Exchange::new(Era::Legacy, &work, expected))
            .await?;
    }
    if round.is_multiple_of(4) {
        let mut other = Client::connect(target, Era::Modern).await?;
        other.join(&client);
        let stream = other.stream().await?;
        ensure!(
            stream.status().is_success(),
            "a stream: {}",
            stream.status()
        );
    }
    let ended = client.end().await?;
    ensure!(ended.is_success(), "the end of a session: {ended}");
    Ok(())
}

async fn listen(target: &Target, round: usize) -> anyhow::Result<()> {
    let listen = Exchange::new(Era::Modern, &Work::Listen, Expected::Result);
    let mut kept = Vec::new();
    for _ in 0..=round % 5 {
        let mut client = Client::connect(target, Era::Modern).await?;
        let mut body = client.begin_call(&listen).await?.into_body();
        let first = body.frame().await.context("a stream that ended")??;
        let first = first.into_data().unwrap_or_default();
        let text = String::from_utf8_lossy(&first);
        ensure!(text.contains("acknowledged"), "a stream began with {text}");
        kept.push((client, body));
    }
    Ok(())
}

/// Goes away without an answer, of which there is none.
async fn cancel(target: &Target) -> anyhow::Result<()> {
    let (work, expected) = named("lost", "{}");
    let exchange = Exchange::new(Era::Modern, &work, expected);
    let mut client = Client::connect(target, Era::Modern).await?;
    let begun = client.begin_call(&exchange);
    match tokio::time::timeout(Duration::from_millis(20), begun).await {
        Err(_) => Ok(()),
        Ok(Ok(answer)) => bail!("{} to what is never answered", answer.status()),
        Ok(Err(error)) => Err(error),
    }
}

/// What must be refused, and not by a fault of the gateway.
async fn nonsense(target: &Target, round: usize) -> anyhow::Result<()> {
    let unknown =
        br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"bench__nobody"}}"#;
    let bodies: [&[u8]; 6] = [
        b"{",
        br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
        b"\xff\xfe",
        b"[]",
        unknown,
        br#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    ];
    let body = bodies
        .get(round % bodies.len())
        .copied()
        .unwrap_or_default();
    let mut client = Client::connect(target, Era::Modern).await?;
    let mut headers = headers(Era::Modern);
    if round.is_multiple_of(2) {
        let session = HeaderName::from_static("mcp-session-id");
        headers.insert(session, HeaderValue::from_static("nobody-s"));
    }
    let answer = client
        .send(Method::POST, &headers, Bytes::from_static(body))
        .await?;
    let refused = answer.status.is_client_error()
        || (answer.status.is_success()
            && answer.message.windows(7).any(|part| part == b"\"error\""));
    ensure!(
        refused,
        "{:?} was answered with {} {:?}",
        String::from_utf8_lossy(body),
        answer.status,
        answer.message
    );
    Ok(())
}
