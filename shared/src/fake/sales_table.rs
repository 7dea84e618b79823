//! The sales table.

use async_trait::async_trait;

use super::host::Host;
use super::ledger::{Fact, Mark};
use super::site::Site;
use super::weather::{Service, Weather};
use super::world::{State, shard_of};
use crate::clock::Timestamp;
use crate::ports::{Inserted, LOOKUP_MAX, Marked, OutboxEntry, PortResult, SalesTable};
use crate::region::{Region, Side};
use crate::sale::{Progress, Sale, SaleId, StoredSale};

/// Whether a row has its place in the outbox.
pub(super) fn in_outbox(row: &StoredSale) -> bool {
    match row.progress {
        Progress::Waiting => true,
        Progress::Processed { .. } | Progress::Parked | Progress::Deleted => false,
    }
}

impl Host {
    fn write_row(&self, state: &mut State, at: Site, row: StoredSale, how: Option<Mark>) {
        let (now, serial, lag) = (state.now, state.serial(), Host::lag(state));
        let id = row.sale.id;
        let fact = match how {
            None => Fact::Inserted { at, id },
            Some(how) => {
                let heard = state.hosts[self.id().0].heard_of[at.other().index()].unwrap_or_default();
                Fact::Marked { at, id, how, other_silent: now - heard }
            }
        };
        state.note(Some(self.id()), fact);
        state.sales.write(at, id, row, now, serial, lag);
    }

    /// This process knows that the row here says what became of the sale.
    fn knows_of_row(&self, id: SaleId) {
        self.world().lock().hosts[self.id().0].proofs.insert(id);
    }

    /// Writes the row whole, with the progress that `then` makes of the one before, unless it is a tombstone.
    fn mark(
        &self,
        state: &mut State,
        sale: &Sale,
        how: Mark,
        then: impl Fn(Option<Progress>) -> Progress,
    ) -> Marked {
        let before = state.sales.get(self.site(), &sale.id).map(|row| row.progress.clone());
        if before == Some(Progress::Deleted) {
            return Marked::Tombstone;
        }
        self.write_row(
            state,
            self.site(),
            StoredSale { sale: sale.clone(), progress: then(before) },
            Some(how),
        );
        Marked::Done
    }
}

#[async_trait]
impl SalesTable for Host {
    async fn insert(&self, sale: &Sale) -> PortResult<Inserted> {
        self.call("sales.insert", Service::Tables, Side::Local, |state| {
            match state.sales.get(self.site(), &sale.id) {
                Some(row) if row.sale == *sale => Inserted::New,
                Some(row) => Inserted::Existed(row.clone()),
                None => {
                    let row = StoredSale { sale: sale.clone(), progress: Progress::Waiting };
                    self.write_row(state, self.site(), row, None);
                    Inserted::New
                }
            }
        })
        .await
    }

    async fn get(&self, at: Side, id: SaleId) -> PortResult<Option<StoredSale>> {
        let site = self.site().on(at);
        self.call("sales.get", Service::Tables, at, |state| state.sales.get(site, &id).cloned()).await
    }

    async fn get_many(&self, ids: &[SaleId]) -> PortResult<Vec<StoredSale>> {
        assert!(ids.len() <= LOOKUP_MAX, "more ids than one look-up takes");
        let rows: Vec<StoredSale> = self
            .call("sales.get_many", Service::Tables, Side::Local, |state| {
                ids.iter().filter_map(|id| state.sales.get(self.site(), id).cloned()).collect()
            })
            .await?;
        let told = rows.iter().filter(|row| !in_outbox(row)).map(|row| row.sale.id);
        self.world().lock().hosts[self.id().0].proofs.extend(told);
        Ok(rows)
    }

    async fn mark_processed(&self, sale: &Sale, at: Timestamp, _: &Region) -> PortResult<Marked> {
        let marked = self
            .call("sales.mark_processed", Service::Tables, Side::Local, |state| {
                self.mark(state, sale, Mark::Processed, |before| match before {
                    Some(Progress::Processed { at }) => Progress::Processed { at },
                    Some(Progress::Waiting | Progress::Parked | Progress::Deleted) | None => {
                        Progress::Processed { at }
                    }
                })
            })
            .await?;
        self.knows_of_row(sale.id);
        Ok(marked)
    }

    async fn mark_parked(&self, sale: &Sale, _: Timestamp, _: &str) -> PortResult<Marked> {
        let marked = self
            .call("sales.mark_parked", Service::Tables, Side::Local, |state| {
                self.mark(state, sale, Mark::Parked, |before| match before {
                    Some(Progress::Processed { at }) => Progress::Processed { at },
                    Some(Progress::Waiting | Progress::Parked | Progress::Deleted) | None => Progress::Parked,
                })
            })
            .await?;
        self.knows_of_row(sale.id);
        Ok(marked)
    }

    async fn mark_deleted(&self, at: Side, sale: &Sale, _: Timestamp) -> PortResult<()> {
        let site = self.site().on(at);
        self.call("sales.mark_deleted", Service::Tables, at, |state| {
            let tombstone = StoredSale { sale: sale.clone(), progress: Progress::Deleted };
            self.write_row(state, site, tombstone, Some(Mark::Deleted));
        })
        .await
    }

    async fn reopen(&self, id: SaleId) -> PortResult<()> {
        self.call("sales.reopen", Service::Tables, Side::Local, |state| {
            let row =
                state.sales.get(self.site(), &id).filter(|row| row.progress == Progress::Parked).cloned();
            if let Some(row) = row {
                let waiting = StoredSale { progress: Progress::Waiting, ..row };
                self.write_row(state, self.site(), waiting, Some(Mark::Reopened));
            }
        })
        .await
    }

    async fn outbox(
        &self,
        shard: u8,
        accepted_before: Timestamp,
        limit: usize,
    ) -> PortResult<Vec<OutboxEntry>> {
        self.call("sales.outbox", Service::Tables, Side::Local, |state| {
            let stale = Weather::happens(&state.random, state.weather.stale_reads);
            let behind = if stale { state.weather.read_lag } else { std::time::Duration::ZERO };
            let mut entries: Vec<_> = state
                .sales
                .iter(self.site())
                .filter(|(id, _)| shard_of(**id) == shard)
                .filter_map(|(id, _)| state.sales.get_behind(self.site(), id, state.now, behind))
                .filter(|row| in_outbox(row) && row.sale.created_at < accepted_before)
                .map(|row| OutboxEntry { id: row.sale.id, created_at: row.sale.created_at })
                .collect();
            entries.sort_by_key(|entry| (entry.created_at, entry.id));
            entries.truncate(limit);
            entries
        })
        .await
    }
}
