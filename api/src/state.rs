//! What the routes share: one of these an api.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sales_shared::random::Random;
use sales_shared::region::cached::CachedState;
use sales_shared::region::{Mode, Region, RegionState};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::accept::Sales;
use crate::metrics::Metrics;

/// Requests about sales in work at once. Each holds one sale's worth of memory, and what waits longer than its client
/// does is work for nothing; beyond this, clients are told to come back.
pub const REQUESTS_MAX: usize = 1024;

/// What one api is made of.
pub struct AppState {
    /// The sales.
    pub sales: Sales,
    /// The region state.
    pub state: Arc<CachedState>,
    /// What is known of the sales table.
    pub table: Arc<TableHealth>,
    /// What is counted.
    pub metrics: Metrics,
    /// Where traces come from.
    pub random: Random,
    /// Cancelled when the api is to stop.
    pub stopping: CancellationToken,
    /// A permit for each request about sales, [`REQUESTS_MAX`] of them.
    pub permits: Semaphore,
    /// The bodies of `/state`.
    pub state_bodies: StateBodies,
}

/// The operator's word for what a service does.
pub fn declared_by(mode: Mode) -> RegionState {
    match mode {
        Mode::Process => RegionState::Active,
        Mode::DryRun => RegionState::Passive,
        Mode::Hold => RegionState::Hold,
    }
}

/// The three answers of `/state`, made once. A DNS health check compares their bytes.
#[derive(Clone, Debug)]
pub struct StateBodies {
    active: Bytes,
    passive: Bytes,
    hold: Bytes,
}

impl StateBodies {
    /// For a region.
    pub fn new(region: &Region) -> Self {
        // A region's name needs no escaping: letters, digits and dashes.
        let body =
            |state: RegionState| Bytes::from(format!("{{\"region\":\"{region}\",\"state\":\"{state}\"}}"));
        Self {
            active: body(RegionState::Active),
            passive: body(RegionState::Passive),
            hold: body(RegionState::Hold),
        }
    }

    /// The answer for a state.
    pub fn of(&self, state: RegionState) -> Bytes {
        match state {
            RegionState::Active => self.active.clone(),
            RegionState::Passive => self.passive.clone(),
            RegionState::Hold => self.hold.clone(),
        }
    }
}

/// How long a good answer of the sales table counts: three probes may fail before the api counts as not ready.
pub const READY_FOR: Duration = Duration::from_secs(15);

/// When the sales table last answered.
#[derive(Debug)]
pub struct TableHealth {
    born: Instant,
    /// Milliseconds after `born`, plus one; 0 when it never has.
    last_answer: AtomicU64,
}

impl Default for TableHealth {
    fn default() -> Self {
        Self { born: Instant::now(), last_answer: AtomicU64::new(0) }
    }
}

impl TableHealth {
    /// It answered just now.
    pub fn answered(&self) {
        let millis = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.last_answer.fetch_max(millis + 1, Ordering::Relaxed);
    }

    /// How long ago it last answered; `None` when it never has.
    pub fn silent_for(&self) -> Option<Duration> {
        let last = self.last_answer.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.born.elapsed().saturating_sub(Duration::from_millis(last)))
    }

    /// Whether a sale can be taken.
    pub fn is_ready(&self) -> bool {
        self.silent_for().is_some_and(|silence| silence <= READY_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_table_is_ready_from_its_first_answer_until_it_has_been_silent_for_too_long() {
        let table = TableHealth::default();
        assert!(!table.is_ready());
        table.answered();
        tokio::time::advance(READY_FOR).await;
        assert!(table.is_ready());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!table.is_ready());
    }
}
