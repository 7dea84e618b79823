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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sales_shared::clock::Timestamp;
    use sales_shared::idempotency::{Lease, Token, WorkerId};
    use sales_shared::region::Region;

    use super::*;

    fn timings(lease_ms: u64, skew_ms: u64) -> Timings {
        let second = Duration::from_secs(1);
        Timings {
            lease: Duration::from_millis(lease_ms),
            deadline: second,
            visibility: second,
            takeover_after: second,
            reconcile_after: second,
            reconcile_every: second,
            max_clock_skew: Duration::from_millis(skew_ms),
            long_poll: second,
        }
    }

    proptest! {
        #[test]
        fn as_long_as_a_holder_works_no_clock_within_the_skew_calls_its_lease_over(
            skew_ms in 0_u64..5_000,
            beyond_ms in 1_u64..120_000,
            holder_per_mille in -1000_i64..=1000,
            other_per_mille in -1000_i64..=1000,
            worked_per_mille in 0_u32..1000,
        ) {
            let timings = timings(skew_ms * 4 + beyond_ms, skew_ms);
            let asked_at = Instant::now();
            let held_for = Renewal::held_until(&timings, asked_at) - asked_at;
            let true_time = Timestamp::from_millis(1_800_000_000_000);
            let clock = |off_per_mille: i64, time: Timestamp| {
                Timestamp::from_millis(time.millis() + off_per_mille * i64::try_from(skew_ms).unwrap() / 1000)
            };
            let lease = Lease {
                worker: WorkerId("holder".to_owned()),
                region: Region::parse("sa-east-1").unwrap(),
                token: Token(1),
                until: clock(holder_per_mille, true_time) + timings.lease,
            };
            let later = true_time + held_for * worked_per_mille / 1000;
            prop_assert!(lease.is_valid(clock(other_per_mille, later)));
        }

        #[test]
        fn a_lease_is_renewed_before_it_may_be_over(skew_ms in 0_u64..5_000, beyond_ms in 1_u64..120_000) {
            let timings = timings(skew_ms * 4 + beyond_ms, skew_ms);
            let asked_at = Instant::now();
            let held_for = Renewal::held_until(&timings, asked_at) - asked_at;
            prop_assert!(timings.lease / RENEW_AT < held_for);
        }
    }
}
