use std::{io::Cursor, num::NonZeroUsize, path::Path};

use mcpo2_artifact::{
    ingest::{Archive, Format, Ingest, Rules, Spec},
    manifest::{Content, Manifest, Mode},
};
use proptest::{prelude::*, sample::select, test_runner::Config};

use crate::tree::{Node, Tree, commit, git, gzip, of_archive, zst};

const FORMATS: [Format; 4] = [Format::Tar, Format::TarGz, Format::TarZst, Format::Zip];

fn threads(count: usize) -> NonZeroUsize {
    count.try_into().unwrap()
}

/// `INGEST_CASES` asks for more trees than the gate has time for.
fn cases() -> u32 {
    std::env::var("INGEST_CASES").map_or(12, |cases| cases.parse().unwrap())
}

fn part() -> impl Strategy<Value = &'static str> {
    select(vec![
        "a",
        "a-b",
        "a.b",
        "b",
        "src",
        "target",
        "lib.rs",
        "build.log",
        "keep.log",
        "ä",
        "x y",
        ".env",
        "日本",
        "aux",
        ".git",
        "!",
    ])
}

fn node() -> impl Strategy<Value = Node> {
    let token = format!("token = \"ghp_{}\"", "q9W8e7R6t5Y4".repeat(3));
    let bytes = prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 0..2000),
        1 => any::<u8>().prop_map(long),
        1 => Just(token.into_bytes()),
    ];
    let file = (bytes, any::<bool>());
    prop_oneof![
        7 => file.prop_map(|(bytes, executable)| Node::File { bytes, executable }),
        1 => select(vec!["a", "../..", "/etc/passwd"]).prop_map(|to| Node::Link(to.into())),
    ]
}

/// More bytes than are read at once, which no archive makes so short that it passes for a bomb.
fn long(of: u8) -> Vec<u8> {
    let lines = (0..30_000).map(|line| format!("{of} {line}\n"));
    lines.collect::<String>().into_bytes()
}

fn ignore_file() -> impl Strategy<Value = (String, Node)> {
    let line = select(vec![
        "*.log",
        "!keep.log",
        "/target/",
        "target",
        "a",
        "**/b",
        "src/*",
        "# a",
        "",
        "\\!",
        "[",
        "!src/lib.rs",
    ]);
    let name = select(vec![".gitignore", ".ignore", ".mcpo2ignore"]);
    let at = prop::collection::vec(part(), 0..3);
    (at, name, prop::collection::vec(line, 0..4)).prop_map(|(mut at, name, lines)| {
        at.push(name);
        let bytes = lines.join("\n").into_bytes();
        (
            at.join("/"),
            Node::File {
                bytes,
                executable: false,
            },
        )
    })
}

fn tree() -> impl Strategy<Value = Tree> {
    let path = prop::collection::vec(part(), 1..5).prop_map(|parts| parts.join("/"));
    let files = prop::collection::vec((path, node()), 0..40);
    (files, prop::collection::vec(ignore_file(), 0..4)).prop_map(|(files, ignored)| {
        let mut tree = Tree::default();
        for (path, node) in ignored.into_iter().chain(files) {
            // Git refuses such names.
            if !path.split('/').any(|part| part == ".git") {
                tree.add(&path, node);
            }
        }
        tree
    })
}

fn spec() -> impl Strategy<Value = Rules> {
    let globs = || {
        prop::collection::vec(
            select(vec!["src", "*.rs", "a/**", "target/a", "*.log"]),
            0..2,
        )
    };
    (globs(), globs(), 2..6_u32).prop_map(|(include, exclude, max_depth)| {
        let spec = serde_json::json!({
            "include": include, "exclude": exclude, "max_depth": max_depth,
        });
        serde_json::from_value::<Spec>(spec)
            .unwrap()
            .compile()
            .unwrap()
    })
}

proptest! {
    #![proptest_config(Config { cases: cases(), failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_tree_has_one_root_from_each_source_and_with_any_threads(tree in tree(), rules in spec()) {
        let dir = tempfile::tempdir().unwrap();
        tree.write(dir.path());
        let ingest = Ingest::new(&rules);
        let expected = ingest.directory(dir.path()).unwrap();
        for count in [2, 3, 16] {
            let found = ingest.with_threads(threads(count)).directory(dir.path()).unwrap();
            prop_assert_eq!(&found, &expected);
        }
        for format in FORMATS {
            let found = of_archive(ingest, format, tree.archive(format));
            prop_assert_eq!(found.entries(), expected.entries());
            prop_assert_eq!(found.root(), expected.root());
        }
        commit(dir.path());
        for count in [1, 3] {
            let found = ingest.with_threads(threads(count)).git(dir.path(), "HEAD").unwrap();
            prop_assert_eq!(found.entries(), expected.entries());
            prop_assert_eq!(found.root(), expected.root());
        }
        let committed = ingest.directory(dir.path()).unwrap();
        prop_assert_eq!(&committed, &expected);
    }

    #[test]
    fn one_flipped_bit_of_what_is_taken_changes_the_root(mut tree in tree(), bit in any::<usize>()) {
        let rules = Spec::default().compile().unwrap();
        let ingest = Ingest::new(&rules);
        let before = of_archive(ingest, Format::Tar, tree.tar());
        let taken: Vec<_> = before.entries().iter().filter(|entry| entry.size() > 0).collect();
        if let Some(entry) = taken.get(bit % taken.len().max(1)) {
            for (path, node) in tree.nodes() {
                if let (true, Node::File { bytes, .. }) = (path == entry.path().as_str(), node) {
                    let at = bit / 8 % bytes.len();
                    bytes[at] ^= 1 << (bit % 8);
                }
            }
            let after = of_archive(ingest, Format::Tar, tree.tar());
            prop_assert_ne!(after.root(), before.root());
        }
    }
}

fn directory(path: &Path) -> Manifest {
    let rules = Spec::default().compile().unwrap();
    Ingest::new(&rules).directory(path).unwrap()
}

fn of_git(path: &Path, revision: &str) -> Manifest {
    let rules = Spec::default().compile().unwrap();
    Ingest::new(&rules).git(path, revision).unwrap()
}

#[test]
fn a_bare_clone_a_checkout_and_what_git_archives_have_one_root() {
    let dir = tempfile::tempdir().unwrap();
    let (work, bare, clone) = (
        dir.path().join("work"),
        dir.path().join("b"),
        dir.path().join("c"),
    );
    let mut tree = Tree::of([
        ("a/b.txt", "b\n"),
        (".gitignore", "*.log\n"),
        ("x.log", "tracked\n"),
    ]);
    tree.add(
        "run",
        Node::File {
            bytes: b"#!/bin/sh\n".to_vec(),
            executable: true,
        },
    );
    tree.add("link", Node::Link("a/b.txt".into()));
    tree.file(&format!("{}/long.txt", "long/".repeat(50)), b"long\n");
    tree.write(&work);
    commit(&work);
    git(dir.path(), &["clone", "--quiet", "--bare", "work", "b"]);
    git(dir.path(), &["clone", "--quiet", "b", "c"]);
    git(
        &work,
        &["archive", "--output=../x.tar", "--prefix=x-1/", "HEAD"],
    );
    git(&work, &["archive", "--output=../x.zip", "HEAD"]);

    let expected = directory(&work);
    assert_eq!(expected.entries().len(), 5);
    assert_eq!(of_git(&bare, "HEAD"), expected);
    assert_eq!(of_git(&work, "HEAD^{tree}"), expected);
    assert_eq!(directory(&clone), expected);
    let rules = Spec::default().compile().unwrap();
    let tar = std::fs::File::open(dir.path().join("x.tar")).unwrap();
    let stripped = Archive::new(Format::Tar).with_strip(1);
    assert_eq!(
        Ingest::new(&rules).archive(stripped, tar).unwrap(),
        expected
    );
    let zip = std::fs::File::open(dir.path().join("x.zip")).unwrap();
    assert_eq!(
        Ingest::new(&rules).archive(Format::Zip, zip).unwrap(),
        expected
    );
}

#[test]
fn the_revision_that_is_named_counts_and_not_what_is_checked_out() {
    let dir = tempfile::tempdir().unwrap();
    Tree::of([("a", "one\n")]).write(dir.path());
    commit(dir.path());
    let first = directory(dir.path());
    Tree::of([("a", "two\n"), ("b", "")]).write(dir.path());
    commit(dir.path());
    assert_eq!(of_git(dir.path(), "HEAD~1"), first);
    assert_ne!(of_git(dir.path(), "HEAD").root(), first.root());
}

#[test]
fn a_submodule_is_an_entry_from_git() {
    let dir = tempfile::tempdir().unwrap();
    Tree::of([("a", "a")]).write(dir.path());
    commit(dir.path());
    let revision = "0123456789abcdef0123456789abcdef01234567";
    let info = format!("160000,{revision},sub");
    git(dir.path(), &["update-index", "--add", "--cacheinfo", &info]);
    git(dir.path(), &["commit", "--quiet", "--message", "b"]);
    let manifest = of_git(dir.path(), "HEAD");
    let submodule = Content::Submodule {
        revision: revision.into(),
    };
    assert_eq!(manifest.get("sub").unwrap().content(), &submodule);
}

#[test]
fn a_hard_link_in_an_archive_is_the_file_that_it_leads_to() {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o755);
    builder.append_data(&mut header, "a", &b"x"[..]).unwrap();
    header.set_size(0);
    header.set_entry_type(tar::EntryType::Link);
    builder.append_link(&mut header, "b", "a").unwrap();
    builder.append_link(&mut header, "c", "b").unwrap();
    let bytes = builder.into_inner().unwrap();

    let mut tree = Tree::default();
    for path in ["a", "b", "c"] {
        tree.add(
            path,
            Node::File {
                bytes: b"x".to_vec(),
                executable: true,
            },
        );
    }
    let rules = Spec::default().compile().unwrap();
    let ingest = Ingest::new(&rules);
    let linked = of_archive(ingest, Format::Tar, bytes);
    assert_eq!(
        linked.root(),
        of_archive(ingest, Format::Tar, tree.tar()).root()
    );
}

#[test]
fn a_stream_is_a_file_whether_one_thread_hashes_it_or_another() {
    let rules = Spec::default().compile().unwrap();
    let ingest = Ingest::new(&rules);
    for length in [0, 1, 256 * 1024, 5_000_000] {
        let bytes: Vec<u8> = (0..length)
            .map(|at: u32| at.to_le_bytes()[at as usize % 3])
            .collect();
        let one = ingest
            .object("big.bin".parse().unwrap(), Cursor::new(&bytes))
            .unwrap();
        let two = ingest.with_threads(threads(2));
        let two = two
            .object("big.bin".parse().unwrap(), Cursor::new(&bytes))
            .unwrap();
        assert_eq!(one, two);
        let content = Content::File {
            mode: Mode::Plain,
            size: length.into(),
            digest: mcpo2_core::Digest::of(&bytes),
        };
        assert_eq!(one.get("big.bin").unwrap().content(), &content);
    }
}

#[test]
fn frames_one_after_another_are_one_archive() {
    let tree = Tree::of([("a", "a"), ("b/c", "c")]);
    let rules = Spec::default().compile().unwrap();
    let ingest = Ingest::new(&rules);
    let expected = of_archive(ingest, Format::Tar, tree.tar());
    let tar = tree.tar();
    let (one, two) = tar.split_at(700);
    let gz = [gzip(one), gzip(two)].concat();
    assert_eq!(of_archive(ingest, Format::TarGz, gz), expected);
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let zst = [
        crate::tree::zst(one),
        skipped.to_vec(),
        crate::tree::zst(two),
    ]
    .concat();
    assert_eq!(of_archive(ingest, Format::TarZst, zst), expected);
}

#[test]
fn format_is_told_by_the_first_bytes() {
    let tree = Tree::of([("a", "one"), ("b/c", "two")]);
    for format in FORMATS {
        let mut archive = Cursor::new(tree.archive(format));
        assert_eq!(Format::detect(&mut archive).unwrap(), Some(format));
        assert_eq!(archive.position(), 0, "it is read from there again");
    }
    for no_archive in [&b""[..], b"PK", b"fn main() {}\n", &[0; 2000]] {
        assert_eq!(Format::detect(Cursor::new(no_archive)).unwrap(), None);
        for packed in [gzip(no_archive), zst(no_archive)] {
            assert_eq!(Format::detect(Cursor::new(packed)).unwrap(), None);
        }
    }
    let mut broken = gzip(&tree.archive(Format::Tar));
    broken.truncate(20);
    let found = Format::detect(Cursor::new(broken)).unwrap();
    assert_eq!(found, Some(Format::TarGz));
}
