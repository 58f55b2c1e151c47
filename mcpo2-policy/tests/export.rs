//! What is exported, and what is not.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

use mcpo2_policy::{Config, ExportError, export};
use serde_json::{Value, json};

type Export = fn(&Config) -> Result<String, ExportError>;

fn config(config: Value) -> Config {
    serde_json::from_value(config).unwrap()
}

fn refused(export: Export, rule: Value) -> Option<String> {
    let mut whole = json!({"id": "r", "effect": "allow"});
    whole
        .as_object_mut()
        .unwrap()
        .extend(rule.as_object().unwrap().clone());
    match export(&config(json!({"rules": [whole]}))) {
        Ok(_) => None,
        Err(ExportError::Inexact { rule, field, .. }) => {
            assert_eq!(&*rule, "r");
            Some(field.into())
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_said_exactly_is_an_error_that_names_rule_and_field() {
    let argument = |predicate: Value| json!({"arguments": [predicate]});
    let calendar = json!({"environments": ["prod"]});
    for (rule, field) in [
        (calendar, "environments"),
        (json!({"networks": ["10.0.0.0/8"]}), "networks"),
        (
            json!({"times": [{"zone": "UTC", "from": "08:00"}]}),
            "times",
        ),
        (json!({"max_session_seconds": 1}), "max_session_seconds"),
        (json!({"max_request_bytes": 1}), "max_request_bytes"),
        (json!({"resources": ["file:///srv/**"]}), "resources"),
        (json!({"tools": ["a", "b?"]}), "tools[1]"),
        (json!({"prompts": ["{a,b}"]}), "prompts[0]"),
        (
            argument(json!({"pointer": "/a", "regex": "x"})),
            "arguments /a",
        ),
        (
            argument(json!({"pointer": "/a", "sql_within": ["select"]})),
            "arguments /a",
        ),
        (
            argument(json!({"pointer": "/a", "glob": "**/*.pem"})),
            "arguments /a",
        ),
        (
            argument(json!({"pointer": "/a", "glob": "/srv/*"})),
            "arguments /a",
        ),
        (
            argument(json!({"pointer": "/a", "at_most": 0.5})),
            "arguments /a",
        ),
        (
            argument(json!({"pointer": "/a", "at_least": 1e17})),
            "arguments /a",
        ),
        (
            argument(json!({"pointer": "/a", "items": "any", "equals": 1})),
            "arguments /a",
        ),
        (
            argument(json!({"pointer": "/a", "items": "all", "present": true})),
            "arguments /a",
        ),
        (json!({"mode": "shadow"}), "mode"),
        (
            json!({"unless": [{"roles": ["x"]}, {"environments": ["dev"]}]}),
            "unless[1].environments",
        ),
    ] {
        for export in [export::rego as Export, export::cedar] {
            assert_eq!(
                refused(export, rule.clone()).as_deref(),
                Some(field),
                "{rule}"
            );
        }
    }
}

#[test]
fn methods_that_the_protocol_does_not_know_are_for_rego_only() {
    for methods in [json!(["vendor/x"]), json!(["tools/*"])] {
        let rule = json!({"methods": methods});
        assert_eq!(refused(export::rego, rule.clone()), None);
        assert_eq!(refused(export::cedar, rule).as_deref(), Some("methods[0]"));
    }
    let spaced = json!({"obligations": {"preamble": "a b"}});
    assert_eq!(refused(export::rego, spaced.clone()), None);
    assert_eq!(
        refused(export::cedar, spaced).as_deref(),
        Some("obligations")
    );
}

#[test]
fn levels_below_the_platform_are_not_exported_and_its_bundles_are() {
    let bundle = |level: &str| {
        let mut bundle =
            json!({"id": "b", "level": level, "rules": [{"id": "r", "effect": "deny"}]});
        if level != "platform" {
            bundle["tenants"] = json!(["acme"]);
        }
        config(json!({"bundles": [bundle]}))
    };
    let error = export::rego(&bundle("tenant")).unwrap_err();
    assert!(
        matches!(&error, ExportError::Inexact { field, .. } if &**field == "level"),
        "{error}"
    );
    assert!(
        export::cedar(&bundle("platform"))
            .unwrap()
            .contains("@id(\"r\")\nforbid")
    );
}

#[test]
fn a_policy_that_does_not_compile_is_not_exported() {
    let config = config(json!({"rules": [{"id": "sys:x", "effect": "deny"}]}));
    for export in [export::rego as Export, export::cedar] {
        assert!(matches!(export(&config), Err(ExportError::Config(_))));
    }
}

#[test]
fn texts_stay_texts() {
    let weird = "a\"] }\n* ${x} \\u{41} é\u{2028}";
    let config = config(json!({"rules": [
        {"id": "r", "effect": "allow", "roles": [weird], "reason": weird}]}));
    assert!(
        export::rego(&config)
            .unwrap()
            .contains(r#""a\"] }\n* ${x} \\u{41} é"#)
    );
    assert!(
        export::cedar(&config)
            .unwrap()
            .contains(r#"contains("a\"] }\n* ${x} \\u{41} é\u{2028}")"#)
    );
}
