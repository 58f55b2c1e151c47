//! Laws: text grants nothing.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{Arc, LazyLock},
    task::{Context, Poll},
};

use mcpo2_classify::{ClassifyLayer, Config, Outcome, Rules};
use mcpo2_core::{
    AuthMethod, Call, Directory, Fact, Facts, Family, Item, Message, Principal, Request,
};
use proptest::{collection::vec, prelude::*, sample::select};
use tower::{Layer, Service};

static RULES: LazyLock<Arc<Rules>> =
    LazyLock::new(|| Arc::new(Config::builtin().compile().unwrap()));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn added_text_never_turns_one_decision_into_another(before in text(), added in text()) {
        let decided = RULES.classify_text(&before);
        let Some(family) = decided.family() else { return Ok(()) };
        for longer in [format!("{before}\n{added}"), format!("{added} {before}")] {
            let report = RULES.classify_text(&longer);
            prop_assert!(report.family().is_none_or(|now| now == family), "{report:?}");
            prop_assert_ne!(report.outcome, Outcome::Unclassified);
        }
    }

    #[test]
    fn added_text_that_is_too_long_to_read_decides_nothing(before in text(), letter in "[a-z ]") {
        let report = RULES.classify_text(&format!("{before}\n{}", letter.repeat(20_000)));
        prop_assert!(report.truncated && report.family().is_none());
    }

    #[test]
    fn text_never_changes_the_family_of_a_registered_item(task in text(), tool in text()) {
        let call = Call::new(request(&tool, &task), ada());
        let family = classify(call.clone(), Everything);
        prop_assert_eq!(family.as_ref().map(Family::as_str), Some("design"));
        let facts = call.trail().facts();
        let Some(Fact::Classified(found)) = facts.last() else { unreachable!() };
        prop_assert_eq!(&found.family, &family);
        prop_assert_ne!(&found.conflict, &family);
    }

    #[test]
    fn repetition_adds_nothing(word in select(WORDS.to_vec()), times in 1..200_usize) {
        let once = RULES.classify_text(word);
        let often = RULES.classify_text(&vec![word; times].join(" "));
        prop_assert_eq!(&once.scores, &often.scores);
    }

    #[test]
    fn the_order_of_rules_does_not_matter(text in text(), from in 0..30_usize) {
        let mut config = Config::builtin();
        config.rules.rotate_left(from);
        let rotated = config.compile().unwrap().classify_text(&text);
        let report = RULES.classify_text(&text);
        prop_assert_eq!((report.outcome, report.scores), (rotated.outcome, rotated.scores));
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), tool in any::<String>()) {
        let _ = RULES.classify_text(&text);
        let _ = RULES.classify_request(&request(&tool, &text));
    }
}

const WORDS: [&str; 16] = [
    "secrets",
    "phishing",
    "firewall",
    "login",
    "audit",
    "figma",
    "logo",
    "wcag",
    "theme",
    "diagram",
    "deploy",
    "kubernetes",
    "unit test",
    "repo",
    "sql",
    "lunch",
];

fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        6 => select(WORDS.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => select(vec![".", "!", "\n", ";", "2.3"]).prop_map(str::to_owned),
    ];
    vec(word, 0..12).prop_map(|words| words.join(" "))
}

fn request(tool: &str, task: &str) -> Request {
    let message = serde_json::json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool, "arguments": { "task": task, "query": task } },
    });
    match Message::parse(message.to_string()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!(),
    }
}

fn ada() -> Principal {
    let (tenant, id) = ("acme".parse().unwrap(), "ada".parse().unwrap());
    Principal::new(tenant, id, AuthMethod::Host)
}

fn classify(call: Call, directory: impl Directory) -> Option<Family> {
    let layer = ClassifyLayer::new(Arc::clone(&RULES)).with_directory(Arc::new(directory));
    layer.layer(Inner).call(call).into_inner().unwrap()
}

/// Everything belongs to a module for design.
struct Everything;

impl Directory for Everything {
    fn describe(&self, _item: &Item) -> Option<Arc<Facts>> {
        let facts = Facts::new("studio".parse().unwrap(), "design".parse().unwrap());
        Some(Arc::new(facts))
    }
}

/// Answers with the family that it was given.
struct Inner;

impl Service<Call> for Inner {
    type Response = Option<Family>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        ready(Ok(call.family().cloned()))
    }
}
