//! Whatever a policy and a request are, the engine decides as the plain evaluator does, and hides
//! nothing that it allows.
#![no_main]

#[path = "../../mcpo2-policy/tests/common/world.rs"]
mod world;

use libfuzzer_sys::fuzz_target;
use mcpo2_core::Effect;
use mcpo2_policy::{Config, Engine, Reference, Visibility};
use world::Rng;

fuzz_target!(|bytes: &[u8]| {
    let mut rng = Rng::of_bytes(bytes);
    let written = world::config(&mut rng);
    let config: Config = serde_json::from_value(written.clone()).expect("a policy");
    // Ids that come twice are refused, as are lists of nothing.
    let Ok(quick) = config.clone().compile() else {
        return;
    };
    let plain = Reference::compile(config).expect("what compiled");
    for _ in 0..4 {
        let rules = world::all_rules(&written);
        let Some(rule) = rules.get(rng.below(rules.len().max(1))) else {
            return;
        };
        let request = world::request(&mut rng, rule);
        let (one, two) = (
            quick.decide(&request.query()),
            plain.decide(&request.query()),
        );
        assert_eq!(format!("{one:?}"), format!("{two:?}"), "{request:?}");
        let Some(listed) = request.listed() else {
            continue;
        };
        let shown = quick.visible(&listed);
        assert_eq!(shown, plain.visible(&listed), "{request:?}");
        let allowed = one.decided().effect != Effect::Deny;
        if allowed && *listed.method() == request.method {
            assert_ne!(shown, Visibility::Denied, "{request:?}");
        }
    }
});
