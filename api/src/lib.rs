//! The api: takes sales, stores them, and announces them to both regions.
//!
//! [`accept::Sales`] is what it does, without HTTP; [`routes`] are its addresses; [`serve()`] holds the limits;
//! [`application::Application`] puts them together on any ports, and [`run()`] on AWS.

pub mod accept;
pub mod application;
pub mod config;
pub mod extract;
pub mod health_check;
pub mod metrics;
pub mod problem;
pub mod routes;
#[cfg(feature = "aws")]
mod run;
pub mod serve;
pub mod state;

#[cfg(feature = "aws")]
pub use run::{RunError, run};
pub use serve::{App, serve};

/// Name of the service.
pub const NAME: &str = "sales-api";
/// Version of this release.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
