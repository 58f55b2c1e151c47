use mcpo2_artifact::manifest::{Entry, InvalidPath, Manifest, Reason, RelPath, Withheld};
use proptest::prelude::*;

use crate::support::{config, entries, file, link, manifest, spec};

fn withheld() -> impl Strategy<Value = Vec<Withheld>> {
    let rule = || "[a-z][a-z0-9._-]{0,8}".prop_map(Box::from);
    let reason = prop_oneof![
        Just(Reason::Ignored),
        Just(Reason::TooLarge),
        Just(Reason::Duplicate),
        rule().prop_map(|rule| Reason::SecretName { rule }),
        rule().prop_map(|rule| Reason::SecretContent { rule }),
    ];
    let one = (prop::collection::vec(any::<u8>(), 0..6), reason);
    prop::collection::vec(
        one.prop_map(|(path, reason)| Withheld::new(path, reason)),
        0..6,
    )
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn bytes_come_out_as_they_went_in(entries in entries(40), withheld in withheld()) {
        let manifest = Manifest::new(spec(), entries, withheld).unwrap();
        let bytes = manifest.to_bytes();
        let read = Manifest::from_bytes(&bytes).unwrap();
        prop_assert_eq!(read.to_bytes(), bytes);
        prop_assert_eq!(read, manifest);
    }

    #[test]
    fn the_order_in_which_entries_are_found_does_not_matter(
        (one, two) in entries(40).prop_flat_map(|entries| {
            (Just(entries.clone()), Just(entries).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(manifest(one), manifest(two));
    }

    #[test]
    fn other_entries_have_another_root(one in entries(6), two in entries(6)) {
        let (one, two) = (manifest(one), manifest(two));
        prop_assert_eq!(one.root() == two.root(), one.entries() == two.entries());
    }

    #[test]
    fn any_text_is_a_path_as_it_stands_or_none(text in "([a-zA-Z.:~ é\u{301}/\\\\\0]|aux|com1){0,12}") {
        let path = text.parse::<RelPath>();
        prop_assert_eq!(&RelPath::try_from(text.as_bytes()), &path);
        prop_assert_eq!(&RelPath::try_from(text.clone()), &path);
        match path {
            Ok(path) => {
                prop_assert_eq!(path.as_str(), &*text);
                let joined: Vec<&str> = path.parts().collect();
                prop_assert_eq!(joined.join("/"), text);
                prop_assert!(path.parts().all(|part| !matches!(part, "" | "." | "..")));
            }
            Err(error) => prop_assert_ne!(error, InvalidPath::Utf8),
        }
    }

    // Without n and x, since `con`, `prn`, `aux` and `nul` are no paths.
    #[test]
    fn what_differs_in_case_alone_collides(
        path in "[a-mo-wyzäßσж]{1,6}(/[a-mo-wyzäßσж]{1,6})?",
    ) {
        let upper = path.to_uppercase();
        let manifest = manifest(vec![file(&path, b""), file(&upper, b"")]);
        let collisions = manifest.collisions();
        prop_assert!(collisions.contains(&vec![&*upper, &*path]), "{:?}", collisions);
    }
}

#[test]
fn each_flipped_bit_is_refused_or_changes_a_digest() {
    let entries: Vec<Entry> = vec![file("a", b"1"), file("b/c", b"22"), link("b/d", "../a")];
    let withheld = vec![
        Withheld::new("k", Reason::SecretName { rule: "key".into() }),
        Withheld::new("t", Reason::TooLarge),
    ];
    let manifest = Manifest::new(spec(), entries, withheld).unwrap();
    let digests = |of: &Manifest| (of.root(), of.withheld_digest());
    let bytes = manifest.to_bytes();
    let mut read = 0;
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = Manifest::from_bytes(&bytes) {
            assert_ne!(digests(&other), digests(&manifest), "bit {bit}");
            assert_eq!(other.to_bytes(), bytes);
            read += 1;
        }
    }
    assert!(read > 3 * 32 * 8, "digests may be any: {read}");
}

#[test]
fn bytes_that_are_cut_or_longer_are_refused() {
    let bytes = manifest(vec![file("a", b"1"), link("b", "a")]).to_bytes();
    for end in 0..bytes.len() {
        assert!(Manifest::from_bytes(&bytes[..end]).is_err());
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(Manifest::from_bytes(&longer).is_err());
}
