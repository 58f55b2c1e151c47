//! Persons, and those whose names were hashed lately.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

use zeroize::Zeroize as _;

use super::Subject;

/// How many persons are remembered at most.
const SLOTS: usize = 1024;

/// A person, with all that is hashed of their name. Their key is wiped when nobody holds this any
/// more.
pub(crate) struct Person {
    name: (Box<str>, Box<str>),
    /// The tag by which leaves know the tenant.
    pub(crate) tenant: [u8; 32],
    pub(crate) subject: Subject,
    /// The name by which records know the person.
    pub(crate) pseudonym: Box<str>,
}

impl Person {
    /// The person of this tenant and id.
    pub(super) fn new((of, id): (&str, &str), tenant: [u8; 32], subject: Subject) -> Self {
        Self {
            name: (of.into(), id.into()),
            tenant,
            subject,
            pseudonym: subject.pseudonym().into(),
        }
    }

    fn is(&self, (of, id): (&str, &str)) -> bool {
        *self.name.0 == *of && *self.name.1 == *id
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        self.subject.key.zeroize();
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({})", self.pseudonym)
    }
}

/// Persons who were recorded lately, so that three hashes are not made anew for each record.
///
/// Each has one slot, by a hash that nobody can foresee, and whoever comes later takes it: so it
/// does not grow, and what it costs to be many is what it cost before.
#[derive(Default)]
pub(super) struct Recent {
    hasher: RandomState,
    slots: Vec<Option<Arc<Person>>>,
}

impl Recent {
    pub(super) fn find(&self, name: (&str, &str)) -> Option<Arc<Person>> {
        let person = self.slots.get(self.slot(name))?.as_ref();
        person.filter(|person| person.is(name)).map(Arc::clone)
    }

    pub(super) fn put(&mut self, person: &Arc<Person>) {
        self.slots.resize(SLOTS, None);
        let slot = self.slot((&person.name.0, &person.name.1));
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = Some(Arc::clone(person));
        }
    }

    /// INVARIANT: called with each erasure, so that no key outlives it here.
    pub(super) fn forget_all(&mut self) {
        self.slots.clear();
    }

    fn slot(&self, name: (&str, &str)) -> usize {
        let slots = u64::try_from(SLOTS).unwrap_or(1);
        usize::try_from(self.hasher.hash_one(name) % slots).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str) -> Arc<Person> {
        let subject = Subject::of([7; 32]);
        Arc::new(Person::new(("acme", id), [0; 32], subject))
    }

    #[test]
    fn nobody_is_taken_for_another_and_not_more_are_kept_than_there_are_slots() {
        let mut recent = Recent::default();
        for number in 0..4 * SLOTS {
            let id = number.to_string();
            assert!(recent.find(("acme", &id)).is_none());
            recent.put(&person(&id));
            assert!(recent.find(("acme", &id)).unwrap().is(("acme", &id)));
            assert!(recent.find(("acm", &format!("e{id}"))).is_none());
        }
        assert_eq!(recent.slots.len(), SLOTS);
    }

    #[test]
    fn forgotten_person_is_kept_by_nobody() {
        let mut recent = Recent::default();
        let ada = person("ada");
        recent.put(&ada);
        let kept = Arc::downgrade(&ada);
        drop(ada);
        assert!(kept.upgrade().is_some());
        recent.forget_all();
        assert!(kept.upgrade().is_none());
        assert!(recent.find(("acme", "ada")).is_none());
    }
}
