//! The api's binary: arguments, environment, signals. Everything else is in the library.

use std::fmt::Display;
use std::process::ExitCode;

use sales_api::config::PROGRAM;
use sales_shared::command::Invocation;
use sales_shared::config::{EXIT_BAD_CONFIGURATION, Environment};
use sales_shared::telemetry::print_line;
use sales_shared::{health_check, shutdown};

fn main() -> ExitCode {
    match Invocation::parse(std::env::args().skip(1)) {
        Ok(Invocation::Serve) => serve(),
        Ok(Invocation::Help) => say(&PROGRAM.help()),
        Ok(Invocation::Version) => say(&PROGRAM.version_line()),
        Ok(Invocation::HealthCheck) => check_health(),
        Err(unknown) => fail(&unknown, EXIT_BAD_CONFIGURATION),
    }
}

fn serve() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, 1),
    };
    let ended = runtime.block_on(async {
        let shutdown = shutdown::on_signal()?;
        sales_api::run(&Environment, None, shutdown).await
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, error.exit_code()),
    }
}

fn check_health() -> ExitCode {
    match PROGRAM.local_address(&Environment).map(health_check::is_alive) {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Ok(false)) => fail(&"the service answered, but not with 200", 1),
        Ok(Err(error)) => fail(&error, 1),
        Err(faults) => fail(&faults, EXIT_BAD_CONFIGURATION),
    }
}

fn say(text: &str) -> ExitCode {
    print_line(text);
    ExitCode::SUCCESS
}

fn fail(error: &dyn Display, code: u8) -> ExitCode {
    eprintln!("{}: {error}", PROGRAM.name);
    ExitCode::from(code)
}
