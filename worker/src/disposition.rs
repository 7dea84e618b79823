//! The fate of a delivery, and the only way in which a message leaves the queue.
//!
//! Nothing deletes a message except [`Disposition::Delete`], and that takes [`Evidence`], which comes from a settled
//! record, from a row that says what became of the sale, or from the message's own safe arrival in the dead-letter queue.

use std::sync::Arc;
use std::time::Duration;

use sales_shared::backoff::Backoff;
use sales_shared::idempotency::Proof;
use sales_shared::ports::{PortResult, Put, QUEUE_BATCH_MAX, Queue, Receipt};
use sales_shared::random::Random;
use sales_shared::sale::{Progress, StoredSale};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::metrics::Metrics;

/// What happens to a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It goes, on evidence.
    Delete(Evidence),
    /// It is put back, to be seen again after this time.
    Release {
        /// How long it stays hidden.
        after: Duration,
    },
    /// It is sent to the dead-letter queue, then deleted: a body that cannot be read, so that no record stands for it.
    Park {
        /// Why.
        reason: String,
    },
}

/// Why a message may be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Settled(Proof),
    Row,
    DeadLettered,
}

impl From<Proof> for Evidence {
    fn from(proof: Proof) -> Self {
        Self(Kind::Settled(proof))
    }
}

impl Evidence {
    /// A row that says what became of its sale: it is marked only after the effects ran or the sale was parked.
    pub fn of_row(row: &StoredSale) -> Option<Self> {
        match row.progress {
            Progress::Waiting => None,
            Progress::Processed { .. } | Progress::Parked | Progress::Deleted => Some(Self(Kind::Row)),
        }
    }

    /// Sends a body to the dead-letter queue; its arrival there is the evidence.
    async fn from_dead_letter(queue: &dyn Queue, body: &str, reason: &str) -> PortResult<Self> {
        queue.dead_letter(body, reason).await?;
        Ok(Self(Kind::DeadLettered))
    }
}

/// Longest time for which a disposition waits for others to share a request with.
const BATCH_WAIT: Duration = Duration::from_millis(50);
/// Dispositions that may wait to be carried out; whoever has one more waits.
const PENDING_MAX: usize = 1024;
/// Batches under way at once.
const BATCHES_MAX: usize = 16;
/// Tries to delete a message. One that is still there afterwards comes back, finds its proof, and is deleted then.
const DELETE_TRIES: u32 = 3;
const DELETE_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(200), ceiling: Duration::from_millis(800) };
/// How long a message whose parking failed is put back for.
const PARK_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Carries dispositions out, up to ten in a request.
#[derive(Clone)]
pub struct Dispatcher {
    queue: Arc<dyn Queue>,
    deletes: mpsc::Sender<Receipt>,
    puts: mpsc::Sender<Put>,
    metrics: Metrics,
}

/// The part of the dispatcher that sends the batches. It ends when all [`Dispatcher`]s are gone and everything is sent.
pub struct Batches {
    queue: Arc<dyn Queue>,
    deletes: mpsc::Receiver<Receipt>,
    puts: mpsc::Receiver<Put>,
    random: Random,
}

impl Dispatcher {
    /// A dispatcher, and the batches that have to run for it.
    pub fn new(queue: Arc<dyn Queue>, random: Random, metrics: Metrics) -> (Self, Batches) {
        let (deletes, deletes_receiver) = mpsc::channel(PENDING_MAX);
        let (puts, puts_receiver) = mpsc::channel(PENDING_MAX);
        let batches =
            Batches { queue: queue.clone(), deletes: deletes_receiver, puts: puts_receiver, random };
        (Self { queue, deletes, puts, metrics }, batches)
    }

    /// Carries one disposition out. Returns once it is in a batch to be sent, or its parking is done.
    pub async fn dispatch(&self, receipt: Receipt, body: &str, disposition: Disposition) {
        self.metrics.count_disposition(&disposition);
        match disposition {
            Disposition::Delete(evidence) => self.delete(receipt, evidence).await,
            Disposition::Release { after } => self.release(receipt, after).await,
            Disposition::Park { reason } => {
                match Evidence::from_dead_letter(self.queue.as_ref(), body, &reason).await {
                    Ok(evidence) => {
                        tracing::warn!(%reason, "message parked");
                        self.metrics.parked.inc();
                        self.delete(receipt, evidence).await;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a message could not be parked; it is put back");
                        self.release(receipt, PARK_AGAIN_AFTER).await;
                    }
                }
            }
        }
    }

    /// A closed channel means that the process is ending: the message then comes back by its visibility timeout.
    async fn delete(&self, receipt: Receipt, _evidence: Evidence) {
        let _ = self.deletes.send(receipt).await;
    }

    async fn release(&self, receipt: Receipt, after: Duration) {
        let _ = self.puts.send(Put { receipt, after }).await;
    }
}

impl Batches {
    /// Sends batches until there is nothing left to come.
    pub async fn run(self) {
        let Self { queue, mut deletes, mut puts, random } = self;
        let delete_queue = queue.clone();
        tokio::join!(
            send_batches(&mut deletes, |batch| delete_batch(delete_queue.clone(), random.clone(), batch)),
            send_batches(&mut puts, |batch| put_batch(queue.clone(), batch)),
        );
    }
}

/// Collects up to ten entries, or what comes within [`BATCH_WAIT`] of the first, and sends them, several batches at once.
async fn send_batches<T, F>(entries: &mut mpsc::Receiver<T>, send: impl Fn(Vec<T>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut under_way = JoinSet::new();
    while let Some(first) = entries.recv().await {
        let mut batch = Vec::with_capacity(QUEUE_BATCH_MAX);
        batch.push(first);
        let until = Instant::now() + BATCH_WAIT;
        while batch.len() < QUEUE_BATCH_MAX {
            match tokio::time::timeout_at(until, entries.recv()).await {
                Ok(Some(entry)) => batch.push(entry),
                Ok(None) | Err(_) => break,
            }
        }
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= BATCHES_MAX {
            under_way.join_next().await;
        }
        under_way.spawn(send(batch));
    }
    while under_way.join_next().await.is_some() {}
}

async fn delete_batch(queue: Arc<dyn Queue>, random: Random, mut receipts: Vec<Receipt>) {
    for failures in 1..=DELETE_TRIES {
        match queue.delete(&receipts).await {
            Ok(left) if left.is_empty() => return,
            Ok(left) => receipts = left,
            Err(error) if failures == DELETE_TRIES => {
                tracing::warn!(%error, count = receipts.len(), "messages could not be deleted; they come back to their proof");
            }
            Err(_) => {}
        }
        tokio::time::sleep(DELETE_BACKOFF.jittered(failures, &random)).await;
    }
}

async fn put_batch(queue: Arc<dyn Queue>, puts: Vec<Put>) {
    if let Err(error) = queue.change_visibility(&puts).await {
        tracing::warn!(%error, count = puts.len(), "messages could not be put back; they come back by their visibility timeout");
    }
}
