//! What looks like a secret: names of files, and places in texts.
//!
//! A finding is the name of a rule and never the value. The rules know what the providers of
//! credentials publish about their forms, the armour of private keys, and values that look random
//! where something is said to be a secret: `api_key = "…"`. A secret without any form, such as a
//! password of words, is not found.
//!
//! ```
//! use mcpo2_artifact::ingest::secret::{Scanner, redact};
//! let token = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
//! let text = format!("curl -u me:{token} https://api.github.com");
//! let found = Scanner::scan(text.as_bytes()).map(|rule| rule.as_str());
//! assert_eq!(found, Some("github-token"));
//! assert_eq!(
//!     &*redact(text.as_bytes()),
//!     b"curl -u me:[redacted: github-token] https://api.github.com",
//! );
//! ```

mod context;
mod key_block;
mod name;
mod random;
mod redact;
mod runs;
mod scanner;
mod token;

use std::fmt;

pub use name::name_rule;
pub use redact::redact;
pub use scanner::Scanner;

/// The version of the rules: it is of the digest of each [`Rules`](super::Rules), as other rules
/// withhold other files.
pub(super) const VERSION: u8 = 1;

/// The name of a rule that finds secrets: `private-key-block`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(&'static str);

impl RuleId {
    /// Its text: of `a-z`, `0-9` and `-`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A place in a text, and what is around it.
// INVARIANT: a rule sees `BEFORE` and `AFTER` bytes, and no more, wherever the text is cut into
// buffers; so what it finds is the same from each source.
#[derive(Clone, Copy)]
struct Place<'a> {
    before: &'a [u8],
    after: &'a [u8],
}

const BEFORE: usize = 128;
const AFTER: usize = 1024;

impl<'a> Place<'a> {
    fn at(bytes: &'a [u8], at: usize) -> Self {
        let (before, after) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
        let cut = before.len().saturating_sub(BEFORE);
        Self {
            before: before.get(cut..).unwrap_or_default(),
            after: after.get(..AFTER).unwrap_or(after),
        }
    }
}

/// What a rule found at a place: how far it lies before and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    rule: RuleId,
    before: usize,
    after: usize,
}
