use mcpo2_core::{Digest, Item, ItemKind, ModuleId};

/// How the names that a caller knows follow from those that a module knows.
///
/// ```
/// use mcpo2_route::Naming;
/// let github = "github".parse()?;
/// assert_eq!(Naming::Prefixed.exposed(&github, "get_issue"), "github__get_issue");
/// assert_eq!(Naming::Prefixed.exposed(&github, "get.issue"), "github__get_issue--xkecyhyocaxk2wui");
/// assert_eq!(Naming::Plain.exposed(&github, "get.issue"), "get.issue");
///
/// let naming = Naming::Unprefixed(github.clone());
/// assert_eq!(naming.exposed(&github, "get_issue"), "get_issue");
/// assert_eq!(naming.exposed(&github, "get__issue"), "github__get__issue");
/// assert_eq!(naming.exposed(&"jira".parse()?, "get_issue"), "jira__get_issue");
/// # Ok::<(), mcpo2_core::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Naming {
    /// As they are. For a registry of one module.
    Plain,
    /// `module__name` for tools and prompts. A module id has no underscore, so the first `__`
    /// parts the two, and a name stays the same when another module joins. URIs stay as they are.
    ///
    /// Every name is 1 to 64 of `a-z`, `A-Z`, `0-9`, `_` and `-`, as model APIs want it. What
    /// does not fit is shortened: `module__readable--hash`, where the hash is of the module's own
    /// name. A module's own name that looks like a shortened one is shortened too, so that no
    /// two names of a module become one.
    Prefixed,
    /// As [`Prefixed`](Self::Prefixed), but names of this module stand alone where they fit and
    /// have no `__` in them, so that other modules can join one that clients know already.
    Unprefixed(ModuleId),
}

/// What stands behind the module's id in a name that a caller knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own<'a> {
    /// The module's own name.
    Name(&'a str),
    /// It cannot be read: a shortened name, which only who has seen the module's names knows, or
    /// the id of a task.
    Sealed,
}

const PARTING: &str = "__";

/// The longest name that model APIs take.
const MAX_NAME: usize = 64;

/// What parts the readable rest of a shortened name from its hash.
const MARK: &str = "--";

/// The digits of a hash: 80 bits of it.
const HASH: usize = 16;

impl Naming {
    /// The name that a caller knows.
    #[must_use]
    pub fn exposed(&self, module: &ModuleId, name: &str) -> String {
        match self {
            Self::Plain => name.to_owned(),
            Self::Unprefixed(alone) if alone == module && fits_alone(name) => name.to_owned(),
            _ if fits(module.as_str(), name) => format!("{module}{PARTING}{name}"),
            _ => format!("{module}{PARTING}{}", short(module, name)),
        }
    }

    /// The module and what is its own in what a caller calls `item`, where the name tells.
    pub(crate) fn part<'a>(&'a self, item: &'a Item) -> Option<(&'a str, Own<'a>)> {
        let named = matches!(
            item.kind(),
            ItemKind::Tool | ItemKind::Prompt | ItemKind::Task
        );
        if !named || *self == Self::Plain {
            return None;
        }
        let is_task = item.kind() == ItemKind::Task;
        let alone = match self {
            Self::Unprefixed(alone) => Some(alone.as_str()),
            Self::Plain | Self::Prefixed => None,
        };
        match (parted(item.name()), alone) {
            // One name for each, so what can stand alone has no other.
            (Some((module, own)), alone) => {
                let readable =
                    !is_task && fits(module, own) && !(alone == Some(module) && fits_alone(own));
                let own = if readable {
                    Own::Name(own)
                } else {
                    Own::Sealed
                };
                Some((module, own))
            }
            (None, Some(module)) if !is_task && fits_alone(item.name()) => {
                Some((module, Own::Name(item.name())))
            }
            (None, _) => None,
        }
    }
}

/// A name before its first two underscores, and behind them. A look at each byte, for names are
/// short, and what makes a search for a text quick takes longer to set up.
fn parted(name: &str) -> Option<(&str, &str)> {
    let at = name
        .as_bytes()
        .windows(PARTING.len())
        .position(|two| two == PARTING.as_bytes())?;
    Some((name.get(..at)?, name.get(at + PARTING.len()..)?))
}

/// Whether a module's own name may stand behind its id as it is.
fn fits(module: &str, name: &str) -> bool {
    let length = module.len() + PARTING.len() + name.len();
    !name.is_empty() && length <= MAX_NAME && name.bytes().all(allowed) && !looks_short(name)
}

/// Whether a name may stand without a module's id, and cannot be taken for one that has it.
fn fits_alone(name: &str) -> bool {
    let length = 1..=MAX_NAME;
    length.contains(&name.len()) && name.bytes().all(allowed) && parted(name).is_none()
}

fn allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn looks_short(name: &str) -> bool {
    let hash = name.as_bytes().split_last_chunk::<HASH>();
    hash.is_some_and(|(before, hash)| {
        before.ends_with(MARK.as_bytes()) && hash.iter().all(|byte| DIGITS.contains(byte))
    })
}

/// As much of the name as can be read, and a hash of all of it.
fn short(module: &ModuleId, name: &str) -> String {
    let taken = module.as_str().len() + PARTING.len() + MARK.len() + HASH;
    let readable = |c: char| match u8::try_from(c) {
        Ok(byte) if allowed(byte) => c,
        _ => '_',
    };
    let mut short: String = name
        .chars()
        .map(readable)
        .take(MAX_NAME.saturating_sub(taken))
        .collect();
    short.push_str(MARK);
    short.push_str(&hash(name));
    short
}

const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The first 80 bits of the digest of a name, in base 32.
fn hash(name: &str) -> String {
    let digest = Digest::of(name.as_bytes());
    let bytes = digest.as_bytes().chunks_exact(5).take(HASH / 8);
    let digits = bytes.flat_map(|five| {
        let bits = five
            .iter()
            .fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
        (0..8).rev().map(move |at| (bits >> (5 * at)) & 31)
    });
    digits
        .filter_map(|digit| DIGITS.get(usize::try_from(digit).ok()?).copied())
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exposed(name: &str) -> String {
        Naming::Prefixed.exposed(&"m".parse().unwrap(), name)
    }

    #[test]
    fn what_fits_stays_readable_and_what_does_not_is_shortened() {
        assert_eq!(exposed("get_issue"), "m__get_issue");
        assert_eq!(exposed("_a__b-"), "m___a__b-");
        let long = exposed(&"a".repeat(62));
        assert_eq!(long.len(), 64);
        for name in ["", "a.b", "ä", "a b", &"a".repeat(62)] {
            let short = exposed(name);
            assert!(looks_short(&short), "{short}");
            // What looks shortened already is shortened again, and so differs.
            let own = short.strip_prefix("m__").unwrap();
            assert_ne!(exposed(own), short);
        }
        assert_eq!(exposed(&"a".repeat(61)), format!("m__{}", "a".repeat(61)));
    }
}
