use mcpo2_artifact::manifest::{Content, Entry, Manifest, Mode, RelPath, Withheld};
use mcpo2_core::Digest;
use proptest::prelude::*;

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

/// So many files, named by their numbers.
pub(crate) fn numbered(count: usize) -> Manifest {
    let name = |n: usize| file(&format!("f{n:03}"), &[0; 3]);
    manifest((0..count).map(name).collect())
}

pub(crate) fn config(cases: u32) -> ProptestConfig {
    let more = std::env::var("MCPO2_PROPTEST_FACTOR").ok();
    let factor = more.and_then(|more| more.parse().ok()).unwrap_or(1);
    ProptestConfig {
        cases: cases * factor,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Up to so many entries that are a tree, in no order; few enough that two are often the same.
pub(crate) fn entries(most: usize) -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec(any::<[u8; 4]>(), 0..=most).prop_map(|seeds| {
        let mut kept: Vec<Entry> = Vec::new();
        for [one, two, three, content] in seeds {
            let path = path([one, two, three]);
            if !kept.iter().any(|other| is_below(other.path(), &path)) {
                kept.push(Entry::new(path, self::content(content)));
            }
        }
        kept
    })
}

fn path([one, two, three]: [u8; 3]) -> RelPath {
    const NAMES: [&str; 8] = ["a", "b", "a-", "a.c", "é", "A", "ab", "src"];
    let name = |seed: u8| NAMES[usize::from(seed % 8)];
    let (one, two, three) = (name(one), name(two), (three < 128).then(|| name(three)));
    let path = match three {
        Some(three) => format!("{one}/{two}/{three}"),
        None => format!("{one}/{two}"),
    };
    path.parse().unwrap()
}

fn content(seed: u8) -> Content {
    let text = ["", "a", "b\n", "c"][usize::from(seed / 8 % 4)];
    let file = |mode| Content::File {
        mode,
        size: text.len() as u64,
        digest: Digest::of(text.as_bytes()),
    };
    match seed % 8 {
        0 => Content::Symlink {
            target: format!("../{text}").into(),
        },
        1 => Content::Submodule {
            revision: format!("{seed:040x}").into(),
        },
        2 => file(Mode::Executable),
        _ => file(Mode::Plain),
    }
}

fn is_below(one: &RelPath, two: &RelPath) -> bool {
    let [one, two] = [one, two].map(RelPath::as_str);
    let below = |one: &str, two: &str| {
        let rest = one.strip_prefix(two);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    below(one, two) || below(two, one)
}
