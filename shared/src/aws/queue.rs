//! The regional queue in SQS.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageAttributeValue,
    MessageSystemAttributeName,
};

use super::client::RegionClients;
use super::error::{malformed, port_error};
use super::names;
use crate::clock::Timestamp;
use crate::ports::{Delivery, PortResult, Put, Queue, Receipt};

/// Longest reason in a message attribute, in characters; the rest is cut off.
const REASON_MAX_CHARS: usize = 256;
/// Longest visibility timeout, in seconds: a limit of SQS.
const VISIBILITY_MAX_S: i32 = 12 * 60 * 60;
/// Longest wait of a receive: a limit of SQS.
const LONG_POLL_MAX: Duration = Duration::from_secs(20);

pub(super) struct SqsQueue {
    client: Client,
    long_poll: Client,
    url: String,
    dlq_url: String,
    visibility: Duration,
}

impl SqsQueue {
    pub(super) fn new(clients: &RegionClients, url: String, dlq_url: String, visibility: Duration) -> Self {
        Self {
            client: clients.sqs(),
            long_poll: clients.sqs_long_poll(LONG_POLL_MAX),
            url,
            dlq_url,
            visibility,
        }
    }
}

/// Whole seconds, counted up, within what SQS takes.
fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_millis().div_ceil(1000)).unwrap_or(VISIBILITY_MAX_S).min(VISIBILITY_MAX_S)
}

pub(super) fn delivery(message: Message) -> Option<Delivery> {
    let attribute =
        |name: MessageSystemAttributeName| message.attributes().and_then(|all| all.get(&name)).cloned();
    let receive_count = attribute(MessageSystemAttributeName::ApproximateReceiveCount);
    let sent = attribute(MessageSystemAttributeName::SentTimestamp);
    Some(Delivery {
        receive_count: receive_count.and_then(|n| n.parse().ok()).unwrap_or(1),
        sent_at: Timestamp::from_millis(sent.and_then(|n| n.parse().ok()).unwrap_or(0)),
        message_id: message.message_id?,
        receipt: Receipt(message.receipt_handle?),
        body: message.body.unwrap_or_default(),
    })
}

#[async_trait]
impl Queue for SqsQueue {
    async fn receive(&self, max: usize, wait: Duration) -> PortResult<Vec<Delivery>> {
        let answer = self
            .long_poll
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(max).unwrap_or(1))
            .wait_time_seconds(i32::try_from(wait.as_secs()).unwrap_or(0))
            .visibility_timeout(seconds(self.visibility))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .map_err(port_error("ReceiveMessage"))?;
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(delivery).collect())
    }

    async fn delete(&self, receipts: &[Receipt]) -> PortResult<Vec<Receipt>> {
        let mut request = self.client.delete_message_batch().queue_url(&self.url);
        for (index, receipt) in receipts.iter().enumerate() {
            let entry =
                DeleteMessageBatchRequestEntry::builder().id(index.to_string()).receipt_handle(&receipt.0);
            request =
                request.entries(entry.build().map_err(|e| malformed("DeleteMessageBatch", &e.to_string()))?);
        }
        let answer = request.send().await.map_err(port_error("DeleteMessageBatch"))?;
        let index = |id: &str| id.parse::<usize>().ok().and_then(|i| receipts.get(i)).cloned();
        Ok(answer.failed().iter().filter_map(|failed| index(failed.id())).collect())
    }

    async fn change_visibility(&self, puts: &[Put]) -> PortResult<()> {
        const OPERATION: &str = "ChangeMessageVisibilityBatch";
        let mut request = self.client.change_message_visibility_batch().queue_url(&self.url);
        for (index, put) in puts.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(&put.receipt.0)
                .visibility_timeout(seconds(put.after));
            request = request.entries(entry.build().map_err(|e| malformed(OPERATION, &e.to_string()))?);
        }
        request.send().await.map(drop).map_err(port_error(OPERATION))
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> PortResult<()> {
        const OPERATION: &str = "SendMessage";
        let printable: String = reason.chars().filter(|c| !c.is_control()).take(REASON_MAX_CHARS).collect();
        let reason = if printable.is_empty() { "unknown".to_owned() } else { printable };
        let attribute = MessageAttributeValue::builder().data_type("String").string_value(reason);
        self.client
            .send_message()
            .queue_url(&self.dlq_url)
            .message_body(body)
            .message_attributes(
                names::REASON_ATTRIBUTE,
                attribute.build().map_err(|e| malformed(OPERATION, &e.to_string()))?,
            )
            .send()
            .await
            .map(drop)
            .map_err(port_error(OPERATION))
    }
}
