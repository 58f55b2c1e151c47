//! What selection promises: a budget that holds, the same pack each time, and work only for what
//! changed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use mcpo2_artifact::select::{
    Bytes, Cache, Document, Estimator, Format, Index, Key, MemoryCache, Pack, SelectRequest, Texts,
    Tokenizer, Update, select,
};
use mcpo2_core::Digest;
use proptest::prelude::*;

#[derive(Debug, Default)]
struct Files {
    texts: HashMap<Digest, Arc<[u8]>>,
    documents: Vec<Document>,
}

impl Texts for Files {
    fn read(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        self.texts.get(digest).cloned()
    }
}

impl Files {
    fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut all = Self::default();
        for (path, bytes) in files {
            let digest = Digest::of(bytes);
            all.texts.insert(digest, bytes.into());
            let path = path.into();
            all.documents.push(Document { path, digest });
        }
        all
    }

    fn index(&self) -> Index {
        let mut index = Index::new();
        index.update(&self.documents, self, &mut MemoryCache::default());
        index
    }
}

/// A small project of several languages.
fn project() -> Files {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (n, word) in ["parser", "lexer", "printer", "router", "cache", "quota"]
        .iter()
        .enumerate()
    {
        let functions: Vec<String> = (0..8)
            .map(|i| format!("/// Part {i} of the {word}.\npub fn {word}_{i}(text: &str) -> usize {{\n    text.len() + {n}\n}}\n"))
            .collect();
        files.insert(format!("src/{word}.rs"), functions.join("\n"));
        files.insert(
            format!("tests/{word}_test.py"),
            format!("def test_{word}():\n    assert {word}_1('x')\n"),
        );
    }
    files.insert(
        "README.md".into(),
        "# Project\n\nHas a parser and a quota.\n".into(),
    );
    let texts = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_bytes()));
    Files::of(texts.collect::<Vec<_>>())
}

fn pack(files: &Files, request: &SelectRequest<'_>) -> Pack {
    select(request, &files.index(), files, &Estimator)
}

#[test]
fn what_the_task_is_about_comes_first_and_says_where_it_is() {
    let files = project();
    let pack = pack(
        &files,
        &SelectRequest::new("fix(lexer): lexer_3 counts wrongly", 300),
    );
    assert_eq!(&*pack.items[0].path, "src/lexer.rs");
    assert_eq!(&*pack.trace[0].path, "src/lexer.rs");
    let bytes = files.read(&pack.items[0].digest).unwrap();
    let [from, to] =
        [pack.items[0].bytes.start, pack.items[0].bytes.end].map(|at| usize::try_from(at).unwrap());
    let shown = std::str::from_utf8(&bytes[from..to]).unwrap();
    assert!(
        shown.contains("lexer_3") && pack.text.contains(shown),
        "{}",
        pack.text
    );
    let lines = bytes[..from].iter().filter(|b| **b == b'\n').count() + 1;
    assert_eq!(*pack.items[0].lines.start(), u32::try_from(lines).unwrap());
    assert!(
        pack.text
            .starts_with("<files>\n<file path=\"src/lexer.rs\">\n@@ "),
        "{}",
        pack.text
    );
    assert_eq!(pack.used, Estimator.count(&pack.text));
}

#[test]
fn what_is_left_out_is_named_if_there_is_room() {
    let long = format!(
        "fn parser() {{\n{}}}\n",
        "    let parser = parser + parser * 12345;\n".repeat(25)
    );
    let files = Files::of([
        ("long.rs", long.as_bytes()),
        ("short.rs", &b"fn parser_of() {}\n"[..]),
    ]);
    let pack = pack(&files, &SelectRequest::new("parser", 120));
    let told = &pack.omitted[0];
    assert!(
        pack.text
            .contains(&format!("{} ({} lines): ", told.path, told.lines)),
        "{}",
        pack.text
    );
    assert!(!pack.items.iter().any(|item| item.path == told.path));
}

#[test]
fn what_is_pinned_comes_before_all_else() {
    let files = project();
    let mut request = SelectRequest::new("parser_1", 250);
    request.pinned = &["README.md"];
    let pack = pack(&files, &request);
    assert!(
        pack.items.iter().any(|item| &*item.path == "README.md"),
        "{}",
        pack.text
    );
}

#[test]
fn what_is_pinned_is_there_though_the_task_has_none_of_its_words() {
    let files = project();
    for (pin, path) in [
        ("README.md", "README.md"),
        ("src/q", ""),
        ("tests/", "tests/"),
    ] {
        let pinned = [pin];
        let mut request = SelectRequest::new("zebra", 250);
        request.pinned = &pinned;
        let pack = pack(&files, &request);
        let found = pack.items.first().map(|item| &*item.path);
        assert_eq!(found.is_some(), !path.is_empty(), "{pin}");
        assert!(found.is_none_or(|found| found.starts_with(path)), "{pin}");
    }
}

#[test]
fn what_is_pinned_need_not_have_a_word_of_the_task() {
    let files = Files::of([
        ("parser.rs", &b"fn parser() {}\n"[..]),
        ("tools/run.sh", b"echo go\n"),
    ]);
    let mut request = SelectRequest::new("parser", 250);
    request.pinned = &["tools/"];
    let pack = pack(&files, &request);
    let paths: Vec<&str> = pack.items.iter().map(|item| &*item.path).collect();
    assert_eq!(paths, ["parser.rs", "tools/run.sh"], "{}", pack.text);
}

#[test]
fn a_pack_in_markdown_fences_what_has_fences() {
    let text = b"# parser\n\n````md\n```\ncode\n```\n````\n";
    let files = Files::of([("parser.md", &text[..])]);
    let mut request = SelectRequest::new("parser", 500);
    request.format = Format::Markdown;
    let pack = pack(&files, &request);
    assert!(
        pack.text
            .contains("## parser.md\nLines 1-7:\n`````\n# parser"),
        "{}",
        pack.text
    );
    let result = pack.to_tool_result();
    assert_eq!(result["content"][0]["text"], pack.text.as_str());
}

#[test]
fn a_new_revision_costs_what_changed() {
    let (mut files, mut cache, mut index) = (project(), MemoryCache::default(), Index::new());
    let all = files.documents.len();
    let update = index.update(&files.documents, &files, &mut cache);
    assert_eq!((update.analysed, update.cached), (all, 0));
    let digest = Digest::of(b"fn changed() {}");
    files.texts.insert(digest, b"fn changed() {}"[..].into());
    files.documents[3].digest = digest;
    let update = index.update(&files.documents, &files, &mut cache);
    assert_eq!(
        (update.analysed, update.kept, update.removed),
        (1, all - 1, 1)
    );
    let mut anew = Index::new();
    let update = anew.update(&files.documents, &files, &mut cache);
    assert_eq!((update.analysed, update.cached), (0, all));
    let request = SelectRequest::new("changed parser", 400);
    let [one, two] = [&index, &anew].map(|index| select(&request, index, &files, &Estimator));
    assert_eq!(one, two);
}

/// A cache in which something rots.
struct Rotten(MemoryCache, usize);

impl Cache for Rotten {
    fn load(&mut self, key: &Key) -> Option<Vec<u8>> {
        let mut bytes = self.0.load(key)?;
        let at = self.1 % bytes.len();
        bytes[at] ^= 1;
        Some(bytes)
    }

    fn store(&mut self, key: &Key, bytes: &[u8]) {
        self.0.store(key, bytes);
    }
}

#[test]
fn what_rotted_in_a_cache_is_made_anew() {
    let files = project();
    for at in [0, 31, 32, 33, 500, usize::MAX / 2] {
        let mut cache = Rotten(MemoryCache::default(), at);
        Index::new().update(&files.documents, &files, &mut cache);
        let mut index = Index::new();
        let Update {
            analysed, cached, ..
        } = index.update(&files.documents, &files, &mut cache);
        assert_eq!((analysed, cached), (files.documents.len(), 0), "{at}");
    }
}

#[test]
fn a_text_that_is_not_what_its_digest_says_is_no_part_of_the_index() {
    let mut files = Files::of([("a.rs", &b"fn a() {}"[..])]);
    files
        .texts
        .insert(Digest::of(b"fn a() {}"), b"fn b() {}"[..].into());
    let mut index = Index::new();
    let update = index.update(&files.documents, &files, &mut MemoryCache::default());
    assert_eq!((update.unreadable, index.len()), (1, 0));
}

#[test]
fn hostile_texts_are_indexed_in_bounds() {
    let long = "word ".repeat(400_000);
    let tiny = "x\n\n".repeat(200_000);
    let deep = "mod a {\n".repeat(5_000);
    let mixed = [
        b"text \xff\xfe of \xc3(\n".repeat(1000),
        vec![b'a'; 100_000],
    ]
    .concat();
    let files = Files::of([
        ("long.txt", long.as_bytes()),
        ("tiny.rs", tiny.as_bytes()),
        ("deep.rs", deep.as_bytes()),
        ("mixed.py", &mixed),
        ("binary.bin", &[0, 1, 2, 3, 255][..]),
        ("empty.rs", b""),
    ]);
    for budget in [0, 100, 5_000] {
        let pack = pack(&files, &SelectRequest::new("word x a text", budget));
        assert!(pack.used <= budget, "{} of {budget}", pack.used);
    }
}

/// Counts as nobody would expect: texts together take more than alone.
struct Odd;

impl Tokenizer for Odd {
    fn name(&self) -> &str {
        "odd"
    }

    fn count(&self, text: &str) -> u64 {
        let length = u64::try_from(text.len()).unwrap();
        length / 3 + length * length / 200_000
    }
}

fn tokenizers() -> Vec<Box<dyn Tokenizer>> {
    vec![
        Box::new(Estimator),
        Box::new(Bytes),
        Box::new(Odd),
        #[cfg(feature = "tokenizer")]
        Box::new(mcpo2_artifact::select::O200k),
    ]
}

fn files() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let line = "[a-d ]{0,30}|fn [a-d]{1,3}\\(\\) \\{|\\}|```|\\t{0,3}[ -~äö\u{2028}]{0,40}";
    let text =
        proptest::collection::vec(line, 0..60).prop_map(|lines| lines.join("\n").into_bytes());
    let bytes = prop_oneof![9 => text, 1 => proptest::collection::vec(any::<u8>(), 0..200)];
    let path = "[a-d]{1,3}(/[a-d \"<&]{1,3}){0,2}\\.(rs|py|md|txt)";
    proptest::collection::btree_map(path, bytes, 0..8).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_pack_is_never_over_its_budget_whatever_counts(
        files in files(),
        query in "[a-d ]{0,20}",
        budget in 0_u64..1500,
        markdown in any::<bool>(),
    ) {
        let files = Files::of(files.iter().map(|(path, bytes)| (&**path, &**bytes)));
        let index = files.index();
        for tokenizer in tokenizers() {
            let mut request = SelectRequest::new(&query, budget);
            request.format = if markdown { Format::Markdown } else { Format::Xml };
            let pack = select(&request, &index, &files, &*tokenizer);
            let counted = tokenizer.count(&pack.text);
            prop_assert!(counted <= budget, "{}: {counted} of {budget}: {}", tokenizer.name(), pack.text);
            prop_assert_eq!(counted, pack.used, "{}", tokenizer.name());
        }
    }

    #[test]
    fn the_order_of_files_changes_nothing(files in files(), query in "[a-d ]{1,20}") {
        let forth = Files::of(files.iter().map(|(path, bytes)| (&**path, &**bytes)));
        let back = Files::of(files.iter().rev().map(|(path, bytes)| (&**path, &**bytes)));
        let request = SelectRequest::new(&query, 300);
        prop_assert_eq!(pack(&forth, &request), pack(&back, &request));
    }
}
