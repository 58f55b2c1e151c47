use std::collections::BTreeMap;

use mcpo2_artifact::manifest::{Change, Content, Entry, Manifest, Mode};
use mcpo2_core::Digest;
use proptest::prelude::*;

use crate::support::{config, entries, file, link, manifest, numbered};

/// The first manifest with the changes made.
fn apply(to: &Manifest, changes: &[Change<'_>]) -> Manifest {
    let by_path = to.entries().iter().map(|entry| (entry.path(), entry));
    let mut entries: BTreeMap<_, &Entry> = by_path.collect();
    for change in changes {
        let before = match change {
            Change::Added(entry) => entries.insert(change.path(), entry).is_none(),
            Change::Removed(entry) => entries.remove(change.path()) == Some(entry),
            Change::Edited(edit) => {
                entries.insert(change.path(), edit.after()) == Some(edit.before())
            }
        };
        assert!(before, "{change:?} is of another manifest");
    }
    manifest(entries.into_values().cloned().collect())
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn a_manifest_differs_from_itself_in_nothing(entries in entries(40)) {
        let manifest = manifest(entries);
        let same = manifest.clone();
        prop_assert_eq!(manifest.diff(&same), vec![]);
    }

    #[test]
    fn a_difference_leads_from_the_one_to_the_other(one in entries(40), two in entries(40)) {
        let (one, two) = (manifest(one), manifest(two));
        let changes = one.diff(&two);
        prop_assert!(changes.is_sorted_by(|one, two| one.path() < two.path()));
        prop_assert_eq!(apply(&one, &changes), two.clone());
        prop_assert_eq!(two.diff(&one).len(), changes.len());
    }

    #[test]
    fn few_changes_to_many_entries_are_found(
        count in 0..200_usize,
        edits in prop::collection::vec((0..200_usize, any::<bool>()), 0..6),
    ) {
        let one = numbered(count);
        let mut entries: BTreeMap<String, Entry> = (one.entries().iter())
            .map(|entry| (entry.path().to_string(), entry.clone()))
            .collect();
        for (at, remove) in edits {
            let path = format!("f{at:03}");
            match remove {
                true => drop(entries.remove(&path)),
                false => drop(entries.insert(path.clone(), file(&path, b"new"))),
            }
        }
        let two = manifest(entries.into_values().collect());
        prop_assert_eq!(apply(&one, &one.diff(&two)), two);
    }
}

#[test]
fn what_is_the_same_behind_a_change_is_no_change() {
    let tree = |first: &str| {
        let rest = ["b", "c", "d", "e", "f", "g"].map(|path| link(path, "x"));
        manifest([link("a", first)].into_iter().chain(rest).collect())
    };
    assert_eq!(tree("1").diff(&tree("2")).len(), 1);
    let one = manifest(vec![link("b", "x"), link("c", "x"), link("d", "x")]);
    let two = manifest(vec![
        link("a", "x"),
        link("b", "x"),
        link("c", "x"),
        link("d", "x"),
    ]);
    assert_eq!(one.diff(&two).len(), 1);
    assert_eq!(two.diff(&one).len(), 1);
}

#[test]
fn a_change_says_of_what() {
    let of = |mode, text: &[u8]| {
        let (size, digest) = (text.len() as u64, Digest::of(text));
        Entry::new("f".parse().unwrap(), Content::File { mode, size, digest })
    };
    let (plain, run) = (Mode::Plain, Mode::Executable);
    for (before, after, kind, mode, content) in [
        (of(plain, b"1"), of(run, b"1"), false, true, false),
        (of(plain, b"1"), of(plain, b"2"), false, false, true),
        (of(plain, b"1"), of(run, b"2"), false, true, true),
        (of(plain, b"1"), link("f", "1"), true, false, false),
        (link("f", "1"), link("f", "2"), false, false, true),
    ] {
        let (one, two) = (manifest(vec![before]), manifest(vec![after]));
        let [Change::Edited(edit)] = one.diff(&two)[..] else {
            panic!("one edit");
        };
        assert_eq!(edit.changes_kind(), kind);
        assert_eq!(edit.changes_mode(), mode);
        assert_eq!(edit.changes_content(), content);
    }
}

#[test]
fn a_change_is_told_in_json() {
    let (one, two) = (
        manifest(vec![link("a", "x")]),
        manifest(vec![link("b", "x")]),
    );
    assert_eq!(
        serde_json::to_value(one.diff(&two)).unwrap(),
        serde_json::json!([
            {"change": "removed", "path": "a", "kind": "symlink", "target": "x"},
            {"change": "added", "path": "b", "kind": "symlink", "target": "x"},
        ])
    );
}
