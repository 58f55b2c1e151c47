//! An Open Policy Agent, played by a server that speaks as one.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::house::{House, decided};

/// Answers this, and keeps what it was asked.
#[derive(Clone)]
struct Agent {
    answer: Arc<Mutex<Value>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Agent {
    async fn start(answer: Value) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let agent = Self {
            answer: Arc::new(Mutex::new(answer)),
            asked: Arc::default(),
        };
        let serving = agent.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let agent = serving.clone();
                let service = service_fn(move |request| agent.clone().hear(request));
                tokio::spawn(async move {
                    let builder =
                        hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = builder
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        (agent, url)
    }

    async fn hear(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await?.to_bytes();
        let document: Value = serde_json::from_slice(&body).unwrap();
        self.asked.lock().unwrap().push((path, document));
        let answer = self.answer.lock().unwrap().clone();
        if answer == json!("late") {
            std::future::pending::<()>().await;
        }
        Ok(Response::new(answer.to_string().into()))
    }

    fn will_answer(&self, answer: Value) {
        *self.answer.lock().unwrap() = answer;
    }
}

#[tokio::test]
async fn an_agent_is_asked_of_what_the_rules_allow_and_hides_nothing() {
    let (agent, url) = Agent::start(json!({ "result": true })).await;
    let engines = format!("{{ opa: {{ url: \"{url}\", path: acme/decision, timeout: 20s }} }}");
    let house = House::with(&[], &engines).await;
    let answer = house.call("vendor_call", r#"{"path":"/srv/../etc"}"#).await;
    assert!(answer.json()["result"].is_object(), "{}", answer.text());
    assert!(!house.works("vendor_hang").await);
    let asked = std::mem::take(&mut *agent.asked.lock().unwrap());
    let [(path, document)] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!(path, "/v1/data/acme/decision");
    let input = &document["input"];
    assert_eq!(input["schema"], "mcpo2.policy.input/v1");
    assert_eq!(input["target"]["name"], "m__vendor_call");
    assert_eq!(input["facts"]["/path"]["path"], "/etc");
    agent.will_answer(json!({ "result": { "allow": false, "rules": ["opa-no"], "reason": "no" } }));
    assert!(!house.works("vendor_call").await);
    assert!(house.shows("vendor_call").await);
    let rules = decided(house.stop().await)
        .into_iter()
        .map(|(_, rules, _)| rules);
    let rules: Vec<_> = rules.filter(|rules| *rules != json!([])).collect();
    assert_eq!(rules[0], json!(["all", "data.acme.decision"]));
    assert_eq!(rules.last().unwrap(), &json!(["opa-no"]));
}

#[tokio::test]
async fn an_agent_that_does_not_answer_denies() {
    let (agent, url) = Agent::start(json!({})).await;
    let engines = format!("{{ opa: {{ url: \"{url}\", timeout: 500ms }} }}");
    let house = House::with(&[], &engines).await;
    for answer in [json!({}), json!({ "result": 1 }), json!([]), json!("late")] {
        agent.will_answer(answer.clone());
        assert!(!house.works("vendor_call").await, "{answer}");
    }
    let decided = decided(house.stop().await);
    assert_eq!(decided.len(), 4);
    for (effect, rules, _) in decided {
        assert_eq!((effect, rules), (json!("deny"), json!(["sys:eval-error"])));
    }
    // And one that is not there.
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let gone = format!("http://{}", held.local_addr().unwrap());
    let house = House::with(
        &[],
        &format!("{{ opa: {{ url: \"{gone}\", timeout: 20s }} }}"),
    )
    .await;
    let since = std::time::Instant::now();
    assert!(!house.works("vendor_call").await);
    assert!(
        since.elapsed() < Duration::from_secs(20),
        "it is refused, and not waited for"
    );
    house.stop().await;
}
