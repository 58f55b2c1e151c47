//! A message is read or refused; what is read is JSON to any reader, and stays a message when it is
//! edited.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_core::{Id, Message, Request, Response, json};
use serde_json::{Value, value::RawValue};

fuzz_target!(|bytes: &[u8]| {
    let checked = json::check(bytes);
    agrees_with_serde_json(bytes, checked.err());
    match Message::parse(bytes.to_vec()) {
        Ok(message) => {
            assert!(checked.is_ok());
            assert_eq!(message.bytes(), bytes);
            match message {
                Message::Request(request) => edits(&request),
                Message::Response(response) => answers(&response),
            }
        }
        Err(error) => assert_eq!(error.code() == -32700, checked.is_err(), "{error}"),
    }
});

/// What we take, `serde_json` takes; what we alone refuse, we refuse for a reason of ours.
fn agrees_with_serde_json(bytes: &[u8], fault: Option<json::Fault>) {
    let raw = serde_json::from_slice::<&RawValue>(bytes);
    match fault {
        None => {
            raw.expect("serde_json refuses what we take");
            if let Err(error) = serde_json::from_slice::<Value>(bytes) {
                assert!(!error.to_string().contains("recursion limit"), "{error}");
            }
        }
        Some(fault) if raw.is_ok() => {
            let ours = [
                "duplicate key",
                "nesting is too deep",
                "invalid escape in a key",
            ];
            assert!(ours.contains(&fault.reason()), "{fault}");
        }
        Some(_) => {}
    }
}

/// Each edit changes what it names, and nothing else.
fn edits(request: &Request) {
    let renamed = request.with_item_name("a\"\\\u{1}b");
    assert_eq!(renamed.method(), request.method());
    assert_eq!(renamed.arguments(), request.arguments());
    if let Some(item) = request.item() {
        assert_eq!(renamed.item().map(|item| item.name()), Some("a\"\\\u{1}b"));
        let back = renamed.with_item_name(item.name());
        assert_eq!(back.item(), Some(item));
    }

    let minted = request.with_id(&Id::number(7));
    assert_eq!(minted.id().is_some(), request.id().is_some());
    assert_eq!(minted.params(), request.params());

    let given = request.with_arguments(r#"{"x":[1e999]}"#);
    assert_eq!(given.arguments(), Some(&br#"{"x":[1e999]}"#[..]));
    assert_eq!(given.item(), request.item());

    let marked = request.with_meta("traceparent", "\"00\"");
    assert_eq!(marked.meta().traceparent(), Some("\"00\""));
    assert_eq!(marked.arguments(), request.arguments());
    assert_eq!(marked.item(), request.item());
    let bare = marked.without_meta("traceparent");
    assert!(bare.meta().traceparent().is_none());
    assert_eq!(bare.arguments(), request.arguments());

    for edited in [&renamed, &minted, &given, &marked, &bare] {
        reread(edited.bytes());
    }
}

fn answers(response: &Response) {
    let _ = response.outcome();
    let id = Id::string("a\"b");
    let Message::Response(renamed) = reread(&response.with_id(&id)) else {
        panic!("a response became a request")
    };
    assert!(response.id().is_none() || renamed.id() == Some(&id));
    assert_eq!(renamed.result_json(), response.result_json());

    let marked = response.with_result_default("resultType", "\"complete\"");
    let Message::Response(marked) = reread(&marked) else {
        panic!("a response became a request")
    };
    assert_eq!(marked.id(), response.id());
    assert_eq!(marked.error_json(), response.error_json());
}

fn reread(bytes: &bytes::Bytes) -> Message {
    Message::parse(bytes.clone()).expect("an edit broke the message")
}
