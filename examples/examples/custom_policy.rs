//! An engine of your own behind the policy layer: whoever owns a tool may use it.

use std::sync::Arc;

use mcpo2_core::{
    AuthMethod, Body, Call, Denial, Digest, Effect, Error, Fact, Message, Obligations, Permitted,
    Principal, Reply,
};
use mcpo2_policy::{Engine, PolicyLayer, Query, Verdict, Visibility};
use tower::{ServiceBuilder, ServiceExt};

/// A tool is named `tenant.verb`, and is for its tenant alone.
struct Owners;

impl Owners {
    fn owns(query: &Query<'_>) -> bool {
        let owner = query.item().and_then(|item| item.name().split_once('.'));
        owner.is_some_and(|(owner, _)| owner == query.principal().tenant().as_str())
    }
}

impl Engine for Owners {
    fn decide(&self, query: &Query<'_>) -> Verdict {
        if Self::owns(query) || query.is_protocol() {
            return Verdict::allow(vec![], "its own", Obligations::default(), self.digest());
        }
        Verdict::deny(Denial::new(vec![], "another's tool"), self.digest())
    }

    // Lists follow the same rule, so nobody sees what he may not use.
    fn visible(&self, query: &Query<'_>) -> Visibility {
        match Self::owns(query) {
            true => Visibility::Allowed,
            false => Visibility::Denied,
        }
    }

    // Each record names the rules by which it was decided: here, the code itself.
    fn digest(&self) -> Digest {
        Digest::of(b"owners, version 1")
    }
}

async fn module(permitted: Permitted) -> Result<Reply, Error> {
    Ok(Reply::complete(match permitted.call().item() {
        Some(_) => r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#,
        None => {
            r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"acme.build"},{"name":"umbrella.build"}]}}"#
        }
    }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stack = ServiceBuilder::new()
        .layer(PolicyLayer::new(Arc::new(Owners)))
        .service_fn(module);

    let own = call("tools/call", r#"{"name":"acme.build"}"#)?;
    stack.clone().oneshot(own).await?;

    let others = call("tools/call", r#"{"name":"umbrella.build"}"#)?;
    let trail = others.trail().clone();
    let denied = stack.clone().oneshot(others).await;
    // The caller learns no more than of a tool that is not there; the operator learns why.
    assert_eq!(
        denied.err().map(|error| error.to_string()).as_deref(),
        Some("Unknown tool: umbrella.build")
    );
    let facts = trail.facts();
    let Some(Fact::Decided(decided)) = facts.first() else {
        return Err("nothing was recorded".into());
    };
    assert_eq!(decided.effect, Effect::Deny);
    println!("denied: {}", decided.reason);

    let reply = stack.oneshot(call("tools/list", "{}")?).await?;
    let Body::Complete(list) = reply.into_body() else {
        return Err("a list is complete".into());
    };
    assert_eq!(
        list,
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"acme.build"}]}}"#
    );
    println!("listed: {}", String::from_utf8_lossy(&list));
    Ok(())
}

fn call(method: &str, params: &str) -> Result<Call, Box<dyn std::error::Error>> {
    let bytes = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let Message::Request(request) = Message::parse(bytes)? else {
        return Err("no request".into());
    };
    let ada = Principal::new("acme".parse()?, "ada".parse()?, AuthMethod::Host);
    Ok(Call::new(request, ada))
}
