//! What the server says of itself: metrics and logs.

mod log;
mod metrics;
mod service;

pub use log::init;
pub(crate) use metrics::Metrics;
pub(crate) use service::MetricsLayer;
