//! SNS of one region, and its deliveries into the queues of both.
//!
//! A publish is answered as soon as it is accepted. Each pair of regions has its own road on which the
//! messages travel in order; while either end is dark they wait there, and none is dropped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rustack_sns_core::config::SnsConfig;
use rustack_sns_core::handler::RustackSnsHandler;
use rustack_sns_core::provider::RustackSns;
use rustack_sns_core::publisher::{DeliveryError, SqsPublisher};
use rustack_sns_http::body::SnsResponseBody;
use rustack_sns_http::dispatch::SnsHandler;
use rustack_sns_http::response::error_to_response;
use rustack_sns_model::error::SnsError;
use rustack_sns_model::operations::SnsOperation;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ACCOUNT;
use super::answer::{Answer, request_id};
use super::fault::{DELIVER, InjectedError};
use super::faults::Faults;
use super::links::Links;
use super::queues::Queues;
use super::scope::Service;

/// Publishes the engine takes at one time before it answers 500; more wait here instead.
const PUBLISHES_AT_ONCE: usize = 128;

/// Messages that may wait on one road. At a kilobyte each that is 1 GB; publishing is throttled from there on.
const ROAD_MAX: usize = 1_000_000;

/// How soon a delivery that met an injected error is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// The topics of one region.
pub(super) struct Topics {
    handler: RustackSnsHandler,
    at_once: Semaphore,
    roads: Arc<Roads>,
}

/// What a topic has for a queue.
struct Parcel {
    queue_arn: String,
    body: String,
    accepted: Instant,
}

/// The ways out of one region, to itself and to the other.
struct Roads {
    regions: [String; 2],
    ways: [mpsc::UnboundedSender<Parcel>; 2],
    waiting: [Arc<AtomicUsize>; 2],
}

/// What the roads need to know of the rest.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub regions: [String; 2],
    pub queues: [Arc<Queues>; 2],
    pub faults: Arc<Faults>,
    pub links: Arc<Links>,
    pub stop: CancellationToken,
}

impl Topics {
    pub(super) fn start(
        site: usize,
        address: SocketAddr,
        around: &Surroundings,
        tasks: &TaskTracker,
    ) -> Self {
        let waiting = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
        let ways = [0, 1].map(|to| {
            let (way, parcels) = mpsc::unbounded_channel();
            let road = Road { from: site, to, waiting: Arc::clone(&waiting[to]), around: around.clone() };
            tasks.spawn(road.run(parcels));
            way
        });
        let roads = Arc::new(Roads { regions: around.regions.clone(), ways, waiting });
        let config = SnsConfig {
            skip_signature_validation: true,
            default_region: around.regions[site].clone(),
            account_id: ACCOUNT.to_owned(),
            host: address.ip().to_string(),
            port: address.port(),
        };
        let provider = RustackSns::new(config, Arc::clone(&roads) as Arc<dyn SqsPublisher>);
        Self {
            handler: RustackSnsHandler::new(Arc::new(provider)),
            at_once: Semaphore::new(PUBLISHES_AT_ONCE),
            roads,
        }
    }

    pub(super) async fn handle(&self, operation: &str, body: Bytes) -> Answer {
        let Some(operation) = SnsOperation::from_name(operation) else {
            return into_answer(Err(SnsError::unknown_operation(operation)));
        };
        let publishes = matches!(operation, SnsOperation::Publish | SnsOperation::PublishBatch);
        if publishes && self.roads.full() {
            return InjectedError::Throttle.answer(Service::Sns);
        }
        // The semaphore is never closed, so this waits and cannot fail.
        let _permit = if publishes { self.at_once.acquire().await.ok() } else { None };
        into_answer(self.handler.handle_operation(operation, body).await)
    }
}

fn into_answer(result: Result<http::Response<SnsResponseBody>, SnsError>) -> Answer {
    let response = result.unwrap_or_else(|error| error_to_response(&error, &request_id()));
    response.map(|body| match body {
        SnsResponseBody::Buffered(body) => body,
        SnsResponseBody::Empty => Default::default(),
    })
}

impl Roads {
    fn full(&self) -> bool {
        self.waiting.iter().any(|waiting| waiting.load(Ordering::Relaxed) >= ROAD_MAX)
    }

    /// The region in a queue's ARN decides the road.
    fn destination(&self, queue_arn: &str) -> Result<usize, DeliveryError> {
        let region = queue_arn.strip_prefix("arn:aws:sqs:").and_then(|rest| rest.split(':').next());
        let site = region.and_then(|region| self.regions.iter().position(|known| known == region));
        site.ok_or_else(|| DeliveryError::Unsupported(format!("{queue_arn} is not a queue of either region")))
    }
}

#[async_trait]
impl SqsPublisher for Roads {
    fn validate(&self, queue_arn: &str) -> Result<(), DeliveryError> {
        self.destination(queue_arn).map(|_| ())
    }

    async fn send_message(
        &self,
        queue_arn: &str,
        body: &str,
        _group: Option<&str>,
        _deduplication: Option<&str>,
    ) -> Result<(), DeliveryError> {
        let to = self.destination(queue_arn)?;
        let parcel =
            Parcel { queue_arn: queue_arn.to_owned(), body: body.to_owned(), accepted: Instant::now() };
        self.waiting[to].fetch_add(1, Ordering::Relaxed);
        self.ways[to]
            .send(parcel)
            .map_err(|_| DeliveryError::Unavailable("the embedded AWS has stopped".to_owned()))
    }
}

/// One road, from the topics of a region to the queues of a region.
struct Road {
    from: usize,
    to: usize,
    waiting: Arc<AtomicUsize>,
    around: Surroundings,
}

impl Road {
    async fn run(self, mut parcels: mpsc::UnboundedReceiver<Parcel>) {
        let stop = self.around.stop.clone();
        let travel = async {
            while let Some(parcel) = parcels.recv().await {
                self.bring(&parcel).await;
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = travel => {}
        }
    }

    /// Brings one message to its queue, however long that takes.
    async fn bring(&self, parcel: &Parcel) {
        loop {
            self.around.links.light(self.from, self.to).await;
            let verdict = self.around.faults.judge(self.to, Service::Sns, DELIVER);
            if !verdict.latency.is_zero() {
                // Counted from the publish, so that one message does not wait for the one before.
                tokio::time::sleep_until(parcel.accepted + verdict.latency).await;
                self.around.links.light(self.from, self.to).await;
            }
            let failing = verdict.error.is_some() || verdict.dark.is_some();
            if !failing || verdict.after_effect {
                self.put(parcel).await;
            }
            if !failing {
                return;
            }
            // A delivery that took effect and looked failed arrives twice, as it does on AWS.
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    async fn put(&self, parcel: &Parcel) {
        let queues = &self.around.queues[self.to];
        if let Err(error) = queues.deliver(&parcel.queue_arn, &parcel.body).await {
            // A queue that is gone: AWS does not retry that either.
            tracing::warn!(queue.arn = %parcel.queue_arn, %error, "a topic's message has no queue to go to");
        }
    }
}
