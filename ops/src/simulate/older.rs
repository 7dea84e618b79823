//! The older service's worker: read the state, discard what arrives when it is not ACTIVE; else check for a record, act, mark,
//! and write the record last. No claim, no lease, no outbox, and today's date in the archive key.

use std::time::Duration;

use bytes::Bytes;
use sales_shared::fake::{Fact, Host};
use sales_shared::idempotency::Token;
use sales_shared::ports::{
    Archive as _, Delivery, IdempotencyTable, PortResult, Queue, SalesTable, StateParameter,
};
use sales_shared::region::{Declared, RegionState, Side};
use sales_shared::sale::event::SaleEvent;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::effects::Watch;
use super::plan::{Nature, Plan};

/// How long it rests after a receive that failed.
const RECEIVE_PAUSE: Duration = Duration::from_secs(1);

/// Works until told to stop.
pub(super) async fn work(host: Host, plan: Plan, stop: CancellationToken) {
    let mut state = State { value: RegionState::Passive, read_at: None };
    let mut running = JoinSet::new();
    while !stop.is_cancelled() {
        match host.receive(10, plan.worker.timings.long_poll).await {
            Ok(deliveries) => {
                state.refresh(&host, &plan).await;
                for delivery in deliveries {
                    running.spawn(handle(host.clone(), state.value, delivery));
                }
                while running.join_next().await.is_some() {}
            }
            Err(_) => tokio::time::sleep(RECEIVE_PAUSE).await,
        }
    }
    host.note(Fact::Stopped { in_order: true, in_hand: 0 });
}

/// The state, read anew when it is older than the TTL. What cannot be read is PASSIVE.
struct State {
    value: RegionState,
    read_at: Option<Instant>,
}

impl State {
    async fn refresh(&mut self, host: &Host, plan: &Plan) {
        if self.read_at.is_some_and(|at| at.elapsed() < plan.state.ttl) {
            return;
        }
        self.value = match host.read().await {
            Ok((Declared::Known(value), _)) => value,
            Ok((Declared::Unknown, _)) | Err(_) => RegionState::Passive,
        };
        self.read_at = Some(Instant::now());
    }
}

/// A failure leaves the message to its visibility timeout.
async fn handle(host: Host, state: RegionState, delivery: Delivery) {
    let done = match state {
        RegionState::Active => process(&host, &delivery).await,
        RegionState::Passive | RegionState::Hold => Ok(true),
    };
    if let Ok(true) = done {
        let _ = host.delete(&[delivery.receipt]).await;
    }
}

async fn process(host: &Host, delivery: &Delivery) -> PortResult<bool> {
    let Ok(event) = SaleEvent::parse(&delivery.body, &host.sites()) else {
        return Ok(false);
    };
    let sale = event.sale;
    if host.look_up(Side::Local, &[sale.id]).await?.contains_key(&sale.id) {
        return Ok(true);
    }
    if Nature::of(sale.product.as_str()).is_doomed() {
        return Ok(false);
    }
    let mut watch = Watch::begin(host, sale.id, Token(0));
    let now = host.clock().now();
    let key = format!("sales/{}/{}.json", now.date_path(), sale.id);
    host.replace(&key, Bytes::from(sale.archive_body())).await?;
    watch.well = true;
    drop(watch);
    host.mark_processed(&sale, now, host.sites().local()).await?;
    host.put_completed(sale.id).await?;
    Ok(true)
}
