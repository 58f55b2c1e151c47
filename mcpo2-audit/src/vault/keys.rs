use std::{collections::HashMap, fmt, io, sync::Arc};

use mcpo2_verify::subject_tag;
use zeroize::{Zeroize as _, Zeroizing};

use super::{
    ByTag,
    person::{Person, Recent},
};
use crate::{Disk, DiskFile, Error, secret};

const FILE: &str = "vault/keys";
/// What finds a person, the key, and the CRC of both.
const ENTRY: usize = 32 + 32 + 4;
/// The size that the file of keys can have.
const MAX_FILE: u64 = 1 << 31;

/// The keys of persons: 64 bytes of memory and 68 on the disk for each.
#[derive(Default)]
pub(crate) struct Keys {
    known: HashMap<[u8; 32], [u8; 32]>,
    /// Those that are not on the disk yet.
    new: Vec<[u8; ENTRY]>,
    length: u64,
    recent: Recent,
}

/// A person, as the vault knows them.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) tag: [u8; 16],
    pub(super) key: [u8; 32],
}

impl Keys {
    /// The keys that are on the disk; an entry that a crash left torn at the end is cut.
    pub(crate) fn load(disk: &dyn Disk) -> io::Result<Self> {
        let bytes = match disk.read(FILE, MAX_FILE) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Zeroizing::default(),
            Err(error) => return Err(error),
        };
        // What tore was of records that tore with it, and behind the last is room.
        let entries = bytes.chunks_exact(ENTRY).enumerate();
        let entries = entries.filter_map(|(at, entry)| Some((at, parse(entry)?)));
        let mut known = HashMap::new();
        let mut count = 0;
        for (at, (lookup, key)) in entries {
            known.insert(lookup, key);
            count = at + 1;
        }
        Ok(Self {
            known,
            new: Vec::new(),
            length: u64::try_from(count * ENTRY).unwrap_or_default(),
            recent: Recent::default(),
        })
    }

    pub(super) fn subject(&mut self, lookup: [u8; 32]) -> Result<Subject, Error> {
        if let Some(key) = self.known.get(&lookup) {
            return Ok(Subject::of(*key));
        }
        let key = secret::random()?;
        self.known.insert(lookup, key);
        self.new.push(entry(&lookup, &key));
        Ok(Subject::of(key))
    }

    /// The person of this tenant and id, where they were recorded lately.
    pub(super) fn recent(&self, tenant: &str, id: &str) -> Option<Arc<Person>> {
        self.recent.find((tenant, id))
    }

    /// Keeps somebody at hand whose key is known.
    pub(super) fn remember(&mut self, person: &Arc<Person>) {
        self.recent.put(person);
    }

    /// How long the file is with all that are known.
    pub(crate) fn length(&self) -> u64 {
        let new = u64::try_from(self.new.len() * ENTRY).unwrap_or_default();
        self.length.saturating_add(new)
    }

    /// The person, if there is one of whom something was recorded.
    pub(crate) fn find(&self, lookup: &[u8; 32]) -> Option<Subject> {
        self.known.get(lookup).map(|key| Subject::of(*key))
    }

    /// Those that came since the last time, to be made safe before any record that needs them.
    pub(crate) fn take_new(&mut self) -> Option<(u64, Vec<u8>)> {
        if self.new.is_empty() {
            return None;
        }
        let bytes: Vec<u8> = self.new.drain(..).flatten().collect();
        let at = self.length;
        self.length += u64::try_from(bytes.len()).unwrap_or_default();
        Some((at, bytes))
    }

    /// Forgets a person; the disk forgets with the next [`store`](Self::store).
    pub(crate) fn forget(&mut self, lookup: &[u8; 32]) -> bool {
        self.recent.forget_all();
        self.new.retain(|entry| !entry.starts_with(lookup));
        // A key that is moved out of the map would stay behind in it.
        self.known
            .get_mut(lookup)
            .into_iter()
            .for_each(|key| key.zeroize());
        self.known.remove(lookup).is_some()
    }

    /// Writes all keys anew, so that those forgotten are on the disk no more.
    pub(crate) fn store(&mut self, disk: &dyn Disk) -> io::Result<()> {
        let entries = self
            .known
            .iter()
            .flat_map(|(lookup, key)| entry(lookup, key));
        let bytes = Zeroizing::new(entries.collect::<Vec<u8>>());
        // What is forgotten is to be overwritten, and not only to lose its name.
        if let Ok(old) = disk.open(FILE) {
            let length = usize::try_from(old.len()?).map_err(io::Error::other)?;
            disk.replace(FILE, &bytes)?;
            old.write_all_at(&vec![0; length], 0)?;
            old.sync()?;
        } else {
            disk.replace(FILE, &bytes)?;
        }
        self.new.clear();
        self.length = u64::try_from(bytes.len()).unwrap_or_default();
        Ok(())
    }

    /// The same keys, by the tags that records name.
    pub(crate) fn by_tag(&self) -> ByTag {
        let keys = self.known.values();
        keys.map(|key| (subject_tag(key), *key)).collect()
    }
}

/// Writes new keys where they belong, and makes them safe.
pub(crate) fn append(disk: &dyn Disk, at: u64, bytes: &[u8]) -> io::Result<()> {
    let file = opened(disk)?;
    file.write_all_at(bytes, at)?;
    file.sync()
}

/// Keeps room in the file up to this length.
pub(crate) fn make_room(disk: &dyn Disk, length: u64) -> io::Result<()> {
    let file = opened(disk)?;
    file.allocate(length)?;
    file.sync()
}

fn opened(disk: &dyn Disk) -> io::Result<Box<dyn DiskFile>> {
    match disk.open(FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let file = disk.create(FILE)?;
            disk.sync_dir("vault")?;
            Ok(file)
        }
        opened => opened,
    }
}

impl Subject {
    pub(super) fn of(key: [u8; 32]) -> Self {
        let tag = subject_tag(&key);
        Self { tag, key }
    }

    /// The name by which records know the person.
    pub(crate) fn pseudonym(&self) -> String {
        let nibbles = self.tag.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digits = nibbles.map(|nibble| char::from_digit(nibble.into(), 16));
        let mut text = String::with_capacity(32);
        text.extend(digits.flatten());
        text
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({})", self.pseudonym())
    }
}

fn entry(lookup: &[u8; 32], key: &[u8; 32]) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    let sum = crc(lookup, key).to_le_bytes();
    let bytes = lookup.iter().chain(key).chain(&sum);
    entry
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    entry
}

fn parse(entry: &[u8]) -> Option<([u8; 32], [u8; 32])> {
    let (lookup, rest) = entry.split_first_chunk()?;
    let (key, sum) = rest.split_first_chunk()?;
    (crc(lookup, key).to_le_bytes() == *sum).then_some((*lookup, *key))
}

fn crc(lookup: &[u8; 32], key: &[u8; 32]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(lookup);
    hasher.update(key);
    hasher.finalize()
}
