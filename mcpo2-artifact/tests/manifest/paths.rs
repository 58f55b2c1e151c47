use mcpo2_artifact::manifest::{InvalidPath, RelPath};

fn refused(text: &str) -> InvalidPath {
    text.parse::<RelPath>().unwrap_err()
}

#[test]
fn a_path_that_leaves_the_tree_or_names_nothing_is_refused() {
    for text in [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "...", ".. /a", " ",
        "a/. .",
    ] {
        assert_eq!(refused(text), InvalidPath::Part, "{text:?}");
    }
    assert_eq!(refused("a\0b"), InvalidPath::Nul);
    assert_eq!(refused("a\\b"), InvalidPath::Backslash);
    assert_eq!(refused("..\\b"), InvalidPath::Backslash);
    for text in ["c:", "C:/windows", "z:a"] {
        assert_eq!(refused(text), InvalidPath::Drive, "{text:?}");
    }
}

#[test]
fn a_device_is_refused_whatever_its_case_and_extension() {
    for text in [
        "con",
        "PRN",
        "src/aux.c",
        "Nul.tar.gz",
        "com1",
        "LPT9.txt",
        "com0",
        "lpt¹",
        "aux /x",
        "nul :x",
        "CONIN$",
        "conout$.x",
    ] {
        assert_eq!(refused(text), InvalidPath::Device, "{text:?}");
    }
    for text in [
        "console",
        "auxiliary.c",
        "com",
        "com10",
        "com¹¹",
        "x.con",
        "nul_",
        "comx",
        "lp1",
    ] {
        assert_eq!(text.parse::<RelPath>().unwrap().as_str(), text);
    }
}

#[test]
fn a_path_is_of_text_in_one_normal_form_and_not_too_long() {
    assert_eq!(refused("e\u{301}"), InvalidPath::Normalization);
    assert_eq!("\u{e9}".parse::<RelPath>().unwrap().as_str(), "\u{e9}");
    assert_eq!(RelPath::try_from(&b"a\xff"[..]), Err(InvalidPath::Utf8));
    let longest = "a".repeat(RelPath::MAX_BYTES);
    assert!(longest.parse::<RelPath>().is_ok());
    let longer = longest + "a";
    assert_eq!(refused(&longer), InvalidPath::TooLong);
    assert_eq!(
        RelPath::try_from(longer.as_bytes()),
        Err(InvalidPath::TooLong)
    );
    assert_eq!(RelPath::try_from(longer), Err(InvalidPath::TooLong));
}

#[test]
fn what_unix_alone_allows_and_harms_nobody_is_a_path() {
    for text in [
        "a b",
        ".a",
        "..a",
        "a.",
        "ab:c",
        "x/c:",
        "a\nb",
        "-",
        "日本/語",
        "a*?",
        "~",
        "$x",
    ] {
        assert_eq!(text.parse::<RelPath>().unwrap().as_str(), text);
    }
}

#[test]
fn the_order_of_paths_is_that_of_their_bytes() {
    let mut paths: Vec<RelPath> = ["a/b", "a", "a-b", "Z", "\u{e9}", "a.b"]
        .map(|text| text.parse().unwrap())
        .into();
    paths.sort();
    let sorted: Vec<&str> = paths.iter().map(RelPath::as_str).collect();
    assert_eq!(sorted, ["Z", "a", "a-b", "a.b", "a/b", "\u{e9}"]);
}

#[test]
fn a_path_has_parts_and_is_read_from_json_as_from_text() {
    let path: RelPath = serde_json::from_str("\"a/b/c\"").unwrap();
    assert_eq!(path.parts().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(serde_json::to_string(&path).unwrap(), "\"a/b/c\"");
    assert!(serde_json::from_str::<RelPath>("\"a/../c\"").is_err());
}
