//! Reads policy files.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    key::{Algorithm, KeyError, VerifierKey},
    text,
    trust::{
        Log, Quorum, Trust, Witness,
        quorum::{Group, Member},
    },
};

/// The most bytes of a file.
const MAX_BYTES: usize = 256 * 1024;
/// The most logs, witnesses and groups, of each.
const MAX_EACH: usize = 256;

/// Why a policy file is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {kind}")]
pub struct PolicyError {
    line: usize,
    kind: PolicyErrorKind,
}

/// What is wrong with a line of a policy file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyErrorKind {
    /// The file has more than 256 KiB.
    #[error("file is too long")]
    TooLong,
    /// It has a control character that is neither tab nor line feed, or no line feed at its end.
    #[error("octets that do not belong into a line")]
    Octets,
    /// It begins with another word than `log`, `witness`, `group` and `quorum`.
    #[error("no log, witness, group or quorum")]
    Word,
    /// It has too few or too many items.
    #[error("too few or too many items")]
    Items,
    /// The verifier key is wrong.
    #[error("{0}")]
    Key(KeyError),
    /// The key is one of a witness where one of a log must be, or the other way round.
    #[error("key of an algorithm that has no place here")]
    Algorithm,
    /// The public key was there before.
    #[error("public key stands there twice")]
    DuplicateKey,
    /// The name was there before, or is `none`.
    #[error("name is taken")]
    DuplicateName,
    /// No line before defines the name.
    #[error("name is not defined before")]
    UnknownName,
    /// The name is in a group before.
    #[error("name is a member twice")]
    MemberTwice,
    /// The threshold is no number from 1 to how many members there are.
    #[error("threshold is no number from one to that of the members")]
    Threshold,
    /// More than 256 logs, witnesses or groups.
    #[error("too many logs, witnesses or groups")]
    TooMany,
    /// The file has not exactly one quorum.
    #[error("file has not exactly one quorum")]
    Quorum,
}

impl PolicyError {
    /// The number of the line, from 1 on.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// What is wrong with it.
    #[must_use]
    pub fn kind(&self) -> &PolicyErrorKind {
        &self.kind
    }
}

/// Where a log or a witness is found.
type Url = Option<Box<[u8]>>;

type Result<T, E = PolicyErrorKind> = std::result::Result<T, E>;

pub(super) fn parse(policy: &[u8]) -> Result<Trust, PolicyError> {
    if policy.len() > MAX_BYTES {
        let kind = PolicyErrorKind::TooLong;
        return Err(PolicyError { line: 1, kind });
    }
    let mut draft = Draft::default();
    let mut last = 0;
    for (index, line) in policy.split_inclusive(|byte| *byte == b'\n').enumerate() {
        last = index.saturating_add(1);
        let read = draft.line(line);
        read.map_err(|kind| PolicyError { line: last, kind })?;
    }
    let kind = PolicyErrorKind::Quorum;
    let rule = draft.rule.ok_or(PolicyError { line: last, kind })?;
    Ok(Trust {
        logs: draft.logs,
        witnesses: draft.witnesses,
        quorum: Quorum::new(draft.groups, rule),
    })
}

/// What was read so far.
#[derive(Default)]
struct Draft<'p> {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    names: BTreeMap<&'p [u8], Member>,
    members: BTreeSet<&'p [u8]>,
    rule: Option<Option<Member>>,
}

impl<'p> Draft<'p> {
    fn line(&mut self, line: &'p [u8]) -> Result<()> {
        // A file that was cut short may say something else than the whole.
        let line = line.strip_suffix(b"\n").ok_or(PolicyErrorKind::Octets)?;
        let allowed = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
        if !line.iter().all(allowed) {
            return Err(PolicyErrorKind::Octets);
        }
        let items = line.split(|byte| matches!(byte, b' ' | b'\t'));
        let items: Vec<&[u8]> = items.filter(|item| !item.is_empty()).collect();
        match items.as_slice() {
            [] => Ok(()),
            [word, ..] if word.starts_with(b"#") => Ok(()),
            [b"log", items @ ..] => self.log(items),
            [b"witness", items @ ..] => self.witness(items),
            [b"group", items @ ..] => self.group(items),
            [b"quorum", items @ ..] => self.quorum(items),
            _ => Err(PolicyErrorKind::Word),
        }
    }

    fn log(&mut self, items: &[&'p [u8]]) -> Result<()> {
        let (vkey, url) = key_and_url(items)?;
        let key = key(vkey, Algorithm::Ed25519)?;
        if self.logs.iter().any(|log| log.key.public() == key.public()) {
            return Err(PolicyErrorKind::DuplicateKey);
        }
        push(&mut self.logs, Log { key, url })
    }

    fn witness(&mut self, items: &[&'p [u8]]) -> Result<()> {
        let (name, items) = items.split_first().ok_or(PolicyErrorKind::Items)?;
        let (vkey, url) = key_and_url(items)?;
        let key = key(vkey, Algorithm::Cosignature)?;
        let same = |witness: &Witness| witness.key.public() == key.public();
        if self.witnesses.iter().any(same) {
            return Err(PolicyErrorKind::DuplicateKey);
        }
        self.define(name, Member::Witness(key.clone().into()))?;
        let name = (*name).into();
        push(&mut self.witnesses, Witness { name, key, url })
    }

    fn group(&mut self, items: &[&'p [u8]]) -> Result<()> {
        let [name, threshold, names @ ..] = items else {
            return Err(PolicyErrorKind::Items);
        };
        if names.is_empty() {
            return Err(PolicyErrorKind::Items);
        }
        let threshold = match *threshold {
            b"any" => 1,
            b"all" => names.len(),
            number => decimal(number).ok_or(PolicyErrorKind::Threshold)?,
        };
        if threshold < 1 || threshold > names.len() {
            return Err(PolicyErrorKind::Threshold);
        }
        let mut members = Vec::new();
        for name in names {
            members.push(self.named(name)?);
            // Else one witness could count more than once.
            if !self.members.insert(name) {
                return Err(PolicyErrorKind::MemberTwice);
            }
        }
        self.define(name, Member::Group(self.groups.len()))?;
        push(&mut self.groups, Group { threshold, members })
    }

    fn quorum(&mut self, items: &[&'p [u8]]) -> Result<()> {
        let [name] = items else {
            return Err(PolicyErrorKind::Items);
        };
        let rule = match *name {
            b"none" => None,
            name => Some(self.named(name)?),
        };
        match self.rule.replace(rule) {
            None => Ok(()),
            Some(_) => Err(PolicyErrorKind::Quorum),
        }
    }

    fn named(&self, name: &[u8]) -> Result<Member> {
        let member = self.names.get(name).cloned();
        member.ok_or(PolicyErrorKind::UnknownName)
    }

    fn define(&mut self, name: &'p [u8], member: Member) -> Result<()> {
        if name == b"none" || self.names.contains_key(name) {
            return Err(PolicyErrorKind::DuplicateName);
        }
        self.names.insert(name, member);
        Ok(())
    }
}

fn key_and_url<'p>(items: &[&'p [u8]]) -> Result<(&'p [u8], Url)> {
    match items {
        [vkey] => Ok((vkey, None)),
        [vkey, url] => Ok((vkey, Some((*url).into()))),
        _ => Err(PolicyErrorKind::Items),
    }
}

fn key(vkey: &[u8], algorithm: Algorithm) -> Result<VerifierKey> {
    let vkey = std::str::from_utf8(vkey).map_err(|_| PolicyErrorKind::Key(KeyError::Form))?;
    let key: VerifierKey = vkey.parse().map_err(PolicyErrorKind::Key)?;
    match key.algorithm() == algorithm {
        true => Ok(key),
        false => Err(PolicyErrorKind::Algorithm),
    }
}

fn decimal(number: &[u8]) -> Option<usize> {
    let number = text::decimal(std::str::from_utf8(number).ok()?)?;
    number.try_into().ok()
}

fn push<T>(list: &mut Vec<T>, item: T) -> Result<()> {
    if list.len() >= MAX_EACH {
        return Err(PolicyErrorKind::TooMany);
    }
    list.push(item);
    Ok(())
}
