use std::{fmt, str::FromStr};

use super::{
    codec::{Malformed, Reader, Wire, put_text},
    name::InvalidName,
};

/// What somebody wants to do with an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// Learn its size, kind and digest.
    Stat,
    /// Read its bytes.
    Read,
    /// Search in it.
    Search,
    /// Give its bytes to the tool with this name, as the caller knows it.
    PassToTool(Box<str>),
}

impl Verb {
    /// Its name, for records: the tool is not in it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::Read => "read",
            Self::Search => "search",
            Self::PassToTool(_) => "pass_to_tool",
        }
    }
}

/// The verbs that a reference allows.
///
/// ```
/// use mcpo2_artifact::token::{Verb, Verbs};
/// let verbs = Verbs::NONE.read().pass_to_tool("github__*".parse()?);
/// assert!(verbs.allow(&Verb::PassToTool("github__push".into())));
/// assert!(!verbs.allow(&Verb::PassToTool("gitlab__push".into())));
/// assert!(!verbs.allow(&Verb::Search));
/// # Ok::<(), mcpo2_artifact::token::InvalidName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Verbs {
    bits: u8,
    tools: Option<ToolPattern>,
}

const STAT: u8 = 1;
const READ: u8 = 2;
const SEARCH: u8 = 4;
const PASS: u8 = 8;

impl Verbs {
    /// No verb.
    pub const NONE: Self = Self {
        bits: 0,
        tools: None,
    };

    /// These and [`Verb::Stat`].
    #[must_use]
    pub fn stat(mut self) -> Self {
        self.bits |= STAT;
        self
    }

    /// These and [`Verb::Read`].
    #[must_use]
    pub fn read(mut self) -> Self {
        self.bits |= READ;
        self
    }

    /// These and [`Verb::Search`].
    #[must_use]
    pub fn search(mut self) -> Self {
        self.bits |= SEARCH;
        self
    }

    /// These and [`Verb::PassToTool`] for the tools of this pattern, in place of an earlier one.
    #[must_use]
    pub fn pass_to_tool(mut self, tools: ToolPattern) -> Self {
        self.tools = Some(tools);
        self
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// Whether this verb is one of them.
    #[must_use]
    pub fn allow(&self, verb: &Verb) -> bool {
        let bit = match verb {
            Verb::Stat => STAT,
            Verb::Read => READ,
            Verb::Search => SEARCH,
            Verb::PassToTool(tool) => {
                return self.tools.as_ref().is_some_and(|tools| tools.matches(tool));
            }
        };
        self.bits & bit != 0
    }
}

impl fmt::Display for Verbs {
    /// `stat, read, search, pass_to_tool(github__*)`; `none` is a word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let simple = [(STAT, "stat"), (READ, "read"), (SEARCH, "search")];
        let simple = simple.iter().filter(|(bit, _)| self.bits & bit != 0);
        let mut words: Vec<String> = simple.map(|(_, word)| (*word).to_owned()).collect();
        words.extend(self.tools.iter().map(|it| format!("pass_to_tool({it})")));
        f.write_str(if words.is_empty() { "none" } else { "" })?;
        f.write_str(&words.join(", "))
    }
}

impl Wire for Verbs {
    fn put(&self, out: &mut Vec<u8>) {
        match &self.tools {
            None => out.push(self.bits),
            Some(tools) => {
                out.push(self.bits | PASS);
                put_text(out, &tools.0);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let bits = from.byte()?;
        if !(1..=STAT | READ | SEARCH | PASS).contains(&bits) {
            return Err(Malformed);
        }
        let tools = match bits & PASS {
            0 => None,
            _ => Some(from.parse()?),
        };
        Ok(Self {
            bits: bits & !PASS,
            tools,
        })
    }
}

/// Names of tools: 1 to 64 visible ASCII characters, of which each `*` stands for any number of
/// any characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ToolPattern(Box<str>);

impl ToolPattern {
    /// Whether it has this name, whole.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        // The pieces between the stars, each as early as it comes: that leaves most to the others.
        let mut pieces = self.0.split('*');
        let first = pieces.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else {
            return false;
        };
        let Some(last) = pieces.next_back() else {
            return rest.is_empty();
        };
        for piece in pieces {
            match rest.split_once(piece) {
                Some((_, behind)) => rest = behind,
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl FromStr for ToolPattern {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            true => Ok(Self(text.into())),
            false => Err(InvalidName),
        }
    }
}

impl fmt::Display for ToolPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_and_the_rest_for_itself() {
        let matches = |pattern: &str, name: &str| {
            let pattern: ToolPattern = pattern.parse().unwrap();
            pattern.matches(name)
        };
        for (pattern, name) in [
            ("a", "a"),
            ("*", ""),
            ("*", "anything"),
            ("a*", "a"),
            ("a*b", "ab"),
            ("a*b", "a-b-b"),
            ("*b*", "abc"),
            ("a**c", "abc"),
            ("a*b*c", "a-b-b-c"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("a", "ab"),
            ("a", "A"),
            ("a*a", "a"),
            ("ab*ba", "aba"),
            ("a*b", "ac"),
            ("*b*b*", "abc"),
            ("a*b*c", "a-c-b"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        for bad in ["", "a b", "é", &"a".repeat(65)] {
            assert_eq!(bad.parse::<ToolPattern>(), Err(InvalidName), "{bad}");
        }
    }
}
