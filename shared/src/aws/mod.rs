//! The only place where a type of the AWS SDK stands: one file a service, each a port's implementation.

mod archive;
mod client;
mod error;
pub mod floor;
mod idempotency_table;
mod item;
pub mod names;
pub mod operator;
pub mod provision;
mod queue;
mod sales_table;
mod state;
mod topic;

use std::sync::Arc;
use std::time::Duration;

pub use client::{Limits, RegionClients};

use crate::config::AwsSettings;
use crate::ports::{Archive, IdempotencyTable, Queue, SalesTable, StateParameter, Topic};
use crate::region::Sites;

/// The SDK clients of one process, made once: those of its own region, and those of the peer's that the protocol needs.
#[derive(Clone)]
pub struct Clients {
    settings: AwsSettings,
    sites: Sites,
    local: RegionClients,
    peer: RegionClients,
}

impl Clients {
    /// Makes the clients. Connects to nothing yet.
    pub async fn connect(sites: &Sites, settings: &AwsSettings) -> Self {
        let endpoint = settings.endpoint_url.as_deref();
        let local = RegionClients::connect(sites.local(), endpoint, Limits::local()).await;
        let peer = local.in_region(sites.peer(), Limits::peer());
        Self { settings: settings.clone(), sites: sites.clone(), local, peer }
    }

    /// What an operator does beyond the ports.
    pub fn operator(&self) -> operator::SiteOperator {
        operator::SiteOperator::new(&self.local, self.settings.clone())
    }

    /// The sales table.
    pub fn sales_table(&self) -> Arc<dyn SalesTable> {
        let (local, peer) = (self.local.dynamodb(), self.peer.dynamodb());
        let (table, default_owner) = (self.settings.sales_table.clone(), self.sites.first().clone());
        Arc::new(sales_table::DynamoSalesTable::new(local, peer, table, default_owner))
    }

    /// The idempotency table.
    pub fn idempotency_table(&self) -> Arc<dyn IdempotencyTable> {
        let (local, peer) = (self.local.dynamodb(), self.peer.dynamodb());
        let (table, strong) = (self.settings.idempotency_table.clone(), self.settings.strong_tables);
        let default_owner = self.sites.first().clone();
        Arc::new(idempotency_table::DynamoIdempotencyTable::new(local, peer, table, default_owner, strong))
    }

    /// The regional queue, whose messages stay hidden for `visibility` once they are received.
    pub fn queue(&self, visibility: Duration) -> Arc<dyn Queue> {
        let (queue, dlq) = (self.settings.queue.clone(), self.settings.dlq.clone());
        Arc::new(queue::SqsQueue::new(&self.local, queue, dlq, visibility))
    }

    /// The regional topic.
    pub fn topic(&self) -> Arc<dyn Topic> {
        Arc::new(topic::SnsTopic::new(self.local.sns(), self.settings.topic.clone()))
    }

    /// The regional bucket.
    pub fn archive(&self) -> Arc<dyn Archive> {
        Arc::new(archive::S3Archive::new(self.local.s3(), self.settings.bucket.clone()))
    }

    /// The regional parameter of the state.
    pub fn state_parameter(&self) -> Arc<dyn StateParameter> {
        Arc::new(state::SsmStateParameter::new(self.local.ssm(), self.settings.state_parameter.clone()))
    }
}
