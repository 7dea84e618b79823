//! Domain, ports and AWS adapters of the sales service.
//!
//! Pure decisions stand at the centre (`idempotency::decide`, `region::Mode`), the traits in [`ports`] are the
//! seam, and `aws` is the only place where a type of the AWS SDK stands.

pub mod backoff;
pub mod clock;
pub mod command;
pub mod config;
pub mod health_check;
pub mod idempotency;
pub mod metrics;
pub mod ports;
pub mod random;
pub mod reachability;
pub mod region;
pub mod sale;
pub mod shutdown;
pub mod telemetry;
pub mod trace;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "test-support")]
pub mod fake;
