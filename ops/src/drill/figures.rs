//! The figures of a drill: what was lost, what was doubled, how long things took.

use std::collections::BTreeMap;

use sales_shared::clock::Timestamp;
use serde::Serialize;

use super::check::{Fate, Findings};
use super::variant::Variant;
use super::watch::Counters;

/// Latencies of the sales accepted in one stretch of time, from acceptance to proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// How many there were.
    pub sales: usize,
    /// The median, in milliseconds.
    pub p50_ms: u64,
    /// The 99th percentile, in milliseconds.
    pub p99_ms: u64,
}

/// Before what happened, until its backlog was gone, and after that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Phases {
    /// Processed before it.
    pub before: Latency,
    /// Met by it: accepted before or after it, processed after it, until the end of the backlog.
    pub during: Latency,
    /// Accepted after that.
    pub after: Latency,
}

/// What a drill came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was done.
    pub variant: &'static str,
    /// Sales answered 201.
    pub accepted: u64,
    /// Requests that were not, whose clients know.
    pub refused: u64,
    /// Of the accepted sales, those whose record says processed.
    pub processed: u64,
    /// The same by region.
    pub processed_by: BTreeMap<String, u64>,
    /// Accepted and not processed, or without their object, in one of the regions.
    pub lost: u64,
    /// Effects that ran twice where the design does not admit it.
    pub doubled: u64,
    /// Runs that found their effects in place: admitted where something breaks.
    pub reruns: u64,
    /// Claims made without their authority: admitted where a region is dark.
    pub takeovers: u64,
    /// Whether queues and outboxes were empty in the end.
    pub at_rest: bool,
    /// From what happened to the first sale processed by the other region.
    pub rto_seconds: Option<f64>,
    /// From what happened until every sale accepted before the other region began was processed.
    pub backlog_seconds: Option<f64>,
    /// Of all sales, in milliseconds from acceptance to proof.
    pub p50_ms: u64,
    /// The same.
    pub p99_ms: u64,
    /// The same in three stretches.
    pub phases: Phases,
}

/// What a report is worked out from.
pub(super) struct Inputs<'a> {
    pub variant: Variant,
    pub regions: &'a [String; 2],
    pub findings: &'a Findings,
    pub refused: usize,
    /// The workers' counters, grown over the drill.
    pub counters: Counters,
    /// When it happened: the outage, or the flip.
    pub event: Timestamp,
}

impl Report {
    pub(super) fn of(inputs: &Inputs<'_>) -> Self {
        let Inputs { variant, findings, event, .. } = *inputs;
        let fates = &findings.fates;
        let by = |site| count(fates.iter().filter(|fate| fate.processed.is_some_and(|(by, _)| by == site)));
        let began = fates.iter().filter_map(|fate| fate.processed).filter(|(site, _)| *site == 1);
        let began = began.map(|(_, at)| at).filter(|at| *at >= event).min();
        let caught_up = began.and_then(|began| {
            let waiting =
                fates.iter().filter(|fate| fate.created_at <= began).filter_map(|fate| fate.processed);
            waiting.map(|(_, at)| at).max()
        });
        let since_event = |at: Timestamp| at.since(event).as_secs_f64();
        let processed = by(0) + by(1);
        let all = latency(fates, |_| true);
        let end = caught_up.unwrap_or(event);
        let reruns = whole(inputs.counters.reruns);
        let takeovers = whole(inputs.counters.takeovers);
        // Every proof beyond one for a sale is a second run; each takeover may have made one.
        let second_runs =
            whole(inputs.counters.processed).saturating_sub(processed).saturating_sub(takeovers);
        let unexplained_reruns = if variant.breaks() { 0 } else { reruns };
        Self {
            variant: variant.name(),
            accepted: count(fates.iter()),
            refused: u64::try_from(inputs.refused).unwrap_or(u64::MAX),
            processed,
            processed_by: inputs.regions.iter().cloned().zip([by(0), by(1)]).collect(),
            lost: findings.lost,
            doubled: second_runs + unexplained_reruns + findings.duplicates,
            reruns,
            takeovers,
            at_rest: findings.at_rest,
            rto_seconds: began.map(since_event),
            backlog_seconds: caught_up.map(since_event),
            p50_ms: all.p50_ms,
            p99_ms: all.p99_ms,
            phases: Phases {
                before: latency(fates, |fate| fate.done_before(event)),
                during: latency(fates, |fate| !fate.done_before(event) && fate.created_at < end),
                after: latency(fates, |fate| !fate.done_before(event) && fate.created_at >= end),
            },
        }
    }

    /// Whether the drill showed what it should: nothing lost, nothing doubled, nothing left over.
    pub fn holds(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.at_rest
    }
}

/// Latencies in milliseconds of the sales that `which` names, sorted.
pub(super) fn latencies(fates: &[Fate], which: impl Fn(&Fate) -> bool) -> Vec<u64> {
    let of = |fate: &Fate| {
        let (_, at) = fate.processed?;
        u64::try_from(at.since(fate.created_at).as_millis()).ok()
    };
    let mut latencies: Vec<u64> = fates.iter().filter(|fate| which(fate)).filter_map(of).collect();
    latencies.sort_unstable();
    latencies
}

fn latency(fates: &[Fate], which: impl Fn(&Fate) -> bool) -> Latency {
    let sorted = latencies(fates, which);
    Latency { sales: sorted.len(), p50_ms: percentile(&sorted, 50), p99_ms: percentile(&sorted, 99) }
}

/// The nearest-rank percentile of sorted values; 0 of none.
pub fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

/// A counter's value, which is whole and not negative.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counters of a drill are far below 2^52"
)]
fn whole(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    fn fate(created: i64, site: usize, processed: i64) -> Fate {
        Fate { created_at: at(created), processed: Some((site, at(processed))) }
    }

    fn report(variant: Variant, fates: Vec<Fate>, counters: Counters) -> Report {
        let findings = Findings { fates, lost: 0, duplicates: 0, at_rest: true };
        let regions = ["a".to_owned(), "b".to_owned()];
        Report::of(&Inputs {
            variant,
            regions: &regions,
            findings: &findings,
            refused: 0,
            counters,
            event: at(1000),
        })
    }

    #[test]
    fn recovery_is_the_first_sale_of_the_other_region_and_the_end_of_what_waited_for_it() {
        let fates = vec![fate(0, 0, 10), fate(900, 1, 3500), fate(1500, 1, 3000), fate(3200, 1, 9000)];
        let report = report(Variant::Switchover, fates, Counters { processed: 4.0, ..Counters::default() });
        assert_eq!((report.rto_seconds, report.backlog_seconds), (Some(2.0), Some(2.5)));
        assert_eq!(
            (report.phases.before.sales, report.phases.during.sales, report.phases.after.sales),
            (1, 3, 0)
        );
        assert!(report.holds());
    }

    #[test]
    fn a_second_proof_is_a_doubled_sale_unless_a_takeover_explains_it() {
        let fates = || vec![fate(0, 0, 10), fate(10, 0, 20)];
        let twice = Counters { processed: 3.0, reruns: 0.0, takeovers: 0.0 };
        assert_eq!(report(Variant::Dark, fates(), twice).doubled, 1);
        assert_eq!(report(Variant::Dark, fates(), Counters { takeovers: 1.0, ..twice }).doubled, 0);
    }

    #[test]
    fn a_rerun_is_admitted_only_where_something_breaks() {
        let counters = Counters { processed: 1.0, reruns: 1.0, takeovers: 0.0 };
        assert_eq!(report(Variant::Kill, vec![fate(0, 0, 10)], counters).doubled, 0);
        assert_eq!(report(Variant::Both, vec![fate(0, 0, 10)], counters).doubled, 1);
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values: Vec<u64> = (1..=200).collect();
        assert_eq!((percentile(&values, 50), percentile(&values, 99), percentile(&[], 50)), (100, 198, 0));
    }
}
