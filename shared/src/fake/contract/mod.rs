//! What every implementation of the ports owes, as one suite: the in-memory ports pass it, and the AWS adapters do.
//!
//! It panics at the first broken promise. It wants two sites whose queues nobody else reads, and uses fresh ids, so that it can be
//! run again on the same tables. Replicas may lag and indexes may be behind: what comes later is waited for, up to a deadline.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test suite that other crates run")]

mod idempotency;
mod queue;
mod sales;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::host::Host;
use crate::clock::SharedClock;
use crate::ports::{Archive, Archived, IdempotencyTable, Queue, SalesTable, StateParameter, Topic};
use crate::random::Random;
use crate::region::Sites;
use crate::sale::{Amount, IdempotencyKey, Product, Sale, SaleId};

/// Longest wait for a replica, an index or a message.
const PATIENCE: Duration = Duration::from_secs(20);
/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The ports of one process, and the queue of the other site.
#[derive(Clone)]
pub struct Subject {
    /// Both regions.
    pub sites: Sites,
    /// The time.
    pub clock: SharedClock,
    /// For fresh ids.
    pub random: Random,
    /// The sales table.
    pub sales: Arc<dyn SalesTable>,
    /// The idempotency table.
    pub idempotency: Arc<dyn IdempotencyTable>,
    /// The queue of this site.
    pub queue: Arc<dyn Queue>,
    /// The queue of the other site.
    pub peer_queue: Arc<dyn Queue>,
    /// The topic of this site.
    pub topic: Arc<dyn Topic>,
    /// The bucket.
    pub archive: Arc<dyn Archive>,
    /// The parameter, which must be there.
    pub state: Arc<dyn StateParameter>,
}

impl Subject {
    /// The ports of an in-memory process, and the queue of one in the other site.
    pub fn of(here: &Host, there: &Host) -> Self {
        Self {
            sites: here.sites(),
            clock: here.clock(),
            random: here.random(),
            sales: Arc::new(here.clone()),
            idempotency: Arc::new(here.clone()),
            queue: Arc::new(here.clone()),
            peer_queue: Arc::new(there.clone()),
            topic: Arc::new(here.clone()),
            archive: Arc::new(here.clone()),
            state: Arc::new(here.clone()),
        }
    }

    /// A sale that nobody knows.
    fn sale(&self) -> Sale {
        let now = self.clock.now();
        Sale {
            id: SaleId::generate(now, &self.random),
            product: Product::parse("A \"quoted\" book, ação").unwrap(),
            amount: Amount::parse("223.34").unwrap(),
            created_at: now,
            owner_region: self.sites.local().clone(),
        }
    }

    /// A sale with a key of its own.
    fn keyed_sale(&self) -> Sale {
        let key = IdempotencyKey::parse(&format!("contract-{:x}", self.random.number())).unwrap();
        Sale { id: SaleId::from_key(&key), ..self.sale() }
    }
}

/// The whole contract.
pub async fn all(subject: &Subject) {
    sales::all(subject).await;
    idempotency::all(subject).await;
    queue::all(subject).await;
    an_object_is_written_once_and_replaced_only_on_purpose(subject).await;
    subject.state.read().await.unwrap();
}

async fn an_object_is_written_once_and_replaced_only_on_purpose(subject: &Subject) {
    let key = subject.sale().archive_key();
    let (first, second) = (Bytes::from_static(b"{\"n\":1}"), Bytes::from_static(b"{\"n\":2}"));
    assert_eq!(subject.archive.get(&key).await.unwrap(), None);
    assert_eq!(subject.archive.put(&key, first.clone()).await.unwrap(), Archived::Written);
    assert_eq!(subject.archive.put(&key, second.clone()).await.unwrap(), Archived::Existed);
    assert_eq!(subject.archive.get(&key).await.unwrap(), Some(first));
    subject.archive.replace(&key, second.clone()).await.unwrap();
    assert_eq!(subject.archive.get(&key).await.unwrap(), Some(second));
}

/// Looks until it is so.
async fn eventually(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !look().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
