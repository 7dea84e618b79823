use std::time::Duration;

use sales_shared::fake::{Fate, Site, Span};

use crate::helpers::{Api, GOOD, PATIENCE, variables, world};

#[tokio::test]
async fn a_stop_finishes_the_request_in_hand_and_takes_no_new_one() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    // The way to the table is long enough for the stop to come while the request is on it.
    world.weather(|weather| weather.near = Span::millis(300, 300));
    let (client, address) = (api.client.clone(), format!("{}/sales", api.base));
    let in_hand = tokio::spawn(async move {
        client
            .post(address)
            .header("content-type", "application/json")
            .body(GOOD)
            .send()
            .await
            .unwrap()
            .status()
    });
    api.until("it is stored", async || !world.rows(Site::First).is_empty()).await;
    api.shutdown.cancel();
    assert_eq!(in_hand.await.unwrap(), 201);
    tokio::time::timeout(PATIENCE, api.running).await.unwrap().unwrap().unwrap();
    let fresh = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(fresh.get(format!("{}/liveness", api.base)).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_stop_ends_even_if_a_request_does_not() {
    let world = world();
    let mut variables = variables(Site::First);
    variables.insert("DRAIN_TIMEOUT".to_owned(), "100ms".to_owned());
    let api = Api::start_with(&world, Site::First, variables).await;
    world.script(Site::First, "sales.insert", Fate::Hang { effect: true }, 1);
    let (client, address) = (api.client.clone(), format!("{}/sales", api.base));
    let in_hand = tokio::spawn(async move {
        client.post(address).header("content-type", "application/json").body(GOOD).send().await
    });
    api.until("it is stored", async || !world.rows(Site::First).is_empty()).await;
    api.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), api.running).await.unwrap().unwrap().unwrap();
    assert!(in_hand.await.unwrap().is_err(), "cut off without an answer, so nobody was told 201");
}
