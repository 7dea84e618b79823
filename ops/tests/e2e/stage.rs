//! A stage with two regions on it, and verbs to act there. Each test has its own: its own embedded AWS, or its own names on
//! the emulator that `E2E_ENDPOINT` names.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use drctl::deployment::{Deployment, SiteEntry, SiteHandle, Target, plan};
use drctl::embedded::{EmbeddedAws, Options};
use sales_shared::aws::provision::provision;
use sales_shared::ports::PortResult;
use sales_shared::region::{RegionState, Side};
use sales_shared::sale::SaleId;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Longest wait for what has to happen. Generous: it is only used up when a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Times small enough for a test, in the relations of the defaults.
const TIMES: [(&str, &str); 12] = [
    ("STATE_TTL", "400ms"),
    ("CLAIM_LEASE", "3s"),
    ("PROCESSING_DEADLINE", "2s"),
    ("QUEUE_VISIBILITY", "3s"),
    ("TAKEOVER_AFTER", "2s"),
    ("RECONCILE_AFTER", "3s"),
    ("RECONCILE_EVERY", "500ms"),
    ("MAX_CLOCK_SKEW", "100ms"),
    ("LONG_POLL", "1s"),
    ("DRAIN_TIMEOUT", "10s"),
    ("LISTEN_ADDRESS", "127.0.0.1"),
    ("LOG_LEVEL", "error"),
];

pub const SA: usize = 0;
pub const US: usize = 1;

pub struct Stage {
    pub aws: Option<EmbeddedAws>,
    pub sites: [SiteHandle; 2],
    pub environments: [BTreeMap<String, String>; 2],
    http: reqwest::Client,
}

/// A service that runs in this process.
pub struct Running {
    pub url: String,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// As SIGTERM does.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub json: Value,
}

impl Stage {
    /// Both regions provisioned, nothing running.
    pub async fn provisioned(states: [RegionState; 2]) -> Self {
        static STAGES: AtomicU32 = AtomicU32::new(0);
        #[allow(clippy::disallowed_methods, reason = "names the emulator to test on")]
        let external = std::env::var("E2E_ENDPOINT").ok();
        let aws = match &external {
            Some(_) => None,
            None => Some(EmbeddedAws::start(Options::default()).await.unwrap()),
        };
        let endpoint = external.or(aws.as_ref().map(EmbeddedAws::endpoint_url)).unwrap();
        let mut plan = plan(&endpoint, states, false);
        plan.prefix = format!("e2e-{}-{}", std::process::id(), STAGES.fetch_add(1, Ordering::Relaxed));
        let sites = provision(&plan).await.unwrap();
        let again = provision(&plan).await.unwrap();
        assert_eq!(sites, again, "provisioning twice gives the same as once");
        Self::on(aws, Deployment { sites: sites.iter().map(SiteEntry::of).collect() }).await
    }

    /// What somebody else has made, as the file that `SALES_STACK` names describes it: in use by nobody, nothing running.
    pub async fn deployed() -> Self {
        #[allow(clippy::disallowed_methods, reason = "names the deployment to test on")]
        let file = std::env::var("SALES_STACK").expect("SALES_STACK names a file for `drctl --config`");
        let target = Target { config: Some(file.into()), endpoint: String::new() };
        let stage = Self::on(None, target.deployment().unwrap()).await;
        stage.flip(SA, RegionState::Active).await;
        stage.flip(US, RegionState::Passive).await;
        stage
    }

    async fn on(aws: Option<EmbeddedAws>, deployment: Deployment) -> Self {
        let sites = deployment.connect().await.unwrap();
        let environments = [SA, US].map(|site| {
            let mut environment = deployment.sites[site].env.clone();
            environment.extend(TIMES.map(|(name, value)| (name.to_owned(), value.to_owned())));
            environment
        });
        Self { aws, sites, environments, http: reqwest::Client::new() }
    }

    /// The SDK itself, for what no operator of ours does.
    pub async fn sdk(&self, site: usize) -> aws_config::SdkConfig {
        aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new(self.region(site).to_owned()))
            .endpoint_url(&self.environments[site]["AWS_ENDPOINT_URL"])
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .credentials_provider(aws_sdk_ssm::config::Credentials::new("test", "test", None, None, "test"))
            .load()
            .await
    }

    pub fn aws(&self) -> &EmbeddedAws {
        self.aws.as_ref().unwrap()
    }

    pub fn region(&self, site: usize) -> &str {
        self.sites[site].region.as_str()
    }

    pub async fn api(&self, site: usize) -> Running {
        self.serve(|listener, stop| {
            let serving = sales_api::run(&self.environments[site], Some(listener), stop);
            tokio::spawn(async move { serving.await.unwrap() })
        })
        .await
    }

    pub async fn worker(&self, site: usize) -> Running {
        self.serve(|listener, stop| {
            let working = sales_worker::run(&self.environments[site], Some(listener), stop);
            tokio::spawn(async move {
                let _ = working.await.unwrap();
            })
        })
        .await
    }

    async fn serve(&self, start: impl FnOnce(TcpListener, CancellationToken) -> JoinHandle<()>) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let task = start(listener, stop.clone());
        until("the service lives", async || {
            self.http.get(format!("{url}/liveness")).send().await.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        Running { url, stop, task }
    }

    pub async fn request(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.unwrap();
        Answer { status, headers, json: serde_json::from_slice(&body).unwrap_or(Value::Null) }
    }

    pub async fn post_raw(&self, api: &Running, key: Option<&str>, body: &Value) -> Answer {
        let mut request = self.http.post(format!("{}/sales", api.url)).json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.request(request).await
    }

    /// Posts a sale that has to be accepted, and gives its id.
    pub async fn post(&self, api: &Running, product: &str) -> String {
        let answer = self.post_raw(api, None, &json!({ "product": product, "amount": 223.34 })).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer.json["id"].as_str().unwrap().to_owned()
    }

    pub async fn get(&self, api: &Running, id: &str) -> Answer {
        self.request(self.http.get(format!("{}/sales/{id}", api.url))).await
    }

    pub async fn delete(&self, api: &Running, id: &str) -> u16 {
        self.request(self.http.delete(format!("{}/sales/{id}", api.url))).await.status
    }

    pub async fn is_processed(&self, api: &Running, id: &str) -> bool {
        self.get(api, id).await.json["processed"] == true
    }

    pub async fn until_processed(&self, api: &Running, id: &str) {
        until("the sale is processed", async || self.is_processed(api, id).await).await;
    }

    /// A number of a worker's, by its name in the exposition.
    pub async fn metric(&self, worker: &Running, name: &str) -> f64 {
        let text =
            self.http.get(format!("{}/metrics", worker.url)).send().await.unwrap().text().await.unwrap();
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok()).unwrap()
    }

    /// How many sales each of the workers processed.
    pub async fn processed_by(&self, workers: &[&Running]) -> Vec<f64> {
        let mut processed = Vec::new();
        for worker in workers {
            processed.push(self.metric(worker, "sales_processed_total").await);
        }
        processed
    }

    pub async fn flip(&self, site: usize, state: RegionState) {
        self.sites[site].operator.put_state(state).await.unwrap();
    }

    pub async fn archived(&self, site: usize, id: &str) -> usize {
        let keys = patiently(async || self.sites[site].operator.archive_keys("sales/").await).await;
        keys.iter().filter(|key| key.contains(id)).count()
    }

    pub async fn outbox(&self, site: usize) -> u64 {
        patiently(async || self.sites[site].operator.outbox_size().await).await
    }

    /// Messages of a site's queue, hidden or not.
    pub async fn messages(&self, site: usize) -> u64 {
        let depth = patiently(async || self.sites[site].operator.queue_depth().await).await;
        depth.visible + depth.in_flight
    }

    /// Whether the sale's record is settled at a site.
    pub async fn is_settled(&self, site: usize, id: &str) -> bool {
        let id = SaleId::parse(id).unwrap();
        let records = self.sites[site].clients.idempotency_table().look_up(Side::Local, &[id]).await.unwrap();
        records.get(&id).and_then(|record| record.proof()).is_some()
    }

    /// Nothing is left to do anywhere.
    pub async fn until_at_rest(&self) {
        until("queues and outboxes are empty", async || {
            for site in [SA, US] {
                if self.messages(site).await + self.outbox(site).await > 0 {
                    return false;
                }
            }
            true
        })
        .await;
    }
}

/// Asks again when a busy machine made the answer late.
async fn patiently<T>(mut ask: impl AsyncFnMut() -> PortResult<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Looks again and again until it holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited {} s in vain until {what}", PATIENCE.as_secs());
        sleep(LOOK_EVERY).await;
    }
}

/// Looks again and again for a while, and it must hold each time: for what must not happen.
pub async fn throughout(time: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        assert!(holds().await, "{what}");
        sleep(LOOK_EVERY).await;
    }
}
