//! A preamble, which needs a target, above the router, which finds it.

use mcpo2_core::{Permitted, Routed};

trait Service<Request> {
    fn call(&mut self, request: Request);
}

struct Preamble;

impl Service<Routed> for Preamble {
    fn call(&mut self, _request: Routed) {}
}

fn policy(mut inner: Preamble, permitted: Permitted) {
    inner.call(permitted);
}

fn main() {}
