//! From the queue to the pipeline: receive as the mode allows, decide a batch at a time, and see to it that every message
//! in hand gets a disposition.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::Either;
use sales_shared::backoff::Backoff;
use sales_shared::idempotency::Record;
use sales_shared::idempotency::decide::{AuthorityView, Choice, UNCERTAIN_WAIT};
use sales_shared::ports::{Delivery, QUEUE_BATCH_MAX, Queue};
use sales_shared::region::Mode;
use sales_shared::sale::SaleId;
use sales_shared::sale::event::{InvalidEvent, SaleEvent};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::disposition::{Dispatcher, Disposition, Evidence};
use crate::known::Known;
use crate::pipeline::{Outcome, Pipeline, Work};
use crate::poller::{Poller, pollers};
use crate::run::Held;

/// How often a holding worker looks whether it still is one, beside being woken by the change.
pub(crate) const HOLD_RECHECK: Duration = Duration::from_secs(1);
/// From which receive on a PASSIVE worker looks at the row as well: after three minutes and a half.
const LOOK_AT_ROW_FROM: u32 = 10;
/// How long a message that this release cannot read yet is put back for.
const NEWER_VERSION_BACKOFF: Backoff =
    Backoff { first: Duration::from_secs(10), ceiling: Duration::from_secs(300) };

/// What all pollers of a process share.
pub(crate) struct Consumer {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) stop: CancellationToken,
    /// Messages that may be in hand where work is done: those in work, and a batch for every fourth poller that waits its
    /// turn. Dry runs need no turn, and are limited by their own number.
    pub(crate) in_hand: Arc<Semaphore>,
    /// Sales that may be in work.
    in_work: Arc<Semaphore>,
    /// A poller got a full batch, to work on or with proofs in it: there is more, and the others are to help.
    pub(crate) busy: Notify,
}

/// What a batch was like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brought {
    Work,
    NoProof,
}

impl Consumer {
    pub(crate) fn new(
        queue: Arc<dyn Queue>,
        pipeline: Arc<Pipeline>,
        dispatcher: Dispatcher,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let concurrency = pipeline.settings.concurrency;
        let in_hand = concurrency + QUEUE_BATCH_MAX * pollers(concurrency).div_ceil(4);
        Arc::new(Self {
            queue,
            pipeline,
            dispatcher,
            stop,
            in_hand: Arc::new(Semaphore::new(in_hand)),
            in_work: Arc::new(Semaphore::new(concurrency)),
            busy: Notify::new(),
        })
    }

    /// Receives until told to stop, then finishes what is in hand.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut running = JoinSet::new();
        for index in 0..pollers(self.pipeline.settings.concurrency) {
            running.spawn(Poller::new(self.clone(), index == 0).run());
        }
        while running.join_next().await.is_some() {}
    }

    /// Gives each delivery of a batch its disposition.
    pub(crate) async fn handle(
        self: Arc<Self>,
        deliveries: Vec<Delivery>,
        permits: Option<OwnedSemaphorePermit>,
    ) -> Brought {
        let mut works = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            match self.decode(delivery) {
                Either::Left(work) => works.push(work),
                Either::Right((delivery, disposition)) => {
                    self.dispatcher.dispatch(delivery.receipt, &delivery.body, disposition).await;
                }
            }
        }
        let mode = self.pipeline.state.mode();
        match mode {
            Mode::Hold | Mode::DryRun => self.dry_run(mode, works).await,
            Mode::Process => {
                self.process(works, permits).await;
                Brought::Work
            }
        }
    }

    fn decode(&self, delivery: Delivery) -> Either<Work, (Delivery, Disposition)> {
        let Delivery { receive_count, .. } = delivery;
        match SaleEvent::parse(&delivery.body, &self.pipeline.sites) {
            Ok(event) => {
                tracing::debug!(
                    sale.id = %event.sale.id,
                    message.receive_count = receive_count,
                    trace.id = event.traceparent.map(|trace| trace.trace_id()),
                    "received"
                );
                let held = Held::Message { receipt: delivery.receipt, body: delivery.body };
                let in_outbox = !event.of_older_service;
                Either::Left(Work { sale: event.sale, receive_count, in_outbox, held })
            }
            Err(error @ InvalidEvent::NewerVersion(_)) => {
                tracing::warn!(%error, message.id = delivery.message_id, "put back for a later release");
                let after = NEWER_VERSION_BACKOFF.delay(receive_count);
                Either::Right((delivery, Disposition::Release { after }))
            }
            Err(error) => {
                tracing::warn!(message.id = delivery.message_id, "the message cannot be read");
                Either::Right((delivery, Disposition::Park { reason: error.to_string() }))
            }
        }
    }

    /// PASSIVE, or told to hold in between: look for proof for the whole batch in one call, touch nothing else.
    async fn dry_run(&self, mode: Mode, works: Vec<Work>) -> Brought {
        let records = match mode {
            // What is not known is never a reason to delete.
            Mode::DryRun => self.look_up(works.iter().map(|work| work.sale.id)).await.unwrap_or_default(),
            Mode::Hold | Mode::Process => HashMap::new(),
        };
        let unproven = |work: &&Work| records.get(&work.sale.id).and_then(Record::proof).is_none();
        let waits_long = |work: &&Work| mode == Mode::DryRun && work.receive_count >= LOOK_AT_ROW_FROM;
        let mut rows = self.rows(works.iter().filter(unproven).filter(waits_long)).await;
        let mut brought = Brought::NoProof;
        for work in works {
            let known = Known { record: records.get(&work.sale.id).cloned(), ..Known::default() };
            let told_by_row = rows.remove(&work.sale.id);
            let disposition = match self.pipeline.choose(mode, &work, &known, AuthorityView::Reachable) {
                Choice::Settled(proof) => {
                    brought = Brought::Work;
                    Disposition::Delete(proof.into())
                }
                Choice::Release { after, .. } => match told_by_row {
                    Some(evidence) => Disposition::Delete(evidence),
                    None => Disposition::Release { after },
                },
                // Never chosen in these modes; holding is right whatever comes.
                Choice::SettledAtPeer | Choice::AskPeer | Choice::Claim { .. } | Choice::TakeOver => {
                    Disposition::Release { after: HOLD_RECHECK }
                }
            };
            self.finish(work, disposition).await;
        }
        brought
    }

    /// What the rows of sales say that have waited long for a proof. It may be gone: where both regions worked on a sale while
    /// they could not see each other, the later claim overwrites the earlier proof.
    async fn rows(&self, works: impl Iterator<Item = &Work>) -> HashMap<SaleId, Evidence> {
        let ids = unique(works.map(|work| work.sale.id));
        if ids.is_empty() {
            return HashMap::new();
        }
        match self.pipeline.sales.get_many(&ids).await {
            Ok(rows) => rows.iter().filter_map(|row| Some((row.sale.id, Evidence::of_row(row)?))).collect(),
            Err(error) => {
                tracing::warn!(%error, "rows could not be looked at");
                HashMap::new()
            }
        }
    }

    /// ACTIVE: what can be looked up for many at once is, then each sale goes its own way.
    async fn process(self: &Arc<Self>, works: Vec<Work>, mut permits: Option<OwnedSemaphorePermit>) {
        let looked_at = Instant::now();
        let elsewhere = |work: &Work| self.pipeline.may_be_settled_here_first(&work.sale);
        let ids = works.iter().filter(|work| elsewhere(work)).map(|work| work.sale.id);
        let (works, records) = match self.look_up(ids).await {
            Some(records) => (works, records),
            None => {
                // Its proof may be here, unseen; its authority may not have heard of it yet.
                let (unknown, works) = works.into_iter().partition(|work| elsewhere(work));
                self.put_back(unknown, UNCERTAIN_WAIT).await;
                (works, HashMap::new())
            }
        };
        let mut known: Vec<Known> = works
            .iter()
            .map(|work| Known { record: records.get(&work.sale.id).cloned(), ..Known::default() })
            .collect();
        let asks = |work: &Work, known: &Known| {
            self.pipeline.choose(Mode::Process, work, known, AuthorityView::Reachable) == Choice::AskPeer
        };
        let ids = unique(works.iter().zip(&known).filter(|(w, k)| asks(w, k)).map(|(w, _)| w.sale.id));
        if !ids.is_empty() {
            let answers = self.pipeline.ask_peer(&ids).await;
            for (work, known) in works.iter().zip(&mut known) {
                if ids.contains(&work.sale.id) {
                    known.peer = answers.about(work.sale.id);
                }
            }
        }
        let mut turns = JoinSet::new();
        for (work, known) in works.into_iter().zip(known) {
            let permit = permits.as_mut().and_then(|permits| permits.split(1));
            turns.spawn(self.clone().take_turn(work, known, looked_at, permit));
        }
        drop(permits);
        while let Some(ended) = turns.join_next().await {
            if let Err(error) = ended {
                // Its claim ends with its lease and its message comes back; the attempt counts.
                tracing::error!(%error, "the effects panicked");
            }
        }
    }

    async fn take_turn(
        self: Arc<Self>,
        work: Work,
        known: Known,
        looked_at: Instant,
        _in_hand: Option<OwnedSemaphorePermit>,
    ) {
        let turn = tokio::select! {
            biased;
            permit = self.in_work.clone().acquire_owned() => permit.ok(),
            () = self.stop.cancelled() => None,
        };
        let Some(turn) = turn.filter(|_| !self.stop.is_cancelled()) else {
            return self.finish(work, Disposition::Release { after: Duration::ZERO }).await;
        };
        let Some(known) = self.pipeline.still_known(&work.sale, known, looked_at).await else {
            return self.finish(work, Disposition::Release { after: UNCERTAIN_WAIT }).await;
        };
        let outcome = self.pipeline.process(&work, known).await;
        drop(turn);
        let disposition = match outcome {
            Outcome::Settled(proof) | Outcome::Found(_, proof) => Disposition::Delete(proof.into()),
            Outcome::Wait { after } => Disposition::Release { after },
        };
        self.finish(work, disposition).await;
    }

    async fn put_back(&self, works: Vec<Work>, after: Duration) {
        for work in works {
            self.finish(work, Disposition::Release { after }).await;
        }
    }

    /// The local replica's records; `None` without an answer, when nothing is known.
    async fn look_up(&self, ids: impl Iterator<Item = SaleId>) -> Option<HashMap<SaleId, Record>> {
        self.pipeline.look_up_here(&unique(ids)).await
    }

    async fn finish(&self, work: Work, disposition: Disposition) {
        match work.held {
            Held::Message { receipt, body } => self.dispatcher.dispatch(receipt, &body, disposition).await,
            Held::Outbox => {}
        }
    }
}

/// A batch may hold one sale twice, and a look-up must not.
fn unique(ids: impl Iterator<Item = SaleId>) -> Vec<SaleId> {
    let mut ids: Vec<SaleId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
