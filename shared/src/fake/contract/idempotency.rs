//! The idempotency table's part of the contract.

use std::time::Duration;

use super::{Subject, eventually};
use crate::clock::Timestamp;
use crate::idempotency::{Claim, ClaimRequest, Completion, Proof, Record, Status, WorkerId};
use crate::ports::{Cancelled, Claimed, Settled};
use crate::region::Side;
use crate::sale::Sale;

const LEASE: Duration = Duration::from_secs(60);
/// Records of the suite may be forgotten after a day.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn all(subject: &Subject) {
    for side in [Side::Local, Side::Peer] {
        let of = Claims { subject, side };
        of.a_claim_excludes_others_until_its_lease_ends().await;
        of.a_retried_request_knows_its_own_claim().await;
        of.every_run_processes_the_sale_as_it_was_first_claimed().await;
        of.only_the_holder_settles_and_once_is_enough().await;
        of.a_claim_given_up_is_free_at_once_and_a_refunded_one_was_no_attempt().await;
        of.a_lease_is_renewed_by_its_holder_alone().await;
        of.a_parked_record_is_a_proof_until_it_is_reopened().await;
        of.a_cancellation_wins_only_where_nobody_holds_the_claim().await;
        of.records_are_read_in_one_call().await;
    }
    a_record_reaches_the_peer(subject).await;
}

struct Claims<'a> {
    subject: &'a Subject,
    side: Side,
}

impl Claims<'_> {
    async fn ask(&self, sale: &Sale, worker: &str, nonce: u64, now: Timestamp) -> Claimed {
        let worker = WorkerId(worker.to_owned());
        let request = ClaimRequest {
            sale,
            worker: &worker,
            region: self.subject.sites.local(),
            nonce,
            now,
            lease: LEASE,
            expires_at: now + KEPT,
        };
        self.subject.idempotency.claim(self.side, &request).await.unwrap()
    }

    async fn granted(&self, sale: &Sale, worker: &str, nonce: u64, now: Timestamp) -> Claim {
        match self.ask(sale, worker, nonce, now).await {
            Claimed::Granted(claim) => claim,
            Claimed::Refused(record) => panic!("refused by {record:?}"),
        }
    }

    async fn refused(&self, sale: &Sale, worker: &str, nonce: u64, now: Timestamp) -> Record {
        match self.ask(sale, worker, nonce, now).await {
            Claimed::Refused(record) => record,
            Claimed::Granted(claim) => panic!("granted: {claim:?}"),
        }
    }

    fn done(&self, sale: &Sale) -> Completion {
        Completion::Processed {
            sale: Some(sale.clone()),
            at: Some(sale.created_at),
            region: Some(self.subject.sites.local().clone()),
        }
    }

    async fn complete(&self, claim: &Claim, sale: &Sale) -> Settled {
        self.subject.idempotency.complete(self.side, claim, &self.done(sale)).await.unwrap()
    }

    async fn release(&self, claim: &Claim, refund: bool) {
        self.subject.idempotency.release(self.side, claim, refund).await.unwrap();
    }

    async fn a_claim_excludes_others_until_its_lease_ends(&self) {
        let sale = self.subject.sale();
        let now = sale.created_at;
        let first = self.granted(&sale, "a", 1, now).await;
        assert_eq!((first.id, first.attempts, first.worker.0.as_str()), (sale.id, 1, "a"));
        let Status::InProgress(lease) =
            self.refused(&sale, "b", 2, now + LEASE - Duration::from_secs(1)).await.status
        else {
            panic!("not in progress");
        };
        assert_eq!((lease.worker.0.as_str(), lease.token, lease.until), ("a", first.token, now + LEASE));
        assert_eq!(lease.region, *self.subject.sites.local());
        self.refused(&sale, "a", 3, now).await;
        let second = self.granted(&sale, "b", 4, now + LEASE).await;
        assert!(second.token > first.token);
        assert_eq!(second.attempts, 2);
    }

    async fn a_retried_request_knows_its_own_claim(&self) {
        let sale = self.subject.sale();
        let first = self.granted(&sale, "a", 7, sale.created_at).await;
        assert_eq!(self.granted(&sale, "a", 7, sale.created_at).await, first);
        self.refused(&sale, "a", 8, sale.created_at).await;
    }

    async fn every_run_processes_the_sale_as_it_was_first_claimed(&self) {
        let sale = self.subject.keyed_sale();
        let now = sale.created_at;
        let twin =
            Sale { created_at: now + LEASE, owner_region: self.subject.sites.peer().clone(), ..sale.clone() };
        let first = self.granted(&sale, "a", 1, now).await;
        assert_eq!(first.sale, sale);
        let second = self.granted(&twin, "b", 2, now + LEASE).await;
        assert_eq!(second.sale, sale);
        self.release(&second, true).await;
        assert_eq!(self.granted(&twin, "b", 3, now + LEASE).await.sale, sale);
    }

    async fn only_the_holder_settles_and_once_is_enough(&self) {
        let sale = self.subject.sale();
        let now = sale.created_at;
        let first = self.granted(&sale, "a", 1, now).await;
        let second = self.granted(&sale, "b", 2, now + LEASE).await;
        let Settled::Lost(Some(record)) = self.complete(&first, &sale).await else {
            panic!("an old claim settled")
        };
        assert!(record.proof().is_none());
        assert_eq!(self.complete(&second, &sale).await, Settled::Done(Proof::completed()));
        assert_eq!(self.complete(&second, &sale).await, Settled::Done(Proof::completed()), "a retry");
        let Settled::Lost(Some(record)) = self.complete(&first, &sale).await else {
            panic!("an old claim settled")
        };
        assert_eq!(record.status, Status::Completed(self.done(&sale)));
        let record = self.refused(&sale, "c", 3, now + LEASE * 5).await;
        assert_eq!(record.status, Status::Completed(self.done(&sale)), "the proof says what was processed");
        let unknown = Claim { id: self.subject.sale().id, ..second };
        assert_eq!(self.complete(&unknown, &sale).await, Settled::Lost(None));
    }

    async fn a_claim_given_up_is_free_at_once_and_a_refunded_one_was_no_attempt(&self) {
        let sale = self.subject.sale();
        let now = sale.created_at;
        let first = self.granted(&sale, "a", 1, now).await;
        self.release(&first, true).await;
        self.release(&first, true).await;
        let second = self.granted(&sale, "b", 2, now).await;
        assert_eq!(second.attempts, 1, "refunded, once");
        assert!(second.token > first.token);
        self.release(&first, true).await;
        self.refused(&sale, "c", 3, now).await;
        self.release(&second, false).await;
        assert_eq!(self.granted(&sale, "c", 3, now).await.attempts, 2);
        assert!(
            matches!(self.complete(&second, &sale).await, Settled::Lost(Some(_))),
            "given up is given up"
        );
    }

    async fn a_lease_is_renewed_by_its_holder_alone(&self) {
        let sale = self.subject.sale();
        let now = sale.created_at;
        let (idempotency, side) = (&self.subject.idempotency, self.side);
        let first = self.granted(&sale, "a", 1, now).await;
        assert!(idempotency.renew(side, &first, now + LEASE * 2).await.unwrap());
        self.refused(&sale, "b", 2, now + LEASE).await;
        let second = self.granted(&sale, "b", 2, now + LEASE * 2).await;
        assert!(!idempotency.renew(side, &first, now + LEASE * 4).await.unwrap());
        self.complete(&second, &sale).await;
        assert!(!idempotency.renew(side, &second, now + LEASE * 4).await.unwrap(), "settled is settled");
    }

    async fn a_parked_record_is_a_proof_until_it_is_reopened(&self) {
        let sale = self.subject.sale();
        let now = sale.created_at;
        let (idempotency, side) = (&self.subject.idempotency, self.side);
        let claim = self.granted(&sale, "a", 1, now).await;
        for _ in 0..2 {
            assert_eq!(
                idempotency.park(side, &claim, "because").await.unwrap(),
                Settled::Done(Proof::parked())
            );
        }
        let record = self.refused(&sale, "b", 2, now + LEASE * 2).await;
        assert_eq!(record.status, Status::Parked { reason: "because".to_owned() });
        idempotency.reopen(side, sale.id).await.unwrap();
        let again = self.granted(&sale, "b", 3, now).await;
        assert_eq!(again.attempts, 1, "it begins anew");
        assert!(again.token > claim.token);
        self.complete(&again, &sale).await;
        idempotency.reopen(side, sale.id).await.unwrap();
        assert!(
            self.refused(&sale, "c", 4, now + LEASE * 9).await.proof().is_some(),
            "only what is parked reopens"
        );
    }

    async fn a_cancellation_wins_only_where_nobody_holds_the_claim(&self) {
        let (early, begun) = (self.subject.sale(), self.subject.sale());
        let now = early.created_at;
        let (idempotency, side) = (&self.subject.idempotency, self.side);
        let cancel = async |sale: &Sale| idempotency.cancel(side, sale.id, now, now + KEPT).await.unwrap();
        assert_eq!(cancel(&early).await, Cancelled::Done);
        assert_eq!(cancel(&early).await, Cancelled::Settled);
        let record = self.refused(&early, "a", 1, now + LEASE).await;
        assert_eq!(record.status, Status::Completed(Completion::Cancelled { at: now }));
        let claim = self.granted(&begun, "a", 1, now).await;
        assert_eq!(cancel(&begun).await, Cancelled::Begun(self.subject.sites.local().clone()));
        self.complete(&claim, &begun).await;
        assert_eq!(cancel(&begun).await, Cancelled::Settled);
        let given_up = self.subject.sale();
        let claim = self.granted(&given_up, "a", 1, now).await;
        self.release(&claim, true).await;
        assert_eq!(cancel(&given_up).await, Cancelled::Done);
        assert!(matches!(self.complete(&claim, &given_up).await, Settled::Lost(Some(_))));
    }

    async fn records_are_read_in_one_call(&self) {
        let (one, missing, two) = (self.subject.sale(), self.subject.sale(), self.subject.sale());
        let claim = self.granted(&one, "a", 1, one.created_at).await;
        self.granted(&two, "a", 2, two.created_at).await;
        self.complete(&claim, &one).await;
        let ids = [one.id, missing.id, two.id];
        eventually("the reads see the writes", async || {
            let found = self.subject.idempotency.look_up(self.side, &ids).await.unwrap();
            assert!(!found.contains_key(&missing.id));
            let settled = found.get(&one.id).is_some_and(|record| record.proof().is_some());
            settled && found.get(&two.id).is_some_and(|record| record.proof().is_none())
        })
        .await;
    }
}

async fn a_record_reaches_the_peer(subject: &Subject) {
    let sale = subject.sale();
    let here = Claims { subject, side: Side::Local };
    let claim = here.granted(&sale, "a", 1, sale.created_at).await;
    here.complete(&claim, &sale).await;
    eventually("the proof is at the peer", async || {
        let found = subject.idempotency.look_up(Side::Peer, &[sale.id]).await.unwrap();
        found.get(&sale.id).is_some_and(|record| record.status == Status::Completed(here.done(&sale)))
    })
    .await;
}
