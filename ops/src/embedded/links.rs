//! The roads between the two regions: how long things take, and when they wait.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use super::faults::Faults;

/// What can be set of the replication while everything runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReplicationSettings {
    /// From a write to its arrival in the other region's table, in milliseconds.
    pub table_lag_ms: u64,
    /// From a write to its arrival in the other region's bucket, in milliseconds.
    pub bucket_lag_ms: u64,
    /// Nothing is replicated while this is set; what waited is caught up with afterwards.
    pub paused: bool,
}

/// What travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cargo {
    /// An item of a global table.
    Item,
    /// An object of a replicated bucket.
    Object,
}

/// Replication between the two regions.
pub struct Links {
    faults: Arc<Faults>,
    settings: RwLock<ReplicationSettings>,
    changed: watch::Sender<u64>,
}

impl Links {
    pub(super) fn new(faults: Arc<Faults>, table_lag: Duration, bucket_lag: Duration) -> Self {
        let settings = ReplicationSettings {
            table_lag_ms: milliseconds(table_lag),
            bucket_lag_ms: milliseconds(bucket_lag),
            paused: false,
        };
        Self { faults, settings: RwLock::new(settings), changed: watch::Sender::new(0) }
    }

    /// As it is set now.
    #[must_use]
    pub fn settings(&self) -> ReplicationSettings {
        *self.settings.read()
    }

    /// Sets the lag and the pause anew; holds for what is under way, too.
    pub fn set(&self, settings: ReplicationSettings) {
        *self.settings.write() = settings;
        self.changed.send_modify(|version| *version += 1);
    }

    /// Changes how long items of tables take.
    pub fn set_table_lag(&self, lag: Duration) {
        self.set(ReplicationSettings { table_lag_ms: milliseconds(lag), ..self.settings() });
    }

    /// Stops replication, or lets it go on.
    pub fn set_paused(&self, paused: bool) {
        self.set(ReplicationSettings { paused, ..self.settings() });
    }

    /// Waits until what was written at `written` may arrive at the other side.
    pub(super) async fn arrival(&self, cargo: Cargo, written: Instant) {
        if matches!(self.due(cargo, written), Some(due) if due <= Instant::now()) {
            return;
        }
        let mut settings_changed = self.changed.subscribe();
        let mut faults_changed = self.faults.watch();
        loop {
            let due = self.due(cargo, written);
            if due.is_some_and(|due| due <= Instant::now()) {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(due.unwrap_or(written)), if due.is_some() => {}
                _ = settings_changed.changed() => {}
                _ = faults_changed.changed() => {}
            }
        }
    }

    /// When what was written at `written` arrives, as things stand; none while the road is closed.
    fn due(&self, cargo: Cargo, written: Instant) -> Option<Instant> {
        let settings = self.settings();
        let lag = match cargo {
            Cargo::Item => settings.table_lag_ms,
            Cargo::Object => settings.bucket_lag_ms,
        };
        let open = !settings.paused && !self.either_dark();
        open.then(|| written + Duration::from_millis(lag))
    }

    /// Waits until both of two regions have light.
    pub(super) async fn light(&self, from: usize, to: usize) {
        if !self.dark(from) && !self.dark(to) {
            return;
        }
        let mut faults_changed = self.faults.watch();
        while self.dark(from) || self.dark(to) {
            let _ = faults_changed.changed().await;
        }
    }

    fn dark(&self, site: usize) -> bool {
        self.faults.is_dark(self.faults.region_name(site))
    }

    /// Every road joins the two regions, so either one's darkness closes it.
    fn either_dark(&self) -> bool {
        self.dark(0) || self.dark(1)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
