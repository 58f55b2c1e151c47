//! What is answered, which is what the library finds.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod evidence;

use evidence::{Evidence, Story, hex, story};
use mcpo2_verify_web::{Part, Question, answer};
use serde_json::{Value, json};

fn asked(evidence: &Evidence, key: &str) -> Question {
    Question::default()
        .with(Part::Proof, evidence.proof.as_bytes())
        .with(Part::Body, &evidence.body)
        .with(Part::Trust, key.as_bytes())
}

fn disclosing(question: Question, path: &str, salt: &str, value: &str) -> Question {
    question
        .with(Part::Path, path.as_bytes())
        .with(Part::Salt, salt.as_bytes())
        .with(Part::Value, value.as_bytes())
}

fn answered(question: &Question) -> Value {
    serde_json::from_str(&answer(question)).unwrap()
}

fn code(question: &Question) -> u64 {
    let answer = answered(question);
    assert_eq!(answer["holds"], false, "{answer}");
    answer["code"].as_u64().unwrap()
}

#[test]
fn proof_that_holds_says_what_is_proved() {
    let Story {
        before, key, field, ..
    } = story();
    let (path, salt, value) = field;
    let question = disclosing(asked(&before, &key), path, &hex(&salt), value);
    let answer = answered(&question);
    assert_eq!(answer["holds"], true, "{answer}");
    assert_eq!(answer["origin"], "example.com/log");
    assert_eq!(answer["seq"], before.seq.to_string());
    assert_eq!(answer["kind"], "call");
    assert_eq!(answer["public"], r#"{"action":"read"}"#);
    assert_eq!(
        answer["fields"],
        json!([{ "path": "/a", "value": "\"alice\"" }])
    );
}

#[test]
fn what_does_not_hold_has_the_code_of_the_command() {
    let Story {
        mut before,
        key,
        stranger,
        field,
        ..
    } = story();
    let (path, salt, _) = field;
    assert_eq!(code(&asked(&before, &stranger)), 17);
    let lied = disclosing(asked(&before, &key), path, &hex(&salt), "\"bob\"");
    assert_eq!(code(&lied), 10);
    before.body[6] ^= 1;
    assert_eq!(code(&asked(&before, &key)), 10);
    before.proof.truncate(40);
    assert_eq!(code(&asked(&before, &key)), 31);
}

#[test]
fn keys_that_changed_are_followed_by_their_notes() {
    let Story {
        after, key, note, ..
    } = story();
    assert_eq!(code(&asked(&after, &key)), 17);
    let question = asked(&after, &key).with(Part::Rotation, note.as_bytes());
    assert_eq!(answered(&question)["holds"], true);
    let policy = format!("log {key}\nquorum none\n");
    let question = asked(&after, &policy).with(Part::Rotation, note.as_bytes());
    assert_eq!(answered(&question)["holds"], true);
    let twice = question.with(Part::Rotation, note.as_bytes());
    assert_eq!(code(&twice), 21);
}

#[test]
fn question_that_makes_no_sense_is_refused() {
    let Story {
        before, key, field, ..
    } = story();
    let question = asked(&before, &key);
    let (path, salt, value) = field;
    for wrong in [
        Question::default(),
        question.clone().with(Part::Proof, before.proof.as_bytes()),
        question.clone().with(Part::Path, b"/a"),
        disclosing(question.clone(), path, &hex(&salt[1..]), value),
        disclosing(question.clone(), path, &"g".repeat(64), value),
        question.clone().with(Part::Rotation, b"no note"),
        asked(&before, &key.replace("example", "exempla")),
        asked(&before, "log nothing\n"),
        asked(&before, ""),
    ] {
        assert_eq!(code(&wrong), 2, "{wrong:?}");
    }
}

#[test]
fn question_takes_no_more_than_it_says() {
    let Story { before, key, .. } = story();
    let many =
        (0..Question::MAX_PARTS).fold(asked(&before, &key), |it, _| it.with(Part::Rotation, b""));
    assert!(answer(&many).contains("more than can be looked at"));
    let long = asked(&before, &key).with(Part::Rotation, &vec![0; Question::MAX_BYTES]);
    assert!(answer(&long).contains("more than can be looked at"));
    let mut early = Question::default();
    early.push(1);
    assert!(answer(&early).contains("more than can be looked at"));
}
