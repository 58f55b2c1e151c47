use std::{
    fmt, io,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use mcpo2_artifact::blob::{BlobErrorKind, BlobStore as _, ObjectBlobs, Put, conformance};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    local::LocalFileSystem, memory::InMemory, path::Path,
};

use crate::support::{content, kind, name};

#[tokio::test]
async fn memory_keeps_what_every_store_promises_under_any_prefix() {
    let memory = Arc::new(InMemory::new());
    for prefix in ["", "one", "gateways/two"] {
        let blobs = ObjectBlobs::new(Arc::clone(&memory), prefix);
        conformance::check(&blobs).await.unwrap();
    }
}

#[tokio::test]
async fn files_keep_what_every_store_promises() {
    let dir = tempfile::tempdir().unwrap();
    let files = LocalFileSystem::new_with_prefix(dir.path()).unwrap();
    let blobs = ObjectBlobs::new(files.with_fsync(true), "gateway");
    conformance::check(&blobs).await.unwrap();
}

#[tokio::test]
async fn what_comes_in_parts_is_there_whole_and_once() {
    let blobs = ObjectBlobs::new(InMemory::new(), "gateway");
    let whole = content(20 << 20);
    let mut writers = Vec::new();
    for _ in 0..2 {
        let mut writer = blobs.writer(&name(1), 20 << 20).await.unwrap();
        writer.write(whole.slice(..7 << 20)).await.unwrap();
        writer.write(whole.slice(7 << 20..)).await.unwrap();
        writers.push(writer);
    }
    assert_eq!(blobs.head(&name(1)).await.unwrap(), None);
    let finished = writers.into_iter().map(|writer| writer.finish());
    let finished = futures_util::future::try_join_all(finished).await.unwrap();
    assert_eq!(finished, [Put::Created, Put::Present]);
    assert_eq!(blobs.read(&name(1), 0..u64::MAX).await.unwrap(), whole);
}

#[tokio::test]
async fn only_a_put_that_finds_something_says_that_something_is_there() {
    let generic = |source| Error::Generic {
        store: "test",
        source,
    };
    let no_room = || Box::new(io::Error::from(io::ErrorKind::StorageFull));
    let path = || "gateway".to_owned();
    for (error, expected) in [
        (generic("down".into()), BlobErrorKind::Io),
        (generic(no_room()), BlobErrorKind::Full),
        (
            Error::AlreadyExists {
                path: path(),
                source: "a request met another".into(),
            },
            BlobErrorKind::Io,
        ),
        (
            Error::NotFound {
                path: path(),
                source: "no such bucket".into(),
            },
            BlobErrorKind::Io,
        ),
    ] {
        let blobs = ObjectBlobs::new(Failing::once(error), "gateway");
        let refused = blobs.put(&name(1), "text".into()).await;
        assert_eq!(kind(refused), expected);
        let put = blobs.put(&name(1), "text".into()).await.unwrap();
        assert_eq!(put, Put::Created);
    }
}

/// Of which the next put fails so.
#[derive(Debug)]
struct Failing {
    inner: InMemory,
    next: Mutex<Option<Error>>,
}

impl Failing {
    fn once(error: Error) -> Self {
        Self {
            inner: InMemory::new(),
            next: Mutex::new(Some(error)),
        }
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failing")
    }
}

#[async_trait]
impl ObjectStore for Failing {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let next = self.next.lock().unwrap().take();
        match next {
            Some(error) => Err(error),
            None => self.inner.put_opts(path, payload, options).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
