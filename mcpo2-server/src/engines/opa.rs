use std::sync::Arc;

use mcpo2_policy::{OpaEngine, RemoteEngine};

use super::Fault;
use crate::config::Opa;

pub(super) fn open(opa: &Opa) -> Result<Arc<dyn RemoteEngine>, Fault> {
    let engine = OpaEngine::new(&opa.url, &opa.path).map_err(|error| {
        // Which of the two it is about.
        let is_path = OpaEngine::new("http://localhost", &opa.path).is_err();
        Fault::at(if is_path { "opa/path" } else { "opa/url" }, error)
    })?;
    Ok(Arc::new(engine.with_timeout(opa.timeout)))
}
