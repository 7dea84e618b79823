//! The loop that finds what the queue forgot. A sale whose event was never published, or whose row lost its mark, is still
//! in the outbox: an ACTIVE worker takes what has been there for too long through the same claim and effects.

use std::sync::Arc;
use std::time::Duration;

use sales_shared::clock::Timestamp;
use sales_shared::idempotency::{Completion, Record, Status};
use sales_shared::ports::{OUTBOX_SHARDS, OutboxEntry, PortResult};
use sales_shared::reachability::{Advice, Verdict};
use sales_shared::region::{Mode, Side};
use sales_shared::sale::{Progress, Sale, SaleId, StoredSale};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::known::Known;
use crate::pipeline::{Outcome, Pipeline, Work};
use crate::run::Held;

/// Entries of one shard taken in one look. The rest waits for the next look, a moment later.
const ENTRIES_MAX: usize = 50;
/// Sales from the outbox in work at once: the queue comes first.
const CONCURRENCY: usize = 16;

pub(crate) struct Reconciler {
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) stop: CancellationToken,
}

impl Reconciler {
    /// Looks at the outbox every so often, until told to stop.
    pub(crate) async fn run(self) {
        let every = self.pipeline.settings.timings.reconcile_every;
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep(self.pipeline.random.around(every)) => {}
                () = self.stop.cancelled() => return,
            }
            match self.pipeline.state.mode() {
                Mode::Process => self.look().await,
                // The age is the ACTIVE region's to tell; an old one would keep an alarm going.
                Mode::DryRun | Mode::Hold => {
                    self.pipeline.metrics.outbox_oldest_age_seconds.set(0);
                }
            }
        }
    }

    /// One look at all shards, from a random one on, so that workers spread over them.
    async fn look(&self) {
        let now = self.pipeline.clock.now();
        let first = self.pipeline.random.below(u64::from(OUTBOX_SHARDS));
        let mut oldest: Option<Timestamp> = None;
        for offset in 0..OUTBOX_SHARDS {
            if self.stop.is_cancelled() {
                return;
            }
            let shard = (u64::from(offset) + first) % u64::from(OUTBOX_SHARDS);
            let Ok(shard) = u8::try_from(shard) else { continue };
            match self.pipeline.sales.outbox(shard, now, ENTRIES_MAX).await {
                Ok(entries) => {
                    oldest = entries.first().map(|entry| entry.created_at).into_iter().chain(oldest).min();
                    self.take(&entries, now).await;
                }
                Err(error) => tracing::warn!(%error, shard, "the outbox could not be read"),
            }
        }
        let age = oldest.map_or(Duration::ZERO, |oldest| now.since(oldest));
        let gauge = &self.pipeline.metrics.outbox_oldest_age_seconds;
        gauge.set(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    }

    /// Takes the entries of one shard that are old enough.
    async fn take(&self, entries: &[OutboxEntry], now: Timestamp) {
        let old = now - self.pipeline.settings.timings.reconcile_after;
        let ids: Vec<SaleId> = entries.iter().filter(|e| e.created_at <= old).map(|e| e.id).collect();
        if ids.is_empty() {
            return;
        }
        // The index lags behind the rows: many of these may be processed by now.
        let rows = match self.pipeline.sales.get_many(&ids).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "rows of the outbox could not be read");
                return;
            }
        };
        let waiting: Vec<_> = rows.into_iter().filter(|row| row.progress == Progress::Waiting).collect();
        let elsewhere = waiting.iter().filter(|row| self.pipeline.may_be_settled_here_first(&row.sale));
        let ids: Vec<SaleId> = elsewhere.map(|row| row.sale.id).collect();
        // Without an answer all wait for the next look: a proof may be here, unseen.
        let looked_at = Instant::now();
        let Some(mut records) = self.pipeline.look_up_here(&ids).await else { return };
        let places = Arc::new(Semaphore::new(CONCURRENCY));
        let mut turns = JoinSet::new();
        for row in waiting {
            let known = Known { record: records.remove(&row.sale.id), ..Known::default() };
            let (pipeline, places, stop) = (self.pipeline.clone(), places.clone(), self.stop.clone());
            turns.spawn(async move {
                let _place = places.acquire().await;
                if stop.is_cancelled() {
                    return;
                }
                if let Some(known) = pipeline.still_known(&row.sale, known, looked_at).await {
                    reconcile(&pipeline, row, known).await;
                }
            });
        }
        while let Some(ended) = turns.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "the effects panicked");
            }
        }
    }
}

async fn reconcile(pipeline: &Pipeline, row: StoredSale, known: Known) {
    let id = row.sale.id;
    let work = Work { sale: row.sale, receive_count: 1, in_outbox: true, held: Held::Outbox };
    match pipeline.process(&work, known).await {
        Outcome::Settled(_) => {
            pipeline.metrics.reconciled.inc();
            tracing::info!(sale.id = %id, "processed from the outbox");
        }
        Outcome::Found(record, _) => match repair(pipeline, &work.sale, &record).await {
            Ok(()) => {
                pipeline.metrics.reconciled.inc();
                tracing::info!(sale.id = %id, "the row was brought into line with its record");
            }
            Err(error) => tracing::warn!(%error, sale.id = %id, "the row could not be brought into line"),
        },
        // It stays in the outbox; the next look finds it.
        Outcome::Wait { .. } => {}
    }
}

/// Makes the row say what the record proves. Its mark was lost: the worker died before it, or another region's older view
/// of the row overwrote it.
///
/// The row may lag behind the peer's, which a client may have deleted meanwhile; to write over that would undo the deletion,
/// because the last writer wins. So the peer's row is looked at first, unless the peer has been silent for long.
async fn repair(pipeline: &Pipeline, sale: &Sale, record: &Record) -> PortResult<()> {
    let now = pipeline.clock.now();
    if let Some(StoredSale { progress: Progress::Deleted, .. }) = peer_row(pipeline, record.id).await? {
        return pipeline.sales.mark_deleted(Side::Local, sale, now).await;
    }
    match &record.status {
        Status::Completed(Completion::Processed { sale: processed, at, region }) => {
            let sale = processed.as_ref().unwrap_or(sale);
            let region = region.as_ref().unwrap_or(pipeline.sites.local());
            pipeline.sales.mark_processed(sale, at.unwrap_or(now), region).await.map(drop)
        }
        Status::Completed(Completion::Cancelled { at }) => {
            pipeline.sales.mark_deleted(Side::Local, sale, *at).await
        }
        Status::Parked { reason } => pipeline.sales.mark_parked(sale, now, reason).await.map(drop),
        // Not settled: nothing to go by.
        Status::InProgress(_) => Ok(()),
    }
}

/// The peer's row; none as well when the peer counts as unreachable.
async fn peer_row(pipeline: &Pipeline, id: SaleId) -> PortResult<Option<StoredSale>> {
    let begun = Instant::now();
    if pipeline.strong_tables || pipeline.peer.advice(begun) == Advice::Unreachable {
        return Ok(None);
    }
    match pipeline.hear(Side::Peer, pipeline.sales.get(Side::Peer, id).await) {
        Ok(row) => Ok(row),
        Err(error) => match pipeline.peer_failed(&error, begun) {
            Verdict::Unreachable => Ok(None),
            Verdict::Uncertain => Err(error),
        },
    }
}
