//! What the id of a session says to those who can open it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use mcpo2_core::{Digest, ModuleId, ProtocolVersion};
use mcpo2_route::{
    Registry, Session,
    upstream::{Hello, Resumption},
};
use mcpo2_seal::KeyRing;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

const PURPOSE: &str = "id of a session";

/// Bytes of a payload, so that an id has at most 4 KiB: some clients and proxies take no more of a
/// header.
const MOST: usize = 3000;

/// The short names save space, of which an id has little.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sealed {
    /// When it expires, in seconds since 1970.
    #[serde(rename = "e")]
    expires: u64,
    /// When it began, likewise, if that is known.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    began: Option<u64>,
    #[serde(rename = "v")]
    version: ProtocolVersion,
    /// What the client said in `initialize`. None where that was too long: the session cannot go
    /// on elsewhere then.
    #[serde(rename = "h")]
    hello: Option<Box<RawValue>>,
    #[serde(rename = "m")]
    modules: Vec<AtModule>,
}

#[derive(Debug, Serialize, Deserialize)]
struct AtModule {
    #[serde(rename = "m")]
    module: ModuleId,
    #[serde(rename = "v")]
    version: ProtocolVersion,
    #[serde(rename = "i")]
    id: Box<str>,
    #[serde(rename = "p")]
    place: u64,
}

/// The id of a session that this owner has until it expires. None without randomness.
pub(super) fn seal(
    session: &Session,
    owner: &Digest,
    expires: SystemTime,
    ring: &KeyRing,
) -> Option<String> {
    let payload = Sealed::of(session, expires).payload();
    ring.seal(PURPOSE, &[owner.as_bytes()], expires, &payload)
        .ok()
}

/// What an id says, if this owner got it from one who had one of these keys, and it still holds.
pub(super) fn open(id: &str, owner: &Digest, ring: &KeyRing) -> Option<Sealed> {
    let payload = ring.open(PURPOSE, &[owner.as_bytes()], SystemTime::now(), id);
    serde_json::from_slice(&payload.ok()?).ok()
}

impl Sealed {
    fn of(session: &Session, expires: SystemTime) -> Self {
        let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = |(module, from): (ModuleId, Resumption)| AtModule {
            module,
            version: from.version(),
            id: from.id().into(),
            place: from.place(),
        };
        Self {
            expires: since(expires).as_secs(),
            began: session.began().map(|began| since(began).as_secs()),
            version: session.version(),
            hello: serde_json::from_slice(session.hello().params()).ok(),
            modules: session.resumptions().into_iter().map(at).collect(),
        }
    }

    /// As much as an id has room for. What is left out is least of all missed: a module without
    /// its session begins another, and a client is known by its capabilities rather than its icon.
    fn payload(mut self) -> Vec<u8> {
        let json = |sealed: &Self| serde_json::to_vec(sealed).unwrap_or_default();
        if json(&self).len() > MOST {
            self.hello = self.hello.as_deref().and_then(essence);
        }
        while json(&self).len() > MOST && self.modules.pop().is_some() {}
        if json(&self).len() > MOST {
            self.hello = None;
        }
        json(&self)
    }

    pub(super) fn expires(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.expires)
    }

    /// The session, to go on with before the modules of this registry. None where it is not known
    /// what its client said.
    pub(super) fn session(self, registry: &Arc<Registry>) -> Option<Session> {
        let params = Bytes::copy_from_slice(self.hello?.get().as_bytes());
        let hello = Hello::new(params, self.version);
        let from = self.modules.into_iter();
        let from = from.map(|at| (at.module, Resumption::new(at.id, at.version, at.place)));
        let session = Session::resumed(hello, from, Arc::clone(registry));
        Some(match self.began {
            Some(began) => session.begun(UNIX_EPOCH + Duration::from_secs(began)),
            None => session,
        })
    }
}

/// What a client said, without what it need not have said.
fn essence(hello: &RawValue) -> Option<Box<RawValue>> {
    #[derive(Serialize, Deserialize)]
    struct Params<'a> {
        #[serde(borrow, rename = "protocolVersion")]
        version: &'a RawValue,
        #[serde(borrow)]
        capabilities: &'a RawValue,
        #[serde(borrow, rename = "clientInfo")]
        client: Client<'a>,
    }
    #[derive(Serialize, Deserialize)]
    struct Client<'a> {
        #[serde(borrow)]
        name: &'a RawValue,
        #[serde(borrow)]
        version: &'a RawValue,
    }
    let params: Params<'_> = serde_json::from_str(hello.get()).ok()?;
    serde_json::value::to_raw_value(&params).ok()
}

#[cfg(test)]
mod tests;
