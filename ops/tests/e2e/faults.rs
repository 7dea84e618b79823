//! Promises that show only when something breaks: on the embedded AWS, which breaks on request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use drctl::embedded::{Darkness, Fault, InjectedError, Service};
use sales_shared::clock::SystemClock;
use sales_shared::idempotency::Token;
use sales_shared::random::Random;
use sales_shared::region::RegionState::{Active, Passive};
use sales_shared::region::cached::CachedState;
use sales_shared::sale::Sale;
use sales_worker::effects::{Applied, ArchiveSale, Effects, EffectsError};
use sales_worker::{Options, Ports, Worker};
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::stage::{SA, Stage, US, throughout, until};

#[tokio::test]
async fn a_worker_killed_between_effects_and_proof_is_made_up_for_with_the_same_object() {
    let stage = embedded([Active, Passive]).await;
    let api = stage.api(SA).await;
    let applied = Arc::new(Notify::new());
    let doomed = worker_with(&stage, SA, |archive| {
        Arc::new(StuckAfterwards { archive: ArchiveSale::new(archive), applied: applied.clone() })
    });
    let id = stage.post(&api, "Book").await;
    applied.notified().await;
    doomed.abort();
    let _ = doomed.await;
    assert_eq!(stage.archived(SA, &id).await, 1, "the effects ran");
    assert!(!stage.is_processed(&api, &id).await, "but are not proven");

    let (heir, _passive) = (stage.worker(SA).await, stage.worker(US).await);
    stage.until_processed(&api, &id).await;
    stage.until_at_rest().await;
    assert_eq!(stage.metric(&heir, "sales_reruns_total").await, 1.0);
    assert_eq!(stage.archived(SA, &id).await, 1);
}

#[tokio::test]
async fn a_sale_that_fails_on_its_own_merits_is_parked_and_can_be_redriven() {
    let stage = embedded([Active, Passive]).await;
    let api = stage.api(SA).await;
    let tries = Arc::new(AtomicU32::new(0));
    let failing = worker_with(&stage, SA, |_| Arc::new(AlwaysFails(tries.clone())));
    let passive = stage.worker(US).await;
    let id = stage.post(&api, "Lemon").await;
    until("it is parked", async || stage.get(&api, &id).await.json["parked"] == true).await;
    assert_eq!(tries.load(Ordering::Relaxed), 5, "as many attempts as configured");
    until("both copies went on the proof of it", async || {
        stage.messages(SA).await + stage.messages(US).await == 0
    })
    .await;
    assert_eq!(stage.outbox(SA).await, 0);
    failing.abort();
    drop(passive);

    let target = drctl::deployment::Target { config: Some(stack_file(&stage)), endpoint: String::new() };
    let args = <RedriveCli as clap::Parser>::parse_from(["redrive"]).args;
    drctl::redrive::run(&target, args).await.unwrap();
    let _mended = stage.worker(SA).await;
    stage.until_processed(&api, &id).await;
    until("the dead-letter queue is empty", async || {
        let depth = stage.sites[SA].operator.dlq_depth().await.unwrap();
        depth.visible + depth.in_flight == 0
    })
    .await;
}

#[tokio::test]
async fn when_the_active_region_goes_dark_a_flip_of_the_other_brings_every_accepted_sale_through() {
    let stage = embedded([Active, Passive]).await;
    let (sa_api, us_api) = (stage.api(SA).await, stage.api(US).await);
    // No worker in the active region: all its sales are accepted, replicated, and not begun.
    let us = stage.worker(US).await;
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(stage.post(&sa_api, &format!("stranded {n}")).await);
    }
    until("they have left the region", async || {
        stage.messages(US).await == 10 && stage.outbox(US).await == 10
    })
    .await;

    stage.aws().faults().add(Fault::dark_region(stage.region(SA), Darkness::Cut)).unwrap();
    stage.flip(US, Active).await;
    for id in &ids {
        stage.until_processed(&us_api, id).await;
    }
    assert_eq!(stage.metric(&us, "sales_takeovers_total").await, 10.0);
    let late = stage.post(&us_api, "in the dark").await;
    stage.until_processed(&us_api, &late).await;

    stage.aws().faults().clear();
    let sa = stage.worker(SA).await;
    stage.until_at_rest().await;
    assert_eq!(
        stage.processed_by(&[&sa, &us]).await,
        [0.0, 11.0],
        "the region that came back ran nothing again"
    );
}

#[tokio::test]
async fn when_publishing_fails_the_sale_is_accepted_and_the_reconciler_delivers_it() {
    let stage = embedded([Active, Passive]).await;
    let (api, worker) = (stage.api(SA).await, stage.worker(SA).await);
    let fault = Fault::error(stage.region(SA), Service::Sns, "Publish", InjectedError::Internal);
    stage.aws().faults().add(fault).unwrap();
    let id = stage.post(&api, "Unheard").await;
    stage.until_processed(&api, &id).await;
    stage.until_at_rest().await;
    assert_eq!(stage.metric(&worker, "sales_reconciled_total").await, 1.0);
    assert_eq!(stage.archived(SA, &id).await, 1);
}

#[tokio::test]
async fn when_ssm_is_gone_the_work_goes_on_by_the_last_known_state() {
    let stage = embedded([Active, Passive]).await;
    let (api, worker) = (stage.api(SA).await, stage.worker(SA).await);
    until("the state is known", async || stage.metric(&worker, ACTIVE).await == 1.0).await;
    let ssm_gone = Fault { service: Some(Service::Ssm), dark: Some(Darkness::Cut), ..Fault::default() };
    stage.aws().faults().add(ssm_gone).unwrap();
    until("the reading is older than its TTL", async || {
        stage.metric(&worker, "sales_region_state_age_seconds").await > 1.0
    })
    .await;
    let id = stage.post(&api, "Book").await;
    stage.until_processed(&api, &id).await;
}

#[tokio::test]
async fn a_state_that_was_known_too_long_ago_is_held() {
    let mut stage = embedded([Active, Passive]).await;
    stage.environments[SA].insert("STATE_MAX_AGE".to_owned(), "1s".to_owned());
    let (api, worker) = (stage.api(SA).await, stage.worker(SA).await);
    until("the state is known", async || stage.metric(&worker, ACTIVE).await == 1.0).await;
    let ssm_gone = Fault { service: Some(Service::Ssm), dark: Some(Darkness::Cut), ..Fault::default() };
    stage.aws().faults().add(ssm_gone).unwrap();
    until("the worker holds", async || {
        stage.metric(&worker, "sales_region_state{state=\"HOLD\"}").await == 1.0
    })
    .await;
    // The receive that was under way when the state grew too old brings nothing.
    let id = stage.post(&api, "Book").await;
    throughout(Duration::from_secs(2), "processed on a state from long ago", async || {
        !stage.is_processed(&api, &id).await
    })
    .await;
    stage.aws().faults().clear();
    stage.until_processed(&api, &id).await;
}

#[tokio::test]
async fn an_absent_or_misspelt_state_is_held_and_deletes_nothing() {
    let stage = embedded([Active, Passive]).await;
    let (api, worker) = (stage.api(SA).await, stage.worker(SA).await);
    let ssm = aws_sdk_ssm::Client::new(&stage.sdk(SA).await);
    let name = stage.environments[SA].get("SSM_PARAMETER_STORE_STATE").cloned().unwrap();
    ssm.delete_parameter().name(&name).send().await.unwrap();
    for value in [None, Some("ACTIVO")] {
        if let Some(value) = value {
            let put = ssm
                .put_parameter()
                .name(&name)
                .value(value)
                .r#type(aws_sdk_ssm::types::ParameterType::String);
            put.send().await.unwrap();
        }
        until("the worker holds", async || {
            stage.metric(&worker, "sales_region_state{state=\"HOLD\"}").await == 1.0
        })
        .await;
        let id = stage.post(&api, "Held").await;
        throughout(Duration::from_secs(2), "a worker without a state did something", async || {
            stage.messages(SA).await > 0 && !stage.is_processed(&api, &id).await
        })
        .await;
    }
    let put = ssm.put_parameter().name(&name).value("ACTIVE").overwrite(true);
    put.r#type(aws_sdk_ssm::types::ParameterType::String).send().await.unwrap();
    let _passive = stage.worker(US).await;
    stage.until_at_rest().await;
    assert_eq!(stage.processed_by(&[&worker]).await, [2.0]);
}

#[tokio::test]
async fn a_sale_whose_message_is_faster_than_its_row_is_processed_whole() {
    let stage = embedded([Passive, Active]).await;
    stage.aws().links().set(drctl::embedded::ReplicationSettings {
        table_lag_ms: 3000,
        bucket_lag_ms: 100,
        paused: false,
    });
    let (sa_api, us_api, worker) = (stage.api(SA).await, stage.api(US).await, stage.worker(US).await);
    let id = stage.post(&sa_api, "Early").await;
    until("it is processed where its row is not yet", async || {
        stage.metric(&worker, "sales_processed_total").await == 1.0
    })
    .await;
    stage.until_processed(&us_api, &id).await;
    let _passive = stage.worker(SA).await;
    stage.until_at_rest().await;
    for api in [&sa_api, &us_api] {
        let sale = stage.get(api, &id).await.json;
        assert_eq!((&sale["product"], &sale["amount"]), (&json!("Early"), &json!(223.34)));
        assert_eq!(sale["processed"], true, "the older write of the row did not win");
    }
}

#[tokio::test]
async fn an_outage_of_the_archive_parks_no_good_sale() {
    let stage = embedded([Active, Passive]).await;
    let (api, worker) = (stage.api(SA).await, stage.worker(SA).await);
    let fault = Fault::error(stage.region(SA), Service::S3, "PutObject", InjectedError::Unavailable);
    stage.aws().faults().add(fault).unwrap();
    let id = stage.post(&api, "Patient").await;
    let puts = || stage.aws().calls().of(stage.region(SA), Service::S3, "PutObject");
    until("it was tried more often than a sale may fail", async || puts() > 3 * 6).await;
    assert_eq!(stage.metric(&worker, "sales_parked_total").await, 0.0);
    stage.aws().faults().clear();
    stage.until_processed(&api, &id).await;
}

const ACTIVE: &str = "sales_region_state{state=\"ACTIVE\"}";

async fn embedded(states: [sales_shared::region::RegionState; 2]) -> Stage {
    let stage = Stage::provisioned(states).await;
    assert!(
        stage.aws.is_some(),
        "these tests make faults, which only the embedded AWS can: run `portable::` elsewhere"
    );
    stage
}

/// A worker as in production but for what processing a sale does.
fn worker_with(
    stage: &Stage,
    site: usize,
    effects: impl FnOnce(Arc<dyn sales_shared::ports::Archive>) -> Arc<dyn Effects>,
) -> JoinHandle<()> {
    let settings = sales_worker::config::Settings::read(&stage.environments[site]).unwrap();
    let clients = &stage.sites[site].clients;
    let ports = Ports {
        sales: clients.sales_table(),
        idempotency: clients.idempotency_table(),
        queue: clients.queue(settings.worker.timings.visibility),
        effects: effects(clients.archive()),
        state: Arc::new(CachedState::new(clients.state_parameter(), settings.shared.state)),
    };
    let options = Options {
        sites: settings.shared.sites.clone(),
        settings: settings.worker,
        strong_tables: false,
        idempotency_ttl: settings.shared.idempotency_ttl,
        drain_timeout: settings.shared.drain_timeout,
    };
    let worker = Worker::new(ports, options, Arc::new(SystemClock), Random::from_system().unwrap());
    tokio::spawn(async move {
        let _ = worker.run(CancellationToken::new()).await;
    })
}

/// Archives, then never returns: as a process that dies before its proof.
struct StuckAfterwards {
    archive: ArchiveSale,
    applied: Arc<Notify>,
}

#[async_trait]
impl Effects for StuckAfterwards {
    async fn apply(&self, sale: &Sale, token: Token) -> Result<Applied, EffectsError> {
        self.archive.apply(sale, token).await?;
        self.applied.notify_one();
        std::future::pending().await
    }
}

struct AlwaysFails(Arc<AtomicU32>);

#[async_trait]
impl Effects for AlwaysFails {
    async fn apply(&self, _sale: &Sale, _token: Token) -> Result<Applied, EffectsError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(EffectsError::Transient("sour".to_owned()))
    }
}

#[derive(clap::Parser)]
struct RedriveCli {
    #[command(flatten)]
    args: drctl::redrive::Args,
}

fn stack_file(stage: &Stage) -> std::path::PathBuf {
    let entry = |site: usize| {
        let env = stage.environments[site].clone();
        drctl::deployment::SiteEntry {
            region: stage.region(site).to_owned(),
            api_url: None,
            worker_url: None,
            env,
        }
    };
    let deployment = drctl::deployment::Deployment { sites: vec![entry(SA), entry(US)] };
    let prefix = stage.environments[SA].get("DYNAMO_SALES_TABLE").cloned().unwrap();
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{prefix}.json"));
    std::fs::write(&path, serde_json::to_string(&deployment).unwrap()).unwrap();
    path
}
