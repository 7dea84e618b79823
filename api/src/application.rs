//! One api: built on the ports it is given, then run until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sales_shared::clock::SharedClock;
use sales_shared::ports::{IdempotencyTable, SalesTable, StateParameter, Topic};
use sales_shared::random::Random;
use sales_shared::region::cached::CachedState;
use sales_shared::telemetry;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept::{Sales, SalesParts};
use crate::config::ApiSettings;
use crate::health_check::keep_probing;
use crate::metrics::{Deltas, Metrics};
use crate::serve::{App, serve};
use crate::state::{AppState, REQUESTS_MAX, StateBodies, TableHealth};

/// Longest wait at the start for a first reading of the region state, so that the first sales are stamped with the right
/// owner. Without it the api starts all the same.
pub const FIRST_READING_LIMIT: Duration = Duration::from_secs(1);

/// What an api needs of the outside.
#[derive(Clone)]
pub struct Ports {
    /// The sales table.
    pub table: Arc<dyn SalesTable>,
    /// The idempotency table.
    pub records: Arc<dyn IdempotencyTable>,
    /// The topic of this region.
    pub topic: Arc<dyn Topic>,
    /// The state parameter of this region.
    pub parameter: Arc<dyn StateParameter>,
    /// This host's time.
    pub clock: SharedClock,
    /// Random numbers.
    pub random: Random,
}

/// Why there is nowhere to listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (LISTEN_ADDRESS and PORT change it): {error}")]
pub struct ListenError {
    /// Where.
    pub address: SocketAddr,
    /// Why not.
    pub error: io::Error,
}

/// An api that listens, and does not serve yet.
pub struct Application {
    settings: ApiSettings,
    listener: TcpListener,
    address: SocketAddr,
    ports: Ports,
    state: Arc<CachedState>,
    metrics: Metrics,
    table: Arc<TableHealth>,
}

impl Application {
    /// Takes a listener, or listens where the settings say.
    ///
    /// # Errors
    /// [`ListenError`]
    pub async fn build(
        settings: ApiSettings,
        ports: Ports,
        listener: Option<TcpListener>,
    ) -> Result<Self, ListenError> {
        let wanted = settings.shared.listen;
        let failed = |error| ListenError { address: wanted, error };
        let listener = match listener {
            Some(listener) => listener,
            None => TcpListener::bind(wanted).await.map_err(failed)?,
        };
        let address = listener.local_addr().map_err(failed)?;
        let state = Arc::new(CachedState::new(ports.parameter.clone(), settings.shared.state));
        let metrics = Metrics::new(state.clone());
        Ok(Self {
            settings,
            listener,
            address,
            ports,
            state,
            metrics,
            table: Arc::new(TableHealth::default()),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, and ends within the drain time-out after it.
    ///
    /// # Errors
    /// When nothing can be accepted any more.
    pub async fn run_until_stopped(self, shutdown: CancellationToken) -> io::Result<()> {
        let app = self.app(shutdown.clone());
        // The tasks beside the requests go on until the last request is answered.
        let (background, stop_background) = (TaskTracker::new(), CancellationToken::new());
        let _stop_on_drop = stop_background.clone().drop_guard();
        self.spawn_background(&background, &stop_background);
        let mut readings = self.state.subscribe();
        let first_reading = tokio::time::timeout(FIRST_READING_LIMIT, readings.wait_for(Option::is_some));
        let _ = shutdown.run_until_cancelled(first_reading).await;
        tracing::info!(address = %self.address, region = %self.settings.shared.sites.local(), "serving");
        let served = serve(self.listener, app, shutdown, self.settings.shared.drain_timeout).await;
        stop_background.cancel();
        background.close();
        background.wait().await;
        tracing::info!("stopped");
        served
    }

    /// What answers the requests. `stopping` is what it tells the load balancer.
    pub fn app(&self, stopping: CancellationToken) -> App {
        let (shared, ports) = (&self.settings.shared, &self.ports);
        let sales = Sales::new(SalesParts {
            table: ports.table.clone(),
            records: ports.records.clone(),
            topic: ports.topic.clone(),
            state: self.state.clone(),
            sites: shared.sites.clone(),
            clock: ports.clock.clone(),
            random: ports.random.clone(),
            idempotency_ttl: shared.idempotency_ttl,
            metrics: self.metrics.sales.clone(),
        });
        App::new(Arc::new(AppState {
            sales,
            state: self.state.clone(),
            table: self.table.clone(),
            metrics: self.metrics.clone(),
            random: ports.random.clone(),
            stopping,
            permits: Semaphore::new(REQUESTS_MAX),
            state_bodies: StateBodies::new(shared.sites.local()),
        }))
    }

    fn spawn_background(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        let Ports { table, clock, random, .. } = self.ports.clone();
        let (state, jitter, stopping) = (self.state.clone(), random.clone(), stop.clone());
        tasks.spawn(async move { state.keep_fresh(&jitter, stopping).await });
        tasks.spawn(stop.clone().run_until_cancelled_owned(keep_probing(
            table,
            clock.clone(),
            self.table.clone(),
            random,
            stop.clone(),
        )));
        if self.settings.shared.metrics_emf {
            let (mut deltas, metrics) = (Deltas::default(), self.metrics.sales.clone());
            let region = self.settings.shared.sites.local().clone();
            let sample = move || deltas.since_last(&metrics);
            tasks.spawn(telemetry::print_emf(clock, region, "api", sample, stop.clone()));
        }
    }
}
