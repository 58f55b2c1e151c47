//! A host of its own: policy and audit around whatever answers, in 25 lines.

use std::sync::Arc;

use mcpo2_audit::{AuditLayer, Ledger, Options, verify};
use mcpo2_core::{AuthMethod, Call, Error, Message, Permitted, Principal, Reply};
use mcpo2_policy::{Config, PolicyLayer};
use tower::{ServiceBuilder, ServiceExt};

async fn answer(permitted: Permitted) -> Result<Reply, Error> {
    println!("answered: {:?}", permitted.call().item());
    Ok(Reply::complete(
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#,
    ))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let ledger = Ledger::open(dir.path(), Options::default())?;
    let rules: Config = serde_json::from_str(
        r#"{"rules": [{"id": "data", "effect": "allow", "tools": ["read"],
            "arguments": [{"pointer": "/path", "glob": "/srv/data/**"}]}]}"#,
    )?;
    let host = ServiceBuilder::new()
        .layer(AuditLayer::new(ledger.clone())) // Call -> a record, whatever happens below
        .layer(PolicyLayer::new(Arc::new(rules.compile()?))) // Call -> Permitted
        .service_fn(answer);

    for (path, allowed) in [("/srv/data/a", true), ("/srv/data/../../etc/passwd", false)] {
        let reply = host.clone().oneshot(read(path)?).await;
        assert_eq!(reply.is_ok(), allowed);
    }

    ledger.close()?;
    let report = verify(dir.path())?;
    assert_eq!(report.extent.size, 2);
    println!("{} records of {}", report.extent.size, report.origin);
    Ok(())
}

/// What an edge does: bytes and a caller that it knows become a call.
fn read(path: &str) -> Result<Call, Box<dyn std::error::Error>> {
    let message = serde_json::json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "read", "arguments": { "path": path } },
    });
    let Message::Request(request) = Message::parse(message.to_string())? else {
        return Err("no request".into());
    };
    let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
    Ok(Call::new(request, ada))
}
