//! The floor of a benchmark: the AWS calls that a sale needs, bare, on the services' own SDK clients. The requests are those of
//! the services, with the same expressions and attributes; nothing is checked beyond their success, no answer is read: what
//! the services cost beyond this is theirs.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
use bytes::Bytes;

use super::Clients;
use super::error::{malformed, port_error};
use super::idempotency_table::{CLAIM, COMPLETE, FREE, HELD};
use super::item::{n, s};
use super::sales_table::{NO_TOMBSTONE, SET_PROCESSED, whole};
use crate::config::AwsSettings;
use crate::ports::PortResult;

/// Most messages of one receive.
const RECEIVE_MAX: i32 = 10;
/// How long a received message stays hidden, in seconds.
const VISIBILITY_S: i32 = 90;
/// The end of a lease that no benchmark lives to see, in milliseconds since 1970.
const FAR_AWAY_MS: i64 = 4_102_444_800_000;

/// The bare calls.
pub struct Floor {
    settings: AwsSettings,
    dynamodb: aws_sdk_dynamodb::Client,
    sns: aws_sdk_sns::Client,
    sqs: aws_sdk_sqs::Client,
    s3: aws_sdk_s3::Client,
}

/// A message, as much of it as the floor needs.
pub struct Message {
    /// The body.
    pub body: String,
    /// What deletes it.
    pub receipt: String,
}

impl Floor {
    /// On the clients of the local region.
    pub fn new(clients: &Clients) -> Self {
        let local = &clients.local;
        Self {
            settings: clients.settings.clone(),
            dynamodb: local.dynamodb(),
            sns: local.sns(),
            sqs: local.sqs(),
            s3: local.s3(),
        }
    }

    /// What the api does with a sale: a conditional `PutItem` and a `Publish`.
    ///
    /// # Errors
    /// The call that failed.
    pub async fn accept(&self, id: &str, body: &str) -> PortResult<()> {
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.settings.sales_table)
            .item("id", s(id))
            .item("product", s("Book"))
            .item("amount", n("223.34"))
            .item("created_at", s("2026-01-01T00:00:00.000Z"))
            .item("timestamp", n(0))
            .item("owner_region", s("sa-east-1"))
            .item("processed", AttributeValue::Bool(false))
            .item("sale_processed", AttributeValue::Bool(false))
            .item("outbox", s("0"))
            .condition_expression("attribute_not_exists(id)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        put.send().await.map_err(port_error("PutItem"))?;
        let publish = self.sns.publish().topic_arn(&self.settings.topic).message(body);
        publish.send().await.map(drop).map_err(port_error("Publish"))
    }

    /// Up to ten messages, at once.
    ///
    /// # Errors
    /// The call that failed.
    pub async fn receive(&self) -> PortResult<Vec<Message>> {
        let receive =
            self.sqs.receive_message().queue_url(&self.settings.queue).max_number_of_messages(RECEIVE_MAX);
        let receive = receive.visibility_timeout(VISIBILITY_S).wait_time_seconds(0);
        let answer = receive.send().await.map_err(port_error("ReceiveMessage"))?;
        let message = |message: aws_sdk_sqs::types::Message| {
            Some(Message { body: message.body?, receipt: message.receipt_handle? })
        };
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(message).collect())
    }

    /// What the worker does with a sale: the claim, the object, then the mark and the proof at once.
    ///
    /// # Errors
    /// The call that failed.
    pub async fn process(&self, id: &str, body: &str) -> PortResult<()> {
        let claim = self
            .dynamodb
            .update_item()
            .table_name(&self.settings.idempotency_table)
            .key("id", s(id))
            .condition_expression(FREE)
            .update_expression(CLAIM)
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#worker", "worker")
            .expression_attribute_names("#region", "region")
            .expression_attribute_names("#token", "token")
            .expression_attribute_values(":in_progress", s("IN_PROGRESS"))
            .expression_attribute_values(":worker", s("floor"))
            .expression_attribute_values(":region", s("sa-east-1"))
            .expression_attribute_values(":now", n(0))
            .expression_attribute_values(":until", n(FAR_AWAY_MS))
            .expression_attribute_values(":claim", s("0123456789abcdef"))
            .expression_attribute_values(":expires_at", n(FAR_AWAY_MS))
            .expression_attribute_values(":product", s("Book"))
            .expression_attribute_values(":amount", n("223.34"))
            .expression_attribute_values(":created_at", s("2026-01-01T00:00:00.000Z"))
            .expression_attribute_values(":owner", s("sa-east-1"))
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        claim.send().await.map_err(port_error("UpdateItem (claim)"))?;
        let put =
            self.s3.put_object().bucket(&self.settings.bucket).key(format!("sales/2026/01/01/{id}.json"));
        let put = put.body(Bytes::copy_from_slice(body.as_bytes()).into()).if_none_match("*");
        put.content_type("application/json").send().await.map_err(port_error("PutObject"))?;
        let mark = self
            .dynamodb
            .update_item()
            .table_name(&self.settings.sales_table)
            .key("id", s(id))
            .condition_expression(NO_TOMBSTONE)
            .update_expression(whole(SET_PROCESSED))
            .expression_attribute_names("#timestamp", "timestamp")
            .expression_attribute_names("#processed", "processed")
            .expression_attribute_values(":product", s("Book"))
            .expression_attribute_values(":amount", n("223.34"))
            .expression_attribute_values(":created_at", s("2026-01-01T00:00:00.000Z"))
            .expression_attribute_values(":timestamp", n(0))
            .expression_attribute_values(":owner", s("sa-east-1"))
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":at", s("2026-01-01T00:00:00.000Z"))
            .expression_attribute_values(":region", s("sa-east-1"));
        let complete = self
            .dynamodb
            .update_item()
            .table_name(&self.settings.idempotency_table)
            .key("id", s(id))
            .condition_expression(HELD)
            .update_expression(COMPLETE)
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#worker", "worker")
            .expression_attribute_names("#token", "token")
            .expression_attribute_values(":in_progress", s("IN_PROGRESS"))
            .expression_attribute_values(":worker", s("floor"))
            .expression_attribute_values(":token", n(1))
            .expression_attribute_values(":completed", s("COMPLETED"))
            .expression_attribute_values(":outcome", s("PROCESSED"))
            .expression_attribute_values(":at", s("2026-01-01T00:00:00.000Z"))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let (marked, completed) = tokio::join!(mark.send(), complete.send());
        marked.map_err(port_error("UpdateItem (mark)"))?;
        completed.map(drop).map_err(port_error("UpdateItem (complete)"))
    }

    /// Deletes up to ten messages.
    ///
    /// # Errors
    /// The call that failed.
    pub async fn delete(&self, receipts: &[String]) -> PortResult<()> {
        let mut delete = self.sqs.delete_message_batch().queue_url(&self.settings.queue);
        for (index, receipt) in receipts.iter().enumerate() {
            let entry =
                DeleteMessageBatchRequestEntry::builder().id(index.to_string()).receipt_handle(receipt);
            delete =
                delete.entries(entry.build().map_err(|e| malformed("DeleteMessageBatch", &e.to_string()))?);
        }
        delete.send().await.map(drop).map_err(port_error("DeleteMessageBatch"))
    }
}
