//! What can be said of globs over names without trying all names.

use crate::native::{Expressions, NameGlob};

const META: [char; 5] = ['*', '?', '[', '{', '\\'];

/// Whether it is a name, and stands for nothing else.
pub(super) fn is_literal(glob: &str) -> bool {
    !glob.contains(META)
}

/// The glob; none where it is no glob, which is said elsewhere.
pub(super) fn read(glob: &str) -> Option<NameGlob> {
    NameGlob::new(glob, &Expressions::default()).ok()
}

/// Whether `wide` certainly matches every name that `narrow` does.
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    if wide == narrow || wide == "*" {
        return true;
    }
    // All that `narrow` matches begins with what stands before its first sign.
    let begins = narrow.split(META).next().unwrap_or_default();
    match wide.strip_suffix('*') {
        _ if is_literal(wide) => false,
        Some(prefix) if is_literal(prefix) => begins.starts_with(prefix),
        _ => {
            is_literal(narrow)
                && may_match(wide, narrow)
                && read(wide).is_some_and(|wide| wide.matches(narrow))
        }
    }
}

/// Whether a glob could match a name, as far as a look at its plain parts tells.
fn may_match(glob: &str, name: &str) -> bool {
    let has_stars_only = !glob.contains(['[', '{', '\\']);
    !has_stars_only || glob.split(['*', '?']).all(|part| name.contains(part))
}

/// Whether there certainly is a name that both match.
pub(super) fn meet(one: &str, two: &str) -> bool {
    covers(one, two) || covers(two, one)
}

/// Whether each of these is covered by one of those.
pub(super) fn all_covered(wide: &[String], narrow: &[String]) -> bool {
    let covered = |narrow: &String| wide.iter().any(|wide| covers(wide, narrow));
    narrow.iter().all(covered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_covered_is_so_for_certain() {
        for (wide, narrow, is) in [
            ("*", "[ab]", true),
            ("a*", "ab*", true),
            ("a*", "ab", true),
            ("a*", "a{b,c}*", true),
            ("a*", "*", false),
            ("ab*", "a*", false),
            ("a*b", "axb", true),
            ("a*b", "axb*", false),
            ("[a]*", "a*", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("a\\*", "a*", false),
        ] {
            assert_eq!(covers(wide, narrow), is, "{wide} {narrow}");
        }
    }
}
