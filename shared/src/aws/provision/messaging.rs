//! Topics, queues, dead-letter queues and the four raw subscriptions.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::get_queue_url::GetQueueUrlError;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;

use super::{Messaging, Plan};
use crate::aws::client::RegionClients;
use crate::aws::error::{malformed, port_error};
use crate::ports::PortResult;

/// Retention of the queue: 10 days, so that a backlog survives a long outage.
const QUEUE_RETENTION_S: u32 = 10 * 24 * 60 * 60;
/// Retention of the dead-letter queue: 14 days, the most that SQS keeps.
const DLQ_RETENTION_S: u32 = 14 * 24 * 60 * 60;
/// Visibility timeout of the queue, in seconds: the default of `QUEUE_VISIBILITY`.
const VISIBILITY_S: u32 = 90;
/// Backstop: receives after which SQS itself moves a message to the dead-letter queue.
const MAX_RECEIVES: u32 = 1000;

pub(super) async fn provision_queues(plan: &Plan, clients: &RegionClients) -> PortResult<Messaging> {
    let (sqs, sns) = (clients.sqs(), clients.sns());
    let dlq_url = queue(
        &sqs,
        &format!("{}-dlq", plan.prefix),
        &[(QueueAttributeName::MessageRetentionPeriod, DLQ_RETENTION_S.to_string())],
    )
    .await?;
    let dlq_arn = arn(&sqs, &dlq_url).await?;
    let redrive = json!({ "deadLetterTargetArn": dlq_arn, "maxReceiveCount": MAX_RECEIVES }).to_string();
    let queue_url = queue(
        &sqs,
        &format!("{}-queue", plan.prefix),
        &[
            (QueueAttributeName::MessageRetentionPeriod, QUEUE_RETENTION_S.to_string()),
            (QueueAttributeName::VisibilityTimeout, VISIBILITY_S.to_string()),
            (QueueAttributeName::RedrivePolicy, redrive),
        ],
    )
    .await?;
    let topic = sns.create_topic().name(format!("{}-processing", plan.prefix)).send().await;
    let topic_arn = topic.map_err(port_error("CreateTopic"))?.topic_arn;
    Ok(Messaging {
        topic_arn: topic_arn.ok_or_else(|| malformed("CreateTopic", "no ARN"))?,
        queue_arn: arn(&sqs, &queue_url).await?,
        queue_url,
        dlq_url,
    })
}

/// Lets both topics send to the region's queue, and subscribes both queues to the region's topic.
pub(super) async fn connect(
    clients: &RegionClients,
    region: &Messaging,
    both: &[Messaging; 2],
) -> PortResult<()> {
    let topics: Vec<&str> = both.iter().map(|each| each.topic_arn.as_str()).collect();
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "BothTopics",
            "Effect": "Allow",
            "Principal": { "Service": "sns.amazonaws.com" },
            "Action": "sqs:SendMessage",
            "Resource": region.queue_arn,
            "Condition": { "ArnEquals": { "aws:SourceArn": topics } },
        }],
    });
    set(&clients.sqs(), &region.queue_url, &[(QueueAttributeName::Policy, policy.to_string())]).await?;
    for queue in both {
        let subscribe = clients
            .sns()
            .subscribe()
            .topic_arn(&region.topic_arn)
            .protocol("sqs")
            .endpoint(&queue.queue_arn)
            .attributes("RawMessageDelivery", "true")
            .return_subscription_arn(true);
        subscribe.send().await.map_err(port_error("Subscribe"))?;
    }
    Ok(())
}

/// The queue's URL; a new queue if there is none, else with these attributes set anew.
async fn queue(sqs: &Client, name: &str, attributes: &[(QueueAttributeName, String)]) -> PortResult<String> {
    match sqs.get_queue_url().queue_name(name).send().await {
        Ok(answer) => {
            let url = answer.queue_url.ok_or_else(|| malformed("GetQueueUrl", "no URL"))?;
            set(sqs, &url, attributes).await?;
            Ok(url)
        }
        Err(error) => match error.as_service_error() {
            Some(GetQueueUrlError::QueueDoesNotExist(_)) => {
                let mut create = sqs.create_queue().queue_name(name);
                for (attribute, value) in attributes {
                    create = create.attributes(attribute.clone(), value);
                }
                let answer = create.send().await.map_err(port_error("CreateQueue"))?;
                answer.queue_url.ok_or_else(|| malformed("CreateQueue", "no URL"))
            }
            Some(_) | None => Err(port_error("GetQueueUrl")(error)),
        },
    }
}

async fn set(sqs: &Client, url: &str, attributes: &[(QueueAttributeName, String)]) -> PortResult<()> {
    let attributes: HashMap<_, _> = attributes.iter().cloned().collect();
    let set = sqs.set_queue_attributes().queue_url(url).set_attributes(Some(attributes));
    set.send().await.map(drop).map_err(port_error("SetQueueAttributes"))
}

async fn arn(sqs: &Client, url: &str) -> PortResult<String> {
    let get = sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::QueueArn);
    let answer = get.send().await.map_err(port_error("GetQueueAttributes"))?;
    let arn = answer.attributes().and_then(|all| all.get(&QueueAttributeName::QueueArn)).cloned();
    arn.ok_or_else(|| malformed("GetQueueAttributes", "no ARN"))
}
