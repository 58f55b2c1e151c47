use std::collections::{BTreeMap, HashMap};

use mcpo2_core::Digest;

use super::{
    cache::{Cache, Key},
    chunks::Chunk,
    file::{FileIndex, Hit, Outline},
    index_of, number,
    terms::each_term,
};
use crate::facts::{Flags, Language};

/// A file of the corpus, by name and content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Document {
    /// Its path from the root, with `/`.
    pub path: Box<str>,
    /// The digest of its bytes.
    pub digest: Digest,
}

/// Where the bytes of documents come from.
pub trait Texts {
    /// The bytes with this digest; none where they cannot be had.
    fn read(&self, digest: &Digest) -> Option<std::sync::Arc<[u8]>>;
}

/// What [`Index::update`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Update {
    /// Files whose text was read and analysed.
    pub analysed: usize,
    /// Files that came from the cache.
    pub cached: usize,
    /// Files that were as before.
    pub kept: usize,
    /// Files that are gone, or have another content.
    pub removed: usize,
    /// Files whose bytes could not be had or had another digest.
    pub unreadable: usize,
}

/// What is searched: each file once, and for each term the files that have it.
#[derive(Debug, Default)]
pub struct Index {
    pub(super) files: Vec<Option<File>>,
    free: Vec<u32>,
    paths: BTreeMap<Box<str>, u32>,
    names: HashMap<Box<str>, u32>,
    pub(super) postings: Vec<Vec<Posting>>,
    length: u64,
}

/// A file in the index.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: Box<str>,
    pub(super) digest: Digest,
    pub(super) language: Option<Language>,
    pub(super) flags: Flags,
    pub(super) lines: u32,
    pub(super) length: u32,
    pub(super) symbols: Box<[Outline]>,
    pub(super) chunks: Box<[Chunk]>,
    pub(super) terms: Box<[Entry]>,
    hits: Box<[Hit]>,
}

/// A term of a file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) term: u32,
    start: u32,
    end: u32,
}

/// A file that has a term.
#[derive(Debug, Clone, Copy)]
pub(super) struct Posting {
    pub(super) file: u32,
    /// The place of the term in the file's own list.
    pub(super) entry: u32,
    pub(super) count: u16,
    pub(super) named: u16,
    pub(super) in_path: u16,
}

impl Index {
    /// An index of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes this the index of these documents. Only what changed is read and analysed.
    pub fn update(
        &mut self,
        documents: &[Document],
        texts: &dyn Texts,
        cache: &mut dyn Cache,
    ) -> Update {
        let mut update = Update::default();
        let wanted: BTreeMap<&str, &Digest> =
            documents.iter().map(|d| (&*d.path, &d.digest)).collect();
        update.removed = self.remove(&wanted);
        for (path, digest) in wanted {
            if self.paths.contains_key(path) {
                update.kept += 1;
                continue;
            }
            match load(path, digest, texts, cache, &mut update) {
                Some(file) => self.insert(path, *digest, file),
                None => update.unreadable += 1,
            }
        }
        update
    }

    /// How many files it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// True if it has no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    pub(super) fn mean_length(&self) -> f64 {
        let files = f64::from(number(self.paths.len().max(1)));
        super::real(self.length) / files
    }

    pub(super) fn postings(&self, term: &str) -> &[Posting] {
        let list = self
            .names
            .get(term)
            .and_then(|id| self.postings.get(index_of(*id)));
        list.map_or(&[], Vec::as_slice)
    }

    pub(super) fn file(&self, id: u32) -> Option<&File> {
        self.files.get(index_of(id))?.as_ref()
    }

    /// The paths in order, with the ids of their files.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&str, u32)> {
        self.paths.iter().map(|(path, id)| (&**path, *id))
    }

    fn remove(&mut self, wanted: &BTreeMap<&str, &Digest>) -> usize {
        let stays = |file: &File| wanted.get(&*file.path) == Some(&&file.digest);
        let mut touched = vec![false; self.postings.len()];
        let mut removed = 0;
        for (slot, id) in self.files.iter_mut().zip(0_u32..) {
            if slot.as_ref().is_none_or(stays) {
                continue;
            }
            let Some(file) = slot.take() else { continue };
            removed += 1;
            self.paths.remove(&file.path);
            self.length = self.length.saturating_sub(file.length.into());
            self.free.push(id);
            for entry in &file.terms {
                if let Some(touched) = touched.get_mut(index_of(entry.term)) {
                    *touched = true;
                }
            }
        }
        let files = &self.files;
        let lives = |p: &Posting| files.get(index_of(p.file)).is_some_and(Option::is_some);
        for (list, _) in self
            .postings
            .iter_mut()
            .zip(touched)
            .filter(|(_, touched)| *touched)
        {
            list.retain(lives);
        }
        removed
    }

    fn insert(&mut self, path: &str, digest: Digest, index: FileIndex) {
        let id = self.free.pop().unwrap_or_else(|| {
            self.files.push(None);
            number(self.files.len().saturating_sub(1))
        });
        let in_path = path_terms(path);
        let mut entries: Vec<Entry> = Vec::with_capacity(index.terms.len());
        let mut hits: Vec<Hit> = Vec::new();
        for term in &index.terms {
            let start = number(hits.len());
            hits.extend_from_slice(&term.hits);
            let (count, named) = FileIndex::frequency(&term.hits);
            let posting = Posting {
                file: id,
                entry: number(entries.len()),
                count: u16::try_from(count).unwrap_or(u16::MAX),
                named: u16::try_from(named).unwrap_or(u16::MAX),
                in_path: in_path.get(&*term.text).copied().unwrap_or_default(),
            };
            let term = self.post(&term.text, posting);
            entries.push(Entry {
                term,
                start,
                end: number(hits.len()),
            });
        }
        for (text, count) in in_path {
            if index
                .terms
                .binary_search_by(|term| (*term.text).cmp(&text))
                .is_err()
            {
                let entry = number(entries.len());
                let posting = Posting {
                    file: id,
                    entry,
                    count: 0,
                    named: 0,
                    in_path: count,
                };
                let term = self.post(&text, posting);
                entries.push(Entry {
                    term,
                    start: 0,
                    end: 0,
                });
            }
        }
        self.length = self.length.saturating_add(index.length.into());
        self.paths.insert(path.into(), id);
        let file = File {
            path: path.into(),
            digest,
            language: index.language,
            flags: index.flags.with(Flags::of_path(path)),
            lines: index.lines,
            length: index.length,
            symbols: index.symbols.into(),
            chunks: index.chunks.into(),
            terms: entries.into(),
            hits: hits.into(),
        };
        if let Some(slot) = self.files.get_mut(index_of(id)) {
            *slot = Some(file);
        }
    }

    /// Adds a posting to the list of its term, and says which term that is.
    fn post(&mut self, term: &str, posting: Posting) -> u32 {
        let id = match self.names.get(term) {
            Some(id) => *id,
            None => {
                let id = number(self.postings.len());
                self.names.insert(term.into(), id);
                self.postings.push(Vec::new());
                id
            }
        };
        if let Some(list) = self.postings.get_mut(index_of(id)) {
            list.push(posting);
        }
        id
    }
}

impl File {
    /// The chunks that have a term, by the term's place in the file's list.
    pub(super) fn hits(&self, entry: u32) -> &[Hit] {
        let range = self
            .terms
            .get(index_of(entry))
            .map(|e| index_of(e.start)..index_of(e.end));
        range
            .and_then(|range| self.hits.get(range))
            .unwrap_or_default()
    }
}

fn load(
    path: &str,
    digest: &Digest,
    texts: &dyn Texts,
    cache: &mut dyn Cache,
    update: &mut Update,
) -> Option<FileIndex> {
    let key = Key::of(path, *digest);
    if let Some(file) = cache
        .load(&key)
        .and_then(|bytes| FileIndex::from_bytes(&key, &bytes))
    {
        update.cached += 1;
        return Some(file);
    }
    let bytes = texts
        .read(digest)
        .filter(|bytes| Digest::of(bytes) == *digest)?;
    update.analysed += 1;
    let file = FileIndex::of(path, &bytes);
    cache.store(&key, &file.to_bytes(&key));
    Some(file)
}

fn path_terms(path: &str) -> BTreeMap<String, u16> {
    let mut terms = BTreeMap::new();
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    each_term(stem, |term, _| {
        let count: &mut u16 = terms.entry(term.to_owned()).or_default();
        *count = count.saturating_add(1);
    });
    terms
}
