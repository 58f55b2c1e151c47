//! A router that is given what nobody has decided on.

use std::sync::Arc;

use mcpo2_core::{Call, Error, Reply, Routed};
use mcpo2_route::{Naming, Registry, RouteLayer, Router};
use tower::{Layer, Service, service_fn};

async fn edge(call: Call) -> Result<Reply, Error> {
    let registry = Registry::new([], Naming::Prefixed).unwrap();
    let leaf = service_fn(async |_: Routed| Ok(Reply::accepted()));
    let mut stack = RouteLayer::new(Router::new(Arc::new(registry))).layer(leaf);
    stack.call(call).await
}

fn main() {}
