use mcpo2_artifact::manifest::{
    Content, Entry, Malformed, Manifest, ManifestError, Mode, Reason, Withheld,
};
use mcpo2_core::Digest;

use crate::support::{file, link, manifest, spec};

fn refused(entries: Vec<Entry>) -> ManifestError {
    Manifest::new(spec(), entries, vec![]).unwrap_err()
}

#[test]
fn a_path_stands_there_once() {
    let path = "a".parse().unwrap();
    let entries = vec![file("a", b"1"), file("b", b""), file("a", b"1")];
    assert_eq!(refused(entries), ManifestError::Twice { path });
}

#[test]
fn nothing_stands_below_a_file_or_a_link() {
    for other in [vec![], vec!["a-", "a-b", "a.c", "a!"], vec!["A", "b"]] {
        let others = other.iter().map(|path| file(path, b""));
        let mut entries: Vec<Entry> = others.collect();
        entries.push(file("a/b/c", b""));
        assert!(Manifest::new(spec(), entries.clone(), vec![]).is_ok());
        let path = || "a/b/c".parse().unwrap();
        for upper in [link("a", "/"), file("a", b""), file("a/b", b"")] {
            let mut entries = entries.clone();
            entries.push(upper);
            assert_eq!(refused(entries), ManifestError::Below { path: path() });
        }
    }
}

#[test]
fn a_link_has_a_target_and_a_submodule_a_revision() {
    for target in ["", "a\0b", &"a".repeat(4097)] {
        assert!(matches!(
            refused(vec![link("l", target)]),
            ManifestError::Target { .. }
        ));
    }
    assert!(Manifest::new(spec(), vec![link("l", "/etc/passwd")], vec![]).is_ok());
    for (revision, holds) in [
        ("0".repeat(40), true),
        ("a9".repeat(32), true),
        ("A".repeat(40), false),
        ("0".repeat(41), false),
        (String::new(), false),
    ] {
        let revision = revision.into();
        let entry = Entry::new("s".parse().unwrap(), Content::Submodule { revision });
        assert_eq!(Manifest::new(spec(), vec![entry], vec![]).is_ok(), holds);
    }
}

#[test]
fn files_that_are_too_long_together_are_refused() {
    let huge = |path: &str, size| {
        let (mode, digest) = (Mode::Plain, Digest::of(b""));
        Entry::new(path.parse().unwrap(), Content::File { mode, size, digest })
    };
    assert_eq!(manifest(vec![huge("a", u64::MAX)]).size(), u64::MAX);
    let entries = vec![huge("a", u64::MAX), huge("b", 1)];
    assert_eq!(refused(entries), ManifestError::TooLarge);
}

#[test]
fn what_is_withheld_is_in_the_bytes_and_not_in_the_root() {
    let rule = || "private-key".into();
    let withheld = vec![
        Withheld::new("id_rsa", Reason::SecretName { rule: rule() }),
        Withheld::new("a.pem", Reason::SecretContent { rule: rule() }),
        Withheld::new(b"\xff", Reason::InvalidPath),
        Withheld::new("id_rsa", Reason::SecretName { rule: rule() }),
    ];
    let bare = manifest(vec![file("a", b"1")]);
    let with = Manifest::new(spec(), vec![file("a", b"1")], withheld).unwrap();
    assert_eq!(with.root(), bare.root());
    assert_ne!(with.withheld_digest(), bare.withheld_digest());
    let paths: Vec<&str> = with.withheld().iter().map(Withheld::path).collect();
    assert_eq!(paths, ["a.pem", "id_rsa", "\u{fffd}"]);
    assert_eq!(Manifest::from_bytes(&with.to_bytes()), Ok(with));
}

#[test]
fn a_rule_that_could_be_a_secret_is_refused() {
    for rule in ["", "AKIA", "a b", &"a".repeat(65)] {
        let reason = Reason::SecretContent { rule: rule.into() };
        let made = Manifest::new(spec(), vec![], vec![Withheld::new("a", reason)]);
        assert_eq!(made, Err(ManifestError::Name), "{rule}");
    }
}

#[test]
fn a_withheld_path_is_cut_where_no_path_is_as_long() {
    let cut = Withheld::new("é".repeat(3000), Reason::InvalidPath);
    assert_eq!(cut.path(), "é".repeat(2048));
    let cut = Withheld::new([0xff; 9000], Reason::InvalidPath);
    assert_eq!(cut.path(), "\u{fffd}".repeat(1365));
}

#[test]
fn every_part_of_the_identity_is_in_the_root() {
    let entry = |content| Entry::new("a".parse().unwrap(), content);
    let size = 1;
    let [one, two] = [b"1", b"2"].map(|text| Digest::of(text));
    let plain = |size, digest| {
        entry(Content::File {
            mode: Mode::Plain,
            size,
            digest,
        })
    };
    let mode = Mode::Executable;
    let other = [
        manifest(vec![]),
        manifest(vec![plain(size, one)]),
        manifest(vec![plain(size, two)]),
        manifest(vec![plain(2, one)]),
        manifest(vec![entry(Content::File {
            mode,
            size,
            digest: one,
        })]),
        manifest(vec![file("b", b"1")]),
        manifest(vec![link("a", "b")]),
        manifest(vec![link("a", "c")]),
        manifest(vec![entry(Content::Submodule {
            revision: "0".repeat(40).into(),
        })]),
        manifest(vec![plain(size, one), file("b", b"")]),
        Manifest::new(Digest::of(b"other"), vec![plain(size, one)], vec![]).unwrap(),
    ];
    for (at, one) in other.iter().enumerate() {
        for two in &other[..at] {
            assert_ne!(one.root(), two.root());
        }
    }
}

#[test]
fn a_manifest_of_millions_that_says_so_and_has_none_is_refused_at_once() {
    let mut bytes = manifest(vec![]).to_bytes();
    let count = bytes.len() - 3;
    assert_eq!(bytes[count..], [0, 0, 0]);
    bytes.splice(count..=count, [0x80, 0x80, 0x40]);
    assert_eq!(Manifest::from_bytes(&bytes), Err(Malformed::End.into()));
    bytes.splice(count..count + 3, [0x80, 0x80, 0x80, 0x80, 1]);
    assert_eq!(Manifest::from_bytes(&bytes), Err(ManifestError::TooMany));
}

#[test]
fn paths_that_differ_in_case_alone_are_reported_and_kept() {
    let clean = manifest(vec![
        file("a/b", b""),
        file("a-b", b""),
        file("a/c/d", b""),
        file("ab", b""),
    ]);
    assert!(clean.collisions().is_empty());
    let manifest = manifest(vec![
        file("README", b""),
        file("readme", b""),
        link("Src", "/etc"),
        file("src/x", b""),
        file("Straße", b""),
        file("STRASSE", b""),
        file("stra\u{1e9e}e", b""),
        file("Σ", b""),
        file("ς", b""),
        file("other", b""),
    ]);
    assert_eq!(manifest.entries().len(), 10);
    assert_eq!(
        manifest.collisions(),
        [
            vec!["README", "readme"],
            vec!["Src", "src"],
            vec!["STRASSE", "Straße", "stra\u{1e9e}e"],
            vec!["Σ", "ς"],
        ]
    );
}
