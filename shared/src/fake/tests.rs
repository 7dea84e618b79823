//! What the fakes owe beyond the contract: lag, faults, and the same history for the same seed.

use std::time::Duration;

use bytes::Bytes;

use super::contract::{self, Subject};
use super::*;
use crate::idempotency::{ClaimRequest, WorkerId};
use crate::ports::*;
use crate::region::{Declared, RegionState, Side};
use crate::sale::{Amount, Product, Progress, Sale, SaleId};

fn world() -> World {
    let world = World::new(7, WorldSettings::default());
    for site in Site::BOTH {
        world.declare_state(site, RegionState::Active);
    }
    world
}

fn sale(host: &Host) -> Sale {
    let now = host.clock().now();
    Sale {
        id: SaleId::generate(now, &host.random()),
        product: Product::parse("Book").unwrap(),
        amount: Amount::parse("223.34").unwrap(),
        created_at: now,
        owner_region: host.sites().local().clone(),
    }
}

fn subject(world: &World) -> Subject {
    Subject::of(&world.host(Site::First, "here", 0), &world.host(Site::Second, "there", 0))
}

#[tokio::test(start_paused = true)]
async fn the_fakes_keep_the_contract_of_the_ports() {
    contract::all(&subject(&world())).await;
}

#[tokio::test(start_paused = true)]
async fn the_fakes_keep_the_contract_with_strong_tables() {
    let world = World::new(7, WorldSettings { strong_tables: true, ..WorldSettings::default() });
    contract::all(&subject(&world)).await;
}

#[tokio::test(start_paused = true)]
async fn a_row_reaches_the_other_replica_after_its_lag_and_not_through_a_partition() {
    let world = world();
    let (here, there) = (world.host(Site::First, "a", 0), world.host(Site::Second, "b", 0));
    let sale = sale(&here);
    world.part();
    here.insert(&sale).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(SalesTable::get(&there, Side::Local, sale.id).await.unwrap(), None);
    world.heal();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(SalesTable::get(&there, Side::Local, sale.id).await.unwrap().is_some());
    assert!(world.is_level());
}

#[tokio::test(start_paused = true)]
async fn the_later_of_two_writes_wins_in_both_replicas() {
    let world = world();
    let (here, there) = (world.host(Site::First, "a", 0), world.host(Site::Second, "b", 0));
    let sale = sale(&here);
    world.part();
    here.mark_processed(&sale, sale.created_at, &sale.owner_region).await.unwrap();
    there.mark_parked(&sale, sale.created_at, "late").await.unwrap();
    world.heal();
    tokio::time::sleep(Duration::from_secs(2)).await;
    for site in Site::BOTH {
        assert_eq!(world.row(site, sale.id).unwrap().progress, Progress::Parked, "{site:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_the_effect_and_a_lost_call_does_not() {
    let world = world();
    let here = world.host(Site::First, "a", 0);
    let (first, second) = (sale(&here), sale(&here));
    world.script(Site::First, "sales.insert", Fate::AnswerLost, 1);
    assert_eq!(here.insert(&first).await.unwrap_err().kind, PortErrorKind::NoAnswer);
    assert!(world.row(Site::First, first.id).is_some());
    world.script(Site::First, "sales.insert", Fate::NoAnswer, 1);
    assert_eq!(here.insert(&second).await.unwrap_err().kind, PortErrorKind::NoAnswer);
    assert!(world.row(Site::First, second.id).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_dark_region_answers_nobody_and_its_cut_off_hosts_reach_nothing() {
    let world = world();
    let (here, there) = (world.host(Site::First, "a", 0), world.host(Site::Second, "b", 0));
    world.darken(Site::First, Outage::Region);
    for (host, side) in [(&here, Side::Local), (&here, Side::Peer), (&there, Side::Peer)] {
        assert_eq!(host.look_up(side, &[]).await.unwrap_err().kind, PortErrorKind::NoAnswer);
    }
    assert!(there.look_up(Side::Local, &[]).await.is_ok());
    world.darken(Site::First, Outage::Endpoints);
    assert!(here.look_up(Side::Local, &[]).await.is_err());
    assert!(here.look_up(Side::Peer, &[]).await.is_ok());
    world.lighten(Site::First);
    assert!(there.look_up(Side::Peer, &[]).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_lost_region_takes_with_it_what_had_not_left() {
    let world = world();
    let here = world.host(Site::First, "a", 0);
    let (left, stayed) = (sale(&here), sale(&here));
    here.insert(&left).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    here.insert(&stayed).await.unwrap();
    let survivors = world.lose(Site::First);
    assert!(survivors.contains(&left.id) && !survivors.contains(&stayed.id));
    world.lighten(Site::First);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(world.row(Site::Second, stayed.id).is_none(), "it is gone for good");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_deletes_comes_back_and_is_moved_away_in_the_end() {
    let world = World::new(7, WorldSettings { max_receive_count: 3, ..WorldSettings::default() });
    let here = world.host(Site::First, "a", 0);
    world.send(Site::First, "hello");
    for count in 1..=3 {
        let got = here.receive(10, Duration::from_secs(20)).await.unwrap();
        assert_eq!(got.first().map(|d| d.receive_count), Some(count));
        assert!(here.receive(10, Duration::from_secs(20)).await.unwrap().is_empty());
        tokio::time::sleep(Duration::from_secs(80)).await;
    }
    assert!(here.receive(10, Duration::ZERO).await.unwrap().is_empty());
    assert_eq!(world.dead_letters(Site::First).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_more_messages_are_in_flight_than_the_cap_allows() {
    let world = World::new(7, WorldSettings { in_flight_max: 3, ..WorldSettings::default() });
    let here = world.host(Site::First, "a", 0);
    (0..9).for_each(|i| world.send(Site::First, &format!("{i}")));
    let got = here.receive(10, Duration::ZERO).await.unwrap();
    assert_eq!(got.len(), 3);
    assert!(here.receive(10, Duration::from_secs(5)).await.unwrap().is_empty());
    let back =
        got.iter().map(|d| Put { receipt: d.receipt.clone(), after: Duration::ZERO }).collect::<Vec<_>>();
    here.change_visibility(&back).await.unwrap();
    assert_eq!(here.receive(10, Duration::ZERO).await.unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_delete_without_proof_is_told_from_one_with_it() {
    let world = world();
    let here = world.host(Site::First, "a", 0);
    let sale = sale(&here);
    let event =
        crate::sale::event::SaleEvent { sale: sale.clone(), traceparent: None, of_older_service: false }
            .to_json();
    let delete_one = async || {
        here.publish(&event).await.unwrap();
        let got = here.receive(10, Duration::from_secs(20)).await.unwrap();
        here.delete(&[got[0].receipt.clone()]).await.unwrap();
    };
    delete_one().await;
    let worker = WorkerId("a".to_owned());
    let request = ClaimRequest {
        sale: &sale,
        worker: &worker,
        region: &sale.owner_region,
        nonce: 1,
        now: sale.created_at,
        lease: Duration::from_secs(60),
        expires_at: sale.created_at,
    };
    let Claimed::Granted(claim) = here.claim(Side::Local, &request).await.unwrap() else { panic!("refused") };
    let done = crate::idempotency::Completion::Cancelled { at: sale.created_at };
    here.complete(Side::Local, &claim, &done).await.unwrap();
    delete_one().await;
    let shown: Vec<_> = world.with_ledger(|ledger| {
        let deletes = ledger.entries().iter().filter_map(|entry| match entry.fact {
            Fact::Deleted { shown, .. } => Some(shown),
            _ => None,
        });
        deletes.collect()
    });
    assert_eq!(shown, [false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_killed_host_does_nothing_more() {
    let world = world();
    let here = world.host(Site::First, "a", 0);
    let body = Bytes::from_static(b"{}");
    let running = tokio::spawn({
        let here = here.clone();
        async move { here.put("k", body).await }
    });
    tokio::task::yield_now().await;
    here.kill();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!running.is_finished() && world.objects(Site::First).is_empty());
    assert_eq!(here.posthumous_calls(), 1);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn an_absent_and_a_misspelt_parameter_are_answers() {
    let world = World::new(7, WorldSettings::default());
    let here = world.host(Site::First, "a", 0);
    assert_eq!(here.read().await.unwrap(), (Declared::Unknown, 0));
    world.declare(Site::First, ParameterValue::Text("ACITVE"));
    assert_eq!(here.read().await.unwrap(), (Declared::Unknown, 1));
    world.declare_state(Site::First, RegionState::Passive);
    assert_eq!(here.read().await.unwrap(), (Declared::Known(RegionState::Passive), 2));
}

/// A little of everything, with failures; what the ledger holds in the end.
async fn history(seed: u64) -> Vec<String> {
    let world = World::new(seed, WorldSettings::default());
    world.weather(|weather| {
        weather.duplicates = 200;
        weather.stale_reads = 200;
        for service in Service::ALL {
            weather.errors.insert((Site::First, service), ErrorRates::all(50));
        }
    });
    let here = world.host(Site::First, "a", 500);
    for _ in 0..30 {
        let sale = sale(&here);
        let event =
            crate::sale::event::SaleEvent { sale: sale.clone(), traceparent: None, of_older_service: false };
        let _ = here.insert(&sale).await;
        let _ = here.publish(&event.to_json()).await;
        for delivery in here.receive(10, Duration::from_secs(1)).await.unwrap_or_default() {
            let _ = here.delete(&[delivery.receipt]).await;
        }
    }
    world.take_ledger().entries().iter().map(|entry| format!("{entry:?}")).collect()
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_history() {
    assert_eq!(history(1).await, history(1).await);
    assert_ne!(history(1).await, history(2).await);
}
