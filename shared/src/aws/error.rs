//! From the SDK's errors to the ports' kinds.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::ports::{PortError, PortErrorKind};

/// Error codes that mean "too many requests", whatever their HTTP status: the list of the SDK's own standard retries
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>).
const THROTTLING: [&str; 12] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
];

/// Says what kind of failure an SDK error is.
pub(super) fn port_error<E>(operation: &'static str) -> impl Fn(SdkError<E, HttpResponse>) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    move |error| {
        let kind = match &error {
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
                PortErrorKind::NoAnswer
            }
            SdkError::ServiceError(answer) => {
                service_kind(answer.err().code(), answer.raw().status().as_u16())
            }
            // A request that could not be built or signed, and what the SDK may add to this open enum.
            SdkError::ConstructionFailure(_) | _ => PortErrorKind::Refused,
        };
        PortError { operation, kind, detail: detail(&error) }
    }
}

fn service_kind(code: Option<&str>, status: u16) -> PortErrorKind {
    match (code, status) {
        (Some(code), _) if THROTTLING.contains(&code) => PortErrorKind::Throttled,
        (_, 429) => PortErrorKind::Throttled,
        (_, 500..=599) => PortErrorKind::Unavailable,
        _ => PortErrorKind::Refused,
    }
}

/// A service's answer is told by its code and message alone: the whole error would show the item of a failed condition.
fn detail<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match error.as_service_error() {
        Some(service) => {
            format!("{}: {}", service.code().unwrap_or("no code"), service.message().unwrap_or("no message"))
        }
        None => with_causes(error),
    }
}

/// An error and what it came from, without the innards of their types.
fn with_causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// An answer that cannot be understood.
pub(super) fn malformed(operation: &'static str, what: &str) -> PortError {
    PortError { operation, kind: PortErrorKind::Refused, detail: format!("malformed answer: {what}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no answer")]
    struct NoAnswer(#[source] std::io::Error);

    #[test]
    fn a_failure_is_told_with_its_causes_and_nothing_of_the_types_behind_them() {
        let error = NoAnswer(std::io::Error::other("connection refused"));
        assert_eq!(with_causes(&error), "no answer: connection refused");
    }
}
