//! Where a client is in a list: sealed, so that only who was given a cursor can come with it, for
//! the list that it was given for.

use std::time::{Duration, SystemTime};

use mcpo2_core::{Call, Error, ErrorKind, ItemKind, Request};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Gateway;
use crate::catalog::Merged;

const PURPOSE: &str = "mcpo2.cursor/v1";

/// A client that waits longer begins anew.
const KEPT: Duration = Duration::from_secs(3600);

impl Gateway {
    /// A cursor for the page that begins with this entry.
    pub(super) fn cursor(
        &self,
        call: &Call,
        kind: ItemKind,
        list: &Merged,
        first: usize,
    ) -> Result<String, Error> {
        let internal = || Error::new(ErrorKind::Internal, "internal error");
        let keys = self.seal()?;
        let (binding, digest) = (call.principal().binding(), list.digest());
        let context: [&[u8]; 3] = [binding.as_bytes(), digest.as_bytes(), name(kind)];
        let until = SystemTime::now().checked_add(KEPT).ok_or_else(internal)?;
        let sealed = keys.seal(PURPOSE, &context, until, first.to_string().as_bytes());
        sealed.map_err(|error| internal().with_source(error))
    }

    /// The entry that a cursor says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidParams`] where it was made for somebody else, for another list, for
    /// what the list was before it changed, or too long ago.
    pub(super) fn first(
        &self,
        call: &Call,
        kind: ItemKind,
        list: &Merged,
        cursor: &str,
    ) -> Result<usize, Error> {
        let keys = self.seal()?;
        let (binding, digest) = (call.principal().binding(), list.digest());
        let context: [&[u8]; 3] = [binding.as_bytes(), digest.as_bytes(), name(kind)];
        let opened = keys.open(PURPOSE, &context, SystemTime::now(), cursor);
        let opened = opened.map_err(|error| unknown().with_source(error))?;
        let first = std::str::from_utf8(&opened)
            .ok()
            .and_then(|text| text.parse().ok());
        first.ok_or_else(unknown)
    }
}

fn name(kind: ItemKind) -> &'static [u8] {
    match kind.list_members() {
        Some((member, _)) => member.as_bytes(),
        None => b"",
    }
}

/// The cursor that a client asks for, if it asks for one.
pub(super) fn asked(request: &Request) -> Result<Option<String>, Error> {
    #[derive(Deserialize)]
    struct Asked<'a> {
        #[serde(borrow, default)]
        cursor: Option<&'a RawValue>,
    }
    let params = request.params().unwrap_or(b"{}");
    let asked: Asked<'_> = serde_json::from_slice(params).map_err(|_| unknown())?;
    match asked.cursor {
        Some(raw) => serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|_| unknown()),
        None => Ok(None),
    }
}

pub(super) fn unknown() -> Error {
    Error::new(ErrorKind::InvalidParams, "unknown cursor")
}
