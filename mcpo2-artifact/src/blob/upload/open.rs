use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use futures_util::lock::Mutex as AsyncMutex;
use mcpo2_core::{Digest, TenantId};

use super::{
    UploadId,
    file::{Part, State},
};
use crate::blob::{Usage, hold::Reservation};

/// What is said of an upload when it begins.
#[derive(Debug, Clone, Copy)]
pub struct NewUpload {
    pub(super) expires: SystemTime,
    pub(super) owner: Option<Digest>,
    pub(super) size: Option<u64>,
    pub(super) digest: Option<Digest>,
}

impl NewUpload {
    /// An upload that is collected at this time, whether it is finished or not.
    #[must_use]
    pub fn new(expires: SystemTime) -> Self {
        Self {
            expires,
            owner: None,
            size: None,
            digest: None,
        }
    }

    /// The same, begun by this principal ([`Principal::binding`](mcpo2_core::Principal::binding)).
    /// Whoever lets others of the tenant go on with it asks [`UploadStatus::owner`].
    #[must_use]
    pub fn of(mut self, owner: Digest) -> Self {
        self.owner = Some(owner);
        self
    }

    /// The same, of this many bytes: no more are taken, and no fewer finished.
    #[must_use]
    pub fn with_size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// The same, of content with this digest.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadStatus {
    /// Which it is.
    pub id: UploadId,
    /// How many bytes it has: where it goes on.
    pub offset: u64,
    /// How many it is to have, where that was said.
    pub size: Option<u64>,
    /// Who began it, where that was said.
    pub owner: Option<Digest>,
    /// When it is collected, in seconds of the Unix epoch.
    pub expires: u64,
    /// The digest of the whole, once it is finished.
    pub finished: Option<Digest>,
}

/// One upload. Whoever writes to it has its turn, for as long as it takes to make it a blob; how far
/// it is can be asked meanwhile.
pub(super) struct Open {
    pub(super) tenant: TenantId,
    pub(super) expires: u64,
    pub(super) turn: AsyncMutex<Turn>,
    said: Mutex<UploadStatus>,
}

pub(super) struct Turn {
    pub(super) state: State,
    /// None when it is finished, or gone.
    pub(super) part: Option<Part>,
    pub(super) reserved: Option<Reservation>,
}

impl Open {
    pub(super) fn new(
        id: &UploadId,
        state: State,
        part: Option<Part>,
        reserved: Option<Reservation>,
    ) -> Self {
        let (tenant, expires) = (state.tenant.clone(), state.expires);
        let turn = Turn {
            state,
            part,
            reserved,
        };
        Self {
            tenant,
            expires,
            said: Mutex::new(turn.status(id)),
            turn: AsyncMutex::new(turn),
        }
    }

    /// How far it is, as far as that is safe.
    pub(super) fn status(&self) -> UploadStatus {
        self.said().clone()
    }

    /// Says how far it is from now on.
    pub(super) fn say(&self, status: UploadStatus) {
        *self.said() = status;
    }

    fn said(&self) -> MutexGuard<'_, UploadStatus> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    pub(super) fn status(&self, id: &UploadId) -> UploadStatus {
        let finished = self.state.finished;
        let length = self.part.as_ref().map(Part::length);
        UploadStatus {
            id: *id,
            size: self.state.size,
            owner: self.state.owner,
            expires: self.state.expires,
            offset: length
                .or(finished.map(|(_, size)| size))
                .unwrap_or_default(),
            finished: finished.map(|(digest, _)| digest),
        }
    }
}

/// What an upload takes that has this many bytes so far.
pub(super) fn taken(bytes: u64) -> Usage {
    let mut usage = Usage::bytes(bytes);
    usage.uploads = 1;
    usage
}
