//! Verbs for the tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use reqwest::header::HeaderMap;
use sales_api::App;
use sales_api::application::{Application, Ports};
use sales_api::config::ApiSettings;
use sales_shared::fake::{Host, Site, Span, World, WorldSettings};
use sales_shared::ports::Topic;
use sales_shared::region::RegionState;
use sales_shared::sale::{SaleId, StoredSale};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Longest wait of a test for what must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const GOOD: &str = r#"{"product":"Book","amount":223.34}"#;

/// A quick world, the first site ACTIVE and the second PASSIVE.
pub fn world() -> World {
    let world = World::new(1, WorldSettings::default());
    world.weather(|weather| {
        weather.near = Span::millis(0, 1);
        weather.far = Span::millis(1, 2);
        weather.silence = Span::millis(1, 2);
        weather.replication = Span::millis(1, 2);
    });
    world.declare_state(Site::First, RegionState::Active);
    world.declare_state(Site::Second, RegionState::Passive);
    world
}

pub fn variables(site: Site) -> BTreeMap<String, String> {
    [
        ("AWS_REGION", site.name()),
        ("PEER_REGION", site.other().name()),
        ("DYNAMO_SALES_TABLE", "sales"),
        ("DYNAMO_SALES_IDEMPOTENCY_TABLE", "sales-idempotency"),
        ("SNS_SALES_PROCESSING_TOPIC", "arn:aws:sns:sa-east-1:000000000000:sales-processing"),
        ("SSM_PARAMETER_STORE_STATE", "/sales/state"),
        ("LISTEN_ADDRESS", "127.0.0.1"),
        ("PORT", "0"),
        ("STATE_TTL", "50ms"),
        ("DRAIN_TIMEOUT", "5s"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

pub fn ports(host: &Host) -> Ports {
    let host = Arc::new(host.clone());
    Ports {
        table: host.clone(),
        records: host.clone(),
        topic: host.clone(),
        parameter: host.clone(),
        clock: host.clock(),
        random: host.random(),
    }
}

/// The requests' way without a socket, for a paused clock.
pub async fn app_on(ports: Ports, site: Site) -> App {
    let settings = ApiSettings::read(&variables(site)).unwrap();
    Application::build(settings, ports, None).await.unwrap().app(CancellationToken::new())
}

pub async fn app(world: &World, site: Site) -> App {
    app_on(ports(&world.host(site, "api", 0)), site).await
}

/// The same with another topic.
pub async fn app_with_topic(world: &World, site: Site, topic: impl Topic + 'static) -> App {
    let ports = ports(&world.host(site, "api", 0));
    app_on(Ports { topic: Arc::new(topic), ..ports }, site).await
}

pub async fn answer_of(app: &App, request: Request<Body>) -> Answer {
    let response = app.clone().answer(request).await;
    let (head, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

pub fn request(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    request.body(body.into()).unwrap()
}

/// A running api.
pub struct Api {
    pub base: String,
    pub client: reqwest::Client,
    pub shutdown: CancellationToken,
    pub running: JoinHandle<std::io::Result<()>>,
}

impl Api {
    pub async fn start(world: &World, site: Site) -> Self {
        Self::start_with(world, site, variables(site)).await
    }

    pub async fn start_with(world: &World, site: Site, variables: BTreeMap<String, String>) -> Self {
        let settings = ApiSettings::read(&variables).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ports = ports(&world.host(site, "api", 0));
        let application = Application::build(settings, ports, Some(listener)).await.unwrap();
        let base = format!("http://{}", application.address());
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(application.run_until_stopped(shutdown.clone()));
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let api = Self { base, client, shutdown, running };
        api.until("it is ready", async || api.get("/readiness").await.status == 200).await;
        api
    }

    /// Polls until it holds.
    pub async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(Instant::now() < deadline, "not in time: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.base)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub async fn post(&self, body: &str) -> Answer {
        self.send("POST", "/sales", &[("content-type", "application/json")], body.to_owned()).await
    }

    pub async fn post_with_key(&self, key: &str, body: &str) -> Answer {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        self.send("POST", "/sales", &headers, body.to_owned()).await
    }

    pub async fn delete(&self, id: SaleId) -> Answer {
        self.send("DELETE", &format!("/sales/{id}"), &[], "").await
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.text().await.unwrap() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn id(&self) -> SaleId {
        SaleId::parse(self.json()["id"].as_str().unwrap()).unwrap()
    }

    /// A problem with this status and this field, all its members in place.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, field: Option<&str>) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let json = self.json();
        assert_eq!(json["status"], status);
        assert_eq!(json.get("field").and_then(Value::as_str), field, "{}", self.body);
        for member in ["type", "title", "detail"] {
            assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {}", self.body);
        }
    }
}

/// The only row of a site.
pub fn only_row(world: &World, site: Site) -> StoredSale {
    let mut rows = world.rows(site);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}
