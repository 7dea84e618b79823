//! The sales themselves.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sales_shared::ports::PortError;
use sales_shared::sale::{NewSale, Progress, StoredSale};
use sales_shared::trace::TraceParent;
use serde_json::value::RawValue;

use crate::accept::{AcceptError, Accepted, Deleted};
use crate::extract::{self, SaleAt};
use crate::problem::Problem;
use crate::state::AppState;

/// Says that the answer is that of an earlier request with the same key.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A sale as clients see it.
#[derive(serde::Serialize)]
struct SaleJson<'a> {
    id: &'a str,
    product: &'a str,
    amount: Box<RawValue>,
    processed: bool,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    processed_at: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    parked: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}

fn sale_body(id: &str, stored: &StoredSale) -> Body {
    let (processed_at, parked) = match &stored.progress {
        Progress::Processed { at } => (Some(at.to_string()), false),
        Progress::Parked => (None, true),
        Progress::Waiting | Progress::Deleted => (None, false),
    };
    let json = SaleJson {
        id,
        product: stored.sale.product.as_str(),
        amount: stored.sale.amount.to_json(),
        processed: processed_at.is_some(),
        created_at: stored.sale.created_at.to_string(),
        processed_at,
        parked,
    };
    Body::from(serde_json::to_vec(&json).unwrap_or_default())
}

/// `POST /sales`
pub(super) async fn create(State(app): State<Arc<AppState>>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    extract::require_json(&head.headers)?;
    let key = extract::idempotency_key(&head.headers)?;
    let body = extract::body(&head.headers, body).await?;
    let new = NewSale::parse(&body)?;
    let trace = extract::trace(&head.headers, &app.random);
    let accepted = app.sales.accept(new, key, trace.clone()).await.map_err(|error| {
        if let AcceptError::Port(port) = &error {
            log_failure("accept", &trace, port);
        }
        Problem::of_accept(&error)
    })?;
    app.table.answered();
    Ok(created(&accepted))
}

fn created(accepted: &Accepted) -> Response {
    let (stored, replayed) = match accepted {
        Accepted::Created(stored) => (stored, false),
        Accepted::Replayed(stored) => (stored, true),
    };
    let id = stored.sale.id.to_string();
    let mut response = json(StatusCode::CREATED, sale_body(&id, stored));
    let headers = response.headers_mut();
    // A UUID is always a header's text.
    if let Ok(location) = HeaderValue::try_from(format!("/sales/{id}")) {
        headers.insert(header::LOCATION, location);
    }
    if replayed {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// `GET /sales/{id}`
pub(super) async fn show(
    State(app): State<Arc<AppState>>,
    SaleAt(id): SaleAt,
    request: Request,
) -> Result<Response, Problem> {
    match app.sales.find(id).await {
        Ok(Some(StoredSale { progress: Progress::Deleted, .. }) | None) => Err(Problem::no_such_sale()),
        Ok(Some(stored)) => Ok(json(StatusCode::OK, sale_body(&id.to_string(), &stored))),
        Err(error) => Err(failed("find", &app, &request, &error)),
    }
}

/// `DELETE /sales/{id}`
pub(super) async fn remove(
    State(app): State<Arc<AppState>>,
    SaleAt(id): SaleAt,
    request: Request,
) -> Result<StatusCode, Problem> {
    match app.sales.delete(id).await {
        Ok(Deleted::Done) => Ok(StatusCode::NO_CONTENT),
        Ok(Deleted::Unknown) => Err(Problem::no_such_sale()),
        Err(error) => Err(failed("delete", &app, &request, &error)),
    }
}

fn json(status: StatusCode, body: Body) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

fn failed(what: &'static str, app: &AppState, request: &Request, error: &PortError) -> Problem {
    log_failure(what, &extract::trace(request.headers(), &app.random), error);
    Problem::of_port(error)
}

fn log_failure(what: &'static str, trace: &TraceParent, error: &PortError) {
    tracing::warn!(request = what, trace.id = trace.trace_id(), %error, "a request failed");
}
