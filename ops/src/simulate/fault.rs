//! What goes wrong in a history, and how that is drawn.

use std::time::Duration;

use sales_shared::fake::{ErrorRates, Moment, Outage, Service, Site, Span};
use sales_shared::region::RegionState;

use super::dice::Dice;
use super::plan::{FIRST_POST, WORKERS_MAX};

/// Fewest faults of a history.
const FAULTS_MIN: u64 = 5;
/// Faults beyond that, at most.
const FAULTS_MORE: u64 = 5;
/// When the last fault begins.
const LAST_FAULT: Duration = Duration::from_secs(105);

/// What goes wrong, or is done at a bad moment.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    KillWorker {
        site: Site,
        index: usize,
        back_after: Duration,
    },
    KillApi {
        site: Site,
        back_after: Duration,
    },
    /// SIGTERM, and a new one later.
    StopWorker {
        site: Site,
        index: usize,
        back_after: Duration,
    },
    /// All workers of a site, one after the other.
    Deploy {
        site: Site,
    },
    Dark {
        site: Site,
        outage: Outage,
        lasting: Duration,
    },
    Lose {
        site: Site,
    },
    Part {
        lasting: Duration,
    },
    Errors {
        site: Site,
        service: Service,
        rates: ErrorRates,
        lasting: Duration,
    },
    Slow {
        near: Span,
        far: Span,
        /// In a thousand calls to the tables, those that are stuck for long.
        stragglers: u16,
        lasting: Duration,
    },
    Lag {
        replication: Span,
        lasting: Duration,
    },
    Deliveries {
        near: Span,
        far: Span,
        duplicates: u16,
        lasting: Duration,
    },
    Staleness {
        reads: u16,
        parameter: u16,
        lasting: Duration,
    },
    Batches {
        undead: u16,
        entries: u16,
        lasting: Duration,
    },
    /// The operator moves the work to a site, the other one first or last.
    Flip {
        to: Site,
        off_first: bool,
    },
    /// And back again a moment later.
    FlipTwice {
        to: Site,
        apart: Duration,
    },
    /// Both sites get one state.
    Both(RegionState),
    /// A value that is no state; `None` removes the parameter.
    Typo {
        site: Site,
        text: Option<&'static str>,
        lasting: Duration,
    },
}

/// The faults of a history, in the order of their times; `lost` is lost for good among them.
pub(super) fn faults(dice: &Dice<'_>, lost: Option<Site>) -> Vec<(Moment, Fault)> {
    let count = FAULTS_MIN + dice.0.below(FAULTS_MORE + 1);
    let mut faults: Vec<_> =
        (0..count).map(|_| (FIRST_POST + dice.0.up_to(LAST_FAULT - FIRST_POST), fault(dice))).collect();
    if let Some(site) = lost {
        faults.push((dice.millis(20_000, 90_000), Fault::Lose { site }));
    }
    faults.sort_by_key(|(at, _)| *at);
    faults
}

/// What may be drawn.
#[derive(Clone, Copy)]
enum Kind {
    KillWorker,
    KillApi,
    StopWorker,
    Deploy,
    Dark,
    Part,
    Errors,
    Slow,
    Lag,
    Deliveries,
    Staleness,
    Batches,
    Flip,
    FlipTwice,
    Both,
    Typo,
}

fn fault(dice: &Dice<'_>) -> Fault {
    let site = dice.site();
    let lasting = dice.millis(500, 60_000);
    let index = usize::try_from(dice.0.below(WORKERS_MAX)).unwrap_or(0);
    let back_after = dice.millis(100, 40_000);
    match dice.weighted(&[
        (6, Kind::KillWorker),
        (2, Kind::KillApi),
        (3, Kind::StopWorker),
        (2, Kind::Deploy),
        (3, Kind::Dark),
        (3, Kind::Part),
        (5, Kind::Errors),
        (5, Kind::Slow),
        (3, Kind::Lag),
        (2, Kind::Deliveries),
        (2, Kind::Staleness),
        (1, Kind::Batches),
        (4, Kind::Flip),
        (1, Kind::FlipTwice),
        (2, Kind::Both),
        (1, Kind::Typo),
    ]) {
        Kind::KillWorker => Fault::KillWorker { site, index, back_after },
        Kind::KillApi => Fault::KillApi { site, back_after },
        Kind::StopWorker => Fault::StopWorker { site, index, back_after },
        Kind::Deploy => Fault::Deploy { site },
        Kind::Dark => {
            let outage = if dice.one_in(3) { Outage::Endpoints } else { Outage::Region };
            Fault::Dark { site, outage, lasting }
        }
        Kind::Part => Fault::Part { lasting },
        Kind::Errors => Fault::Errors { site, service: dice.service(), rates: rates(dice), lasting },
        Kind::Slow => slow(dice, lasting),
        Kind::Lag => {
            let most = dice.weighted(&[(3, 5_000), (2, 30_000), (1, 180_000)]);
            Fault::Lag { replication: Span::millis(1, most), lasting }
        }
        Kind::Deliveries => Fault::Deliveries {
            near: Span::millis(5, 20_000),
            far: Span::millis(100, 60_000),
            duplicates: 200,
            lasting,
        },
        Kind::Staleness => Fault::Staleness { reads: 400, parameter: 400, lasting },
        Kind::Batches => Fault::Batches { undead: 100, entries: 200, lasting },
        Kind::Flip => Fault::Flip { to: site, off_first: dice.one_in(2) },
        Kind::FlipTwice => Fault::FlipTwice { to: site, apart: dice.millis(10, 20_000) },
        Kind::Both => Fault::Both(if dice.one_in(2) { RegionState::Active } else { RegionState::Passive }),
        Kind::Typo => {
            let text = dice.weighted(&[
                (2, Some("ACITVE")),
                (1, Some("active")),
                (1, Some("")),
                (2, None),
                (1, Some("HOLD")),
            ]);
            Fault::Typo { site, text, lasting }
        }
    }
}

fn rates(dice: &Dice<'_>) -> ErrorRates {
    let rate = u16::try_from(20 + dice.0.below(230)).unwrap_or(20);
    match dice.0.below(5) {
        0 => ErrorRates { throttled: rate * 3, ..ErrorRates::default() },
        1 => ErrorRates { no_answer: rate * 3, ..ErrorRates::default() },
        2 => ErrorRates { answer_lost: rate * 3, ..ErrorRates::default() },
        3 => ErrorRates { unavailable: rate * 3, ..ErrorRates::default() },
        _ => ErrorRates::all(rate),
    }
}

fn slow(dice: &Dice<'_>, lasting: Duration) -> Fault {
    let most = dice.weighted(&[(4, 500), (3, 5_000), (2, 40_000)]);
    let stragglers = if dice.one_in(2) { 120 } else { 0 };
    Fault::Slow { near: Span::millis(1, most), far: Span::millis(60, most + 60), stragglers, lasting }
}
