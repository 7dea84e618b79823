//! `sales-worker`: wiring only.

use std::process::ExitCode;

use sales_shared::command::Failure;
use sales_shared::config::Environment;

/// The SDK allocates much on every call: with this allocator a sale takes a fifth less of the CPU (`loadtest/README.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sales_worker::PROGRAM.main(async |stop| {
        let worked = sales_worker::run(&Environment, None, stop).await;
        worked.map(drop).map_err(|error| Failure { code: error.exit_code(), message: error.to_string() })
    })
}
