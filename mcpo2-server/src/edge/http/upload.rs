//! Resumable uploads, as draft-ietf-httpbis-resumable-upload has them. A call through the stack
//! begins each and another commits it, so that a policy decides and the ledger has both; the bytes
//! between them are their owner's to send.

mod answer;
mod events;
mod headers;
mod intake;
mod tree;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use mcpo2_artifact::{
    Library,
    blob::{BlobError, UploadId, UploadStatus},
};
use mcpo2_audit::Source;
use mcpo2_core::{Body, Call, Message, Principal, ProtocolVersion, Reply};
use serde_json::{Value, json};

use self::{
    answer::Answer,
    headers::{Announced, LIMIT},
    intake::{Broken, Place, take},
};
use super::{HttpEdge, Remote, admit, plain};
use crate::{admission::Shed, app::Generation, refusal::Refusal, respond::HttpBody};

const PATH: &str = "/v1/artifacts";
const UPLOADS: &str = "/v1/artifacts/u/";

/// A request to begin an upload, or about one.
pub(crate) struct Upload {
    generation: Arc<Generation>,
    library: Arc<Library>,
    principal: Arc<Principal>,
    source: Source,
    announced: Announced,
    /// How it becomes a tree, where it is to be one.
    tree: Option<Value>,
}

impl Upload {
    /// Whether this path is one of uploads.
    pub(crate) fn is_at(path: &str) -> bool {
        path == PATH || path.starts_with(UPLOADS)
    }
}

impl HttpEdge {
    /// Answers a request about an upload.
    pub(crate) async fn upload<B>(
        &self,
        generation: Arc<Generation>,
        request: Request<B>,
        remote: &Remote,
    ) -> Response<HttpBody>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let (parts, body) = request.into_parts();
        let source = remote.source(&parts.headers);
        let principal = match admit(&generation, &parts, remote) {
            Ok(principal) => principal,
            Err(refusal) => return self.refuse(&refusal, source, None, 0),
        };
        let Some(library) = self.edge.library() else {
            return plain(StatusCode::NOT_FOUND);
        };
        let id = parts.uri.path().strip_prefix(UPLOADS);
        if let (true, Some(Ok(id))) = (events::are_wanted(&parts), id.map(str::parse)) {
            let watched = self.watched(library, &principal, id);
            return watched
                .unwrap_or_else(|refusal| self.refuse(&refusal, source, Some(&principal), 0));
        }
        let Ok(_place) = self.uploads.try_acquire() else {
            return self.refuse(&Refusal::shed(Shed::Capacity), source, Some(&principal), 0);
        };
        let tree = tree::wanted(parts.uri.query());
        let announced = Announced::of(&parts.headers).and_then(|it| Ok((it, tree?)));
        let (announced, tree) = match announced {
            Ok(announced) => announced,
            Err(refusal) => return self.refuse(&refusal, source, Some(&principal), 0),
        };
        let pace = generation.body_limits().time;
        let upload = Upload {
            generation,
            library,
            principal: Arc::clone(&principal),
            source: source.clone(),
            announced,
            tree,
        };
        let answered = match (&parts.method, id) {
            (&Method::POST, None) => upload.begin(body, pace).await,
            (method, Some(id)) => match id.parse() {
                Ok(id) => upload.about(&id, method, body, pace).await,
                Err(_) => Err(Answer::not_found()),
            },
            _ => Err(Answer::not_allowed("POST")),
        };
        let Answer {
            mut response,
            refused,
        } = answered.unwrap_or_else(|answer| answer);
        let status = response.status();
        if let Some(reason) = refused {
            let refusal = Refusal::new(status, -32600, reason, reason);
            self.edge.refused(&refusal, source, Some(&principal), 0);
        }
        if status.is_client_error() || status.is_server_error() {
            // The rest of the body is not read.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }
}

impl Upload {
    async fn begin<B>(self, body: B, pace: Duration) -> Result<Answer, Answer>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let params = json!({
            "uri": self.library.new_upload_uri(),
            "size": self.announced.length,
            "digest": self.announced.digest,
        });
        let created = self.call("mcpo2/artifacts/create", params).await?;
        let id = created
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let id: UploadId = id.parse().map_err(|_| Answer::broken())?;
        let mut answer = self.receive(&id, 0, body, pace).await?;
        // What is complete at once is told with 201 as well: something was made.
        *answer.response.status_mut() = StatusCode::CREATED;
        answer.put(header::LOCATION, format!("{UPLOADS}{id}"));
        if let Some(most) = created.get("maxBytes") {
            answer.put(LIMIT, format!("max-size={most}"));
        }
        Ok(answer)
    }

    async fn about<B>(
        self,
        id: &UploadId,
        method: &Method,
        body: B,
        pace: Duration,
    ) -> Result<Answer, Answer>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let status = self.status(id)?;
        match *method {
            Method::HEAD | Method::GET => Ok(Answer::of(StatusCode::NO_CONTENT, &status)),
            Method::PATCH => {
                if !self.announced.is_partial {
                    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                    return Err(Answer::status(status).because("media_type"));
                }
                let missing = || {
                    Answer::problem(
                        StatusCode::BAD_REQUEST,
                        "about:blank",
                        json!({
                            "title": "Upload-Offset and Upload-Complete are missing",
                        }),
                    )
                    .because("upload_headers_missing")
                };
                let offset = self.announced.offset.ok_or_else(missing)?;
                self.announced.complete.ok_or_else(missing)?;
                self.receive(id, offset, body, pace).await
            }
            Method::DELETE => {
                let ended = self.library.abort(&self.principal, id).await;
                ended.map_err(|error| Answer::blob(error.kind(), 0))?;
                Ok(Answer::status(StatusCode::NO_CONTENT))
            }
            _ => Err(Answer::not_allowed("GET, HEAD, PATCH, DELETE")),
        }
    }

    /// Takes the body from this offset on, and commits the upload where that is its end.
    async fn receive<B>(
        &self,
        id: &UploadId,
        offset: u64,
        body: B,
        pace: Duration,
    ) -> Result<Answer, Answer>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: std::fmt::Display,
    {
        let to = Place {
            library: &self.library,
            who: &self.principal,
            id,
        };
        match take(body, pace, offset, to).await {
            Ok(()) => {}
            Err(Broken::Blob(error)) => return Err(Answer::blob(error.kind(), offset)),
            Err(Broken::Slow) => {
                return Err(Answer::status(StatusCode::REQUEST_TIMEOUT).because("slow_body"));
            }
            // Nobody is there to read it.
            Err(Broken::Off) => {
                return Err(Answer::status(StatusCode::BAD_REQUEST).because("broken_body"));
            }
        }
        if self.announced.complete == Some(false) {
            let status = self.status(id)?;
            return Ok(Answer::of(StatusCode::NO_CONTENT, &status));
        }
        self.commit(id).await
    }

    async fn commit(&self, id: &UploadId) -> Result<Answer, Answer> {
        let digest = self.announced.digest.ok_or_else(|| {
            Answer::problem(
                StatusCode::BAD_REQUEST,
                "about:blank",
                json!({
                    "title": "an upload is completed with its digest",
                    "detail": "Repr-Digest: blake3=:BASE64:",
                }),
            )
            .because("upload_digest_missing")
        })?;
        let params = json!({
            "uri": self.library.upload_uri(id), "digest": digest, "tree": self.tree,
        });
        let committed = self.call("mcpo2/artifacts/commit", params).await?;
        let status = self.status(id)?;
        let mut answer = Answer::of(StatusCode::OK, &status);
        answer.json("application/json", &committed);
        Ok(answer)
    }

    fn status(&self, id: &UploadId) -> Result<UploadStatus, BlobError> {
        self.library.upload(&self.principal, id)
    }

    /// The result of a call through the stack, as its caller.
    async fn call(&self, method: &str, params: Value) -> Result<Value, Answer> {
        let request = json!({ "jsonrpc": "2.0", "id": 0, "method": method, "params": params });
        let Ok(Message::Request(request)) = Message::parse(request.to_string()) else {
            return Err(Answer::broken());
        };
        let call = Call::new(request, Arc::clone(&self.principal));
        let mut call = call.with_version(ProtocolVersion::LATEST);
        call.extensions_mut().insert(self.source.clone());
        let reply = self.generation.run(call).await;
        result(&reply.map_err(|error| Answer::error(&error))?).ok_or_else(Answer::broken)
    }
}

fn result(reply: &Reply) -> Option<Value> {
    let Body::Complete(bytes) = reply.body() else {
        return None;
    };
    let mut response: Value = serde_json::from_slice(bytes).ok()?;
    Some(response.get_mut("result")?.take())
}

fn malformed(name: &'static str) -> Refusal {
    Refusal::invalid("malformed_header", format!("not a value of {name}"))
}
