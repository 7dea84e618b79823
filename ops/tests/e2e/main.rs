//! The promises, end to end: the real services on the real SDK, in two regions.
//!
//! The tests in `portable` run on the embedded AWS, and on any other emulator that `E2E_ENDPOINT` names; those in `faults`
//! need faults that only the embedded one makes; the one in `deployed` runs on what the infrastructure code has made.

#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic, clippy::large_futures, reason = "tests")]

mod deployed;
mod faults;
mod portable;
mod stage;
