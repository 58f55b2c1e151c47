use mcpo2_artifact::manifest::{Derived, Malformed, ManifestError};
use mcpo2_core::Digest;

use crate::support::file;

fn derived(count: u8) -> Derived {
    let facts = (0..count).map(|n| (file(&format!("f{n}"), b"").leaf(), vec![n; 3]));
    Derived::new("lines-1", facts).unwrap()
}

#[test]
fn facts_are_found_by_entry_and_not_by_path() {
    let derived = derived(3);
    assert_eq!(derived.facts(&file("f1", b"")), Some(&[1; 3][..]));
    assert_eq!(derived.facts(&file("f1", b"edited")), None);
    assert_eq!(derived.iter().count(), 3);
}

#[test]
fn each_flipped_bit_is_refused_or_changes_the_digest() {
    let derived = derived(3);
    let bytes = derived.to_bytes();
    assert_eq!(Derived::from_bytes(&bytes), Ok(derived.clone()));
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = Derived::from_bytes(&bytes) {
            assert_ne!(other.digest(), derived.digest());
            assert_eq!(other.to_bytes(), bytes);
        }
    }
    assert_eq!(
        Derived::from_bytes(&[&bytes[..], &[0]].concat()),
        Err(Malformed::Trailing.into())
    );
}

#[test]
fn a_block_out_of_order_or_without_a_name_is_refused() {
    let one = |byte| (Digest::from_bytes([byte; 32]), vec![]);
    let two = Derived::new("a", [one(1), one(2)]).unwrap().to_bytes();
    let (head, facts) = two.split_at(two.len() - 2 * 33);
    let swapped = [head, &facts[33..], &facts[..33]].concat();
    assert_eq!(Derived::from_bytes(&swapped), Err(Malformed::Order.into()));
    for name in ["", "A", "a b", &"a".repeat(65)] {
        assert_eq!(Derived::new(name, []), Err(ManifestError::Name), "{name}");
    }
}
