//! The flat shape becomes a bundle or is refused, and reads the same when it is written out; what
//! is suspicious in any policy is found without a panic, and stands where it is said to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_policy::{Config, Known, KnownItem, flat::FlatConfig};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(flat) = serde_json::from_slice::<FlatConfig>(bytes) {
        let written = serde_json::to_vec(&flat).expect("plain data");
        let again: FlatConfig = serde_json::from_slice(&written).expect("what was written");
        assert_eq!(again, flat);
        if let Ok(made) = flat.to_bundle("flat") {
            assert_eq!(made.policies.len(), made.bundle.rules.len());
            lint(&Config {
                bundles: vec![made.bundle],
                ..Config::default()
            });
        }
    }
    if let Ok(config) = serde_json::from_slice::<Config>(bytes) {
        lint(&config);
    }
});

fn lint(config: &Config) {
    let mut known = Known::default();
    known.tools = Some(vec![
        KnownItem::new("files__read").of("files", "engineering"),
    ]);
    known.roles = Some(["admin".to_owned()].into());
    let rules = config.rules.len() + config.bundles.iter().map(|b| b.rules.len()).sum::<usize>();
    for finding in config.lint(&known) {
        assert!(rules > 0 && finding.path.contains("rules/"), "{finding:?}");
    }
    let _ = config.trial();
}
