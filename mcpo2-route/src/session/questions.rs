//! What the client of a session cannot be asked.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use mcpo2_core::{Frame, Frames, Message, ModuleId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Session;
use crate::{
    bridge::abilities::{Abilities, ability},
    upstream::{Hello, own},
};

/// What a client can be asked, by its hello.
pub(super) fn abilities(hello: &Hello) -> Abilities {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        capabilities: &'a RawValue,
    }
    let params = serde_json::from_slice::<Params<'_>>(hello.params());
    params.map_or_else(
        |_| Abilities::default(),
        |params| Abilities::of(params.capabilities.get()),
    )
}

impl Session {
    /// What a module says, without the questions that the client cannot be asked: the module is
    /// told so at once, and what it says next waits until it was.
    pub(crate) fn fit_to_ask(self: &Arc<Self>, module: &ModuleId, frames: Frames) -> Frames {
        let (session, module) = (Arc::clone(self), module.clone());
        Frames::new(frames.try_filter_map(move |frame| {
            let refused = session.refusal(&frame);
            let (session, module) = (Arc::clone(&session), module.clone());
            async move {
                let Some(refusal) = refused else {
                    return Ok(Some(frame));
                };
                tracing::warn!(%module, "asks the client what it cannot be asked");
                let links = session.links();
                if let Some((_, link)) = links.iter().find(|(id, _)| *id == module)
                    && let Err(error) = link.send(refusal).await
                {
                    tracing::debug!(%error, "the module could not be told");
                }
                Ok(None)
            }
        }))
    }

    fn refusal(&self, frame: &Frame) -> Option<Bytes> {
        let Ok(Message::Request(request)) = Message::parse(frame.data().clone()) else {
            return None;
        };
        request.id()?;
        let method = request.method().as_str();
        let able = ability(method).is_none() || self.abilities.allow(method);
        let refused = !able || self.traffic().reverse.is_full();
        refused.then(|| own::refusal(&request))
    }
}
