use std::{
    sync::Arc,
    task::{Context, Poll},
};

use mcpo2_core::{
    Call, Error, ErrorKind, ItemKind, Method, ModuleId, Reply, Routed, message::result_response,
};
use tower_service::Service;

use crate::{
    Artifacts, ErrorKind as Kind, Reader, Reference, ResponseFuture, offload::Offload,
    respond::read_result, token::Verb, tools::Asked,
};

/// Turns results over a threshold into references, and answers reads of these.
#[derive(Debug, Clone)]
pub struct ArtifactService<S> {
    inner: S,
    artifacts: Arc<Artifacts>,
    tools: Option<Arc<ModuleId>>,
}

impl<S> ArtifactService<S> {
    /// The service in front of `inner`.
    #[must_use]
    pub fn new(inner: S, artifacts: Arc<Artifacts>) -> Self {
        Self {
            inner,
            artifacts,
            tools: None,
        }
    }

    pub(crate) fn with_tools(mut self, module: Option<Arc<ModuleId>>) -> Self {
        self.tools = module;
        self
    }
}

impl<S> Service<Routed> for ArtifactService<S>
where
    S: Service<Routed, Response = Reply, Error = Error>,
{
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, routed: Routed) -> Self::Future {
        if addresses_artifact(routed.call()) {
            let artifacts = Arc::clone(&self.artifacts);
            return ResponseFuture::work(Box::pin(answer(artifacts, routed)));
        }
        let tools = self.tools.as_deref();
        if let Some(asked) = tools.and_then(|module| Asked::of(module, &routed)) {
            let artifacts = Arc::clone(&self.artifacts);
            return ResponseFuture::work(Box::pin(async move { asked.answer(&artifacts).await }));
        }
        let offload = Offload::of(&self.artifacts, &routed);
        ResponseFuture::inner(self.inner.call(routed), offload)
    }
}

/// Also where the URI is malformed or the method another: such a URI never reaches a module.
fn addresses_artifact(call: &Call) -> bool {
    call.item()
        .is_some_and(|item| item.kind() == ItemKind::Resource && Reference::has_scheme(item.name()))
}

async fn answer(artifacts: Arc<Artifacts>, routed: Routed) -> Result<Reply, Error> {
    let call = routed.call();
    let not_found = || Error::not_found(ErrorKind::NotFound, call.request());
    let Some(id) = call.request().id() else {
        return Ok(Reply::accepted());
    };
    #[cfg(unix)]
    if let Some(library) = artifacts.library()
        && let Some(asked) = library.asked(call)
    {
        let library = Arc::clone(library);
        return library.take_upload(asked, routed, artifacts.now()).await;
    }
    let (Method::ResourcesRead, Some(item)) = (call.method(), call.item()) else {
        return Err(not_found());
    };
    let reader = Reader::routed(&routed, Verb::Read);
    let excerpt = match artifacts.read(&reader, item.name()).await {
        Ok(excerpt) => excerpt,
        Err(error) if error.kind() == Kind::NotFound => {
            return Err(not_found().with_source(error));
        }
        Err(error) => {
            tracing::warn!(%error, "an artifact could not be read");
            return Err(error.into());
        }
    };
    let result = read_result(item.name(), &excerpt, call.version())
        .map_err(|error| Error::new(ErrorKind::Internal, "internal error").with_source(error))?;
    Ok(Reply::complete(result_response(id, &result)))
}
