//! The sales table in DynamoDB. A row is the sale, how far it came, and its place in the outbox:
//!
//! | attribute | type | |
//! |---|---|---|
//! | `id`, `product`, `created_at`, `owner_region` | S | the sale; `timestamp` (N, seconds) beside them for the older service |
//! | `amount` | N | |
//! | `outbox` | S | the shard, only while the sale is not processed: key of `outbox-index` |
//! | `processed`, `sale_processed` | BOOL | the second for the older service |
//! | `processed_at`, `processed_region` | S | |
//! | `parked_at`, `parked_reason`, `deleted_at` | S | |

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure};

use super::error::{malformed, port_error};
use super::item::{self, Item, n, s};
use super::names;
use crate::clock::Timestamp;
use crate::ports::{
    Inserted, Marked, OUTBOX_SHARDS, OutboxEntry, PortError, PortErrorKind, PortResult, SalesTable,
};
use crate::region::{Region, Side};
use crate::sale::{Progress, Sale, SaleId, StoredSale};

const INSERT: &str = "PutItem sales";
/// On what condition a row is marked.
pub(super) const NO_TOMBSTONE: &str = "attribute_not_exists(deleted_at)";
/// What marks a row as processed; the first mark stands.
pub(super) const SET_PROCESSED: &str = "#processed = :true, sale_processed = :true, \
     processed_at = if_not_exists(processed_at, :at), processed_region = if_not_exists(processed_region, :region)";
/// Tries to get what a batch left unprocessed.
const BATCH_TRIES: u32 = 3;

pub(super) struct DynamoSalesTable {
    local: Client,
    peer: Client,
    table: String,
    default_owner: Region,
}

impl DynamoSalesTable {
    /// `default_owner` owns rows of the older service, which name no owner.
    pub(super) fn new(local: Client, peer: Client, table: String, default_owner: Region) -> Self {
        Self { local, peer, table, default_owner }
    }

    fn client(&self, side: Side) -> &Client {
        match side {
            Side::Local => &self.local,
            Side::Peer => &self.peer,
        }
    }

    /// An update that writes the sale whole, since its row may not have been replicated yet, and takes it out of the
    /// outbox.
    fn write_whole(&self, at: Side, sale: &Sale, set: &str) -> UpdateItemFluentBuilder {
        let update = self.client(at).update_item().table_name(&self.table).key("id", s(sale.id));
        update
            .update_expression(whole(set))
            .expression_attribute_names("#timestamp", "timestamp")
            .expression_attribute_values(":product", s(sale.product.as_str()))
            .expression_attribute_values(":amount", n(sale.amount))
            .expression_attribute_values(":created_at", s(sale.created_at))
            .expression_attribute_values(":timestamp", n(sale.created_at.seconds()))
            .expression_attribute_values(":owner", s(&sale.owner_region))
    }

    fn stored(&self, operation: &'static str, item: &Item) -> PortResult<StoredSale> {
        let sale = item::sale(item, &self.default_owner);
        let sale = sale.ok_or_else(|| malformed(operation, "a row that is no sale"))?;
        let progress = progress(item, sale.created_at);
        Ok(StoredSale { sale, progress })
    }
}

/// An update that sets a sale whole, and something more, and takes it out of the outbox.
pub(super) fn whole(set: &str) -> String {
    format!(
        "SET product = :product, amount = :amount, created_at = :created_at, #timestamp = :timestamp, owner_region = :owner, {set} REMOVE outbox"
    )
}

/// The shard of the outbox that a sale is listed in.
fn shard(id: SaleId) -> String {
    (id.spread() % u64::from(OUTBOX_SHARDS)).to_string()
}

#[async_trait]
impl SalesTable for DynamoSalesTable {
    async fn insert(&self, sale: &Sale) -> PortResult<Inserted> {
        let put = self
            .local
            .put_item()
            .table_name(&self.table)
            .item("id", s(sale.id))
            .item("product", s(sale.product.as_str()))
            .item("amount", n(sale.amount))
            .item("created_at", s(sale.created_at))
            .item("timestamp", n(sale.created_at.seconds()))
            .item("owner_region", s(&sale.owner_region))
            .item("processed", AttributeValue::Bool(false))
            .item("sale_processed", AttributeValue::Bool(false))
            .item("outbox", s(shard(sale.id)))
            .condition_expression("attribute_not_exists(id)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(Inserted::New),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    let old = failed
                        .item()
                        .ok_or_else(|| malformed(INSERT, "a failed condition without the item"))?;
                    let stored = self.stored(INSERT, old)?;
                    let is_ours = stored.sale == *sale && stored.progress == Progress::Waiting;
                    Ok(if is_ours { Inserted::New } else { Inserted::Existed(stored) })
                }
                Some(_) | None => Err(port_error(INSERT)(error)),
            },
        }
    }

    async fn get(&self, at: Side, id: SaleId) -> PortResult<Option<StoredSale>> {
        let get = self.client(at).get_item().table_name(&self.table).key("id", s(id)).consistent_read(true);
        let answer = get.send().await.map_err(port_error("GetItem sales"))?;
        answer.item().map(|item| self.stored("GetItem sales", item)).transpose()
    }

    async fn get_many(&self, ids: &[SaleId]) -> PortResult<Vec<StoredSale>> {
        let keys = ids.iter().map(|id| Item::from([("id".to_owned(), s(id))])).collect();
        let items = batch_get(&self.local, "BatchGetItem sales", &self.table, keys, true).await?;
        items.iter().map(|item| self.stored("BatchGetItem sales", item)).collect()
    }

    async fn mark_processed(&self, sale: &Sale, at: Timestamp, region: &Region) -> PortResult<Marked> {
        let update = self
            .write_whole(Side::Local, sale, SET_PROCESSED)
            .condition_expression(NO_TOMBSTONE)
            // A reserved word of DynamoDB's.
            .expression_attribute_names("#processed", "processed")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":at", s(at))
            .expression_attribute_values(":region", s(region));
        unless_tombstone("UpdateItem sales (processed)", update).await
    }

    async fn mark_parked(&self, sale: &Sale, at: Timestamp, reason: &str) -> PortResult<Marked> {
        let update = self
            .write_whole(Side::Local, sale, "parked_at = :at, parked_reason = :reason")
            .condition_expression(NO_TOMBSTONE)
            .expression_attribute_values(":at", s(at))
            .expression_attribute_values(":reason", s(reason));
        unless_tombstone("UpdateItem sales (parked)", update).await
    }

    async fn mark_deleted(&self, at: Side, sale: &Sale, when: Timestamp) -> PortResult<()> {
        let update = self
            .write_whole(at, sale, "deleted_at = if_not_exists(deleted_at, :at)")
            .expression_attribute_values(":at", s(when));
        if_it_holds("UpdateItem sales (deleted)", update).await.map(drop)
    }

    async fn reopen(&self, id: SaleId) -> PortResult<()> {
        let update = self
            .local
            .update_item()
            .table_name(&self.table)
            .key("id", s(id))
            .update_expression("SET outbox = :shard REMOVE parked_at, parked_reason")
            .condition_expression("attribute_exists(parked_at) AND attribute_not_exists(deleted_at)")
            .expression_attribute_values(":shard", s(shard(id)));
        if_it_holds("UpdateItem sales (reopened)", update).await.map(drop)
    }

    async fn outbox(
        &self,
        shard: u8,
        accepted_before: Timestamp,
        limit: usize,
    ) -> PortResult<Vec<OutboxEntry>> {
        let query = self
            .local
            .query()
            .table_name(&self.table)
            .index_name(names::OUTBOX_INDEX)
            .key_condition_expression("outbox = :shard AND created_at < :before")
            .expression_attribute_values(":shard", s(shard))
            .expression_attribute_values(":before", s(accepted_before))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let answer = query.send().await.map_err(port_error("Query outbox"))?;
        answer.items().iter().map(entry).collect()
    }
}

fn entry(item: &Item) -> PortResult<OutboxEntry> {
    let id = item::text(item, "id").and_then(|id| SaleId::parse(id).ok());
    let created_at = item::text(item, "created_at").and_then(|at| Timestamp::parse(at).ok());
    match (id, created_at) {
        (Some(id), Some(created_at)) => Ok(OutboxEntry { id, created_at }),
        _ => Err(malformed("Query outbox", "an entry without id or created_at")),
    }
}

/// Sends an update; whether its condition held.
async fn if_it_holds(operation: &'static str, update: UpdateItemFluentBuilder) -> PortResult<bool> {
    match update.send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
            Ok(false)
        }
        Err(error) => Err(port_error(operation)(error)),
    }
}

async fn unless_tombstone(operation: &'static str, update: UpdateItemFluentBuilder) -> PortResult<Marked> {
    Ok(if if_it_holds(operation, update).await? { Marked::Done } else { Marked::Tombstone })
}

fn progress(item: &Item, created_at: Timestamp) -> Progress {
    let at = |name| item::text(item, name).and_then(|at| Timestamp::parse(at).ok());
    if item.contains_key("deleted_at") {
        Progress::Deleted
    } else if item::flag(item, "processed") || item::flag(item, "sale_processed") {
        Progress::Processed { at: at("processed_at").unwrap_or(created_at) }
    } else if item.contains_key("parked_at") {
        Progress::Parked
    } else {
        Progress::Waiting
    }
}

/// Reads items by key, asking again for what the answer left out.
pub(super) async fn batch_get(
    client: &Client,
    operation: &'static str,
    table: &str,
    keys: Vec<Item>,
    consistent: bool,
) -> PortResult<Vec<Item>> {
    let mut items = Vec::with_capacity(keys.len());
    let mut left = keys;
    for _ in 0..BATCH_TRIES {
        if left.is_empty() {
            return Ok(items);
        }
        let request = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(consistent).build();
        let request = request.map_err(|e| malformed(operation, &e.to_string()))?;
        let answer = client.batch_get_item().request_items(table, request).send().await;
        let mut answer = answer.map_err(port_error(operation))?;
        if let Some(found) = answer.responses.as_mut().and_then(|tables| tables.remove(table)) {
            items.extend(found);
        }
        let unprocessed = answer.unprocessed_keys.as_mut().and_then(|tables| tables.remove(table));
        left = unprocessed.map(|keys| keys.keys).unwrap_or_default();
    }
    if left.is_empty() {
        return Ok(items);
    }
    let detail = format!("{} keys left unprocessed after {BATCH_TRIES} tries", left.len());
    Err(PortError { operation, kind: PortErrorKind::Throttled, detail })
}
