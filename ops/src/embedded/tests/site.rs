//! One region as a client sees it, with the verbs that the tests speak.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, CreateReplicationGroupMemberAction,
    GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType, ReplicationGroupUpdate,
    ScalarAttributeType,
};
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_http_client::Builder;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

/// The clients of one region. They do not retry, so that a test sees what was answered.
pub(super) struct Site {
    pub(super) region: String,
    pub(super) dynamodb: aws_sdk_dynamodb::Client,
    pub(super) sqs: aws_sdk_sqs::Client,
    pub(super) sns: aws_sdk_sns::Client,
    pub(super) ssm: aws_sdk_ssm::Client,
    pub(super) s3: aws_sdk_s3::Client,
}

pub(super) fn config(region: &str, endpoint: &str) -> aws_config::SdkConfig {
    let credentials = aws_sdk_s3::config::Credentials::new("any", "thing", None, None, "test");
    aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new(region.to_owned()))
        .endpoint_url(endpoint)
        .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(credentials))
        .http_client(Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_secs(25)).build())
        .build()
}

impl Site {
    pub(super) fn new(region: &str, endpoint: &str) -> Self {
        let config = config(region, endpoint);
        Self {
            region: region.to_owned(),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
            ssm: aws_sdk_ssm::Client::new(&config),
            s3: aws_sdk_s3::Client::new(&config),
        }
    }

    /// A table as the services use it, with the outbox index.
    pub(super) async fn create_table(&self, name: &str) {
        let attribute = |name: &str| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .unwrap()
        };
        let key = |name: &str, kind: KeyType| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
        };
        let outbox = GlobalSecondaryIndex::builder()
            .index_name("outbox-index")
            .key_schema(key("outbox", KeyType::Hash))
            .key_schema(key("created_at", KeyType::Range))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()
            .unwrap();
        self.dynamodb
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("id"))
            .attribute_definitions(attribute("outbox"))
            .attribute_definitions(attribute("created_at"))
            .key_schema(key("id", KeyType::Hash))
            .global_secondary_indexes(outbox)
            .send()
            .await
            .unwrap();
    }

    pub(super) async fn add_replica(&self, table: &str, region: &str) {
        let create = CreateReplicationGroupMemberAction::builder().region_name(region).build().unwrap();
        self.dynamodb
            .update_table()
            .table_name(table)
            .replica_updates(ReplicationGroupUpdate::builder().create(create).build())
            .send()
            .await
            .unwrap();
    }

    pub(super) async fn put(&self, table: &str, id: &str, note: &str) {
        self.dynamodb
            .put_item()
            .table_name(table)
            .item("id", AttributeValue::S(id.to_owned()))
            .item("note", AttributeValue::S(note.to_owned()))
            .send()
            .await
            .unwrap();
    }

    /// The note of an item; none when there is no item.
    pub(super) async fn note(&self, table: &str, id: &str) -> Option<String> {
        let found = self
            .dynamodb
            .get_item()
            .table_name(table)
            .key("id", AttributeValue::S(id.to_owned()))
            .send()
            .await
            .unwrap();
        found.item.and_then(|item| item.get("note").and_then(|note| note.as_s().ok()).cloned())
    }

    pub(super) async fn create_queue(&self, name: &str, visibility_s: u32) -> String {
        let made = self
            .sqs
            .create_queue()
            .queue_name(name)
            .attributes(QueueAttributeName::VisibilityTimeout, visibility_s.to_string())
            .send()
            .await
            .unwrap();
        made.queue_url.unwrap()
    }

    pub(super) fn queue_arn(&self, name: &str) -> String {
        format!("arn:aws:sqs:{}:{}:{name}", self.region, super::ACCOUNT)
    }

    pub(super) async fn create_topic(&self, name: &str) -> String {
        self.sns.create_topic().name(name).send().await.unwrap().topic_arn.unwrap()
    }

    pub(super) async fn subscribe_raw(&self, topic: &str, queue_arn: &str) {
        self.sns
            .subscribe()
            .topic_arn(topic)
            .protocol("sqs")
            .endpoint(queue_arn)
            .attributes("RawMessageDelivery", "true")
            .return_subscription_arn(true)
            .send()
            .await
            .unwrap();
    }

    /// Up to ten messages, waiting for the first one at most this long.
    pub(super) async fn receive(&self, queue: &str, wait_s: i32) -> Vec<aws_sdk_sqs::types::Message> {
        let received = self
            .sqs
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(10)
            .wait_time_seconds(wait_s)
            .message_system_attribute_names(aws_sdk_sqs::types::MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await
            .unwrap();
        received.messages.unwrap_or_default()
    }
}
