use super::*;
use crate::builtin::Root;

#[test]
fn a_tree_has_languages_lines_and_symbols() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("src")).unwrap();
    std::fs::write(temp.path().join("src/lib.rs"), "//! x\npub fn f() {}\n").unwrap();
    std::fs::write(temp.path().join("logo.png"), [0, 1, 2]).unwrap();
    let root = Root::new(temp.path());
    let found = dir(&root.find(".").unwrap(), None).unwrap();
    assert_eq!(
        found.languages,
        BTreeMap::from([(Language::Rust, Count { files: 1, lines: 2 })])
    );
    let json = serde_json::to_value(&found.entries).unwrap();
    let expected = serde_json::json!([
        { "kind": "file", "name": "logo.png" },
        { "kind": "dir", "name": "src", "entries": [{
            "kind": "file", "name": "lib.rs", "language": "rust", "lines": 2,
            "symbols": [{ "kind": "fn", "name": "f", "line": 2 }],
        }] },
    ]);
    assert_eq!(json, expected);
    let cut = dir(&root.find(".").unwrap(), Some(2)).unwrap();
    assert!(cut.truncated && !found.truncated);
    assert_eq!(
        file(&root.find("src/lib.rs").unwrap())
            .unwrap()
            .content
            .lines,
        Some(2)
    );
    assert!(file(&root.find("src").unwrap()).is_err());
    assert!(dir(&root.find("logo.png").unwrap(), None).is_err());
}
