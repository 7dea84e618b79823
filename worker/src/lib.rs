//! The worker: takes sale events from the regional queue and processes each sale once.

pub mod config;
pub mod disposition;
pub mod effects;
pub mod known;
pub mod metrics;
pub mod pipeline;
pub mod worker;

mod consumer;
mod health;
mod poller;
mod reconciler;
mod run;
mod visibility;

use std::sync::Arc;

use sales_shared::aws::Clients;
use sales_shared::clock::SystemClock;
use sales_shared::command::Program;
use sales_shared::config::{EXIT_BAD_CONFIGURATION, Service, Source};
use sales_shared::random::Random;
use sales_shared::region::cached::CachedState;
use sales_shared::telemetry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use config::Settings;
use effects::ArchiveSale;
use metrics::Metrics;
pub use run::Held;
pub use worker::{Drained, Options, Ports, Worker};

/// The command line of `sales-worker`.
pub const PROGRAM: Program = Program {
    name: "sales-worker",
    version: env!("CARGO_PKG_VERSION"),
    about: "takes sale events from the regional queue and processes each sale once",
    service: Service::Worker,
    default_port: config::DEFAULT_PORT,
};

/// Why a worker did not start, or failed while it ran.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration.
    #[error(transparent)]
    Configuration(#[from] sales_shared::config::Faults),
    /// The address to listen on.
    #[error("cannot listen on {0}: {1}")]
    Listen(std::net::SocketAddr, std::io::Error),
    /// Anything else of the operating system's.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl RunError {
    /// The exit code that says so.
    pub fn exit_code(&self) -> u8 {
        match self {
            RunError::Configuration(_) => EXIT_BAD_CONFIGURATION,
            RunError::Listen(..) | RunError::Io(_) => 1,
        }
    }
}

/// Runs a worker as configured, until told to stop. `listener` is the health port if it is open already. The variables
/// are read before this returns the future, which borrows nothing.
///
/// # Errors
/// [`RunError`], from the future.
pub fn run(
    source: &dyn Source,
    listener: Option<TcpListener>,
    stop: CancellationToken,
) -> impl Future<Output = Result<Drained, RunError>> + Send + use<> {
    let settings = Settings::read(source);
    async move { run_with(settings?, listener, stop).await }
}

async fn run_with(
    settings: Settings,
    listener: Option<TcpListener>,
    stop: CancellationToken,
) -> Result<Drained, RunError> {
    telemetry::init_logs(settings.shared.log_format, &settings.shared.log_level);
    let listen = settings.shared.listen;
    let listener = match listener {
        Some(listener) => listener,
        None => TcpListener::bind(listen).await.map_err(|error| RunError::Listen(listen, error))?,
    };
    let clients = Clients::connect(&settings.shared.sites, &settings.shared.aws).await;
    let worker = assemble(&settings, &clients, Random::from_system()?);
    let (metrics, exposition) = worker.metrics();
    let router = health::router(metrics.clone(), exposition, settings.worker.timings.long_poll);
    let served = CancellationToken::new();
    let _stop_serving_at_the_end = served.clone().drop_guard();
    let serving = axum::serve(listener, router).with_graceful_shutdown(served.cancelled_owned());
    tracing::info!(
        region = %settings.shared.sites.local(),
        address = %listen,
        concurrency = settings.worker.concurrency,
        "working"
    );
    let emf = print_emf(&settings, &metrics, stop.clone());
    let (drained, ()) = tokio::select! {
        done = async { tokio::join!(worker.run(stop), emf) } => done,
        served = async { serving.await } => {
            served?;
            (Drained::CutOff, ())
        }
    };
    tracing::info!(?drained, "stopped");
    Ok(drained)
}

fn assemble(settings: &Settings, clients: &Clients, random: Random) -> Worker {
    let shared = &settings.shared;
    let ports = Ports {
        sales: clients.sales_table(),
        idempotency: clients.idempotency_table(),
        queue: clients.queue(settings.worker.timings.visibility),
        effects: Arc::new(ArchiveSale::new(clients.archive())),
        state: Arc::new(CachedState::new(clients.state_parameter(), shared.state)),
    };
    let options = Options {
        sites: shared.sites.clone(),
        settings: settings.worker,
        strong_tables: shared.aws.strong_tables,
        idempotency_ttl: shared.idempotency_ttl,
        drain_timeout: shared.drain_timeout,
    };
    Worker::new(ports, options, Arc::new(SystemClock), random)
}

/// Prints CloudWatch's metrics if they are wanted.
async fn print_emf(settings: &Settings, metrics: &Metrics, stop: CancellationToken) {
    if !settings.shared.metrics_emf {
        return;
    }
    let region = settings.shared.sites.local().clone();
    let sample = metrics.emf_sample();
    telemetry::print_emf(Arc::new(SystemClock), region, "worker", sample, stop).await;
}
