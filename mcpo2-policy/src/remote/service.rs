use std::{
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use mcpo2_core::{Call, Decision, Digest, Error, Method, Permitted, Reply};
use tower_service::Service;

use super::{RemoteEngine, RemoteResponseFuture};
use crate::{Input, PolicyService, Query, Situation, Verdict, join, layer::Known, subscription};

/// How many questions one call may take. A subscription takes one for each resource that it names.
const MAX_QUESTIONS: usize = 64;

/// Decides on each call here and elsewhere, and hides from lists what the caller may not use.
///
/// A call that either denies, or that waits for an approval, never reaches the inner service.
#[derive(Clone)]
pub struct RemotePolicyService<S> {
    local: PolicyService<S>,
    remote: Arc<dyn RemoteEngine>,
}

impl<S> RemotePolicyService<S> {
    pub(super) fn new(local: PolicyService<S>, remote: Arc<dyn RemoteEngine>) -> Self {
        Self { local, remote }
    }
}

impl<S> Service<Call> for RemotePolicyService<S>
where
    S: Service<Permitted, Response = Reply, Error = Error> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Reply;
    type Error = Error;
    type Future = RemoteResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.local.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let (verdict, situation) = self.local.decide(&call);
        let known = self.local.known();
        let questions = match verdict.decision() {
            Decision::Deny(_) => Ok(Vec::new()),
            Decision::Allow(_) | Decision::Ask(_) => questions(&call, &situation, known),
        };
        let questions = match questions {
            Ok(questions) if questions.is_empty() => {
                return RemoteResponseFuture::local(self.local.apply(verdict, call, situation));
            }
            Ok(questions) => questions,
            Err(reason) => {
                let verdict = Verdict::eval_error(reason, known.engine.digest());
                return RemoteResponseFuture::local(self.local.apply(verdict, call, situation));
            }
        };
        let remote = Arc::clone(&self.remote);
        // What is ready is this one, and not its clone.
        let clone = self.local.clone();
        let mut local = mem::replace(&mut self.local, clone);
        RemoteResponseFuture::asking(Box::pin(async move {
            let mut verdicts = vec![verdict];
            for question in questions {
                let answer = remote.decide(question).await;
                let denies = matches!(answer.decision(), Decision::Deny(_));
                verdicts.push(answer);
                if denies {
                    break;
                }
            }
            let bundle = both(local.known().engine.digest(), remote.digest());
            let verdict = {
                let facts = (call.item()).and_then(|item| local.known().directory.describe(item));
                let query = Query::call(&call).with_facts(facts);
                join::strictest(verdicts, &query, bundle)
            };
            local.apply(verdict, call, situation).await
        }))
    }
}

/// What the remote engine is asked of a call, as documents.
fn questions(
    call: &Call,
    situation: &Situation,
    known: &Known,
) -> Result<Vec<Bytes>, &'static str> {
    if *call.method() == Method::Listen {
        let resources = subscription::resources(call).ok_or("the subscription cannot be read")?;
        if resources.len() > MAX_QUESTIONS {
            return Err("the subscription names too many resources");
        }
        let read = |item| {
            let query = Query::new(&Method::ResourcesRead, Some(item), call.principal());
            document(
                &query
                    .with_facts(known.directory.describe(item))
                    .with_situation(situation),
            )
        };
        return resources.iter().map(read).collect();
    }
    let query = Query::call(call);
    if query.is_protocol() || query.is_own_reference() {
        return Ok(Vec::new());
    }
    let facts = call.item().and_then(|item| known.directory.describe(item));
    document(&query.with_facts(facts).with_situation(situation)).map(|document| vec![document])
}

fn document(query: &Query<'_>) -> Result<Bytes, &'static str> {
    let document = serde_json::to_vec(&Input::of(query)).map(Bytes::from);
    document.map_err(|_| "the call has no document")
}

fn both(local: Digest, remote: Digest) -> Digest {
    let all = [
        &b"mcpo2.policy/v1 remote"[..],
        local.as_bytes(),
        remote.as_bytes(),
    ];
    Digest::of(&all.concat())
}

impl<S: fmt::Debug> fmt::Debug for RemotePolicyService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemotePolicyService")
            .field("local", &self.local)
            .field("remote", &self.remote.digest())
            .finish()
    }
}
