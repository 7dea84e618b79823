//! The deployment that a command is about: two sites, each known by the environment of its services.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use sales_shared::aws::Clients;
use sales_shared::aws::operator::SiteOperator;
use sales_shared::aws::provision::{Plan, Site, conventional_sites};
use sales_shared::config::{Reader, Service, SharedSettings};
use sales_shared::region::{Region, RegionState};
use serde::{Deserialize, Serialize};

use crate::embedded;

/// Where the embedded AWS listens unless told otherwise.
pub const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:4566";
/// The regions unless told otherwise.
pub const DEFAULT_REGIONS: [&str; 2] = ["sa-east-1", "us-east-1"];
/// What every resource's name begins with unless told otherwise.
pub const DEFAULT_PREFIX: &str = "sales";

/// Which deployment.
#[derive(clap::Args, Clone, Debug)]
pub struct Target {
    /// A file that describes the deployment (written by `provision --env-dir`, or an output of the infrastructure); without
    /// it, the one that `up` starts
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// An emulator in place of AWS
    #[arg(long, global = true, value_name = "URL", default_value = DEFAULT_ENDPOINT, conflicts_with = "config")]
    pub endpoint: String,
}

/// A site as `--config` has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SiteEntry {
    /// The region.
    pub region: String,
    /// The api's address, if it has one.
    #[serde(default)]
    pub api_url: Option<String>,
    /// The worker's health address, if it has one.
    #[serde(default)]
    pub worker_url: Option<String>,
    /// The environment of its services.
    pub env: BTreeMap<String, String>,
}

/// A deployment as `--config` has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deployment {
    /// Both sites.
    pub sites: Vec<SiteEntry>,
}

/// A site with clients to reach it.
pub struct SiteHandle {
    /// Its region.
    pub region: Region,
    /// Its api's address, if it has one.
    pub api_url: Option<String>,
    /// The services' settings there.
    pub settings: SharedSettings,
    /// The ports of the services there.
    pub clients: Clients,
    /// What an operator does there.
    pub operator: SiteOperator,
}

impl Target {
    /// Reads the deployment.
    ///
    /// # Errors
    /// When the file cannot be read or is no deployment.
    pub fn deployment(&self) -> anyhow::Result<Deployment> {
        match &self.config {
            Some(path) => Deployment::read(path),
            None => Ok(Deployment::embedded(&self.endpoint)),
        }
    }

    /// Both sites, with clients. Connects to nothing yet.
    ///
    /// # Errors
    /// As [`Target::deployment`].
    pub async fn sites(&self) -> anyhow::Result<[SiteHandle; 2]> {
        self.deployment()?.connect().await
    }
}

impl Deployment {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let deployment: Self = serde_json::from_str(&text).with_context(|| {
            format!(
                "{} is no deployment: {{\"sites\":[{{\"region\":…,\"env\":{{…}}}},…]}} is expected",
                path.display()
            )
        })?;
        if deployment.sites.len() != 2 {
            bail!("{} describes {} sites, not two", path.display(), deployment.sites.len());
        }
        Ok(deployment)
    }

    /// The one that `up` starts, whose names follow from a convention.
    pub fn embedded(endpoint: &str) -> Self {
        let plan = plan(endpoint, [RegionState::Active, RegionState::Passive], false);
        let sites = conventional_sites(&plan, embedded::ACCOUNT).map(|site| SiteEntry::of(&site));
        Self { sites: sites.into() }
    }

    /// Clients for both sites.
    ///
    /// # Errors
    /// When a site's environment is no configuration of the services.
    pub async fn connect(&self) -> anyhow::Result<[SiteHandle; 2]> {
        let [first, second] = self.sites.as_slice() else { bail!("a deployment has two sites") };
        Ok([first.connect().await?, second.connect().await?])
    }
}

/// What [`Deployment::embedded`] and `up` provision.
pub fn plan(endpoint: &str, initial_states: [RegionState; 2], strong_tables: bool) -> Plan {
    Plan {
        regions: DEFAULT_REGIONS.map(|name| Region::parse(name).unwrap_or_else(|_| unreachable_region(name))),
        initial_states,
        endpoint_url: Some(endpoint.to_owned()),
        prefix: DEFAULT_PREFIX.to_owned(),
        strong_tables,
        witness: None,
        replication_role: None,
    }
}

#[allow(clippy::panic, reason = "the names are constants of this file, and a test reads them")]
fn unreachable_region(name: &str) -> Region {
    panic!("{name} is no region")
}

impl SiteEntry {
    /// A provisioned site, whose services' addresses are not known here.
    pub fn of(site: &Site) -> Self {
        let (region, env) = (site.region.to_string(), site.environment.clone());
        Self { region, api_url: None, worker_url: None, env }
    }

    async fn connect(&self) -> anyhow::Result<SiteHandle> {
        let mut reader = Reader::new(&self.env);
        let settings = SharedSettings::read(&mut reader, Service::Both, 0);
        let settings =
            reader.finish(settings).with_context(|| format!("the environment of site {}", self.region))?;
        let clients = Clients::connect(&settings.sites, &settings.aws).await;
        Ok(SiteHandle {
            region: settings.sites.local().clone(),
            api_url: self.api_url.clone(),
            operator: clients.operator(),
            clients,
            settings,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_deployment_that_up_starts_can_be_reached_without_a_file() {
        let deployment = Deployment::embedded(DEFAULT_ENDPOINT);
        let [first, second] = deployment.connect().await.unwrap();
        assert_eq!(first.region.as_str(), "sa-east-1");
        assert_eq!(second.settings.sites.peer().as_str(), "sa-east-1");
    }
}
