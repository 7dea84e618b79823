//! After the traffic: waits until the system is at rest, then looks at every accepted sale in both regions.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use sales_shared::clock::Timestamp;
use sales_shared::idempotency::{Completion, Status};
use sales_shared::ports::{LOOKUP_MAX, PortResult};
use sales_shared::region::Side;
use sales_shared::sale::{Progress, SaleId};
use tokio::time::{Instant, sleep};

use super::load::AcceptedSale;
use crate::deployment::SiteHandle;
use crate::verify::verify_site;

/// Time between two looks at whether the system is at rest.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long objects may take to the other region's bucket once everything else is at rest.
const REPLICATION_LIMIT: Duration = Duration::from_secs(30);
/// Look-ups under way at once.
const LOOKUPS: usize = 4;

/// What became of one accepted sale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub created_at: Timestamp,
    /// By which site, and when, as its record says.
    pub processed: Option<(usize, Timestamp)>,
}

impl Fate {
    /// Whether it was processed before this moment.
    pub(super) fn done_before(&self, moment: Timestamp) -> bool {
        self.processed.is_some_and(|(_, at)| at < moment)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub fates: Vec<Fate>,
    /// Sales that are not processed, or have no object, in one of the regions.
    pub lost: u64,
    /// Objects beyond one for a sale in a bucket, and objects with other bytes than the sale's.
    pub duplicates: u64,
    /// Whether queues and outboxes were empty in the end.
    pub at_rest: bool,
}

/// Waits until nothing is left to do, or for so long, and tells how many sales are left, now and then.
pub(super) async fn settle(
    sites: &[SiteHandle; 2],
    accepted: &[AcceptedSale],
    limit: Duration,
    tell: impl Fn(usize),
) -> anyhow::Result<bool> {
    let deadline = Instant::now() + limit;
    let all: HashSet<SaleId> = accepted.iter().map(|sale| sale.id).collect();
    let mut pending = [all.clone(), all];
    loop {
        for (site, pending) in sites.iter().zip(&mut pending) {
            *pending = unprocessed(site, pending).await?;
        }
        let left = pending[0].union(&pending[1]).count();
        tell(left);
        if left == 0 && is_empty(&sites[0]).await? && is_empty(&sites[1]).await? {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn is_empty(site: &SiteHandle) -> PortResult<bool> {
    let (depth, outbox) = tokio::try_join!(site.operator.queue_depth(), site.operator.outbox_size())?;
    Ok(depth.visible + depth.in_flight + outbox == 0)
}

async fn unprocessed(site: &SiteHandle, ids: &HashSet<SaleId>) -> PortResult<HashSet<SaleId>> {
    let table = site.clients.sales_table();
    let ids_list: Vec<SaleId> = ids.iter().copied().collect();
    let mut left = ids.clone();
    for chunk in ids_list.chunks(LOOKUP_MAX) {
        for row in table.get_many(chunk).await? {
            if matches!(row.progress, Progress::Processed { .. }) {
                left.remove(&row.sale.id);
            }
        }
    }
    Ok(left)
}

/// Looks at everything.
pub(super) async fn examine(
    sites: &[SiteHandle; 2],
    accepted: &[AcceptedSale],
    at_rest: bool,
) -> anyhow::Result<Findings> {
    let ids: HashSet<SaleId> = accepted.iter().map(|sale| sale.id).collect();
    let mut lost: HashSet<SaleId> = HashSet::new();
    let mut duplicates = 0;
    for site in sites {
        lost.extend(unprocessed(site, &ids).await?);
        let objects = objects_of(site, &ids).await?;
        lost.extend(ids.iter().filter(|id| !objects.contains_key(id)));
        duplicates += objects.values().map(|count| count - 1).sum::<u64>();
        duplicates += verify_site(site, false).await?.differing;
    }
    let processed = processed_where(sites, &ids).await?;
    let fate = |sale: &AcceptedSale| Fate {
        created_at: sale.created_at,
        processed: processed.get(&sale.id).copied(),
    };
    let fates = accepted.iter().map(fate).collect();
    Ok(Findings { fates, lost: u64::try_from(lost.len())?, duplicates, at_rest })
}

/// How many objects each sale has in a site's bucket, once replication has brought them all or had its time.
async fn objects_of(site: &SiteHandle, ids: &HashSet<SaleId>) -> PortResult<HashMap<SaleId, u64>> {
    let deadline = Instant::now() + REPLICATION_LIMIT;
    loop {
        let mut objects = HashMap::new();
        for key in site.operator.archive_keys("sales/").await? {
            let name = key.rsplit('/').next().and_then(|name| name.strip_suffix(".json"));
            if let Some(id) = name.and_then(|name| SaleId::parse(name).ok()).filter(|id| ids.contains(id)) {
                *objects.entry(id).or_insert(0) += 1;
            }
        }
        if objects.len() == ids.len() || Instant::now() >= deadline {
            return Ok(objects);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Which site processed each sale and when, as the records say.
async fn processed_where(
    sites: &[SiteHandle; 2],
    ids: &HashSet<SaleId>,
) -> PortResult<HashMap<SaleId, (usize, Timestamp)>> {
    let table = sites[0].clients.idempotency_table();
    let ids: Vec<SaleId> = ids.iter().copied().collect();
    let chunks: Vec<Vec<SaleId>> = ids.chunks(LOOKUP_MAX).map(<[SaleId]>::to_vec).collect();
    let look_up = |chunk: Vec<SaleId>| {
        let table = table.clone();
        async move { table.look_up(Side::Local, &chunk).await }
    };
    let records: Vec<_> = stream::iter(chunks).map(look_up).buffer_unordered(LOOKUPS).try_collect().await?;
    let place = |status: Status| match status {
        Status::Completed(Completion::Processed { at: Some(at), region: Some(region), .. }) => {
            Some((sites.iter().position(|site| site.region == region)?, at))
        }
        Status::Completed(_) | Status::InProgress(_) | Status::Parked { .. } => None,
    };
    let placed = records.into_iter().flatten().filter_map(|(id, record)| Some((id, place(record.status)?)));
    Ok(placed.collect())
}
