//! The addresses, and what stands behind them.

mod health;
mod sales;

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::routing::get;

use crate::problem::Problem;
use crate::state::AppState;

const SALES: &str = "/sales";
const SALE: &str = "/sales/{id}";

/// All routes of the api.
pub fn router(state: Arc<AppState>) -> Router {
    Router::new()
        .route(SALES, axum::routing::post(sales::create))
        .route(SALE, get(sales::show).delete(sales::remove))
        .route("/state", get(health::state))
        .route("/healthcheck", get(health::alive))
        .route("/liveness", get(health::alive))
        .route("/readiness", get(health::readiness))
        .route("/version", get(health::version))
        .route("/metrics", get(health::metrics))
        .fallback(async || Problem::no_such_route())
        .method_not_allowed_fallback(async || Problem::wrong_method())
        .with_state(state)
}

/// What a request is counted under, and whether it counts against the limit on requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteClass {
    /// The route, as labels and logs name it: never what a client wrote.
    pub label: &'static str,
    /// Whether it is about sales. The others are cheap, and have to answer when there is too much to do.
    pub about_sales: bool,
}

/// Finds the class of a path.
pub fn classify(path: &str) -> RouteClass {
    let (label, about_sales) = match path {
        SALES => (SALES, true),
        "/state" => ("/state", false),
        "/healthcheck" => ("/healthcheck", false),
        "/liveness" => ("/liveness", false),
        "/readiness" => ("/readiness", false),
        "/version" => ("/version", false),
        "/metrics" => ("/metrics", false),
        path if path.starts_with("/sales/") => (SALE, true),
        _ => ("other", false),
    };
    RouteClass { label, about_sales }
}

/// The method as labels and logs name it.
pub fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "DELETE" => "DELETE",
        _ => "other",
    }
}
