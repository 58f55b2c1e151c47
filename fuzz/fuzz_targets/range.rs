//! A `Range` header asks for bytes of the whole or for nothing, and sets of bytes keep to the laws of
//! sets. The first line of the input is a size, the rest a header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_artifact::range::{HttpRange, MAX_RANGES, Ranges, content_range};

fuzz_target!(|text: &str| {
    let (size, header) = text.split_once('\n').unwrap_or(("800", text));
    let size = size.parse().unwrap_or(u64::MAX);
    numbers(header, size);
    let Ok(asked) = header.parse::<HttpRange>() else {
        return;
    };
    assert!((1..=MAX_RANGES).contains(&asked.count()));
    let Ok(found) = asked.resolve(size) else {
        return;
    };
    assert!(found.len() <= asked.count() && found.clamp(size) == found);
    assert!(!found.is_empty() || size == 0);
    for part in found.iter() {
        assert!(content_range(&part, size).is_some());
    }
});

/// The numbers of the text, in pairs, as two sets.
fn numbers(text: &str, limit: u64) {
    let numbers = text.split(|c: char| !c.is_ascii_digit());
    let numbers: Vec<u64> = numbers.filter_map(|number| number.parse().ok()).collect();
    let pairs = numbers.chunks_exact(2).map(|pair| pair[0]..pair[1]);
    let (one, two): (Vec<_>, Vec<_>) = pairs.enumerate().partition(|(at, _)| at % 2 == 0);
    let set = |list: Vec<(usize, _)>| Ranges::new(list.into_iter().map(|(_, range)| range));
    let (Ok(one), Ok(two)) = (set(one), set(two)) else {
        return;
    };
    assert!(one.iter().zip(one.iter().skip(1)).all(|(a, b)| a.end < b.start));
    assert_eq!(Ranges::new(one.iter()), Ok(one));
    let both = one.intersect(&two);
    assert_eq!(both, two.intersect(&one));
    if let Ok(both) = both {
        assert!(one.covers(&both) && two.covers(&both));
        assert_eq!(one.covers(&two), both == two);
    }
    let first = one.first(limit);
    assert!(one.covers(&first) && first.bytes() == one.bytes().min(limit));
    assert!(one.covers(&one.clamp(limit)));
}
