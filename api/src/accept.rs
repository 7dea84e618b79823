//! What the api does with sales, without HTTP: accept one, find one, delete one. The simulator runs this code on
//! in-memory ports under a paused clock, so nothing here asks the system for time or randomness.

mod delete;
mod find;

use std::sync::Arc;
use std::time::Duration;

use sales_shared::clock::SharedClock;
use sales_shared::ports::{IdempotencyTable, Inserted, PortError, SalesTable, Topic};
use sales_shared::random::Random;
use sales_shared::reachability::{Reachability, SilencePolicy};
use sales_shared::region::cached::CachedState;
use sales_shared::region::{Sites, owner_of_new_sale};
use sales_shared::sale::event::SaleEvent;
use sales_shared::sale::{IdempotencyKey, NewSale, Progress, Sale, SaleId, StoredSale};
use sales_shared::trace::TraceParent;

pub use delete::Deleted;

use crate::metrics::SaleMetrics;

/// Longest time that a publish, with its retries, may hold up an answer. The sale is stored by then, and the
/// reconciler takes what was not announced from the outbox.
pub const PUBLISH_LIMIT: Duration = Duration::from_secs(2);

/// What [`Sales`] is made of.
pub struct SalesParts {
    /// The sales table.
    pub table: Arc<dyn SalesTable>,
    /// The idempotency table.
    pub records: Arc<dyn IdempotencyTable>,
    /// The topic of this region.
    pub topic: Arc<dyn Topic>,
    /// The state of this region. Somebody else keeps it fresh; a sale never waits for it.
    pub state: Arc<CachedState>,
    /// Both regions.
    pub sites: Sites,
    /// This host's time.
    pub clock: SharedClock,
    /// Where ids and traces come from.
    pub random: Random,
    /// How long the record of a cancelled sale is kept.
    pub idempotency_ttl: Duration,
    /// What is counted.
    pub metrics: SaleMetrics,
}

/// The sales of this region, as its clients see them.
pub struct Sales {
    table: Arc<dyn SalesTable>,
    records: Arc<dyn IdempotencyTable>,
    topic: Arc<dyn Topic>,
    state: Arc<CachedState>,
    sites: Sites,
    clock: SharedClock,
    random: Random,
    idempotency_ttl: Duration,
    metrics: SaleMetrics,
    /// Whether the peer's replica of the sales table answers.
    peer: Reachability,
}

/// A sale that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is new.
    Created(StoredSale),
    /// It was there under the same key: this is what is stored.
    Replayed(StoredSale),
}

/// Why a sale was not accepted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AcceptError {
    /// The key stands for another payload.
    #[error("the idempotency key stands for another sale")]
    KeyReused,
    /// The key stands for a sale that was deleted.
    #[error("the sale of this idempotency key was deleted")]
    Deleted,
    /// The table did not take it. Whether it is stored is unknown unless the table refused it.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Sales {
    /// Puts the parts together.
    pub fn new(parts: SalesParts) -> Self {
        let SalesParts { table, records, topic, state, sites, clock, random, idempotency_ttl, metrics } =
            parts;
        let peer = Reachability::new(SilencePolicy::default());
        Self { table, records, topic, state, sites, clock, random, idempotency_ttl, metrics, peer }
    }

    /// Stores a sale and announces it. When this returns [`Accepted`], the sale is durable and in the outbox, so that
    /// it is processed even if nobody heard the announcement.
    ///
    /// # Errors
    /// [`AcceptError`]. After a failed port the caller may try again; with a key that cannot make a second sale.
    pub async fn accept(
        &self,
        new: NewSale,
        key: Option<IdempotencyKey>,
        trace: TraceParent,
    ) -> Result<Accepted, AcceptError> {
        let created_at = self.clock.now();
        let id = match &key {
            Some(key) => SaleId::from_key(key),
            None => SaleId::generate(created_at, &self.random),
        };
        let owner_region = owner_of_new_sale(self.state.last_declared(), &self.sites).clone();
        let sale = Sale { id, product: new.product, amount: new.amount, created_at, owner_region };
        match self.table.insert(&sale).await? {
            Inserted::New => {
                self.metrics.accepted.inc();
                let sale = self.announce(sale, &trace).await;
                Ok(Accepted::Created(StoredSale { sale, progress: Progress::Waiting }))
            }
            Inserted::Existed(stored) => replay(stored, &sale),
        }
    }

    /// Publishes the event. A failure is counted and logged, and is no reason to refuse the sale.
    async fn announce(&self, sale: Sale, trace: &TraceParent) -> Sale {
        let event = SaleEvent { sale, traceparent: Some(trace.child(&self.random)), of_older_service: false };
        let body = event.to_json();
        let (id, trace_id) = (event.sale.id, || trace.trace_id());
        match tokio::time::timeout(PUBLISH_LIMIT, self.topic.publish(&body)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                self.metrics.publish_failures.inc();
                tracing::warn!(sale.id = %id, trace.id = trace_id(), %error, "a sale is stored and was not announced");
            }
            Err(_elapsed) => {
                self.metrics.publish_failures.inc();
                let error = "no answer within the limit of a publish";
                tracing::warn!(sale.id = %id, trace.id = trace_id(), error, "a sale is stored and was not announced");
            }
        }
        event.sale
    }
}

/// What the sale that was there says to one that was asked for.
fn replay(stored: StoredSale, asked: &Sale) -> Result<Accepted, AcceptError> {
    if stored.progress == Progress::Deleted {
        return Err(AcceptError::Deleted);
    }
    let same = stored.sale.product == asked.product && stored.sale.amount == asked.amount;
    if same { Ok(Accepted::Replayed(stored)) } else { Err(AcceptError::KeyReused) }
}
