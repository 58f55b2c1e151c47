//! A path is the text that it was, and joined to a root it stays below it, here and on Windows; what
//! differs from it in case alone collides with it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpo2_artifact::manifest::{Content, Entry, Manifest, RelPath};
use mcpo2_core::Digest;

fuzz_target!(|bytes: &[u8]| {
    let Ok(path) = RelPath::try_from(bytes) else {
        return;
    };
    let text = path.as_str();
    assert_eq!(text.as_bytes(), bytes);
    assert_eq!(text.parse().as_ref(), Ok(&path));
    assert!((1..=RelPath::MAX_BYTES).contains(&bytes.len()));
    assert!(!text.contains(['\0', '\\']) && !text.starts_with('/'));
    for part in path.parts() {
        // what Windows makes of it: no dots and spaces at the end
        let seen = part.trim_end_matches(['.', ' ']);
        assert!(!seen.is_empty());
        let device = ["con", "nul", "aux", "prn", "com1"];
        assert!(
            !device
                .iter()
                .any(|device| seen.eq_ignore_ascii_case(device))
        );
    }
    let joined = std::path::Path::new("/base").join(text);
    assert!(joined.starts_with("/base"));
    assert!(joined.components().count() == 2 + path.parts().count());

    let Ok(other) = RelPath::try_from(text.to_uppercase()) else {
        return;
    };
    let link = |path| Entry::new(path, Content::Symlink { target: "x".into() });
    let differs = other != path;
    if let Ok(manifest) = Manifest::new(Digest::of(b""), vec![link(path), link(other)], vec![]) {
        assert!(differs && !manifest.collisions().is_empty());
    }
});
