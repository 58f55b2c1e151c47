//! What redaction promises: nothing that is found stays, and nothing else changes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{collections::BTreeMap, sync::LazyLock};

use mcpo2_policy::{BlobsConfig, Finders, RedactConfig, Unredactable};
use proptest::prelude::*;
use serde_json::{Value, json};

const ALL: [&str; 6] = ["card", "email", "employee", "ip", "phone", "secret"];

fn config() -> RedactConfig {
    let mut config = RedactConfig::default();
    config
        .finders
        .insert("employee".into(), "EMP-[0-9]{6}".into());
    config
}

fn finders() -> &'static Finders {
    static FINDERS: LazyLock<Finders> = LazyLock::new(|| config().compile().unwrap());
    &FINDERS
}

fn response(result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#)
}

/// What becomes of a text, with all finders.
fn blotted(text: &str) -> String {
    let (message, _) = finders()
        .redact(ALL, &response(&json!({ "t": text }).to_string()))
        .unwrap();
    let message: Value = serde_json::from_str(&message).unwrap();
    message["result"]["t"].as_str().unwrap().to_owned()
}

#[test]
fn each_finder_finds_what_it_is_for_and_leaves_the_rest() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P";
    let pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----";
    let openai = format!("sk-proj-{}", "a1B2".repeat(10));
    let github = format!("ghp_{}", "a1B2".repeat(9));
    let fine = format!("github_pat_{}", "a1B2_".repeat(9));
    for (text, expected) in [
        (
            "ask ada.b+c@mail.example.com, or not",
            "ask [redacted:email], or not",
        ),
        ("Ünïcödé@exämple.org", "[redacted:email]"),
        ("EMP-123456 EMP-12345", "[redacted:employee] EMP-12345"),
        ("4111 1111 1111 1111", "[redacted:card]"),
        ("4111-1111-1111-1111.", "[redacted:card]."),
        ("20 4111111111111111 123", "20 [redacted:card] 123"),
        ("4111111111111112", "4111111111111112"),
        ("41111111111111111111", "41111111111111111111"),
        ("0000000000000000", "0000000000000000"),
        ("call +49 (30) 1234567 now", "call [redacted:phone] now"),
        ("+4930123456", "[redacted:phone]"),
        ("a+1 or +12 345", "a+1 or +12 345"),
        ("from 10.0.0.7:443", "from [redacted:ip]:443"),
        ("010.000.000.007", "[redacted:ip]"),
        ("1.2.3 or 300.1.1.1x", "1.2.3 or 300.1.1.1x"),
        ("at 2001:db8::1.", "at [redacted:ip]."),
        (
            "[::1]:80 std::fmt at 12:30:45",
            "[[redacted:ip]]:80 std::fmt at 12:30:45",
        ),
        ("::ffff:192.0.2.7", "[redacted:ip]"),
        (
            "code:2001:db8::1 ip:::1",
            "code:[redacted:ip] ip:[redacted:ip]",
        ),
        ("1234.10.0.0.7", "1234.[redacted:ip]"),
        ("AKIAIOSFODNN7EXAMPLE!", "[redacted:secret]!"),
        ("xoxb-123456789012-abc", "[redacted:secret]"),
        (
            "task-management-overview-of-all",
            "task-management-overview-of-all",
        ),
        (jwt, "[redacted:secret]"),
        (&format!("x {pem} y"), "x [redacted:secret] y"),
        (pem.split_once("-----END").unwrap().0, "[redacted:secret]"),
        (&openai, "[redacted:secret]"),
        (&github, "[redacted:secret]"),
        (&fine, "[redacted:secret]"),
        // Of a text that holds JSON.
        (
            r#"{"a":"x\n4111111111111111"}"#,
            r#"{"a":"x\n[redacted:card]"}"#,
        ),
        (r#"{"a":"x\n10.0.0.7"}"#, r#"{"a":"x\n[redacted:ip]"}"#),
    ] {
        assert_eq!(blotted(text), expected, "{text}");
    }
    assert_eq!(blotted(&format!(r"k:\n{openai}")), "k:[redacted:secret]");
}

/// It asserts nothing of time: what takes time by the square of a length never ends here.
#[test]
fn a_text_that_is_nearly_a_finding_over_and_over_is_looked_through() {
    for part in [
        ":",
        "a:",
        "1.",
        "999.",
        "0 ",
        "4-",
        "a@",
        "@a",
        "+1",
        "+1 ",
        "a.",
        "eyJ",
        "sk-",
        "EMP-",
        "-----BEGIN A ",
    ] {
        let found = blotted(&part.repeat(20_000 / part.len()));
        assert_eq!(blotted(&found), found, "{part}");
    }
}

#[test]
fn what_is_escaped_is_found_and_every_other_byte_stays() {
    let message = concat!(
        r#"{"jsonrpc":"2.0", "id":"ada@example.com","method":"m@example.com","#,
        r#""result" : {"ada@example.com":[1e400,"\u0061da\u0040example.com \ud83d\ude00\/\u00e9"]}}"#,
    );
    let (text, counts) = finders().redact(ALL, message).unwrap();
    let expected = message.replace(r"\u0061da\u0040example.com", "[redacted:email]");
    assert_eq!(text, expected);
    assert_eq!(counts, BTreeMap::from([("email".into(), 1)]));
}

#[test]
fn errors_and_what_a_module_tells_are_looked_through_and_the_names_of_requests_are_not() {
    let find = |message: &str| finders().redact(["ip"], message).unwrap().0;
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"at 10.0.0.7","data":{"a":["10.0.0.8"]}}}"#;
    assert!(!find(error).contains("10.0"), "{}", find(error));
    let told = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"10.0.0.7","message":"10.0.0.8"}}"#;
    assert_eq!(find(told), told.replace("10.0.0.8", "[redacted:ip]"));
    let nested = r#"{"jsonrpc":"2.0","id":1,"result":{"requestId":"10.0.0.7"}}"#;
    assert_eq!(find(nested), nested.replace("10.0.0.7", "[redacted:ip]"));
    let hidden = r#"{"jsonrpc":"2.0","id":1,"r\u0065sult":{"a":"10.0.0.7"},"more":"10.0.0.8"}"#;
    assert!(!find(hidden).contains("10.0"), "{}", find(hidden));
}

#[test]
fn bytes_are_refused_unless_they_are_allowed_and_pass_whole_then() {
    let allowing = RedactConfig {
        blobs: BlobsConfig::Allow,
        ..config()
    };
    let allowing = allowing.compile().unwrap();
    for result in [
        r#"{"contents":[{"uri":"file:///a","blob":"AB+4930123456=="}]}"#,
        r#"{"content":[{"type":"image","data":"AB+4930123456==","mimeType":"image/png"}]}"#,
        r#"{"content":[{"type":"audio","mimeType":"audio/wav","data":"AB+4930123456=="}]}"#,
        r#"{"content":[{"type":"resource","resource":{"bl\u006fb":"AB+4930123456=="}}]}"#,
    ] {
        let message = response(result);
        let refused = finders().redact(ALL, &message).unwrap_err();
        assert_eq!(refused, Unredactable::Blob, "{result}");
        let (passed, counts) = allowing.redact(ALL, &message).unwrap();
        assert_eq!((passed, counts.len()), (message, 0));
    }
    let data = response(r#"{"data":"+4930123456","blob":"","inner":{"mimeType":"a/b"}}"#);
    let expected = data.replace("+4930123456", "[redacted:phone]");
    assert_eq!(finders().redact(ALL, &data).unwrap().0, expected);
}

#[test]
fn what_cannot_be_read_is_refused() {
    for message in [
        "",
        "[]",
        r#""10.0.0.7""#,
        r#"{"result":{"a":"10.0.0.7"}"#,
        r#"{"result":"\ud800"}"#,
        r#"{"result":{"\udc00":1}}"#,
    ] {
        let refused = finders().redact(ALL, message).unwrap_err();
        assert_eq!(refused, Unredactable::Unreadable, "{message}");
    }
    let unknown = finders().redact(["nobody"], "{}").unwrap_err();
    assert_eq!(unknown, Unredactable::UnknownFinder);
}

#[test]
fn a_finder_that_would_find_nothing_or_itself_is_refused() {
    let long = "a".repeat(1025);
    for (name, pattern, says) in [
        ("e", "EMP-[0-9", "unclosed"),
        ("e", "a*", "nothing"),
        ("e", r"\b", "nothing"),
        ("e", "red[a-z]+", "[redacted:card]"),
        ("e", ":e", "[redacted:e]"),
        ("email", "x", "built in"),
        ("", "x", "name"),
        ("Ä", "x", "name"),
        ("e", "(?:[\\w]{50}){50}", "more than"),
        ("e", &long, "longer"),
    ] {
        let mut config = RedactConfig::default();
        config.finders.insert(name.into(), pattern.into());
        let error = config.compile().unwrap_err();
        assert_eq!(error.finder(), name);
        assert!(error.to_string().contains(says), "{pattern}: {error}");
    }
}

/// A text of pieces that are found and of pieces that touch them.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("ada@example.com".to_owned()),
        Just("10.0.0.7".to_owned()),
        Just("2001:db8::1".to_owned()),
        Just("4111 1111 1111 1111".to_owned()),
        Just("+4930123456".to_owned()),
        Just("EMP-123456".to_owned()),
        Just("AKIAIOSFODNN7EXAMPLE".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        Just("[redacted:ip]".to_owned()),
        r#"[ .:@+\-0-9a-z"\\\n/é😀]{0,3}"#,
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        text().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// The same value, with characters of its strings escaped by chance.
fn escaped(value: &Value, odd: usize) -> String {
    let json = value.to_string();
    let (mut out, mut within, mut signs) = (String::new(), false, json.chars().enumerate());
    while let Some((at, sign)) = signs.next() {
        within ^= sign == '"';
        if sign == '\\' {
            let next = signs.next().unwrap().1;
            let digits = if next == 'u' { 4 } else { 0 };
            out.extend([sign, next]);
            out.extend(signs.by_ref().take(digits).map(|(_, digit)| digit));
        } else if within && sign != '"' && (at + odd).is_multiple_of(3) {
            let mut units = [0; 2];
            for unit in sign.encode_utf16(&mut units) {
                out += &format!("\\u{unit:04x}");
            }
        } else {
            out.push(sign);
        }
    }
    out
}

/// Holds for each pair of strings that stand in the same place.
fn all_texts(before: &Value, after: &Value, holds: &mut impl FnMut(&str, &str)) {
    match (before, after) {
        (Value::String(before), Value::String(after)) => holds(before, after),
        (Value::Array(before), Value::Array(after)) => {
            assert_eq!(before.len(), after.len());
            for (before, after) in before.iter().zip(after) {
                all_texts(before, after, holds);
            }
        }
        (Value::Object(before), Value::Object(after)) => {
            assert!(before.keys().eq(after.keys()));
            for (key, before) in before {
                all_texts(before, &after[key], holds);
            }
        }
        _ => assert_eq!(before, after),
    }
}

proptest! {
    #[test]
    fn nothing_that_is_found_stays_and_the_rest_is_equal(value in value(), odd in 0..3_usize) {
        let finders = finders();
        let message = response(&escaped(&value, odd));
        let read: Value = serde_json::from_str(&message).unwrap();
        prop_assert_eq!(&read["result"], &value);
        let (text, counts) = finders.redact(ALL, &message).unwrap();
        let (again, none) = finders.redact(ALL, &text).unwrap();
        prop_assert_eq!((&again, none.len()), (&text, 0));
        if counts.is_empty() {
            prop_assert_eq!(&text, &message);
        }
        let after: Value = serde_json::from_str(&text).unwrap();
        all_texts(&value, &after["result"], &mut |before, after| {
            let alone = blotted(before);
            assert_eq!(after, alone, "{before}");
            assert_eq!(before == after, !after.contains("[redacted:") || before == alone);
        });
    }

    #[test]
    fn no_message_panics(message in r#"[{}\[\]":,\\ud08c0-9a@.a-z]{0,64}"#) {
        let _ = finders().redact(ALL, &message);
    }

    #[test]
    fn what_has_no_finding_keeps_its_bytes(text in "[ a-z\"\\\\\n\u{0}-\u{1f}é😀]{0,64}", odd in 0..3_usize) {
        let message = response(&escaped(&Value::from(text), odd));
        let (after, counts) = finders().redact(ALL, &message).unwrap();
        prop_assert_eq!((after, counts.len()), (message, 0));
    }
}
