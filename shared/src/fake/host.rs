//! One process in one site: its clock, and the way its calls take.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::ledger::Fact;
use super::site::Site;
use super::weather::{Fate, Service, Span, Weather};
use super::world::{Moment, State, World};
use crate::clock::{Clock, SharedClock, Timestamp};
use crate::ports::{PortError, PortErrorKind, PortResult};
use crate::random::Random;
use crate::region::{Side, Sites};
use crate::sale::SaleId;

/// Names one process of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub usize);

/// What a process is.
#[derive(Clone, Debug)]
pub struct HostInfo {
    /// Where it runs.
    pub site: Site,
    /// What it is called in traces.
    pub name: String,
    /// By how many milliseconds its clock is ahead.
    pub skew_ms: i64,
}

/// What the world knows of a process.
pub(super) struct HostState {
    pub(super) info: HostInfo,
    /// When it was killed.
    pub(super) died: Option<Moment>,
    /// When its last call to each site's tables was answered.
    pub(super) heard_of: [Option<Moment>; 2],
    /// Messages that it was handed and has neither deleted nor put back, by queue serial and receive count.
    pub(super) in_hand: BTreeSet<(u64, u32)>,
    /// Calls made after its death: tasks that outlived it.
    pub posthumous: u64,
    /// Sales of which it was shown a settled record, or a row that says what became of them, or wrote either, at its own
    /// region's replica.
    pub proofs: BTreeSet<SaleId>,
    /// Bodies that it knows to be in the dead-letter queue.
    pub dead_lettered: BTreeSet<String>,
}

impl HostState {
    pub(super) fn new(site: Site, name: &str, skew_ms: i64) -> Self {
        Self {
            info: HostInfo { site, name: name.to_owned(), skew_ms },
            died: None,
            heard_of: [None; 2],
            in_hand: BTreeSet::new(),
            posthumous: 0,
            proofs: BTreeSet::new(),
            dead_lettered: BTreeSet::new(),
        }
    }
}

/// One process: every port of its site. Clones are the same process.
#[derive(Clone)]
pub struct Host {
    world: World,
    id: HostId,
    site: Site,
    skew_ms: i64,
    random: Random,
}

/// The clock of one process: right but for its skew.
pub struct HostClock {
    world: World,
    skew_ms: i64,
}

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.world.true_time().millis() + self.skew_ms)
    }
}

/// A call under way.
pub(super) struct Call {
    pub operation: &'static str,
    pub at: Site,
    service: Service,
    fate: Fate,
    /// How long its answer takes.
    back: Duration,
}

/// How a process stands towards an endpoint.
enum Stand {
    Dead,
    CutOff,
    Through,
}

impl Host {
    pub(super) fn new(world: World, id: HostId, site: Site, skew_ms: i64, random: Random) -> Self {
        Self { world, id, site, skew_ms, random }
    }

    /// Its world.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Its name in the ledger.
    pub fn id(&self) -> HostId {
        self.id
    }

    /// Where it runs.
    pub fn site(&self) -> Site {
        self.site
    }

    /// Both regions as it sees them.
    pub fn sites(&self) -> Sites {
        self.world.sites(self.site)
    }

    /// Its clock.
    pub fn clock(&self) -> SharedClock {
        Arc::new(HostClock { world: self.world.clone(), skew_ms: self.skew_ms })
    }

    /// Random numbers of its own.
    pub fn random(&self) -> Random {
        self.random.clone()
    }

    /// The process is gone: no call of it takes effect or returns any more. Whoever runs it drops its future as well.
    pub fn kill(&self) {
        let mut state = self.world.lock();
        state.hosts[self.id.0].died = Some(state.now);
        state.note(Some(self.id), Fact::Killed);
    }

    /// Calls made after [`Host::kill`]: not none, when a task outlived the process.
    pub fn posthumous_calls(&self) -> u64 {
        self.world.lock().hosts[self.id.0].posthumous
    }

    /// Adds to the record of what happened.
    pub fn note(&self, fact: Fact) {
        self.world.note(Some(self.id), fact);
    }

    /// One call that takes effect at once when it arrives.
    pub(super) async fn call<T>(
        &self,
        operation: &'static str,
        service: Service,
        side: Side,
        effect: impl FnOnce(&mut State) -> T + Send,
    ) -> PortResult<T> {
        let call = self.depart(operation, service, side).await?;
        let value = effect(&mut self.world.lock());
        self.come_back(&call, value).await
    }

    /// The way there. Ends with an error when the call does not arrive.
    pub(super) async fn depart(
        &self,
        operation: &'static str,
        service: Service,
        side: Side,
    ) -> PortResult<Call> {
        let (call, way) = {
            let mut state = self.world.lock();
            let at = self.site.on(side);
            let fate = fate(&mut state, at, service, operation);
            let one_way = if at == self.site { state.weather.near } else { state.weather.far };
            let there = way_there(&state, service, one_way);
            let back = match service {
                // Nothing depends on how long a reading takes to come back, and there are very many.
                Service::Parameter => Duration::ZERO,
                Service::Tables | Service::Queue | Service::Topic | Service::Archive => {
                    one_way.draw(&state.random)
                }
            };
            (Call { operation, at, service, fate, back }, there)
        };
        pass(way).await;
        match self.stand(call.at) {
            Stand::Dead => return std::future::pending().await,
            Stand::CutOff => return Err(self.unanswered(&call, false).await),
            Stand::Through => {}
        }
        match call.fate {
            Fate::Answered
            | Fate::AnswerLost
            | Fate::Unavailable { effect: true }
            | Fate::Hang { effect: true } => Ok(call),
            Fate::NoAnswer => Err(self.unanswered(&call, false).await),
            Fate::Throttled => Err(self.failed(&call, PortErrorKind::Throttled)),
            Fate::Unavailable { effect: false } => Err(self.failed(&call, PortErrorKind::Unavailable)),
            Fate::Refused => Err(self.failed(&call, PortErrorKind::Refused)),
            Fate::Hang { effect: false } => std::future::pending().await,
        }
    }

    /// The way back. Ends with an error when the answer is lost, or was one.
    pub(super) async fn come_back<T>(&self, call: &Call, value: T) -> PortResult<T> {
        pass(call.back).await;
        match call.fate {
            Fate::Hang { .. } => return std::future::pending().await,
            Fate::Unavailable { .. } => return Err(self.failed(call, PortErrorKind::Unavailable)),
            Fate::AnswerLost => return Err(self.unanswered(call, true).await),
            Fate::Answered | Fate::NoAnswer | Fate::Throttled | Fate::Refused => {}
        }
        match self.stand(call.at) {
            Stand::Dead => std::future::pending().await,
            Stand::CutOff => Err(self.unanswered(call, true).await),
            Stand::Through => {
                self.hear(call);
                Ok(value)
            }
        }
    }

    /// Waits as a caller does who gets no answer.
    async fn unanswered(&self, call: &Call, effect: bool) -> PortError {
        let silence = {
            let state = self.world.lock();
            state.weather.silence.draw(&state.random)
        };
        tokio::time::sleep(silence).await;
        self.note(Fact::Unanswered { at: call.at, operation: call.operation, effect });
        error(call.operation, PortErrorKind::NoAnswer)
    }

    fn hear(&self, call: &Call) {
        if call.service == Service::Tables {
            let mut state = self.world.lock();
            let now = state.now;
            state.hosts[self.id.0].heard_of[call.at.index()] = Some(now);
        }
    }

    /// For how long a site's tables have not answered this process.
    pub(super) fn silence_of(&self, at: Site) -> Duration {
        let state = self.world.lock();
        state.now - state.hosts[self.id.0].heard_of[at.index()].unwrap_or_default()
    }

    fn failed(&self, call: &Call, kind: PortErrorKind) -> PortError {
        if !kind.is_silence() {
            self.hear(call);
        }
        self.note(Fact::Failed { at: call.at, operation: call.operation, kind });
        error(call.operation, kind)
    }

    /// Whether this process lives, and an endpoint can be reached from it.
    fn stand(&self, at: Site) -> Stand {
        let mut state = self.world.lock();
        let (now, reached) = (state.now, state.links.reaches(self.site, at));
        let host = &mut state.hosts[self.id.0];
        match host.died {
            None if reached => Stand::Through,
            None => Stand::CutOff,
            Some(died) => {
                // Tasks that were due in the very millisecond of the end may be polled once more.
                host.posthumous += u64::from(died < now);
                Stand::Dead
            }
        }
    }

    pub(super) async fn lost_on_the_way(&self, call: &Call) -> PortError {
        self.unanswered(call, false).await
    }

    /// How long a write at this site takes to the other replica.
    pub(super) fn lag(state: &State) -> Duration {
        state.weather.replication.draw(&state.random)
    }
}

/// Lets time pass, if any does.
async fn pass(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn way_there(state: &State, service: Service, one_way: Span) -> Duration {
    let (per_mille, stuck) = state.weather.stragglers;
    let is_stuck = service == Service::Tables && Weather::happens(&state.random, per_mille);
    if is_stuck { stuck.draw(&state.random) } else { one_way.draw(&state.random) }
}

fn fate(state: &mut State, at: Site, service: Service, operation: &'static str) -> Fate {
    let scripted = state.script.iter_mut().find(|s| s.at == at && s.operation == operation && s.times > 0);
    if let Some(scripted) = scripted {
        scripted.times -= 1;
        return scripted.fate;
    }
    let rates = state.weather.errors.get(&(at, service)).copied().unwrap_or_default();
    rates.draw(&state.random)
}

fn error(operation: &'static str, kind: PortErrorKind) -> PortError {
    PortError { operation, kind, detail: "injected".to_owned() }
}
