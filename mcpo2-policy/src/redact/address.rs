//! IP addresses.

use std::{net::Ipv6Addr, ops::Range};

use super::finder::stands_apart;

pub(super) const V4: &str = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}";

/// No longer than an address is: a module may say nothing but colons.
pub(super) const V6: &str = "[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,45}";

/// The address of IPv4 that this is, zeros before its numbers or not; or where the next may begin.
pub(super) fn v4(text: &str, span: &Range<usize>) -> Result<Range<usize>, usize> {
    let run = text.get(span.clone()).unwrap_or_default();
    let fits = run.split('.').all(|number| number.parse::<u8>().is_ok());
    match fits && stands_apart(text, span) {
        true => Ok(span.clone()),
        false => Err(span.start + run.find('.').unwrap_or_default() + 1),
    }
}

/// The address of IPv6 that this begins with, since what follows may be the end of a sentence; or
/// where the next may begin.
pub(super) fn v6(text: &str, span: &Range<usize>) -> Result<Range<usize>, usize> {
    let run = text.get(span.clone()).unwrap_or_default();
    let whole = run.trim_end_matches('.');
    let before_colon = whole.strip_suffix(':').unwrap_or(whole);
    let before_dot = whole.split('.').next().unwrap_or(whole);
    let address = [whole, before_colon, before_dot].into_iter().find(|part| {
        let is_address = part.parse::<Ipv6Addr>().is_ok();
        // `::` alone is an operator more often than an address.
        is_address && part.contains(|sign: char| sign.is_ascii_hexdigit())
    });
    let address = address.map(|address| span.start..span.start + address.len());
    let apart = address.filter(|address| stands_apart(text, address));
    // One may begin with the colons, and none with some of the digits before them.
    let colon = run.find(':').unwrap_or_default();
    apart.ok_or(span.start + colon.max(1))
}
