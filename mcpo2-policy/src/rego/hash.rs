//! The hash of a file as OPA signs it: of JSON its members in order, of anything else its bytes.

use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha512};

use crate::native::{Node, decode};

/// The hash, in hexadecimal; none by an algorithm that is not supported, or of JSON that has no
/// single reading.
pub(super) fn hash(path: &str, content: &[u8], algorithm: &str) -> Option<String> {
    let mut canonical = Vec::new();
    let bytes = match is_structured(path) {
        true => {
            write(&decode(content)?, &mut canonical)?;
            &canonical
        }
        false => content,
    };
    match algorithm {
        "SHA-256" => Some(hex(&Sha256::digest(bytes))),
        "SHA-512" => Some(hex(&Sha512::digest(bytes))),
        _ => None,
    }
}

fn is_structured(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name, "data.json" | ".manifest")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(node: &Node<'_>, to: &mut Vec<u8>) -> Option<()> {
    match node {
        Node::Null => to.extend_from_slice(b"null"),
        Node::Bool(value) => to.extend_from_slice(value.to_string().as_bytes()),
        Node::Number(text) => to.extend_from_slice(text.as_bytes()),
        Node::Text(text) => to.extend_from_slice(quoted(text)?.as_bytes()),
        Node::Array(items) => {
            to.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    to.push(b',');
                }
                write(item, to)?;
            }
            to.push(b']');
        }
        Node::Object(members) => {
            to.push(b'{');
            for (at, (key, value)) in members.iter().enumerate() {
                if at > 0 {
                    to.push(b',');
                }
                to.extend_from_slice(quoted(key)?.as_bytes());
                to.push(b':');
                write(value, to)?;
            }
            to.push(b'}');
        }
    }
    Some(())
}

/// A text as Go writes it.
fn quoted(text: &str) -> Option<String> {
    let quoted = serde_json::to_string(&Value::from(text)).ok()?;
    Some(
        quoted
            .replace('\u{2028}', "\\u2028")
            .replace('\u{2029}', "\\u2029"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_of_json_does_not_count_and_that_of_rego_does() {
        let hash = |path, content: &[u8]| hash(path, content, "SHA-256").unwrap();
        let compact = hash("data.json", br#"{"a":1.0,"b":["x",null,true]}"#);
        assert_eq!(
            hash(
                "x/data.json",
                b"{ \"b\": [\"x\", null, true],\n \"a\": 1.0 }"
            ),
            compact
        );
        assert_eq!(hash("x.txt", br#"{"a":1.0,"b":["x",null,true]}"#), compact);
        assert_ne!(hash("x.rego", b"package x"), hash("x.rego", b"package x\n"));
        // NIST's example.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash("abc", b"abc"), abc);
    }
}
