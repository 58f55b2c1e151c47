//! Which fields of a record say something of a person.

use serde_json::Value;

use crate::vault::Personal;

/// What may be known of a field, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// It stands in the record, and stays.
    Public,
    /// It stands in the record, and says who it is to who has the vault; once they are erased, to
    /// nobody.
    Pseudonymous,
    /// The record holds a commitment to it, and the vault the value until it is erased.
    Personal,
    /// It is nowhere: the record holds a digest under a key of the ledger.
    Secret,
}

const PERSONAL: [&str; 4] = [CAUSE, PRINCIPAL, REMOTE, ITEM];
pub(super) const CAUSE: &str = "/end/cause";
pub(super) const PRINCIPAL: &str = "/principal/id";
pub(super) const REMOTE: &str = "/remote";
pub(super) const ITEM: &str = "/request/item/name";
/// The arguments of a call, where they are kept.
pub(super) const ARGUMENTS: &str = "/request/arguments";

/// The class of a field, by the JSON pointer to it in a record. The names of tools, prompts and
/// tasks, which share a field with URIs, are public.
///
/// ```
/// use mcpo2_audit::{Class, class_of};
/// assert_eq!(class_of("/principal/id"), Class::Personal);
/// assert_eq!(class_of("/request/digest"), Class::Secret);
/// assert_eq!(class_of("/family"), Class::Public);
/// ```
#[must_use]
pub fn class_of(pointer: &str) -> Class {
    match pointer {
        CAUSE | PRINCIPAL | REMOTE | ITEM | ARGUMENTS => Class::Personal,
        "/principal/pseudonym" | "/subject" => Class::Pseudonymous,
        "/request/digest" | "/end/digest" => Class::Secret,
        _ => Class::Public,
    }
}

/// Takes what is personal out of a record's JSON.
pub(super) fn take(json: &mut Value) -> Personal {
    let kind = json.pointer("/request/item/kind").and_then(Value::as_str);
    let named = matches!(kind, Some("tool" | "prompt" | "task"));
    let paths = PERSONAL.into_iter().filter(|path| *path != ITEM || !named);
    let taken = paths.filter_map(|path| {
        let (parent, key) = path.rsplit_once('/')?;
        let value = json.pointer_mut(parent)?.as_object_mut()?.remove(key)?;
        Some((path, value.to_string()))
    });
    taken.collect()
}

/// Puts values back where they were taken from.
pub(crate) fn put_back<'a>(json: &mut Value, values: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (path, value) in values {
        let Some((parent, key)) = path.rsplit_once('/') else {
            continue;
        };
        let parent = json.pointer_mut(parent).and_then(Value::as_object_mut);
        if let (Some(parent), Ok(value)) = (parent, serde_json::from_str(value)) {
            parent.insert(key.to_owned(), value);
        }
    }
}
