//! `sales-worker`: wiring only.

use std::process::ExitCode;

use sales_shared::command::Invocation;
use sales_shared::config::{EXIT_BAD_CONFIGURATION, Environment};
use sales_shared::{health_check, shutdown};
use sales_worker::{PROGRAM, RunError};

fn main() -> ExitCode {
    match Invocation::parse(std::env::args().skip(1)) {
        Ok(Invocation::Serve) => serve(),
        Ok(Invocation::Help) => say(&PROGRAM.help()),
        Ok(Invocation::Version) => say(&PROGRAM.version_line()),
        Ok(Invocation::HealthCheck) => health_check(),
        Err(error) => fail(&error, EXIT_BAD_CONFIGURATION),
    }
}

fn serve() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, 1),
    };
    let result = runtime.block_on(async {
        let stop = shutdown::on_signal()?;
        sales_worker::run(&Environment, None, stop).await
    });
    match result {
        Ok(_) => ExitCode::SUCCESS,
        Err(RunError::Configuration(faults)) => fail(&faults, EXIT_BAD_CONFIGURATION),
        Err(error @ (RunError::Listen(..) | RunError::Io(_))) => fail(&error, 1),
    }
}

fn health_check() -> ExitCode {
    let alive = PROGRAM
        .local_address(&Environment)
        .map_err(|faults| faults.to_string())
        .and_then(|address| health_check::is_alive(address).map_err(|error| error.to_string()));
    match alive {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => fail(&"not alive", 1),
        Err(error) => fail(&error, 1),
    }
}

fn say(text: &str) -> ExitCode {
    sales_shared::telemetry::print_line(text);
    ExitCode::SUCCESS
}

fn fail(why: &dyn std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("{}: {why}", PROGRAM.name);
    ExitCode::from(code)
}
