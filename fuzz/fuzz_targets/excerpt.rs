//! Bytes are the proof of an excerpt or the groups of a file and come out as they went in, or are
//! refused; a proof that holds for a root that is known has the bytes that stand there.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcpo2_artifact::manifest::{
    Content, Entry, Manifest, Mode,
    excerpt::{Cover, ExcerptProof, Groups},
};
use mcpo2_core::Digest;

/// Files of none, one and three groups, and a link.
static FILES: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(|| {
    let byte = |at: u32| (at * 7 % 251) as u8;
    let sizes = [("a", 0), ("b", 40), ("d/c", 33_000)];
    sizes
        .map(|(path, size)| (path, (0..size).map(byte).collect()))
        .into()
});

static MANIFEST: LazyLock<Manifest> = LazyLock::new(|| {
    let entries = FILES.iter().map(|(path, bytes)| {
        let (mode, size) = (Mode::Plain, bytes.len() as u64);
        let digest = Digest::of(bytes);
        let content = Content::File { mode, size, digest };
        Entry::new(path.parse().expect("a path"), content)
    });
    Manifest::new(Digest::of(b"spec"), entries.collect(), vec![]).expect("a manifest")
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(groups) = Groups::from_bytes(bytes) {
        assert_eq!(groups.to_bytes(), bytes);
    }
    ask(bytes);
    let Ok(proof) = ExcerptProof::from_bytes(bytes) else {
        return;
    };
    assert_eq!(proof.to_bytes(), bytes);
    let Ok(excerpt) = proof.verify(&MANIFEST.root()) else {
        return;
    };
    let path = excerpt.entry().path().as_str();
    let (_, content) = FILES
        .iter()
        .find(|(of, _)| *of == path)
        .expect("a file of it");
    let range = excerpt.range().start as usize..excerpt.range().end as usize;
    assert_eq!(excerpt.bytes(), &content[range]);
    let _ = excerpt.lines();
});

/// Takes the bytes as a question: whatever range is asked for, what is proven is what is there.
fn ask(bytes: &[u8]) {
    let Some(([file, cover, from @ .., to_high, to_low], _)) = bytes.split_first_chunk::<6>()
    else {
        return;
    };
    let (path, content) = &FILES[usize::from(file % 3)];
    let cover = if cover % 2 == 0 {
        Cover::Part
    } else {
        Cover::Beginning
    };
    let range =
        u64::from(u16::from_be_bytes(*from))..u64::from(u16::from_be_bytes([*to_high, *to_low]));
    let Ok(proof) = MANIFEST.excerpt(path, content, range.clone(), cover) else {
        let holds = range.start < range.end && range.end <= content.len() as u64;
        assert!(!holds && (range != (0..0) || !content.is_empty()));
        return;
    };
    let excerpt = proof.verify(&MANIFEST.root()).expect("an excerpt");
    assert_eq!(
        excerpt.bytes(),
        &content[range.start as usize..range.end as usize]
    );
    assert_eq!(
        ExcerptProof::from_bytes(&proof.to_bytes()).as_ref(),
        Ok(&proof)
    );
}
