//! `drctl`: wiring only.

// A command's future is made once in a process: its size does not matter.
#![allow(clippy::large_futures)]

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use drctl::deployment::Target;
use drctl::{
    bench, chaos, child, drill, environment, flip, provisioning, redrive, simulate, status, up, verify,
};

/// The allocator of the services, so that the benchmark's floor and its AWS have it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs, watches and moves a sales service that lives in two AWS regions.
#[derive(Parser)]
#[command(name = "drctl", version, about, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start two regions on this machine: an embedded AWS, and an api and a worker for each region
    Up(up::Args),
    /// Create what the services need, on any endpoint, as often as you like
    Provision(provisioning::Args),
    /// Change the active region
    Flip(flip::Args),
    /// Show both regions: state, queues, outbox
    Status(status::Args),
    /// Make the embedded AWS slow, faulty or dark
    Chaos(chaos::Args),
    /// Send sales from the dead-letter queues back to work
    Redrive(redrive::Args),
    /// Check every processed sale's archive object in both regions, and make missing ones again
    Verify(verify::Args),
    /// Play seeded histories of two regions against the real services on in-memory ports, and check every promise
    Simulate(simulate::command::SimulateArgs),
    /// Drill a failover: steady traffic, something happens in the middle, then every accepted sale is looked at
    Drill(drill::Args),
    /// Measure the services beside a bare loop of the AWS calls that they have to make
    Bench(bench::Args),
    /// List the environment variables of the services
    Environment(environment::Args),
    /// Run one service as configured by the environment
    #[command(hide = true)]
    Service(child::Args),
    /// The bare loop of the benchmark
    #[command(hide = true)]
    Floor(bench::floor::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("drctl: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("drctl: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { target, command } = cli;
    match command {
        Command::Up(args) => up::run(args).await,
        Command::Provision(args) => provisioning::run(&target, args).await,
        Command::Flip(args) => flip::run(&target, args).await,
        Command::Status(args) => status::run(&target, args).await,
        Command::Chaos(args) => chaos::run(&target, args).await,
        Command::Redrive(args) => redrive::run(&target, args).await,
        Command::Verify(args) => verify::run(&target, args).await,
        Command::Simulate(args) => tokio::task::spawn_blocking(move || simulate::command::run(&args))
            .await
            .context("the simulator")?,
        Command::Drill(args) => drill::run(&target, args).await,
        Command::Bench(args) => bench::run(args).await,
        Command::Floor(args) => bench::floor::run(args).await,
        Command::Service(args) => child::run(args).await,
        Command::Environment(args) => environment::run(args),
    }
}
