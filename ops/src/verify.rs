//! `drctl verify`: holds the archive of both regions against the sales table, and makes missing or differing objects again
//! from the rows, byte for byte.

use std::process::ExitCode;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use sales_shared::ports::{Archive, PortResult};
use sales_shared::sale::{Progress, StoredSale};
use sales_shared::telemetry::print_line;

use crate::deployment::{SiteHandle, Target};

/// Options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Only this region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Say what is missing or differs, and change nothing
    #[arg(long)]
    check: bool,
}

/// Objects looked at at once.
const CONCURRENCY: usize = 32;

/// What was found in one region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Rows that say processed.
    pub processed: u64,
    /// Of these, rows without an archive object.
    pub missing: u64,
    /// Of these, rows whose object has other bytes.
    pub differing: u64,
    /// Rows accepted and neither processed, parked nor deleted.
    pub waiting: u64,
}

/// How one row's object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Object {
    NotDue,
    Waiting,
    Good,
    Missing,
    Differing,
}

/// Verifies. The exit code is 1 when `--check` found something.
///
/// # Errors
/// A call that failed.
pub async fn run(target: &Target, args: Args) -> anyhow::Result<ExitCode> {
    let sites = target.sites().await?;
    let wanted =
        |site: &&SiteHandle| args.region.as_ref().is_none_or(|region| site.region.as_str() == region);
    anyhow::ensure!(sites.iter().any(|site| wanted(&site)), "--region: not of the two");
    let mut sound = true;
    for site in sites.iter().filter(wanted) {
        let found = verify_site(site, !args.check).await?;
        let Findings { processed, missing, differing, waiting } = found;
        let repaired = if args.check { "" } else { " (made again)" };
        print_line(&format!(
            "{}: {processed} processed, {missing} objects missing, {differing} differing{repaired}; {waiting} waiting",
            site.region
        ));
        sound &= missing + differing == 0;
    }
    Ok(if sound || !args.check { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Holds one region's archive against its table.
///
/// # Errors
/// A call that failed.
pub async fn verify_site(site: &SiteHandle, repair: bool) -> PortResult<Findings> {
    let (table, archive) = (site.clients.sales_table(), site.clients.archive());
    let mut findings = Findings::default();
    let mut page = None;
    loop {
        let (ids, next) = site.operator.sale_ids(page).await?;
        let rows = if ids.is_empty() { Vec::new() } else { table.get_many(&ids).await? };
        let looks = stream::iter(rows).map(|row| look(archive.as_ref(), row, repair));
        let objects: Vec<Object> = looks.buffer_unordered(CONCURRENCY).try_collect().await?;
        objects.into_iter().for_each(|object| findings.count(object));
        page = next;
        if page.is_none() {
            return Ok(findings);
        }
    }
}

async fn look(archive: &dyn Archive, row: StoredSale, repair: bool) -> PortResult<Object> {
    match row.progress {
        Progress::Waiting => return Ok(Object::Waiting),
        Progress::Parked | Progress::Deleted => return Ok(Object::NotDue),
        Progress::Processed { .. } => {}
    }
    let (key, body) = (row.sale.archive_key(), Bytes::from(row.sale.archive_body()));
    let object = match archive.get(&key).await? {
        Some(found) if found == body => return Ok(Object::Good),
        Some(_) => Object::Differing,
        None => Object::Missing,
    };
    if repair {
        archive.replace(&key, body).await?;
    }
    Ok(object)
}

impl Findings {
    fn count(&mut self, object: Object) {
        match object {
            Object::NotDue => {}
            Object::Waiting => self.waiting += 1,
            Object::Good => self.processed += 1,
            Object::Missing => {
                self.processed += 1;
                self.missing += 1;
            }
            Object::Differing => {
                self.processed += 1;
                self.differing += 1;
            }
        }
    }
}
