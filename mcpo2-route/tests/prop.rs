//! Laws of names and routes, for any text that a module or a caller may come with.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::sync::Arc;

use common::*;
use mcpo2_core::{ApprovalState, Item, ModuleId};
use mcpo2_route::{Inventory, Naming, Registry, Router};
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

/// Knows the module's names, as a catalog does that has read its lists.
struct Known(Vec<(ModuleId, String)>);

impl Inventory for Known {
    fn owner(&self, _: &Item) -> Option<ModuleId> {
        None
    }

    fn has(&self, module: &ModuleId, item: &Item) -> Option<bool> {
        let listed = |(id, name): &(ModuleId, String)| id == module && name == item.name();
        Some(self.0.iter().any(listed))
    }

    fn own_name(&self, module: &ModuleId, item: &Item) -> Option<Box<str>> {
        let called = |(id, name): &&(ModuleId, String)| {
            id == module && Naming::Prefixed.exposed(id, name) == item.name()
        };
        self.0
            .iter()
            .find(called)
            .map(|(_, name)| name.as_str().into())
    }
}

/// Ids as short and as long as they may be.
fn id() -> impl Strategy<Value = ModuleId> {
    prop_oneof![
        prop::sample::select(&IDS[..]).prop_map(String::from),
        "[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?",
    ]
    .prop_map(|id| id.parse().unwrap())
}

/// Names, and such as look like those that the gateway gives.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        name(),
        "[a-zA-Z0-9_.-]{1,128}",
        "[a-z_-]{0,8}--[a-z2-7]{14,18}",
        (id(), name()).prop_map(|(id, name)| Naming::Prefixed.exposed(&id, &name)),
        // A shortened name, shortened again.
        (id(), name()).prop_map(|(id, name)| {
            let once = Naming::Prefixed.exposed(&id, &format!("{name}."));
            once.split_once("__").unwrap().1.to_owned()
        }),
    ]
}

/// How several modules are named.
fn naming() -> impl Strategy<Value = Naming> {
    prop_oneof![Just(Naming::Prefixed), id().prop_map(Naming::Unprefixed),]
}

proptest! {
    #[test]
    fn a_name_that_stands_alone_is_one_that_model_apis_take(id in id(), name in any_name()) {
        let exposed = Naming::Unprefixed(id.clone()).exposed(&id, &name);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        prop_assert!((1..=64).contains(&exposed.len()) && exposed.chars().all(allowed), "{}", exposed);
        prop_assert!(exposed == name || exposed == Naming::Prefixed.exposed(&id, &name));
    }

    #[test]
    fn what_stands_alone_has_no_second_name(id in id(), name in "[a-z]([a-z-]|_[a-z]){0,20}") {
        let registry = Registry::new([approved(id.as_str())], Naming::Unprefixed(id.clone()));
        let router = Router::new(Arc::new(registry.unwrap()));
        prop_assert!(router.plan(&tool(&name)).target.is_ok());
        let second = format!("{id}__{name}");
        prop_assert!(router.plan(&tool(&second)).target.is_err());
    }

    #[test]
    fn a_name_that_callers_know_is_one_that_model_apis_take(id in id(), name in any_name()) {
        let exposed = Naming::Prefixed.exposed(&id, &name);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        prop_assert!((1..=64).contains(&exposed.len()), "{}", exposed);
        prop_assert!(exposed.chars().all(allowed), "{}", exposed);
        let shown = exposed.strip_prefix(id.as_str()).unwrap().strip_prefix("__").unwrap();
        let readable: String = name.chars().take(4).filter(|c| allowed(*c)).collect();
        let in_order = shown.chars().filter(|c| readable.contains(*c)).count();
        prop_assert!(in_order >= readable.len(), "{} of {}", exposed, name);
    }

    #[test]
    fn an_exposed_name_finds_back_to_the_same_module_and_name(
        naming in naming(),
        id in id(),
        name in any_name(),
    ) {
        let mut ids: Vec<_> = IDS.iter().map(|id| (*id).to_owned()).collect();
        ids.push(id.to_string());
        if let Naming::Unprefixed(alone) = &naming {
            ids.push(alone.to_string());
        }
        ids.sort();
        ids.dedup();
        let registry = Registry::new(ids.iter().map(|id| approved(id)), naming.clone());
        let router = Router::new(Arc::new(registry.unwrap()))
            .with_inventory(Arc::new(Known(vec![(id.clone(), name.clone())])));
        let exposed = naming.exposed(&id, &name);
        let target = router.plan(&tool(&exposed)).target.unwrap();
        prop_assert_eq!(target.facts().unwrap().module(), &id);
        prop_assert_eq!(target.item_name(), Some(&Arc::from(&*name)));
    }

    #[test]
    fn two_items_never_share_an_exposed_name(
        naming in naming(),
        one in (id(), any_name()),
        two in (id(), any_name()),
    ) {
        let exposed = |(id, name): &(ModuleId, String)| naming.exposed(id, name);
        prop_assert_eq!(exposed(&one) == exposed(&two), one == two);
        // Nor does what one is called stand for another of the same module.
        let shown = exposed(&one);
        let own = shown.split_once("__").map_or(&*shown, |(_, own)| own);
        let again = (one.0.clone(), own.to_owned());
        prop_assert_eq!(exposed(&one) == exposed(&again), one == again);
    }

    #[test]
    fn a_name_stays_the_same_when_another_module_joins(name in any_name(), other in any_name()) {
        let a: ModuleId = "a".parse().unwrap();
        let exposed = Naming::Prefixed.exposed(&a, &name);
        let mut known = vec![(a, name.clone())];
        let few = prefixed([approved("a")]).with_inventory(Arc::new(Known(known.clone())));
        known.extend(IDS.map(|id| (id.parse().unwrap(), other.clone())));
        known.reverse();
        let many = prefixed(IDS.map(approved)).with_inventory(Arc::new(Known(known)));
        for router in [few, many] {
            let target = router.plan(&tool(&exposed)).target.unwrap();
            prop_assert_eq!(target.item_name(), Some(&Arc::from(&*name)));
        }
    }

    #[test]
    fn what_nobody_has_listed_is_never_guessed_from_a_shortened_name(name in any_name()) {
        let exposed = Naming::Prefixed.exposed(&"a".parse().unwrap(), &name);
        let plan = prefixed(IDS.map(approved)).plan(&tool(&exposed));
        let found = plan.target.ok().and_then(|target| target.item_name().map(|name| name.to_string()));
        prop_assert_eq!(found, (exposed == format!("a__{name}")).then_some(name));
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
        let a: ModuleId = "a".parse().unwrap();
        let exposed = Naming::Prefixed.exposed(&a, &name);
        let permitted = permitted(call_of(bytes(&exposed)));
        let router = prefixed([approved("a")]);
        let router = router.with_inventory(Arc::new(Known(vec![(a, name.clone())])));
        let target = router.plan(permitted.call()).target.unwrap();
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
