//! IP addresses.

use std::{net::Ipv6Addr, ops::Range};

use super::finder::stands_apart;

pub(super) const V4: &str = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}";

pub(super) const V6: &str = "[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]+";

/// The address of IPv4 that this is, zeros before its numbers or not.
pub(super) fn v4(text: &str, span: &Range<usize>) -> Option<Range<usize>> {
    let mut numbers = text.get(span.clone())?.split('.');
    let fits = numbers.all(|number| number.parse::<u8>().is_ok());
    (fits && stands_apart(text, span)).then(|| span.clone())
}

/// The address of IPv6 that this begins with: what follows may be the end of a sentence.
pub(super) fn v6(text: &str, span: &Range<usize>) -> Option<Range<usize>> {
    let run = text.get(span.clone())?;
    let whole = run.trim_end_matches('.');
    let before_colon = whole.strip_suffix(':').unwrap_or(whole);
    let before_dot = whole.split('.').next().unwrap_or(whole);
    let address = [whole, before_colon, before_dot].into_iter().find(|part| {
        let is_address = part.parse::<Ipv6Addr>().is_ok();
        // `::` alone is an operator more often than an address.
        is_address && part.contains(|sign: char| sign.is_ascii_hexdigit())
    })?;
    let span = span.start..span.start + address.len();
    stands_apart(text, &span).then_some(span)
}
