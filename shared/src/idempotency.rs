//! The idempotency record: who works on a sale, and whether its effects ran.

pub mod decide;

use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::region::Region;
use crate::sale::{Sale, SaleId};

/// A number that rises with every claim on a sale at one endpoint. `complete` must match it, so that a worker that
/// lost its claim cannot settle what another is working on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// The identity of one worker process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkerId(pub String);

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A record of the global idempotency table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The sale's id.
    pub id: SaleId,
    /// How it stands.
    pub status: Status,
}

/// How a record stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Claimed.
    InProgress(Lease),
    /// Its effects ran, or were called off. A record without a status, as the older service wrote it, is this.
    Completed(Completion),
    /// Given up: the sale is in the dead-letter queue.
    Parked {
        /// Why.
        reason: String,
    },
}

/// A claim as the table holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub worker: WorkerId,
    /// The region they run in.
    pub region: Region,
    /// The claim's number.
    pub token: Token,
    /// When it ends, by the holder's clock.
    pub until: Timestamp,
}

/// How a completed record came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The effects ran.
    Processed {
        /// The sale as it was processed; absent in records of the older service.
        sale: Option<Sale>,
        /// When; absent in records of the older service.
        at: Option<Timestamp>,
        /// Where; absent in records of the older service.
        region: Option<Region>,
    },
    /// The sale was deleted before its processing began.
    Cancelled {
        /// When.
        at: Timestamp,
    },
}

impl Record {
    /// The proof in it, if it is settled.
    pub fn proof(&self) -> Option<Proof> {
        match &self.status {
            Status::InProgress(_) => None,
            Status::Completed(_) => Some(Proof(ProofKind::Completed)),
            Status::Parked { .. } => Some(Proof(ProofKind::Parked)),
        }
    }
}

/// Evidence that a sale is settled: without one, no message is deleted. It comes from a record that was read
/// ([`Record::proof`]) or from one that was written ([`Proof::completed`], [`Proof::parked`]), and from nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof(ProofKind);

/// What kind of record a proof is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofKind {
    /// COMPLETED.
    Completed,
    /// PARKED.
    Parked,
}

impl Proof {
    /// For the port that has just written COMPLETED.
    pub fn completed() -> Self {
        Self(ProofKind::Completed)
    }

    /// For the port that has just written PARKED.
    pub fn parked() -> Self {
        Self(ProofKind::Parked)
    }

    /// What kind of record it is.
    pub fn kind(self) -> ProofKind {
        self.0
    }
}

/// A claim that was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The sale's id.
    pub id: SaleId,
    /// Who holds it: this process.
    pub worker: WorkerId,
    /// Its number.
    pub token: Token,
    /// How many claims on the sale were granted, this one included and those given back left out.
    pub attempts: u32,
    /// The sale as it was first claimed at this endpoint: what every run processes. A sale with an idempotency key that two
    /// regions accepted at once differs between them in when and by whom, and its effects must not.
    pub sale: Sale,
}

/// What a claim is made with.
#[derive(Clone, Debug)]
pub struct ClaimRequest<'a> {
    /// The sale to be processed. The record keeps it, so that the proof says what was processed.
    pub sale: &'a Sale,
    /// The process that claims.
    pub worker: &'a WorkerId,
    /// The region it runs in.
    pub region: &'a Region,
    /// Unique to this request, so that a retry whose first answer was lost knows its own claim.
    pub nonce: u64,
    /// Now, by this host's clock: leases that ended before are free.
    pub now: Timestamp,
    /// How long the claim is held.
    pub lease: Duration,
    /// When the record may be forgotten.
    pub expires_at: Timestamp,
}
