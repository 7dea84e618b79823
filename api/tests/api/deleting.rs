use std::time::Duration;

use sales_shared::fake::{Fate, Host, Site, Span, World};
use sales_shared::idempotency::{ClaimRequest, Completion, Status, WorkerId};
use sales_shared::ports::{Claimed, IdempotencyTable as _, Marked, SalesTable as _};
use sales_shared::region::Side;
use sales_shared::sale::{Progress, SaleId};

use crate::helpers::{Api, GOOD, only_row, world};

fn is_cancelled(world: &World, at: Site, id: SaleId) -> bool {
    let status = world.record(at, id).map(|record| record.status);
    matches!(status, Some(Status::Completed(Completion::Cancelled { .. })))
}

fn is_buried(world: &World, at: Site, id: SaleId) -> bool {
    world.row(at, id).is_some_and(|row| row.progress == Progress::Deleted)
}

async fn claim(worker: &Host, at: Side, id: SaleId) -> Claimed {
    let sale = worker.world().row(worker.site(), id).unwrap().sale;
    let name = WorkerId("w".to_owned());
    let now = worker.clock().now();
    let request = ClaimRequest {
        sale: &sale,
        worker: &name,
        region: worker.world().region(worker.site()),
        nonce: 1,
        now,
        lease: Duration::from_secs(60),
        expires_at: now + Duration::from_secs(3600),
    };
    worker.claim(at, &request).await.unwrap()
}

#[tokio::test]
async fn a_deleted_sale_is_gone_and_deleting_it_again_is_no_error() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    let id = api.post(GOOD).await.id();
    for _ in 0..2 {
        let answer = api.delete(id).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    }
    api.get(&format!("/sales/{id}")).await.assert_problem(404, None);
    assert_eq!(world.outbox_length(Site::First), 0);
    let unknown = SaleId::parse("0199c5a0-6f1e-7c3a-9b1d-0c2f4e6a8b10").unwrap();
    api.delete(unknown).await.assert_problem(404, None);
}

#[tokio::test]
async fn a_deletion_wins_over_processing_that_has_not_begun() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    let id = api.post(GOOD).await.id();
    api.delete(id).await;
    assert!(is_cancelled(&world, Site::First, id));
    let worker = world.host(Site::First, "worker", 0);
    assert!(matches!(claim(&worker, Side::Local, id).await, Claimed::Refused(_)), "nobody begins any more");
}

#[tokio::test]
async fn the_record_is_cancelled_where_claims_on_the_sale_are_decided() {
    let world = world();
    world.weather(|weather| weather.replication = Span::millis(3_600_000, 3_600_000));
    let passive = Api::start(&world, Site::Second).await;
    let id = passive.post(GOOD).await.id();
    assert_eq!(only_row(&world, Site::Second).sale.owner_region.as_str(), "sa-east-1");
    assert_eq!(passive.delete(id).await.status, 204);
    assert!(is_cancelled(&world, Site::First, id), "the owner region decides");
    assert_eq!(world.record(Site::Second, id), None);
}

#[tokio::test]
async fn without_an_answer_from_the_authority_it_is_cancelled_here_for_a_takeover_to_find() {
    let world = world();
    let passive = Api::start(&world, Site::Second).await;
    let id = passive.post(GOOD).await.id();
    world.part();
    assert_eq!(passive.delete(id).await.status, 204);
    assert!(is_cancelled(&world, Site::Second, id));
    assert!(is_buried(&world, Site::Second, id));
}

#[tokio::test]
async fn a_sale_being_processed_elsewhere_gets_its_tombstone_there_too() {
    let world = world();
    let passive = Api::start(&world, Site::Second).await;
    let id = passive.post(GOOD).await.id();
    passive.until("it is replicated", async || world.row(Site::First, id).is_some()).await;
    let worker = world.host(Site::First, "worker", 0);
    assert!(matches!(claim(&worker, Side::Local, id).await, Claimed::Granted(_)));
    world.weather(|weather| weather.replication = Span::millis(3_600_000, 3_600_000));
    assert_eq!(passive.delete(id).await.status, 204);
    assert!(is_buried(&world, Site::First, id), "where the worker looks before it writes its result");
    assert!(is_buried(&world, Site::Second, id));
}

#[tokio::test]
async fn a_sale_settled_a_moment_before_its_row_says_so_is_buried_on_both_sides() {
    let world = world();
    let passive = Api::start(&world, Site::Second).await;
    let id = passive.post(GOOD).await.id();
    passive.until("it is replicated", async || world.row(Site::First, id).is_some()).await;
    world.weather(|weather| weather.replication = Span::millis(3_600_000, 3_600_000));
    let worker = world.host(Site::First, "worker", 0);
    let Claimed::Granted(claim) = claim(&worker, Side::Local, id).await else {
        unreachable!("nobody else claims")
    };
    let processed = Completion::Processed { sale: None, at: None, region: None };
    worker.complete(Side::Local, &claim, &processed).await.unwrap();
    assert_eq!(passive.delete(id).await.status, 204);
    assert!(is_buried(&world, Site::First, id) && is_buried(&world, Site::Second, id));
    let sale = world.row(Site::First, id).unwrap().sale;
    let marked = worker.mark_processed(&sale, worker.clock().now(), world.region(Site::First)).await.unwrap();
    assert_eq!(marked, Marked::Tombstone, "the mark that was under way comes too late");
}

#[tokio::test]
async fn a_sale_not_replicated_yet_is_buried_where_its_row_is() {
    let world = world();
    world.weather(|weather| weather.replication = Span::millis(3_600_000, 3_600_000));
    let (first, second) = (Api::start(&world, Site::First).await, Api::start(&world, Site::Second).await);
    let id = first.post(GOOD).await.id();
    assert_eq!(second.delete(id).await.status, 204);
    assert!(is_buried(&world, Site::First, id));
}

#[tokio::test]
async fn a_processed_sale_can_be_deleted() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    let id = api.post(GOOD).await.id();
    let worker = world.host(Site::First, "worker", 0);
    let sale = only_row(&world, Site::First).sale;
    worker.mark_processed(&sale, worker.clock().now(), world.region(Site::First)).await.unwrap();
    assert_eq!(api.delete(id).await.status, 204);
    assert!(is_buried(&world, Site::First, id));
}

#[tokio::test]
async fn a_deletion_that_fails_half_way_is_a_503_and_can_be_repeated() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    let id = api.post(GOOD).await.id();
    world.script(Site::First, "sales.mark_deleted", Fate::NoAnswer, 1);
    api.delete(id).await.assert_problem(503, None);
    assert_eq!(api.delete(id).await.status, 204);
    assert!(is_buried(&world, Site::First, id));
}

#[tokio::test]
async fn a_deletion_of_a_sale_in_work_is_refused_until_both_regions_can_be_told() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    let id = api.post(GOOD).await.id();
    let worker = world.host(Site::First, "worker", 0);
    assert!(matches!(claim(&worker, Side::Local, id).await, Claimed::Granted(_)));
    world.script(Site::Second, "sales.mark_deleted", Fate::NoAnswer, 2);
    for _ in 0..2 {
        api.delete(id).await.assert_problem(503, None);
    }
    assert_eq!(api.delete(id).await.status, 204);
    assert!(is_buried(&world, Site::First, id) && is_buried(&world, Site::Second, id));
}

#[tokio::test]
async fn a_deletion_of_a_sale_in_work_that_is_not_replicated_yet_is_repeated_whole() {
    let world = world();
    world.weather(|weather| weather.replication = Span::millis(3_600_000, 3_600_000));
    let (first, second) = (Api::start(&world, Site::First).await, Api::start(&world, Site::Second).await);
    let id = first.post(GOOD).await.id();
    let worker = world.host(Site::First, "worker", 0);
    assert!(matches!(claim(&worker, Side::Local, id).await, Claimed::Granted(_)));
    world.script(Site::First, "sales.mark_deleted", Fate::NoAnswer, 1);
    second.delete(id).await.assert_problem(503, None);
    assert_eq!(second.delete(id).await.status, 204);
    assert!(is_buried(&world, Site::First, id), "where the worker looks before it writes its result");
}
