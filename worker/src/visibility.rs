//! Keeping a claim and its message during long work: both are renewed together.

use std::sync::Arc;
use std::time::Duration;

use sales_shared::clock::SharedClock;
use sales_shared::config::Timings;
use sales_shared::idempotency::Claim;
use sales_shared::ports::{IdempotencyTable, Put, Queue, Receipt};
use sales_shared::reachability::Reachability;
use sales_shared::region::Side;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::pipeline::note_answer;

/// Share of the lease after which it is renewed.
const RENEW_AT: u32 = 3;

/// Renews one claim, and the visibility of its message, as long as it is polled.
pub(crate) struct Renewal<'a> {
    pub(crate) idempotency: &'a Arc<dyn IdempotencyTable>,
    pub(crate) peer: &'a Reachability,
    pub(crate) queue: &'a Arc<dyn Queue>,
    pub(crate) clock: &'a SharedClock,
    pub(crate) timings: &'a Timings,
    pub(crate) at: Side,
    pub(crate) claim: &'a Claim,
    pub(crate) receipt: Option<&'a Receipt>,
}

impl Renewal<'_> {
    /// The moment up to which a lease that was asked for at `asked_at` is surely held, whatever the other hosts' clocks
    /// say.
    pub(crate) fn held_until(timings: &Timings, asked_at: Instant) -> Instant {
        asked_at + timings.lease.saturating_sub(timings.max_clock_skew * 2)
    }

    /// Renews a third of a lease after the last time, and moves `held_until` on. Ends only when the claim is lost.
    pub(crate) async fn keep(&self, held_until: &watch::Sender<Instant>) {
        let every: Duration = self.timings.lease / RENEW_AT;
        loop {
            tokio::time::sleep(every).await;
            let asked_at = Instant::now();
            let until = self.clock.now() + self.timings.lease;
            let renewed = self.idempotency.renew(self.at, self.claim, until).await;
            note_answer(self.peer, self.at, &renewed);
            match renewed {
                Ok(true) => {
                    held_until.send_replace(Self::held_until(self.timings, asked_at));
                    self.hide().await;
                }
                Ok(false) => return,
                // Without an answer the lease stands as it did; the next round tries again.
                Err(error) => tracing::debug!(%error, "the claim could not be renewed"),
            }
        }
    }

    async fn hide(&self) {
        let Some(receipt) = self.receipt else { return };
        let put = Put { receipt: receipt.clone(), after: self.timings.visibility };
        if let Err(error) = self.queue.change_visibility(&[put]).await {
            tracing::debug!(%error, "the message could not be kept hidden");
        }
    }
}
