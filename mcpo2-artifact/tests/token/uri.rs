//! Two kinds of references share a scheme, and none is taken for the other.

use mcpo2_artifact::{
    InvalidReference, Reference, Selector,
    token::{Authority, InvalidToken, SignedReference, Uri},
};
use mcpo2_core::ARTIFACT_SCHEME;

use crate::gateway::{Gateway, ada, mint};

#[test]
fn a_signed_uri_reads_as_it_was_written() {
    let gateway = Gateway::new();
    let signed = gateway.sign(mint());
    let uri = signed.uri();
    assert_eq!(
        uri,
        format!("mcpo2+artifact://gw.example/r/{}", signed.token())
    );
    assert!(Reference::has_scheme(&uri));
    assert_eq!(Reference::parse(&uri), Err(InvalidReference));
    assert_eq!(uri.parse(), Ok(signed.clone()));
    assert_eq!(
        uri.parse(),
        Ok(Uri::Signed(signed.clone(), None, Selector::Whole))
    );
    let part = format!("{uri}?lines=1-20").parse();
    let (first, last) = (1, Some(20));
    assert_eq!(
        part,
        Ok(Uri::Signed(
            signed.clone(),
            None,
            Selector::Lines { first, last }
        ))
    );
    let path = "src/a b&é.rs".parse().ok();
    let part = format!("{uri}?path=src/a%20b%26%C3%A9.rs&lines=1-20").parse();
    assert_eq!(
        part,
        Ok(Uri::Signed(signed, path, Selector::Lines { first, last }))
    );
    for bad in [
        "path=",
        "path=../a",
        "path=a&",
        "path=%ff",
        "lines=1-2&path=a",
        "path=a&path=b",
    ] {
        let bad = format!("{uri}?{bad}").parse::<Uri>();
        assert_eq!(bad, Err(InvalidReference));
    }
}

#[test]
fn nothing_around_a_token_can_be_written_otherwise() {
    let gateway = Gateway::new();
    let signed = gateway.sign(mint());
    let token = signed.token();
    for other in [
        format!("mcpo2+artifact://other.example/r/{token}"),
        format!("mcpo2+artifact://r/{token}"),
        format!("mcpo2+artifact://r/r/{token}"),
        format!("mcpo2+artifact://GW.example/r/{token}"),
        format!("mcpo2+artifact://gw.example:443/r/{token}"),
        format!("mcpo2+artifact://gw.example//r/{token}"),
        format!("mcpo2+artifact://gw.example/r/{token}/"),
        format!("mcpo2+artifact://gw.example/r/{token}#a"),
        format!("mcpo2+artifact://gw.example/x/{token}"),
        format!("mcpo2+artifact:///r/{token}"),
        format!("MCPO2+artifact://gw.example/r/{token}"),
        token.to_owned(),
        String::new(),
    ] {
        assert_eq!(
            other.parse::<SignedReference>(),
            Err(InvalidToken),
            "{other}"
        );
        assert_eq!(other.parse::<Uri>(), Err(InvalidReference), "{other}");
    }
    for query in ["", "bytes=9-3", "bytes=0-1?", "q=secret"] {
        let uri = format!("{}?{query}", signed.uri());
        assert_eq!(uri.parse::<Uri>(), Err(InvalidReference), "{query}");
    }
}

#[test]
fn what_the_gateway_keeps_stays_what_it_was() {
    let uri = format!("{ARTIFACT_SCHEME}://r/AAAAAAAAAAAAAAAAAAAAAA?bytes=1-");
    let (reference, selector) = Reference::parse(&uri).unwrap();
    assert_eq!(uri.parse(), Ok(Uri::Kept(reference, selector)));
    assert!("r".parse::<Authority>().is_err());
    let gateway = Gateway::new();
    let kept = gateway.read("AAAAAAAAAAAAAAAAAAAAAA", &ada());
    assert!(kept.is_err());
}
