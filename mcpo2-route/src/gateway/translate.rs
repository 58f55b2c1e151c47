//! What modules say, under the names that the caller knows.

use std::{
    fmt,
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures_util::TryStreamExt as _;
use mcpo2_core::{
    Body, Call, Error, Frame, Frames, Method, ModuleId, Principal, Reply, Request, Routed,
};
use memchr::memmem::Finder;

use super::Gateway;
use crate::{
    Catalog, Session,
    catalog::{Changes, calmed},
    tasks::{Tasks, Whose},
};

/// A client of one module alone is told of changes to a list no more often.
const INTERVAL: Duration = Duration::from_secs(1);

impl Gateway {
    /// Gives the session of a call what the gateway has to say on its stream.
    pub(crate) fn attach(&self, call: &Call) {
        if let Some(session) = call.extensions().get::<Arc<Session>>() {
            self.catalog.attach(session, call.principal());
        }
    }

    /// The reply of a module, with the ids of tasks that the caller knows.
    pub(crate) fn translate(&self, routed: &Routed, reply: Reply) -> Reply {
        let method = routed.call().method().clone();
        if self.registry.sole().is_some() {
            return match method {
                Method::Listen => reply.map_body(|body| match body {
                    Body::Stream(frames) => Body::Stream(calmed(frames, INTERVAL)),
                    other => other,
                }),
                _ => reply,
            };
        }
        // A task is only ever begun for who asks for one, or can follow one.
        let may = speaks_of_tasks(routed.call().request());
        let (true, Some(facts)) = (may, routed.target().facts()) else {
            return reply;
        };
        let names = Names {
            tasks: Arc::clone(&self.catalog.options().tasks),
            principal: Arc::clone(routed.call().principal()),
            module: facts.module().clone(),
            method,
        };
        reply.map_body(|body| match body {
            Body::Complete(bytes) => {
                let named = names.tasks.message(&bytes, names.whose());
                Body::Complete(named.unwrap_or(bytes))
            }
            Body::Stream(frames) => {
                let named = move |frame| names.tasks.frame(frame, names.whose());
                Body::Stream(Frames::new(frames.map_ok(named)))
            }
            Body::Empty => Body::Empty,
        })
    }
}

/// Whether a request could be about a task. Its arguments, which may be long, are for the tool.
fn speaks_of_tasks(request: &Request) -> bool {
    let (before, behind) = request.around_arguments();
    static TASK: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"task"));
    let speaks = |part| TASK.find(part).is_some();
    speaks(before) || speaks(behind)
}

impl Catalog {
    /// Gives a session of this principal what there is to say on its stream where there are several
    /// modules, and how tasks are named there.
    ///
    /// [`Dispatch`](crate::Dispatch) does so with each call. A session that was resumed may be
    /// listened to before there is one.
    pub fn attach(&self, session: &Session, principal: &Arc<Principal>) {
        if self.registry().sole().is_some() {
            return;
        }
        session.attach(|| Outside {
            changes: self.changes(),
            tasks: Arc::clone(&self.options().tasks),
            principal: Arc::clone(principal),
        });
    }
}

struct Names {
    tasks: Arc<Tasks>,
    principal: Arc<Principal>,
    module: ModuleId,
    method: Method,
}

impl Names {
    fn whose(&self) -> Whose<'_> {
        Whose {
            module: &self.module,
            principal: &self.principal,
            method: Some(&self.method),
        }
    }
}

/// What the gateway has to say on the stream of a session over several modules.
pub(crate) struct Outside {
    changes: Changes,
    tasks: Arc<Tasks>,
    principal: Arc<Principal>,
}

impl Outside {
    /// What modules say together with what the gateway says. Changes of lists come once in a
    /// while.
    pub(crate) fn join(
        outside: Option<&Self>,
        frames: Option<impl futures_util::Stream<Item = Result<Frame, Error>> + Send + 'static>,
    ) -> Frames {
        let frames = frames.map(Frames::new);
        match (outside, frames) {
            (Some(outside), frames) => outside.changes.clone().among(frames),
            (None, Some(frames)) => calmed(frames, INTERVAL),
            (None, None) => Frames::new(futures_util::stream::empty()),
        }
    }

    /// A frame of a module with the ids of tasks that the client knows.
    pub(crate) fn translate(&self, module: &ModuleId, frame: Frame) -> Frame {
        let whose = Whose {
            module,
            principal: &self.principal,
            method: None,
        };
        self.tasks.frame(frame, whose)
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").finish_non_exhaustive()
    }
}
