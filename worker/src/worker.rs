//! The worker itself: consumer, reconciler and state, started together and stopped in order.

use std::sync::Arc;
use std::time::Duration;

use sales_shared::clock::SharedClock;
use sales_shared::config::WorkerSettings;
use sales_shared::idempotency::WorkerId;
use sales_shared::metrics::Exposition;
use sales_shared::ports::{IdempotencyTable, Queue, SalesTable};
use sales_shared::random::Random;
use sales_shared::reachability::{Reachability, SilencePolicy};
use sales_shared::region::Sites;
use sales_shared::region::cached::CachedState;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::consumer::Consumer;
use crate::disposition::Dispatcher;
use crate::effects::Effects;
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
use crate::reconciler::Reconciler;

/// What a worker works with.
pub struct Ports {
    /// The sales table.
    pub sales: Arc<dyn SalesTable>,
    /// The idempotency table.
    pub idempotency: Arc<dyn IdempotencyTable>,
    /// The regional queue.
    pub queue: Arc<dyn Queue>,
    /// What processing a sale does.
    pub effects: Arc<dyn Effects>,
    /// The regional state.
    pub state: Arc<CachedState>,
}

/// How a worker works.
#[derive(Clone, Debug)]
pub struct Options {
    /// The two regions.
    pub sites: Sites,
    /// Limits and times.
    pub settings: WorkerSettings,
    /// Whether the tables are strongly consistent across regions.
    pub strong_tables: bool,
    /// How long records are kept.
    pub idempotency_ttl: Duration,
    /// How long a stop may take.
    pub drain_timeout: Duration,
}

/// How a stop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everything in hand was finished or put back.
    Whole,
    /// Time ran out: what was still in hand comes back by its visibility timeout.
    CutOff,
}

/// A worker, ready to run.
pub struct Worker {
    pipeline: Arc<Pipeline>,
    exposition: Exposition,
    drain_timeout: Duration,
}

impl Worker {
    /// Puts one together.
    pub fn new(ports: Ports, options: Options, clock: SharedClock, random: Random) -> Self {
        let (metrics, exposition) = Metrics::new(ports.state.clone());
        let worker = WorkerId(format!("{}-{:016x}", options.sites.local(), random.number()));
        let pipeline = Pipeline {
            idempotency: ports.idempotency,
            sales: ports.sales,
            queue: ports.queue,
            effects: ports.effects,
            state: ports.state,
            sites: options.sites,
            worker,
            settings: options.settings,
            strong_tables: options.strong_tables,
            idempotency_ttl: options.idempotency_ttl,
            clock,
            random,
            peer: Reachability::new(SilencePolicy::default()),
            metrics,
        };
        Self { pipeline: Arc::new(pipeline), exposition, drain_timeout: options.drain_timeout }
    }

    /// Its numbers.
    pub fn metrics(&self) -> (Metrics, Exposition) {
        (self.pipeline.metrics.clone(), self.exposition.clone())
    }

    /// Works until told to stop: then receives no more, finishes what runs, puts the rest back. Dropping the future
    /// ends everything at once, as a killed process would.
    pub async fn run(self, stop: CancellationToken) -> Drained {
        let Self { pipeline, drain_timeout, .. } = self;
        let (dispatcher, batches) =
            Dispatcher::new(pipeline.queue.clone(), pipeline.random.clone(), pipeline.metrics.clone());
        let consumer = Consumer::new(pipeline.queue.clone(), pipeline.clone(), dispatcher, stop.clone());
        let reconciler = Reconciler { pipeline: pipeline.clone(), stop: stop.clone() };
        let mut running = JoinSet::new();
        running.spawn(consumer.run());
        running.spawn(reconciler.run());
        // The batches end by themselves when the consumer, which fills them, is gone.
        running.spawn(batches.run());
        let (state, random, refreshing) = (pipeline.state.clone(), pipeline.random.clone(), stop.clone());
        running.spawn(async move { state.keep_fresh(&random, refreshing).await });
        stop.cancelled().await;
        let finished = async { while running.join_next().await.is_some() {} };
        match tokio::time::timeout(drain_timeout, finished).await {
            Ok(()) => Drained::Whole,
            Err(_) => {
                let in_flight = pipeline.metrics.in_flight.get();
                tracing::warn!(in_flight, "the drain ran out of time; what is in hand comes back by itself");
                Drained::CutOff
            }
        }
    }
}
