//! `drctl redrive`: sends sales from the dead-letter queues back to work. In this order: the record is reopened, the sale is
//! put back into the outbox, the message is sent to the queue, and only then deleted here.

use std::process::ExitCode;

use sales_shared::aws::operator::DeadLetter;
use sales_shared::ports::{PortError, PortErrorKind};
use sales_shared::region::Side;
use sales_shared::sale::event::SaleEvent;
use sales_shared::telemetry::print_line;

use crate::deployment::{SiteHandle, Target};

/// Options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Only this region's
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Show what is there and why, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// At most so many
    #[arg(long, default_value_t = 1000)]
    max: usize,
}

/// How long a dead letter stays hidden while it is looked at, in seconds.
const HIDDEN_S: u16 = 60;

/// Redrives.
///
/// # Errors
/// A call that failed; what was redriven until then stays so.
pub async fn run(target: &Target, args: Args) -> anyhow::Result<ExitCode> {
    let sites = target.sites().await?;
    if let Some(region) = &args.region {
        anyhow::ensure!(
            sites.iter().any(|site| site.region.as_str() == region),
            "--region: {region} is not of the two"
        );
    }
    let wanted =
        |site: &&SiteHandle| args.region.as_ref().is_none_or(|region| site.region.as_str() == region);
    for site in sites.iter().filter(wanted) {
        let (mut redriven, mut unreadable) = (0_usize, 0_usize);
        while redriven + unreadable < args.max {
            let letters = site.operator.dead_letters(HIDDEN_S).await?;
            if letters.is_empty() {
                break;
            }
            for letter in letters {
                match redrive(site, &letter, args.dry_run).await? {
                    Redriven::Yes => redriven += 1,
                    Redriven::Unreadable => unreadable += 1,
                }
            }
        }
        let done = if args.dry_run { "could be redriven" } else { "redriven" };
        print_line(&format!(
            "{}: {redriven} {done}, {unreadable} left: their bodies are no sales",
            site.region
        ));
    }
    Ok(ExitCode::SUCCESS)
}

enum Redriven {
    Yes,
    Unreadable,
}

async fn redrive(site: &SiteHandle, letter: &DeadLetter, dry_run: bool) -> Result<Redriven, PortError> {
    let DeadLetter { delivery, reason } = letter;
    let reason = reason.as_deref().unwrap_or("received too often (the queue's backstop)");
    let sites = &site.settings.sites;
    let Ok(event) = SaleEvent::parse(&delivery.body, sites) else {
        print_line(&format!("{}: message {}: {reason}", site.region, delivery.message_id));
        return Ok(Redriven::Unreadable);
    };
    print_line(&format!("{}: sale {}: {reason}", site.region, event.sale.id));
    if dry_run {
        return Ok(Redriven::Yes);
    }
    let id = event.sale.id;
    let records = site.clients.idempotency_table();
    records.reopen(Side::Local, id).await?;
    // Where claims on it are decided, the record must be open as well; a region that is gone is asked again by the worker.
    match sites.authority(id, &event.sale.owner_region) {
        Side::Local => {}
        Side::Peer => match records.reopen(Side::Peer, id).await {
            Ok(()) => {}
            Err(error) if error.kind == PortErrorKind::Refused => return Err(error),
            Err(error) => print_line(&format!("{}: {error}; reopened here only", site.region)),
        },
    }
    site.clients.sales_table().reopen(id).await?;
    site.operator.send(&delivery.body).await?;
    site.operator.delete_dead_letter(&delivery.receipt).await?;
    Ok(Redriven::Yes)
}
