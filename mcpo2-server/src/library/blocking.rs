use std::{ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use mcpo2_artifact::{
    Key,
    blob::{
        BlobError, BlobErrorKind, BlobName, BlobStore, BlobWriter, Head, Kind, Listed, Put, Space,
    },
};
use tokio::{runtime::Handle, task::spawn_blocking};

/// A store whose medium is waited for on threads that may wait, and not on those that serve.
#[derive(Debug)]
pub(super) struct Blocking<S>(Arc<S>);

impl<S> Blocking<S> {
    pub(super) fn new(store: S) -> Self {
        Self(Arc::new(store))
    }
}

/// Runs a future that waits for a medium without saying so.
pub(crate) async fn waiting<T, F>(
    future: impl FnOnce() -> F + Send + 'static,
) -> Result<T, BlobError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, BlobError>>,
{
    let handle = Handle::current();
    let waited = spawn_blocking(move || handle.block_on(future()));
    waited
        .await
        .unwrap_or_else(|error| Err(BlobError::from(BlobErrorKind::Io).with_source(error)))
}

#[async_trait]
impl<S: BlobStore> BlobStore for Blocking<S> {
    async fn put(&self, name: &BlobName, bytes: Bytes) -> Result<Put, BlobError> {
        let (store, name) = (Arc::clone(&self.0), *name);
        waiting(move || async move { store.put(&name, bytes).await }).await
    }

    async fn writer(&self, name: &BlobName, size: u64) -> Result<Box<dyn BlobWriter>, BlobError> {
        let (store, name) = (Arc::clone(&self.0), *name);
        let writer = waiting(move || async move { store.writer(&name, size).await }).await?;
        Ok(Box::new(Writing(Some(writer))))
    }

    async fn read(&self, name: &BlobName, range: Range<u64>) -> Result<Bytes, BlobError> {
        let (store, name) = (Arc::clone(&self.0), *name);
        waiting(move || async move { store.read(&name, range).await }).await
    }

    async fn head(&self, name: &BlobName) -> Result<Option<Head>, BlobError> {
        let (store, name) = (Arc::clone(&self.0), *name);
        waiting(move || async move { store.head(&name).await }).await
    }

    async fn delete(&self, name: &BlobName) -> Result<(), BlobError> {
        let (store, name) = (Arc::clone(&self.0), *name);
        waiting(move || async move { store.delete(&name).await }).await
    }

    async fn list(
        &self,
        space: &Space,
        kind: Kind,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, BlobError> {
        let (store, space, after) = (Arc::clone(&self.0), *space, after.copied());
        let list = move || async move { store.list(&space, kind, after.as_ref(), limit).await };
        waiting(list).await
    }

    async fn spaces(&self) -> Result<Vec<Space>, BlobError> {
        let store = Arc::clone(&self.0);
        waiting(move || async move { store.spaces().await }).await
    }

    async fn presign(&self, name: &BlobName, valid: Duration) -> Result<Option<String>, BlobError> {
        self.0.presign(name, valid).await
    }
}

/// None while it writes elsewhere, and after an error.
#[derive(Debug)]
struct Writing(Option<Box<dyn BlobWriter>>);

#[async_trait]
impl BlobWriter for Writing {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        let mut writer = self.0.take().ok_or(BlobErrorKind::Io)?;
        let write = move || async move {
            writer.write(bytes).await?;
            Ok(writer)
        };
        self.0 = Some(waiting(write).await?);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<Put, BlobError> {
        let writer = self.0.take().ok_or(BlobErrorKind::Io)?;
        waiting(move || async move { writer.finish().await }).await
    }
}

#[cfg(test)]
mod tests {
    use mcpo2_artifact::blob::{FsBlobs, conformance};

    use super::*;

    #[tokio::test]
    async fn it_keeps_the_laws_of_stores() {
        let dir = tempfile::tempdir().unwrap();
        let store = Blocking::new(FsBlobs::open(dir.path()).unwrap());
        conformance::check(&store).await.unwrap();
    }
}
