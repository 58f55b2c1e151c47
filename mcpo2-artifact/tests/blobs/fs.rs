use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    sync::Arc,
};

use mcpo2_artifact::blob::{BlobErrorKind, FsBlobs, Keep, Limits, conformance};

use crate::support::{
    TestClock, at_once, commit, content, counted, depot_over, kind, run, stored, tenant,
};

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match fs::symlink_metadata(&path).unwrap().is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// The file of the only blob, or of the largest.
fn blob(dir: &Path) -> PathBuf {
    let blobs = files(dir)
        .into_iter()
        .filter(|path| path.to_str().unwrap().contains("/b/"));
    blobs
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap()
}

#[test]
fn directory_keeps_what_every_store_promises() {
    let dir = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(dir.path().join("a/b")).unwrap();
    run(conformance::check(&store)).unwrap();
    assert!(files(&dir.path().join("a/b/tmp")).is_empty());
}

#[test]
fn directory_is_for_its_owner_and_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::default();
    let store = Arc::new(FsBlobs::open(dir.path()).unwrap());
    assert_eq!(kind(FsBlobs::open(dir.path())), BlobErrorKind::Locked);
    let depot = depot_over(store, Limits::NONE, &clock);
    run(commit(&tenant(&depot, "acme"), "one", &[content(1, 10)]));
    for file in files(dir.path()) {
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        for dir in file
            .ancestors()
            .skip(1)
            .take_while(|it| it.starts_with(dir.path()))
        {
            assert_eq!(fs::metadata(dir).unwrap().mode() & 0o777, 0o700);
        }
    }
    drop(depot);
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    FsBlobs::open(dir.path()).unwrap();
    assert_eq!(fs::metadata(dir.path()).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn no_link_in_the_tree_is_followed() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    let bytes = content(1, 10);
    fs::write(&secret, &bytes).unwrap();
    // A link in place of the file, and of each directory above it.
    for depth in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let clock = TestClock::default();
        let store = Arc::new(FsBlobs::open(dir.path()).unwrap());
        let depot = depot_over(store, Limits::NONE, &clock);
        let acme = tenant(&depot, "acme");
        let digest = run(commit(&acme, "one", std::slice::from_ref(&bytes)))[0];
        let file = blob(dir.path());
        let place = file.ancestors().nth(depth).unwrap();
        let moved = outside.path().join(depth.to_string());
        fs::rename(place, &moved).unwrap();
        // What is behind the link is right, and still it is not read.
        symlink(&moved, place).unwrap();
        assert_eq!(
            kind(run(acme.read(&digest, 0..1))),
            BlobErrorKind::Corrupt,
            "{depth}"
        );
        let session = run(acme.session()).unwrap();
        assert_eq!(
            kind(run(session.put(bytes.clone()))),
            BlobErrorKind::Corrupt
        );
        drop(session);
        run(depot.sweep(&at_once())).map(drop).unwrap_or_default();
        assert!(moved.exists());
        assert_eq!(fs::read(&secret).unwrap(), bytes);
    }
    let dir = tempfile::tempdir().unwrap();
    symlink(outside.path(), dir.path().join("blobs")).unwrap();
    assert_eq!(kind(FsBlobs::open(dir.path())), BlobErrorKind::Corrupt);
    let pipe = tempfile::tempdir().unwrap();
    let lock = pipe.path().join("lock");
    symlink(&secret, lock).unwrap();
    assert_eq!(kind(FsBlobs::open(pipe.path())), BlobErrorKind::Corrupt);
}

#[test]
fn damaged_file_is_refused_and_one_cut_short_is_put_anew() {
    for size in [1000, 600_000] {
        let dir = tempfile::tempdir().unwrap();
        let clock = TestClock::default();
        let store = Arc::new(FsBlobs::open(dir.path()).unwrap());
        let depot = depot_over(store.clone(), Limits::NONE, &clock);
        let acme = tenant(&depot, "acme");
        let bytes = content(1, size);
        let digest = run(commit(&acme, "one", std::slice::from_ref(&bytes)))[0];
        let file = blob(dir.path());
        let mut damaged = fs::read(&file).unwrap();
        damaged[size - 1] ^= 1;
        fs::write(&file, &damaged).unwrap();
        let end = size as u64;
        assert_eq!(
            kind(run(acme.read(&digest, end - 1..end))),
            BlobErrorKind::Corrupt
        );

        fs::write(&file, &bytes[..size / 2]).unwrap();
        assert_eq!(
            kind(run(acme.read(&digest, 0..end))),
            BlobErrorKind::Corrupt
        );
        // It was damaged while nobody looked.
        let depot = depot_over(store.clone(), Limits::NONE, &clock);
        let acme = tenant(&depot, "acme");
        let session = run(acme.session()).unwrap();
        run(session.put(bytes.clone())).unwrap();
        run(session.commit("one", Keep::Pinned("test"))).unwrap();
        assert_eq!(run(acme.read(&digest, 0..end)).unwrap(), bytes);
        assert_eq!(stored(run(acme.usage()).unwrap()), run(counted(&*store)));
    }
}

#[test]
fn what_was_half_written_goes_when_the_store_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::default();
    let store = Arc::new(FsBlobs::open(dir.path()).unwrap());
    let depot = depot_over(store, Limits::NONE, &clock);
    let acme = tenant(&depot, "acme");
    let session = run(acme.session()).unwrap();
    let mut writer = run(session.writer(&mcpo2_core::Digest::of(b"ab"), 2)).unwrap();
    run(writer.write("a".into())).unwrap();
    assert_eq!(files(&dir.path().join("tmp")).len(), 1);
    // As a crash would.
    let kept = files(&dir.path().join("tmp"));
    drop(writer);
    drop((session, acme, depot));
    fs::write(&kept[0], "a").unwrap();
    FsBlobs::open(dir.path()).unwrap();
    assert!(files(&dir.path().join("tmp")).is_empty());
}
