//! Answers to what went wrong, as RFC 9457 problem details. What happened inside stays in the log.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sales_shared::ports::{PortError, PortErrorKind};
use sales_shared::sale::{InvalidNewSale, InvalidSaleId};

use crate::accept::AcceptError;

/// Content type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// How long a client is asked to wait before it tries again, in seconds: longer than a throttled table or a burst of
/// requests takes to recover, shorter than a person's patience.
pub const RETRY_AFTER_SECONDS: u16 = 1;

/// What a kind of problem is: a URI reference that says more than the status, or `about:blank` where the status says it all.
const ABOUT_BLANK: &str = "about:blank";

/// One problem, ready to be answered.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: &'static str,
    status: StatusCode,
    title: &'static str,
    detail: Cow<'static, str>,
    field: Option<&'static str>,
    retry: bool,
}

#[derive(serde::Serialize)]
struct ProblemJson<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
}

impl Problem {
    fn blank(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { kind: ABOUT_BLANK, status, title, detail: detail.into(), field: None, retry: false }
    }

    fn retry(self) -> Self {
        Self { retry: true, ..self }
    }

    /// 400: something in the request cannot be taken. `field` is a name in the body, the path or the header.
    pub fn invalid(field: Option<&'static str>, detail: impl Into<Cow<'static, str>>) -> Self {
        let title = "The request cannot be taken";
        Self {
            kind: "/problems/invalid-request",
            title,
            field,
            ..Self::blank(StatusCode::BAD_REQUEST, detail)
        }
    }

    /// 404: no such sale.
    pub fn no_such_sale() -> Self {
        Self::blank(StatusCode::NOT_FOUND, "there is no such sale")
    }

    /// 404: no such address.
    pub fn no_such_route() -> Self {
        Self::blank(StatusCode::NOT_FOUND, "there is nothing at this address")
    }

    /// 405. The router adds `Allow`.
    pub fn wrong_method() -> Self {
        Self::blank(
            StatusCode::METHOD_NOT_ALLOWED,
            "this address does not take that method; Allow lists what it takes",
        )
    }

    /// 408: the body did not come.
    pub fn body_too_slow(limit: Duration) -> Self {
        Self::blank(StatusCode::REQUEST_TIMEOUT, format!("the body did not arrive within {limit:?}"))
    }

    /// 413.
    pub fn body_too_large(limit_bytes: usize) -> Self {
        Self::blank(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit_bytes} bytes"))
    }

    /// 415.
    pub fn wrong_content_type() -> Self {
        Self::blank(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json")
    }

    /// 500: a fault of ours.
    pub fn internal() -> Self {
        Self::blank(StatusCode::INTERNAL_SERVER_ERROR, "the service failed; the fault is logged")
    }

    /// 503: too many requests at once.
    pub fn overloaded() -> Self {
        Self::blank(StatusCode::SERVICE_UNAVAILABLE, "too many requests at once").retry()
    }

    /// 503: it took too long.
    pub fn too_slow(limit: Duration) -> Self {
        let detail = format!(
            "no answer within {limit:?}; it is unknown whether the request took effect, and with the same Idempotency-Key it is safe to repeat"
        );
        Self::blank(StatusCode::SERVICE_UNAVAILABLE, detail).retry()
    }

    /// For a request that needs a port which failed.
    pub fn of_port(error: &PortError) -> Self {
        match error.kind {
            PortErrorKind::NoAnswer | PortErrorKind::Unavailable => {
                let detail = "the store did not answer; it is unknown whether the request took effect, and with the same Idempotency-Key it is safe to repeat";
                Self::blank(StatusCode::SERVICE_UNAVAILABLE, detail).retry()
            }
            PortErrorKind::Throttled => {
                Self::blank(StatusCode::SERVICE_UNAVAILABLE, "the store is busy; try again").retry()
            }
            PortErrorKind::Refused => Self::internal(),
        }
    }

    /// For a sale that was not accepted.
    pub fn of_accept(error: &AcceptError) -> Self {
        match error {
            AcceptError::KeyReused => Self {
                kind: "/problems/idempotency-key-reused",
                title: "The Idempotency-Key stands for another sale",
                field: Some("Idempotency-Key"),
                ..Self::blank(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "this Idempotency-Key was used with another body; a new sale needs a new key",
                )
            },
            AcceptError::Deleted => Self {
                kind: "/problems/sale-deleted",
                title: "The sale of this Idempotency-Key was deleted",
                field: Some("Idempotency-Key"),
                ..Self::blank(StatusCode::CONFLICT, "the sale was deleted; a new sale needs a new key")
            },
            AcceptError::Port(error) => Self::of_port(error),
        }
    }
}

impl From<InvalidNewSale> for Problem {
    fn from(error: InvalidNewSale) -> Self {
        Self::invalid(error.field(), error.to_string())
    }
}

impl From<InvalidSaleId> for Problem {
    fn from(error: InvalidSaleId) -> Self {
        Self::invalid(Some("id"), error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Problem { kind, status, title, detail, field, retry } = self;
        let json = ProblemJson { kind, title, status: status.as_u16(), detail: &detail, field };
        let mut response = Response::new(Body::from(serde_json::to_vec(&json).unwrap_or_default()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        response
    }
}
