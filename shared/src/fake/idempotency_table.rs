//! The idempotency table. Every write decides and takes effect in one step at one replica.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;

use super::host::Host;
use super::ledger::Fact;
use super::site::Site;
use super::weather::{Service, Weather};
use super::world::State;
use crate::clock::Timestamp;
use crate::idempotency::{
    Claim, ClaimRequest, Completion, Lease, Proof, ProofKind, Record, Status, Token, WorkerId,
};
use crate::ports::{Cancelled, Claimed, IdempotencyTable, LOOKUP_MAX, PortResult, Settled};
use crate::region::{Region, Side};
use crate::sale::{Sale, SaleId};

/// Who holds a claim that was given up, so that it cannot settle anything any more.
const NOBODY: &str = "-";

/// A record as the table holds it. Who claimed it stays in it when it is settled, so that a worker that repeats itself is known.
#[derive(Clone, Debug)]
pub(super) struct RecordRow {
    settled: Option<Settlement>,
    lease: Option<Lease>,
    released: bool,
    nonce: u64,
    attempts: u32,
    /// The sale as it was first claimed.
    sale: Option<Sale>,
}

/// How a record is settled.
#[derive(Clone, Debug)]
pub(super) enum Settlement {
    Completed(Completion),
    Parked { reason: String },
}

impl RecordRow {
    /// The record as callers see it.
    pub(super) fn record(&self, id: SaleId) -> Record {
        let status = match (&self.settled, &self.lease) {
            (Some(Settlement::Completed(completion)), _) => Status::Completed(completion.clone()),
            (Some(Settlement::Parked { reason }), _) => Status::Parked { reason: reason.clone() },
            (None, Some(lease)) => Status::InProgress(lease.clone()),
            // Only a cancelled or reopened record is without a lease, and those are settled or free.
            (None, None) => Status::Completed(Completion::Processed { sale: None, at: None, region: None }),
        };
        Record { id, status }
    }

    /// A record of an id alone.
    pub(super) fn of_the_older_service() -> Self {
        let completion = Completion::Processed { sale: None, at: None, region: None };
        Self {
            settled: Some(Settlement::Completed(completion)),
            lease: None,
            released: false,
            nonce: 0,
            attempts: 0,
            sale: None,
        }
    }

    /// The same, settled.
    pub(super) fn settled_as(self, settlement: Settlement) -> Self {
        Self { settled: Some(settlement), ..self }
    }

    /// Whether it is a proof.
    pub(super) fn is_settled(&self) -> bool {
        self.settled.is_some()
    }

    fn proof(&self) -> Option<Proof> {
        self.settled.as_ref().map(|settled| match settled {
            Settlement::Completed(_) => Proof::completed(),
            Settlement::Parked { .. } => Proof::parked(),
        })
    }

    fn is_claimed_by(&self, claim: &Claim) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.worker == claim.worker && lease.token == claim.token)
    }

    fn is_free(&self, now: Timestamp) -> bool {
        self.settled.is_none()
            && self.lease.as_ref().is_none_or(|lease| self.released || !lease.is_valid(now))
    }
}

impl Host {
    pub(super) fn write_record(&self, state: &mut State, at: Site, id: SaleId, row: RecordRow) {
        let (now, serial, lag) = (state.now, state.serial(), Host::lag(state));
        state.records.write(at, id, row, now, serial, lag);
    }

    /// This process was shown a record. A proof at the other replica is none here yet, unless replication is strong.
    fn learn(&self, side: Side, id: SaleId, record: Option<&Record>) {
        let mut state = self.world().lock();
        let is_here = side == Side::Local || state.settings.strong_tables;
        if is_here && record.and_then(Record::proof).is_some() {
            state.hosts[self.id().0].proofs.insert(id);
        }
    }

    pub(super) fn grant(
        &self,
        state: &mut State,
        at: Site,
        request: &ClaimRequest<'_>,
        old: Option<&RecordRow>,
    ) -> Claimed {
        let token = Token(old.and_then(|row| row.lease.as_ref()).map_or(0, |lease| lease.token.0) + 1);
        let attempts = old.map_or(0, |row| row.attempts) + 1;
        let lease = Lease {
            worker: request.worker.clone(),
            region: request.region.clone(),
            token,
            until: request.now + request.lease,
        };
        let sale = old.and_then(|row| row.sale.clone()).unwrap_or_else(|| request.sale.clone());
        let row = RecordRow {
            settled: None,
            lease: Some(lease),
            released: false,
            nonce: request.nonce,
            attempts,
            sale: Some(sale.clone()),
        };
        let id = request.sale.id;
        let since = state.records.since(at.other(), &id, RecordRow::is_settled);
        let other_proof = since.map(|since| state.now.saturating_sub(since));
        self.write_record(state, at, id, row);
        state.note(Some(self.id()), Fact::Claimed { at, id, token, attempts, other_proof });
        Claimed::Granted(Claim { id, worker: request.worker.clone(), token, attempts, sale })
    }

    fn settle(&self, state: &mut State, at: Site, claim: &Claim, settlement: Settlement) -> Settled {
        let Some(row) = state.records.get(at, &claim.id).cloned() else {
            return Settled::Lost(None);
        };
        if !row.is_claimed_by(claim) {
            state.note(Some(self.id()), Fact::SettledTooLate { at, id: claim.id, token: claim.token });
            return Settled::Lost(Some(row.record(claim.id)));
        }
        if let Some(proof) = row.proof() {
            return Settled::Done(proof);
        }
        let row = RecordRow { settled: Some(settlement), ..row };
        let proof = row.proof();
        self.write_record(state, at, claim.id, row);
        let kind = proof.map_or(ProofKind::Completed, Proof::kind);
        state.note(Some(self.id()), Fact::Settled { at, id: claim.id, token: Some(claim.token), kind });
        proof.map_or(Settled::Lost(None), Settled::Done)
    }

    async fn settle_at(
        &self,
        operation: &'static str,
        side: Side,
        claim: &Claim,
        settlement: Settlement,
    ) -> PortResult<Settled> {
        let at = self.site().on(side);
        self.note(Fact::SettleAsked { at, id: claim.id, token: claim.token });
        let settled = self
            .call(operation, Service::Tables, side, |state| self.settle(state, at, claim, settlement))
            .await?;
        match &settled {
            Settled::Done(_) => {
                let mut state = self.world().lock();
                if side == Side::Local || state.settings.strong_tables {
                    state.hosts[self.id().0].proofs.insert(claim.id);
                }
            }
            Settled::Lost(record) => self.learn(side, claim.id, record.as_ref()),
        }
        Ok(settled)
    }
}

#[async_trait]
impl IdempotencyTable for Host {
    async fn claim(&self, side: Side, request: &ClaimRequest<'_>) -> PortResult<Claimed> {
        let (at, id) = (self.site().on(side), request.sale.id);
        self.note(Fact::ClaimAsked { at, id, other_silent: self.silence_of(at.other()) });
        let claimed = self
            .call("idempotency.claim", Service::Tables, side, |state| {
                let old = state.records.get(at, &id).cloned();
                match &old {
                    Some(row) if row.settled.is_none() && row.nonce == request.nonce && !row.released => {
                        own_claim(row, request)
                    }
                    Some(row) if !row.is_free(request.now) => Claimed::Refused(row.record(id)),
                    Some(_) | None => self.grant(state, at, request, old.as_ref()),
                }
            })
            .await?;
        match &claimed {
            Claimed::Granted(_) => {}
            Claimed::Refused(record) => self.learn(side, id, Some(record)),
        }
        Ok(claimed)
    }

    async fn renew(&self, side: Side, claim: &Claim, until: Timestamp) -> PortResult<bool> {
        let at = self.site().on(side);
        self.call("idempotency.renew", Service::Tables, side, |state| {
            let row = state.records.get(at, &claim.id).filter(|row| row.settled.is_none());
            let Some(mut row) = row.filter(|row| row.is_claimed_by(claim)).cloned() else {
                return false;
            };
            if let Some(lease) = &mut row.lease {
                lease.until = until;
            }
            self.write_record(state, at, claim.id, row);
            true
        })
        .await
    }

    async fn release(&self, side: Side, claim: &Claim, refund: bool) -> PortResult<()> {
        let at = self.site().on(side);
        self.call("idempotency.release", Service::Tables, side, |state| {
            let row = state.records.get(at, &claim.id).filter(|row| row.settled.is_none());
            let Some(mut row) = row.filter(|row| row.is_claimed_by(claim)).cloned() else {
                return;
            };
            row.released = true;
            row.attempts = row.attempts.saturating_sub(u32::from(refund));
            if let Some(lease) = &mut row.lease {
                lease.until = Timestamp::default();
                lease.worker = WorkerId(NOBODY.to_owned());
            }
            self.write_record(state, at, claim.id, row);
            state.note(Some(self.id()), Fact::GivenUp { at, id: claim.id, token: claim.token, refund });
        })
        .await
    }

    async fn complete(&self, at: Side, claim: &Claim, completion: &Completion) -> PortResult<Settled> {
        self.settle_at("idempotency.complete", at, claim, Settlement::Completed(completion.clone())).await
    }

    async fn park(&self, at: Side, claim: &Claim, reason: &str) -> PortResult<Settled> {
        self.settle_at("idempotency.park", at, claim, Settlement::Parked { reason: reason.to_owned() }).await
    }

    async fn cancel(&self, side: Side, id: SaleId, now: Timestamp, _: Timestamp) -> PortResult<Cancelled> {
        let at = self.site().on(side);
        self.call("idempotency.cancel", Service::Tables, side, |state| {
            let settlement = Settlement::Completed(Completion::Cancelled { at: now });
            match state.records.get(at, &id).cloned() {
                Some(row) if !row.is_free(now) => cancelled(&row),
                old => {
                    let free = RecordRow {
                        settled: None,
                        lease: None,
                        released: false,
                        nonce: 0,
                        attempts: 0,
                        sale: None,
                    };
                    let row = RecordRow { settled: Some(settlement), ..old.unwrap_or(free) };
                    self.write_record(state, at, id, row);
                    let kind = ProofKind::Completed;
                    state.note(Some(self.id()), Fact::Settled { at, id, token: None, kind });
                    Cancelled::Done
                }
            }
        })
        .await
    }

    async fn reopen(&self, side: Side, id: SaleId) -> PortResult<()> {
        let at = self.site().on(side);
        self.call("idempotency.reopen", Service::Tables, side, |state| {
            let row = state.records.get(at, &id).cloned();
            let Some(row) = row.filter(|row| matches!(row.settled, Some(Settlement::Parked { .. }))) else {
                return;
            };
            let lease = row.lease.map(|lease| Lease { until: Timestamp::default(), ..lease });
            let row = RecordRow { settled: None, lease, released: true, attempts: 0, ..row };
            self.write_record(state, at, id, row);
        })
        .await
    }

    async fn look_up(&self, side: Side, ids: &[SaleId]) -> PortResult<HashMap<SaleId, Record>> {
        assert!(ids.len() <= LOOKUP_MAX, "more ids than one look-up takes");
        let at = self.site().on(side);
        let found: HashMap<_, _> = self
            .call("idempotency.look_up", Service::Tables, side, |state| {
                let stale = side == Side::Local && Weather::happens(&state.random, state.weather.stale_reads);
                let behind = if stale { state.weather.read_lag } else { Duration::ZERO };
                let read = |id: &SaleId| state.records.get_behind(at, id, state.now, behind);
                ids.iter().filter_map(|id| Some((*id, read(id)?.record(*id)))).collect()
            })
            .await?;
        for (id, record) in &found {
            self.learn(side, *id, Some(record));
        }
        Ok(found)
    }
}

/// The answer to a claim that was made before, whose first answer was lost.
fn own_claim(row: &RecordRow, request: &ClaimRequest<'_>) -> Claimed {
    let id = request.sale.id;
    match &row.lease {
        Some(lease) if lease.worker == *request.worker => Claimed::Granted(Claim {
            id,
            worker: lease.worker.clone(),
            token: lease.token,
            attempts: row.attempts,
            sale: row.sale.clone().unwrap_or_else(|| request.sale.clone()),
        }),
        Some(_) | None => Claimed::Refused(row.record(id)),
    }
}

/// Why a record that is not free cannot be called off.
fn cancelled(row: &RecordRow) -> Cancelled {
    match (&row.settled, &row.lease) {
        (None, Some(Lease { region, .. })) => Cancelled::Begun(Region::clone(region)),
        (Some(_), _) | (None, None) => Cancelled::Settled,
    }
}
