//! Whose rules: what the platform allows, a tenant can only restrict. And when and from where a call
//! comes, as a host of its own knows it.

use std::{net::IpAddr, sync::Arc, time::SystemTime};

use mcpo2_core::{AuthMethod, Call, Error, Fact, Message, Permitted, Principal, Reply};
use mcpo2_policy::{Config, PolicyLayer, Situation, Surroundings};
use tower::{ServiceBuilder, ServiceExt};

const RULES: &str = r#"{
    "rules": [
        { "id": "files", "effect": "allow", "tools": ["files__*"] },
        { "id": "from-inside", "effect": "deny", "unless": [{ "networks": ["10.0.0.0/8"] }] }
    ],
    "bundles": [{
        "id": "acme", "level": "tenant", "tenants": ["acme"],
        "rules": [
            { "id": "acme-reads", "effect": "allow", "tools": ["files__read"] },
            { "id": "acme-tries", "effect": "deny", "tools": ["files__read"], "mode": "shadow",
              "environments": ["prod"] }
        ],
        "tests": [{
            "name": "nobody of acme writes",
            "given": { "caller": { "tenant": "acme" }, "tool": "files__write",
                       "situation": { "source": "10.1.2.3" } },
            "expect": "deny"
        }]
    }]
}"#;

/// The address from which a call came, as the edge of this host put it there.
#[derive(Clone)]
struct From(IpAddr);

/// What this host knows of the moment and the place of a call.
struct Here;

impl Surroundings for Here {
    fn of(&self, call: &Call) -> Situation {
        let situation = Situation::default()
            .at(SystemTime::now())
            .in_environment("prod");
        match call.extensions().get::<From>() {
            Some(From(address)) => situation.from_source(*address),
            None => situation,
        }
    }
}

async fn answer(_permitted: Permitted) -> Result<Reply, Error> {
    Ok(Reply::complete(
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#,
    ))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The tests of all bundles run here: a policy that fails one is none.
    let policy = serde_json::from_str::<Config>(RULES)?.compile()?;
    let host = ServiceBuilder::new()
        .layer(PolicyLayer::new(Arc::new(policy)).with_surroundings(Arc::new(Here)))
        .service_fn(answer);

    for (tenant, tool, from, allowed) in [
        ("acme", "files__read", Some("10.1.2.3"), true),
        ("acme", "files__write", Some("10.1.2.3"), false),
        ("globex", "files__write", Some("10.1.2.3"), true),
        ("globex", "files__write", Some("192.0.2.1"), false),
        ("globex", "files__write", None, false),
    ] {
        let call = call(tenant, tool, from)?;
        let trail = call.trail().clone();
        let reply = host.clone().oneshot(call).await;
        assert_eq!(reply.is_ok(), allowed, "{tenant} {tool} {from:?}");
        for fact in trail.facts() {
            if let Fact::Decided(decided) = fact {
                let shadow = decided.shadow.map(|shadow| shadow.effect);
                println!(
                    "{tenant:7} {tool:13} {:?} by {:?}, in shadow {shadow:?}",
                    decided.effect, decided.rules
                );
            }
        }
    }
    Ok(())
}

fn call(tenant: &str, tool: &str, from: Option<&str>) -> Result<Call, Box<dyn std::error::Error>> {
    let message = serde_json::json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool },
    });
    let Message::Request(request) = Message::parse(message.to_string())? else {
        return Err("no request".into());
    };
    let caller = Principal::new(tenant.parse()?, "ada".parse()?, AuthMethod::Host);
    let mut call = Call::new(request, caller);
    if let Some(from) = from {
        call.extensions_mut().insert(From(from.parse()?));
    }
    Ok(call)
}
