use sales_shared::fake::{ParameterValue, Site};
use sales_shared::region::RegionState;

use crate::helpers::{Api, GOOD, answer_of, app, request, world};

#[tokio::test]
async fn the_state_is_told_byte_for_byte_and_never_cached() {
    let world = world();
    let api = Api::start(&world, Site::Second).await;
    let told = async |state: &str| {
        let body = format!(r#"{{"region":"us-east-1","state":"{state}"}}"#);
        api.until(&body, async || api.get("/state").await.body == body).await;
    };
    for state in RegionState::ALL {
        world.declare_state(Site::Second, state);
        told(state.as_str()).await;
    }
    world.declare_state(Site::Second, RegionState::Active);
    told("ACTIVE").await;
    world.declare(Site::Second, ParameterValue::Text("active"));
    told("HOLD").await;
    let answer = api.get("/state").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test(start_paused = true)]
async fn an_api_is_ready_once_its_table_has_answered() {
    let world = world();
    let app = app(&world, Site::First).await;
    let ready = async || answer_of(&app, request("GET", "/readiness", "")).await;
    let not_yet = ready().await;
    assert_eq!(not_yet.status, 503);
    assert!(not_yet.json()["reason"].as_str().unwrap().contains("sales table"));
    assert_eq!(answer_of(&app, request("POST", "/sales", GOOD)).await.status, 201);
    assert_eq!(ready().await.status, 200, "a sale that was stored shows it");
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    assert_eq!(ready().await.status, 503);
    assert_eq!(answer_of(&app, request("GET", "/liveness", "")).await.status, 200);
}

#[tokio::test]
async fn an_api_whose_parameter_store_is_gone_is_ready() {
    use sales_shared::fake::{ErrorRates, Service};
    let world = world();
    let rates = ErrorRates { no_answer: 1000, ..ErrorRates::default() };
    world.weather(|weather| {
        weather.errors.insert((Site::First, Service::Parameter), rates);
    });
    let api = Api::start(&world, Site::First).await;
    assert_eq!(api.get("/readiness").await.status, 200);
    assert_eq!(api.post(GOOD).await.status, 201);
}

#[tokio::test]
async fn the_release_and_the_counts_are_told() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    let version = api.get("/version").await.json();
    assert_eq!(version["name"], "sales-api");
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(api.get("/healthcheck").await.body, r#"{"status":"ok"}"#);
    api.post(GOOD).await;
    api.get("/no/such/thing").await;
    api.until("the state is read", async || api.get("/state").await.json()["state"] == "ACTIVE").await;
    let metrics = api.get("/metrics").await;
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    for line in [
        "sales_accepted_total 1",
        r#"sales_http_requests_total{route="/sales",method="POST",status="201"} 1"#,
        r#"sales_http_requests_total{route="other",method="GET",status="404"} 1"#,
        r#"sales_http_request_duration_seconds_count{route="/sales"} 1"#,
        r#"sales_region_state{state="ACTIVE"} 1"#,
        r#"sales_region_state{state="HOLD"} 0"#,
        "sales_region_state_age_seconds ",
    ] {
        assert!(metrics.body.lines().any(|l| l.starts_with(line)), "{line} is not in\n{}", metrics.body);
    }
    assert!(metrics.body.ends_with("# EOF\n"));
}
