//! The api as its clients see it: the real server on in-memory ports, or its requests' way under a paused clock.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

mod accepting;
mod deleting;
mod finding;
mod health;
mod helpers;
mod limits;
mod refusing;
mod starting;
mod stopping;
