use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

/// 32 random bytes that tokens are sealed with. It shows nothing of itself, and is wiped when dropped.
///
/// As text it is base64, as `openssl rand -base64 32` makes it.
///
/// ```
/// use mcpo2_seal::Secret;
/// let secret: Secret = "5NHKeaF3uCiLYRlmoyJXWKuZPvTS2bDTfTGfkzc3YQg=".parse()?;
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// # Ok::<(), mcpo2_seal::SecretError>(())
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

/// A text is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is 32 bytes in base64")]
pub struct SecretError(());

impl Secret {
    /// These bytes as a secret. They have to be random.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new one, from the randomness of the operating system.
    ///
    /// # Errors
    ///
    /// Where the operating system gives none.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// The text of it, for the file that keeps it.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_STANDARD.encode(self.0.as_slice()))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let bytes = BASE64_STANDARD.decode(text.trim()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| SecretError(()))?;
        let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| SecretError(()))?;
        Ok(Self::new(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_it_is_written_and_nothing_else_is_one() {
        let secret = Secret::random().unwrap();
        let read: Secret = format!("{}\n", *secret.to_base64()).parse().unwrap();
        assert_eq!(read.bytes(), secret.bytes());
        for text in [
            "",
            "c2hvcnQ=",
            "not base64 at all, and yet rather long",
            &"A".repeat(48),
        ] {
            assert_eq!(
                text.parse::<Secret>().unwrap_err(),
                SecretError(()),
                "{text}"
            );
        }
    }
}
