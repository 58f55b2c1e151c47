use mcpo2_artifact::manifest::{Content, Entry, Manifest, Mode, Withheld};
use mcpo2_core::Digest;

pub(crate) fn spec() -> Digest {
    Digest::of(b"spec")
}

pub(crate) fn file(path: &str, content: &[u8]) -> Entry {
    let content = Content::File {
        mode: Mode::Plain,
        size: content.len() as u64,
        digest: Digest::of(content),
    };
    Entry::new(path.parse().unwrap(), content)
}

pub(crate) fn link(path: &str, target: &str) -> Entry {
    let target = target.into();
    Entry::new(path.parse().unwrap(), Content::Symlink { target })
}

pub(crate) fn manifest(entries: Vec<Entry>) -> Manifest {
    Manifest::new(spec(), entries, Vec::<Withheld>::new()).unwrap()
}
