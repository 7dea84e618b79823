//! What an operator does in one site beyond the ports: flip the state, look at depths, empty the dead-letter queue, read
//! tables and buckets whole.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName;
use aws_sdk_ssm::types::ParameterType;

use super::client::RegionClients;
use super::error::port_error;
use super::item::{self, Item, s};
use super::names;
use crate::config::AwsSettings;
use crate::ports::{Delivery, OUTBOX_SHARDS, PortResult, Receipt};
use crate::region::RegionState;
use crate::sale::SaleId;

/// One site, seen by an operator.
pub struct SiteOperator {
    settings: AwsSettings,
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    ssm: aws_sdk_ssm::Client,
    s3: aws_sdk_s3::Client,
}

/// A parameter as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateValue {
    /// What it says, be it a state or not.
    pub text: String,
    /// Its version.
    pub version: u64,
}

/// How many messages there are, about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Waiting.
    pub visible: u64,
    /// Received and neither deleted nor put back, or put back for later.
    pub in_flight: u64,
}

/// A message of the dead-letter queue.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The message.
    pub delivery: Delivery,
    /// Why it is there; `None` if the queue's own backstop put it there.
    pub reason: Option<String>,
}

impl SiteOperator {
    pub(super) fn new(clients: &RegionClients, settings: AwsSettings) -> Self {
        Self {
            settings,
            dynamodb: clients.dynamodb(),
            sqs: clients.sqs(),
            ssm: clients.ssm(),
            s3: clients.s3(),
        }
    }

    /// Sets the region's state.
    ///
    /// # Errors
    /// When the parameter store does not take it.
    pub async fn put_state(&self, state: RegionState) -> PortResult<()> {
        let put = self.ssm.put_parameter().name(&self.settings.state_parameter).value(state.as_str());
        // A write without the pattern would take it away.
        let put = put.r#type(ParameterType::String).allowed_pattern(names::STATE_PATTERN).overwrite(true);
        put.send().await.map(drop).map_err(port_error("PutParameter"))
    }

    /// Reads the region's state as it is written.
    ///
    /// # Errors
    /// When the parameter store does not answer. No parameter is `None`.
    pub async fn state(&self) -> PortResult<Option<StateValue>> {
        match self.ssm.get_parameter().name(&self.settings.state_parameter).send().await {
            Ok(answer) => Ok(answer.parameter.map(|parameter| StateValue {
                version: u64::try_from(parameter.version).unwrap_or(0),
                text: parameter.value.unwrap_or_default(),
            })),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_parameter_not_found()) => Ok(None),
            Err(error) => Err(port_error("GetParameter")(error)),
        }
    }

    /// Depth of the queue.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn queue_depth(&self) -> PortResult<QueueDepth> {
        self.depth(&self.settings.queue).await
    }

    /// Depth of the dead-letter queue.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn dlq_depth(&self) -> PortResult<QueueDepth> {
        self.depth(&self.settings.dlq).await
    }

    async fn depth(&self, url: &str) -> PortResult<QueueDepth> {
        let (visible, hidden) = (
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        );
        let get = self.sqs.get_queue_attributes().queue_url(url);
        let get = get.attribute_names(visible.clone()).attribute_names(hidden.clone());
        let answer = get.send().await.map_err(port_error("GetQueueAttributes"))?;
        let count = |name: &QueueAttributeName| {
            answer.attributes().and_then(|all| all.get(name)).and_then(|n| n.parse().ok()).unwrap_or(0)
        };
        Ok(QueueDepth { visible: count(&visible), in_flight: count(&hidden) })
    }

    /// Number of sales in the outbox, by the index, which lags a little.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn outbox_size(&self) -> PortResult<u64> {
        let mut size = 0;
        for shard in 0..OUTBOX_SHARDS {
            let mut start: Option<Item> = None;
            loop {
                let query = self
                    .dynamodb
                    .query()
                    .table_name(&self.settings.sales_table)
                    .index_name(names::OUTBOX_INDEX)
                    .key_condition_expression("outbox = :shard")
                    .expression_attribute_values(":shard", s(shard))
                    .set_exclusive_start_key(start.take());
                let answer = query.send().await.map_err(port_error("Query outbox"))?;
                size += u64::try_from(answer.items().len()).unwrap_or(0);
                start = answer.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(size)
    }

    /// Ids of one page of the sales table, and where the next page begins, if there is one.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn sale_ids(&self, page: Option<PageKey>) -> PortResult<(Vec<SaleId>, Option<PageKey>)> {
        let scan = self.dynamodb.scan().table_name(&self.settings.sales_table).projection_expression("id");
        let scan = scan.consistent_read(true).limit(SCAN_PAGE).set_exclusive_start_key(page.map(|key| key.0));
        let answer = scan.send().await.map_err(port_error("Scan sales"))?;
        let ids =
            answer.items().iter().filter_map(|row| SaleId::parse(item::text(row, "id")?).ok()).collect();
        Ok((ids, answer.last_evaluated_key.map(PageKey)))
    }

    /// Keys of all archive objects with this prefix.
    ///
    /// # Errors
    /// When the bucket does not answer.
    pub async fn archive_keys(&self, prefix: &str) -> PortResult<Vec<String>> {
        let mut keys = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let list = self.s3.list_objects_v2().bucket(&self.settings.bucket).prefix(prefix);
            let answer = list.set_continuation_token(token.take()).send().await;
            let answer = answer.map_err(port_error("ListObjectsV2"))?;
            keys.extend(answer.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
            token = answer.next_continuation_token;
            if token.is_none() {
                return Ok(keys);
            }
        }
    }

    /// Up to ten messages of the dead-letter queue. They stay hidden for `hidden_s` seconds.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn dead_letters(&self, hidden_s: u16) -> PortResult<Vec<DeadLetter>> {
        let receive = self
            .sqs
            .receive_message()
            .queue_url(&self.settings.dlq)
            .max_number_of_messages(10)
            .visibility_timeout(i32::from(hidden_s))
            .message_attribute_names(names::REASON_ATTRIBUTE)
            .message_system_attribute_names(aws_sdk_sqs::types::MessageSystemAttributeName::All);
        let answer = receive.send().await.map_err(port_error("ReceiveMessage (DLQ)"))?;
        let letter = |message: aws_sdk_sqs::types::Message| {
            let attributes: Option<&HashMap<_, _>> = message.message_attributes();
            let reason =
                attributes.and_then(|all| all.get(names::REASON_ATTRIBUTE)).and_then(|r| r.string_value());
            let reason = reason.map(str::to_owned);
            super::queue::delivery(message).map(|delivery| DeadLetter { delivery, reason })
        };
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(letter).collect())
    }

    /// Sends a body to the queue.
    ///
    /// # Errors
    /// When the queue does not take it.
    pub async fn send(&self, body: &str) -> PortResult<()> {
        let send = self.sqs.send_message().queue_url(&self.settings.queue).message_body(body);
        send.send().await.map(drop).map_err(port_error("SendMessage"))
    }

    /// Deletes a message of the dead-letter queue: an operator's right, not a service's.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn delete_dead_letter(&self, receipt: &Receipt) -> PortResult<()> {
        let delete = self.sqs.delete_message().queue_url(&self.settings.dlq).receipt_handle(&receipt.0);
        delete.send().await.map(drop).map_err(port_error("DeleteMessage (DLQ)"))
    }
}

/// Rows in one page of a scan.
const SCAN_PAGE: i32 = 100;

/// Where a page begins.
pub struct PageKey(Item);
