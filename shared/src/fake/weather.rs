//! What the world does to calls: how long they take, and how they fail.

use std::collections::BTreeMap;
use std::time::Duration;

use super::site::Site;
use crate::random::Random;

/// A duration to be drawn, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The shortest.
    pub least: Duration,
    /// The longest.
    pub most: Duration,
}

impl Span {
    /// From milliseconds to milliseconds.
    pub const fn millis(least: u64, most: u64) -> Self {
        Self { least: Duration::from_millis(least), most: Duration::from_millis(most) }
    }

    /// Any of them.
    pub fn draw(self, random: &Random) -> Duration {
        self.least + random.up_to(self.most.saturating_sub(self.least))
    }
}

/// The services that fail each for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Both tables.
    Tables,
    /// The queue and its dead-letter queue.
    Queue,
    /// The topic.
    Topic,
    /// The bucket.
    Archive,
    /// The parameter.
    Parameter,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 5] =
        [Service::Tables, Service::Queue, Service::Topic, Service::Archive, Service::Parameter];
}

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It takes effect and is answered.
    Answered,
    /// It takes effect, and the caller never hears of it.
    AnswerLost,
    /// It is lost on the way.
    NoAnswer,
    /// Refused for being one too many.
    Throttled,
    /// A fault of the service, before or after it took effect.
    Unavailable {
        /// Whether it did.
        effect: bool,
    },
    /// Refused for good.
    Refused,
    /// The caller waits for ever.
    Hang {
        /// Whether the call takes effect meanwhile.
        effect: bool,
    },
}

/// How many calls in a thousand fail, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorRates {
    /// Lost on the way.
    pub no_answer: u16,
    /// Done, but the answer is lost.
    pub answer_lost: u16,
    /// Refused for being one too many.
    pub throttled: u16,
    /// A fault of the service; in one of two cases the call took effect.
    pub unavailable: u16,
}

impl ErrorRates {
    /// The same rate for every kind of failure.
    pub const fn all(per_mille: u16) -> Self {
        Self { no_answer: per_mille, answer_lost: per_mille, throttled: per_mille, unavailable: per_mille }
    }

    /// Draws the fate of one call.
    pub fn draw(self, random: &Random) -> Fate {
        if self == Self::default() {
            return Fate::Answered;
        }
        let mut drawn = random.below(1000);
        let mut hits = |rate: u16| {
            let hit = drawn < u64::from(rate);
            drawn = drawn.wrapping_sub(u64::from(rate));
            hit
        };
        if hits(self.no_answer) {
            Fate::NoAnswer
        } else if hits(self.answer_lost) {
            Fate::AnswerLost
        } else if hits(self.throttled) {
            Fate::Throttled
        } else if hits(self.unavailable) {
            Fate::Unavailable { effect: random.below(2) == 0 }
        } else {
            Fate::Answered
        }
    }
}

/// How a region is dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Nothing in it answers, and its hosts reach nothing outside either.
    Region,
    /// Its AWS endpoints do not answer; its hosts run on and reach the peer.
    Endpoints,
}

/// How the world behaves until it is told otherwise.
#[derive(Clone, Debug)]
pub struct Weather {
    /// One way of a call within a region.
    pub near: Span,
    /// One way of a call to the peer region.
    pub far: Span,
    /// In a thousand calls to the tables, those that are stuck on their way, and for how long. Their callers wait.
    pub stragglers: (u16, Span),
    /// How long a caller waits before it takes silence for an answer.
    pub silence: Span,
    /// From a write at one replica to its arrival at the other.
    pub replication: Span,
    /// The same for objects of the bucket.
    pub bucket_replication: Span,
    /// From a publish to the queue of the same region.
    pub near_delivery: Span,
    /// From a publish to the queue of the peer region.
    pub far_delivery: Span,
    /// How far an eventually consistent read and an index may be behind.
    pub read_lag: Duration,
    /// In a thousand reads, those that are behind.
    pub stale_reads: u16,
    /// In a thousand messages sent or received, those that show up once more.
    pub duplicates: u16,
    /// In a thousand deletes, those that bring the message back later.
    pub undead: u16,
    /// In a thousand entries of a batch, those that fail alone.
    pub entry_failures: u16,
    /// In a thousand reads of the parameter, those that bring the value before.
    pub stale_parameter: u16,
    /// Failures by site and service; none where nothing is said.
    pub errors: BTreeMap<(Site, Service), ErrorRates>,
}

impl Default for Weather {
    /// Clear: figures of a quiet day on AWS, and no failures.
    fn default() -> Self {
        Self {
            near: Span::millis(0, 5),
            far: Span::millis(50, 70),
            stragglers: (0, Span::millis(20_000, 80_000)),
            silence: Span::millis(500, 3000),
            replication: Span::millis(200, 1000),
            bucket_replication: Span::millis(500, 5000),
            near_delivery: Span::millis(5, 50),
            far_delivery: Span::millis(100, 400),
            read_lag: Duration::from_millis(500),
            stale_reads: 0,
            duplicates: 0,
            undead: 0,
            entry_failures: 0,
            stale_parameter: 0,
            errors: BTreeMap::new(),
        }
    }
}

impl Weather {
    pub(super) fn happens(random: &Random, per_mille: u16) -> bool {
        per_mille > 0 && random.below(1000) < u64::from(per_mille)
    }
}
