//! A table or bucket with a replica in each region: every write takes effect at one of them, reaches the other later, and the
//! later write wins, as in a DynamoDB global table (MREC). A strongly consistent one (MRSC) has one replica that both see.

use std::collections::BTreeMap;
use std::time::Duration;

use super::site::Site;
use super::world::Moment;

/// Orders all writes to one item: the time of the write, then the order within a millisecond.
type Version = (Moment, u64);

#[derive(Clone)]
struct Item<V> {
    value: V,
    version: Version,
    /// When this replica got the value.
    since: Moment,
    /// What it held before.
    before: Option<V>,
}

struct Shipment<K, V> {
    to: Site,
    key: K,
    value: V,
    version: Version,
}

pub(super) struct Replicated<K, V> {
    strong: bool,
    replicas: [BTreeMap<K, Item<V>>; 2],
    /// By arrival.
    shipments: BTreeMap<(Moment, u64), Shipment<K, V>>,
    /// Were to arrive while the way was closed.
    held: Vec<(u64, Shipment<K, V>)>,
}

impl<K: Ord + Clone, V: Clone> Replicated<K, V> {
    pub(super) fn new(strong: bool) -> Self {
        let replicas = [BTreeMap::new(), BTreeMap::new()];
        Self { strong, replicas, shipments: BTreeMap::new(), held: Vec::new() }
    }

    fn replica(&self, site: Site) -> usize {
        if self.strong { 0 } else { site.index() }
    }

    /// The newest value at a replica.
    pub(super) fn get(&self, site: Site, key: &K) -> Option<&V> {
        self.replicas[self.replica(site)].get(key).map(|item| &item.value)
    }

    /// Since when a replica has held a value, if it is such a value.
    pub(super) fn since(&self, site: Site, key: &K, is_such: impl Fn(&V) -> bool) -> Option<Moment> {
        self.replicas[self.replica(site)].get(key).filter(|item| is_such(&item.value)).map(|item| item.since)
    }

    /// The value that an eventually consistent read `behind` by so much sees.
    pub(super) fn get_behind(&self, site: Site, key: &K, now: Moment, behind: Duration) -> Option<&V> {
        let item = self.replicas[self.replica(site)].get(key)?;
        if item.since + behind > now { item.before.as_ref() } else { Some(&item.value) }
    }

    /// Items of a replica, in the order of their keys.
    pub(super) fn iter(&self, site: Site) -> impl Iterator<Item = (&K, &V)> {
        self.replicas[self.replica(site)].iter().map(|(key, item)| (key, &item.value))
    }

    /// Writes at a replica; the other one gets it after `lag`.
    pub(super) fn write(&mut self, site: Site, key: K, value: V, now: Moment, serial: u64, lag: Duration) {
        let version = (now, serial);
        self.put(self.replica(site), key.clone(), value.clone(), version, now);
        if !self.strong {
            let shipment = Shipment { to: site.other(), key, value, version };
            self.shipments.insert((now + lag, serial), shipment);
        }
    }

    fn put(&mut self, replica: usize, key: K, value: V, version: Version, now: Moment) {
        match self.replicas[replica].get_mut(&key) {
            Some(item) if item.version > version => {}
            Some(item) => {
                let before = std::mem::replace(&mut item.value, value);
                *item = Item { value: item.value.clone(), version, since: now, before: Some(before) };
            }
            None => {
                self.replicas[replica].insert(key, Item { value, version, since: now, before: None });
            }
        }
    }

    /// Lets what was to arrive until now arrive, or holds it while the way is closed.
    pub(super) fn catch_up(&mut self, now: Moment, open: bool) {
        while let Some(entry) = self.shipments.first_entry() {
            let (due, serial) = *entry.key();
            if due > now {
                return;
            }
            let shipment = entry.remove();
            if open {
                let Shipment { to, key, value, version } = shipment;
                self.put(to.index(), key, value, version, due);
            } else {
                self.held.push((serial, shipment));
            }
        }
    }

    /// The way is open again: what was held arrives after a new lag.
    pub(super) fn release_held(&mut self, now: Moment, mut lag: impl FnMut() -> Duration) {
        for (serial, shipment) in std::mem::take(&mut self.held) {
            self.shipments.insert((now + lag(), serial), shipment);
        }
    }

    /// A region is gone: nothing on its way arrives any more.
    pub(super) fn forget_shipments(&mut self) {
        self.shipments.clear();
        self.held.clear();
    }

    pub(super) fn is_level(&self) -> bool {
        self.shipments.is_empty() && self.held.is_empty()
    }
}
