//! A permit that no decision gave.

use mcpo2_core::{Call, Obligations, Permitted};

fn forge(call: Call) -> Permitted {
    Permitted {
        call,
        obligations: Obligations::default(),
    }
}

fn main() {}
