use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, duplex, split};

use mcpo2_core::{AuthMethod, Body, Call, Message, Principal};
use serde_json::Value;

use super::*;
use crate::upstream::{Limits, Upstream, line::PipeUpstream};

/// A module that asks for roots in each call, and says on the way what it is told.
fn module(told: tokio::sync::mpsc::UnboundedSender<Value>) -> Arc<dyn Upstream> {
    let limits = Limits::default();
    Arc::new(PipeUpstream::new(
        crate::upstream::ClientInfo::default(),
        limits,
        move || {
            let (ours, theirs) = duplex(1 << 16);
            let told = told.clone();
            tokio::spawn(async move {
                let (reader, mut writer) = split(theirs);
                let mut lines = BufReader::new(reader).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    let message: Value = serde_json::from_str(&line).unwrap();
                    let id = &message["id"];
                    let said = match message["method"].as_str() {
                        Some("initialize") => format!(
                            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"protocolVersion":"2025-11-25","capabilities":{{}}}}}}"#
                        ),
                        Some("tools/call") => {
                            r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#.into()
                        }
                        _ => String::new(),
                    };
                    if !said.is_empty() {
                        writer.write_all(said.as_bytes()).await.unwrap();
                        writer.write_all(b"\n").await.unwrap();
                    }
                    let _ = told.send(message);
                }
            });
            let (reader, writer) = split(ours);
            Ok((reader, writer, ()))
        },
    ))
}

fn call(more: &str) -> Call {
    let text = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"n"{more},"_meta":{{"io.modelcontextprotocol/clientCapabilities":{{"roots":{{}}}}}}}}}}"#
    );
    let Ok(Message::Request(request)) = Message::parse(text) else {
        unreachable!()
    };
    let ada = Principal::new(
        "acme".parse().unwrap(),
        "ada".parse().unwrap(),
        AuthMethod::Host,
    );
    Call::new(request, ada)
}

struct Module {
    pool: Arc<Pool>,
    lot: Arc<Lot>,
    shared: Arc<dyn Link>,
}

impl Module {
    async fn ask(&self, more: &str) -> Result<Value, Error> {
        let call = call(more);
        let asking = Asking {
            caller: Caller::of(&call)?.unwrap(),
            pool: Arc::clone(&self.pool),
            lot: Arc::clone(&self.lot),
            shared: Arc::clone(&self.shared),
            time: Limits::default().total,
        };
        let reply = asking
            .request(call.request(), &ForwardHeaders::default())
            .await?;
        match reply.into_body() {
            Body::Complete(bytes) => Ok(serde_json::from_slice(&bytes).unwrap()),
            other => unreachable!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a11_a_state_expires_and_the_module_hears_that_nobody_comes_back() {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let upstream = module(told);
    let hello = crate::upstream::Hello::new("{}", ProtocolVersion::LATEST_SESSION);
    let module = Module {
        pool: Pool::new(Arc::clone(&upstream), &Limits::default()),
        lot: Lot::new(Limits::default().waiting),
        shared: upstream.open(Some(&hello)).await.unwrap(),
    };
    let asked = module.ask("").await.unwrap();
    assert_eq!(asked["result"]["resultType"], "input_required");
    let state = &asked["result"]["requestState"];
    tokio::time::sleep(Duration::from_secs(5 * 60 + 1)).await;
    let cancelled = loop {
        let message = heard.recv().await.unwrap();
        if message["method"] == "notifications/cancelled" {
            break message;
        }
    };
    assert!(cancelled["params"]["requestId"].is_number());
    let back = format!(r#","requestState":{state},"inputResponses":{{"input-1":{{"roots":[]}}}}"#);
    let error = module.ask(&back).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidParams);
}

#[tokio::test(start_paused = true)]
async fn u08_how_many_calls_of_one_principal_wait_is_bounded() {
    let (told, _heard) = tokio::sync::mpsc::unbounded_channel();
    let upstream = module(told);
    let hello = crate::upstream::Hello::new("{}", ProtocolVersion::LATEST_SESSION);
    let module = Module {
        pool: Pool::new(Arc::clone(&upstream), &Limits::default()),
        lot: Lot::new(Limits::default().waiting),
        shared: upstream.open(Some(&hello)).await.unwrap(),
    };
    for _ in 0..16 {
        let asked = module.ask("").await.unwrap();
        assert_eq!(asked["result"]["resultType"], "input_required");
    }
    let error = module.ask("").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
}
