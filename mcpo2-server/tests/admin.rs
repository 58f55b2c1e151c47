//! What operators are told, and when.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use mcpo2_server::{App, Mode, config::Config};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// The status of a GET, and its body.
async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// A POST whose body the server is waiting for.
async fn call_under_way(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
        accept: application/json, text/event-stream\r\nexpect: 100-continue\r\n\
        content-length: 10\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut said = [0; 25];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[tokio::test]
async fn an_admin_address_of_its_own_answers_until_the_last_call_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    // An address where nobody else binds, so that its port stays free.
    let free = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let admin = free.local_addr().unwrap();
    drop(free);
    let mut config = Config::default();
    config.audit.dir = dir.path().join("ledger");
    config.http.admin_listen = Some(admin);
    let anonymous = "acme".parse().unwrap();
    config.identity.anonymous = Some(mcpo2_server::config::Anonymous::new(anonymous));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mcp = listener.local_addr().unwrap();

    let app = App::build(config, Mode::Governed).unwrap();
    let shutdown = app.shutdown().clone();
    let serving = tokio::spawn(app.serve(listener));
    let call = call_under_way(mcp).await;
    assert_eq!(get(admin, "/readyz").await, (200, "ok\n".into()));
    assert_eq!(get(admin, "/metrics").await.0, 200);
    assert_eq!(get(mcp, "/metrics").await.0, 404);

    shutdown.drain();
    assert_eq!(get(admin, "/readyz").await, (503, "draining\n".into()));
    assert_eq!(get(admin, "/livez").await, (200, "ok\n".into()));

    drop(call);
    serving.await.unwrap().unwrap();
}
