//! Finding a sale, which may have been accepted in the other region a moment ago.

use std::time::Duration;

use sales_shared::ports::{PortError, PortErrorKind, PortResult};
use sales_shared::reachability::{Advice, Verdict};
use sales_shared::region::Side;
use sales_shared::sale::{SaleId, StoredSale};
use tokio::time::Instant;

use super::Sales;

/// Longest wait for the peer's replica, below what its own time-outs allow: the answer is a courtesy to a client that
/// was faster than replication.
pub(super) const PEER_READ_LIMIT: Duration = Duration::from_secs(1);

/// A row, and the replica it was read from.
pub(super) struct Found {
    pub stored: StoredSale,
    pub at: Side,
}

impl Sales {
    /// The sale as it stands, tombstones left in; `None` when neither replica knows it, or when this region's does
    /// not and the peer has been silent for long enough to count as gone.
    ///
    /// # Errors
    /// When it cannot be known.
    pub async fn find(&self, id: SaleId) -> PortResult<Option<StoredSale>> {
        Ok(self.look_for(id).await?.map(|found| found.stored))
    }

    /// Reads the local replica, and the peer's if that one has no row or does not answer.
    pub(super) async fn look_for(&self, id: SaleId) -> PortResult<Option<Found>> {
        match self.table.get(Side::Local, id).await {
            Ok(Some(stored)) => Ok(Some(Found { stored, at: Side::Local })),
            Ok(None) => self.look_at_the_peer(id).await,
            Err(error) if error.kind.is_silence() => match self.look_at_the_peer(id).await {
                Ok(Some(found)) => Ok(Some(found)),
                Ok(None) | Err(_) => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    async fn look_at_the_peer(&self, id: SaleId) -> PortResult<Option<Found>> {
        let begun = Instant::now();
        match self.peer.advice(begun) {
            Advice::Call => {}
            Advice::Unreachable => return Ok(None),
        }
        let answer = tokio::time::timeout(PEER_READ_LIMIT, self.table.get(Side::Peer, id)).await;
        match answer.unwrap_or_else(|_elapsed| Err(too_slow())) {
            Ok(row) => {
                self.peer.answered();
                Ok(row.map(|stored| Found { stored, at: Side::Peer }))
            }
            Err(error) if error.kind.is_silence() => match self.peer.no_answer(begun, Instant::now()) {
                Verdict::Uncertain => Err(error),
                Verdict::Unreachable => Ok(None),
            },
            Err(error) => {
                self.peer.answered();
                Err(error)
            }
        }
    }
}

fn too_slow() -> PortError {
    let detail = format!("not within {PEER_READ_LIMIT:?}");
    PortError { operation: "read the peer's replica", kind: PortErrorKind::NoAnswer, detail }
}
