//! Laws of names and routes, for any text that a module or a caller may come with.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::*;
use mcpo2_core::ApprovalState;
use mcpo2_route::Naming;
use proptest::prelude::*;

const IDS: [&str; 4] = ["a", "a-b", "b", "a0"];

/// Names as modules should have them, and as they could.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9_-]{1,20}",
        "(_|__|a|a__|/|\\.){0,8}",
        any::<String>()
    ]
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

proptest! {
    #[test]
    fn an_exposed_name_parts_back_to_the_same_module_and_name(
        id in prop::sample::select(&IDS[..]),
        name in name(),
    ) {
        let router = prefixed(IDS.map(approved));
        let exposed = Naming::Prefixed.exposed(&id.parse().unwrap(), &name);
        let target = router.plan(&tool(&exposed)).target.unwrap();
        prop_assert_eq!(target.facts().unwrap().module().as_str(), id);
        prop_assert_eq!(target.item_name(), Some(&*name));
    }

    #[test]
    fn two_items_never_share_an_exposed_name(
        one in (prop::sample::select(&IDS[..]), name()),
        two in (prop::sample::select(&IDS[..]), name()),
    ) {
        let exposed = |(id, name): &(&str, String)| {
            Naming::Prefixed.exposed(&id.parse().unwrap(), name)
        };
        prop_assert_eq!(exposed(&one) == exposed(&two), one == two);
    }

    #[test]
    fn a_name_stays_the_same_when_another_module_joins(name in name()) {
        let few = prefixed([approved("a")]);
        let many = prefixed(IDS.map(approved));
        let exposed = Naming::Prefixed.exposed(&"a".parse().unwrap(), &name);
        let (few, many) = (few.plan(&tool(&exposed)), many.plan(&tool(&exposed)));
        let (few, many) = (few.target.unwrap(), many.target.unwrap());
        prop_assert_eq!(few.item_name(), many.item_name());
    }

    #[test]
    fn a_rename_keeps_every_other_byte(
        name in name(),
        key in name(),
        value in name(),
        digits in "[1-9][0-9]{0,40}",
        space in "[ \t\r\n]{0,3}",
    ) {
        // The name stands behind another text that may be the same, and in front of one.
        let bytes = |name: &str| {
            let (key, value) = (quoted(&format!("x{key}")), quoted(&value));
            format!(
                r#"{{{key}:{value},"params":{space}{{"arguments":{{{key}:{digits}}},"name":{space}{},"_meta":{{{key}:{value}}}}}{space},"method":"tools/call","id":{digits},"jsonrpc":"2.0"}}"#,
                quoted(name)
            )
        };
        let exposed = Naming::Prefixed.exposed(&"a".parse().unwrap(), &name);
        let permitted = permitted(call_of(bytes(&exposed)));
        let target = prefixed([approved("a")]).plan(permitted.call()).target.unwrap();
        let routed = permitted.route(target);
        prop_assert_eq!(routed.request().bytes(), &bytes(&name));
        prop_assert_eq!(routed.call().request().bytes(), &bytes(&exposed));
    }

    #[test]
    fn no_text_leads_to_a_module_that_is_not_approved(text in prop_oneof![
        name(),
        ("(a|b)__", name()).prop_map(|(prefix, name)| prefix + &name),
    ]) {
        let pending = draft("a").approval(ApprovalState::Suspended).build();
        let router = prefixed([pending, approved("b")]);
        for call in [tool(&text), resource(&text)] {
            let plan = router.plan(&call);
            if let Ok(target) = &plan.target {
                prop_assert!(target.facts().is_none_or(|facts| facts.module().as_str() == "b"));
            } else {
                prop_assert_eq!(plan.explanation.module, None);
            }
        }
    }
}
