//! From a request to what the routes work on.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use sales_shared::random::Random;
use sales_shared::sale::{IdempotencyKey, SaleId};
use sales_shared::trace::TraceParent;

use crate::problem::Problem;

/// Largest body, in bytes: many times the largest sale.
pub const BODY_MAX_BYTES: usize = 16 * 1024;

/// Longest time that a client may take over its body.
pub const BODY_LIMIT: Duration = Duration::from_secs(5);

/// The header that names a request across its repetitions
/// (<https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
const TRACEPARENT: &str = "traceparent";

/// Reads the body.
///
/// # Errors
/// 413, 408, or 400 when the connection fails in the middle of it.
pub async fn body(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > BODY_MAX_BYTES as u64) {
        return Err(Problem::body_too_large(BODY_MAX_BYTES));
    }
    match tokio::time::timeout(BODY_LIMIT, Limited::new(body, BODY_MAX_BYTES).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::body_too_large(BODY_MAX_BYTES)),
        Ok(Err(_)) => Err(Problem::invalid(None, "the body broke off")),
        Err(_elapsed) => Err(Problem::body_too_slow(BODY_LIMIT)),
    }
}

/// Takes `application/json` and the media types that build on it (`application/…+json`), with any parameters.
///
/// # Errors
/// 415.
pub fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let is_json =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            let essence = value.split(';').next().unwrap_or_default().trim();
            let subtype =
                essence.get(.."application/".len()).filter(|t| t.eq_ignore_ascii_case("application/"));
            let subtype = subtype.and_then(|t| essence.get(t.len()..)).unwrap_or_default();
            let suffix = subtype.len().checked_sub("+json".len()).and_then(|at| subtype.get(at..));
            subtype.eq_ignore_ascii_case("json") || suffix.is_some_and(|s| s.eq_ignore_ascii_case("+json"))
        });
    if is_json { Ok(()) } else { Err(Problem::wrong_content_type()) }
}

/// The idempotency key, if there is one.
///
/// # Errors
/// 400 when it is malformed, or when there are several.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let invalid = |detail: String| Problem::invalid(Some("Idempotency-Key"), detail);
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(invalid("there must be one Idempotency-Key at most".to_owned()));
    }
    // What is not ASCII is not readable as a text, and an empty text is no key either.
    let text = value.to_str().unwrap_or_default();
    IdempotencyKey::parse(text).map(Some).map_err(|error| invalid(error.to_string()))
}

/// The sale that a path names.
#[derive(Clone, Copy, Debug)]
pub struct SaleAt(pub SaleId);

impl<S: Send + Sync> FromRequestParts<S> for SaleAt {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // A segment that is not even UTF-8 is no id either.
        let segment = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = segment.unwrap_or_else(|_| Path(String::new()));
        Ok(Self(SaleId::parse(&text)?))
    }
}

/// The client's trace, or a new one. A malformed header counts as none, as the recommendation has it.
pub fn trace(headers: &HeaderMap, random: &Random) -> TraceParent {
    let read =
        headers.get(TRACEPARENT).map(HeaderValue::to_str).and_then(Result::ok).and_then(TraceParent::parse);
    read.unwrap_or_else(|| TraceParent::generate(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn json_is_taken_under_its_names_and_nothing_else_is() {
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.sale.v1+json"] {
            assert!(require_json(&headers("content-type", &[good])).is_ok(), "{good}");
        }
        for bad in [
            "text/json",
            "application/jsonp",
            "application/",
            "application/xml",
            "json",
            "",
            "application/x-www-form-urlencoded",
        ] {
            assert!(require_json(&headers("content-type", &[bad])).is_err(), "{bad}");
        }
        assert!(require_json(&HeaderMap::new()).is_err());
    }

    #[test]
    fn several_keys_are_no_key() {
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
        let one = idempotency_key(&headers(IDEMPOTENCY_KEY, &["\"k\""])).unwrap();
        assert_eq!(one, Some(IdempotencyKey::parse("k").unwrap()));
        assert!(idempotency_key(&headers(IDEMPOTENCY_KEY, &["k", "k"])).is_err());
        assert!(idempotency_key(&headers(IDEMPOTENCY_KEY, &[""])).is_err());
    }

    #[test]
    fn a_malformed_trace_is_replaced() {
        let random = Random::from_seed(1);
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace(&headers("traceparent", &[good]), &random).to_string(), good);
        assert_ne!(trace(&headers("traceparent", &["00-0-0-0"]), &random).to_string(), "00-0-0-0");
    }
}
