//! What a history will be like, drawn whole from its seed before it begins: sales, faults and settings.

use std::time::Duration;

use sales_shared::clock::Timestamp;
use sales_shared::config::WorkerSettings;
use sales_shared::fake::{Moment, Site, WorldSettings};
use sales_shared::random::Random;
use sales_shared::region::cached::StatePolicy;

use super::dice::Dice;
use super::fault::{Fault, faults};

/// Fewest sales of a history.
const SALES_MIN: u64 = 50;
/// Sales beyond that, at most.
const SALES_MORE: u64 = 15;
/// When the first sale may be posted.
pub(super) const FIRST_POST: Duration = Duration::from_secs(2);
/// When the last sale is posted.
const LAST_POST: Duration = Duration::from_secs(70);
/// When all faults are over and the world is left to settle.
pub(super) const SETTLE_FROM: Duration = Duration::from_secs(130);
/// Most workers of a site.
pub(super) const WORKERS_MAX: u64 = 3;
/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A history to be.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub world: WorldSettings,
    pub worker: WorkerSettings,
    pub state: StatePolicy,
    pub drain_timeout: Duration,
    /// Workers of each site.
    pub workers: [usize; 2],
    /// The site that is ACTIVE at first.
    pub active: Site,
    pub posts: Vec<Post>,
    pub poison: Vec<Poison>,
    pub faults: Vec<(Moment, Fault)>,
    /// What the operator leaves in the end.
    pub ending: Ending,
    /// A flip in quiet weather after everything has settled, so long after its sales were posted.
    pub quiet_flip: Option<Duration>,
}

/// One sale that a client posts.
#[derive(Clone, Debug)]
pub(super) struct Post {
    pub at: Moment,
    pub site: Site,
    pub nature: Nature,
    /// The `Idempotency-Key`, if there is one.
    pub key: Option<u64>,
    /// The same key is posted in the other site as well, so long afterwards.
    pub twin: Option<Duration>,
    /// Tries after the first one that brings no answer.
    pub retries: u32,
    /// A client deletes the sale so long after it was accepted.
    pub delete_after: Option<Duration>,
}

/// How a sale behaves when it is processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// As it should.
    Plain,
    /// Its effects fail now and then, and succeed in the end.
    Flaky,
    /// Its effects take a while.
    Slow,
    /// Its effects can never succeed.
    Final,
    /// Its effects never succeed, though each failure looks as if they might.
    Hopeless,
}

impl Nature {
    pub(super) const ALL: [Nature; 5] =
        [Nature::Plain, Nature::Flaky, Nature::Slow, Nature::Final, Nature::Hopeless];

    /// The product under which such a sale is sold.
    pub(super) fn product(self) -> &'static str {
        match self {
            Nature::Plain => "book",
            Nature::Flaky => "flaky book",
            Nature::Slow => "slow book",
            Nature::Final => "impossible book",
            Nature::Hopeless => "hopeless book",
        }
    }

    pub(super) fn of(product: &str) -> Self {
        Self::ALL.into_iter().find(|nature| nature.product() == product).unwrap_or(Nature::Plain)
    }

    /// Whether such a sale belongs in the dead-letter queue.
    pub(super) fn is_doomed(self) -> bool {
        match self {
            Nature::Plain | Nature::Flaky | Nature::Slow => false,
            Nature::Final | Nature::Hopeless => true,
        }
    }
}

/// A message that nobody can read, or one of the older service.
#[derive(Clone, Debug)]
pub(super) struct Poison {
    pub at: Moment,
    pub kind: PoisonKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PoisonKind {
    /// No event, in one queue.
    Garbage(Site),
    /// An event of the older service, in both queues, with no row behind it.
    OlderEvent,
}

/// Where the operator leaves the sites in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    OneActive(Site),
    BothActive,
}

impl Plan {
    pub(super) fn draw(seed: u64) -> Self {
        // Plans are drawn apart from what happens in the world, so that a change there leaves the plan of a seed alone.
        let random = Random::from_seed(seed ^ 0x9e37_79b9_7f4a_7c15);
        let dice = Dice(&random);
        let strong_tables = dice.one_in(5);
        let active = dice.site();
        let lost = dice.one_in(12).then(|| dice.site());
        let ending = match lost {
            Some(site) => Ending::OneActive(site.other()),
            None if dice.one_in(5) => Ending::BothActive,
            None => Ending::OneActive(dice.site()),
        };
        let quiet_flip = (lost.is_none() && dice.one_in(3)).then(|| dice.millis(1000, 60_000));
        Self {
            world: WorldSettings {
                strong_tables,
                in_flight_max: if dice.one_in(10) { 12 } else { 120_000 },
                start: start(&dice),
                ..WorldSettings::default()
            },
            worker: worker_settings(&dice),
            state: StatePolicy {
                ttl: Duration::from_secs(5),
                max_age: if dice.one_in(6) { Duration::from_secs(30) } else { Duration::from_secs(3600) },
            },
            drain_timeout: Duration::from_secs(25),
            workers: Site::BOTH.map(|_| 1 + usize::try_from(random.below(WORKERS_MAX)).unwrap_or(0)),
            active,
            posts: posts(&dice, active),
            poison: poison(&dice),
            faults: faults(&dice, lost),
            ending,
            quiet_flip,
        }
    }
}

/// Some time of day; now and then so that midnight falls into the history.
fn start(dice: &Dice<'_>) -> Timestamp {
    let before_midnight =
        if dice.one_in(4) { dice.millis(1000, 100_000) } else { dice.millis(4_000_000, 80_000_000) };
    Timestamp::from_millis(Timestamp::EPOCH_2025.millis() + 30 * DAY_MS) - before_midnight
}

/// The services' own defaults, but for the concurrency.
fn worker_settings(dice: &Dice<'_>) -> WorkerSettings {
    WorkerSettings { concurrency: if dice.one_in(3) { 64 } else { 8 }, ..WorkerSettings::default() }
}

fn posts(dice: &Dice<'_>, active: Site) -> Vec<Post> {
    let count = SALES_MIN + dice.0.below(SALES_MORE + 1);
    let mut posts: Vec<Post> = (0..count)
        .map(|number| {
            let key = dice.one_in(4).then_some(number);
            Post {
                at: FIRST_POST + dice.0.up_to(LAST_POST - FIRST_POST),
                site: if dice.one_in(4) { dice.site() } else { active },
                nature: dice.weighted(&[
                    (40, Nature::Plain),
                    (4, Nature::Flaky),
                    (3, Nature::Slow),
                    (1, Nature::Final),
                    (1, Nature::Hopeless),
                ]),
                key,
                twin: (key.is_some() && dice.one_in(2)).then(|| match dice.0.below(3) {
                    0 => Duration::ZERO,
                    1 => dice.millis(1, 1000),
                    _ => dice.millis(1000, 60_000),
                }),
                retries: u32::try_from(dice.0.below(4)).unwrap_or(0),
                delete_after: dice.one_in(15).then(|| dice.millis(0, 60_000)),
            }
        })
        .collect();
    posts.sort_by_key(|post| post.at);
    posts
}

fn poison(dice: &Dice<'_>) -> Vec<Poison> {
    let mut poison = Vec::new();
    for _ in 0..dice.0.below(3) {
        let kind = if dice.one_in(2) { PoisonKind::OlderEvent } else { PoisonKind::Garbage(dice.site()) };
        poison.push(Poison { at: FIRST_POST + dice.0.up_to(LAST_POST), kind });
    }
    poison.sort_by_key(|poison| poison.at);
    poison
}
