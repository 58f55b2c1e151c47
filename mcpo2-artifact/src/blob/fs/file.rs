use std::{fs::File, ops::Range, os::unix::fs::FileExt as _};

use bytes::Bytes;

use super::dir::Dir;
use crate::{
    Key,
    blob::{BlobError, Head, Listed, name::key_from_hex},
};

/// The bytes of this range, or as many as there are of it.
pub(super) fn read(file: File, range: Range<u64>) -> Result<Bytes, BlobError> {
    // Bounded by what is there, so that a range from nowhere reserves no memory.
    let end = range.end.min(file.metadata()?.len());
    let wanted = end.saturating_sub(range.start);
    let mut bytes = vec![0; usize::try_from(wanted).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, range.start.min(end))?;
    Ok(bytes.into())
}

pub(super) fn head(file: &File) -> Result<Head, BlobError> {
    let metadata = file.metadata()?;
    Ok(Head {
        size: metadata.len(),
        modified: metadata.modified()?,
    })
}

/// The files behind this key, below the two levels of directories of this kind.
pub(super) fn list(
    kind: &Dir,
    after: Option<&Key>,
    limit: usize,
) -> Result<Vec<Listed>, BlobError> {
    let after = after.map(Key::to_string).unwrap_or_default();
    let mut listed = Vec::new();
    for first in kind.names()? {
        if first.as_str() < after.get(..2).unwrap_or_default() {
            continue;
        }
        let Some(outer) = kind.find(&first)? else {
            continue;
        };
        for second in outer.names()? {
            if format!("{first}{second}").as_str() < after.get(..4).unwrap_or_default() {
                continue;
            }
            if let Some(leaf) = outer.find(&second)? {
                add(&leaf, &after, &mut listed)?;
            }
            if listed.len() >= limit {
                listed.truncate(limit);
                return Ok(listed);
            }
        }
    }
    Ok(listed)
}

fn add(leaf: &Dir, after: &str, listed: &mut Vec<Listed>) -> Result<(), BlobError> {
    for name in leaf.names()? {
        let Some(key) = key_from_hex(&name).filter(|_| name.as_str() > after) else {
            continue;
        };
        if let Some(file) = leaf.file(&name)? {
            let head = head(&file)?;
            listed.push(Listed { key, head });
        }
    }
    Ok(())
}
