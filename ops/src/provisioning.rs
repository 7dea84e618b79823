//! `drctl provision`: creates what the services need, and writes down what they have to be told.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use sales_shared::aws::provision::{Plan, Site, provision};
use sales_shared::region::{Region, RegionState};
use sales_shared::telemetry::print_line;

use crate::deployment::{DEFAULT_PREFIX, DEFAULT_REGIONS, Deployment, SiteEntry, Target};

/// Options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The two regions
    #[arg(long, num_args = 2, value_names = ["REGION", "REGION"], default_values = DEFAULT_REGIONS)]
    regions: Vec<String>,
    /// The region that begins as ACTIVE, or `both`, or `none`; a state that is there is kept
    #[arg(long, value_name = "REGION|both|none", default_value = DEFAULT_REGIONS[0])]
    active: String,
    /// Begins the name of every resource
    #[arg(long, default_value = DEFAULT_PREFIX)]
    prefix: String,
    /// How the replicas of the tables agree
    #[arg(long, value_enum, default_value_t = Consistency::Eventual)]
    table_consistency: Consistency,
    /// The witness region for strongly consistent tables
    #[arg(long, value_name = "REGION")]
    witness: Option<String>,
    /// ARN of the role that S3 replicates with (AWS only)
    #[arg(long, value_name = "ARN")]
    replication_role: Option<String>,
    /// Provision AWS itself rather than an emulator
    #[arg(long)]
    aws: bool,
    /// Write REGION.env for each region and stack.json for --config into this directory, rather than print
    #[arg(long, value_name = "DIR")]
    env_dir: Option<PathBuf>,
}

/// How the replicas of a global table agree.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Asynchronously (MREC).
    Eventual,
    /// Synchronously (MRSC).
    Strong,
}

/// Provisions.
///
/// # Errors
/// Bad options, a call that failed, or a file that cannot be written.
pub async fn run(target: &Target, args: Args) -> anyhow::Result<ExitCode> {
    let [first, second] = args.regions.as_slice() else { anyhow::bail!("--regions takes two regions") };
    let region = |name: &String| Region::parse(name).with_context(|| format!("--regions: {name}"));
    let regions = [region(first)?, region(second)?];
    anyhow::ensure!(regions[0] != regions[1], "--regions: both are {first}");
    let plan = Plan {
        initial_states: initial_states(&args.active, &regions)?,
        regions,
        endpoint_url: (!args.aws).then(|| target.endpoint.clone()),
        prefix: args.prefix,
        strong_tables: args.table_consistency == Consistency::Strong,
        witness: args.witness.as_ref().map(|name| Region::parse(name)).transpose().context("--witness")?,
        replication_role: args.replication_role,
    };
    let sites = provision(&plan).await.with_context(|| match &plan.endpoint_url {
        Some(url) => {
            format!("provisioning at {url} (--endpoint names another emulator, --aws provisions AWS)")
        }
        None => "provisioning AWS".to_owned(),
    })?;
    match &args.env_dir {
        Some(directory) => write_files(directory, &sites)?,
        None => sites.iter().for_each(|site| print_line(&environment_file(site))),
    }
    Ok(ExitCode::SUCCESS)
}

/// The states that a choice of `--active` stands for.
///
/// # Errors
/// When it names neither a region of the two, nor `both`, nor `none`.
pub fn initial_states(active: &str, regions: &[Region; 2]) -> anyhow::Result<[RegionState; 2]> {
    match active {
        "both" => Ok([RegionState::Active; 2]),
        "none" => Ok([RegionState::Passive; 2]),
        name if regions.iter().any(|region| region.as_str() == name) => {
            Ok(regions.each_ref().map(|region| {
                if region.as_str() == name { RegionState::Active } else { RegionState::Passive }
            }))
        }
        name => anyhow::bail!("{name} is neither {} nor {}, nor both or none", regions[0], regions[1]),
    }
}

/// A site's environment as `KEY=value` lines, for `docker --env-file`, systemd or `set -a; . FILE`.
pub fn environment_file(site: &Site) -> String {
    let mut text = format!("# {}\n", site.region);
    for (name, value) in &site.environment {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}={value}");
    }
    text
}

/// Writes `REGION.env` for each site, and `stack.json` for `--config`.
///
/// # Errors
/// When a file cannot be written.
pub fn write_files(directory: &Path, sites: &[Site; 2]) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let write = |name: String, text: String| {
        let path = directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        print_line(&format!("wrote {}", path.display()));
        anyhow::Ok(())
    };
    for site in sites {
        write(format!("{}.env", site.region), environment_file(site))?;
    }
    let deployment = Deployment { sites: sites.iter().map(SiteEntry::of).collect() };
    write("stack.json".to_owned(), serde_json::to_string_pretty(&deployment)? + "\n")
}
