//! Promises that can be shown on any emulator.

use std::sync::Arc;
use std::time::Duration;

use sales_shared::clock::SystemClock;
use sales_shared::fake::contract::{self, Subject};
use sales_shared::random::Random;
use sales_shared::region::RegionState::{Active, Hold, Passive};
use serde_json::json;

use crate::stage::{SA, Stage, US, throughout, until};

#[tokio::test]
async fn a_sale_is_processed_once_and_archived_in_both_regions() {
    let stage = Stage::provisioned([Active, Passive]).await;
    let (api, sa, us) = (stage.api(SA).await, stage.worker(SA).await, stage.worker(US).await);
    let answer = stage.post_raw(&api, None, &json!({ "product": "Book", "amount": 223.34 })).await;
    assert_eq!(answer.status, 201);
    assert_eq!((&answer.json["product"], &answer.json["amount"]), (&json!("Book"), &json!(223.34)));
    assert_eq!(answer.json["processed"], false);
    let id = answer.json["id"].as_str().unwrap();
    assert_eq!(answer.headers["location"], format!("/sales/{id}"));
    stage.until_processed(&api, id).await;
    until("the archives have replicated", async || {
        stage.archived(SA, id).await == 1 && stage.archived(US, id).await == 1
    })
    .await;
    stage.until_at_rest().await;
    assert_eq!(stage.processed_by(&[&sa, &us]).await, [1.0, 0.0]);
}

#[tokio::test]
async fn a_flip_moves_the_work_without_a_restart_and_nothing_is_lost() {
    let stage = Stage::provisioned([Active, Passive]).await;
    let (api, sa, us) = (stage.api(SA).await, stage.worker(SA).await, stage.worker(US).await);
    for n in 0..5 {
        stage.post(&api, &format!("before {n}")).await;
    }
    stage.until_at_rest().await;
    stage.flip(US, Active).await;
    stage.flip(SA, Passive).await;
    until("both workers have seen the flip", async || {
        stage.metric(&us, "sales_region_state{state=\"ACTIVE\"}").await == 1.0
            && stage.metric(&sa, "sales_region_state{state=\"PASSIVE\"}").await == 1.0
    })
    .await;
    for n in 0..5 {
        stage.post(&api, &format!("after {n}")).await;
    }
    stage.until_at_rest().await;
    assert_eq!(stage.processed_by(&[&sa, &us]).await, [5.0, 5.0]);
}

#[tokio::test]
async fn a_passive_regions_copy_is_kept_until_there_is_proof_and_then_deleted() {
    let stage = Stage::provisioned([Active, Passive]).await;
    let (api, _us) = (stage.api(SA).await, stage.worker(US).await);
    let id = stage.post(&api, "Book").await;
    until("the copy is there", async || stage.messages(US).await == 1).await;
    throughout(Duration::from_secs(4), "the copy was deleted without proof", async || {
        stage.messages(US).await == 1 && !stage.is_processed(&api, &id).await
    })
    .await;
    let _sa = stage.worker(SA).await;
    stage.until_processed(&api, &id).await;
    stage.until_at_rest().await;
    assert!(stage.is_settled(US, &id).await, "the copy went on this proof");
}

#[tokio::test]
async fn one_key_is_one_sale_also_in_the_other_region() {
    let stage = Stage::provisioned([Active, Passive]).await;
    let (sa_api, us_api) = (stage.api(SA).await, stage.api(US).await);
    let (worker, _passive) = (stage.worker(SA).await, stage.worker(US).await);
    let (body, other) =
        (json!({ "product": "Book", "amount": 1 }), json!({ "product": "Book", "amount": 2 }));
    let first = stage.post_raw(&sa_api, Some("order-1"), &body).await;
    let again = stage.post_raw(&sa_api, Some("\"order-1\""), &body).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.json["id"], again.json["id"]);
    assert_eq!(first.json["created_at"], again.json["created_at"]);
    assert!(!first.headers.contains_key("idempotent-replayed"));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    until("the row has replicated", async || {
        stage.get(&us_api, first.json["id"].as_str().unwrap()).await.status == 200
    })
    .await;
    assert_eq!(stage.post_raw(&us_api, Some("order-1"), &body).await.json["id"], first.json["id"]);
    assert_eq!(stage.post_raw(&sa_api, Some("order-1"), &other).await.status, 422);
    assert_eq!(stage.post_raw(&sa_api, Some("no\"good"), &body).await.status, 400);
    stage.until_at_rest().await;
    assert_eq!(stage.processed_by(&[&worker]).await, [1.0]);
}

#[tokio::test]
async fn one_key_posted_in_both_active_regions_at_once_is_processed_once() {
    let stage = Stage::provisioned([Active, Active]).await;
    let (sa_api, us_api) = (stage.api(SA).await, stage.api(US).await);
    let (sa, us) = (stage.worker(SA).await, stage.worker(US).await);
    let body = json!({ "product": "Book", "amount": 1 });
    for n in 0..5 {
        let key = format!("both-{n}");
        let (one, two) = tokio::join!(
            stage.post_raw(&sa_api, Some(&key), &body),
            stage.post_raw(&us_api, Some(&key), &body)
        );
        assert_eq!((one.status, two.status), (201, 201));
        assert_eq!(one.json["id"], two.json["id"]);
    }
    stage.until_at_rest().await;
    let processed: f64 = stage.processed_by(&[&sa, &us]).await.iter().sum();
    assert_eq!(processed, 5.0);
}

#[tokio::test]
async fn with_both_regions_active_each_sale_is_processed_once_by_its_owner() {
    let stage = Stage::provisioned([Active, Active]).await;
    let (sa_api, us_api) = (stage.api(SA).await, stage.api(US).await);
    let (sa, us) = (stage.worker(SA).await, stage.worker(US).await);
    for n in 0..4 {
        stage.post(&sa_api, &format!("sa {n}")).await;
        stage.post(&us_api, &format!("us {n}")).await;
    }
    stage.until_at_rest().await;
    assert_eq!(stage.processed_by(&[&sa, &us]).await, [4.0, 4.0]);
}

#[tokio::test]
async fn workers_of_one_region_racing_for_the_same_sales_process_each_once() {
    let stage = Stage::provisioned([Active, Passive]).await;
    let api = stage.api(SA).await;
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(stage.post(&api, &format!("raced {n}")).await);
    }
    // Every message twice, so that both workers meet the same sale.
    let bodies: Vec<String> = ids.iter().map(|id| older_event(id)).collect();
    for body in &bodies {
        stage.sites[SA].operator.send(body).await.unwrap();
    }
    let (one, two) = (stage.worker(SA).await, stage.worker(SA).await);
    let _passive = stage.worker(US).await;
    stage.until_at_rest().await;
    let processed: f64 = stage.processed_by(&[&one, &two]).await.iter().sum();
    assert_eq!(processed, 20.0);
}

#[tokio::test]
async fn deleting_wins_over_processing_that_has_not_begun() {
    let stage = Stage::provisioned([Active, Passive]).await;
    let api = stage.api(SA).await;
    let id = stage.post(&api, "Book").await;
    assert_eq!(stage.delete(&api, &id).await, 204);
    assert_eq!(stage.delete(&api, &id).await, 204, "again");
    assert_eq!(stage.get(&api, &id).await.status, 404);
    let (worker, _passive) = (stage.worker(SA).await, stage.worker(US).await);
    stage.until_at_rest().await;
    assert_eq!(stage.processed_by(&[&worker]).await, [0.0]);
    assert_eq!(stage.archived(SA, &id).await, 0);
    assert_eq!(stage.get(&api, &id).await.status, 404, "and stays deleted");
    assert_eq!(stage.delete(&api, "01a1fc3e-6cd7-7312-a6c3-22f5205d262e").await, 404, "what never was");
}

#[tokio::test]
async fn an_event_of_the_older_service_is_processed() {
    let stage = Stage::provisioned([Active, Passive]).await;
    let (api, _sa, _us) = (stage.api(SA).await, stage.worker(SA).await, stage.worker(US).await);
    let id = "5a0f3c52-1f6e-4c3a-9b1d-0c2f4e6a8b10";
    for site in [SA, US] {
        stage.sites[site].operator.send(&older_event(id)).await.unwrap();
    }
    until("the sale is there and processed", async || stage.is_processed(&api, id).await).await;
    stage.until_at_rest().await;
    assert_eq!(stage.archived(SA, id).await, 1);
    assert_eq!(stage.get(&api, id).await.json["created_at"], "2025-11-21T02:31:16.000Z");
}

#[tokio::test]
async fn a_row_of_the_older_service_is_read() {
    use aws_sdk_dynamodb::types::AttributeValue::{Bool, N, S};
    let stage = Stage::provisioned([Active, Passive]).await;
    let api = stage.api(SA).await;
    let id = "5a0f3c52-1f6e-4c3a-9b1d-0c2f4e6a8b12";
    let put = aws_sdk_dynamodb::Client::new(&stage.sdk(SA).await)
        .put_item()
        .table_name(&stage.environments[SA]["DYNAMO_SALES_TABLE"])
        .item("id", S(id.to_owned()))
        .item("product", S("Book".to_owned()))
        .item("amount", N("223.34".to_owned()))
        .item("sale_processed", Bool(true))
        .item("timestamp", N("1763692276".to_owned()));
    put.send().await.unwrap();
    let sale = stage.get(&api, id).await.json;
    assert_eq!((&sale["product"], &sale["amount"]), (&json!("Book"), &json!(223.34)));
    assert_eq!((&sale["processed"], &sale["created_at"]), (&json!(true), &json!("2025-11-21T02:31:16.000Z")));
}

#[tokio::test]
async fn poison_is_parked_with_its_reason_and_deleted_only_then() {
    let stage = Stage::provisioned([Active, Passive]).await;
    let worker = stage.worker(SA).await;
    stage.sites[SA].operator.send("{\"no\":\"sale\"}").await.unwrap();
    until("it is parked", async || stage.messages(SA).await == 0).await;
    assert_eq!(stage.metric(&worker, "sales_parked_total").await, 1.0);
    let letters = stage.sites[SA].operator.dead_letters(1).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].delivery.body, "{\"no\":\"sale\"}");
    assert!(letters[0].reason.as_deref().unwrap().contains("missing field"), "{:?}", letters[0].reason);
}

#[tokio::test]
async fn a_worker_that_is_told_to_hold_leaves_the_queue_alone_until_told_otherwise() {
    let stage = Stage::provisioned([Hold, Passive]).await;
    let (api, worker) = (stage.api(SA).await, stage.worker(SA).await);
    let id = stage.post(&api, "Book").await;
    until("the message is there", async || stage.messages(SA).await == 1).await;
    throughout(Duration::from_secs(3), "a holding worker touched the queue", async || {
        let depth = stage.sites[SA].operator.queue_depth().await.unwrap();
        depth.visible == 1 && depth.in_flight == 0
    })
    .await;
    stage.flip(SA, Active).await;
    stage.until_processed(&api, &id).await;
    assert_eq!(stage.processed_by(&[&worker]).await, [1.0]);
}

#[tokio::test]
async fn a_stop_ends_in_time_and_loses_nothing() {
    let stage = Stage::provisioned([Active, Passive]).await;
    let api = stage.api(SA).await;
    let mut ids = Vec::new();
    for n in 0..40 {
        ids.push(stage.post(&api, &format!("stopped {n}")).await);
    }
    let worker = stage.worker(SA).await;
    until("it has begun", async || stage.metric(&worker, "sales_processed_total").await > 0.0).await;
    tokio::time::timeout(Duration::from_secs(12), worker.stop()).await.expect("within the drain time");
    let (_next, _passive) = (stage.worker(SA).await, stage.worker(US).await);
    for id in &ids {
        stage.until_processed(&api, id).await;
    }
    stage.until_at_rest().await;
}

pub fn older_event(id: &str) -> String {
    json!({ "id": id, "product": "Book", "amount": 223.34, "sale_processed": false, "timestamp": 1_763_692_276 })
        .to_string()
}

/// How long a received message stays hidden in the contract's tests: longer than any of them.
const CONTRACT_VISIBILITY: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_aws_adapters_keep_the_contract_of_the_ports_as_the_fakes_do() {
    let stage = Stage::provisioned([Active, Passive]).await;
    for [here, there] in [[SA, US], [US, SA]] {
        let clients = &stage.sites[here].clients;
        let subject = Subject {
            sites: stage.sites[here].settings.sites.clone(),
            clock: Arc::new(SystemClock),
            random: Random::from_system().unwrap(),
            sales: clients.sales_table(),
            idempotency: clients.idempotency_table(),
            queue: clients.queue(CONTRACT_VISIBILITY),
            peer_queue: stage.sites[there].clients.queue(CONTRACT_VISIBILITY),
            topic: clients.topic(),
            archive: clients.archive(),
            state: clients.state_parameter(),
        };
        contract::all(&subject).await;
    }
}
