use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is no name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: {rule}")]
pub struct NameError {
    text: String,
    what: &'static str,
    rule: &'static str,
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $check:path, $rule:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// Cheap to clone. Parsing checks its form.
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name, if `text` has its form.
            ///
            /// # Errors
            ///
            /// [`NameError`] says what form it should have.
            pub fn new(text: &str) -> Result<Self, NameError> {
                if $check(text) {
                    return Ok(Self(text.into()));
                }
                let text = text.chars().take(80).collect();
                Err(NameError { text, what: $what, rule: $rule })
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

names! {
    /// Whose data and modules a call may touch.
    TenantId, "tenant", visible, "1 to 128 visible ASCII characters";
    /// Who calls, within a tenant.
    PrincipalId, "principal", visible_wide, "1 to 256 characters, none of them control characters";
    /// A registered module.
    ModuleId, "module id", label, "1 to 32 of a-z, 0-9 and -, not at an end";
    /// A capability family, such as `security`, `design` or `engineering`.
    Family, "family", label, "1 to 32 of a-z, 0-9 and -, not at an end";
    /// Where a module runs and keeps data.
    Region, "region", label, "1 to 32 of a-z, 0-9 and -, not at an end";
    /// A rule, as every decision names it. Those that begin with `sys:` are the platform's own.
    RuleId, "rule id", visible, "1 to 128 visible ASCII characters";
}

fn visible(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn visible_wide(text: &str) -> bool {
    (1..=256).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// No underscore: `__` parts a module from its item, and so stays unambiguous.
fn label(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_form_or_are_none() {
        assert_eq!(ModuleId::new("git-hub2").unwrap().as_str(), "git-hub2");
        for bad in ["", "a_b", "A", "-a", "a-", &"a".repeat(33)] {
            assert!(ModuleId::new(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Family>("\"Security\"").is_err());
        assert!(TenantId::new("a b").is_err());
        assert!(PrincipalId::new("a\u{7}b").is_err());
    }
}
