//! The api on AWS, configured by a source of variables: what the binary runs, and whoever runs several in one process.

use std::io;
use std::sync::Arc;

use sales_shared::aws::Clients;
use sales_shared::clock::SystemClock;
use sales_shared::config::{EXIT_BAD_CONFIGURATION, Faults, Source};
use sales_shared::random::Random;
use sales_shared::telemetry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::application::{Application, ListenError, Ports};
use crate::config::ApiSettings;

/// Why an api ended otherwise than asked.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration is wrong. Nothing was touched.
    #[error(transparent)]
    Configuration(#[from] Faults),
    /// There is nowhere to listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The operating system failed.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl RunError {
    /// The exit code that says so.
    pub fn exit_code(&self) -> u8 {
        match self {
            RunError::Configuration(_) => EXIT_BAD_CONFIGURATION,
            RunError::Listen(_) | RunError::System(_) => 1,
        }
    }
}

/// Runs an api until `shutdown`. The variables are read before this returns the future, which borrows nothing. Without a
/// listener it listens where the variables say.
///
/// # Errors
/// [`RunError`], from the future.
pub fn run(
    source: &dyn Source,
    listener: Option<TcpListener>,
    shutdown: CancellationToken,
) -> impl Future<Output = Result<(), RunError>> + Send + use<> {
    let settings = ApiSettings::read(source);
    async move {
        let settings = settings?;
        let shared = &settings.shared;
        telemetry::init_logs(shared.log_format, &shared.log_level);
        let clients = Clients::connect(&shared.sites, &shared.aws).await;
        let ports = Ports {
            table: clients.sales_table(),
            records: clients.idempotency_table(),
            topic: clients.topic(),
            parameter: clients.state_parameter(),
            clock: Arc::new(SystemClock),
            random: Random::from_system()?,
        };
        let application = Application::build(settings, ports, listener).await?;
        application.run_until_stopped(shutdown).await?;
        Ok(())
    }
}
