//! Many histories, on all cores.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::{Counts, Design, History, simulate};

/// The sum of many histories.
pub struct Summary {
    /// The design.
    pub design: Design,
    /// Histories played.
    pub histories: u64,
    /// Their counts, added up.
    pub counts: Counts,
    /// Reports of the first failing histories, in the order of their seeds.
    pub failures: Vec<(u64, String)>,
    /// Histories with a promise that was not kept.
    pub failed: u64,
    /// How long it took.
    pub took: Duration,
}

/// Most reports that are kept.
const REPORTS_MAX: usize = 20;

impl Summary {
    /// How fast.
    pub fn histories_per_second(&self) -> f64 {
        self.histories as f64 / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self {
            accepted,
            lost,
            lost_with_region,
            doubled,
            reruns,
            double_runs,
            to_restore,
            undeleted,
            parked_by_crashes,
            faults,
            violations,
        } = other;
        self.accepted += accepted;
        self.lost += lost;
        self.lost_with_region += lost_with_region;
        self.doubled += doubled;
        self.reruns += reruns;
        self.double_runs += double_runs;
        self.to_restore += to_restore;
        self.undeleted += undeleted;
        self.parked_by_crashes += parked_by_crashes;
        self.faults += faults;
        self.violations += violations;
    }
}

/// Plays `count` histories from seed `from` on, on `threads` threads (all cores when it is `None`). `progress` is called
/// after each, with how many are done.
///
/// # Errors
/// When a runtime cannot be built.
pub fn simulate_many(
    from: u64,
    count: u64,
    design: Design,
    threads: Option<NonZero<usize>>,
    progress: &(dyn Fn(u64) + Sync),
) -> std::io::Result<Summary> {
    let begun = Instant::now();
    let threads = threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZero::get);
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let empty = Summary {
        design,
        histories: 0,
        counts: Counts::default(),
        failures: Vec::new(),
        failed: 0,
        took: Duration::ZERO,
    };
    let summary = Mutex::new(empty);
    let play = || -> std::io::Result<()> {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return Ok(());
            }
            let history = simulate(from.wrapping_add(index), design)?;
            summary.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(&history);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(play)).collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| std::io::Error::other("a history panicked"))?)
    })?;
    let mut summary = summary.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    summary.took = begun.elapsed();
    Ok(summary)
}

impl Summary {
    fn add(&mut self, history: &History) {
        self.histories += 1;
        self.counts += history.verdict.counts;
        if history.verdict.violations.is_empty() {
            return;
        }
        self.failed += 1;
        let at = self.failures.partition_point(|(seed, _)| *seed < history.seed);
        if at < REPORTS_MAX {
            self.failures.insert(at, (history.seed, history.report()));
            self.failures.truncate(REPORTS_MAX);
        }
    }
}
