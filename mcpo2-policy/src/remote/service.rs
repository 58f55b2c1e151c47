use std::{
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use mcpo2_core::{Call, Decision, Digest, Error, Facts, Item, Method, Permitted, Reply};
use tower_service::Service;

use super::{RemoteEngine, RemoteResponseFuture};
use crate::{Input, PolicyService, Query, Situation, Verdict, join, layer::Known, subscription};

/// How many questions one call may take. A subscription takes one for each resource and task that it
/// names.
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
                let answer = question.answered(&*remote, &call).await;
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

/// What the remote engine is asked of a call.
struct Question {
    document: Bytes,
    /// What a subscription wants to hear of, and by which method it would be read.
    named: Option<(Method, Item, Option<Arc<Facts>>)>,
}

impl Question {
    fn of(query: &Query<'_>) -> Result<Self, &'static str> {
        let document = serde_json::to_vec(&Input::of(query)).map(Bytes::from);
        Ok(Self {
            document: document.map_err(|_| "the call has no document")?,
            named: None,
        })
    }

    /// The answer. What is named elsewhere than where it may be is denied here: the regions of the
    /// subscription itself are those of the gateway.
    async fn answered(self, remote: &dyn RemoteEngine, call: &Call) -> Verdict {
        let answer = remote.decide(self.document).await;
        let Some((method, item, facts)) = self.named else {
            return answer;
        };
        let query = Query::new(&method, Some(&item), call.principal()).with_facts(facts);
        join::within_regions(answer, &query, remote.digest())
    }
}

/// What the remote engine is asked of a call: of a subscription, each thing that it names.
fn questions(
    call: &Call,
    situation: &Situation,
    known: &Known,
) -> Result<Vec<Question>, &'static str> {
    if *call.method() == Method::Listen {
        let named = subscription::named(call).ok_or("the subscription cannot be read")?;
        if named.len() > MAX_QUESTIONS {
            return Err("the subscription names too many resources");
        }
        let read = |(method, item): (Method, Item)| {
            let facts = known.directory.describe(&item);
            let query = Query::new(&method, Some(&item), call.principal());
            let query = query.with_facts(facts.clone()).with_situation(situation);
            let question = Question::of(&query)?;
            Ok(Question {
                named: Some((method, item, facts)),
                ..question
            })
        };
        return named.into_iter().map(read).collect();
    }
    let query = Query::call(call);
    if query.is_protocol() {
        return Ok(Vec::new());
    }
    let facts = call.item().and_then(|item| known.directory.describe(item));
    Question::of(&query.with_facts(facts).with_situation(situation)).map(|one| vec![one])
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
