use sales_shared::fake::{Fact, Fate, ParameterValue, Site, World};
use sales_shared::region::RegionState;
use sales_shared::sale::{Progress, StoredSale};
use serde_json::json;

use crate::helpers::{Api, GOOD, answer_of, app, only_row, request, world};

fn publishes(world: &World) -> usize {
    world.with_ledger(|ledger| {
        ledger.entries().iter().filter(|e| matches!(e.fact, Fact::Published { .. })).count()
    })
}

#[tokio::test]
async fn a_sale_is_stored_announced_and_answered_with_its_address() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    let answer = api.post(r#"{"product":"  Book ","amount":"10.50","colour":"red"}"#).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("location"), Some(format!("/sales/{}", answer.id()).as_str()));
    assert_eq!(answer.header("idempotent-replayed"), None);
    let StoredSale { sale, progress } = only_row(&world, Site::First);
    assert_eq!(progress, Progress::Waiting);
    assert_eq!(sale.owner_region.as_str(), "sa-east-1");
    let created_at = sale.created_at.to_string();
    assert_eq!(
        answer.body,
        format!(
            r#"{{"id":"{}","product":"Book","amount":10.5,"processed":false,"created_at":"{created_at}"}}"#,
            sale.id
        )
    );
    assert_eq!(publishes(&world), 1);
}

#[tokio::test]
async fn the_same_key_brings_the_same_sale_back_and_announces_nothing_again() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    let first = api.post_with_key("k-1", GOOD).await;
    let quoted = api.post_with_key("\"k-1\"", r#"{"amount":"223.340","product":"Book"}"#).await;
    assert_eq!((first.status, quoted.status), (201, 201));
    assert_eq!(first.body, quoted.body);
    assert_eq!(quoted.header("idempotent-replayed"), Some("true"));
    assert_eq!(quoted.header("location"), first.header("location"));
    assert_eq!(publishes(&world), 1);
    let other = api.post_with_key("k-2", GOOD).await;
    assert_ne!(other.id(), first.id());
}

#[tokio::test]
async fn one_key_posted_by_many_at_once_makes_one_sale() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    let answers = futures::future::join_all((0..16).map(|_| api.post_with_key("k", GOOD))).await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    assert!(answers.iter().all(|answer| answer.id() == answers[0].id()));
    assert_eq!(world.rows(Site::First).len(), 1);
}

#[tokio::test]
async fn a_key_used_for_another_body_is_refused() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    api.post_with_key("k", GOOD).await;
    for other in [r#"{"product":"Book","amount":223.35}"#, r#"{"product":"Books","amount":223.34}"#] {
        api.post_with_key("k", other).await.assert_problem(422, Some("Idempotency-Key"));
    }
    assert_eq!(world.rows(Site::First).len(), 1);
}

#[tokio::test]
async fn the_key_of_a_deleted_sale_stays_used() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    let id = api.post_with_key("k", GOOD).await.id();
    assert_eq!(api.delete(id).await.status, 204);
    api.post_with_key("k", GOOD).await.assert_problem(409, Some("Idempotency-Key"));
}

#[tokio::test]
async fn a_failed_announcement_is_counted_and_the_sale_is_accepted_all_the_same() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    for fate in [Fate::NoAnswer, Fate::Throttled, Fate::Unavailable { effect: false }, Fate::Refused] {
        world.script(Site::First, "topic.publish", fate, 1);
        assert_eq!(api.post(GOOD).await.status, 201, "{fate:?}");
    }
    assert_eq!(world.outbox_length(Site::First), 4, "all of them wait where the reconciler looks");
    let metrics = api.get("/metrics").await.body;
    assert!(metrics.contains("sales_publish_failures_total 4"), "{metrics}");
    assert!(metrics.contains("sales_accepted_total 4"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_hangs_holds_an_answer_up_for_two_seconds_at_most() {
    let world = world();
    let app = app(&world, Site::First).await;
    world.script(Site::First, "topic.publish", Fate::Hang { effect: false }, 1);
    let begun = tokio::time::Instant::now();
    assert_eq!(answer_of(&app, request("POST", "/sales", GOOD)).await.status, 201);
    assert!(begun.elapsed() < std::time::Duration::from_millis(2100), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_passive_region_stamps_its_peer_as_the_owner() {
    let world = world();
    let api = Api::start(&world, Site::Second).await;
    api.post(GOOD).await;
    assert_eq!(only_row(&world, Site::Second).sale.owner_region.as_str(), "sa-east-1");
}

#[tokio::test]
async fn an_unreadable_state_never_fails_a_sale() {
    let world = world();
    world.declare(Site::Second, ParameterValue::Absent);
    let api = Api::start(&world, Site::Second).await;
    assert_eq!(api.post(GOOD).await.status, 201);
    let sale = only_row(&world, Site::Second).sale;
    assert_eq!(sale.owner_region.as_str(), "us-east-1", "nothing is known: this region");
}

#[tokio::test]
async fn a_misspelt_state_moves_no_ownership() {
    let world = world();
    let api = Api::start(&world, Site::Second).await;
    api.post(GOOD).await;
    world.declare(Site::Second, ParameterValue::Text("ACTIV"));
    api.until("the api has read it", async || api.get("/state").await.json()["state"] == "HOLD").await;
    api.post(GOOD).await;
    assert!(world.rows(Site::Second).iter().all(|row| row.sale.owner_region.as_str() == "sa-east-1"));
    world.declare_state(Site::Second, RegionState::Active);
    api.until("the api has read it", async || api.get("/state").await.json()["state"] == "ACTIVE").await;
    let id = api.post(GOOD).await.id();
    assert_eq!(world.row(Site::Second, id).unwrap().sale.owner_region.as_str(), "us-east-1");
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_a_503_and_one_that_refuses_a_500() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    for fate in [Fate::NoAnswer, Fate::Throttled, Fate::Unavailable { effect: false }] {
        world.script(Site::First, "sales.insert", fate, 1);
        let answer = api.post(GOOD).await;
        answer.assert_problem(503, None);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(!answer.body.contains("injected"), "what happened inside stays inside: {}", answer.body);
    }
    world.script(Site::First, "sales.insert", Fate::Refused, 1);
    api.post(GOOD).await.assert_problem(500, None);
    assert_eq!(world.rows(Site::First).len(), 0);
}

#[tokio::test]
async fn the_clients_trace_goes_on_in_the_event() {
    use sales_shared::ports::Queue as _;
    let world = world();
    let api = Api::start(&world, Site::First).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let header = format!("00-{trace}-00f067aa0ba902b7-01");
    let headers = [("content-type", "application/json"), ("traceparent", header.as_str())];
    let id = api.send("POST", "/sales", &headers, GOOD).await.id();
    let worker = world.host(Site::First, "worker", 0);
    let deliveries = worker.receive(1, std::time::Duration::from_secs(20)).await.unwrap();
    let event: serde_json::Value = serde_json::from_str(&deliveries[0].body).unwrap();
    assert_eq!(event["id"], json!(id.to_string()));
    let parent = event["traceparent"].as_str().unwrap();
    assert!(parent.starts_with(&format!("00-{trace}-")) && parent != header, "a child of {header}: {parent}");
}
