use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use mcpo2_verify::{Hash, Values, commitment, encode_values};
use orion::hazardous::aead::xchacha20poly1305::{Nonce, SecretKey, XChaCha20Poly1305};
use zeroize::{Zeroize as _, Zeroizing};

use super::{ByTag, Subject};
use crate::RecordId;

const TAG: usize = 16;
const NONCE: usize = 24;
/// What the cipher puts behind a text, so that nobody changes it.
const MARK: usize = 16;

/// What is personal in one record: where it stands, and its JSON.
pub(crate) type Personal = Vec<(&'static str, String)>;

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

/// What is personal in one record, sorted by path, each with the salt that hides it.
pub(crate) struct Bound<'a>(Vec<(&'a str, [u8; 32], &'a str)>);

impl<'a> Bound<'a> {
    pub(super) fn new(salts: &Salts, personal: &'a Personal) -> Self {
        let values = personal.iter();
        let mut values: Vec<_> = values
            .map(|(path, it)| (*path, [0; 32], it.as_str()))
            .collect();
        values.sort_unstable_by_key(|(path, ..)| *path);
        if !values.is_empty() {
            salts.many(values.iter_mut().map(|(_, salt, _)| salt));
        }
        Self(values)
    }

    /// What the record keeps of them.
    pub(crate) fn commitments(&self) -> Vec<(&'a str, Hash)> {
        let values = self.0.iter();
        values
            .map(|(path, salt, value)| (*path, commitment(salt, path, value)))
            .collect()
    }

    /// Puts the payload of a vault frame behind what is there: values and salts, for who has the
    /// person's key. Nothing where there are none.
    pub(crate) fn seal(&self, to: &mut Vec<u8>, subject: &Subject, id: RecordId) {
        if self.0.is_empty() {
            return;
        }
        // They are sorted and few, so it does not fail.
        let plain = Zeroizing::new(encode_values(&self.0).unwrap_or_default());
        let before = to.len();
        if encrypt(to, subject, id, &plain).is_none() {
            // It fails for texts of many GiB only; then the values are lost, and the commitments
            // stand.
            to.truncate(before);
        }
    }
}

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, salt, _)| salt.zeroize());
    }
}

/// Whose it is, the nonce, and the text encrypted.
///
/// Of this cipher there are faster implementations for long texts. `chacha20poly1305`'s takes
/// 1.3 microseconds to begin with where the processor has AVX2 and the compiler is not told so,
/// which is more than all the rest of a short text.
fn encrypt(to: &mut Vec<u8>, subject: &Subject, id: RecordId, plain: &[u8]) -> Option<()> {
    let nonce = nonce(id);
    to.reserve(TAG + NONCE + plain.len() + MARK);
    to.extend_from_slice(&subject.tag);
    to.extend_from_slice(&nonce);
    let at = to.len();
    to.resize(at + plain.len() + MARK, 0);
    let (key, nonce) = (SecretKey::from(subject.key), Nonce::from(nonce));
    let text = to.get_mut(at..)?;
    XChaCha20Poly1305::seal(&key, &nonce, plain, Some(&id.to_bytes()), text).ok()
}

/// What a vault frame holds, for who has the key: path, salt and value of each.
pub(crate) type Opened = Vec<(String, [u8; 32], String)>;

/// Opens a vault frame; none where its key is gone, or it is none.
pub(crate) fn open(keys: &ByTag, frame: &[u8]) -> Option<Opened> {
    let (tag, rest) = frame.split_first_chunk::<TAG>()?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>()?;
    let (id, _) = nonce.split_first_chunk::<16>()?;
    let key = keys.get(tag)?;
    let mut plain = Zeroizing::new(vec![0; sealed.len().checked_sub(MARK)?]);
    let (key, nonce) = (SecretKey::from(*key), Nonce::from(*nonce));
    XChaCha20Poly1305::open(&key, &nonce, sealed, Some(id), &mut plain).ok()?;
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

#[cfg(test)]
mod tests {
    use chacha20poly1305::{
        KeyInit as _, XChaCha20Poly1305, XNonce,
        aead::{Aead as _, Payload},
    };
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frames_are_those_of_another_implementation(
            key: [u8; 32],
            random: [u8; 16],
            plain in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let id = RecordId::v7(jiff::Timestamp::UNIX_EPOCH, random);
            let mut frame = Vec::new();
            encrypt(&mut frame, &Subject::of(key), id, &plain).unwrap();
            let (nonce, sealed) = frame[TAG..].split_at(NONCE);
            let aad = id.to_bytes();
            let payload = Payload { msg: sealed, aad: &aad };
            let nonce: [u8; NONCE] = nonce.try_into().unwrap();
            let opened = XChaCha20Poly1305::new(&key.into()).decrypt(&XNonce::from(nonce), payload);
            prop_assert_eq!(opened.unwrap(), plain);
        }
    }

    #[test]
    fn no_bit_of_a_frame_can_be_changed() {
        let salts = Salts::new([1; 32]);
        let subject = Subject::of([2; 32]);
        let id = RecordId::v7(jiff::Timestamp::UNIX_EPOCH, [3; 16]);
        let personal = vec![("/principal/id", r#""ada""#.to_owned())];
        let mut frame = Vec::new();
        let bound = Bound::new(&salts, &personal);
        bound.seal(&mut frame, &subject, id);
        let keys = ByTag::from([(subject.tag, subject.key)]);
        let opened = open(&keys, &frame).unwrap();
        let [(path, salt, value)] = opened.as_slice() else {
            panic!("one value")
        };
        assert_eq!(
            (path.as_str(), value.as_str()),
            ("/principal/id", r#""ada""#)
        );
        let kept = commitment(salt, path, value);
        assert_eq!(bound.commitments(), [("/principal/id", kept)]);
        for bit in 0..frame.len() * 8 {
            let mut frame = frame.clone();
            frame[bit / 8] ^= 1 << (bit % 8);
            // The last eight bytes of the nonce are zeros that the mark covers as well.
            assert_eq!(open(&keys, &frame), None, "bit {bit}");
        }
    }
}
