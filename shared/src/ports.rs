//! The seam: what the protocol asks of the outside, in our own types only.
//!
//! Every implementation, the AWS adapters and the in-memory ones alike, passes one contract suite. A call ends:
//! implementations carry their own time-outs and bounded retries, and an error says that those are used up.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::clock::Timestamp;
use crate::idempotency::{Claim, ClaimRequest, Completion, Proof, Record};
use crate::region::{Declared, Region, Side};
use crate::sale::{Sale, SaleId, StoredSale};

/// Most messages in one receive and most entries in one batch: a limit of SQS.
pub const QUEUE_BATCH_MAX: usize = 10;
/// Most ids in one look-up: a limit of `BatchGetItem`.
pub const LOOKUP_MAX: usize = 100;
/// Number of shards of the outbox, so that its index has no hot key.
pub const OUTBOX_SHARDS: u8 = 8;

/// A call that brought no result, after its retries.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation}: {kind}: {detail}")]
pub struct PortError {
    /// The operation's name.
    pub operation: &'static str,
    /// What kind of failure it is.
    pub kind: PortErrorKind,
    /// For logs. Holds no body, token or amount.
    pub detail: String,
}

/// Kinds of failure. Whether the call took effect is unknown for the first two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortErrorKind {
    /// No answer: no connection, a time-out.
    NoAnswer,
    /// The other side has a fault of its own (HTTP 5xx).
    Unavailable,
    /// Too many requests.
    Throttled,
    /// The request was refused: denied, no such thing, malformed. A retry alone will not help.
    Refused,
}

impl std::fmt::Display for PortErrorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            PortErrorKind::NoAnswer => "no answer",
            PortErrorKind::Unavailable => "unavailable",
            PortErrorKind::Throttled => "throttled",
            PortErrorKind::Refused => "refused",
        })
    }
}

impl PortErrorKind {
    /// Whether this counts as silence of the endpoint: it is gone, or answers with faults of its own alone.
    pub fn is_silence(self) -> bool {
        match self {
            PortErrorKind::NoAnswer | PortErrorKind::Unavailable => true,
            PortErrorKind::Throttled | PortErrorKind::Refused => false,
        }
    }
}

/// What a port answers.
pub type PortResult<T> = Result<T, PortError>;

/// What became of an insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The row is new.
    New,
    /// There was a row with this id; it is unchanged.
    Existed(StoredSale),
}

/// What became of a mark on a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// The row says so now.
    Done,
    /// The row is a tombstone and was left alone.
    Tombstone,
}

/// One entry of the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxEntry {
    /// The sale's id.
    pub id: SaleId,
    /// When it was accepted.
    pub created_at: Timestamp,
}

/// The sales table, which is its own outbox.
#[async_trait]
pub trait SalesTable: Send + Sync {
    /// Writes a new row with its place in the outbox, unless there is one with the same id. Writing the same sale
    /// twice (a retry whose first answer was lost) is [`Inserted::New`].
    async fn insert(&self, sale: &Sale) -> PortResult<Inserted>;

    /// Reads a row, consistently within the side's replica.
    async fn get(&self, at: Side, id: SaleId) -> PortResult<Option<StoredSale>>;

    /// Reads up to [`LOOKUP_MAX`] rows of the local replica, consistently. Missing rows are left out.
    async fn get_many(&self, ids: &[SaleId]) -> PortResult<Vec<StoredSale>>;

    /// Says that the sale's effects ran, and takes it out of the outbox. The row is written whole: it may not have
    /// been replicated yet. Any number of times is as good as once.
    async fn mark_processed(&self, sale: &Sale, at: Timestamp, region: &Region) -> PortResult<Marked>;

    /// Says that the sale was parked, and takes it out of the outbox.
    async fn mark_parked(&self, sale: &Sale, at: Timestamp, reason: &str) -> PortResult<Marked>;

    /// Makes the row a tombstone, and takes it out of the outbox. The row is written whole: it may not have been
    /// replicated to that side yet, and a worker there must find the tombstone all the same.
    async fn mark_deleted(&self, at: Side, sale: &Sale, when: Timestamp) -> PortResult<()>;

    /// Undoes [`SalesTable::mark_parked`]: back into the outbox.
    async fn reopen(&self, id: SaleId) -> PortResult<()>;

    /// Up to `limit` entries of a shard (below [`OUTBOX_SHARDS`]) accepted before `accepted_before`, oldest first.
    /// The index lags behind the rows.
    async fn outbox(
        &self,
        shard: u8,
        accepted_before: Timestamp,
        limit: usize,
    ) -> PortResult<Vec<OutboxEntry>>;
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is ours.
    Granted(Claim),
    /// This record stands in the way.
    Refused(Record),
}

/// What became of a write that needs the claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Written, now or by an earlier try of the same.
    Done(Proof),
    /// The claim is lost: this is what stands there now, if anything does.
    Lost(Option<Record>),
}

/// What became of a cancellation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// No processing will begin.
    Done,
    /// Somebody is processing it, in this region.
    Begun(Region),
    /// It was settled before.
    Settled,
}

/// The idempotency table. Each write is one conditional write at one endpoint, never read-then-write.
#[async_trait]
pub trait IdempotencyTable: Send + Sync {
    /// Takes the record if there is none or its lease ended: IN_PROGRESS, token and attempts one higher.
    async fn claim(&self, at: Side, request: &ClaimRequest<'_>) -> PortResult<Claimed>;

    /// Sets the lease's end anew. `false`: the claim is lost.
    async fn renew(&self, at: Side, claim: &Claim, until: Timestamp) -> PortResult<bool>;

    /// Gives the claim up, so that the next one need not wait for the lease to end. With `refund`, the claim does not
    /// count as an attempt. A lost claim is left alone.
    async fn release(&self, at: Side, claim: &Claim, refund: bool) -> PortResult<()>;

    /// COMPLETED, if worker and token match.
    async fn complete(&self, at: Side, claim: &Claim, completion: &Completion) -> PortResult<Settled>;

    /// PARKED, if worker and token match.
    async fn park(&self, at: Side, claim: &Claim, reason: &str) -> PortResult<Settled>;

    /// COMPLETED as cancelled, if nobody has begun.
    async fn cancel(
        &self,
        at: Side,
        id: SaleId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> PortResult<Cancelled>;

    /// Undoes [`IdempotencyTable::park`]: free to be claimed, no attempts. Another status is left alone.
    async fn reopen(&self, at: Side, id: SaleId) -> PortResult<()>;

    /// Reads up to [`LOOKUP_MAX`] records in one call. The local replica may be read a moment behind its writes, the
    /// peer's is read consistently.
    async fn look_up(&self, at: Side, ids: &[SaleId]) -> PortResult<HashMap<SaleId, Record>>;
}

/// What names one receipt of a message to its queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);

/// One receipt of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The message's id.
    pub message_id: String,
    /// The handle that deletes or releases it.
    pub receipt: Receipt,
    /// The body.
    pub body: String,
    /// How often it was received, this time included.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// A message to be put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// Which.
    pub receipt: Receipt,
    /// After how long it shows again: whole seconds, at most 12 h, counted up from anything finer.
    pub after: Duration,
}

/// The regional queue and its dead-letter queue.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Waits up to `wait` for up to `max` (at most [`QUEUE_BATCH_MAX`]) messages.
    async fn receive(&self, max: usize, wait: Duration) -> PortResult<Vec<Delivery>>;

    /// Deletes up to [`QUEUE_BATCH_MAX`] messages; gives back those that are still there.
    async fn delete(&self, receipts: &[Receipt]) -> PortResult<Vec<Receipt>>;

    /// Sets how long up to [`QUEUE_BATCH_MAX`] messages stay hidden. One whose receipt is no longer good is passed over.
    async fn change_visibility(&self, puts: &[Put]) -> PortResult<()>;

    /// Sends a body to the dead-letter queue with the reason as a message attribute. When this returns, it is there.
    async fn dead_letter(&self, body: &str, reason: &str) -> PortResult<()>;
}

/// What became of an archive object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archived {
    /// It is new.
    Written,
    /// There was one.
    Existed,
}

/// The bucket of this region.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Writes an object unless there is one.
    async fn put(&self, key: &str, body: Bytes) -> PortResult<Archived>;

    /// Reads an object.
    async fn get(&self, key: &str) -> PortResult<Option<Bytes>>;

    /// Writes an object over whatever is there. Only repair does that.
    async fn replace(&self, key: &str, body: Bytes) -> PortResult<()>;
}

/// The regional topic, which fans out to the queues of both regions.
#[async_trait]
pub trait Topic: Send + Sync {
    /// Publishes one message.
    async fn publish(&self, body: &str) -> PortResult<()>;
}

/// The regional parameter that holds the state.
#[async_trait]
pub trait StateParameter: Send + Sync {
    /// What it says, with its version (0 where there is no parameter). Its absence and a misspelt value are answers,
    /// not errors.
    async fn read(&self) -> PortResult<(Declared, u64)>;
}
