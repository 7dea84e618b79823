//! What load balancers, DNS health checks and Prometheus ask. All of it without I/O.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sales_shared::metrics::CONTENT_TYPE;

use crate::state::{AppState, declared_by};
use crate::{NAME, VERSION};

const JSON: (HeaderName, HeaderValue) = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
const NO_STORE: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// The state that this region goes by, HOLD where it is unknown or too old. 200 in any state: whoever asks compares
/// the body's bytes.
pub(super) async fn state(State(app): State<Arc<AppState>>) -> Response {
    let body = app.state_bodies.of(declared_by(app.state.mode()));
    ([JSON, NO_STORE], body).into_response()
}

/// The process runs.
pub(super) async fn alive() -> Response {
    ([JSON, NO_STORE], r#"{"status":"ok"}"#).into_response()
}

/// Whether a sale can be taken. The region state has no say in it: an unreadable one never fails a sale.
pub(super) async fn readiness(State(app): State<Arc<AppState>>) -> Response {
    let reason = if app.stopping.is_cancelled() {
        "stopping"
    } else if !app.table.is_ready() {
        "the sales table does not answer"
    } else {
        return alive().await;
    };
    let body = format!("{{\"status\":\"unavailable\",\"reason\":\"{reason}\"}}");
    (StatusCode::SERVICE_UNAVAILABLE, [JSON, NO_STORE], body).into_response()
}

/// Which release this is.
pub(super) async fn version() -> Response {
    ([JSON], format!("{{\"name\":\"{NAME}\",\"version\":\"{VERSION}\"}}")).into_response()
}

/// The counts.
pub(super) async fn metrics(State(app): State<Arc<AppState>>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE))], app.metrics.exposition.render())
        .into_response()
}
