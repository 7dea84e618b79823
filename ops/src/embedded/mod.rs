//! Two AWS regions in this process, behind one listener, for laptops, tests and benchmarks.
//!
//! The services' engines are the published `rustack` crates; what this product needs and they lack is
//! added here: global tables with a replication lag, fan-out into the other region, a small S3 with
//! two-way replication, and faults that can be switched on while everything runs. A call is routed by
//! the region and the service in the credential scope of its signature; the signature itself is not
//! checked. Nothing is written to disk: when the process ends, everything is gone.

mod answer;
mod buckets;
mod calls;
mod clock;
mod control;
mod dice;
mod fault;
mod faults;
mod front;
mod identity;
mod links;
mod parameters;
mod queues;
mod scope;
mod server;
mod tables;
mod topics;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use calls::CallCounts;
pub use fault::{Darkness, Fault, FaultRefused, InjectedError};
pub use faults::{FaultId, Faults};
pub use links::{Links, ReplicationSettings};
pub use scope::Service;

use front::World;

/// The account every resource belongs to.
pub const ACCOUNT: &str = "000000000000";

/// How long replication lags when nothing else is asked for: a global table is usually under a second behind.
pub const DEFAULT_LAG: Duration = Duration::from_millis(200);

/// How long a stop waits for answers under way before it cuts them.
const STOP_GRACE: Duration = Duration::from_millis(300);

/// How the two replicas of a global table agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TableConsistency {
    /// Multi-Region eventual consistency: conditions are decided on the local replica, the last writer wins.
    #[default]
    Eventual,
    /// Multi-Region strong consistency: both regions see one table.
    Strong,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The names of the two regions. They must differ.
    pub regions: [String; 2],
    /// How global tables behave.
    pub table_consistency: TableConsistency,
    /// How long a write takes to the other region's table; can be changed while running.
    pub table_lag: Duration,
    /// How long an object takes to the other region's bucket; can be changed while running.
    pub bucket_lag: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            regions: ["sa-east-1".to_owned(), "us-east-1".to_owned()],
            table_consistency: TableConsistency::Eventual,
            table_lag: DEFAULT_LAG,
            bucket_lag: DEFAULT_LAG,
        }
    }
}

/// Why the embedded AWS did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens there.
    #[error("{address} is taken by another process")]
    PortTaken {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// Two regions of one name are one region.
    #[error("the two regions must have different names, both are {0}")]
    SameRegion(String),
}

/// A running embedded AWS. Dropping it ends it as well, without waiting.
pub struct EmbeddedAws {
    address: SocketAddr,
    world: Arc<World>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl EmbeddedAws {
    /// Starts listening; calls are answered from when this returns.
    ///
    /// # Errors
    /// A taken port is told apart from every other failure to listen.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let [first, second] = &options.regions;
        if first == second {
            return Err(StartError::SameRegion(first.clone()));
        }
        let listener = listen(options.listen).await?;
        let address =
            listener.local_addr().map_err(|source| StartError::Bind { address: options.listen, source })?;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let world = World::start(&options, address, &stop, &tasks);
        tasks.spawn(server::serve(listener, Arc::clone(&world), stop.clone(), tasks.clone()));
        Ok(Self { address, world, stop, tasks })
    }

    /// What `AWS_ENDPOINT_URL` must say.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Latency, errors and darkness, to be switched while running.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.world.faults
    }

    /// The replication between the two regions: lag and pause.
    #[must_use]
    pub fn links(&self) -> &Links {
        &self.world.links
    }

    /// How many calls have come in, by region, service and operation.
    #[must_use]
    pub fn calls(&self) -> CallCounts {
        self.world.calls.snapshot()
    }

    /// Forgets the counted calls.
    pub fn reset_calls(&self) {
        self.world.calls.reset();
    }

    /// Stops, cutting what does not end by itself; takes less than a second.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_GRACE * 2, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "embedded AWS stopped with work under way");
        }
        self.world.shut_down(STOP_GRACE).await;
    }
}

impl Drop for EmbeddedAws {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            StartError::PortTaken { address }
        } else {
            StartError::Bind { address, source }
        }
    })
}

#[cfg(test)]
mod tests;
