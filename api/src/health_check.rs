//! Whether the api can take a sale: a cheap look at the sales table every few seconds, for as long as no sale shows it.

use std::sync::Arc;
use std::time::Duration;

use sales_shared::clock::SharedClock;
use sales_shared::ports::SalesTable;
use sales_shared::random::Random;
use sales_shared::region::Side;
use sales_shared::sale::SaleId;
use tokio_util::sync::CancellationToken;

use crate::state::TableHealth;

/// Time between two looks.
pub const PROBE_EVERY: Duration = Duration::from_secs(4);
/// The same after a failure.
pub const PROBE_AGAIN: Duration = Duration::from_secs(1);

/// Reads a row that is not there, unless a sale has shown a moment ago that the table answers, until told to stop. A
/// failure is logged at its first occurrence.
pub async fn keep_probing(
    table: Arc<dyn SalesTable>,
    clock: SharedClock,
    health: Arc<TableHealth>,
    random: Random,
    stop: CancellationToken,
) {
    let nowhere = SaleId::generate(clock.now(), &random);
    let mut failing = false;
    loop {
        if health.silent_for().is_none_or(|silence| silence >= PROBE_EVERY / 2) {
            match table.get(Side::Local, nowhere).await {
                Ok(_) => {
                    health.answered();
                    if std::mem::take(&mut failing) {
                        tracing::info!("the sales table answers again");
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "the sales table does not answer");
                    }
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(random.around(if failing { PROBE_AGAIN } else { PROBE_EVERY })) => {}
            () = stop.cancelled() => return,
        }
    }
}
