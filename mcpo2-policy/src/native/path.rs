//! Paths and URIs with one reading each: what servers could read differently has none.

/// What an address begins at. Two of different anchors cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// The root of a file system.
    Root,
    /// A directory that only the server knows.
    Unknown,
    /// A scheme.
    Scheme,
}

/// A path or URI after `.`, `..` and `//` are resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) anchor: Anchor,
    pub(crate) text: String,
    /// The same without query and fragment, where it has one.
    pub(crate) bare: Option<String>,
}

/// A URI template whose literal beginning is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) prefix: String,
}

impl Located {
    /// A path, or a URL, as an argument gives it.
    pub(crate) fn argument(text: &str) -> Option<Self> {
        if scheme(text).is_some_and(|(_, rest)| rest.starts_with("//")) {
            return Self::uri(text);
        }
        let ambiguous = text.is_empty()
            || text.trim() != text
            || text.starts_with('~')
            || text.chars().any(|c| c == '\\' || c.is_control())
            || has_percent_escape(text);
        if ambiguous {
            return None;
        }
        let (anchor, root) = match text.starts_with('/') {
            true => (Anchor::Root, "/"),
            false => (Anchor::Unknown, ""),
        };
        Some(Self {
            anchor,
            text: format!("{root}{}", resolve(text)?),
            bare: None,
        })
    }

    /// The URI of a resource.
    pub(crate) fn uri(text: &str) -> Option<Self> {
        if has_ambiguous_characters(text) {
            return None;
        }
        let (scheme, rest) = scheme(text)?;
        let scheme = scheme.to_ascii_lowercase();
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        let (place, tail) = rest.split_at_checked(end)?;
        let (authority, path) = match place.strip_prefix("//") {
            Some(place) => place.split_at_checked(place.find('/').unwrap_or(place.len()))?,
            None => ("", place),
        };
        if authority.contains(['@', '%']) {
            return None;
        }
        let authority = match (scheme.as_str(), authority.to_ascii_lowercase()) {
            ("file", host) if host == "localhost" => String::new(),
            (_, host) => host,
        };
        let hierarchical = place.starts_with('/');
        let slashes = if hierarchical { "//" } else { "" };
        let path = resolve(&percent_decoded(path)?)?;
        let root = if hierarchical && !path.is_empty() {
            "/"
        } else {
            ""
        };
        let bare = format!("{scheme}:{slashes}{authority}{root}{path}");
        Some(Self {
            anchor: Anchor::Scheme,
            text: format!("{bare}{tail}"),
            bare: (!tail.is_empty()).then_some(bare),
        })
    }
}

impl Template {
    /// What stands before the first expression; none where that could be read differently.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let prefix = text.split('{').next().unwrap_or_default();
        let prefix = with_lower_authority(prefix);
        let path = prefix.split_once("://").map_or(&*prefix, |(_, path)| path);
        let unresolved = path.trim_start_matches('/').split('/').rev().skip(1);
        let unresolved = unresolved.into_iter().any(|s| matches!(s, "" | "." | ".."));
        let ambiguous = has_ambiguous_characters(&prefix) || prefix.contains(['%', '@']);
        (!ambiguous && !unresolved).then_some(Self { prefix })
    }
}

/// The scheme of a URI, and what follows its colon.
pub(crate) fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let tail = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(tail))
        .then_some((scheme, rest))
}

/// Scheme and authority in lower case, as in every normalised URI.
pub(crate) fn with_lower_authority(text: &str) -> String {
    let end = match text.split_once("://") {
        Some((scheme, rest)) => scheme.len() + 3 + rest.find('/').unwrap_or(rest.len()),
        None => scheme(text).map_or(0, |(scheme, _)| scheme.len()),
    };
    let (head, tail) = text.split_at_checked(end).unwrap_or((text, ""));
    format!("{}{tail}", head.to_ascii_lowercase())
}

/// Resolves the segments of a path without its leading slash; none where it leaves its root.
fn resolve(path: &str) -> Option<String> {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

fn has_ambiguous_characters(uri: &str) -> bool {
    uri.chars()
        .any(|c| c == '\\' || c.is_control() || c.is_whitespace())
}

pub(crate) fn has_percent_escape(text: &str) -> bool {
    text.as_bytes()
        .windows(3)
        .any(|w| matches!(w, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()))
}

/// Decodes once; none where that makes a separator, or something to decode again.
fn percent_decoded(path: &str) -> Option<String> {
    let mut parts = path.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2)?;
        let valid = hex.bytes().all(|b| b.is_ascii_hexdigit());
        let byte = valid.then(|| u8::from_str_radix(hex, 16).ok()).flatten()?;
        if matches!(byte, b'/' | b'\\' | b'%') || byte.is_ascii_control() {
            return None;
        }
        bytes.push(byte);
        bytes.extend_from_slice(rest.as_bytes());
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.chars().any(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(text: &str) -> Option<String> {
        Located::argument(text).map(|located| located.text)
    }

    fn uri(text: &str) -> Option<String> {
        Located::uri(text).map(|located| located.text)
    }

    #[test]
    fn paths_are_resolved_or_have_no_reading() {
        for (text, normal) in [
            ("/srv//data/./x/", "/srv/data/x"),
            ("/srv/data/../data/x", "/srv/data/x"),
            ("a/../b", "b"),
            ("/", "/"),
            ("100%/x", "100%/x"),
            ("https://H.example/a/../b", "https://h.example/b"),
        ] {
            assert_eq!(argument(text).as_deref(), Some(normal), "{text}");
        }
        for text in [
            "",
            "/..",
            "/srv/../../etc",
            "../x",
            "a/../../b",
            "/srv/%2e%2e/etc",
            "/srv\\etc",
            "/srv/\0",
            "~/x",
            " /etc",
            "/etc\n",
        ] {
            assert_eq!(argument(text), None, "{text}");
        }
    }

    #[test]
    fn uris_are_resolved_or_have_no_reading() {
        for (text, normal) in [
            ("FILE:///srv/a%62c/./x", "file:///srv/abc/x"),
            ("file:/srv/x", "file:///srv/x"),
            ("file://localhost/srv/x", "file:///srv/x"),
            ("file:///srv/%2e%2e/etc", "file:///etc"),
            ("test://static-text", "test://static-text"),
            ("test://host/", "test://host"),
            ("memo:insights", "memo:insights"),
            ("https://h/a?x=/../y", "https://h/a?x=/../y"),
        ] {
            assert_eq!(uri(text).as_deref(), Some(normal), "{text}");
        }
        for text in [
            "/srv/x",
            "file:///../etc",
            "file:///srv%2fx",
            "file:///a%252e",
            "file:///a%00",
            "file:///a\\b",
            "https://a@b/c",
            "https://a%2eb/c",
            "file:///a%zz",
            "file:///a%ff",
            "file:///a b",
            "",
        ] {
            assert_eq!(uri(text), None, "{text}");
        }
        let with_query = Located::uri("file:///etc/passwd?x").unwrap();
        assert_eq!(with_query.bare.as_deref(), Some("file:///etc/passwd"));
    }

    #[test]
    fn templates_have_a_plain_beginning_or_no_reading() {
        let prefix = |text| Template::new(text).map(|template| template.prefix);
        assert_eq!(
            prefix("File:///srv/{path}").as_deref(),
            Some("file:///srv/")
        );
        assert_eq!(prefix("{+uri}").as_deref(), Some(""));
        assert_eq!(
            prefix("https://h/{a}/../{b}").as_deref(),
            Some("https://h/")
        );
        for bad in ["file:///srv/../{x}", "file:///a%2f{x}", "https://a//b/{x}"] {
            assert_eq!(prefix(bad), None, "{bad}");
        }
    }
}
