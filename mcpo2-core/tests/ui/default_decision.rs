//! An engine that has nothing to say says nothing.

use mcpo2_core::Decision;

fn main() {
    let _: Decision = Default::default();
}
