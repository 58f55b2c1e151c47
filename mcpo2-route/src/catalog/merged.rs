//! The lists of all modules as one, in pages.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use mcpo2_core::{Digest, Item, ItemKind, ModuleId, message::PageEntries};

use super::{
    has::{Has, LISTS},
    list::{Caching, Entry, List},
};

/// How long a page of a list may be. One entry always fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageLimits {
    /// Entries of a page.
    pub entries: usize,
    /// Bytes of its entries.
    pub bytes: usize,
}

impl Default for PageLimits {
    /// 500 entries and 256 KiB.
    fn default() -> Self {
        Self {
            entries: 500,
            bytes: 256 << 10,
        }
    }
}

/// One list of several modules: their entries in order of the modules' ids.
#[derive(Debug)]
pub(crate) struct Merged {
    /// The pages, one at least, and the number of the first entry of each.
    pages: Vec<(usize, Arc<PageEntries>)>,
    /// What is in it, for cursors: the same on every replica that knows the same.
    digest: Digest,
    pub(crate) caching: Caching,
}

/// One page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) entries: Arc<PageEntries>,
    /// The number of the entry that the next page begins with.
    pub(crate) next: Option<usize>,
}

/// Which entries are left out, since another module has the same name: by module.
pub(crate) type Shadowed = BTreeMap<ModuleId, usize>;

impl Merged {
    /// Joins the lists of one kind. Of two entries with one name the first stays.
    pub(crate) fn new<'a>(
        kind: ItemKind,
        lists: impl IntoIterator<Item = (&'a ModuleId, &'a List)>,
        limits: PageLimits,
        shadowed: &mut Shadowed,
    ) -> Self {
        let mut names: HashMap<&str, &ModuleId> = HashMap::new();
        let (mut caching, mut entries) = (Caching::default(), Vec::new());
        for (module, list) in lists {
            caching = caching.and(list.caching);
            for entry in &list.entries {
                match *names.entry(&entry.name).or_insert(module) == module {
                    true => entries.push(entry),
                    false => *shadowed.entry(module.clone()).or_default() += 1,
                }
            }
        }
        let mut pages = Pages::new(kind, limits);
        entries.into_iter().for_each(|entry| pages.push(entry));
        let pages = pages.finish();
        let digests = pages.iter().map(|(_, page)| Digest::of(page.text()));
        let digests: Vec<_> = digests.flat_map(|digest| *digest.as_bytes()).collect();
        Self {
            pages,
            digest: Digest::of(&digests),
            caching,
        }
    }

    /// The page that begins with the entry of this number; none where none does.
    pub(crate) fn page(&self, first: usize) -> Option<Page> {
        let at = self.pages.binary_search_by_key(&first, |(first, _)| *first);
        let at = at.ok()?;
        let (_, entries) = self.pages.get(at)?;
        Some(Page {
            entries: Arc::clone(entries),
            next: self.pages.get(at + 1).map(|(first, _)| *first),
        })
    }

    /// What is in it.
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }
}

/// Cuts a list into pages.
struct Pages<'a> {
    kind: ItemKind,
    limits: PageLimits,
    done: Vec<(usize, Arc<PageEntries>)>,
    first: usize,
    bytes: usize,
    page: Vec<&'a Entry>,
}

impl<'a> Pages<'a> {
    fn new(kind: ItemKind, limits: PageLimits) -> Self {
        Self {
            kind,
            limits,
            done: Vec::new(),
            first: 0,
            bytes: 0,
            page: Vec::new(),
        }
    }

    fn push(&mut self, entry: &'a Entry) {
        let bytes = self.bytes.saturating_add(entry.json.len() + 1);
        let full = self.page.len() >= self.limits.entries || bytes > self.limits.bytes + 1;
        if full && !self.page.is_empty() {
            self.turn();
        }
        self.bytes = self.bytes.saturating_add(entry.json.len() + 1);
        self.page.push(entry);
    }

    fn turn(&mut self) {
        let page = std::mem::take(&mut self.page);
        let (first, next) = (self.first, self.first + page.len());
        let entries = page.into_iter();
        let entries = entries.map(|entry| (Item::new(self.kind, entry.name.clone()), &entry.json));
        let entries = PageEntries::new(self.kind, entries);
        self.done.push((first, Arc::new(entries)));
        (self.first, self.bytes) = (next, 0);
    }

    /// The pages: one at least.
    fn finish(mut self) -> Vec<(usize, Arc<PageEntries>)> {
        if !self.page.is_empty() || self.done.is_empty() {
            self.turn();
        }
        self.done
    }
}

/// What all modules have, at one time.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) lists: [Arc<Merged>; 4],
    pub(super) modules: BTreeMap<ModuleId, Arc<Has>>,
    pub(super) shadowed: Shadowed,
    /// Whose a resource or template is that is listed.
    owners: HashMap<Item, ModuleId>,
}

impl Snapshot {
    pub(super) fn new(modules: BTreeMap<ModuleId, Arc<Has>>, limits: PageLimits) -> Self {
        let mut shadowed = Shadowed::new();
        let lists = LISTS.map(|(kind, _)| {
            let of_kind = modules.iter();
            let of_kind = of_kind.filter_map(|(id, has)| Some((id, &**has.list(kind)?)));
            Arc::new(Merged::new(kind, of_kind, limits, &mut shadowed))
        });
        let mut owners = HashMap::new();
        for (id, has) in &modules {
            for kind in [ItemKind::Resource, ItemKind::Template] {
                for entry in has.list(kind).into_iter().flat_map(|list| &list.entries) {
                    let item = Item::new(kind, entry.own.clone());
                    owners.entry(item).or_insert_with(|| id.clone());
                }
            }
        }
        Self {
            lists,
            modules,
            shadowed,
            owners,
        }
    }

    pub(super) fn list(&self, kind: ItemKind) -> Option<&Arc<Merged>> {
        let at = LISTS.iter().position(|(one, _)| *one == kind)?;
        self.lists.get(at)
    }

    /// Whose a resource or template is: who lists it, before who has a template that makes it;
    /// of several the first by id.
    pub(super) fn owner(&self, item: &Item) -> Option<&ModuleId> {
        let makes = || self.modules.iter().find(|(_, has)| has.makes(item));
        let listed = self.owners.get(item);
        listed.or_else(|| makes().map(|(id, _)| id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> List {
        let entry = |name: &&str| Entry {
            own: (*name).into(),
            name: (*name).into(),
            json: format!("\"{name}\"").into(),
            parameters: Default::default(),
            support: Default::default(),
        };
        List {
            entries: names.iter().map(entry).collect(),
            ..List::default()
        }
    }

    fn pages(merged: &Merged) -> Vec<String> {
        let (mut next, mut pages) = (Some(0), Vec::new());
        while let Some(first) = next {
            let page = merged.page(first).unwrap();
            pages.push(String::from_utf8(page.entries.text().to_vec()).unwrap());
            next = page.next;
        }
        pages
    }

    #[test]
    fn pages_hold_all_entries_in_order_and_the_first_of_each_name() {
        let ids: [ModuleId; 2] = ["a", "b"].map(|id| id.parse().unwrap());
        let lists = [list(&["1", "2", "3"]), list(&["2", "4", "5"])];
        let merged = |entries, bytes| {
            let mut shadowed = Shadowed::new();
            let limits = PageLimits { entries, bytes };
            let lists = ids.iter().zip(&lists);
            let merged = Merged::new(ItemKind::Tool, lists, limits, &mut shadowed);
            assert_eq!(shadowed, Shadowed::from([(ids[1].clone(), 1)]));
            merged
        };
        assert_eq!(
            pages(&merged(2, 99)),
            [r#""1","2""#, r#""3","4""#, r#""5""#]
        );
        assert_eq!(pages(&merged(9, 99)), [r#""1","2","3","4","5""#]);
        // A limit that nothing fits in gives an entry a page.
        assert_eq!(pages(&merged(9, 0)).len(), 5);
        assert_eq!(pages(&merged(0, 99)).len(), 5);
        assert!(merged(2, 99).page(1).is_none());
        assert_eq!(
            pages(&Merged::new(
                ItemKind::Tool,
                [],
                PageLimits::default(),
                &mut Shadowed::new()
            )),
            [""]
        );
    }
}
