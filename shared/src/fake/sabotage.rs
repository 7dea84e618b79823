//! Writes that break the protocol, for designs and mutations that have to be shown to fail. Nothing else uses them.

use super::host::Host;
use super::idempotency_table::{RecordRow, Settlement};
use super::ledger::Fact;
use super::weather::Service;
use crate::idempotency::{Claim, ClaimRequest, Completion, Proof, ProofKind};
use crate::ports::{Claimed, PortResult, Settled};
use crate::region::Side;
use crate::sale::SaleId;

impl Host {
    /// A claim without its condition: the second half of a check followed by a set.
    ///
    /// # Errors
    /// As a claim.
    pub async fn seize(&self, side: Side, request: &ClaimRequest<'_>) -> PortResult<Claimed> {
        let at = self.site().on(side);
        self.call("idempotency.seize", Service::Tables, side, |state| {
            let old = state.records.get(at, &request.sale.id).cloned();
            self.grant(state, at, request, old.as_ref())
        })
        .await
    }

    /// A completion without its condition on the claim's token.
    ///
    /// # Errors
    /// As a completion.
    pub async fn complete_regardless(
        &self,
        side: Side,
        claim: &Claim,
        completion: &Completion,
    ) -> PortResult<Settled> {
        let at = self.site().on(side);
        self.note(Fact::SettleAsked { at, id: claim.id, token: claim.token });
        let settled = self
            .call("idempotency.complete_regardless", Service::Tables, side, |state| {
                let Some(row) = state.records.get(at, &claim.id).cloned() else {
                    return Settled::Lost(None);
                };
                let row = row.settled_as(Settlement::Completed(completion.clone()));
                self.write_record(state, at, claim.id, row);
                let kind = ProofKind::Completed;
                state.note(
                    Some(self.id()),
                    Fact::Settled { at, id: claim.id, token: Some(claim.token), kind },
                );
                Settled::Done(Proof::completed())
            })
            .await?;
        self.world().lock().hosts[self.id().0].proofs.insert(claim.id);
        Ok(settled)
    }

    /// A completed record out of nothing, as the older service wrote it: without a claim before it.
    ///
    /// # Errors
    /// As a completion.
    pub async fn put_completed(&self, id: SaleId) -> PortResult<()> {
        let at = self.site();
        self.call("idempotency.put_completed", Service::Tables, Side::Local, |state| {
            self.write_record(state, at, id, RecordRow::of_the_older_service());
            state.note(Some(self.id()), Fact::Settled { at, id, token: None, kind: ProofKind::Completed });
        })
        .await?;
        self.world().lock().hosts[self.id().0].proofs.insert(id);
        Ok(())
    }
}
