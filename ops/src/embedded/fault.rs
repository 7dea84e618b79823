//! What a fault is: which calls it meets, and what it does to them.

use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Failure};
use super::scope::Service;

/// The name under which a fault meets what a topic sends to a queue. Nothing but this name does: a fault of all
/// calls means calls of clients.
pub(super) const DELIVER: &str = "Deliver";

/// The longest latency that can be asked for.
const LATENCY_MAX: Duration = Duration::from_secs(3600);

/// What becomes of a call into the dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Darkness {
    /// No answer at all, until the client gives up or the light comes back (then the connection is cut).
    Hang,
    /// The connection is closed without an answer.
    Cut,
}

/// Errors, worded by each service in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InjectedError {
    /// A fault inside AWS, status 500; the SDK retries it.
    Internal,
    /// Too many calls; the SDK retries it, more slowly.
    Throttle,
    /// Status 503; the SDK retries it.
    Unavailable,
    /// Not allowed, status 403 or 400; the SDK gives up at once.
    AccessDenied,
}

/// One fault: which calls it meets (an absent field meets all), and what it does to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fault {
    /// The region the call is signed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The operation, as AWS names it (`PutItem`), or `Deliver` for what a topic sends to a queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// How likely a call that matches is met, 0 to 1.
    pub probability: f64,
    /// What the dice of this fault start from: the same seed and the same calls give the same outcome.
    pub seed: u64,
    /// How many calls are met before the fault is spent; absent means no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Added before the call is carried out, in milliseconds.
    pub latency_ms: u64,
    /// Answered in place of the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<InjectedError>,
    /// The call takes effect, and then the error (or the darkness) is the answer all the same.
    pub after_effect: bool,
    /// No answer. Without a service and an operation the whole region is dark: replication and deliveries wait too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dark: Option<Darkness>,
}

impl Default for Fault {
    fn default() -> Self {
        Self {
            region: None,
            service: None,
            operation: None,
            probability: 1.0,
            seed: 0,
            times: None,
            latency_ms: 0,
            error: None,
            after_effect: false,
            dark: None,
        }
    }
}

impl Fault {
    /// A whole region without light.
    #[must_use]
    pub fn dark_region(region: &str, darkness: Darkness) -> Self {
        Self { region: Some(region.to_owned()), dark: Some(darkness), ..Self::default() }
    }

    /// An error at every call of one operation.
    #[must_use]
    pub fn error(region: &str, service: Service, operation: &str, error: InjectedError) -> Self {
        Self {
            region: Some(region.to_owned()),
            service: Some(service),
            operation: Some(operation.to_owned()),
            error: Some(error),
            ..Self::default()
        }
    }

    /// Latency at every call.
    #[must_use]
    pub fn latency(latency: Duration) -> Self {
        let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        Self { latency_ms, ..Self::default() }
    }

    pub(super) fn darkens_region(&self) -> bool {
        self.dark.is_some() && self.service.is_none() && self.operation.is_none() && !self.after_effect
    }

    pub(super) fn matches(&self, region: &str, service: Service, operation: &str) -> bool {
        self.region.as_deref().is_none_or(|wanted| wanted == region)
            && self.service.is_none_or(|wanted| wanted == service)
            && match &self.operation {
                Some(wanted) => wanted == operation,
                None => operation != DELIVER,
            }
    }

    pub(super) fn check(&self, regions: &[String; 2]) -> Result<(), FaultRefused> {
        if let Some(region) = &self.region
            && !regions.contains(region)
        {
            let [first, second] = regions.clone();
            return Err(FaultRefused::Region(region.clone(), first, second));
        }
        if !(0.0..=1.0).contains(&self.probability) {
            return Err(FaultRefused::Probability(self.probability));
        }
        if Duration::from_millis(self.latency_ms) > LATENCY_MAX {
            return Err(FaultRefused::Latency);
        }
        if self.latency_ms == 0 && self.error.is_none() && self.dark.is_none() {
            return Err(FaultRefused::Nothing);
        }
        if self.darkens_region() && (self.probability < 1.0 || self.times.is_some()) {
            return Err(FaultRefused::HalfDark);
        }
        Ok(())
    }
}

/// Why a fault was not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FaultRefused {
    /// Not one of the two regions.
    #[error("region {0} is not one of {1} and {2}")]
    Region(String, String, String),
    /// Not a probability.
    #[error("probability is {0}, it must be from 0 to 1")]
    Probability(f64),
    /// Too long.
    #[error("latency_ms is above one hour")]
    Latency,
    /// Nothing would happen.
    #[error(
        "the fault does nothing: give latency_ms, error (internal, throttle, unavailable, access_denied) or dark (hang, cut)"
    )]
    Nothing,
    /// A region is dark or it is not.
    #[error(
        "a dark region takes neither probability nor times; name a service or an operation to lose single answers"
    )]
    HalfDark,
    /// Too many.
    #[error("at most 1000 faults can be in force")]
    TooMany,
}

impl InjectedError {
    /// The error as the service would word it.
    pub(super) fn answer(self, service: Service) -> Answer {
        let (status, code) = match (self, service) {
            (Self::Internal, Service::Dynamodb | Service::Ssm) => (500, "InternalServerError"),
            (Self::Internal, Service::Sqs | Service::Sts) => (500, "InternalFailure"),
            (Self::Internal, Service::Sns | Service::S3) => (500, "InternalError"),
            (Self::Throttle, Service::Dynamodb) => (400, "ProvisionedThroughputExceededException"),
            (Self::Throttle, Service::Sqs) => (403, "RequestThrottled"),
            (Self::Throttle, Service::Ssm) => (400, "ThrottlingException"),
            (Self::Throttle, Service::Sns | Service::Sts) => (400, "Throttling"),
            (Self::Throttle, Service::S3) => (503, "SlowDown"),
            (Self::Unavailable, _) => (503, "ServiceUnavailable"),
            (Self::AccessDenied, Service::Dynamodb | Service::Ssm) => (400, "AccessDeniedException"),
            (Self::AccessDenied, Service::Sns) => (403, "AuthorizationError"),
            (Self::AccessDenied, Service::S3 | Service::Sqs | Service::Sts) => (403, "AccessDenied"),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Failure { status, code, message: "injected fault" }.answer(service)
    }
}
