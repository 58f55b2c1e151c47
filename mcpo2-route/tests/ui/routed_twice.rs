//! Two routers, one above the other: what is routed is not routed again.

use mcpo2_core::{Error, Permitted, Reply, Routed};
use mcpo2_route::{RouteLayer, Router};
use tower::{Layer, Service};

async fn stack<S>(router: Router, leaf: S, permitted: Permitted) -> Result<Reply, Error>
where
    S: Service<Routed, Response = Reply, Error = Error>,
{
    let routed = RouteLayer::new(router.clone()).layer(leaf);
    RouteLayer::new(router).layer(routed).call(permitted).await
}

fn main() {}
