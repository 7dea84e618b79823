//! `drctl flip`: changes the active region.
//!
//! A switchover makes the new region ACTIVE first and the old one PASSIVE after, so that at no time nobody works; for a
//! moment both do, which the claims are there for. A failover touches the surviving region alone.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use sales_shared::region::RegionState;
use sales_shared::telemetry::print_line;

use crate::deployment::{SiteHandle, Target};
use crate::style;

/// Options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The region that is to be ACTIVE, or `both`, or `none`
    #[arg(long, value_name = "REGION|both|none")]
    to: String,
    /// Touch only the region that becomes ACTIVE: the other one is lost or cannot be reached
    #[arg(long)]
    failover: bool,
}

/// Flips.
///
/// # Errors
/// An unknown region, or a parameter that could not be written; what was written until then is told.
pub async fn run(target: &Target, args: Args) -> anyhow::Result<ExitCode> {
    let sites = target.sites().await?;
    let regions = sites.each_ref().map(|site| site.region.clone());
    let states = crate::provisioning::initial_states(&args.to, &regions).context("--to")?;
    let mut order: Vec<(&SiteHandle, RegionState)> = sites.iter().zip(states).collect();
    order.sort_by_key(|(_, state)| *state != RegionState::Active);
    for (site, state) in order {
        if args.failover && state != RegionState::Active {
            print_line(&format!("{}: left alone (--failover)", site.region));
            continue;
        }
        let put = site.operator.put_state(state).await;
        put.with_context(|| match state {
            RegionState::Active => format!("{} could not be made ACTIVE; nothing was changed after it", site.region),
            RegionState::Passive | RegionState::Hold => format!(
                "{0} could not be made {state}. The other region works already. If {0} is lost, that is all: `drctl flip --to {1} --failover`",
                site.region, args.to
            ),
        })?;
        let ttl = site.settings.state.ttl;
        print_line(&format!(
            "{}: {} (seen by its workers within {})",
            site.region,
            painted(state),
            seconds(ttl)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// A state in its colour.
pub fn painted(state: RegionState) -> String {
    match state {
        RegionState::Active => style::green(state.as_str()),
        RegionState::Passive => state.as_str().to_owned(),
        RegionState::Hold => style::yellow(state.as_str()),
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}
