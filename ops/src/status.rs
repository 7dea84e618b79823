//! `drctl status`: both regions at a glance.

use std::process::ExitCode;

use sales_shared::aws::operator::{QueueDepth, StateValue};
use sales_shared::ports::PortError;
use sales_shared::region::RegionState;
use sales_shared::telemetry::print_line;
use serde_json::{Value, json};

use crate::deployment::{SiteHandle, Target};
use crate::style;

/// Options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

struct SiteStatus {
    region: String,
    state: Result<Option<StateValue>, PortError>,
    queue: Result<QueueDepth, PortError>,
    dlq: Result<QueueDepth, PortError>,
    outbox: Result<u64, PortError>,
}

/// Shows it. The exit code is 1 when a region did not answer.
///
/// # Errors
/// When there is no deployment to look at.
pub async fn run(target: &Target, args: Args) -> anyhow::Result<ExitCode> {
    let sites = target.sites().await?;
    let (first, second) = tokio::join!(look(&sites[0]), look(&sites[1]));
    let both = [first, second];
    if args.json {
        print_line(&serde_json::to_string_pretty(&json!({ "sites": both.each_ref().map(as_json) }))?);
    } else {
        print_line(&as_table(&both));
        both.iter().flat_map(warnings).for_each(|warning| print_line(&style::yellow(&warning)));
    }
    let all_answered = both.iter().all(|site| warnings(site).is_empty());
    Ok(if all_answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn look(site: &SiteHandle) -> SiteStatus {
    let operator = &site.operator;
    let (state, queue, dlq, outbox) =
        tokio::join!(operator.state(), operator.queue_depth(), operator.dlq_depth(), operator.outbox_size());
    SiteStatus { region: site.region.to_string(), state, queue, dlq, outbox }
}

fn as_table(both: &[SiteStatus; 2]) -> String {
    let head = ["region", "state", "version", "queue", "in flight", "dead letters", "outbox"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for site in both {
        let state = site.state.as_ref().ok().and_then(Option::as_ref);
        rows.push(vec![
            site.region.clone(),
            match &site.state {
                Ok(Some(value)) => value.text.clone(),
                Ok(None) => "(none)".to_owned(),
                Err(_) => "?".to_owned(),
            },
            state.map_or("?".to_owned(), |value| value.version.to_string()),
            cell(site.queue.as_ref().map(|depth| depth.visible)),
            cell(site.queue.as_ref().map(|depth| depth.in_flight)),
            cell(site.dlq.as_ref().map(|depth| depth.visible + depth.in_flight)),
            cell(site.outbox.as_ref().copied()),
        ]);
    }
    style::table(&rows)
}

fn cell(value: Result<u64, &PortError>) -> String {
    value.map_or("?".to_owned(), |n| n.to_string())
}

/// What an operator ought to know.
fn warnings(site: &SiteStatus) -> Vec<String> {
    let mut warnings = Vec::new();
    let region = &site.region;
    match &site.state {
        Ok(Some(value)) if RegionState::parse(&value.text).is_err() => {
            warnings.push(format!("{region}: {:?} is no state, so its worker holds", value.text));
        }
        Ok(None) => warnings.push(format!("{region}: there is no state, so its worker holds")),
        Ok(Some(_)) => {}
        Err(error) => warnings.push(format!("{region}: {error}")),
    }
    let errors = [site.queue.as_ref().err(), site.dlq.as_ref().err(), site.outbox.as_ref().err()];
    warnings.extend(errors.into_iter().flatten().map(|error| format!("{region}: {error}")));
    warnings
}

fn as_json(site: &SiteStatus) -> Value {
    json!({
        "region": site.region,
        "state": site.state.as_ref().ok().and_then(Option::as_ref).map(|value| &value.text),
        "state_version": site.state.as_ref().ok().and_then(Option::as_ref).map(|value| value.version),
        "queue_visible": site.queue.as_ref().ok().map(|depth| depth.visible),
        "queue_in_flight": site.queue.as_ref().ok().map(|depth| depth.in_flight),
        "dead_letters": site.dlq.as_ref().ok().map(|depth| depth.visible + depth.in_flight),
        "outbox": site.outbox.as_ref().ok(),
        "warnings": warnings(site),
    })
}
