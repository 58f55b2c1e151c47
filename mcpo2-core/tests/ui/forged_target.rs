//! A target, and a route to it, that no registry gave.

use mcpo2_core::{Permitted, Routed, Target};

fn target() -> Target {
    Target("http://10.0.0.7:443")
}

fn routed(permitted: Permitted, target: Target) -> Routed {
    Routed::new(permitted, target)
}

fn main() {}
