//! What `drctl` is made of: the operator's commands, and the embedded two-region AWS.

// A command's future is made once in a process: its size does not matter.
#![allow(clippy::large_futures)]

pub mod bench;
pub mod chaos;
pub mod child;
pub mod deployment;
pub mod drill;
pub mod embedded;
pub mod environment;
pub mod flip;
pub mod provisioning;
pub mod redrive;
pub mod simulate;
pub mod status;
pub mod style;
pub mod up;
pub mod verify;
