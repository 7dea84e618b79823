//! Steady traffic: a sale every so often, whatever became of the one before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sales_shared::clock::Timestamp;
use sales_shared::sale::SaleId;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(6);
/// Most requests under way. More are not made, and counted.
const IN_FLIGHT_MAX: usize = 2000;

/// A sale that was answered 201.
#[derive(Clone, Copy, Debug)]
pub(super) struct AcceptedSale {
    pub id: SaleId,
    pub created_at: Timestamp,
}

/// Which api clients are sent to.
pub(super) const ALTERNATE: usize = 2;

/// What the traffic came to so far.
#[derive(Default)]
pub(super) struct Book {
    pub accepted: Mutex<Vec<AcceptedSale>>,
    /// Requests answered otherwise, or not at all: their clients know that they have to try again.
    pub refused: AtomicUsize,
    /// The site that clients are sent to, or [`ALTERNATE`].
    pub target: AtomicUsize,
}

impl Book {
    fn next(&self, turn: usize) -> usize {
        match self.target.load(Ordering::Relaxed) {
            ALTERNATE => turn % 2,
            site => site,
        }
    }

    /// As a client, or DNS, does that got no answer: to the other region.
    fn turn_away_from(&self, site: usize) {
        let _ = self.target.compare_exchange(site, 1 - site, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Posts `rate` sales a second for so long.
pub(super) async fn post(
    book: Arc<Book>,
    apis: [String; 2],
    rate: u32,
    length: Duration,
) -> anyhow::Result<()> {
    let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let end = Instant::now() + length;
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut posts = JoinSet::new();
    for turn in 0.. {
        ticks.tick().await;
        if Instant::now() >= end {
            break;
        }
        while posts.try_join_next().is_some() {}
        if posts.len() >= IN_FLIGHT_MAX {
            book.refused.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let site = book.next(turn);
        let body = json!({ "product": format!("Book {turn}"), "amount": format!("{}.{:02}", turn % 900 + 1, turn % 100) });
        let request = http.post(format!("{}/sales", apis[site])).json(&body);
        let book = book.clone();
        posts.spawn(async move {
            match accepted(request).await {
                Some(sale) => book.accepted.lock().push(sale),
                None => {
                    book.refused.fetch_add(1, Ordering::Relaxed);
                    book.turn_away_from(site);
                }
            }
        });
    }
    while posts.join_next().await.is_some() {}
    Ok(())
}

async fn accepted(request: reqwest::RequestBuilder) -> Option<AcceptedSale> {
    let answer = request.send().await.ok()?;
    if answer.status() != reqwest::StatusCode::CREATED {
        return None;
    }
    let sale: Value = answer.json().await.ok()?;
    Some(AcceptedSale {
        id: SaleId::parse(sale["id"].as_str()?).ok()?,
        created_at: Timestamp::parse(sale["created_at"].as_str()?).ok()?,
    })
}
