use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// 32 random bytes that references are signed with. It shows nothing of itself, and is wiped when
/// dropped.
///
/// As text it is base64, as `openssl rand -base64 32` makes it.
///
/// ```
/// use mcpo2_artifact::token::Secret;
/// let secret: Secret = "5NHKeaF3uCiLYRlmoyJXWKuZPvTS2bDTfTGfkzc3YQg=".parse()?;
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// # Ok::<(), mcpo2_artifact::token::SecretError>(())
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

/// A text is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is 32 bytes in base64")]
pub struct SecretError;

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

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let bytes = STANDARD.decode(text.trim()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| SecretError)?;
        let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| SecretError)?;
        Ok(Self::new(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
