#![doc = include_str!("../README.md")]

mod layer;
mod names;
mod registry;
mod router;
mod service;

pub mod shares;

#[cfg(feature = "upstream")]
mod bridge;
#[cfg(feature = "upstream")]
mod catalog;
#[cfg(feature = "upstream")]
mod connection;
#[cfg(feature = "upstream")]
mod dispatch;
#[cfg(feature = "upstream")]
mod gateway;
#[cfg(feature = "upstream")]
mod parameters;
#[cfg(feature = "upstream")]
mod session;
#[cfg(feature = "upstream")]
mod tasks;
#[cfg(feature = "upstream")]
pub mod upstream;

pub use layer::RouteLayer;
pub use names::Naming;
pub use registry::{Registry, RegistryError};
pub use router::{Inventory, Plan, Requirements, Router};
pub use service::{ResponseFuture, RouteService};

#[cfg(feature = "upstream")]
pub use catalog::{
    Catalog, CatalogLayer, CatalogOptions, CatalogService, Change, News, PageLimits, Presence,
    Quarantine, Quarantined, Shown,
};
#[cfg(feature = "upstream")]
pub use connection::{Connection, Stats};
#[cfg(feature = "upstream")]
pub use dispatch::Dispatch;
#[cfg(feature = "upstream")]
pub use gateway::Gateway;
#[cfg(feature = "upstream")]
pub use session::Session;
