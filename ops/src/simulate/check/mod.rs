//! The checker: reads what the world wrote down and what is left in it, and says what the design promised and did not
//! keep.

mod digest;
mod ending;
mod runs;

use std::fmt;

use sales_shared::fake::ledger::Ledger;
use sales_shared::sale::SaleId;

use super::play::Played;
use digest::Digest;

/// What a promise is about, as the checks are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Every accepted sale is in the end processed, archived and out of the outbox in every surviving region.
    Processed,
    /// Never two claims at work on one sale, and never a run after a proof that could be seen.
    Once,
    /// No message is deleted without proof.
    Proof,
    /// No sale is processed by a region that every reading called PASSIVE or HOLD.
    Mode,
    /// A sale that fails on its own merits, and only such a one, ends in a dead-letter queue.
    Parked,
    /// After a flip, work goes on in time.
    Flip,
    /// One key, one sale.
    Key,
    /// A stop leaves nothing hidden behind.
    Stop,
    /// A deletion stands.
    Deleted,
    /// The simulator itself: nothing of a killed process goes on.
    Harness,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Check::Processed => "processed in the end",
            Check::Once => "processed once",
            Check::Proof => "deleted with proof only",
            Check::Mode => "processed where ACTIVE only",
            Check::Parked => "parked for its own fault only",
            Check::Flip => "work goes on after a flip",
            Check::Key => "one key, one sale",
            Check::Stop => "a stop leaves nothing behind",
            Check::Deleted => "a deletion stands",
            Check::Harness => "the killed stay dead",
        })
    }
}

/// A promise that was not kept.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which.
    pub check: Check,
    /// About which sale, if about one.
    pub sale: Option<SaleId>,
    /// What happened.
    pub what: String,
}

/// What is counted in a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sales that a client was told are accepted.
    pub accepted: u64,
    /// Of those, the ones that were never processed, though something of them was left.
    pub lost: u64,
    /// Of those, the ones that a region took with it when it was lost for good, which the design admits without strong tables.
    pub lost_with_region: u64,
    /// Runs that nothing excuses.
    pub doubled: u64,
    /// Runs again after a crash, or a region dark, between effects and proof.
    pub reruns: u64,
    /// Runs in both regions across a partition.
    pub double_runs: u64,
    /// Rows and objects that `drctl verify` would make again after the loss of a region.
    pub to_restore: u64,
    /// Deletions undone by a region that could not see them, or gone with one.
    pub undeleted: u64,
    /// Good sales parked because every attempt ended in a crash or ran out of time.
    pub parked_by_crashes: u64,
    /// Faults injected.
    pub faults: u64,
    /// Promises not kept, of any kind.
    pub violations: u64,
}

/// The checker's verdict on one history.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The numbers.
    pub counts: Counts,
    /// What was not kept.
    pub violations: Vec<Violation>,
}

impl Verdict {
    fn violate(&mut self, check: Check, sale: Option<SaleId>, what: impl Into<String>) {
        self.violations.push(Violation { check, sale, what: what.into() });
    }
}

/// Checks a history.
pub(super) fn check(played: &Played, ledger: &Ledger) -> Verdict {
    let mut verdict = Verdict::default();
    verdict.counts.faults = played.plan.faults.len() as u64;
    let digest = Digest::of(ledger, played, &mut verdict);
    runs::check(&digest, played, &mut verdict);
    ending::check(&digest, played, &mut verdict);
    if played.posthumous_calls > 0 {
        verdict.violate(Check::Harness, None, format!("{} calls after death", played.posthumous_calls));
    }
    verdict.counts.violations = verdict.violations.len() as u64;
    verdict
}
