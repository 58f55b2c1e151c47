use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU8, Ordering},
};

use hyper_util::rt::{TokioExecutor, TokioIo};
use mcpo2_artifact::blob::ObjectBlobs;
use object_store::aws::AmazonS3Builder;
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

pub(crate) const PREFIX: &str = "gateways/one";

/// `s3s` over files, on loopback. What is there stays when it is stopped.
pub(crate) struct Server {
    dir: TempDir,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("bucket")).unwrap();
        let listener = TcpListener::bind((host(), 0)).await.unwrap();
        Self {
            address: listener.local_addr().unwrap(),
            task: tokio::spawn(serve(listener, service(dir.path()))),
            dir,
        }
    }

    /// Cuts all connections, and takes no more.
    pub(crate) async fn cut(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// Takes connections again.
    pub(crate) async fn mend(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.task = tokio::spawn(serve(listener, service(self.dir.path())));
    }

    /// Cuts all connections, and takes no more. Who waits to try again waits no real time.
    pub(crate) async fn stop(&mut self) {
        self.cut().await;
        tokio::time::pause();
    }

    pub(crate) async fn start_again(&mut self) {
        tokio::time::resume();
        self.mend().await;
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn blobs(&self) -> ObjectBlobs {
        let client = client(self.address).with_secret_access_key("secret");
        ObjectBlobs::bucket(client.build().unwrap(), PREFIX)
    }

    pub(crate) fn client(&self) -> AmazonS3Builder {
        client(self.address)
    }

    /// Where the objects are, as files.
    pub(crate) fn bucket(&self) -> PathBuf {
        self.dir.path().join("bucket")
    }

    /// How many uploads in parts have not ended.
    pub(crate) fn uploads(&self) -> usize {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        let uploads = names.filter(|name| {
            let name = name.to_string_lossy();
            name.starts_with(".upload-") && name.ends_with(".json")
        });
        uploads.count()
    }

    /// The status and the body of what is at this URL, asked for without a key.
    pub(crate) async fn get(&self, url: &str) -> (u16, Vec<u8>) {
        let authority = self.address.to_string();
        let path = url.strip_prefix(&format!("http://{authority}")).unwrap();
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer[end + 4..].to_vec())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An address each time where nobody else binds, so that its port stays free while it is cut.
fn host() -> Ipv4Addr {
    static LAST: AtomicU8 = AtomicU8::new(100);
    Ipv4Addr::new(127, 0, 0, LAST.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn client(address: SocketAddr) -> AmazonS3Builder {
    AmazonS3Builder::new()
        .with_endpoint(format!("http://{address}"))
        .with_client_options(ObjectBlobs::client_options().with_allow_http(true))
        .with_retry(ObjectBlobs::retry_config())
        .with_bucket_name("bucket")
        .with_region("us-east-1")
        .with_access_key_id("user")
}

fn service(dir: &Path) -> S3Service {
    let mut service = S3ServiceBuilder::new(FileSystem::new(dir).unwrap());
    service.set_auth(SimpleAuth::from_single("user", "secret"));
    service.build()
}

async fn serve(listener: TcpListener, service: S3Service) {
    // Aborted with this task.
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        // Else the last segment of an answer waits for the client's delayed acknowledgement.
        stream.set_nodelay(true).unwrap();
        let service = service.clone();
        connections.spawn(async move {
            let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // Clients leave as they like.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
