use std::{convert::Infallible, fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};
use mcpo2_verify::{
    cosignature::cosign,
    key::{Algorithm, KeyId, KeyName, VerifierKey},
    note::SignatureLine,
};
use zeroize::Zeroizing;

const PREFIX: &str = "PRIVATE+KEY+";

/// The key with which a witness signs, its secret included.
///
/// Written, it is `PRIVATE+KEY+<name>+<id in hex>+<base64 of algorithm and secret>`.
pub struct Cosigner {
    key: VerifierKey,
    secret: SigningKey,
}

/// Why a text is no secret of a witness. It says nothing of what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the secret key of a witness")]
pub struct SecretError;

impl Cosigner {
    /// A witness by its name and the 32 random bytes of its secret.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if no signature of the key that follows would be believed, which chance does
    /// not bring about.
    pub fn new(name: KeyName, secret: &[u8; 32]) -> Result<Self, SecretError> {
        let secret = SigningKey::from_bytes(secret);
        let public = secret.verifying_key();
        let key = VerifierKey::cosigner(name, public.as_bytes()).map_err(|_| SecretError)?;
        Ok(Self { key, secret })
    }

    /// The key by which others verify.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The text that [`FromStr`] reads. Who has it can sign as this witness.
    #[must_use]
    pub fn to_secret(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(vec![self.key.algorithm().byte()]);
        bytes.extend_from_slice(self.secret.as_bytes());
        let material = Zeroizing::new(STANDARD.encode(&bytes));
        let (name, id) = (self.key.name(), self.key.id());
        Zeroizing::new(format!("{PREFIX}{name}+{id}+{}", *material))
    }

    /// Says that at this time the text was the newest checkpoint that was seen.
    pub(crate) fn cosign(&self, text: &str, time: u64) -> SignatureLine {
        let sign = |message: &[u8]| Ok::<_, Infallible>(self.secret.sign(message).to_bytes());
        match cosign(text, time, self.key.name(), self.key.id(), sign) {
            Ok(line) => line,
            Err(never) => match never {},
        }
    }
}

/// Reads what [`Cosigner::to_secret`] writes, with or without a line feed behind it.
impl FromStr for Cosigner {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_prefix(PREFIX).ok_or(SecretError)?;
        let (name, rest) = text.split_once('+').ok_or(SecretError)?;
        let (id, material) = rest.split_once('+').ok_or(SecretError)?;
        let material = STANDARD.decode(material).map_err(|_| SecretError)?;
        let material = Zeroizing::new(material);
        let (algorithm, secret) = material.split_first().ok_or(SecretError)?;
        let secret = secret.try_into().map_err(|_| SecretError)?;
        let cosigner = Self::new(name.parse().map_err(|_| SecretError)?, secret)?;
        let id: KeyId = id.parse().map_err(|_| SecretError)?;
        let fits = *algorithm == Algorithm::Cosignature.byte() && id == cosigner.key.id();
        fits.then_some(cosigner).ok_or(SecretError)
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Cosigner");
        debug.field("key", &self.key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_reads_as_it_was_written_and_is_not_shown() {
        let cosigner = Cosigner::new("w.example/1".parse().unwrap(), &[7; 32]).unwrap();
        let secret = cosigner.to_secret();
        let again: Cosigner = secret.parse().unwrap();
        assert_eq!(again.key(), cosigner.key());
        assert!(format!("{}\n", *secret).parse::<Cosigner>().is_ok());
        let material = secret.rsplit_once('+').unwrap().1;
        assert!(!format!("{again:?}").contains(material));
        let wrong = [
            "",
            "PRIVATE+KEY+",
            &cosigner.key().to_string(),
            &secret.replace("w.example/1", "w.example/2"),
            &secret.replace("+BAc", "+AQc"),
            &format!("{}\n\n", *secret),
        ];
        for text in wrong {
            assert_eq!(text.parse::<Cosigner>().map(drop), Err(SecretError));
        }
    }
}
