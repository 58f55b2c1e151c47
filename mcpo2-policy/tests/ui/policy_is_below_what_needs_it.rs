use mcpo2_core::{Call, Error, Permitted, Reply};
use mcpo2_policy::PolicyLayer;
use tower::{Layer, Service, ServiceExt, layer::layer_fn, service_fn};

/// As the router: it takes what is permitted, and so stands below policy.
fn route<S>(_inner: S) -> impl Service<Permitted, Response = Reply, Error = Error> {
    service_fn(async |_: Permitted| Ok(Reply::accepted()))
}

fn serve(policy: PolicyLayer, call: Call) {
    let dispatch = service_fn(async |_: Permitted| Ok::<_, Error>(Reply::accepted()));
    let _ = layer_fn(route).layer(policy.layer(dispatch)).oneshot(call);
}

fn main() {}
