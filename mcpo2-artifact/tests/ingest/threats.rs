use std::{
    fs,
    io::{self, Cursor, Read, Seek, SeekFrom},
    os::unix::{fs::symlink, net::UnixListener},
    sync::atomic::{AtomicBool, Ordering},
};

use mcpo2_artifact::{
    ingest::{ErrorKind, Format, Ingest, Limits, Rules, Spec},
    manifest::{Manifest, Reason},
};
use rawzip::ZipArchiveWriter;

use crate::tree::{Tree, commit, gzip, of_archive, zst};

fn rules() -> Rules {
    Spec::default().compile().unwrap()
}

fn reasons(manifest: &Manifest) -> Vec<(&str, &Reason)> {
    manifest
        .withheld()
        .iter()
        .map(|withheld| (withheld.path(), withheld.reason()))
        .collect()
}

fn failure(format: Format, bytes: Vec<u8>) -> ErrorKind {
    let rules = rules();
    Ingest::new(&rules)
        .archive(format, Cursor::new(bytes))
        .unwrap_err()
        .kind()
}

/// A member whose name is written as it is.
fn member(name: &[u8], kind: u8, target: &str, body: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_mode(0o644);
    header.set_size(body.len() as u64);
    header.set_entry_type(tar::EntryType::new(kind));
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    let padding = vec![0; body.len().next_multiple_of(512) - body.len()];
    [header.as_bytes(), body, &padding].concat()
}

fn tar_of(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 1024]].concat()
}

#[test]
fn a_name_that_leads_out_of_the_tree_is_withheld() {
    let bytes = tar_of(&[
        member(b"../evil", b'0', "", b"x"),
        member(b"/etc/evil", b'0', "", b"x"),
        member(b"a/../../evil", b'0', "", b"x"),
        member(b"a\\evil", b'0', "", b"x"),
        member(b"c:evil", b'0', "", b"x"),
        member(b"nul.txt", b'0', "", b"x"),
        member(b"\xff", b'0', "", b"x"),
        member(b"a//b", b'0', "", b"x"),
        member(b".git/hooks/pre-commit", b'0', "", b"x"),
        member(b"./ok", b'0', "", b"x"),
    ]);
    let rules = rules();
    let manifest = of_archive(Ingest::new(&rules), Format::Tar, bytes);
    assert_eq!(manifest.entries().len(), 1);
    assert!(manifest.get("ok").is_some());
    let expected = [
        ("../evil", &Reason::EscapesRoot),
        ("/etc/evil", &Reason::EscapesRoot),
        ("a/../../evil", &Reason::EscapesRoot),
        ("a//b", &Reason::InvalidPath),
        ("a\\evil", &Reason::InvalidPath),
        ("c:evil", &Reason::InvalidPath),
        ("nul.txt", &Reason::InvalidPath),
        ("\u{fffd}", &Reason::InvalidPath),
    ];
    assert_eq!(reasons(&manifest), expected);
}

#[test]
fn what_is_no_file_is_withheld() {
    let bytes = tar_of(&[
        member(b"device", b'3', "", b""),
        member(b"block", b'4', "", b""),
        member(b"pipe", b'6', "", b""),
        member(b"sparse", b'S', "", b"x"),
        member(b"hard", b'1', "../outside", b""),
        member(b"later", b'1', "ok", b""),
        member(b"ok", b'0', "", b"x"),
    ]);
    let rules = rules();
    let manifest = of_archive(Ingest::new(&rules), Format::Tar, bytes);
    assert_eq!(manifest.entries().len(), 1);
    let special = ["block", "device", "pipe", "sparse"];
    for path in special {
        assert!(
            reasons(&manifest).contains(&(path, &Reason::Special)),
            "{path}"
        );
    }
    for path in ["hard", "later"] {
        assert!(
            reasons(&manifest).contains(&(path, &Reason::EscapesRoot)),
            "{path}"
        );
    }
}

#[test]
fn a_path_that_is_there_twice_is_refused() {
    let twice = [member(b"a", b'0', "", b"x"), member(b"./a", b'0', "", b"y")];
    assert_eq!(failure(Format::Tar, tar_of(&twice)), ErrorKind::Ambiguous);
    let below = [
        member(b"a", b'2', "/etc", b""),
        member(b"a/passwd", b'0', "", b"x"),
    ];
    assert_eq!(failure(Format::Tar, tar_of(&below)), ErrorKind::Ambiguous);
}

#[test]
fn headers_that_readers_disagree_about_are_refused() {
    let global = b"10 path=a\n".to_vec();
    for members in [
        vec![member(b"g", b'g', "", &global), member(b"x", b'0', "", b"")],
        vec![member(b"a", b'2', "b", b"bytes")],
        vec![member(b"a", b'5', "", b"bytes")],
        vec![member(b"x", b'x', "", b"9 size=-1\n")],
        vec![member(b"x", b'x', "", &vec![b'1'; 70_000])],
    ] {
        assert_eq!(failure(Format::Tar, tar_of(&members)), ErrorKind::Malformed);
    }
    let mut broken = tar_of(&[member(b"a", b'0', "", b"x")]);
    broken[0] = b'b';
    assert_eq!(failure(Format::Tar, broken), ErrorKind::Malformed);
}

#[test]
fn an_archive_that_ends_too_soon_is_refused() {
    let tree = Tree::of([("a", "some text"), ("b", "other text")]);
    for format in [Format::Tar, Format::TarGz, Format::TarZst, Format::Zip] {
        let whole = tree.archive(format);
        let tar_end = if format == Format::Tar { 1024 } else { 1 };
        for cut in (0..whole.len().saturating_sub(tar_end)).step_by(7) {
            let rules = rules();
            let cut = whole[..cut].to_vec();
            let found = Ingest::new(&rules).archive(format, Cursor::new(cut));
            assert!(found.is_err(), "{format:?}");
        }
    }
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let mut tree = Tree::default();
    tree.file("zeros", &vec![0; 8 << 20]);
    let bombs = [
        (Format::TarGz, gzip(&tree.tar())),
        (Format::TarZst, zst(&tree.tar())),
    ];
    for (format, bytes) in bombs {
        assert!(bytes.len() < 80_000, "{}", bytes.len());
        assert_eq!(failure(format, bytes), ErrorKind::Bomb, "{format:?}");
    }
    // The name of odd length is deflated.
    assert_eq!(failure(Format::Zip, tree.zip()), ErrorKind::Bomb);

    let mut limits = Limits::default();
    limits.ratio = 10_000;
    let rules = rules();
    let ingest = Ingest::new(&rules).with_limits(limits);
    assert_eq!(of_archive(ingest, Format::Zip, tree.zip()).size(), 8 << 20);
}

#[test]
fn an_archive_in_an_archive_is_a_file() {
    let inner = Tree::of([("../../x", "x")]).zip();
    let mut tree = Tree::default();
    tree.file("inner.zip", &inner);
    let rules = rules();
    let manifest = of_archive(Ingest::new(&rules), Format::Tar, tree.tar());
    assert_eq!(
        manifest.get("inner.zip").unwrap().size(),
        inner.len() as u64
    );
}

fn zip_of(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut tree = Tree::default();
    tree.file(name, bytes);
    tree.zip()
}

#[test]
fn a_zip_whose_directory_and_headers_disagree_is_refused() {
    let bytes = zip_of("aa", b"text");
    let local = bytes.windows(2).position(|name| name == b"aa").unwrap();
    let mut renamed = bytes.clone();
    renamed[local] = b'b';
    assert_eq!(failure(Format::Zip, renamed), ErrorKind::Ambiguous);
    let mut other_method = bytes.clone();
    other_method[8] = 8;
    assert_eq!(failure(Format::Zip, other_method), ErrorKind::Ambiguous);
    let text = bytes.windows(4).position(|text| text == b"text").unwrap();
    let mut other_bytes = bytes;
    other_bytes[text] = b'n';
    assert!(matches!(
        failure(Format::Zip, other_bytes),
        ErrorKind::Io | ErrorKind::Malformed
    ));
}

#[test]
fn members_of_a_zip_that_share_bytes_are_refused() {
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for name in ["aa", "ab"] {
        let (entry, config) = archive.new_file(name).start().unwrap();
        let mut entry = entry;
        let writer = config.wrap(&mut entry);
        let (_, output) = writer.finish().unwrap();
        entry.finish(output).unwrap();
    }
    let mut bytes = archive.finish().unwrap();
    // The second record of the directory says that its member is where the first one is.
    let records: Vec<_> = (0..bytes.len() - 4)
        .filter(|at| &bytes[*at..at + 4] == b"PK\x01\x02")
        .collect();
    let (first, second) = (records[0], records[1]);
    bytes[second + 42..second + 46].fill(0);
    bytes[second + 46..second + 48].copy_from_slice(b"aa");
    let _ = first;
    assert_eq!(failure(Format::Zip, bytes), ErrorKind::Ambiguous);
}

#[test]
fn an_ignore_file_that_is_too_long_ends_the_ingest() {
    let mut tree = Tree::default();
    tree.file(".gitignore", &b"a\n".repeat(600_000));
    let dir = tempfile::tempdir().unwrap();
    tree.write(dir.path());
    let rules = rules();
    let error = Ingest::new(&rules).directory(dir.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IgnoreFile);
    assert_eq!(failure(Format::Tar, tree.tar()), ErrorKind::IgnoreFile);
    commit(dir.path());
    let error = Ingest::new(&rules).git(dir.path(), "HEAD").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IgnoreFile);
}

#[test]
fn a_link_is_recorded_and_never_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
    fs::create_dir_all(&root).unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("x"), "outside").unwrap();
    symlink("../outside", root.join("directory")).unwrap();
    symlink("../outside/x", root.join("file")).unwrap();
    let _socket = UnixListener::bind(root.join("socket")).unwrap();
    let rules = rules();
    let manifest = Ingest::new(&rules).directory(&root).unwrap();
    assert_eq!(manifest.entries().len(), 2);
    assert_eq!(manifest.size(), 0);
    assert_eq!(reasons(&manifest), [("socket", &Reason::Special)]);
}

#[test]
fn what_is_swapped_for_a_link_meanwhile_is_never_read_from_outside() {
    let dir = tempfile::tempdir().unwrap();
    let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
    for path in [&root, &outside] {
        fs::create_dir_all(path.join("d")).unwrap();
    }
    fs::write(root.join("d/x"), "inside").unwrap();
    fs::write(outside.join("d/x"), "outside").unwrap();
    let (link, spare) = (root.join("link"), root.join("spare"));
    symlink("../outside/d", &link).unwrap();
    let rules = rules();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                fs::rename(root.join("d"), &spare).unwrap();
                fs::rename(&link, root.join("d")).unwrap();
                fs::rename(root.join("d"), &link).unwrap();
                fs::rename(&spare, root.join("d")).unwrap();
            }
        });
        for _ in 0..300 {
            let manifest = Ingest::new(&rules).directory(&root).unwrap();
            let files = manifest.entries().iter().filter_map(|entry| entry.digest());
            for digest in files {
                assert_eq!(digest, mcpo2_core::Digest::of(b"inside"));
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_root_that_is_not_there_is_not_found() {
    let dir = tempfile::tempdir().unwrap();
    let rules = rules();
    let ingest = Ingest::new(&rules);
    let error = ingest.directory(dir.path().join("no")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    for revision in ["HEAD", "--all", "-h", "", "a\nb"] {
        let error = ingest.git(dir.path(), revision).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{revision}");
    }
}

#[test]
fn a_source_that_fails_is_an_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    impl Seek for Broken {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Ok(0)
        }
    }
    let rules = rules();
    let ingest = Ingest::new(&rules);
    let object = ingest.object("a".parse().unwrap(), Broken).unwrap_err();
    assert_eq!(object.kind(), ErrorKind::Io);
    let archive = ingest.archive(Format::TarZst, Broken).unwrap_err();
    assert_eq!(archive.kind(), ErrorKind::Io);
}
