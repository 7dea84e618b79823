use std::time::Duration;

use sales_shared::fake::{Fate, Outage, Site, Span};
use sales_shared::ports::SalesTable as _;

use crate::helpers::{Api, GOOD, answer_of, app, only_row, request, world};

const NOBODYS: &str = "/sales/0199c5a0-6f1e-7c3a-9b1d-0c2f4e6a8b10";

#[tokio::test]
async fn a_sale_is_shown_with_how_far_it_came() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    let created = api.post(GOOD).await;
    let path = format!("/sales/{}", created.id());
    let waiting = api.get(&path).await;
    assert_eq!((waiting.status, &waiting.body), (200, &created.body));
    assert_eq!(api.send("HEAD", &path, &[], "").await.status, 200);

    let worker = world.host(Site::First, "worker", 0);
    let sale = only_row(&world, Site::First).sale;
    worker.mark_parked(&sale, worker.clock().now(), "no").await.unwrap();
    assert_eq!(api.get(&path).await.json()["parked"], true);

    let at = worker.clock().now();
    worker.mark_processed(&sale, at, world.region(Site::First)).await.unwrap();
    let processed = api.get(&path).await.json();
    assert_eq!(processed["processed"], true);
    assert_eq!(processed["processed_at"], at.to_string());
    assert!(processed.get("parked").is_none());
}

#[tokio::test]
async fn what_is_not_there_is_a_404_and_what_is_no_id_a_400() {
    let api = Api::start(&world(), Site::First).await;
    api.get(NOBODYS).await.assert_problem(404, None);
    api.get("/sales/42").await.assert_problem(400, Some("id"));
    api.get("/sales/%FF").await.assert_problem(400, Some("id"));
    api.send("DELETE", "/sales/42", &[], "").await.assert_problem(400, Some("id"));
}

#[tokio::test]
async fn a_sale_accepted_in_the_peer_a_moment_ago_is_found() {
    let world = world();
    world.weather(|weather| weather.replication = Span::millis(3_600_000, 3_600_000));
    let (first, second) = (Api::start(&world, Site::First).await, Api::start(&world, Site::Second).await);
    let id = first.post(GOOD).await.id();
    assert_eq!(world.row(Site::Second, id), None);
    assert_eq!(second.get(&format!("/sales/{id}")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_sale_that_only_a_lost_region_could_know_is_unknown_once_the_silence_lasts() {
    let world = world();
    let app = app(&world, Site::First).await;
    world.darken(Site::Second, Outage::Region);
    let ask = async || answer_of(&app, request("GET", NOBODYS, "")).await;
    ask().await.assert_problem(503, None);
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(2)).await;
        ask().await;
    }
    let begun = tokio::time::Instant::now();
    ask().await.assert_problem(404, None);
    assert!(begun.elapsed() < Duration::from_millis(50), "nobody waits for a region that is gone");
    world.lighten(Site::Second);
    tokio::time::advance(Duration::from_secs(2)).await;
    ask().await.assert_problem(404, None);
}

#[tokio::test]
async fn the_peers_replica_serves_while_the_local_table_is_silent() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    let id = api.post(GOOD).await.id();
    api.until("it is replicated", async || world.row(Site::Second, id).is_some()).await;
    world.script(Site::First, "sales.get", Fate::NoAnswer, 1);
    assert_eq!(api.get(&format!("/sales/{id}")).await.status, 200);
}
