//! The loops that receive: how many, when each is wanted, and at which pace.

use std::sync::Arc;
use std::time::Duration;

use sales_shared::backoff::Backoff;
use sales_shared::ports::{Delivery, PortResult, QUEUE_BATCH_MAX};
use sales_shared::region::Mode;
use sales_shared::region::cached::CachedState;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::consumer::{Brought, Consumer, HOLD_RECHECK};
use crate::disposition::Disposition;

/// Sales in work that one poller keeps supplied.
const CONCURRENCY_PER_POLLER: usize = 4;
/// Most pollers.
const POLLERS_MAX: usize = 16;
/// Dry runs under way at once for each poller, as long as they bring proofs.
const DRY_RUNS_MAX: usize = 3;
/// How long a poller waits after batches that brought no proof: a backlog then waits visible in the queue.
const NO_PROOF_PAUSE: Backoff = Backoff { first: Duration::from_secs(1), ceiling: Duration::from_secs(5) };
/// How long a poller waits after a receive that failed.
const RECEIVE_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(200), ceiling: Duration::from_secs(5) };

/// How many pollers keep that many sales in work.
pub(crate) fn pollers(concurrency: usize) -> usize {
    concurrency.div_ceil(CONCURRENCY_PER_POLLER).clamp(1, POLLERS_MAX)
}

/// One loop that receives.
pub(crate) struct Poller {
    consumer: Arc<Consumer>,
    /// The first poller waits long for messages; the others only help while there are many.
    first: bool,
    batches: JoinSet<Brought>,
    dry_runs: JoinSet<Brought>,
    /// Whether the last receive brought as much as one can: there may be more.
    got_full_batch: bool,
    /// Dry runs in a row that brought no proof.
    without_proof: u32,
}

impl Poller {
    pub(crate) fn new(consumer: Arc<Consumer>, first: bool) -> Self {
        let (batches, dry_runs) = (JoinSet::new(), JoinSet::new());
        Self { consumer, first, batches, dry_runs, got_full_batch: false, without_proof: 0 }
    }

    pub(crate) async fn run(mut self) {
        let (consumer, stop) = (self.consumer.clone(), self.consumer.stop.clone());
        let state = &consumer.pipeline.state;
        let mut seen = state.changes();
        let mut failures = 0_u32;
        while !stop.is_cancelled() {
            match consumer.pipeline.state.mode() {
                Mode::Hold => {
                    consumer.pipeline.metrics.note_good_poll();
                    rest(HOLD_RECHECK, state, &mut seen, &stop).await;
                    continue;
                }
                Mode::Process => self.without_proof = 0,
                Mode::DryRun => {}
            }
            let permits = tokio::select! {
                biased;
                permits = self.turn_to_receive() => permits,
                () = stop.cancelled() => break,
            };
            if consumer.pipeline.state.mode() == Mode::Hold {
                continue;
            }
            match self.receive().await {
                Ok(deliveries) => {
                    failures = 0;
                    consumer.pipeline.metrics.note_good_poll();
                    self.start(deliveries, permits).await;
                    if self.settle_dry_runs().await == Brought::NoProof {
                        rest(NO_PROOF_PAUSE.delay(self.without_proof), state, &mut seen, &stop).await;
                    }
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    if failures == 1 {
                        tracing::warn!(%error, "the queue does not answer");
                    }
                    drop(permits);
                    let pause = RECEIVE_BACKOFF.jittered(failures, &consumer.pipeline.random);
                    rest(pause, state, &mut seen, &stop).await;
                }
            }
        }
        while self.batches.join_next().await.is_some() {}
        while self.dry_runs.join_next().await.is_some() {}
    }

    /// Waits until this poller is wanted, and until there is room in hand if the messages are to be worked on.
    async fn turn_to_receive(&self) -> Option<OwnedSemaphorePermit> {
        if !self.first && !self.got_full_batch {
            self.consumer.busy.notified().await;
        }
        match self.consumer.pipeline.state.mode() {
            Mode::Process => self.consumer.in_hand.clone().acquire_many_owned(BATCH_PERMITS).await.ok(),
            Mode::Hold | Mode::DryRun => None,
        }
    }

    /// Wakes the others if there is more than one poller can do.
    fn call_for_help(&self) {
        if self.got_full_batch {
            self.consumer.busy.notify_waiters();
            self.consumer.busy.notify_one();
        }
    }

    /// What the dry runs brought that have ended. Proofs set the pace: while they come, the next batch is received before this
    /// one is done; without them, one at a time.
    async fn settle_dry_runs(&mut self) -> Brought {
        let mut brought = Brought::Work;
        loop {
            let ended = match self.without_proof > 0 || self.dry_runs.len() >= DRY_RUNS_MAX {
                true => self.dry_runs.join_next().await,
                false => self.dry_runs.try_join_next(),
            };
            match ended {
                Some(Ok(Brought::Work)) => {
                    self.without_proof = 0;
                    self.call_for_help();
                }
                Some(Ok(Brought::NoProof)) => {
                    self.without_proof = self.without_proof.saturating_add(1);
                    self.got_full_batch = false;
                    brought = Brought::NoProof;
                }
                Some(Err(error)) => tracing::error!(%error, "a dry run panicked"),
                None => return brought,
            }
        }
    }

    /// A receive is never cut off: what the queue has handed out would stay hidden until its visibility timeout. A stop
    /// waits for it, and what it brings is put back.
    async fn receive(&self) -> PortResult<Vec<Delivery>> {
        let wait =
            if self.first { self.consumer.pipeline.settings.timings.long_poll } else { Duration::ZERO };
        self.consumer.queue.receive(QUEUE_BATCH_MAX, wait).await
    }

    /// Starts work on a batch.
    async fn start(&mut self, deliveries: Vec<Delivery>, permits: Option<OwnedSemaphorePermit>) {
        let consumer = &self.consumer;
        self.got_full_batch = deliveries.len() == QUEUE_BATCH_MAX;
        while self.batches.try_join_next().is_some() {}
        if deliveries.is_empty() {
            return;
        }
        if consumer.stop.is_cancelled() {
            for delivery in deliveries {
                let back = Disposition::Release { after: Duration::ZERO };
                consumer.dispatcher.dispatch(delivery.receipt, &delivery.body, back).await;
            }
            return;
        }
        match consumer.pipeline.state.mode() {
            Mode::Hold | Mode::DryRun => {
                self.dry_runs.spawn(consumer.clone().handle(deliveries, None));
            }
            Mode::Process => {
                self.call_for_help();
                self.batches.spawn(consumer.clone().handle(deliveries, permits));
            }
        }
    }
}

/// Permits of one receive: as many as it may bring.
const BATCH_PERMITS: u32 = 10;
const _: () = assert!(BATCH_PERMITS as usize == QUEUE_BATCH_MAX);

/// Waits, but not past a change of the state or a stop.
async fn rest(time: Duration, state: &CachedState, seen: &mut u64, stop: &CancellationToken) {
    tokio::select! {
        biased;
        () = tokio::time::sleep(time) => {}
        () = state.changed(seen) => {}
        () = stop.cancelled() => {}
    }
}
