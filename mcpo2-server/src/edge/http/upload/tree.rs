//! `?as=tree&strip=1`: what becomes of an upload.

use serde_json::{Value, json};

use crate::refusal::Refusal;

/// How an archive is to become a tree; none where the upload is to be a blob. What is not understood
/// is refused: it would make something else.
pub(super) fn wanted(query: Option<&str>) -> Result<Option<Value>, Refusal> {
    let (mut as_tree, mut strip) = (false, None);
    let pairs = query.unwrap_or_default().split('&');
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("as", "tree")) if !as_tree => as_tree = true,
            Some(("strip", parts)) if strip.is_none() && is_number(parts) => {
                strip = parts.parse::<u32>().ok();
            }
            _ => return Err(unknown()),
        }
    }
    match (as_tree, strip) {
        (true, strip) => Ok(Some(json!({ "strip": strip.unwrap_or_default() }))),
        (false, None) => Ok(None),
        (false, Some(_)) => Err(unknown()),
    }
}

fn is_number(text: &str) -> bool {
    (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn unknown() -> Refusal {
    Refusal::invalid(
        "malformed_query",
        "`?as=tree`, perhaps with `&strip=N`, or nothing",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_one_thing_or_is_refused() {
        let strip = |parts| Some(json!({ "strip": parts }));
        assert_eq!(wanted(None).unwrap(), None);
        assert_eq!(wanted(Some("")).unwrap(), None);
        assert_eq!(wanted(Some("as=tree")).unwrap(), strip(0));
        assert_eq!(wanted(Some("strip=2&as=tree")).unwrap(), strip(2));
        for bad in [
            "strip=1",
            "as=blob",
            "as",
            "as=tree&as=tree",
            "as=tree&strip=",
            "as=tree&strip=-1",
            "as=tree&strip=+1",
            "as=tree&strip=10000",
            "as=tree&strip=1&strip=1",
            "tree",
            "as=tree&x=1",
        ] {
            assert!(wanted(Some(bad)).is_err(), "{bad}");
        }
    }
}
