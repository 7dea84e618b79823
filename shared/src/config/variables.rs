//! Every environment variable that the services read.

/// Who reads a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// `sales-api`.
    Api,
    /// `sales-worker`.
    Worker,
    /// Both.
    Both,
}

impl Service {
    /// Whether a variable of this service is read by `reader`. Who asks for both reads everything.
    pub fn includes(self, reader: Service) -> bool {
        self == reader || self == Service::Both || reader == Service::Both
    }

    /// Its name in lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Service::Api => "api",
            Service::Worker => "worker",
            Service::Both => "both",
        }
    }
}

/// One variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds when it is not set; `None` with `required`: it must be set.
    pub default: Option<&'static str>,
    /// Whether it must be set.
    pub required: bool,
    /// Who reads it.
    pub service: Service,
    /// What it means, in a line.
    pub help: &'static str,
}

const fn required(name: &'static str, service: Service, help: &'static str) -> Variable {
    Variable { name, default: None, required: true, service, help }
}

const fn optional(name: &'static str, service: Service, help: &'static str) -> Variable {
    Variable { name, default: None, required: false, service, help }
}

const fn with_default(
    name: &'static str,
    default: &'static str,
    service: Service,
    help: &'static str,
) -> Variable {
    Variable { name, default: Some(default), required: false, service, help }
}

macro_rules! variables {
    ($($constant:ident = $make:expr;)*) => {
        $(#[doc = "See its `help`."] pub const $constant: Variable = $make;)*

        /// All of them, in the order in which they are listed.
        pub const VARIABLES: &[Variable] = &[$($constant),*];
    };
}

variables! {
    AWS_REGION = required("AWS_REGION", Service::Both, "the region this process runs in");
    PEER_REGION = required("PEER_REGION", Service::Both, "the other region of the deployment");
    AWS_ENDPOINT_URL = optional("AWS_ENDPOINT_URL", Service::Both, "an emulator to use in place of AWS");
    DYNAMO_SALES_TABLE = required("DYNAMO_SALES_TABLE", Service::Both, "name of the global sales table");
    DYNAMO_SALES_IDEMPOTENCY_TABLE = required("DYNAMO_SALES_IDEMPOTENCY_TABLE", Service::Both, "name of the global idempotency table");
    DYNAMO_TABLE_CONSISTENCY = with_default("DYNAMO_TABLE_CONSISTENCY", "eventual", Service::Both, "consistency of the global tables: eventual (MREC) or strong (MRSC)");
    SNS_SALES_PROCESSING_TOPIC = required("SNS_SALES_PROCESSING_TOPIC", Service::Api, "ARN of the regional topic");
    SSM_PARAMETER_STORE_STATE = required("SSM_PARAMETER_STORE_STATE", Service::Both, "name of the regional parameter that holds ACTIVE, PASSIVE or HOLD");
    SQS_SALES_QUEUE = required("SQS_SALES_QUEUE", Service::Worker, "URL of the regional queue");
    SQS_SALES_DLQ = required("SQS_SALES_DLQ", Service::Worker, "URL of the regional dead-letter queue");
    S3_SALES_BUCKET = required("S3_SALES_BUCKET", Service::Worker, "name of the regional archive bucket");
    LISTEN_ADDRESS = with_default("LISTEN_ADDRESS", "0.0.0.0", Service::Both, "address to listen on");
    PORT = optional("PORT", Service::Both, "port to listen on (default: api 8080, worker 8090)");
    STATE_TTL = with_default("STATE_TTL", "5s", Service::Both, "how long a reading of the region state serves");
    STATE_MAX_AGE = with_default("STATE_MAX_AGE", "1h", Service::Both, "how long the last known state serves while SSM does not answer; then the worker holds");
    CLAIM_LEASE = with_default("CLAIM_LEASE", "60s", Service::Worker, "how long a claim is held before another worker may take it");
    PROCESSING_DEADLINE = with_default("PROCESSING_DEADLINE", "20s", Service::Worker, "how long one run of a sale's effects may take");
    QUEUE_VISIBILITY = with_default("QUEUE_VISIBILITY", "90s", Service::Worker, "how long a received message stays hidden from others");
    TAKEOVER_AFTER = with_default("TAKEOVER_AFTER", "30s", Service::Worker, "age from which the other region may process a sale");
    RECONCILE_AFTER = with_default("RECONCILE_AFTER", "60s", Service::Worker, "age from which the reconciler processes what is still in the outbox");
    RECONCILE_EVERY = with_default("RECONCILE_EVERY", "15s", Service::Worker, "time between two looks at the outbox");
    MAX_ATTEMPTS = with_default("MAX_ATTEMPTS", "5", Service::Worker, "claims on a sale before it is parked (1 to 100)");
    MAX_CLOCK_SKEW = with_default("MAX_CLOCK_SKEW", "2s", Service::Worker, "the most by which a host's clock may be off");
    WORKER_CONCURRENCY = with_default("WORKER_CONCURRENCY", "64", Service::Worker, "sales in work at once (1 to 1024)");
    LONG_POLL = with_default("LONG_POLL", "20s", Service::Worker, "how long a receive waits for messages (0s to 20s)");
    IDEMPOTENCY_TTL = with_default("IDEMPOTENCY_TTL", "30d", Service::Both, "how long an idempotency record is kept; longer than queue and DLQ retention together");
    DRAIN_TIMEOUT = with_default("DRAIN_TIMEOUT", "25s", Service::Both, "how long a stop may take; below the grace period of the platform");
    LOG_FORMAT = with_default("LOG_FORMAT", "json", Service::Both, "json or text");
    LOG_LEVEL = with_default("LOG_LEVEL", "info", Service::Both, "a tracing filter, like info or warn,sales_worker=debug");
    METRICS_EMF = with_default("METRICS_EMF", "off", Service::Both, "on: print one CloudWatch embedded-metrics line a minute to standard output");
}
