//! Looks at a world from outside: what its sites hold, and what happened.

use super::ledger::Ledger;
use super::queue::DeadLetter;
use super::site::Site;
use super::world::World;
use crate::idempotency::Record;
use crate::sale::{SaleId, StoredSale};

impl World {
    /// A site's row of a sale.
    pub fn row(&self, site: Site, id: SaleId) -> Option<StoredSale> {
        self.lock().sales.get(site, &id).cloned()
    }

    /// All of a site's rows, by id.
    pub fn rows(&self, site: Site) -> Vec<StoredSale> {
        self.lock().sales.iter(site).map(|(_, row)| row.clone()).collect()
    }

    /// A site's record of a sale.
    pub fn record(&self, site: Site, id: SaleId) -> Option<Record> {
        self.lock().records.get(site, &id).map(|row| row.record(id))
    }

    /// All of a site's objects, by key.
    pub fn objects(&self, site: Site) -> Vec<(String, bytes::Bytes)> {
        self.lock().objects.iter(site).map(|(key, object)| (key.clone(), object.0.clone())).collect()
    }

    /// How many messages a site's queue holds, hidden ones and those on their way included.
    pub fn queue_length(&self, site: Site) -> usize {
        self.lock().queues[site.index()].len()
    }

    /// The sales in a site's outbox.
    pub fn outbox_length(&self, site: Site) -> usize {
        let state = self.lock();
        state.sales.iter(site).filter(|(_, row)| super::sales_table::in_outbox(row)).count()
    }

    /// What a site's dead-letter queue holds.
    pub fn dead_letters(&self, site: Site) -> Vec<DeadLetter> {
        self.lock().queues[site.index()].dead_letters().to_vec()
    }

    /// Whether nothing is on its way between the regions, or nothing can be any more.
    pub fn is_level(&self) -> bool {
        let state = self.lock();
        let level = state.sales.is_level() && state.records.is_level() && state.objects.is_level();
        level || Site::BOTH.into_iter().any(|site| state.links.is_lost(site))
    }

    /// Everything that happened so far, taken out.
    pub fn take_ledger(&self) -> Ledger {
        std::mem::take(&mut self.lock().ledger)
    }

    /// Looks at what happened so far.
    pub fn with_ledger<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.lock().ledger)
    }
}
