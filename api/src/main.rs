//! `sales-api`: wiring only.

use std::process::ExitCode;

use sales_api::config::PROGRAM;
use sales_shared::command::Failure;
use sales_shared::config::Environment;

/// The SDK allocates much on every call: with this allocator a sale takes a fifth less of the CPU (`loadtest/README.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    PROGRAM.main(async |stop| {
        let served = sales_api::run(&Environment, None, stop).await;
        served.map_err(|error| Failure { code: error.exit_code(), message: error.to_string() })
    })
}
