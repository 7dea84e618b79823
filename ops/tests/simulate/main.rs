//! The simulator, over as many seeds as an ordinary test run has time for. `drctl simulate` plays as many as wanted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use drctl::simulate::many::{Summary, simulate_many};
use drctl::simulate::{Check, Design, Mutation, simulate};

/// Histories of the current design in an ordinary test run.
const HISTORIES: u64 = 300;
/// Histories of each design that are compared.
const COMPARED: u64 = 10;

fn play(from: u64, count: u64, design: Design) -> Summary {
    simulate_many(from, count, design, None, &|_| {}).unwrap()
}

#[test]
fn every_promise_is_kept_whatever_goes_wrong() {
    let summary = play(0, HISTORIES, Design::Current);
    let reports: Vec<_> = summary.failures.iter().map(|(_, report)| report.as_str()).collect();
    assert!(reports.is_empty(), "{}", reports.join("\n\n"));
    assert_eq!((summary.counts.lost, summary.counts.doubled), (0, 0));
    assert!(summary.counts.faults >= 5 * HISTORIES, "{} faults", summary.counts.faults);
    assert!(summary.counts.accepted >= 40 * HISTORIES, "{} sales accepted", summary.counts.accepted);
    assert!(
        summary.counts.reruns > 0 && summary.counts.double_runs > 0,
        "the faults reach the admitted limits"
    );
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let ledger = |seed| {
        let history = simulate(seed, Design::Current).unwrap();
        let lines = history.ledger.entries().iter().map(|entry| format!("{entry:?}"));
        lines.collect::<Vec<_>>()
    };
    let same = |seed| {
        let (first, second) = (ledger(seed), ledger(seed));
        let differs = first.iter().zip(&second).position(|(a, b)| a != b);
        assert_eq!(differs.map(|at| (&first[at], &second[at])), None, "seed {seed}");
        assert_eq!(first.len(), second.len(), "seed {seed}");
    };
    (0..5).for_each(same);
    // One in which a change of the state wakes several tasks at once: a draw of their order shows in every other pair.
    (0..8).for_each(|_| same(3277));
}

/// A mechanism taken out, where to look for what comes of it, and which promise it breaks.
struct Case {
    mutation: Mutation,
    from: u64,
    within: u64,
    breaks: &'static [Check],
}

const CASES: [Case; 11] = [
    Case { mutation: Mutation::DryRunDeletes, from: 0, within: 5, breaks: &[Check::Proof] },
    Case { mutation: Mutation::CheckThenSet, from: 0, within: 30, breaks: &[Check::Once] },
    Case { mutation: Mutation::CompletionWithoutToken, from: 0, within: 300, breaks: &[Check::Once] },
    Case { mutation: Mutation::NoLease, from: 0, within: 10, breaks: &[Check::Processed, Check::Parked] },
    Case { mutation: Mutation::ClaimAtLocalReplica, from: 0, within: 10, breaks: &[Check::Once] },
    Case { mutation: Mutation::NoOutbox, from: 0, within: 20, breaks: &[Check::Processed] },
    Case { mutation: Mutation::UnknownDeletes, from: 0, within: 30, breaks: &[Check::Proof] },
    Case { mutation: Mutation::TodaysDate, from: 0, within: 20, breaks: &[Check::Once] },
    Case { mutation: Mutation::DeferralsCount, from: 0, within: 40, breaks: &[Check::Parked] },
    Case { mutation: Mutation::DrainDropsReceive, from: 0, within: 100, breaks: &[Check::Stop] },
    Case { mutation: Mutation::PeerProofCounts, from: 0, within: 300, breaks: &[Check::Proof] },
];

#[test]
fn every_mechanism_taken_out_is_missed() {
    for Case { mutation, from, within, breaks } in CASES {
        let broken = (from..from + within).find_map(|seed| {
            let history = simulate(seed, Design::Mutated(mutation)).unwrap();
            let checks: Vec<_> = history.verdict.violations.iter().map(|violation| violation.check).collect();
            checks.iter().any(|check| breaks.contains(check)).then(|| history.report())
        });
        let report = broken.unwrap_or_else(|| panic!("{mutation:?} stays unnoticed over {within} seeds"));
        assert!(report.contains("replay: drctl simulate --seeds 1 --from "), "{report}");
    }
    assert_eq!(CASES.map(|case| case.mutation), Mutation::ALL);
}

#[test]
fn the_older_design_loses_sales_and_runs_others_again() {
    let (older, current) = (play(0, COMPARED, Design::Older), play(0, COMPARED, Design::Current));
    assert!(older.counts.lost > 0 && older.counts.doubled > 0, "{:?}", older.counts);
    assert_eq!((current.counts.lost, current.counts.doubled), (0, 0));
}
