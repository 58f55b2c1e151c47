use rmcp::{
    Peer, RoleServer,
    model::Extensions,
    service::{NotificationContext, RequestContext},
};

/// Where a call came from, among the extensions of a [`Call`](mcpo2_core::Call) that
/// [`Governed`](crate::Governed) made.
#[derive(Debug, Clone)]
pub struct Downstream(Context);

#[derive(Debug, Clone)]
enum Context {
    Request(RequestContext<RoleServer>),
    Notification(NotificationContext<RoleServer>),
}

impl Downstream {
    pub(crate) fn request(context: RequestContext<RoleServer>) -> Self {
        Self(Context::Request(context))
    }

    pub(crate) fn notification(context: NotificationContext<RoleServer>) -> Self {
        Self(Context::Notification(context))
    }

    /// What the transport attached: over HTTP, `http::request::Parts`.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        match &self.0 {
            Context::Request(context) => &context.extensions,
            Context::Notification(context) => &context.extensions,
        }
    }

    /// The client.
    #[must_use]
    pub fn peer(&self) -> &Peer<RoleServer> {
        match &self.0 {
            Context::Request(context) => &context.peer,
            Context::Notification(context) => &context.peer,
        }
    }

    pub(crate) fn notification_context(&self) -> Option<&NotificationContext<RoleServer>> {
        match &self.0 {
            Context::Notification(context) => Some(context),
            Context::Request(_) => None,
        }
    }
}
