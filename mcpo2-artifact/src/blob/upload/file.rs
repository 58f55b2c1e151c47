use std::{
    fs::File, future::poll_fn, io::Write as _, os::unix::fs::FileExt as _, path::Path, task::Poll,
};

use bytes::Bytes;
use mcpo2_core::{Digest, TenantId};
use serde::{Deserialize, Serialize};

use super::UploadId;
use crate::blob::{BlobError, BlobErrorKind, fs::Dir};

/// How many bytes are read at once.
const STEP: u64 = 256 * 1024;

/// The directory of uploads: `<id>.state` says what is known of one, `<id>.part` has its bytes.
#[derive(Debug)]
pub(super) struct Files {
    dir: Dir,
    /// Locked as long as it is open.
    _lock: File,
}

/// What is known of an upload beside its bytes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) tenant: TenantId,
    #[serde(default)]
    pub(super) owner: Option<Digest>,
    pub(super) expires: u64,
    pub(super) size: Option<u64>,
    pub(super) digest: Option<Digest>,
    pub(super) finished: Option<(Digest, u64)>,
}

impl Files {
    pub(super) fn open(path: &Path) -> Result<Self, BlobError> {
        let dir = Dir::open_root(path)?;
        let lock = dir.lock("lock")?;
        Ok(Self { dir, _lock: lock })
    }

    /// All uploads; what is none is taken away.
    pub(super) fn found(&self) -> Result<Vec<(UploadId, State, Option<Part>)>, BlobError> {
        let mut found = Vec::new();
        for name in self.dir.names()? {
            let Some((id, what)) = name.split_once('.') else {
                continue;
            };
            let Ok(id) = id.parse::<UploadId>() else {
                continue;
            };
            match what {
                "state" => match self.load(&id)? {
                    Some((state, part)) => found.push((id, state, part)),
                    None => self.remove(&id)?,
                },
                "part" if self.dir.file(&format!("{id}.state"))?.is_some() => {}
                _ => self.dir.remove(&name)?,
            }
        }
        Ok(found)
    }

    /// None where it is damaged, or lost its bytes.
    fn load(&self, id: &UploadId) -> Result<Option<(State, Option<Part>)>, BlobError> {
        let Some(file) = self.dir.file(&format!("{id}.state"))? else {
            return Ok(None);
        };
        let Ok(state) = serde_json::from_reader::<_, State>(&file) else {
            return Ok(None);
        };
        let name = format!("{id}.part");
        if state.finished.is_some() {
            self.dir.remove(&name)?;
            return Ok(Some((state, None)));
        }
        match self.dir.overwrite(&name)? {
            Some(file) => Ok(Some((state, Some(Part::new(file)?)))),
            None => Ok(None),
        }
    }

    pub(super) fn create(&self, id: &UploadId, state: &State) -> Result<Part, BlobError> {
        let name = format!("{id}.part");
        let created = self.dir.create(&name).and_then(|file| {
            drop(file);
            self.save(id, state)?;
            self.dir.overwrite(&name)
        });
        match created {
            Ok(Some(file)) => Part::new(file),
            failed => {
                // Best effort: the error that is reported is the first.
                let _ = self.remove(id);
                failed.and(Err(BlobErrorKind::Io.into()))
            }
        }
    }

    /// Says that it is finished, and takes its bytes away.
    pub(super) fn finish(&self, id: &UploadId, state: &State) -> Result<(), BlobError> {
        self.save(id, state)?;
        self.dir.remove(&format!("{id}.part"))
    }

    pub(super) fn remove(&self, id: &UploadId) -> Result<(), BlobError> {
        self.dir.remove(&format!("{id}.state"))?;
        self.dir.remove(&format!("{id}.part"))?;
        self.dir.sync()
    }

    fn save(&self, id: &UploadId, state: &State) -> Result<(), BlobError> {
        let new = format!("{id}.new");
        self.dir.remove(&new)?;
        let mut file = self.dir.create(&new)?;
        let text = serde_json::to_vec(state)
            .map_err(|error| BlobError::new(BlobErrorKind::Io).with_source(error))?;
        file.write_all(&text)?;
        file.sync_all()?;
        self.dir.rename(&new, &format!("{id}.state"))?;
        self.dir.sync()
    }
}

/// The bytes so far.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    length: u64,
    /// Of all of them; none where they have not been read since the last start.
    hasher: Option<Box<blake3::Hasher>>,
}

impl Part {
    fn new(file: File) -> Result<Self, BlobError> {
        let length = file.metadata()?.len();
        Ok(Self {
            hasher: (length == 0).then(Box::default),
            file,
            length,
        })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Takes these bytes, all or none.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        let written =
            (self.file.write_all_at(bytes, self.length)).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Best effort, so that a restart finds what was acknowledged; until then we know.
            let _ = self.file.set_len(self.length);
            return Err(error.into());
        }
        let length = bytes.len().try_into().unwrap_or(u64::MAX);
        self.length = self.length.saturating_add(length);
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        Ok(())
    }

    pub(super) async fn digest(&mut self) -> Result<Digest, BlobError> {
        if self.hasher.is_none() {
            let mut hasher = Box::<blake3::Hasher>::default();
            let mut offset = 0;
            while let Some(bytes) = self.read(offset)? {
                hasher.update(&bytes);
                offset = offset.saturating_add(bytes.len().try_into().unwrap_or(u64::MAX));
                give_way().await;
            }
            self.hasher = Some(hasher);
        }
        let hasher = self.hasher.as_ref().ok_or(BlobErrorKind::Io)?;
        Ok(hasher.finalize().into())
    }

    /// The next bytes from this offset; none at the end.
    pub(super) fn read(&self, offset: u64) -> Result<Option<Bytes>, BlobError> {
        let length = self.length.saturating_sub(offset).min(STEP);
        if length == 0 {
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(Some(bytes.into()))
    }
}

/// Lets others of the same thread go on: files are read and written without waiting for them.
pub(super) async fn give_way() {
    let mut has_given = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_given, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
