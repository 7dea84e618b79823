//! The region state as the services see it: read from the parameter at most once in a TTL, refreshed in the
//! background, and kept when the parameter store does not answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::future::Cache;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Declared, Mode, Reading, RegionState};
use crate::ports::{PortError, StateParameter};
use crate::random::Random;

/// How long readings serve.
#[derive(Clone, Copy, Debug)]
pub struct StatePolicy {
    /// A reading older than this is read again.
    pub ttl: Duration,
    /// Without a newer one, a reading older than this means HOLD.
    pub max_age: Duration,
}

/// The one key of the cache.
const KEY: () = ();
/// Share of the TTL after which the background task reads again, so that a reading is replaced before it is stale.
const REFRESH_AT: f64 = 0.8;
/// Longest wait before a failed read is tried again.
const RETRY_WITHIN: Duration = Duration::from_secs(1);

/// The cached state of this region.
///
/// The cache holds the reading for the TTL and lets any number of callers wait for one read. The background task
/// ([`CachedState::keep_fresh`]) replaces it before it is stale, so that the work never waits for the parameter store:
/// it goes by [`CachedState::mode`], which the last known reading decides.
pub struct CachedState {
    parameter: Arc<dyn StateParameter>,
    policy: StatePolicy,
    cache: Cache<(), Reading>,
    last_known: watch::Sender<Option<Reading>>,
    changes: AtomicU64,
    changed: Notify,
    last_declared: Mutex<Option<RegionState>>,
    failures: AtomicU64,
}

impl CachedState {
    /// Nothing is read yet: [`CachedState::mode`] says HOLD until something is.
    pub fn new(parameter: Arc<dyn StateParameter>, policy: StatePolicy) -> Self {
        let cache = Cache::builder().max_capacity(1).time_to_live(policy.ttl).build();
        Self {
            parameter,
            policy,
            cache,
            last_known: watch::Sender::new(None),
            changes: AtomicU64::new(0),
            changed: Notify::new(),
            last_declared: Mutex::new(None),
            failures: AtomicU64::new(0),
        }
    }

    /// A reading no older than the TTL: the cached one, or one read now, by one caller for all who ask meanwhile.
    ///
    /// # Errors
    /// When it had to be read and could not be. The last known reading stays what it was.
    pub async fn fresh(&self) -> Result<Reading, Arc<PortError>> {
        // The cache's own TTL runs on the system's clock; a simulation pauses tokio's, so that is asked as well.
        if self.cache.get(&KEY).await.is_some_and(|reading| reading.age(Instant::now()) >= self.policy.ttl) {
            self.cache.invalidate(&KEY).await;
        }
        let reading = self.cache.try_get_with(KEY, self.read()).await;
        reading.inspect(|reading| self.learn(*reading)).inspect_err(|_| {
            self.failures.fetch_add(1, Ordering::Relaxed);
        })
    }

    /// Reads now, whatever the cache holds.
    ///
    /// # Errors
    /// As [`CachedState::fresh`].
    pub async fn refresh(&self) -> Result<Reading, Arc<PortError>> {
        self.cache.invalidate(&KEY).await;
        self.fresh().await
    }

    /// Reads again before each reading is stale, until told to stop. A failure is logged at its first occurrence and
    /// counted at each; it is over when a read succeeds again.
    pub async fn keep_fresh(&self, random: &Random, stop: CancellationToken) {
        let mut failing = false;
        loop {
            let wait = match self.refresh().await {
                Ok(_) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!("the region state can be read again");
                    }
                    self.policy.ttl.mul_f64(REFRESH_AT)
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "the region state cannot be read; going by the last known one");
                    }
                    random.around(self.policy.ttl.mul_f64(REFRESH_AT).min(RETRY_WITHIN))
                }
            };
            tokio::select! {
                biased;
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn read(&self) -> Result<Reading, PortError> {
        let read_at = Instant::now();
        let (declared, version) = self.parameter.read().await?;
        Ok(Reading { declared, version, read_at })
    }

    /// What a worker may do now. Never waits.
    pub fn mode(&self) -> Mode {
        Mode::from_reading(self.last_known.borrow().as_ref(), Instant::now(), self.policy.max_age)
    }

    /// The last known reading, however old.
    pub fn last_known(&self) -> Option<Reading> {
        *self.last_known.borrow()
    }

    /// The last reading that was one of the three states, however old and whatever was read since: what the owner of
    /// a new sale is chosen by, because a misspelt state must not move the ownership.
    pub fn last_declared(&self) -> Option<RegionState> {
        *self.last_declared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads that failed so far.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// How often a reading has said something else than the one before.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Waits for a change beyond those that were seen, and takes note of it. Those who wait are woken in the order in
    /// which they came; a watch channel draws that order, and a simulation would not play one history twice.
    pub async fn changed(&self, seen: &mut u64) {
        loop {
            let mut woken = std::pin::pin!(self.changed.notified());
            // From here on no change is missed, not even one before the wait.
            woken.as_mut().enable();
            let changes = self.changes();
            if changes != *seen {
                *seen = changes;
                return;
            }
            woken.await;
        }
    }

    /// Wakes whenever a reading says something else than the one before.
    pub fn subscribe(&self) -> watch::Receiver<Option<Reading>> {
        self.last_known.subscribe()
    }

    /// Answers of one parameter may overtake each other; the one whose read began last counts.
    fn learn(&self, reading: Reading) {
        let has_changed = self.last_known.send_if_modified(|known| {
            if known.is_some_and(|known| known.read_at > reading.read_at) {
                return false;
            }
            let changed = known.is_none_or(|known| known.declared != reading.declared);
            *known = Some(reading);
            if let Declared::Known(state) = reading.declared {
                *self.last_declared.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
            }
            changed
        });
        if has_changed {
            self.changes.fetch_add(1, Ordering::Release);
            self.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::ports::{PortErrorKind, PortResult};

    /// Says what it is told to, or nothing, and counts how often it was asked.
    #[derive(Default)]
    struct Parameter {
        says: Mutex<Option<Declared>>,
        reads: AtomicU64,
    }

    #[async_trait]
    impl StateParameter for Parameter {
        async fn read(&self) -> PortResult<(Declared, u64)> {
            let count = self.reads.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(10)).await;
            let gone = PortError { operation: "read", kind: PortErrorKind::NoAnswer, detail: String::new() };
            self.says.lock().unwrap().map(|declared| (declared, count)).ok_or(gone)
        }
    }

    const POLICY: StatePolicy =
        StatePolicy { ttl: Duration::from_secs(5), max_age: Duration::from_secs(3600) };

    fn state(says: Option<RegionState>) -> (Arc<Parameter>, Arc<CachedState>) {
        let parameter = Arc::new(Parameter::default());
        *parameter.says.lock().unwrap() = says.map(Declared::Known);
        (parameter.clone(), Arc::new(CachedState::new(parameter, POLICY)))
    }

    #[tokio::test(start_paused = true)]
    async fn many_callers_wait_for_one_read_and_then_for_none_until_it_is_stale() {
        let (parameter, state) = state(Some(RegionState::Active));
        let all = futures::future::join_all((0..50).map(|_| state.fresh())).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(parameter.reads.load(Ordering::Relaxed), 1);
        tokio::time::advance(Duration::from_secs(4)).await;
        state.fresh().await.unwrap();
        assert_eq!(parameter.reads.load(Ordering::Relaxed), 1);
        tokio::time::advance(Duration::from_secs(1)).await;
        state.fresh().await.unwrap();
        assert_eq!(parameter.reads.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flip_is_seen_within_the_ttl_and_an_outage_leaves_the_last_known_state_until_it_is_too_old() {
        let (parameter, state) = state(Some(RegionState::Active));
        assert_eq!(state.mode(), Mode::Hold, "nothing was read yet");
        let (task, stop) = (state.clone(), CancellationToken::new());
        let stopping = stop.clone();
        let running = tokio::spawn(async move { task.keep_fresh(&Random::from_seed(1), stopping).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(state.mode(), Mode::Process);

        *parameter.says.lock().unwrap() = Some(Declared::Known(RegionState::Passive));
        tokio::time::sleep(POLICY.ttl).await;
        assert_eq!(state.mode(), Mode::DryRun);

        *parameter.says.lock().unwrap() = None;
        tokio::time::sleep(POLICY.max_age - POLICY.ttl).await;
        assert_eq!(state.mode(), Mode::DryRun, "the parameter store is gone, the work goes on");
        assert!(state.failures() > 0);
        tokio::time::sleep(POLICY.ttl * 2).await;
        assert_eq!(state.mode(), Mode::Hold, "what is older than an hour is not known any more");

        *parameter.says.lock().unwrap() = Some(Declared::Unknown);
        tokio::time::sleep(POLICY.ttl).await;
        assert_eq!(state.mode(), Mode::Hold);
        assert_eq!(state.last_declared(), Some(RegionState::Passive), "a misspelt state moves no ownership");
        stop.cancel();
        running.await.unwrap();
    }
}
