//! Laws of ranges: the arithmetic agrees with sets of bytes, and a header asks for what it says.
#![allow(
    clippy::unwrap_used,
    clippy::single_range_in_vec_init,
    reason = "tests"
)]

use std::{collections::BTreeSet, ops::Range};

use mcpo2_artifact::range::{
    HttpRange, HttpRangeError, RangeError, Ranges, Unsatisfiable, content_range, unsatisfied_range,
};
use proptest::prelude::*;

/// Small enough to be compared byte by byte.
fn small() -> impl Strategy<Value = Vec<Range<u64>>> {
    let one = (0..60_u64, 0..12_u64).prop_map(|(start, bytes)| start..start + bytes);
    prop::collection::vec(one, 0..=16)
}

/// At the edges of what a number holds, too.
fn wide() -> impl Strategy<Value = Vec<Range<u64>>> {
    let point = prop_oneof![0..99_u64, any::<u64>(), (u64::MAX - 9)..=u64::MAX];
    let one = (point.clone(), point).prop_map(|(a, b)| a.min(b)..a.max(b));
    prop::collection::vec(one, 0..=16)
}

fn bytes(ranges: &Ranges) -> BTreeSet<u64> {
    ranges.iter().flatten().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn a_set_holds_the_bytes_that_were_given_in_any_order(given in small(), turn in any::<prop::sample::Index>()) {
        let set = Ranges::new(given.clone()).unwrap();
        let expected: BTreeSet<u64> = given.iter().cloned().flatten().collect();
        prop_assert_eq!(bytes(&set), expected.clone());
        prop_assert_eq!(set.bytes(), expected.len() as u64);
        let mut turned = given.clone();
        turned.rotate_left(turn.index(given.len().max(1)).min(given.len()));
        prop_assert_eq!(Ranges::new(turned).unwrap(), set);
        let ends: Vec<_> = set.iter().collect();
        prop_assert!(ends.windows(2).all(|pair| pair[0].end < pair[1].start));
    }

    #[test]
    fn an_intersection_holds_the_bytes_of_both(one in small(), two in small()) {
        let [one, two] = [one, two].map(|given| Ranges::new(given).unwrap());
        let both = one.intersect(&two);
        prop_assert_eq!(both, two.intersect(&one));
        if let Ok(both) = both {
            let expected: BTreeSet<_> = bytes(&one).intersection(&bytes(&two)).copied().collect();
            prop_assert_eq!(bytes(&both), expected);
            prop_assert!(one.covers(&both) && two.covers(&both));
        }
        prop_assert_eq!(one.covers(&two), bytes(&two).is_subset(&bytes(&one)));
    }

    #[test]
    fn what_is_cut_is_the_beginning(given in small(), at in 0..80_u64) {
        let set = Ranges::new(given).unwrap();
        let before: BTreeSet<_> = bytes(&set).range(..at).copied().collect();
        prop_assert_eq!(bytes(&set.clamp(at)), before);
        let first: BTreeSet<_> = bytes(&set).into_iter().take(usize::try_from(at).unwrap()).collect();
        prop_assert_eq!(bytes(&set.first(at)), first);
    }

    #[test]
    fn no_number_is_too_large(one in wide(), two in wide(), at in any::<u64>()) {
        let [one, two] = [one, two].map(|given| Ranges::new(given).unwrap());
        if let Ok(both) = one.intersect(&two) {
            prop_assert!(both.bytes() <= one.bytes().min(two.bytes()));
        }
        prop_assert_eq!(one.intersect(&Ranges::all()), Ok(one));
        prop_assert!(one.first(at).bytes() == one.bytes().min(at));
        prop_assert!(one.covers(&one.clamp(at)) && one.covers(&one.first(at)));
        prop_assert_eq!(one.clamp(u64::MAX), one);
    }

    #[test]
    fn a_header_resolves_within_the_whole(header in "(bytes=)?[0-9, -]{0,40}", size in 0..2_000_u64) {
        if let Ok(Ok(found)) = header.parse::<HttpRange>().map(|asked| asked.resolve(size)) {
            prop_assert_eq!(found.clamp(size), found);
            prop_assert!(!found.is_empty() || size == 0);
            for part in found.iter() {
                prop_assert!(content_range(&part, size).is_some());
            }
        }
    }
}

fn resolve(header: &str, size: u64) -> Result<String, Unsatisfiable> {
    let asked: HttpRange = header.parse().unwrap();
    asked.resolve(size).map(|found| found.to_string())
}

#[test]
fn a_header_asks_for_what_the_rfc_says() {
    for (header, size, expected) in [
        ("bytes=0-499", 10_000, "0-500"),
        ("bytes=500-999", 10_000, "500-1000"),
        ("bytes=-500", 10_000, "9500-10000"),
        ("bytes=9500-", 10_000, "9500-10000"),
        ("bytes=0-0,-1", 10_000, "0-1,9999-10000"),
        (
            "bytes= 0-999, 4500-5499, -1000",
            10_000,
            "0-1000,4500-5500,9000-10000",
        ),
        ("bytes=500-700,601-999", 10_000, "500-1000"),
        ("BYTES=,1-2 ,\t, 5-5,", 10, "1-3,5-6"),
        ("bytes=0-99999999999999999999999", 7, "0-7"),
        ("bytes=-99999999999999999999999", 7, "0-7"),
        ("bytes=0-18446744073709551615", 7, "0-7"),
        ("bytes=3-5,100-200", 7, "3-6"),
        ("bytes=-1", 0, "none"),
    ] {
        assert_eq!(resolve(header, size).as_deref(), Ok(expected), "{header}");
    }
    for (header, size) in [
        ("bytes=7-", 7),
        ("bytes=-0", 7),
        ("bytes=0-", 0),
        (
            "bytes=99999999999999999999998-99999999999999999999999",
            u64::MAX,
        ),
    ] {
        assert_eq!(resolve(header, size), Err(Unsatisfiable), "{header}");
    }
}

#[test]
fn what_is_no_header_of_ranges_says_why() {
    use HttpRangeError::{Invalid, TooMany, Unit};
    let many = |count| format!("bytes={}", vec!["1-1"; count].join(","));
    assert_eq!(many(16).parse::<HttpRange>().unwrap().count(), 16);
    assert_eq!(many(17).parse::<HttpRange>(), Err(TooMany));
    for (header, expected) in [
        ("", Invalid),
        ("bytes", Invalid),
        ("bytes=", Invalid),
        ("bytes=,", Invalid),
        ("bytes=-", Invalid),
        ("bytes=a-b", Invalid),
        ("bytes=1", Invalid),
        ("bytes=2-1", Invalid),
        (
            "bytes=99999999999999999999999-99999999999999999999998",
            Invalid,
        ),
        ("bytes=+1-2", Invalid),
        ("bytes=1-2-3", Invalid),
        ("bytes=1 -2", Invalid),
        ("bytes =1-2", Invalid),
        (" bytes=1-2", Invalid),
        ("=1-2", Invalid),
        ("lines=1-2", Unit),
    ] {
        assert_eq!(header.parse::<HttpRange>(), Err(expected), "{header}");
    }
}

#[test]
fn more_than_sixteen_ranges_are_refused_merged_or_not() {
    assert_eq!(Ranges::new(vec![0..1; 17]), Err(RangeError::TooMany));
    assert_eq!(
        Ranges::new([Range { start: 2, end: 1 }]),
        Err(RangeError::Backwards)
    );
    let comb = |from: u64| Ranges::new((0..16).map(|n| from + 4 * n..from + 4 * n + 3)).unwrap();
    assert_eq!(comb(0).intersect(&comb(2)), Err(RangeError::TooMany));
}

#[test]
fn a_content_range_names_a_part_that_is_there() {
    assert_eq!(content_range(&(0..1), 1).unwrap(), "bytes 0-0/1");
    for part in [0..0, 0..2, Range { start: 1, end: 0 }] {
        assert_eq!(content_range(&part, 1), None, "{part:?}");
    }
    assert_eq!(unsatisfied_range(7), "bytes */7");
}
