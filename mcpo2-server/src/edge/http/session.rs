//! Sessions as requests name them, and the refusals where there is none.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use mcpo2_core::Principal;

use super::HttpEdge;
use crate::{
    app::Generation,
    edge::sessions::{Found, Missing, Open},
    refusal::Refusal,
    respond,
};

impl HttpEdge {
    /// The session of this id, wherever it was before.
    pub(super) fn session(
        &self,
        id: &str,
        principal: &Arc<Principal>,
        generation: &Generation,
    ) -> Result<Open, Refusal> {
        match self.sessions.find(id, principal, generation)? {
            Found::Here(open) => Ok(open),
            Found::Resumed(open) => {
                self.edge.noted("session_resumed", principal);
                if let Some(catalog) = generation.catalog() {
                    catalog.attach(&open.session, principal);
                }
                Ok(open)
            }
        }
    }
}

impl From<Missing> for Refusal {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Unknown => Self::new(
                StatusCode::NOT_FOUND,
                -32600,
                "session_unknown",
                "session not found",
            ),
            Missing::TooMany => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                -32600,
                "too_many_sessions",
                "too many sessions",
            ),
            Missing::Full => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                respond::OVERLOADED,
                "sessions_full",
                "the gateway has as many sessions as it may have",
            )
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("60")),
            Missing::NoId => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                -32603,
                "no_session_id",
                "internal error",
            ),
        }
    }
}
