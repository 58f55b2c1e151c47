#![doc = include_str!("../README.md")]

mod config;
mod error;
mod layer;
mod matcher;
mod names;
mod normalize;
mod report;
mod rules;
mod service;

pub use config::{Config, Facet, Limits, RuleConfig, Thresholds};
pub use error::{ConfigError, ConfigErrorKind};
pub use layer::ClassifyLayer;
pub use report::{Evidence, Outcome, Report};
pub use rules::Rules;
pub use service::ClassifyService;
