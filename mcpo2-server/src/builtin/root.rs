use std::{
    fs::File,
    io::Read,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

/// The directory below which files may be read.
///
/// A path is refused if it leaves the root as it is written, and again if it does once every
/// symbolic link is followed. What is swapped between that look and the reading is not noticed:
/// do not give a root in which somebody hostile may write.
#[derive(Debug, Clone)]
pub(super) struct Root(Arc<Path>);

/// A path below a root, as it is on the disk and as it is shown.
#[derive(Debug, Clone)]
pub(super) struct Below {
    pub(super) real: PathBuf,
    pub(super) shown: String,
}

impl Root {
    /// This directory; that it exists is checked when something is read.
    pub(super) fn new(path: &Path) -> Self {
        Self(path.into())
    }

    /// Finds a path, relative to the root or absolute, below the root.
    pub(super) fn find(&self, path: &str) -> Result<Below, String> {
        let refused = || format!("`{path}` is not below the root of this module");
        let root = self
            .0
            .canonicalize()
            .map_err(|_| "the root cannot be read".to_owned())?;
        let asked = Path::new(path);
        // Lexically first: nothing outside is so much as looked at.
        let relative = match asked.is_absolute() {
            true => asked
                .strip_prefix(&root)
                .or_else(|_| asked.strip_prefix(&self.0)),
            false => Ok(asked),
        };
        let relative = lexical(relative.map_err(|_| refused())?).ok_or_else(refused)?;
        // What does not exist and what lies outside get one answer.
        let real = root.join(&relative).canonicalize().map_err(|_| refused())?;
        let inside = real.strip_prefix(&root).map_err(|_| refused())?;
        let shown = match inside.to_string_lossy().into_owned() {
            empty if empty.is_empty() => ".".to_owned(),
            shown => shown,
        };
        Ok(Below { real, shown })
    }
}

/// Reads a text of at most `most` bytes; none if it is longer, binary, no regular file or gone.
pub(super) fn read_text(path: &Path, most: u64) -> Option<String> {
    // A FIFO would wait for its writer for ever.
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .ok()?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= most);
    if !fits || bytes.contains(&0) {
        return None;
    }
    String::from_utf8(bytes).ok()
}

/// Resolves `.` and `..`; none where the path begins above where it starts.
fn lexical(path: &Path) -> Option<PathBuf> {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => resolved.push(name),
            Component::ParentDir => {
                if !resolved.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_below_the_root_only() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(dir.path().join("outside"), "x").unwrap();
        let found = Root::new(&root);
        for (path, shown) in [(".", "."), ("a/../a/b", "a/b"), ("./a", "a")] {
            assert_eq!(found.find(path).unwrap().shown, shown, "{path}");
        }
        let absolute = root.canonicalize().unwrap().join("a");
        assert_eq!(found.find(absolute.to_str().unwrap()).unwrap().shown, "a");
        for path in [
            "..",
            "../outside",
            "a/../../outside",
            "/",
            "/etc/passwd",
            "a/none",
        ] {
            let refusal = found.find(path).unwrap_err();
            assert!(refusal.contains("not below the root"), "{path}: {refusal}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_out_of_the_root_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(dir.path().join("outside"), "x").unwrap();
        std::os::unix::fs::symlink(dir.path().join("outside"), root.join("link")).unwrap();
        assert!(Root::new(&root).find("link").is_err());
    }

    #[test]
    fn what_is_long_or_binary_is_no_text() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        assert_eq!(read_text(&write("text", b"abc"), 3).as_deref(), Some("abc"));
        assert_eq!(read_text(&write("long", b"abcd"), 3), None);
        assert_eq!(read_text(&write("nul", b"a\0"), 3), None);
        assert_eq!(read_text(&write("latin", b"\xe9"), 3), None);
        assert_eq!(read_text(dir.path(), 3), None);
    }
}
