use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use mcpo2_core::{Error, Fact, Reply, Routed};
use tower_service::Service;

use super::{Wanted, Workspace, chosen::Chosen, edit, internal, layer::Engine, unknown};
use crate::{ResponseFuture, run::outcome};

/// Gives calls that name a workspace the parts of its files that their task needs.
#[derive(Debug, Clone)]
pub struct ManifestService<S> {
    inner: S,
    engine: Arc<Engine>,
}

impl<S> ManifestService<S> {
    pub(super) fn new(inner: S, engine: Arc<Engine>) -> Self {
        Self { inner, engine }
    }
}

impl<S> Service<Routed> for ManifestService<S>
where
    S: Service<Routed, Response = Reply, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, routed: Routed) -> Self::Future {
        let wanted = match self.engine.contexts.wanted(&routed) {
            Ok(Some(wanted)) => wanted,
            Ok(None) => {
                let routed = edit::without_keys(routed);
                return ResponseFuture::inner(self.inner.call(routed), None);
            }
            Err(error) => return ResponseFuture::work(Box::pin(async { Err(error) })),
        };
        let engine = Arc::clone(&self.engine);
        let inner = self.inner.clone();
        let mut ready = mem::replace(&mut self.inner, inner);
        ResponseFuture::work(Box::pin(async move {
            let routed = engine.give(wanted, edit::without_keys(routed)).await?;
            ready.call(routed).await
        }))
    }
}

impl Engine {
    /// The call with its pack.
    async fn give(&self, wanted: Wanted, routed: Routed) -> Result<Routed, Error> {
        let (principal, name) = (routed.call().principal(), &wanted.asked.name);
        let workspace = match self.workspaces.open(principal, name).await {
            Ok(Some(workspace)) => workspace,
            Ok(None) => {
                return Err(unknown(name).with_source("there is no such workspace for the caller"));
            }
            Err(error) => return Err(internal().with_source(error)),
        };
        let place = wanted.rule.into.clone();
        let chosen = self.choose(wanted, workspace).await?;
        let request = chosen.put(routed.request(), &place)?;
        let given = chosen.given(&place);
        tracing::debug!(root = %given.root, items = given.items, tokens = given.tokens, "context");
        routed.call().trail().record(Fact::Context(given));
        Ok(routed.map_request(|_| request))
    }

    async fn choose(&self, wanted: Wanted, workspace: Arc<Workspace>) -> Result<Chosen, Error> {
        let tokenizer = Arc::clone(&self.tokenizer);
        let chosen = outcome(&*self.run, move || {
            Chosen::of(&wanted, &workspace, &*tokenizer)
        });
        let chosen = chosen.await;
        chosen.ok_or_else(|| internal().with_source("the selection did not run to its end"))
    }
}
