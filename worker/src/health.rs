//! The worker's small HTTP face: health, version and metrics. No work goes over it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use sales_shared::metrics::{CONTENT_TYPE, Exposition};
use serde_json::json;

use crate::metrics::Metrics;

/// How much longer than a long poll the queue may be silent before the worker is not ready.
const POLL_GRACE: Duration = Duration::from_secs(15);

struct Health {
    metrics: Metrics,
    exposition: Exposition,
    poll_age_max: Duration,
}

/// The routes.
pub(crate) fn router(metrics: Metrics, exposition: Exposition, long_poll: Duration) -> Router {
    let health = Arc::new(Health { metrics, exposition, poll_age_max: long_poll + POLL_GRACE });
    Router::new()
        .route("/healthcheck", get(alive))
        .route("/liveness", get(alive))
        .route("/readiness", get(ready))
        .route("/version", get(version))
        .route("/metrics", get(metrics_text))
        .with_state(health)
}

async fn alive() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

/// Ready is who has heard from the queue lately, or holds by order.
async fn ready(State(health): State<Arc<Health>>) -> Response {
    let age = health.metrics.poll_age_seconds();
    let limit = health.poll_age_max.as_secs_f64();
    if age <= limit {
        return Json(json!({ "status": "ok", "queue_poll_age_seconds": age })).into_response();
    }
    let detail = format!("the last good poll of the queue was {age:.0} s ago; {limit:.0} s is the limit");
    let problem = json!({ "type": "about:blank", "title": "Not ready", "status": 503, "detail": detail });
    let headers = [(header::CONTENT_TYPE, "application/problem+json")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, Json(problem).into_response().into_body()).into_response()
}

async fn version() -> Response {
    Json(json!({ "name": crate::PROGRAM.name, "version": crate::PROGRAM.version })).into_response()
}

async fn metrics_text(State(health): State<Arc<Health>>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], health.exposition.render()).into_response()
}
