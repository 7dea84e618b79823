//! The front: every request comes through here, is routed, counted, held up or carried out.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::{Answer, Failure};
use super::buckets::{self, Buckets};
use super::calls::Calls;
use super::fault::Darkness;
use super::faults::Faults;
use super::links::Links;
use super::parameters::Parameters;
use super::queues::Queues;
use super::scope::{self, Service};
use super::tables::Tables;
use super::topics::{Surroundings, Topics};
use super::{Options, control, identity};

/// The largest body of a request: DynamoDB's `BatchWriteItem` may have 16 MB, nothing else has more.
const BODY_MAX_BYTES: usize = 17 * 1024 * 1024;

/// Both regions, and what is set of them.
pub(super) struct World {
    pub regions: [String; 2],
    pub faults: Arc<Faults>,
    pub links: Arc<Links>,
    pub calls: Calls,
    tables: Tables,
    queues: [Arc<Queues>; 2],
    topics: [Topics; 2],
    parameters: [Parameters; 2],
    buckets: Buckets,
    stop: CancellationToken,
}

/// A connection closed on purpose, without an answer.
#[derive(Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the call was cut")
    }
}

impl std::error::Error for Cut {}

/// A call that is routed.
struct Call {
    site: usize,
    service: Service,
    operation: String,
    parts: Parts,
    body: Bytes,
}

impl World {
    pub(super) fn start(
        options: &Options,
        address: SocketAddr,
        stop: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Arc<Self> {
        let regions = options.regions.clone();
        let faults = Arc::new(Faults::new(regions.clone()));
        let links = Arc::new(Links::new(Arc::clone(&faults), options.table_lag, options.bucket_lag));
        let queues = [0, 1].map(|site| Arc::new(Queues::new(&regions[site], address)));
        let around = Surroundings {
            regions: regions.clone(),
            queues: queues.clone(),
            faults: Arc::clone(&faults),
            links: Arc::clone(&links),
            stop: stop.clone(),
        };
        let tables = Tables::start(&regions, options.table_consistency, &links, stop, tasks);
        let buckets = Buckets::start(&regions, Arc::clone(&links), stop.clone(), tasks);
        Arc::new(Self {
            calls: Calls::new(regions.clone()),
            topics: [0, 1].map(|site| Topics::start(site, address, &around, tasks)),
            parameters: [0, 1].map(|site| Parameters::new(&regions[site])),
            tables,
            buckets,
            queues,
            faults,
            links,
            regions,
            stop: stop.clone(),
        })
    }

    /// Answers one request, or cuts its connection.
    pub(super) async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, Cut> {
        let (parts, body) = request.into_parts();
        let body = match Limited::new(body, BODY_MAX_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => return Ok(too_large()),
            // The client went away in the middle of its request.
            Err(_) => return Err(Cut),
        };
        if parts.uri.path().starts_with("/_control") {
            return Ok(control::handle(&self, &parts, &body));
        }
        match self.route(parts, body) {
            Ok(call) => self.carry_out(call).await,
            Err(refusal) => Ok(*refusal),
        }
    }

    fn route(&self, parts: Parts, body: Bytes) -> Result<Call, Box<Answer>> {
        let (site, service) =
            scope::scope_of(&parts, &self.regions).map_err(|error| Box::new(refused(&parts, &error)))?;
        let operation = match service {
            Service::Dynamodb | Service::Sqs | Service::Ssm => {
                scope::json_operation(&parts.headers).map(str::to_owned)
            }
            Service::Sns | Service::Sts => scope::form_operation(&body),
            Service::S3 => {
                let (_, key) = buckets::address(&parts);
                Some(scope::object_operation(&parts.method, !key.is_empty(), &parts.uri).to_owned())
            }
        };
        let operation = operation.ok_or_else(|| {
            let message = "the call names no operation: X-Amz-Target (JSON) or Action (form) is missing";
            Box::new(
                Failure { status: StatusCode::BAD_REQUEST, code: "MissingAction", message }.answer(service),
            )
        })?;
        Ok(Call { site, service, operation, parts, body })
    }

    async fn carry_out(&self, call: Call) -> Result<Answer, Cut> {
        let (site, service) = (call.site, call.service);
        self.calls.count(site, service, &call.operation);
        let verdict = self.faults.judge(site, service, &call.operation);
        if let Some(darkness) = verdict.dark.filter(|_| !verdict.after_effect) {
            return self.swallow(darkness, &call).await;
        }
        if !verdict.latency.is_zero() {
            tokio::time::sleep(verdict.latency).await;
            // The region may have gone dark meanwhile.
            if let Some(darkness) = self.region_darkness(site) {
                return self.swallow(darkness, &call).await;
            }
        }
        if let Some(error) = verdict.error.filter(|_| !verdict.after_effect) {
            return Ok(error.answer(service));
        }
        let answer = tokio::select! {
            biased;
            answer = self.execute(&call) => answer,
            darkness = self.nightfall(site) => return self.swallow(darkness, &call).await,
            () = self.stop.cancelled() => return Err(Cut),
        };
        if let Some(darkness) = self.region_darkness(site).or(verdict.dark) {
            return self.swallow(darkness, &call).await;
        }
        Ok(verdict.error.map_or(answer, |error| error.answer(service)))
    }

    async fn execute(&self, call: &Call) -> Answer {
        let site = call.site;
        match call.service {
            Service::Dynamodb => self.tables.handle(site, &call.operation, &call.body),
            Service::Sqs => self.queues[site].handle(&call.operation, call.body.clone()).await,
            Service::Sns => self.topics[site].handle(&call.operation, call.body.clone()).await,
            Service::Ssm => self.parameters[site].handle(&call.operation, call.body.clone()).await,
            Service::S3 => self.buckets.handle(site, &call.parts, call.body.clone()),
            Service::Sts => identity::handle(&call.operation),
        }
    }

    fn region_darkness(&self, site: usize) -> Option<Darkness> {
        self.faults.region_darkness(&self.regions[site])
    }

    /// Ends when the region goes dark while a call is under way, a long poll for example.
    async fn nightfall(&self, site: usize) -> Darkness {
        let mut changed = self.faults.watch();
        loop {
            if let Some(darkness) = self.region_darkness(site) {
                return darkness;
            }
            if changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Gives no answer: at once, or only after the light is back, so that a client without a time limit tries again.
    async fn swallow(&self, darkness: Darkness, call: &Call) -> Result<Answer, Cut> {
        if darkness == Darkness::Cut {
            return Err(Cut);
        }
        let mut changed = self.faults.watch();
        let light = async {
            loop {
                if changed.changed().await.is_err()
                    || !self.faults.darkens(call.site, call.service, &call.operation)
                {
                    return;
                }
            }
        };
        tokio::select! {
            () = light => {}
            () = self.stop.cancelled() => {}
        }
        Err(Cut)
    }

    /// Ends what the services keep running by themselves.
    pub(super) async fn shut_down(&self, within: Duration) {
        let ends = futures::future::join_all(self.queues.iter().map(|queues| queues.shut_down()));
        if tokio::time::timeout(within, ends).await.is_err() {
            tracing::warn!("the queues did not end in time");
        }
    }
}

/// The refusal of a call that cannot be routed, in a form that the client behind it can read.
fn refused(parts: &Parts, error: &scope::ScopeError) -> Answer {
    let (status, code) = match error {
        scope::ScopeError::Unsigned => (StatusCode::FORBIDDEN, "MissingAuthenticationToken"),
        scope::ScopeError::Malformed => (StatusCode::BAD_REQUEST, "IncompleteSignature"),
        scope::ScopeError::UnknownService(_) => (StatusCode::BAD_REQUEST, "UnknownService"),
        scope::ScopeError::UnknownRegion(..) => (StatusCode::BAD_REQUEST, "InvalidRegion"),
    };
    let json = parts.headers.contains_key("x-amz-target");
    let shape = if json { Service::Ssm } else { Service::S3 };
    Failure { status, code, message: &error.to_string() }.answer(shape)
}

fn too_large() -> Answer {
    let message = "the body is larger than any call may be";
    Failure { status: StatusCode::PAYLOAD_TOO_LARGE, code: "RequestEntityTooLarge", message }
        .answer(Service::S3)
}
