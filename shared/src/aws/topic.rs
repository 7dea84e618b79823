//! The regional topic in SNS.

use async_trait::async_trait;
use aws_sdk_sns::Client;

use super::error::port_error;
use crate::ports::{PortResult, Topic};

pub(super) struct SnsTopic {
    client: Client,
    arn: String,
}

impl SnsTopic {
    pub(super) fn new(client: Client, arn: String) -> Self {
        Self { client, arn }
    }
}

#[async_trait]
impl Topic for SnsTopic {
    async fn publish(&self, body: &str) -> PortResult<()> {
        let publish = self.client.publish().topic_arn(&self.arn).message(body);
        publish.send().await.map(drop).map_err(port_error("Publish"))
    }
}
