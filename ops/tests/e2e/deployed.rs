//! The services on resources that the infrastructure code has made.

use sales_shared::region::RegionState::{Active, Passive};
use serde_json::json;

use crate::portable::older_event;
use crate::stage::{SA, Stage, US, until};

#[tokio::test]
#[ignore = "needs a deployment: SALES_STACK=FILE cargo test --workspace --test e2e -- --ignored deployed"]
async fn a_deployment_takes_sales_through_a_flip_and_parks_what_is_none() {
    let stage = Stage::deployed().await;
    let api = stage.api(SA).await;
    let (sa, us) = (stage.worker(SA).await, stage.worker(US).await);
    let before = stage.post(&api, "before the flip").await;
    stage.until_processed(&api, &before).await;
    stage.until_at_rest().await;

    stage.flip(US, Active).await;
    stage.flip(SA, Passive).await;
    until("both workers have seen the flip", async || {
        stage.metric(&us, "sales_region_state{state=\"ACTIVE\"}").await == 1.0
            && stage.metric(&sa, "sales_region_state{state=\"PASSIVE\"}").await == 1.0
    })
    .await;
    let body = json!({ "product": "after the flip", "amount": "10.50" });
    let after = stage.post_raw(&api, Some("deployed"), &body).await;
    assert_eq!(after.status, 201);
    let after = after.json["id"].as_str().unwrap();
    stage.until_processed(&api, after).await;
    let older = "5a0f3c52-1f6e-4c3a-9b1d-0c2f4e6a8b11";
    for site in [SA, US] {
        stage.sites[site].operator.send(&older_event(older)).await.unwrap();
    }
    stage.until_processed(&api, older).await;
    stage.sites[US].operator.send("no sale at all").await.unwrap();
    stage.until_at_rest().await;

    assert_eq!(stage.processed_by(&[&sa, &us]).await, [1.0, 2.0]);
    assert_eq!(stage.metric(&us, "sales_parked_total").await, 1.0);
    for id in [before.as_str(), after, older] {
        until("the archives have replicated", async || {
            stage.archived(SA, id).await == 1 && stage.archived(US, id).await == 1
        })
        .await;
    }
}
