//! Where calls go, and what is said of why.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::{collections::BTreeSet, sync::Arc};

use common::*;
use mcpo2_core::{
    ApprovalState, Call, Directory, ErrorKind, Item, ItemKind, Module, ModuleId, ProtocolVersion,
};
use mcpo2_route::{Inventory, Naming, Plan, Registry, RegistryError, Requirements, Router};

/// The module that a plan leads to; none where that is the gateway.
fn module(plan: &Plan) -> Option<&str> {
    let target = plan.target.as_ref().unwrap();
    target.facts().map(|facts| facts.module().as_str())
}

/// Why a plan leads nowhere.
fn refusal(plan: Plan) -> (ErrorKind, String) {
    let error = plan.target.unwrap_err();
    (error.kind(), error.to_string())
}

fn verdicts(plan: &Plan) -> Vec<&str> {
    let candidates = plan.explanation.candidates.iter();
    candidates.map(|candidate| &*candidate.verdict).collect()
}

/// Knows that `github` has the tool `get` and `files` all resources of its scheme.
struct Known;

impl Inventory for Known {
    fn owner(&self, item: &Item) -> Option<ModuleId> {
        let files = item.name().starts_with("file:");
        files.then(|| "files".parse().unwrap())
    }

    fn has(&self, module: &ModuleId, item: &Item) -> Option<bool> {
        match module.as_str() {
            "github" => Some(item.name() == "get"),
            _ => None,
        }
    }
}

#[test]
fn a_prefixed_name_goes_to_its_module_under_its_own_name() {
    let router = prefixed([approved("github"), approved("files")]);
    let plan = router.plan(&tool("github__get__all"));
    assert_eq!(module(&plan), Some("github"));
    assert_eq!(plan.target.unwrap().item_name(), Some(&"get__all".into()));
    assert_eq!(plan.explanation.module.unwrap().as_str(), "github");
    assert_eq!(plan.explanation.item.as_deref(), Some("get__all"));
    let candidates = plan.explanation.candidates;
    assert_eq!(candidates.len(), 1);
    assert_eq!(&*candidates.first().unwrap().verdict, "chosen");
}

#[test]
fn prompts_and_their_completions_have_prefixes_too() {
    let router = prefixed([approved("github")]);
    for call in [
        call("prompts/get", r#"{"name":"github__p"}"#),
        call(
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"github__p"},"argument":{}}"#,
        ),
    ] {
        assert_eq!(
            router.plan(&call).target.unwrap().item_name(),
            Some(&"p".into())
        );
    }
}

#[test]
fn plain_names_go_as_they_are_to_the_only_module() {
    let router = plain(approved("github"));
    for call in [
        tool("files__get"),
        resource("file:///a"),
        call("tools/list", "{}"),
        call("tasks/get", r#"{"taskId":"7"}"#),
        call("vendor/echo", "{}"),
        call("ping", "{}"),
    ] {
        let plan = router.plan(&call);
        assert_eq!(module(&plan), Some("github"), "{}", call.method());
        assert_eq!(plan.target.unwrap().item_name(), None);
    }
}

#[test]
fn what_is_not_approved_is_never_chosen_and_answers_as_what_is_not_there() {
    for state in [
        ApprovalState::Pending,
        ApprovalState::Suspended,
        ApprovalState::Revoked,
    ] {
        let here = || draft("github").approval(state).build();
        let with = prefixed([here(), approved("files")]);
        let without = prefixed([approved("files")]);
        let there = with.plan(&tool("github__get"));
        assert_eq!(verdicts(&there), ["not approved"]);
        assert_eq!(there.explanation.module, None);
        let (kind, text) = refusal(there);
        assert_eq!(kind, ErrorKind::NotFound);
        assert_eq!(text, "Unknown tool: github__get");
        assert_eq!(
            (kind, text),
            refusal(without.plan(&tool("github__get"))),
            "{state:?}"
        );

        let sole = plain(here());
        assert_eq!(
            refusal(sole.plan(&resource("file:///a"))),
            (ErrorKind::NotFound, "Resource not found".into())
        );
        assert!(sole.plan(&call("tools/list", "{}")).target.is_err());
    }
}

#[test]
fn what_a_module_has_not_answers_as_a_module_that_is_not_there() {
    let router = prefixed([approved("github"), approved("files")]).with_inventory(Arc::new(Known));
    assert!(router.plan(&tool("github__get")).target.is_ok());
    let missing = router.plan(&tool("github__drop"));
    assert_eq!(verdicts(&missing), ["item missing"]);
    let (kind, text) = refusal(missing);
    assert_eq!(
        (kind, &*text),
        (ErrorKind::NotFound, "Unknown tool: github__drop")
    );
    let nobody = refusal(router.plan(&tool("nobody__drop")));
    assert_eq!(nobody, (kind, "Unknown tool: nobody__drop".into()));
    // Of `files` nobody has looked, so its name alone decides.
    assert!(router.plan(&tool("files__any")).target.is_ok());
}

#[test]
fn requirements_hold_whatever_policy_allows() {
    let eu = || "eu".parse().unwrap();
    let mut requirements = Requirements::default();
    requirements.regions = BTreeSet::from([eu()]);
    requirements.min_tier = 2;
    let base = || draft("m").approval(ApprovalState::Approved);
    for (module, verdict) in [
        (base().region(eu()).tier(2), "chosen"),
        (base().region(eu()).tier(4), "chosen"),
        (base().region(eu()).tier(1), "trust too low"),
        (
            base().region("us".parse().unwrap()).tier(4),
            "region not allowed",
        ),
        (base().tier(4), "region not allowed"),
    ] {
        let router = prefixed([module.build()]).with_requirements(requirements.clone());
        let plan = router.plan(&tool("m__get"));
        assert_eq!(verdicts(&plan), [verdict]);
        assert_eq!(plan.target.is_ok(), verdict == "chosen");
        assert_eq!(plan.explanation.module.is_some(), verdict == "chosen");
    }
}

#[test]
fn the_first_filter_that_fails_is_the_verdict() {
    let mut requirements = Requirements::default();
    requirements.regions = BTreeSet::from(["eu".parse().unwrap()]);
    requirements.min_tier = 2;
    let verdict = |module: Arc<Module>| {
        let router = prefixed([module])
            .with_requirements(requirements.clone())
            .with_inventory(Arc::new(Known));
        let plan = router.plan(&tool("github__drop"));
        verdicts(&plan).join(",")
    };
    // Each module fails one filter less than the one before.
    let base = || draft("github");
    assert_eq!(verdict(base().build()), "not approved");
    let base = || draft("github").approval(ApprovalState::Approved);
    assert_eq!(verdict(base().build()), "region not allowed");
    let base = || base().region("eu".parse().unwrap());
    assert_eq!(verdict(base().build()), "trust too low");
    assert_eq!(verdict(base().tier(2).build()), "item missing");
}

#[test]
fn an_explanation_is_the_same_in_whatever_order_modules_were_registered() {
    let states = [
        ApprovalState::Approved,
        ApprovalState::Pending,
        ApprovalState::Suspended,
        ApprovalState::Revoked,
    ];
    let mut modules: Vec<_> = (0_u8..24)
        .zip(states.into_iter().cycle())
        .map(|(n, state)| draft(&format!("m{n}")).approval(state).tier(n % 5).build())
        .collect();
    let calls = [
        tool("m0__get"),
        tool("m1__get"),
        tool("m20__get"),
        tool("nobody__get"),
        resource("file:///a"),
        call("tools/list", "{}"),
    ];
    let explained = |modules: &[Arc<Module>]| {
        let mut requirements = Requirements::default();
        requirements.min_tier = 1;
        let router = prefixed(modules.to_vec()).with_requirements(requirements);
        let explain = |call: &Call| serde_json::to_string(&router.plan(call).explanation).unwrap();
        calls.each_ref().map(explain)
    };
    let first = explained(&modules);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..1_000 {
        for at in (1..modules.len()).rev() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let with = usize::try_from(random % (at as u64 + 1)).unwrap();
            modules.swap(at, with);
        }
        assert_eq!(explained(&modules), first);
    }
}

#[test]
fn the_stateless_revision_has_none_of_what_needs_a_session() {
    let routers = [prefixed([approved("m")]), plain(approved("m"))];
    for (method, params) in [
        ("initialize", "{}"),
        ("ping", "{}"),
        ("logging/setLevel", "{}"),
        ("resources/subscribe", r#"{"uri":"a:"}"#),
        ("resources/unsubscribe", r#"{"uri":"a:"}"#),
        ("tasks/result", r#"{"taskId":"7"}"#),
        ("tasks/list", "{}"),
    ] {
        for router in &routers {
            let call = call(method, params).with_version(ProtocolVersion::V2026_07_28);
            let plan = router.plan(&call);
            assert!(plan.explanation.candidates.is_empty());
            assert_eq!(
                refusal(plan),
                (ErrorKind::MethodNotFound, "Method not found".into()),
                "{method}"
            );
        }
    }
    let [_, plain] = routers;
    assert!(plain.plan(&call("ping", "{}")).target.is_ok());
}

#[test]
fn the_gateway_answers_the_handshake_and_what_is_over_several_modules() {
    let router = prefixed([approved("a"), approved("b")]);
    for method in [
        "initialize",
        "server/discover",
        "ping",
        "logging/setLevel",
        "subscriptions/listen",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
    ] {
        assert_eq!(module(&router.plan(&call(method, "{}"))), None, "{method}");
    }
    let sole = plain(approved("a"));
    for method in ["initialize", "server/discover"] {
        assert_eq!(module(&sole.plan(&call(method, "{}"))), None, "{method}");
    }
    let bytes = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{}}"#;
    assert_eq!(module(&sole.plan(&call_of(bytes))), None);
}

#[test]
fn what_nobody_can_answer_is_not_found() {
    let router = prefixed([approved("a")]);
    let no_method = (ErrorKind::MethodNotFound, "Method not found".into());
    assert_eq!(refusal(router.plan(&call("vendor/echo", "{}"))), no_method);
    assert_eq!(refusal(router.plan(&call("tasks/list", "{}"))), no_method);
    for (name, text) in [
        ("get", "Unknown tool: get"),
        ("__get", "Unknown tool: __get"),
        ("A__get", "Unknown tool: A__get"),
    ] {
        let plan = router.plan(&tool(name));
        assert_eq!(refusal(plan), (ErrorKind::NotFound, text.into()));
    }
    for router in [router, plain(approved("a"))] {
        assert_eq!(
            refusal(router.plan(&call("tools/call", "{}"))),
            (ErrorKind::NotFound, "Nothing is addressed".into())
        );
    }
}

#[test]
fn only_a_client_that_knows_tasks_learns_of_one() {
    let get = |meta: &str| {
        let params = format!(r#"{{"taskId":"m__7"{meta}}}"#);
        call("tasks/get", &params).with_version(ProtocolVersion::V2026_07_28)
    };
    let declared = r#","_meta":{"io.modelcontextprotocol/clientCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}"#;
    let several = prefixed([approved("m"), approved("n")]);
    let without = several.plan(&get("")).target.unwrap_err();
    assert_eq!(without.kind(), ErrorKind::MissingCapability);
    assert_eq!(
        without.data(),
        Some(r#"{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}"#)
    );
    assert_eq!(refusal(several.plan(&get(declared))).0, ErrorKind::NotFound);
    // The only module there is says so itself.
    assert!(plain(approved("m")).plan(&get("")).target.is_ok());
}

#[test]
fn a_resource_goes_to_its_owner_and_a_reference_to_the_gateway() {
    let router = prefixed([approved("github"), approved("files")]).with_inventory(Arc::new(Known));
    let plan = router.plan(&resource("file:///a__b"));
    assert_eq!(module(&plan), Some("files"));
    assert_eq!(plan.target.unwrap().item_name(), None);
    let missing = router.plan(&resource("other:a")).target.unwrap_err();
    assert_eq!(missing.data(), Some(r#"{"uri":"other:a"}"#));
    assert_eq!(
        refusal(router.plan(&resource("other:a"))),
        (ErrorKind::NotFound, "Resource not found".into())
    );
    let reference = resource("mcpo2+artifact://r/AAAAAAAAAAAAAAAAAAAAAA");
    for router in [router, plain(approved("a"))] {
        assert_eq!(module(&router.plan(&reference)), None);
    }
}

#[test]
fn an_owner_that_is_not_registered_or_not_approved_owns_nothing() {
    let orphan = prefixed([approved("github")]).with_inventory(Arc::new(Known));
    let pending = prefixed([draft("files").build()]).with_inventory(Arc::new(Known));
    let other = refusal(orphan.plan(&resource("other:a")));
    assert_eq!(refusal(orphan.plan(&resource("file:///a"))), other);
    assert_eq!(refusal(pending.plan(&resource("file:///a"))), other);
}

#[test]
fn layers_that_decide_hear_of_the_module_to_which_a_call_would_go() {
    let router = prefixed([approved("github"), approved("files")]).with_inventory(Arc::new(Known));
    let describe = |kind, name: &str| {
        let facts = router.describe(&Item::new(kind, name));
        facts.map(|facts| facts.module().to_string())
    };
    assert_eq!(
        describe(ItemKind::Tool, "github__get").as_deref(),
        Some("github")
    );
    assert_eq!(
        describe(ItemKind::Resource, "file:///a").as_deref(),
        Some("files")
    );
    assert_eq!(describe(ItemKind::Tool, "nobody__get"), None);
    assert_eq!(describe(ItemKind::Resource, "mcpo2+artifact://r/A"), None);
}

#[test]
fn modules_make_a_registry_only_where_names_tell_them_apart() {
    let new = |ids: &[&str], naming| {
        Registry::new(ids.iter().map(|id| approved(id)), naming).map(|r| r.modules().count())
    };
    assert_eq!(new(&["b", "a"], Naming::Prefixed), Ok(2));
    assert_eq!(new(&[], Naming::Prefixed), Ok(0));
    let twice = RegistryError::Duplicate("a".parse().unwrap());
    assert_eq!(new(&["a", "b", "a"], Naming::Prefixed), Err(twice));
    assert_eq!(
        new(&["a", "b"], Naming::Plain),
        Err(RegistryError::PlainNames(2))
    );
    let alone = || Naming::Unprefixed("a".parse().unwrap());
    assert_eq!(new(&["a", "b"], alone()), Ok(2));
    let unknown = RegistryError::Unknown("a".parse().unwrap());
    assert_eq!(new(&["b"], alone()), Err(unknown));
    assert_eq!(new(&[], Naming::Plain), Err(RegistryError::PlainNames(0)));
}

#[test]
fn the_digest_of_a_registry_changes_with_what_is_known_of_its_modules() {
    let digest = |module: Arc<Module>| {
        let registry = Registry::new([module], Naming::Prefixed).unwrap();
        registry.digest()
    };
    let base = digest(approved("a"));
    assert_eq!(base, digest(approved("a")));
    let approval = ApprovalState::Approved;
    for other in [
        approved("b"),
        draft("a").build(),
        draft("a").approval(approval).tier(1).build(),
        draft("a")
            .approval(approval)
            .region("eu".parse().unwrap())
            .build(),
    ] {
        assert_ne!(base, digest(other));
    }
}

#[test]
fn a_router_may_be_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Router>();
}
