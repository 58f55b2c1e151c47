//! How much the gateway takes on at once, and from whom.
//!
//! A call takes a place, and keeps it until its answer is complete or its stream ends. Tenants
//! share the places ([`mcpo2_route::shares`]). What finds none waits a little in a short queue, or
//! is refused at once, so that who can be served is served as if the others were not there.

mod gate;
mod memory;
mod place;
mod service;
mod strangers;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    gate::{Gate, Reading, Shed},
    place::StreamPlace,
    service::AdmissionLayer,
    strangers::Strangers,
};
