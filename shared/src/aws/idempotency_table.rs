//! The idempotency table in DynamoDB. Each transition is one conditional `UpdateItem` that brings the old item back when
//! its condition fails.
//!
//! | attribute | type | |
//! |---|---|---|
//! | `id` | S | the sale's id. A record of nothing else is COMPLETED: the older service wrote those |
//! | `status` | S | `IN_PROGRESS`, `COMPLETED` or `PARKED` |
//! | `worker`, `region` | S | who holds or held the claim, and where |
//! | `token`, `attempts` | N | |
//! | `claim` | S | the nonce of the claim, by which a retry knows its own |
//! | `lease_until` | N | milliseconds since the epoch |
//! | `product`, `amount`, `created_at`, `owner_region` | | the sale as claimed |
//! | `outcome`, `settled_at`, `reason` | S | `PROCESSED` or `CANCELLED`; when; why it was parked |
//! | `expires_at` | N | seconds since the epoch: the table's TTL attribute |

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::error::{malformed, port_error};
use super::item::{self, Item, n, s};
use super::sales_table::batch_get;
use crate::clock::Timestamp;
use crate::idempotency::{Claim, ClaimRequest, Completion, Lease, Proof, Record, Status, Token, WorkerId};
use crate::ports::{Cancelled, Claimed, IdempotencyTable, PortResult, Settled};
use crate::region::{Region, Side};
use crate::sale::SaleId;

const IN_PROGRESS: &str = "IN_PROGRESS";
const COMPLETED: &str = "COMPLETED";
const PARKED: &str = "PARKED";
const PROCESSED: &str = "PROCESSED";
const CANCELLED: &str = "CANCELLED";

/// Free to be claimed, or to be called off: nothing there, or a lease that ended.
pub(super) const FREE: &str = "attribute_not_exists(id) OR (#status = :in_progress AND lease_until <= :now)";
/// Still held by this claim.
pub(super) const HELD: &str = "#status = :in_progress AND #worker = :worker AND #token = :token";
/// Takes a record; the sale stays as it was first claimed.
pub(super) const CLAIM: &str = "SET #status = :in_progress, #worker = :worker, #region = :region, lease_until = :until, \
     claim = :claim, expires_at = :expires_at, product = if_not_exists(product, :product), \
     amount = if_not_exists(amount, :amount), created_at = if_not_exists(created_at, :created_at), \
     owner_region = if_not_exists(owner_region, :owner) ADD #token :one, attempts :one";
/// Settles a record.
pub(super) const COMPLETE: &str =
    "SET #status = :completed, outcome = :outcome, settled_at = :at REMOVE lease_until";

pub(super) struct DynamoIdempotencyTable {
    local: Client,
    peer: Client,
    table: String,
    default_owner: Region,
    strong: bool,
}

/// What became of a conditional update.
enum Outcome {
    /// The condition held; this is what was asked for of the item.
    Held(Item),
    /// It did not; this stands there.
    Failed(Option<Item>),
}

impl DynamoIdempotencyTable {
    pub(super) fn new(
        local: Client,
        peer: Client,
        table: String,
        default_owner: Region,
        strong: bool,
    ) -> Self {
        Self { local, peer, table, default_owner, strong }
    }

    fn client(&self, side: Side) -> &Client {
        match side {
            Side::Local => &self.local,
            Side::Peer => &self.peer,
        }
    }

    fn update(&self, at: Side, id: SaleId, condition: &str, expression: &str) -> UpdateItemFluentBuilder {
        self.client(at)
            .update_item()
            .table_name(&self.table)
            .key("id", s(id))
            .condition_expression(condition)
            .update_expression(expression)
            .expression_attribute_names("#status", "status")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    fn update_held(&self, at: Side, claim: &Claim, expression: &str) -> UpdateItemFluentBuilder {
        self.update(at, claim.id, HELD, expression)
            .expression_attribute_names("#worker", "worker")
            .expression_attribute_names("#token", "token")
            .expression_attribute_values(":in_progress", s(IN_PROGRESS))
            .expression_attribute_values(":worker", s(&claim.worker))
            .expression_attribute_values(":token", n(claim.token.0))
    }

    /// Sends a write that settles the record, which an earlier try of the same may have done already.
    async fn settle(
        &self,
        operation: &'static str,
        update: UpdateItemFluentBuilder,
        claim: &Claim,
        status: &str,
        proof: Proof,
    ) -> PortResult<Settled> {
        match send(operation, update).await? {
            Outcome::Held(_) => Ok(Settled::Done(proof)),
            Outcome::Failed(Some(old))
                if held_by(&old, claim) && item::text(&old, "status") == Some(status) =>
            {
                Ok(Settled::Done(proof))
            }
            Outcome::Failed(Some(old)) => Ok(Settled::Lost(Some(self.record(operation, &old)?))),
            Outcome::Failed(None) => Ok(Settled::Lost(None)),
        }
    }

    fn record(&self, operation: &'static str, item: &Item) -> PortResult<Record> {
        self.read(item).ok_or_else(|| malformed(operation, "a record that cannot be read"))
    }

    fn read(&self, item: &Item) -> Option<Record> {
        let id = SaleId::parse(item::text(item, "id")?).ok()?;
        let region = || item::text(item, "region").and_then(|name| Region::parse(name).ok());
        let settled_at = item::text(item, "settled_at").and_then(|at| Timestamp::parse(at).ok());
        let processed = || Completion::Processed {
            sale: item::sale(item, &self.default_owner),
            at: settled_at,
            region: region(),
        };
        let status = match item::text(item, "status") {
            None => Status::Completed(processed()),
            Some(COMPLETED) => Status::Completed(match item::text(item, "outcome") {
                Some(CANCELLED) => Completion::Cancelled { at: settled_at? },
                Some(_) | None => processed(),
            }),
            Some(PARKED) => {
                Status::Parked { reason: item::text(item, "reason").unwrap_or_default().to_owned() }
            }
            Some(IN_PROGRESS) => Status::InProgress(Lease {
                worker: WorkerId(item::text(item, "worker")?.to_owned()),
                region: region()?,
                token: Token(item::integer(item, "token")?),
                until: Timestamp::from_millis(item::integer(item, "lease_until")?),
            }),
            Some(_) => return None,
        };
        Some(Record { id, status })
    }
}

fn held_by(item: &Item, claim: &Claim) -> bool {
    item::text(item, "worker") == Some(claim.worker.0.as_str())
        && item::integer(item, "token") == Some(claim.token.0)
}

async fn send(operation: &'static str, update: UpdateItemFluentBuilder) -> PortResult<Outcome> {
    match update.send().await {
        Ok(answer) => Ok(Outcome::Held(answer.attributes.unwrap_or_default())),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Outcome::Failed(failed.item().cloned()))
            }
            Some(_) | None => Err(port_error(operation)(error)),
        },
    }
}

#[async_trait]
impl IdempotencyTable for DynamoIdempotencyTable {
    async fn claim(&self, at: Side, request: &ClaimRequest<'_>) -> PortResult<Claimed> {
        const OPERATION: &str = "UpdateItem idempotency (claim)";
        let nonce = format!("{:016x}", request.nonce);
        let sale = request.sale;
        let update = self
            .update(at, sale.id, FREE, CLAIM)
            .expression_attribute_names("#worker", "worker")
            .expression_attribute_names("#region", "region")
            .expression_attribute_names("#token", "token")
            .expression_attribute_values(":in_progress", s(IN_PROGRESS))
            .expression_attribute_values(":worker", s(request.worker))
            .expression_attribute_values(":region", s(request.region))
            .expression_attribute_values(":now", n(request.now.millis()))
            .expression_attribute_values(":until", n((request.now + request.lease).millis()))
            .expression_attribute_values(":claim", s(&nonce))
            .expression_attribute_values(":expires_at", n(request.expires_at.seconds()))
            .expression_attribute_values(":product", s(sale.product.as_str()))
            .expression_attribute_values(":amount", n(sale.amount))
            .expression_attribute_values(":created_at", s(sale.created_at))
            .expression_attribute_values(":owner", s(&sale.owner_region))
            .expression_attribute_values(":one", n(1))
            .return_values(if sale.id.is_keyed() { ReturnValue::AllNew } else { ReturnValue::UpdatedNew });
        let is_ours = |old: &Item| {
            item::text(old, "claim") == Some(nonce.as_str()) && item::text(old, "status") == Some(IN_PROGRESS)
        };
        let item = match send(OPERATION, update).await? {
            Outcome::Held(item) => item,
            Outcome::Failed(Some(old)) if is_ours(&old) => old,
            Outcome::Failed(Some(old)) => return Ok(Claimed::Refused(self.record(OPERATION, &old)?)),
            Outcome::Failed(None) => return Err(malformed(OPERATION, "a failed condition without the item")),
        };
        // Only a sale with a key can have been claimed as another region accepted it.
        let first_claimed =
            if sale.id.is_keyed() { item::sale(&item, &self.default_owner) } else { Some(sale.clone()) };
        match (item::integer(&item, "token"), item::integer(&item, "attempts"), first_claimed) {
            (Some(token), Some(attempts), Some(sale)) => Ok(Claimed::Granted(Claim {
                id: sale.id,
                worker: request.worker.clone(),
                token: Token(token),
                attempts,
                sale,
            })),
            _ => Err(malformed(OPERATION, "a claim without token, attempts or sale")),
        }
    }

    async fn renew(&self, at: Side, claim: &Claim, until: Timestamp) -> PortResult<bool> {
        let update = self
            .update_held(at, claim, "SET lease_until = :until")
            .expression_attribute_values(":until", n(until.millis()));
        Ok(matches!(send("UpdateItem idempotency (renew)", update).await?, Outcome::Held(_)))
    }

    async fn release(&self, at: Side, claim: &Claim, refund: bool) -> PortResult<()> {
        // The end of the lease is part of the condition's meaning: a released claim must not be released again.
        let update = self
            .update_held(at, claim, "SET lease_until = :free, #worker = :nobody ADD attempts :change")
            .expression_attribute_values(":free", n(0))
            .expression_attribute_values(":nobody", s("-"))
            .expression_attribute_values(":change", n(if refund { -1 } else { 0 }));
        send("UpdateItem idempotency (release)", update).await.map(drop)
    }

    async fn complete(&self, at: Side, claim: &Claim, completion: &Completion) -> PortResult<Settled> {
        let (outcome, settled_at) = match completion {
            Completion::Processed { at, .. } => (PROCESSED, *at),
            Completion::Cancelled { at } => (CANCELLED, Some(*at)),
        };
        let update = self
            .update_held(at, claim, COMPLETE)
            .expression_attribute_values(":completed", s(COMPLETED))
            .expression_attribute_values(":outcome", s(outcome))
            .expression_attribute_values(":at", s(settled_at.unwrap_or_default()));
        self.settle("UpdateItem idempotency (complete)", update, claim, COMPLETED, Proof::completed()).await
    }

    async fn park(&self, at: Side, claim: &Claim, reason: &str) -> PortResult<Settled> {
        let update = self
            .update_held(at, claim, "SET #status = :parked, reason = :reason REMOVE lease_until")
            .expression_attribute_values(":parked", s(PARKED))
            .expression_attribute_values(":reason", s(reason));
        self.settle("UpdateItem idempotency (park)", update, claim, PARKED, Proof::parked()).await
    }

    async fn cancel(
        &self,
        at: Side,
        id: SaleId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> PortResult<Cancelled> {
        const OPERATION: &str = "UpdateItem idempotency (cancel)";
        const EXPRESSION: &str = "SET #status = :completed, outcome = :outcome, settled_at = :at, expires_at = :expires_at REMOVE lease_until";
        let update = self
            .update(at, id, FREE, EXPRESSION)
            .expression_attribute_values(":in_progress", s(IN_PROGRESS))
            .expression_attribute_values(":now", n(now.millis()))
            .expression_attribute_values(":completed", s(COMPLETED))
            .expression_attribute_values(":outcome", s(CANCELLED))
            .expression_attribute_values(":at", s(now))
            .expression_attribute_values(":expires_at", n(expires_at.seconds()));
        match send(OPERATION, update).await? {
            Outcome::Held(_) => Ok(Cancelled::Done),
            Outcome::Failed(Some(old)) => Ok(match self.record(OPERATION, &old)?.status {
                Status::InProgress(lease) => Cancelled::Begun(lease.region),
                Status::Completed(_) | Status::Parked { .. } => Cancelled::Settled,
            }),
            Outcome::Failed(None) => Err(malformed(OPERATION, "a failed condition without the item")),
        }
    }

    async fn reopen(&self, at: Side, id: SaleId) -> PortResult<()> {
        let update = self
            .update(
                at,
                id,
                "#status = :parked",
                "SET #status = :in_progress, lease_until = :free, attempts = :free REMOVE reason",
            )
            .expression_attribute_values(":parked", s(PARKED))
            .expression_attribute_values(":in_progress", s(IN_PROGRESS))
            .expression_attribute_values(":free", n(0));
        send("UpdateItem idempotency (reopen)", update).await.map(drop)
    }

    async fn look_up(&self, at: Side, ids: &[SaleId]) -> PortResult<HashMap<SaleId, Record>> {
        const OPERATION: &str = "BatchGetItem idempotency";
        let keys = ids.iter().map(|id| Item::from([("id".to_owned(), s(id))])).collect();
        let consistent = self.strong || at == Side::Peer;
        let items = batch_get(self.client(at), OPERATION, &self.table, keys, consistent).await?;
        items.iter().map(|item| self.record(OPERATION, item).map(|record| (record.id, record))).collect()
    }
}
