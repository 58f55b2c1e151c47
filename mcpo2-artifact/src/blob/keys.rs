use std::fmt;

use mcpo2_core::{Digest, TenantId};

use super::{BlobError, BlobErrorKind, Space};
use crate::Key;

/// Knows the keys of tenants.
pub trait KeySource: Send + Sync + fmt::Debug + 'static {
    /// The keys of this tenant: the same each time.
    ///
    /// # Errors
    ///
    /// [`Keys`](super::BlobErrorKind::Keys) where they cannot be had.
    fn keys(&self, tenant: &TenantId) -> Result<TenantKeys, BlobError>;

    /// Makes the keys of this tenant so that nobody can have them again.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](super::BlobErrorKind::Unsupported) where keys are derived and not kept, and
    /// [`Keys`](super::BlobErrorKind::Keys) where they may still be there.
    fn destroy(&self, tenant: &TenantId) -> Result<(), BlobError> {
        let _ = tenant;
        Err(BlobErrorKind::Unsupported.into())
    }
}

/// The keys of one tenant: what its space and its names are made of, and what seals its blobs.
#[derive(Clone)]
pub struct TenantKeys {
    space: Space,
    names: [u8; 32],
    #[cfg(feature = "encrypt")]
    seal: Option<super::seal::SealKey>,
}

impl TenantKeys {
    /// The keys of the tenant whose space this is, from 32 secret bytes of his own. Blobs are kept
    /// as they are.
    #[must_use]
    pub fn new(space: Space, secret: &[u8; 32]) -> Self {
        Self {
            space,
            names: blake3::derive_key("mcpo2-artifact 2026 names of blobs", secret),
            #[cfg(feature = "encrypt")]
            seal: None,
        }
    }

    /// The same, but blobs are sealed: without the secret, nobody reads them.
    #[cfg(feature = "encrypt")]
    #[must_use]
    pub fn sealed(space: Space, secret: &[u8; 32]) -> Self {
        Self {
            space,
            // Others than of plain blobs, so that one is never taken for the other.
            names: blake3::derive_key("mcpo2-artifact 2026 names of sealed blobs", secret),
            seal: Some(super::seal::SealKey::new(secret)),
        }
    }

    /// The tenant's part of the store.
    #[must_use]
    pub fn space(&self) -> Space {
        self.space
    }

    #[cfg(feature = "encrypt")]
    pub(crate) fn seal(&self) -> Option<&super::seal::SealKey> {
        self.seal.as_ref()
    }

    /// Whether what a store gets is not the plain bytes.
    pub(crate) fn is_sealed(&self) -> bool {
        #[cfg(feature = "encrypt")]
        return self.seal.is_some();
        #[cfg(not(feature = "encrypt"))]
        false
    }

    /// Where content with this digest is.
    pub(crate) fn blob(&self, digest: &Digest) -> Key {
        self.name(&[digest.as_bytes()])
    }

    /// Where that is with which such content is verified.
    pub(crate) fn tree(&self, digest: &Digest) -> Key {
        self.name(&[b"tree", digest.as_bytes()])
    }

    /// Where the chunk with this digest is. It is no blob that could be asked for.
    pub(crate) fn chunk(&self, digest: &Digest) -> Key {
        self.name(&[b"chunk\0", digest.as_bytes()])
    }

    /// Where the list of the chunks is of content with this digest.
    pub(crate) fn index(&self, digest: &Digest) -> Key {
        self.name(&[b"chunks\0", digest.as_bytes()])
    }

    /// What binds such a list to the content with this digest.
    pub(crate) fn tag(&self, digest: &Digest, list: &[u8]) -> [u8; 32] {
        let key = blake3::derive_key("mcpo2-artifact 2026 tags of lists of chunks", &self.names);
        let mut hasher = blake3::Hasher::new_keyed(&key);
        hasher.update(digest.as_bytes()).update(list);
        *hasher.finalize().as_bytes()
    }

    /// With what is decided where content is cut: a number for each byte.
    pub(crate) fn gear(&self) -> Box<[u64; 256]> {
        let mut hasher = blake3::Hasher::new_derive_key("mcpo2-artifact 2026 borders of chunks");
        let mut numbers = hasher.update(&self.names).finalize_xof();
        Box::new(std::array::from_fn(|_| {
            let mut number = [0; 8];
            numbers.fill(&mut number);
            u64::from_le_bytes(number)
        }))
    }

    pub(crate) fn root(&self, label: &str) -> Key {
        self.name(&[b"root\0", blake3::hash(label.as_bytes()).as_bytes()])
    }

    /// Hides what is committed under a label from who has no keys, and shows it to who has: the same
    /// twice gives what it was. A label is about one thing for ever, so its mask hides one thing only.
    pub(crate) fn mask(&self, label: &str, subject: &[u8; 32]) -> [u8; 32] {
        let mask = self.name(&[b"subject\0", blake3::hash(label.as_bytes()).as_bytes()]);
        std::array::from_fn(|at| {
            let [one, other] = [subject, mask.as_bytes()].map(|bytes| bytes.get(at).copied());
            one.unwrap_or_default() ^ other.unwrap_or_default()
        })
    }

    /// Where the pin is that this name, or a time, gives this root.
    pub(crate) fn pin(&self, root: &Key, reason: &str) -> Key {
        let reason = blake3::hash(reason.as_bytes());
        self.name(&[b"pin\0", root.as_bytes(), reason.as_bytes()])
    }

    /// INVARIANT: what is hashed for one use has another length than for any other.
    fn name(&self, parts: &[&[u8]]) -> Key {
        let mut hasher = blake3::Hasher::new_keyed(&self.names);
        for part in parts {
            hasher.update(part);
        }
        Key::from_bytes(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for TenantKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantKeys({})", self.space)
    }
}

/// Derives the keys of all tenants from one secret, so that nothing but it has to be kept.
#[derive(Clone)]
pub struct MasterKey {
    secret: [u8; 32],
    #[cfg(feature = "encrypt")]
    seals: bool,
}

impl MasterKey {
    /// These bytes, which have to be random, and the same as long as the store is used.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            secret,
            #[cfg(feature = "encrypt")]
            seals: false,
        }
    }

    /// The same, but blobs are sealed. What was put before is not found any more.
    #[cfg(feature = "encrypt")]
    #[must_use]
    pub fn sealing(mut self) -> Self {
        self.seals = true;
        self
    }
}

impl KeySource for MasterKey {
    fn keys(&self, tenant: &TenantId) -> Result<TenantKeys, BlobError> {
        let space = space(&self.secret, tenant);
        let mut hasher = blake3::Hasher::new_derive_key("mcpo2-artifact 2026 secret of a tenant");
        hasher.update(&self.secret);
        hasher.update(tenant.as_str().as_bytes());
        let secret = *hasher.finalize().as_bytes();
        #[cfg(feature = "encrypt")]
        if self.seals {
            return Ok(TenantKeys::sealed(space, &secret));
        }
        Ok(TenantKeys::new(space, &secret))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// Which space a tenant has, under this secret.
pub(crate) fn space(secret: &[u8; 32], tenant: &TenantId) -> Space {
    let mut hasher = blake3::Hasher::new_derive_key("mcpo2-artifact 2026 space of a tenant");
    hasher.update(secret);
    hasher.update(tenant.as_str().as_bytes());
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    Space::from_bytes(bytes)
}
