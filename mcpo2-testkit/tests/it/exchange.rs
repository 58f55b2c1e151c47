//! An HTTP client of a few lines, so that what is sent and received are bytes.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A connection with one request sent.
pub(crate) struct Exchange(TcpStream);

impl Exchange {
    /// Posts a body with the headers that a modern request has.
    pub(crate) async fn post(url: &str, method: &str, body: &str) -> Self {
        let authority = url.strip_prefix("http://").unwrap();
        let (authority, path) = authority.split_once('/').unwrap();
        let mut stream = TcpStream::connect(authority).await.unwrap();
        let request = format!(
            "POST /{path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\
             content-type: application/json\r\naccept: application/json, text/event-stream\r\n\
             mcp-protocol-version: 2026-07-28\r\nmcp-method: {method}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len(),
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        Self(stream)
    }

    /// Reads until the server closes the connection.
    pub(crate) async fn read_to_end(mut self) -> String {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Reads until the text was seen.
    pub(crate) async fn read_until(&mut self, text: &str) -> String {
        let mut read = String::new();
        let mut bytes = [0; 4096];
        while !read.contains(text) {
            let length = self.0.read(&mut bytes).await.unwrap();
            assert_ne!(length, 0, "closed after {read}");
            read.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
        }
        read
    }
}
