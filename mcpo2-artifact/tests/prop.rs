//! Laws: ranges give together the whole, and only to those whose it is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{CALL, artifacts, at_once, message, principal, reader, response, routed};
use mcpo2_artifact::{ArtifactLayer, Artifacts, ErrorKind, Stored};
use mcpo2_core::{Error, Reply, Routed};
use proptest::prelude::*;
use serde_json::json;
use tower::{Layer, Service, service_fn};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Texts of a few bytes to a few blocks, with characters of one to four bytes and line ends.
fn text() -> impl Strategy<Value = String> {
    let pieces = prop_oneof!["[a-zä€🦀\n]{1,40}", any::<String>()];
    (pieces, 1..8_000_usize).prop_map(|(piece, times)| {
        let most = 200_000 / piece.len().max(1);
        piece.repeat(times.min(most).max(1))
    })
}

fn kept(text: &str) -> (Artifacts, Stored) {
    let artifacts = artifacts(json!({"max_read_bytes": 1 << 20}));
    let stored = at_once(artifacts.keep(&principal("acme", "ada"), text)).unwrap();
    (artifacts, stored)
}

fn read(artifacts: &Artifacts, uri: &str) -> String {
    at_once(artifacts.read(&reader(&principal("acme", "ada")), uri))
        .unwrap()
        .text()
        .unwrap()
        .to_owned()
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn ranges_that_touch_give_together_the_whole(
        text in text(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (artifacts, stored) = kept(&text);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let mut whole = String::new();
        for pair in cuts.windows(2) {
            let uri = format!("{}?bytes={}-{}", stored.reference, pair[0], pair[1]);
            whole += &read(&artifacts, &uri);
        }
        prop_assert_eq!(whole, text);
    }

    #[test]
    fn reading_on_ends_with_the_whole(text in text()) {
        let artifacts = artifacts(json!({"max_read_bytes": 10_007}));
        let ada = principal("acme", "ada");
        let stored = at_once(artifacts.keep(&ada, &text)).unwrap();
        let (mut whole, mut reads) = (String::new(), 0);
        while whole.len() < text.len() {
            let uri = stored.reference.bytes_uri(whole.len().try_into().unwrap(), None);
            whole += &read(&artifacts, &uri);
            reads += 1;
            prop_assert!(reads <= text.len() / 10_004 + 1);
        }
        prop_assert_eq!(whole, text);
    }

    #[test]
    fn lines_are_the_lines(text in text(), at in any::<prop::sample::Index>(), many in 0..50_usize) {
        let (artifacts, stored) = kept(&text);
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        prop_assume!(!lines.is_empty());
        let first = at.index(lines.len());
        let last = (first + many).min(lines.len() - 1);
        let uri = format!("{}?lines={}-{}", stored.reference, first + 1, last + 1);
        prop_assert_eq!(read(&artifacts, &uri), lines[first..=last].concat());
        let behind = format!("{}?lines={}-", stored.reference, lines.len() + 1);
        let error = at_once(artifacts.read(&reader(&principal("acme", "ada")), &behind)).unwrap_err();
        prop_assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn up_to_the_threshold_no_byte_changes(text in any::<String>(), slack in 0..100_usize) {
        let text = serde_json::Value::from(text);
        let bytes = response(&format!(r#"{{ "content":[{{"text":{text}}}], "n":1e400 }}"#));
        let artifacts = artifacts(json!({"threshold_bytes": bytes.len() + slack}));
        let inner = service_fn(|_: Routed| {
            let reply = Reply::complete(bytes.clone());
            std::future::ready(Ok::<_, Error>(reply))
        });
        let mut service = ArtifactLayer::new(Arc::new(artifacts)).layer(inner);
        let reply = at_once(service.call(routed(CALL))).unwrap();
        prop_assert_eq!(message(reply), bytes);
    }

    #[test]
    fn nobody_else_reads_it(
        tenant in "acme|globex|[!-~]{1,20}",
        id in "ada|eve|[a-z]{1,20}",
        query in "|\\?bytes=0-9|\\?lines=1-1",
    ) {
        let (artifacts, stored) = kept("what only ada may read");
        let uri = format!("{}{query}", stored.reference);
        let read = at_once(artifacts.read(&reader(&principal(&tenant, &id)), &uri));
        if (tenant.as_str(), id.as_str()) == ("acme", "ada") {
            prop_assert!(read.is_ok());
        } else {
            prop_assert_eq!(read.unwrap_err().kind(), ErrorKind::NotFound);
        }
    }
}

proptest! {
    #![proptest_config(config(10_000))]

    #[test]
    fn forged_reference_reads_nothing(
        random in any::<[u8; 16]>(),
        flip in 0..128_usize,
        garbage in "[A-Za-z0-9_=/?&%.-]{0,40}",
    ) {
        let (artifacts, stored) = kept("what only ada may read");
        let uri = stored.reference.uri();
        let (prefix, token) = uri.rsplit_once('/').unwrap();
        let mut near = URL_SAFE_NO_PAD.decode(token).unwrap();
        near[flip / 8] ^= 1 << (flip % 8);
        for token in [
            URL_SAFE_NO_PAD.encode(random),
            URL_SAFE_NO_PAD.encode(near),
            format!("{token}{garbage}x"),
            garbage,
        ] {
            let uri = format!("{prefix}/{token}");
            let error = at_once(artifacts.read(&reader(&principal("acme", "ada")), &uri)).unwrap_err();
            prop_assert_eq!(error.kind(), ErrorKind::NotFound, "{}", uri);
        }
    }
}
