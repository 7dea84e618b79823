//! The ports of a process with one mechanism taken out: the switches that only the simulator can set. The services know
//! nothing of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sales_shared::clock::Timestamp;
use sales_shared::fake::Host;
use sales_shared::idempotency::{Claim, ClaimRequest, Completion, Record, Status};
use sales_shared::ports::{
    Cancelled, Claimed, Delivery, IdempotencyTable, Inserted, Marked, OutboxEntry, PortResult, Put, Queue,
    Receipt, SalesTable, Settled, StateParameter,
};
use sales_shared::region::{Declared, Region, RegionState, Side};
use sales_shared::sale::event::SaleEvent;
use sales_shared::sale::{Sale, SaleId, StoredSale};
use tokio_util::sync::CancellationToken;

use super::design::{Design, Mutation};

/// A lease that nobody lives to see the end of.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The ports of one process. Under [`Design::Current`] they are its own.
pub(super) struct Mutant {
    host: Host,
    mutation: Option<Mutation>,
    stop: CancellationToken,
    seen: Mutex<Seen>,
}

/// What mutations go by.
#[derive(Default)]
struct Seen {
    /// Whether the last reading lets the mutant delete what it has no proof for.
    deletes: bool,
    /// How often each sale was received.
    receives: BTreeMap<SaleId, u32>,
    /// Proofs seen at the peer's endpoint.
    at_peer: BTreeMap<SaleId, Record>,
}

impl Mutant {
    pub(super) fn new(host: Host, design: Design) -> Arc<Self> {
        Self::stopped_by(host, design, CancellationToken::new())
    }

    pub(super) fn stopped_by(host: Host, design: Design, stop: CancellationToken) -> Arc<Self> {
        let mutation = match design {
            Design::Mutated(mutation) => Some(mutation),
            Design::Current | Design::Older => None,
        };
        Arc::new(Self { host, mutation, stop, seen: Mutex::default() })
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a call about claims goes.
    fn side(&self, side: Side) -> Side {
        if self.is(Mutation::ClaimAtLocalReplica) { Side::Local } else { side }
    }

    /// Keeps a proof that was seen at the peer's endpoint.
    fn keep(&self, at: Side, record: &Record) {
        if self.is(Mutation::PeerProofCounts) && at == Side::Peer && record.proof().is_some() {
            self.seen().at_peer.insert(record.id, record.clone());
        }
    }

    async fn check_then_set(&self, at: Side, request: &ClaimRequest<'_>) -> PortResult<Claimed> {
        let id = request.sale.id;
        let found = self.host.look_up(at, &[id]).await?.remove(&id);
        let is_free = |record: &Record| match &record.status {
            Status::InProgress(lease) => !lease.is_valid(request.now),
            Status::Completed(_) | Status::Parked { .. } => false,
        };
        match found {
            Some(record) if !is_free(&record) => Ok(Claimed::Refused(record)),
            Some(_) | None => self.host.seize(at, request).await,
        }
    }
}

#[async_trait]
impl StateParameter for Mutant {
    async fn read(&self) -> PortResult<(Declared, u64)> {
        let (declared, version) = self.host.read().await?;
        let passive = declared == Declared::Known(RegionState::Passive);
        let unknown = declared == Declared::Unknown;
        self.seen().deletes =
            (passive && self.is(Mutation::DryRunDeletes)) || (unknown && self.is(Mutation::UnknownDeletes));
        if unknown && self.is(Mutation::UnknownDeletes) {
            return Ok((Declared::Known(RegionState::Passive), version));
        }
        Ok((declared, version))
    }
}

#[async_trait]
impl Queue for Mutant {
    async fn receive(&self, max: usize, wait: Duration) -> PortResult<Vec<Delivery>> {
        if self.is(Mutation::DrainDropsReceive) {
            return tokio::select! {
                biased;
                () = self.stop.cancelled() => Ok(Vec::new()),
                received = self.host.receive(max, wait) => received,
            };
        }
        let received = self.host.receive(max, wait).await?;
        if self.is(Mutation::DeferralsCount) {
            for delivery in &received {
                if let Ok(event) = SaleEvent::parse(&delivery.body, &self.host.sites()) {
                    self.seen().receives.insert(event.sale.id, delivery.receive_count);
                }
            }
        }
        Ok(received)
    }

    async fn delete(&self, receipts: &[Receipt]) -> PortResult<Vec<Receipt>> {
        self.host.delete(receipts).await
    }

    async fn change_visibility(&self, puts: &[Put]) -> PortResult<()> {
        self.host.change_visibility(puts).await
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> PortResult<()> {
        self.host.dead_letter(body, reason).await
    }
}

#[async_trait]
impl IdempotencyTable for Mutant {
    async fn claim(&self, at: Side, request: &ClaimRequest<'_>) -> PortResult<Claimed> {
        let at = self.side(at);
        if self.is(Mutation::CheckThenSet) {
            return self.check_then_set(at, request).await;
        }
        let lease = if self.is(Mutation::NoLease) { FOR_EVER } else { request.lease };
        let claimed = self.host.claim(at, &ClaimRequest { lease, ..request.clone() }).await?;
        match claimed {
            Claimed::Granted(claim) if self.is(Mutation::DeferralsCount) => {
                let receives = self.seen().receives.get(&claim.id).copied().unwrap_or(1);
                Ok(Claimed::Granted(Claim { attempts: claim.attempts.max(receives), ..claim }))
            }
            Claimed::Refused(record) => {
                self.keep(at, &record);
                Ok(Claimed::Refused(record))
            }
            Claimed::Granted(_) => Ok(claimed),
        }
    }

    async fn renew(&self, at: Side, claim: &Claim, until: Timestamp) -> PortResult<bool> {
        if self.is(Mutation::NoLease) {
            return Ok(true);
        }
        self.host.renew(self.side(at), claim, until).await
    }

    async fn release(&self, at: Side, claim: &Claim, refund: bool) -> PortResult<()> {
        self.host.release(self.side(at), claim, refund).await
    }

    async fn complete(&self, at: Side, claim: &Claim, completion: &Completion) -> PortResult<Settled> {
        if self.is(Mutation::CompletionWithoutToken) {
            return self.host.complete_regardless(at, claim, completion).await;
        }
        self.host.complete(self.side(at), claim, completion).await
    }

    async fn park(&self, at: Side, claim: &Claim, reason: &str) -> PortResult<Settled> {
        self.host.park(self.side(at), claim, reason).await
    }

    async fn cancel(
        &self,
        at: Side,
        id: SaleId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> PortResult<Cancelled> {
        self.host.cancel(at, id, now, expires_at).await
    }

    async fn reopen(&self, at: Side, id: SaleId) -> PortResult<()> {
        IdempotencyTable::reopen(&self.host, at, id).await
    }

    async fn look_up(&self, at: Side, ids: &[SaleId]) -> PortResult<HashMap<SaleId, Record>> {
        if self.seen().deletes {
            let completion = Completion::Processed { sale: None, at: None, region: None };
            let record = |id: &SaleId| Record { id: *id, status: Status::Completed(completion.clone()) };
            return Ok(ids.iter().map(|id| (*id, record(id))).collect());
        }
        let mut found = self.host.look_up(self.side(at), ids).await?;
        found.values().for_each(|record| self.keep(at, record));
        let kept = &self.seen().at_peer;
        found.extend(ids.iter().filter_map(|id| Some((*id, kept.get(id)?.clone()))));
        Ok(found)
    }
}

#[async_trait]
impl SalesTable for Mutant {
    async fn insert(&self, sale: &Sale) -> PortResult<Inserted> {
        self.host.insert(sale).await
    }

    async fn get(&self, at: Side, id: SaleId) -> PortResult<Option<StoredSale>> {
        SalesTable::get(&self.host, at, id).await
    }

    async fn get_many(&self, ids: &[SaleId]) -> PortResult<Vec<StoredSale>> {
        self.host.get_many(ids).await
    }

    async fn mark_processed(&self, sale: &Sale, at: Timestamp, region: &Region) -> PortResult<Marked> {
        self.host.mark_processed(sale, at, region).await
    }

    async fn mark_parked(&self, sale: &Sale, at: Timestamp, reason: &str) -> PortResult<Marked> {
        self.host.mark_parked(sale, at, reason).await
    }

    async fn mark_deleted(&self, at: Side, sale: &Sale, when: Timestamp) -> PortResult<()> {
        self.host.mark_deleted(at, sale, when).await
    }

    async fn reopen(&self, id: SaleId) -> PortResult<()> {
        SalesTable::reopen(&self.host, id).await
    }

    async fn outbox(
        &self,
        shard: u8,
        accepted_before: Timestamp,
        limit: usize,
    ) -> PortResult<Vec<OutboxEntry>> {
        if self.is(Mutation::NoOutbox) {
            return Ok(Vec::new());
        }
        self.host.outbox(shard, accepted_before, limit).await
    }
}
