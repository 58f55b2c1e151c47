//! What is filtered out of a list is gone, and what stays is there to the letter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_core::{
    Id, ItemKind, Message,
    message::{Listed, result_response, retain},
};

const KINDS: [ItemKind; 4] = [
    ItemKind::Tool,
    ItemKind::Prompt,
    ItemKind::Resource,
    ItemKind::Template,
];

fuzz_target!(|bytes: &[u8]| {
    let Ok(result) = mcpo2_core::json::check(bytes) else {
        // Bytes of a module that nobody has checked are read without harm.
        for kind in KINDS {
            let _ = Listed::all(bytes, kind);
        }
        return;
    };
    let response = result_response(&Id::number(1), result);
    let Ok(Message::Response(response)) = Message::parse(response) else {
        return; // nested as deep as may be, and now one deeper
    };
    for kind in KINDS {
        let Some(listed) = Listed::all(result.as_bytes(), kind) else {
            assert!(retain(&response, kind, |_| true).is_none());
            continue;
        };
        let all = retain(&response, kind, |_| true).expect("a list");
        assert_eq!(all, response.bytes());

        let mut at = 0;
        let odd = retain(&response, kind, |_| {
            at += 1;
            at % 2 == 0
        });
        let odd = odd.expect("a list");
        let Ok(Message::Response(odd)) = Message::parse(odd) else {
            panic!("what is left of the list is no response")
        };
        let left = Listed::all(odd.result_json().expect("a result"), kind).expect("a list");
        let expected = listed.iter().skip(1).step_by(2);
        assert!(left.iter().map(Listed::json).eq(expected.map(Listed::json)));

        for entry in &listed {
            let renamed = entry.renamed("m__\"x");
            let list = kind.list_members().expect("a kind with lists").0;
            let renamed = format!(r#"{{"{list}":[{renamed}]}}"#);
            let renamed = Listed::all(renamed.as_bytes(), kind).expect("a list of one");
            assert_eq!(renamed[0].name().as_deref(), Some("m__\"x"));
            let back = renamed[0].renamed(&entry.name().expect("a name"));
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&back).ok(),
                serde_json::from_str(entry.json()).ok(),
            );
        }
    }
});
