//! The two sites and what lies between them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::archive::StoredObject;
use super::host::{Host, HostId, HostInfo, HostState};
use super::idempotency_table::RecordRow;
use super::ledger::{Entry, Fact, Ledger};
use super::parameter::{ParameterState, ParameterValue};
use super::queue::QueueState;
use super::replicated::Replicated;
use super::site::Site;
use super::weather::{Fate, Outage, Weather};
use crate::clock::Timestamp;
use crate::ports::OUTBOX_SHARDS;
use crate::random::Random;
use crate::region::{Declared, Region, RegionState, Sites};
use crate::sale::{SaleId, StoredSale};

/// Time since the world began.
pub type Moment = Duration;

/// What does not change while a world lasts.
#[derive(Clone, Copy, Debug)]
pub struct WorldSettings {
    /// Whether both replicas of the tables are one (MRSC).
    pub strong_tables: bool,
    /// Visibility timeout of the queues.
    pub visibility: Duration,
    /// Receives after which the queue's own redrive policy moves a message away.
    pub max_receive_count: u32,
    /// Most messages of a queue in flight: 120,000 for a standard queue of SQS.
    pub in_flight_max: usize,
    /// The true time at the beginning.
    pub start: Timestamp,
}

impl Default for WorldSettings {
    fn default() -> Self {
        Self {
            strong_tables: false,
            visibility: Duration::from_secs(90),
            max_receive_count: 1000,
            in_flight_max: 120_000,
            start: Timestamp::EPOCH_2025,
        }
    }
}

/// The world: both sites, the network, and the record of what happened. Clones are the same world.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    started: Instant,
    start: Timestamp,
    regions: [Region; 2],
    /// Wakes whoever waits at a queue.
    stirred: [Notify; 2],
}

pub(super) struct State {
    pub random: Random,
    pub settings: WorldSettings,
    pub weather: Weather,
    pub links: Links,
    pub sales: Replicated<SaleId, StoredSale>,
    pub records: Replicated<SaleId, RecordRow>,
    pub objects: Replicated<String, StoredObject>,
    pub queues: [QueueState; 2],
    pub parameters: [ParameterState; 2],
    pub hosts: Vec<HostState>,
    pub script: Vec<Scripted>,
    pub ledger: Ledger,
    pub now: Moment,
    serial: u64,
}

/// A fate that was decided beforehand.
pub(super) struct Scripted {
    pub at: Site,
    pub operation: &'static str,
    pub fate: Fate,
    pub times: u32,
}

/// Which ways are open.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Links {
    dark: [Option<Outage>; 2],
    lost: Option<Site>,
    parted: bool,
}

impl Links {
    /// Whether a host in one site gets an answer from an endpoint in another.
    pub(super) fn reaches(&self, from: Site, to: Site) -> bool {
        let cut_off = self.dark[from.index()] == Some(Outage::Region);
        self.dark[to.index()].is_none() && !cut_off && (from == to || !self.parted)
    }

    /// Whether anything moves between the regions.
    pub(super) fn open(&self) -> bool {
        !self.parted && self.dark.iter().all(Option::is_none)
    }

    pub(super) fn is_lost(&self, site: Site) -> bool {
        self.lost == Some(site)
    }
}

impl State {
    /// A number that is never given twice: it orders what happens within one millisecond.
    pub(super) fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(super) fn note(&mut self, host: Option<HostId>, fact: Fact) {
        self.ledger.push(Entry { at: self.now, host, fact });
    }

    /// Lets everything happen that was to happen until now.
    fn catch_up(&mut self, now: Moment) {
        self.now = now;
        let open = self.links.open();
        self.sales.catch_up(now, open);
        self.records.catch_up(now, open);
        self.objects.catch_up(now, open);
        for site in Site::BOTH {
            let usable = self.links.dark[site.index()].is_none();
            let mut queue = std::mem::take(&mut self.queues[site.index()]);
            queue.catch_up(self, site, usable, open);
            self.queues[site.index()] = queue;
        }
    }

    /// Sends what was held back on its way when the ways open again.
    fn release_held(&mut self) {
        let (now, random, weather) = (self.now, self.random.clone(), self.weather.clone());
        self.sales.release_held(now, || weather.replication.draw(&random));
        self.records.release_held(now, || weather.replication.draw(&random));
        self.objects.release_held(now, || weather.bucket_replication.draw(&random));
    }
}

impl World {
    /// Two empty sites in clear weather. Both parameters are absent.
    pub fn new(seed: u64, settings: WorldSettings) -> Self {
        let region =
            |site: Site| Region::parse(site.name()).unwrap_or_else(|_| unreachable!("a region's name"));
        let state = State {
            random: Random::from_seed(seed),
            settings,
            weather: Weather::default(),
            links: Links::default(),
            sales: Replicated::new(settings.strong_tables),
            records: Replicated::new(settings.strong_tables),
            objects: Replicated::new(false),
            queues: Default::default(),
            parameters: Default::default(),
            hosts: Vec::new(),
            script: Vec::new(),
            ledger: Ledger::default(),
            now: Duration::ZERO,
            serial: 0,
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            started: Instant::now(),
            start: settings.start,
            regions: Site::BOTH.map(region),
            stirred: Default::default(),
        }))
    }

    /// A new process in a site, whose clock is ahead by `skew` milliseconds.
    pub fn host(&self, site: Site, name: &str, skew_ms: i64) -> Host {
        let mut state = self.lock();
        let id = HostId(state.hosts.len());
        let seed = state.random.number();
        state.hosts.push(HostState::new(site, name, skew_ms));
        Host::new(self.clone(), id, site, skew_ms, Random::from_seed(seed))
    }

    /// Every process so far, in the order of their [`HostId`]s.
    pub fn hosts(&self) -> Vec<HostInfo> {
        self.lock().hosts.iter().map(|host| host.info.clone()).collect()
    }

    /// The region of a site.
    pub fn region(&self, site: Site) -> &Region {
        &self.0.regions[site.index()]
    }

    /// Both regions, seen from a site.
    pub fn sites(&self, site: Site) -> Sites {
        Sites::new(self.region(site).clone(), self.region(site.other()).clone())
            .unwrap_or_else(|_| unreachable!("the regions differ"))
    }

    /// The site of a region, if it is one of the two.
    pub fn site_of(&self, region: &Region) -> Option<Site> {
        Site::BOTH.into_iter().find(|site| self.region(*site) == region)
    }

    /// Time since the beginning.
    pub fn now(&self) -> Moment {
        Instant::now() - self.0.started
    }

    /// The true time, which no host's clock tells.
    pub fn true_time(&self) -> Timestamp {
        self.0.start + self.now()
    }

    /// Changes the weather from now on.
    pub fn weather(&self, change: impl FnOnce(&mut Weather)) {
        change(&mut self.lock().weather);
    }

    /// Decides the fate of the next `times` calls of an operation (its name as in [`PortError`](crate::ports::PortError)) at a site's endpoint.
    pub fn script(&self, at: Site, operation: &'static str, fate: Fate, times: u32) {
        self.lock().script.push(Scripted { at, operation, fate, times });
    }

    /// A site's endpoints stop answering.
    pub fn darken(&self, site: Site, outage: Outage) {
        let mut state = self.lock();
        state.links.dark[site.index()] = Some(outage);
        state.note(None, Fact::Darkened { site, outage });
    }

    /// They answer again; what waited goes on its way. A lost site stays dark.
    pub fn lighten(&self, site: Site) {
        let mut state = self.lock();
        if !state.links.is_lost(site) {
            state.links.dark[site.index()] = None;
            state.note(None, Fact::Lightened { site });
            self.reopened(&mut state);
        }
    }

    /// A site is gone for good, with everything that had not left it. Gives back the sales of which something is left in the other one:
    /// a row, a proof or a message.
    pub fn lose(&self, site: Site) -> std::collections::BTreeSet<SaleId> {
        let mut state = self.lock();
        state.links.dark[site.index()] = Some(Outage::Region);
        state.links.lost = Some(site);
        state.sales.forget_shipments();
        state.records.forget_shipments();
        state.objects.forget_shipments();
        for queue in &mut state.queues {
            queue.forget_arrivals_from(site);
        }
        state.note(None, Fact::Lost { site });
        let left = site.other();
        let mut survivors: std::collections::BTreeSet<_> =
            state.sales.iter(left).map(|(id, _)| *id).collect();
        survivors.extend(state.records.iter(left).filter(|(_, row)| row.is_settled()).map(|(id, _)| *id));
        survivors.extend(state.queues[left.index()].sales());
        survivors
    }

    /// The regions cannot reach each other.
    pub fn part(&self) {
        let mut state = self.lock();
        state.links.parted = true;
        state.note(None, Fact::Parted);
    }

    /// They can again.
    pub fn heal(&self) {
        let mut state = self.lock();
        state.links.parted = false;
        state.note(None, Fact::Healed);
        self.reopened(&mut state);
    }

    fn reopened(&self, state: &mut State) {
        if state.links.open() {
            state.release_held();
        }
        self.stir(Site::First);
        self.stir(Site::Second);
    }

    /// Writes a site's parameter, as an operator does.
    pub fn declare(&self, site: Site, value: ParameterValue) {
        let mut state = self.lock();
        let now = state.now;
        state.parameters[site.index()].set(value, now);
        state.note(None, Fact::Declared { site, value });
    }

    /// Writes a site's parameter as one of the three states.
    pub fn declare_state(&self, site: Site, value: RegionState) {
        self.declare(site, ParameterValue::Text(value.as_str()));
    }

    /// What a site's parameter says.
    pub fn declared(&self, site: Site) -> Declared {
        self.lock().parameters[site.index()].current().0
    }

    /// Puts a message straight into a site's queue.
    pub fn send(&self, site: Site, body: &str) {
        let sale =
            crate::sale::event::SaleEvent::parse(body, &self.sites(site)).ok().map(|event| event.sale.id);
        let mut state = self.lock();
        let serial = state.serial();
        let due = state.now + Duration::from_millis(1);
        state.queues[site.index()].arrive_later(due, serial, body.into(), sale, site);
        drop(state);
        self.stir(site);
    }

    /// Adds to the record of what happened.
    pub fn note(&self, host: Option<HostId>, fact: Fact) {
        self.lock().note(host, fact);
    }

    pub(super) fn stir(&self, site: Site) {
        self.0.stirred[site.index()].notify_waiters();
    }

    pub(super) fn stirred(&self, site: Site) -> &Notify {
        &self.0.stirred[site.index()]
    }

    pub(super) fn instant(&self, moment: Moment) -> Instant {
        self.0.started + moment
    }

    /// The state as of now.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        // Nothing is ever due in the very millisecond in which it is sent.
        if now > state.now {
            state.catch_up(now);
        }
        state
    }
}

/// The shard that a sale's entry in the outbox is in.
pub(super) fn shard_of(id: SaleId) -> u8 {
    u8::try_from(id.spread() % u64::from(OUTBOX_SHARDS)).unwrap_or(0)
}
