//! Lets callers do no more in a time than the rate classes of rules let them.

mod buckets;
mod config;
mod future;
mod layer;
mod service;

pub use self::{
    buckets::Buckets,
    config::{RateClassConfig, RateError, RatesConfig},
    future::RateFuture,
    layer::{RateLayer, Rates},
    service::RateService,
};
