//! At which pace a worker takes messages, ACTIVE and PASSIVE: on in-memory ports, under a paused clock, so that no machine
//! is too slow for it.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use sales_shared::config::WorkerSettings;
use sales_shared::fake::{Fact, Host, Site, Span, World, WorldSettings};
use sales_shared::ports::SalesTable as _;
use sales_shared::region::RegionState;
use sales_shared::region::cached::{CachedState, StatePolicy};
use sales_shared::sale::event::SaleEvent;
use sales_shared::sale::{Amount, Product, Sale, SaleId};
use sales_worker::effects::ArchiveSale;
use sales_worker::{Drained, Options, Ports, Worker};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The default of production.
const CONCURRENCY: usize = 64;

fn worker(host: &Host, concurrency: usize) -> Worker {
    let ports = Arc::new(host.clone());
    let policy = StatePolicy { ttl: Duration::from_secs(5), max_age: DAY };
    let ports = Ports {
        sales: ports.clone(),
        idempotency: ports.clone(),
        queue: ports.clone(),
        effects: Arc::new(ArchiveSale::new(ports.clone())),
        state: Arc::new(CachedState::new(ports, policy)),
    };
    let options = Options {
        sites: host.sites(),
        settings: WorkerSettings { concurrency, ..WorkerSettings::default() },
        strong_tables: false,
        idempotency_ttl: 30 * DAY,
        drain_timeout: Duration::from_secs(25),
    };
    Worker::new(ports, options, host.clock(), host.random())
}

/// A sale of the first site.
fn sale(world: &World, host: &Host) -> Sale {
    Sale {
        id: SaleId::generate(world.true_time(), &host.random()),
        product: Product::parse("Book").unwrap(),
        amount: Amount::parse("223.34").unwrap(),
        created_at: world.true_time(),
        owner_region: world.region(Site::First).clone(),
    }
}

fn send(world: &World, to: Site, sale: Sale) {
    world.send(to, &SaleEvent { sale, traceparent: None, of_older_service: false }.to_json());
}

/// Fills the queue of a PASSIVE site with so many sales of the other one.
fn fill(world: &World, host: &Host, count: usize) -> Vec<SaleId> {
    world.declare_state(Site::Second, RegionState::Passive);
    let sales: Vec<Sale> = (0..count).map(|_| sale(world, host)).collect();
    let ids = sales.iter().map(|sale| sale.id).collect();
    sales.into_iter().for_each(|sale| send(world, Site::Second, sale));
    ids
}

/// Sales a second that an ACTIVE worker processes with so many at once, when a call takes 5 ms or so.
async fn active_rate(concurrency: usize) -> f64 {
    const SALES_A_PLACE: u32 = 40;
    let world = World::new(3, WorldSettings::default());
    let host = world.host(Site::First, "worker", 0);
    world.declare_state(Site::First, RegionState::Active);
    world.weather(|weather| weather.near = Span::millis(2, 3));
    let count = SALES_A_PLACE * u32::try_from(concurrency).unwrap();
    let inserts = (0..count).map(|_| async {
        let sale = sale(&world, &host);
        host.insert(&sale).await.unwrap();
        sale
    });
    for sale in futures::future::join_all(inserts).await {
        send(&world, Site::First, sale);
    }
    let stop = CancellationToken::new();
    let begun = Instant::now();
    let working = tokio::spawn(worker(&host, concurrency).run(stop.clone()));
    while world.queue_length(Site::First) > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let rate = f64::from(count) / begun.elapsed().as_secs_f64();
    stop.cancel();
    assert_eq!(working.await.unwrap(), Drained::Whole);
    assert_eq!(world.outbox_length(Site::First), 0, "every row is marked");
    rate
}

async fn run_for(worker: Worker, time: Duration) -> Drained {
    let stop = CancellationToken::new();
    let working = tokio::spawn(worker.run(stop.clone()));
    tokio::time::sleep(time).await;
    stop.cancel();
    working.await.unwrap()
}

fn receives(world: &World) -> usize {
    let received = |fact: &Fact| matches!(fact, Fact::Received { .. });
    world.with_ledger(|ledger| ledger.entries().iter().filter(|entry| received(&entry.fact)).count())
}

#[tokio::test(start_paused = true)]
async fn a_passive_backlog_without_proofs_waits_visible_in_the_queue() {
    let world = World::new(1, WorldSettings::default());
    let host = world.host(Site::Second, "worker", 0);
    fill(&world, &host, 2000);
    assert_eq!(run_for(worker(&host, CONCURRENCY), Duration::from_secs(60)).await, Drained::Whole);
    assert_eq!(world.queue_length(Site::Second), 2000, "nothing was deleted");
    // A batch after 1, 2, 4 and then every 5 seconds, by one poller alone.
    assert!((100..=200).contains(&receives(&world)), "{} messages were taken in a minute", receives(&world));
}

#[tokio::test(start_paused = true)]
async fn a_passive_backlog_with_proofs_is_drained_by_many_at_once() {
    let world = World::new(2, WorldSettings::default());
    let host = world.host(Site::Second, "worker", 0);
    for id in fill(&world, &host, 2000) {
        host.put_completed(id).await.unwrap();
    }
    // One poller with one batch at a time would need 200 times two calls of 10 ms or so.
    assert_eq!(run_for(worker(&host, CONCURRENCY), Duration::from_secs(1)).await, Drained::Whole);
    assert_eq!(world.queue_length(Site::Second), 0);
    assert_eq!(receives(&world), 2000);
}

#[tokio::test(start_paused = true)]
async fn an_active_worker_with_sixty_four_places_is_sixty_four_times_as_fast_as_with_one() {
    let [one, many] = [active_rate(1).await, active_rate(CONCURRENCY).await];
    // Claim, archive object, then mark and proof at once: three calls of 5 ms in a row.
    assert!((55.0..67.0).contains(&one), "{one} sales a second, one at a time");
    let growth = many / one / CONCURRENCY as f64;
    assert!((0.9..=1.1).contains(&growth), "{growth} of 64 times {one} sales a second");
}
