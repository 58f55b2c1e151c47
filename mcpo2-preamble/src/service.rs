use std::{
    borrow::Cow,
    sync::Arc,
    task::{Context, Poll},
};

use mcpo2_core::{
    Applied, Error, ErrorKind, Fact, Facts, Method, Preamble, Reply, Request, Routed,
};
use tower_service::Service;

use crate::{Point, Profiles, Refusal, ResponseFuture, edit, profiles::Profile};

/// Puts the preamble that the platform chose into calls of modules.
#[derive(Debug, Clone)]
pub struct PreambleService<S> {
    inner: S,
    profiles: Arc<Profiles>,
}

impl<S> PreambleService<S> {
    /// The service in front of `inner`.
    #[must_use]
    pub fn new(inner: S, profiles: Arc<Profiles>) -> Self {
        Self { inner, profiles }
    }
}

impl<S> Service<Routed> for PreambleService<S>
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
        match apply(&self.profiles, routed) {
            Ok(routed) => ResponseFuture::inner(self.inner.call(routed)),
            Err(error) => ResponseFuture::refused(error),
        }
    }
}

fn apply(profiles: &Profiles, routed: Routed) -> Result<Routed, Error> {
    let Some(facts) = routed.target().facts().cloned() else {
        return Ok(routed);
    };
    let works = matches!(
        routed.request().method(),
        Method::ToolsCall | Method::PromptsGet
    );
    let chosen = match works {
        true => profiles.profile(
            routed.call().principal().tenant(),
            &facts,
            routed.obligations().preamble.as_deref(),
        )?,
        false => None,
    };
    if let Some(already) = routed.preamble() {
        // A second layer of this kind below the first: its own key must not be stripped again.
        let same = chosen.map(|profile| profile.preamble.reference()) == Some(already.reference());
        return match same {
            true => Ok(routed),
            false => Err(Refusal::Twice.into()),
        };
    }

    let (request, stripped) = match edit::without_reserved(routed.request())? {
        Some((request, stripped)) => (Cow::Owned(request), stripped),
        None => (Cow::Borrowed(routed.request()), Vec::new()),
    };
    let point = profiles.point(facts.module());
    if let (true, Point::Argument(name)) = (works, point) {
        // Also where no profile applies, for else the caller would choose its own preamble.
        refuse_override(&request, name)?;
    }
    let Some(profile) = chosen else {
        if !stripped.is_empty() {
            let applied = Applied {
                profile: None,
                point: "none".into(),
                stripped,
            };
            routed.call().trail().record(Fact::Preamble(applied));
        }
        return Ok(match request {
            Cow::Owned(request) => routed.map_request(|_| request),
            Cow::Borrowed(_) => routed,
        });
    };
    let request = inject(&request, &point, profile)?;
    record(&routed, &facts, &point, &profile.preamble, stripped);
    Ok(routed
        .map_request(|_| request)
        .with_preamble(profile.preamble.clone()))
}

fn inject(request: &Request, point: &Point<'_>, profile: &Profile) -> Result<Request, Error> {
    match point {
        Point::Argument(name) => edit::with_argument(request, name, profile.preamble.text()),
        Point::Meta => Ok(request.with_meta_member(&profile.announcement)),
        Point::Nowhere => Ok(request.clone()),
    }
}

fn refuse_override(request: &Request, name: &str) -> Result<(), Error> {
    if edit::has_argument(request, name)? {
        let message = format!("argument `{name}` is set by the platform");
        return Err(Error::new(ErrorKind::InvalidParams, message));
    }
    Ok(())
}

fn record(
    routed: &Routed,
    facts: &Facts,
    point: &Point<'_>,
    preamble: &Preamble,
    stripped: Vec<Box<str>>,
) {
    let profile = Arc::clone(preamble.reference());
    tracing::debug!(
        module = %facts.module(), profile = %profile.id, digest = %profile.digest,
        "preamble applies"
    );
    let point = point.as_str().into();
    routed.call().trail().record(Fact::Preamble(Applied {
        profile: Some(profile),
        point,
        stripped,
    }));
}

pub(crate) fn internal() -> Error {
    Error::new(ErrorKind::Internal, "internal error")
}
