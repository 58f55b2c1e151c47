use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use mcpo2_verify::{Hash, Values, commitment, encode_values};
use zeroize::Zeroizing;

use super::{ByTag, Subject};
use crate::RecordId;

const TAG: usize = 16;
const NONCE: usize = 24;

/// What is personal in one record: where it stands, and its JSON.
pub(crate) type Personal = Vec<(&'static str, String)>;

/// What a record keeps of it.
#[derive(Debug, Default)]
pub(crate) struct Sealed {
    /// Sorted by path.
    pub(crate) commitments: Vec<(&'static str, Hash)>,
    /// The payload of its vault frame.
    pub(crate) frame: Vec<u8>,
}

/// A source of salts: no two are the same, and nobody can guess one.
pub(crate) struct Salts {
    seed: [u8; 32],
    count: AtomicU64,
}

impl Salts {
    /// `seed` is fresh random.
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        let count = AtomicU64::new(0);
        Self { seed, count }
    }

    fn many<'a>(&self, salts: impl IntoIterator<Item = &'a mut [u8; 32]>) {
        let count = self.count.fetch_add(1, Relaxed);
        let mut hasher = blake3::Hasher::new_keyed(&self.seed);
        let mut stream = hasher.update(&count.to_le_bytes()).finalize_xof();
        salts.into_iter().for_each(|salt| stream.fill(salt));
    }
}

/// Commits to the values, and encrypts them and their salts for who has the person's key.
pub(crate) fn seal(salts: &Salts, subject: &Subject, id: RecordId, personal: &Personal) -> Sealed {
    let mut values: Vec<_> = personal
        .iter()
        .map(|(path, value)| (*path, [0; 32], value.as_str()))
        .collect();
    values.sort_unstable_by_key(|(path, ..)| *path);
    salts.many(values.iter_mut().map(|(_, salt, _)| salt));
    let commitments = values
        .iter()
        .map(|(path, salt, value)| (*path, commitment(salt, path, value)))
        .collect();
    // They are sorted and few, so it does not fail.
    let plain = Zeroizing::new(encode_values(&values).unwrap_or_default());
    let nonce = nonce(id);
    let payload = Payload {
        msg: &plain,
        aad: &id.to_bytes(),
    };
    let cipher = XChaCha20Poly1305::new(&subject.key.into());
    // It fails for texts of many GiB only; then the values are lost, and the commitments stand.
    let sealed = cipher.encrypt(&XNonce::from(nonce), payload);
    let mut frame = Vec::with_capacity(TAG + NONCE + plain.len() + 16);
    if let Ok(sealed) = sealed {
        frame.extend_from_slice(&subject.tag);
        frame.extend_from_slice(&nonce);
        frame.extend_from_slice(&sealed);
    }
    Sealed { commitments, frame }
}

/// What a vault frame holds, for who has the key: path, salt and value of each.
pub(crate) type Opened = Vec<(String, [u8; 32], String)>;

/// Opens a vault frame; none where its key is gone, or it is none.
pub(crate) fn open(keys: &ByTag, frame: &[u8]) -> Option<Opened> {
    let (tag, rest) = frame.split_first_chunk::<TAG>()?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>()?;
    let (id, _) = nonce.split_first_chunk::<16>()?;
    let key = keys.get(tag)?;
    let payload = Payload {
        msg: sealed,
        aad: id,
    };
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    let plain = cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
    let plain = Zeroizing::new(plain);
    let values = Values::decode(&plain).ok()?;
    Some(
        values
            .map(|it| (it.path.into(), *it.salt, it.value.into()))
            .collect(),
    )
}

/// Ids of records are never used twice, so this is not either.
fn nonce(id: RecordId) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    let bytes = id.to_bytes();
    nonce
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = from);
    nonce
}
