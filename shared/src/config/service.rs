//! What the services make of the variables.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::variables as v;
use super::{Reader, duration, number, word};
use crate::region::cached::StatePolicy;
use crate::region::{Region, Sites};

/// Longest wait of a receive: a limit of SQS.
const LONG_POLL_MAX: Duration = Duration::from_secs(20);
/// Longest visibility timeout: a limit of SQS.
const VISIBILITY_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// Longest processing deadline: a message cannot be kept hidden for longer than 12 h.
const DEADLINE_MAX: Duration = Duration::from_secs(11 * 60 * 60);
/// Retention of the queue (10 days) and of the dead-letter queue (14 days) together: as long as a message can come back.
const RETENTION: Duration = Duration::from_secs(24 * 24 * 60 * 60);

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// What both services need.
#[derive(Clone, Debug)]
pub struct SharedSettings {
    /// The two regions.
    pub sites: Sites,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Names of the AWS resources.
    pub aws: AwsSettings,
    /// How long readings of the state serve.
    pub state: StatePolicy,
    /// How long an idempotency record is kept.
    pub idempotency_ttl: Duration,
    /// How long a stop may take.
    pub drain_timeout: Duration,
    /// How logs are written.
    pub log_format: LogFormat,
    /// Which.
    pub log_level: String,
    /// Whether to print CloudWatch's embedded metrics.
    pub metrics_emf: bool,
}

/// Names of the AWS resources.
#[derive(Clone, Debug)]
pub struct AwsSettings {
    /// An emulator.
    pub endpoint_url: Option<String>,
    /// The sales table.
    pub sales_table: String,
    /// The idempotency table.
    pub idempotency_table: String,
    /// Whether the tables are strongly consistent across regions.
    pub strong_tables: bool,
    /// The parameter of the state.
    pub state_parameter: String,
    /// ARN of the topic; empty for the worker.
    pub topic: String,
    /// URL of the queue; empty for the api.
    pub queue: String,
    /// URL of the dead-letter queue; empty for the api.
    pub dlq: String,
    /// The bucket; empty for the api.
    pub bucket: String,
}

/// What the worker needs beyond.
#[derive(Clone, Copy, Debug)]
pub struct WorkerSettings {
    /// The relations of the protocol.
    pub timings: Timings,
    /// Claims on a sale before it is parked.
    pub max_attempts: u32,
    /// Sales in work at once.
    pub concurrency: usize,
}

/// How long things take. [`Timings::check`] holds them against each other.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// How long a claim is held.
    pub lease: Duration,
    /// How long one run of the effects may take.
    pub deadline: Duration,
    /// Visibility timeout of the queue.
    pub visibility: Duration,
    /// Age from which the other region may process a sale.
    pub takeover_after: Duration,
    /// Age from which the reconciler processes a sale.
    pub reconcile_after: Duration,
    /// Time between two looks at the outbox.
    pub reconcile_every: Duration,
    /// The most by which a host's clock may be off.
    pub max_clock_skew: Duration,
    /// How long a receive waits.
    pub long_poll: Duration,
}

impl SharedSettings {
    /// Reads them; `port` is the default port. Faults are left in the reader.
    pub fn read(reader: &mut Reader<'_>, service: v::Service, port: u16) -> Option<Self> {
        let sites = read_sites(reader);
        let aws = read_aws(reader, service);
        let address = reader.required(&v::LISTEN_ADDRESS, |t| {
            t.parse::<IpAddr>().map_err(|_| format!("is {t:?}: an IP address is expected"))
        });
        let port = reader.optional(&v::PORT, |t| number(t, 0, u16::MAX)).unwrap_or(port);
        let ttl = reader.required(&v::STATE_TTL, duration);
        let max_age = reader.required(&v::STATE_MAX_AGE, duration);
        let idempotency_ttl = reader.required(&v::IDEMPOTENCY_TTL, duration);
        let drain_timeout = reader.required(&v::DRAIN_TIMEOUT, duration);
        let log_format = reader
            .required(&v::LOG_FORMAT, |t| word(t, &[("json", LogFormat::Json), ("text", LogFormat::Text)]));
        let log_level = reader.required(&v::LOG_LEVEL, |t| {
            t.parse::<tracing_subscriber::EnvFilter>()
                .map(|_| t.to_owned())
                .map_err(|e| format!("is no filter: {e}"))
        });
        let metrics_emf = reader.required(&v::METRICS_EMF, |t| word(t, &[("on", true), ("off", false)]));
        let state = StatePolicy { ttl: ttl?, max_age: max_age? };
        reader.relation(!state.ttl.is_zero(), "STATE_TTL must be longer than 0");
        reader.relation(state.ttl < state.max_age, "STATE_MAX_AGE must be longer than STATE_TTL");
        let idempotency_ttl = idempotency_ttl?;
        reader.relation(
            idempotency_ttl > RETENTION,
            "IDEMPOTENCY_TTL must be longer than 24d, the retention of queue (10 days) and DLQ (14 days) together: a message must not outlive its proof",
        );
        Some(Self {
            sites: sites?,
            listen: SocketAddr::new(address?, port),
            aws: aws?,
            state,
            idempotency_ttl,
            drain_timeout: drain_timeout?,
            log_format: log_format?,
            log_level: log_level?,
            metrics_emf: metrics_emf?,
        })
    }
}

fn read_sites(reader: &mut Reader<'_>) -> Option<Sites> {
    let region = |text: &str| Region::parse(text).map_err(|e| format!("is {text:?}: {e}"));
    let local = reader.required(&v::AWS_REGION, region);
    let peer = reader.required(&v::PEER_REGION, region);
    match Sites::new(local?, peer?) {
        Ok(sites) => Some(sites),
        Err(same) => {
            reader.relation(false, &same.to_string());
            None
        }
    }
}

fn read_aws(reader: &mut Reader<'_>, service: v::Service) -> Option<AwsSettings> {
    let text = |text: &str| Ok(text.to_owned());
    let url = |text: &str| {
        let is_url = text.starts_with("http://") || text.starts_with("https://");
        if is_url { Ok(text.to_owned()) } else { Err(format!("is {text:?}: an http(s) URL is expected")) }
    };
    let arn = |text: &str| {
        let is_arn = text.starts_with("arn:") && text.split(':').count() >= 6;
        if is_arn { Ok(text.to_owned()) } else { Err(format!("is {text:?}: an ARN is expected")) }
    };
    let mut of = |variable: &v::Variable, parse: &dyn Fn(&str) -> Result<String, String>| {
        if variable.service.includes(service) {
            reader.required(variable, parse)
        } else {
            Some(String::new())
        }
    };
    let (sales_table, idempotency_table) =
        (of(&v::DYNAMO_SALES_TABLE, &text), of(&v::DYNAMO_SALES_IDEMPOTENCY_TABLE, &text));
    let state_parameter = of(&v::SSM_PARAMETER_STORE_STATE, &text);
    let topic = of(&v::SNS_SALES_PROCESSING_TOPIC, &arn);
    let (queue, dlq) = (of(&v::SQS_SALES_QUEUE, &url), of(&v::SQS_SALES_DLQ, &url));
    let bucket = of(&v::S3_SALES_BUCKET, &text);
    let endpoint_url = reader.optional(&v::AWS_ENDPOINT_URL, url);
    let strong_tables =
        reader.required(&v::DYNAMO_TABLE_CONSISTENCY, |t| word(t, &[("eventual", false), ("strong", true)]));
    Some(AwsSettings {
        endpoint_url,
        sales_table: sales_table?,
        idempotency_table: idempotency_table?,
        strong_tables: strong_tables?,
        state_parameter: state_parameter?,
        topic: topic?,
        queue: queue?,
        dlq: dlq?,
        bucket: bucket?,
    })
}

impl WorkerSettings {
    /// Reads them. Faults are left in the reader.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let lease = reader.required(&v::CLAIM_LEASE, duration);
        let deadline = reader.required(&v::PROCESSING_DEADLINE, duration);
        let visibility = reader.required(&v::QUEUE_VISIBILITY, duration);
        let takeover_after = reader.required(&v::TAKEOVER_AFTER, duration);
        let reconcile_after = reader.required(&v::RECONCILE_AFTER, duration);
        let reconcile_every = reader.required(&v::RECONCILE_EVERY, duration);
        let max_clock_skew = reader.required(&v::MAX_CLOCK_SKEW, duration);
        let long_poll = reader.required(&v::LONG_POLL, duration);
        let max_attempts = reader.required(&v::MAX_ATTEMPTS, |t| number(t, 1, 100));
        let concurrency = reader.required(&v::WORKER_CONCURRENCY, |t| number(t, 1, 1024));
        let timings = Timings {
            lease: lease?,
            deadline: deadline?,
            visibility: visibility?,
            takeover_after: takeover_after?,
            reconcile_after: reconcile_after?,
            reconcile_every: reconcile_every?,
            max_clock_skew: max_clock_skew?,
            long_poll: long_poll?,
        };
        timings.check(reader);
        Some(Self { timings, max_attempts: max_attempts?, concurrency: concurrency? })
    }
}

impl Default for WorkerSettings {
    /// What a worker has that is told nothing: the defaults of [`variables`](super::variables()).
    fn default() -> Self {
        let nothing = BTreeMap::new();
        Self::read(&mut Reader::new(&nothing))
            .unwrap_or_else(|| unreachable!("each of these variables has a default"))
    }
}

impl Timings {
    /// The relations on which the promises rest.
    fn check(&self, reader: &mut Reader<'_>) {
        let Timings { lease, deadline, visibility, .. } = *self;
        for (name, value) in [
            ("CLAIM_LEASE", lease),
            ("PROCESSING_DEADLINE", deadline),
            ("TAKEOVER_AFTER", self.takeover_after),
            ("RECONCILE_AFTER", self.reconcile_after),
            ("RECONCILE_EVERY", self.reconcile_every),
        ] {
            reader.relation(!value.is_zero(), &format!("{name} must be longer than 0"));
        }
        reader.relation(
            lease > self.max_clock_skew * 4,
            "CLAIM_LEASE must be longer than four times MAX_CLOCK_SKEW: it must outlast clocks that disagree, with time to renew it",
        );
        reader.relation(
            deadline <= DEADLINE_MAX,
            "PROCESSING_DEADLINE must be at most 11h: the visibility of a message ends at 12h",
        );
        reader.relation(
            lease <= visibility,
            "QUEUE_VISIBILITY must not be shorter than CLAIM_LEASE: a message must not come back while its claim is held",
        );
        reader.relation(visibility <= VISIBILITY_MAX, "QUEUE_VISIBILITY must be at most 12h, a limit of SQS");
        reader.relation(self.long_poll <= LONG_POLL_MAX, "LONG_POLL must be at most 20s, a limit of SQS");
        reader.relation(
            self.takeover_after > self.max_clock_skew * 2,
            "TAKEOVER_AFTER must be longer than twice MAX_CLOCK_SKEW: clocks must not make a sale look old",
        );
        reader.relation(
            self.reconcile_after >= self.takeover_after,
            "RECONCILE_AFTER must not be shorter than TAKEOVER_AFTER: the queue comes first",
        );
    }

    /// Whether a stop can end in order: what runs finishes, and the long poll brings back what it has.
    pub fn check_drain(&self, drain_timeout: Duration, reader: &mut Reader<'_>) {
        reader.relation(
            drain_timeout > self.deadline,
            "DRAIN_TIMEOUT must be longer than PROCESSING_DEADLINE: a stop lets the work in hand finish",
        );
        reader.relation(
            drain_timeout > self.long_poll,
            "DRAIN_TIMEOUT must be longer than LONG_POLL: a stop waits for the receive under way",
        );
    }
}
