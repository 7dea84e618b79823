//! Deleting a sale: a tombstone, which wins over processing that has not begun.

use sales_shared::clock::Timestamp;
use sales_shared::ports::{Cancelled, PortResult};
use sales_shared::region::Side;
use sales_shared::sale::{Progress, Sale, SaleId, StoredSale};

use super::Sales;
use super::find::{Found, PEER_READ_LIMIT};

/// What became of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It is a tombstone, now or from before.
    Done,
    /// There is no such sale.
    Unknown,
}

impl Sales {
    /// Deletes a sale. Any number of times is as good as once.
    ///
    /// The record is cancelled first, where claims on the sale are decided: from then on nobody begins to process it.
    /// Only then is the row a tombstone, so that a deletion that fails half-way can be repeated whole.
    ///
    /// # Errors
    /// When it cannot be known whether it is deleted. Repeating it is safe.
    pub async fn delete(&self, id: SaleId) -> PortResult<Deleted> {
        let Some(Found { stored, at }) = self.look_for(id).await? else {
            return Ok(Deleted::Unknown);
        };
        let now = self.clock.now();
        let writer = match stored.progress {
            Progress::Deleted => return Ok(Deleted::Done),
            Progress::Processed { .. } => Writer::AfterAll,
            Progress::Waiting | Progress::Parked => self.call_off(&stored, now).await?,
        };
        match writer {
            Writer::Nobody => self.table.mark_deleted(at, &stored.sale, now).await?,
            Writer::AfterAll => {
                self.table.mark_deleted(at, &stored.sale, now).await?;
                self.bury_there_too(other(at), &stored.sale, now).await;
            }
            // Whoever writes the result looks for a tombstone at its own replica; one that it does not see would be lost,
            // because the last writer wins. The local row comes last, since it is looked for first: a deletion that fails
            // before is repeated whole.
            Writer::Somebody => {
                for side in [Side::Peer, Side::Local] {
                    self.table.mark_deleted(side, &stored.sale, now).await?;
                }
            }
        }
        Ok(Deleted::Done)
    }

    /// Puts the tombstone at the other replica as well, where the row may still look unprocessed: that region would write a
    /// result there, later than the deletion. A courtesy, as far as it answers.
    async fn bury_there_too(&self, side: Side, sale: &Sale, now: Timestamp) {
        let bury = self.table.mark_deleted(side, sale, now);
        match tokio::time::timeout(PEER_READ_LIMIT, bury).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(%sale.id, %error, "the other replica was not told of a deletion");
            }
            Err(_elapsed) => {
                tracing::debug!(%sale.id, "the other replica was not told of a deletion in time");
            }
        }
    }

    /// Keeps processing from beginning; says whether somebody may still write the result of one that has begun.
    async fn call_off(&self, stored: &StoredSale, now: Timestamp) -> PortResult<Writer> {
        let id = stored.sale.id;
        let authority = self.sites.authority(id, &stored.sale.owner_region);
        let expires_at = now + self.idempotency_ttl;
        let cancelled = match self.records.cancel(authority, id, now, expires_at).await {
            Err(error) if error.kind.is_silence() && authority == Side::Peer => {
                // If the peer is gone, this region will take the sale over, and has to find it cancelled here.
                tracing::warn!(sale.id = %id, %error, "a sale's authority did not answer; cancelled here");
                self.records.cancel(Side::Local, id, now, expires_at).await?
            }
            answer => answer?,
        };
        Ok(match cancelled {
            Cancelled::Done => Writer::Nobody,
            // It may die over it, and then another region begins anew.
            Cancelled::Begun(_) => Writer::Somebody,
            // A sale is settled a moment before or after its row says so. A parked row says so already.
            Cancelled::Settled if stored.progress == Progress::Waiting => Writer::Somebody,
            Cancelled::Settled => Writer::AfterAll,
        })
    }
}

/// Who may still write to the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    Nobody,
    /// Nobody now. The other region's reconciler may, if the row lags there.
    AfterAll,
    /// A worker of either side.
    Somebody,
}

fn other(side: Side) -> Side {
    match side {
        Side::Local => Side::Peer,
        Side::Peer => Side::Local,
    }
}
