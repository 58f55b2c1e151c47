//! A router behind nothing that decides.

use mcpo2_core::{Call, Permitted};

trait Service<Request> {
    fn call(&mut self, request: Request);
}

struct Route;

impl Service<Permitted> for Route {
    fn call(&mut self, _request: Permitted) {}
}

fn edge(mut route: Route, call: Call) {
    route.call(call);
}

fn main() {}
