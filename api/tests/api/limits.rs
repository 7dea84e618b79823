use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use sales_api::state::REQUESTS_MAX;
use sales_shared::fake::{Fate, Site};
use sales_shared::ports::{PortResult, Topic};

use crate::helpers::{GOOD, answer_of, app, app_with_topic, request, world};

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_a_503() {
    let world = world();
    let app = app(&world, Site::First).await;
    world.script(Site::First, "sales.insert", Fate::Hang { effect: false }, 1);
    let begun = tokio::time::Instant::now();
    let answer = answer_of(&app, request("POST", "/sales", GOOD)).await;
    answer.assert_problem(503, None);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_a_408() {
    let app = app(&world(), Site::First).await;
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    answer_of(&app, request("POST", "/sales", never)).await.assert_problem(408, None);
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_at_once_are_sent_away_and_health_checks_are_not() {
    let world = world();
    let app = app(&world, Site::First).await;
    world.script(Site::First, "sales.insert", Fate::Hang { effect: false }, u32::MAX);
    let held: Vec<_> = (0..REQUESTS_MAX)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move { answer_of(&app, request("POST", "/sales", GOOD)).await.status })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let answer = answer_of(&app, request("POST", "/sales", GOOD)).await;
    answer.assert_problem(503, None);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer_of(&app, request("GET", "/liveness", "")).await.status, 200);
    assert_eq!(answer_of(&app, request("GET", "/state", "")).await.status, 200);
    for one in held {
        assert_eq!(one.await.unwrap(), 503, "each of them ends at its limit");
    }
    world.script(Site::Second, "sales.insert", Fate::Answered, 1);
    assert_eq!(answer_of(&app, request("GET", "/sales/42", "")).await.status, 400, "there is room again");
}

/// A port with a fault in it.
struct Exploding;

#[async_trait]
impl Topic for Exploding {
    #[allow(clippy::panic, reason = "that is the test")]
    async fn publish(&self, _body: &str) -> PortResult<()> {
        panic!("a fault of ours");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_500_and_the_next_request_is_answered() {
    let app = app_with_topic(&world(), Site::First, Exploding).await;
    let answer = answer_of(&app, request("POST", "/sales", GOOD)).await;
    answer.assert_problem(500, None);
    assert!(!answer.body.contains("fault of ours"), "{}", answer.body);
    assert_eq!(answer_of(&app, request("GET", "/liveness", "")).await.status, 200);
}
