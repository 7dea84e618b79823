//! One claimed run: the effects, then the proof and the mark on the row; or the claim given back; or the sale parked.

use std::time::Duration;

use sales_shared::backoff::Backoff;
use sales_shared::config::Timings;
use sales_shared::idempotency::{Claim, Completion, Record, Status, Token};
use sales_shared::ports::{Marked, PortResult, Receipt, Settled};
use sales_shared::region::Side;
use sales_shared::sale::event::SaleEvent;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::effects::{Applied, EffectsError};
use crate::pipeline::{Outcome, Pipeline, Work};
use crate::visibility::Renewal;

/// The message behind a sale's turn.
#[derive(Clone, Debug)]
pub enum Held {
    /// This one.
    Message {
        /// Its receipt.
        receipt: Receipt,
        /// Its body, as it is sent on if the sale is parked.
        body: String,
    },
    /// None: the sale comes from the outbox.
    Outbox,
}

/// Waits between tries to write a proof.
const PROOF_BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), ceiling: Duration::from_secs(2) };

/// The token of the first claim on a sale.
const FIRST: Token = Token(1);

pub(crate) struct Run<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) at: Side,
    pub(crate) work: &'a Work,
    pub(crate) claim: Claim,
    /// When the claim was asked for.
    pub(crate) begun: Instant,
}

/// How the effects ended.
enum Ended {
    Applied(Applied),
    Failed(EffectsError),
    /// The claim was lost, or its time ran out, under them.
    Lost,
}

impl Run<'_> {
    pub(crate) async fn to_the_end(&self) -> Outcome {
        let Timings { deadline, .. } = self.pipeline.settings.timings;
        if Instant::now() >= self.begun + deadline {
            // The claim's answer took so long that its time is up, and the claim may be somebody else's by now.
            tracing::warn!(sale.id = %self.claim.id, "the claim was granted too late to be used");
            return self.release(true).await;
        }
        let max_attempts = self.pipeline.settings.max_attempts;
        if self.claim.attempts > max_attempts {
            return self.park(&format!("{max_attempts} attempts ended without a result")).await;
        }
        let held_until = watch::Sender::new(Renewal::held_until(&self.pipeline.settings.timings, self.begun));
        match self.apply(&held_until).await {
            Ended::Applied(applied) => self.settle(applied, &held_until).await,
            Ended::Failed(error) => self.give_up(error).await,
            Ended::Lost => self.lost(None),
        }
    }

    fn renewal(&self) -> Renewal<'_> {
        Renewal {
            idempotency: &self.pipeline.idempotency,
            peer: &self.pipeline.peer,
            queue: &self.pipeline.queue,
            clock: &self.pipeline.clock,
            timings: &self.pipeline.settings.timings,
            at: self.at,
            claim: &self.claim,
            receipt: match &self.work.held {
                Held::Message { receipt, .. } => Some(receipt),
                Held::Outbox => None,
            },
        }
    }

    /// Runs the effects, up to the deadline or the end of the lease, which is renewed meanwhile.
    async fn apply(&self, held_until: &watch::Sender<Instant>) -> Ended {
        let deadline = self.pipeline.settings.timings.deadline;
        let renewal = self.renewal();
        let effects = self.pipeline.effects.apply(&self.claim.sale, self.claim.token);
        tokio::select! {
            biased;
            result = effects => match result {
                Ok(applied) => Ended::Applied(applied),
                Err(error) => Ended::Failed(error),
            },
            () = tokio::time::sleep_until(self.begun + deadline) => {
                Ended::Failed(EffectsError::Transient(format!("not done within {} s", deadline.as_secs_f64())))
            }
            () = passed(held_until) => Ended::Lost,
            () = renewal.keep(held_until) => Ended::Lost,
        }
    }

    /// The effects ran: write the proof and mark the row, both at once. Either can be made up for from the other: a row
    /// without its mark is still in the outbox, where the reconciler finds the proof.
    async fn settle(&self, applied: Applied, held_until: &watch::Sender<Instant>) -> Outcome {
        let now = self.pipeline.clock.now();
        let sale = &self.claim.sale;
        let region = self.pipeline.sites.local();
        let completion =
            Completion::Processed { sale: Some(sale.clone()), at: Some(now), region: Some(region.clone()) };
        let prove = || self.pipeline.idempotency.complete(self.at, &self.claim, &completion);
        let mark = || self.pipeline.sales.mark_processed(sale, now, region);
        // What is left undone has to be found again: by a message, or by the sale's place in the outbox.
        let (settled, marked) = match (&self.work.held, self.work.in_outbox) {
            (Held::Message { .. }, true) => tokio::join!(self.insist(self.at, held_until, prove), mark()),
            // No message is behind it, so that it must not leave the outbox before its proof.
            (Held::Outbox, _) => match self.insist(self.at, held_until, prove).await {
                Ok(Settled::Done(proof)) => (Ok(Settled::Done(proof)), mark().await),
                Ok(Settled::Lost(record)) => return self.lost(record),
                Err(error) => (Err(error.clone()), Err(error)),
            },
            // No outbox lists it, so that its message must not go before its mark.
            (Held::Message { .. }, false) => match self.insist(Side::Local, held_until, mark).await {
                Ok(marked) => (self.insist(self.at, held_until, prove).await, Ok(marked)),
                Err(error) => (Err(error.clone()), Err(error)),
            },
        };
        let is_marked = match marked {
            Ok(Marked::Done) => true,
            Ok(Marked::Tombstone) => {
                tracing::debug!(%sale.id, "deleted while it was being processed");
                true
            }
            Err(error) => {
                tracing::warn!(%error, %sale.id, "the row could not be marked; the reconciler will");
                false
            }
        };
        match settled {
            Ok(Settled::Done(proof)) => {
                let metrics = &self.pipeline.metrics;
                metrics.processed.inc();
                metrics.end_to_end_seconds.observe(now.since(sale.created_at).as_secs_f64());
                // On the first claim, what was found in place is this run's own: a retry whose first answer was lost.
                if applied == Applied::Again && self.claim.token > FIRST {
                    metrics.reruns.inc();
                }
                if is_marked || self.is_proof_here() {
                    Outcome::Settled(proof)
                } else {
                    self.pipeline.wait_for_replication(self.work)
                }
            }
            Ok(Settled::Lost(record)) => self.lost(record),
            Err(error) => {
                tracing::warn!(%error, %sale.id, "processed, but the proof could not be written; it will be run again");
                self.pipeline.retry(self.work.receive_count)
            }
        }
    }

    /// Tries until it is written there or the lease is about to end.
    async fn insist<T, F>(
        &self,
        at: Side,
        held_until: &watch::Sender<Instant>,
        write: impl Fn() -> F,
    ) -> PortResult<T>
    where
        F: Future<Output = PortResult<T>>,
    {
        let mut failures = 0;
        loop {
            let error = match self.pipeline.hear(at, write().await) {
                Ok(written) => return Ok(written),
                Err(error) => error,
            };
            failures += 1;
            let wait = PROOF_BACKOFF.jittered(failures, &self.pipeline.random);
            if Instant::now() + wait >= *held_until.borrow() {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn give_up(&self, error: EffectsError) -> Outcome {
        let sale_id = self.work.sale.id;
        match error {
            EffectsError::Unavailable(error) => {
                tracing::warn!(%error, sale.id = %sale_id, "the effects cannot run now");
                self.release(true).await
            }
            EffectsError::Transient(reason) if self.claim.attempts < self.pipeline.settings.max_attempts => {
                tracing::warn!(%reason, sale.id = %sale_id, attempt = self.claim.attempts, "the effects failed");
                self.release(false).await
            }
            EffectsError::Transient(reason) | EffectsError::Final(reason) => self.park(&reason).await,
        }
    }

    /// Gives the claim back and the message with it.
    async fn release(&self, refund: bool) -> Outcome {
        let released = self.pipeline.idempotency.release(self.at, &self.claim, refund).await;
        if let Err(error) = self.pipeline.hear(self.at, released) {
            tracing::debug!(%error, "the claim could not be given back; its lease will end");
        }
        self.pipeline.retry(self.work.receive_count)
    }

    /// Sends the sale to the dead-letter queue, then settles the record, then the row.
    async fn park(&self, reason: &str) -> Outcome {
        let Pipeline { queue, idempotency, sales, clock, metrics, .. } = self.pipeline;
        let sale = &self.claim.sale;
        let body = match &self.work.held {
            Held::Message { body, .. } => body.clone(),
            Held::Outbox => {
                SaleEvent { sale: sale.clone(), traceparent: None, of_older_service: false }.to_json()
            }
        };
        if let Err(error) = queue.dead_letter(&body, reason).await {
            tracing::warn!(%error, %sale.id, "the sale could not be parked");
            return self.release(true).await;
        }
        let settled = idempotency.park(self.at, &self.claim, reason).await;
        match self.pipeline.hear(self.at, settled) {
            Ok(Settled::Done(proof)) => {
                metrics.parked.inc();
                tracing::warn!(%reason, %sale.id, "sale parked");
                if let Err(error) = sales.mark_parked(sale, clock.now(), reason).await {
                    tracing::warn!(%error, %sale.id, "the row could not be marked; the reconciler will");
                }
                Outcome::Settled(proof)
            }
            Ok(Settled::Lost(record)) => self.lost(record),
            Err(error) => {
                tracing::warn!(%error, %sale.id, "the record could not be parked");
                self.pipeline.retry(self.work.receive_count)
            }
        }
    }

    /// Whether what stands where the claim was decided is at the local replica at once.
    fn is_proof_here(&self) -> bool {
        self.at == Side::Local || self.pipeline.strong_tables
    }

    /// The claim is somebody else's now: their record says what becomes of the message.
    fn lost(&self, record: Option<Record>) -> Outcome {
        self.pipeline.metrics.claims_lost.inc();
        tracing::warn!(sale.id = %self.work.sale.id, "the claim was lost; its new holder finishes");
        let retry = self.pipeline.retry(self.work.receive_count);
        let Some(record) = record else { return retry };
        match record.proof() {
            Some(proof) if self.is_proof_here() => return Outcome::Found(record, proof),
            Some(_) => return self.pipeline.wait_for_replication(self.work),
            None => {}
        }
        match &record.status {
            Status::InProgress(lease) => Outcome::Wait {
                after: lease.until.since(self.pipeline.clock.now()).max(Duration::from_secs(1)),
            },
            Status::Completed(_) | Status::Parked { .. } => retry,
        }
    }
}

/// Ends when the moment, which may be moved on meanwhile, has passed.
async fn passed(moment: &watch::Sender<Instant>) {
    loop {
        let until = *moment.borrow();
        tokio::time::sleep_until(until).await;
        if *moment.borrow() <= until {
            return;
        }
    }
}
