use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use mcpo2_verify::{Hash, Values, commitment, encode_values};
use orion::hazardous::aead::xchacha20poly1305::{Nonce, SecretKey, XChaCha20Poly1305};
use zeroize::Zeroizing;

use super::{ByTag, Subject};
use crate::RecordId;

const TAG: usize = 16;
const NONCE: usize = 24;
/// What the cipher puts behind a text, so that nobody changes it.
const MARK: usize = 16;

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
    // It fails for texts of many GiB only; then the values are lost, and the commitments stand.
    let frame = encrypt(subject, id, &plain).unwrap_or_default();
    Sealed { commitments, frame }
}

/// A vault frame: whose it is, the nonce, and the text encrypted.
///
/// Of this cipher there are faster implementations for long texts. `chacha20poly1305`'s takes
/// 1.3 microseconds to begin with where the processor has AVX2 and the compiler is not told so,
/// which is more than all the rest of a short text.
fn encrypt(subject: &Subject, id: RecordId, plain: &[u8]) -> Option<Vec<u8>> {
    let nonce = nonce(id);
    let mut frame = Vec::with_capacity(TAG + NONCE + plain.len() + MARK);
    frame.extend_from_slice(&subject.tag);
    frame.extend_from_slice(&nonce);
    frame.resize(TAG + NONCE + plain.len() + MARK, 0);
    let (key, nonce) = (SecretKey::from(subject.key), Nonce::from(nonce));
    let text = frame.get_mut(TAG + NONCE..)?;
    XChaCha20Poly1305::seal(&key, &nonce, plain, Some(&id.to_bytes()), text).ok()?;
    Some(frame)
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
            let frame = encrypt(&Subject::of(key), id, &plain).unwrap();
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
        let Sealed { frame, commitments } = seal(&salts, &subject, id, &personal);
        let keys = ByTag::from([(subject.tag, subject.key)]);
        let opened = open(&keys, &frame).unwrap();
        let [(path, salt, value)] = opened.as_slice() else {
            panic!("one value")
        };
        assert_eq!(
            (path.as_str(), value.as_str()),
            ("/principal/id", r#""ada""#)
        );
        let bound = commitment(salt, path, value);
        assert_eq!(commitments, [("/principal/id", bound)]);
        for bit in 0..frame.len() * 8 {
            let mut frame = frame.clone();
            frame[bit / 8] ^= 1 << (bit % 8);
            // The last eight bytes of the nonce are zeros that the mark covers as well.
            assert_eq!(open(&keys, &frame), None, "bit {bit}");
        }
    }
}
