//! Any text is a configuration or is told why not: where, in what line, and without the secrets of
//! the environment.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use mcpo2_server::config::check_text;

const SECRET: &str = "sesame-4711";

fuzz_target!(|text: &str| {
    // `${file:…}` reads what it names: not the devices of whoever runs this.
    if text.contains("/dev") || text.contains("/proc") {
        return;
    }
    let env = |name: &str| (name == "SECRET").then(|| SECRET.to_owned());
    let checked = check_text("mcpo2.yaml", Path::new("/nowhere"), text, &env);
    let found = &checked.diagnostics;
    assert_eq!(checked.config.is_some(), !found.has_errors());
    // As YAML counts them.
    let lines = text.replace("\r\n", "\n").split(['\n', '\r']).count();
    for one in found.iter() {
        let position = one.position.as_ref();
        assert!(position.is_none_or(|at| (1..=lines).contains(&at.line)));
    }
    let shown = format!("{found} {}", found.to_json());
    assert!(!shown.contains(SECRET) || text.contains(SECRET), "{shown}");
});
