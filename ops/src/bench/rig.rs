//! A fresh embedded AWS for each measurement, with a queue to fill and latency to add.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use sales_shared::aws::provision::provision;
use sales_shared::clock::{Clock as _, SystemClock};
use sales_shared::random::Random;
use sales_shared::region::RegionState;
use sales_shared::sale::event::SaleEvent;
use sales_shared::sale::{NewSale, Sale, SaleId};
use tokio::time::{Instant, sleep};

use super::drain::Drain;
use crate::deployment::{Deployment, SiteEntry, SiteHandle, plan};
use crate::embedded::{EmbeddedAws, Fault, Options, Service};

/// Long times, so that no sale of a benchmark is old enough for the reconciler or for questions to the peer.
const SETTINGS: [(&str, &str); 4] =
    [("TAKEOVER_AFTER", "20m"), ("RECONCILE_AFTER", "20m"), ("LONG_POLL", "1s"), ("LOG_LEVEL", "error")];
/// What services and floor call while sales go through. Latency meets these alone, so that looking at the queue is free.
const OPERATIONS: [(Service, &str); 11] = [
    (Service::Dynamodb, "PutItem"),
    (Service::Dynamodb, "UpdateItem"),
    (Service::Dynamodb, "GetItem"),
    (Service::Dynamodb, "BatchGetItem"),
    (Service::Dynamodb, "Query"),
    (Service::Sqs, "ReceiveMessage"),
    (Service::Sqs, "DeleteMessageBatch"),
    (Service::Sqs, "ChangeMessageVisibilityBatch"),
    (Service::Sns, "Publish"),
    (Service::S3, "PutObject"),
    (Service::Ssm, "GetParameter"),
];
/// Calls at once while a queue is filled.
const FILL_CONCURRENCY: usize = 32;
/// Time between two looks at a queue that is being drained.
const LOOK_EVERY: Duration = Duration::from_millis(15);

pub(super) struct Rig {
    pub aws: EmbeddedAws,
    pub site: SiteHandle,
    /// The services' environment in the region that is measured.
    pub environment: BTreeMap<String, String>,
    /// The same in the other region, which is PASSIVE.
    pub peer_environment: BTreeMap<String, String>,
}

impl Rig {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let aws = EmbeddedAws::start(Options::default()).await?;
        let plan = plan(&aws.endpoint_url(), [RegionState::Active, RegionState::Passive], false);
        let sites = provision(&plan).await?;
        let [environment, peer_environment] = [0, 1].map(|index| {
            let mut environment = sites[index].environment.clone();
            environment.extend(SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())));
            environment
        });
        let [site, _] = Deployment { sites: sites.iter().map(SiteEntry::of).collect() }.connect().await?;
        Ok(Self { aws, site, environment, peer_environment })
    }

    /// Adds latency to every call that counts.
    pub(super) fn slow_down(&self, latency: Duration) -> anyhow::Result<()> {
        self.aws.faults().clear();
        if latency.is_zero() {
            return Ok(());
        }
        for (service, operation) in OPERATIONS {
            let fault = Fault {
                service: Some(service),
                operation: Some(operation.to_owned()),
                ..Fault::latency(latency)
            };
            self.aws.faults().add(fault)?;
        }
        Ok(())
    }

    /// New sales in the table, in the outbox.
    pub(super) async fn store(&self, count: usize) -> anyhow::Result<Vec<Sale>> {
        let random = Random::from_system()?;
        let new = NewSale::parse(br#"{"product":"Book","amount":223.34}"#)?;
        let created_at = SystemClock.now();
        let sale = || Sale {
            id: SaleId::generate(created_at, &random),
            product: new.product.clone(),
            amount: new.amount,
            created_at,
            owner_region: self.site.region.clone(),
        };
        let sales: Vec<Sale> = (0..count).map(|_| sale()).collect();
        let table = self.site.clients.sales_table();
        let insert = |sale: Sale| {
            let table = table.clone();
            async move { table.insert(&sale).await }
        };
        let inserts = stream::iter(sales.clone()).map(insert).buffer_unordered(FILL_CONCURRENCY);
        inserts.try_for_each(|_| async { Ok(()) }).await?;
        Ok(sales)
    }

    /// Their messages in the queue.
    pub(super) async fn send(&self, sales: &[Sale]) -> anyhow::Result<()> {
        let body = |sale: &Sale| {
            SaleEvent { sale: sale.clone(), traceparent: None, of_older_service: false }.to_json()
        };
        let bodies: Vec<String> = sales.iter().map(body).collect();
        let send = |body: String| async move { self.site.operator.send(&body).await };
        Ok(stream::iter(bodies).map(send).buffer_unordered(FILL_CONCURRENCY).try_collect().await?)
    }

    /// Waits until the queue is empty, or for so long.
    pub(super) async fn until_drained(&self, limit: Duration) -> anyhow::Result<Drain> {
        let begun = Instant::now();
        let mut drain = Drain::default();
        loop {
            let depth = self.site.operator.queue_depth().await?;
            drain.look(begun.elapsed(), depth.visible + depth.in_flight);
            if drain.left() == 0 || drain.time() >= limit {
                return Ok(drain);
            }
            sleep(LOOK_EVERY).await;
        }
    }
}
