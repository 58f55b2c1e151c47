//! Servers to measure against: an upstream that does next to nothing, and a floor, which is the
//! least that a gateway can do.

mod answer;
mod floor;
mod http;
mod stdio;
mod tools;
mod upstream;

pub use floor::Floor;
pub use stdio::serve_stdio;
pub use upstream::Upstream;
