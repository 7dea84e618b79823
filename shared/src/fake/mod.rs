//! In-memory ports for tests and for the simulator: queues that redeliver, tables whose replicas lag, calls that fail.
//!
//! One [`World`] holds two sites with their queues, topics, tables, buckets and parameters. A [`Host`] is one process
//! in one of them and implements every port. All waiting is on tokio's clock, which tests pause, and every choice is drawn
//! from the world's seed, so that on a single-threaded runtime the same seed gives the same history.
//!
//! By default the weather is clear: calls take a few milliseconds, nothing fails, replicas follow within a second.
//! Tests change that with [`World::weather`], [`World::script`], [`World::darken`], [`World::part`] and so on. What happened is in
//! the [`Ledger`](ledger::Ledger).
//!
//! Deliberately absent: retries. On AWS the adapters retry; an error here is what is left after that.

mod archive;
pub mod contract;
mod host;
mod idempotency_table;
pub mod ledger;
mod look;
mod parameter;
mod queue;
mod replicated;
mod sabotage;
mod sales_table;
mod site;
mod topic;
pub mod weather;
mod world;

pub use host::{Host, HostClock, HostId, HostInfo};
pub use ledger::{Entry, Fact};
pub use parameter::ParameterValue;
pub use queue::DeadLetter;
pub use site::Site;
pub use weather::{ErrorRates, Fate, Outage, Service, Span, Weather};
pub use world::{Moment, World, WorldSettings};

#[cfg(test)]
#[allow(clippy::panic, clippy::wildcard_enum_match_arm, reason = "tests")]
mod tests;
