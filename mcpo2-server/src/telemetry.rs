//! What the server says of itself: metrics and logs.

mod load;
mod log;
mod metrics;
mod modules;
mod policy;
mod reloads;
mod service;
mod sparing;
mod upstream;

pub use log::init;
pub(crate) use metrics::Metrics;
pub(crate) use modules::Listed;
pub(crate) use reloads::Reloads;
pub(crate) use service::MetricsLayer;
