//! Blots out of results what rules oblige to.

mod address;
mod card;
mod config;
mod finder;
mod finders;
mod future;
mod layer;
mod message;
mod redaction;
mod service;
mod text;

pub use self::{
    config::{BlobsConfig, RedactConfig, RedactError},
    finders::Finders,
    future::RedactFuture,
    layer::RedactLayer,
    message::Unredactable,
    service::RedactService,
};
