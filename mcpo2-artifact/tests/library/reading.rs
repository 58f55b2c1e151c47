use std::{num::NonZeroU32, sync::Arc, time::Duration};

use mcpo2_artifact::{
    Clock, ErrorKind, Kind,
    blob::{Keep, SweepOptions},
    commit_manifest,
    manifest::{
        Content, Entry, Manifest, Mode,
        excerpt::{Cover, ExcerptProof, GroupsHasher},
    },
    range::Ranges,
    token::{Caveat, Object, Secret, Verb, Verbs},
};
use mcpo2_core::{Digest, Principal};
use serde_json::json;

use crate::{
    common::{at_once, config, principal, read_as, reader},
    house::{House, signing},
};

const LOG: &str = "one\ntwo é\nthree\nfour";

#[test]
fn a_blob_is_read_whole_by_bytes_and_by_lines() {
    let house = House::new();
    let uri = house.sign(house.mint(house.put(LOG.as_bytes()))).uri();
    let whole = house.read(&uri).unwrap();
    assert_eq!((whole.text(), whole.next.as_deref()), (Some(LOG), None));
    assert_eq!(whole.kind, Kind::Blob);
    assert_eq!(whole.digest, Digest::of(LOG.as_bytes()));
    for (query, part) in [
        ("bytes=4-7", "two"),
        ("bytes=11-", "three\nfour"),
        ("bytes=11-999", "three\nfour"),
        ("bytes=4-4", ""),
        ("lines=1-1", "one\n"),
        ("lines=2-3", "two é\nthree\n"),
        ("lines=4-4", "four"),
        ("lines=3-99", "three\nfour"),
        ("lines=2-", "two é\nthree\nfour"),
    ] {
        assert_eq!(house.text(&format!("{uri}?{query}")), part, "{query}");
    }
    for query in ["lines=5-6", "bytes=99-100", "path=a", "bytes=5-4"] {
        house.refuses(&format!("{uri}?{query}"));
    }
    // Half a character is not text, and not made one.
    let half = house.read(&format!("{uri}?bytes=8-9")).unwrap();
    assert_eq!((half.text(), &half.bytes[..]), (None, &b"\xc3"[..]));
    assert_eq!(half.media_type(), "application/octet-stream");
}

#[test]
fn what_one_read_does_not_give_the_next_does() {
    let house = House::new();
    let long: String = (0..2000).map(|n| format!("é{n}\n")).collect();
    let mut next = Some(house.sign(house.mint(house.put(long.as_bytes()))).uri());
    let (mut read, mut reads) = (String::new(), 0);
    while let Some(uri) = next {
        let part = house.read(&uri).unwrap();
        assert!(part.bytes.len() <= 1024);
        read.push_str(part.text().unwrap());
        (next, reads) = (part.next, reads + 1);
    }
    assert_eq!(read, long);
    assert!(reads > long.len() / 1024);
}

#[test]
fn what_is_kept_in_chunks_is_read_by_lines_and_ranges_and_proven() {
    let house = House::new();
    let long: String = (0..200_000).map(|line| format!("line {line}\n")).collect();
    let object = house.put(long.as_bytes());
    let blobs = house.library.depot().tenant(house.ada.tenant()).unwrap();
    let objects = at_once(blobs.usage()).unwrap().objects;
    assert!(objects > 4, "a root, a pin, a tree, an index and chunks");
    let uri = house.sign(house.mint(object)).uri();
    assert_eq!(
        house.text(&format!("{uri}?lines=150000-150000")),
        "line 149999\n"
    );
    let at = long.find("line 123456\n").unwrap();
    let range = format!("{uri}?bytes={at}-{}", at + 11);
    assert_eq!(house.text(&range), "line 123456");

    let digest = Digest::of(long.as_bytes());
    let size: u64 = long.len().try_into().unwrap();
    let mode = Mode::Plain;
    let file = Content::File { mode, size, digest };
    let entries = vec![Entry::new("log".parse().unwrap(), file)];
    let manifest = Manifest::new(Digest::of(b"all"), entries, vec![]).unwrap();
    let reader = at_once(blobs.open(&digest)).unwrap();
    let mut hasher = GroupsHasher::new();
    for from in (0..size).step_by(100_000) {
        hasher.update(&at_once(reader.read(from..from + 100_000)).unwrap());
    }
    let (groups, at) = (hasher.finish(), u64::try_from(at).unwrap());
    let plan = manifest
        .plan("log", &groups, at..at + 11, Cover::Part)
        .unwrap();
    let read = at_once(reader.read(plan.reads())).unwrap();
    let proof = plan.prove(&read).unwrap().to_bytes();
    let proof = ExcerptProof::from_bytes(&proof).unwrap();
    let excerpt = proof.verify(&manifest.root()).unwrap();
    assert_eq!(excerpt.bytes(), b"line 123456");
}

#[test]
fn only_the_granted_bytes_are_read() {
    let house = House::new();
    let object = house.put(LOG.as_bytes());
    let two = Ranges::new([4..7, 11..16]).unwrap();
    let uri = house.sign(house.mint(object).with_ranges(two)).uri();
    let first = house.read(&uri).unwrap();
    assert_eq!(first.text(), Some("two"));
    let next = first.next.unwrap();
    assert_eq!(next, format!("{uri}?bytes=11-"));
    let second = house.read(&next).unwrap();
    assert_eq!((second.text(), &second.next), (Some("three"), &None));
    assert_eq!(house.text(&format!("{uri}?bytes=5-6")), "w");
    for query in [
        "bytes=0-3",
        "bytes=4-8",
        "bytes=7-11",
        "lines=1-1",
        "lines=2-2",
        "bytes=16-",
    ] {
        house.refuses(&format!("{uri}?{query}"));
    }
}

#[test]
fn a_manifest_lists_its_files_and_reads_them() {
    let house = House::new();
    let content: &[u8] = b"fn main() {}\n";
    let file = Content::File {
        mode: Mode::Plain,
        size: 13,
        digest: Digest::of(content),
    };
    let link = Content::Symlink {
        target: "src".into(),
    };
    let entries = vec![
        Entry::new("src/a b.rs".parse().unwrap(), file),
        Entry::new("link".parse().unwrap(), link),
    ];
    let manifest = Manifest::new(Digest::of(b"all"), entries, vec![]).unwrap();
    let blobs = house.library.depot().tenant(house.ada.tenant()).unwrap();
    let session = at_once(blobs.session()).unwrap();
    at_once(session.put(content.to_vec().into())).unwrap();
    at_once(commit_manifest(&session, &manifest, Keep::Pinned("test"))).unwrap();
    drop(session);

    let root = manifest.root();
    let uri = house.sign(house.mint(Object::Manifest(root))).uri();
    let listing = house.read(&uri).unwrap();
    assert_eq!(
        (listing.kind, listing.media_type()),
        (Kind::Listing, "application/jsonl")
    );
    let lines: Vec<serde_json::Value> = (listing.text().unwrap().lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0], json!({"path": "link", "link": "src"}));
    assert_eq!(lines[1]["path"], "src/a b.rs");
    assert_eq!(
        house.text(&format!("{uri}?path=src/a%20b.rs&bytes=3-7")),
        "main"
    );
    for query in [
        "path=link",
        "path=src",
        "path=src/b.rs",
        "path=src/a%20b.rs&bytes=3-2",
    ] {
        house.refuses(&format!("{uri}?{query}"));
    }

    let path = "src/a b.rs".parse().unwrap();
    let entry = house.sign(house.mint(Object::Entry { root, path })).uri();
    assert_eq!(house.text(&entry).as_bytes(), content);
    house.refuses(&format!("{entry}?path=src/a%20b.rs"));

    // What is swept is gone, also for who has read it before.
    let label = mcpo2_artifact::manifest_label(&root);
    at_once(blobs.unpin(&label, "test")).unwrap();
    let now = SweepOptions::default().with_grace(Duration::ZERO);
    at_once(house.library.depot().sweep(&now)).unwrap();
    house.refuses(&uri);
    house.refuses(&entry);
}

/// A tree with one file, committed.
#[cfg(feature = "select")]
fn tree(house: &House, text: &'static str) -> Digest {
    let content = Content::File {
        mode: Mode::Plain,
        size: text.len().try_into().unwrap(),
        digest: Digest::of(text.as_bytes()),
    };
    let entries = vec![Entry::new("src/date.rs".parse().unwrap(), content)];
    let manifest = Manifest::new(Digest::of(b"all"), entries, vec![]).unwrap();
    let blobs = house.library.depot().tenant(house.ada.tenant()).unwrap();
    let session = at_once(blobs.session()).unwrap();
    at_once(session.put(text.into())).unwrap();
    at_once(commit_manifest(&session, &manifest, Keep::Pinned("test"))).unwrap();
    manifest.root()
}

#[cfg(feature = "select")]
#[test]
fn trees_are_workspaces_of_their_tenant_by_root_and_by_name() {
    use mcpo2_artifact::context::{StoredWorkspaces, Workspaces as _};
    let house = House::new();
    let old = tree(&house, "fn parse_date() {}\n");
    let new = tree(&house, "fn parse_time() {}\n");
    let blobs = house.library.depot().tenant(house.ada.tenant()).unwrap();
    let workspaces = StoredWorkspaces::new(Arc::clone(&house.library), 1 << 20);
    let root = |who: &Principal, name: &str| {
        let opened = at_once(workspaces.open(who, name)).unwrap();
        opened.map(|workspace| workspace.manifest().root())
    };
    assert_eq!(root(&house.ada, "web"), None);
    for tree in [old, new] {
        let named = mcpo2_artifact::name_manifest(&blobs, "web", &tree, Keep::Pinned("test"));
        at_once(named).unwrap();
        assert_eq!(root(&house.ada, "web"), Some(tree));
    }
    assert_eq!(root(&house.ada, &old.to_string()), Some(old));
    assert_eq!(root(&principal("acme", "ben"), "web"), Some(new));
    for name in ["web".to_owned(), old.to_string()] {
        assert_eq!(root(&principal("globex", "ada"), &name), None);
    }
    let small = StoredWorkspaces::new(Arc::clone(&house.library), 10);
    at_once(small.open(&house.ada, "web")).unwrap_err();
}

#[test]
fn uses_are_counted_and_verbs_hold() {
    let house = House::new();
    let object = house.put(LOG.as_bytes());
    let twice = house
        .mint(object.clone())
        .with_uses(NonZeroU32::new(2).unwrap());
    let uri = house.sign(twice).uri();
    house.refuses(&format!("{uri}?bytes=99-100"));
    assert_eq!(house.text(&uri), LOG);
    assert_eq!(house.text(&format!("{uri}?lines=1-1")), "one\n");
    house.refuses(&uri);

    let pass = Verbs::NONE.pass_to_tool("git__*".parse().unwrap());
    let uri = house.sign(house.mint(object).with_verbs(pass)).uri();
    house.refuses(&uri);
    let take = |tool: &str| {
        let reader = read_as(&house.ada, Verb::PassToTool(tool.into()));
        at_once(house.artifacts.take(&reader, &uri, 1 << 20))
    };
    assert_eq!(take("git__push").unwrap().text(), Some(LOG));
    assert_eq!(take("mail__send").unwrap_err().kind(), ErrorKind::NotFound);
}

/// 10,000 references that are forged, expired, revoked, borrowed or of another tenant: not one byte,
/// and one error for all of them.
#[test]
fn ten_thousand_references_that_do_not_hold_give_no_byte() {
    let house = House::new();
    let object = house.put(LOG.as_bytes());
    let good = house.sign(house.mint(object.clone()));
    let borrowed = principal("acme", "ben");
    let other = principal("globex", "ada");
    let (stranger, _) = signing(&Secret::new([9; 32]), &house.revocations);
    let now = house.clock.now();
    let short = |house: &House| {
        let mint = house
            .mint(object.clone())
            .expires_in(Duration::from_secs(1));
        house.library.sign(mint, now).unwrap()
    };
    let expired: Vec<_> = (0..2000).map(|_| short(&house)).collect();
    let revoked: Vec<_> = (0..2000)
        .map(|_| house.sign(house.mint(object.clone())))
        .collect();
    let far = now + Duration::from_secs(86_400);
    for reference in &revoked {
        house
            .revocations
            .revoke_id(house.ada.tenant(), reference.id(), far, now);
    }
    house.clock.advance(2);

    let refused = |who: &Principal, uri: &str| {
        let refused = at_once(house.artifacts.read(&reader(who), uri)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound);
        assert_eq!(refused.to_string(), "no such artifact");
    };
    for n in 0..2000_usize {
        refused(&house.ada, &expired[n].uri());
        refused(&house.ada, &revoked[n].uri());
        refused([&borrowed, &other][n % 2], &good.uri());
        let forged = stranger.sign(house.mint(object.clone()), now).unwrap();
        refused(&house.ada, &forged.uri());
        let mut token = good.token().to_owned().into_bytes();
        let at = n % token.len();
        token[at] = if token[at] == b'A' { b'B' } else { b'A' };
        let token = String::from_utf8(token).unwrap();
        refused(
            &house.ada,
            &format!("mcpo2+artifact://gw.example/r/{token}"),
        );
    }
    assert_eq!(house.text(&good.uri()), LOG);
    let narrow = good.attenuate(&Caveat::Ranges(Ranges::one(0..3))).unwrap();
    assert_eq!(house.text(&narrow.uri()), "one");
}

#[test]
fn an_artifact_without_a_library_knows_no_signed_reference() {
    let house = House::new();
    let uri = house.sign(house.mint(house.put(b"x"))).uri();
    let bare = config(json!({})).compile().unwrap();
    let refused = at_once(bare.read(&reader(&house.ada), &uri)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
}
