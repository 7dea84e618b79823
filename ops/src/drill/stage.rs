//! Where a drill takes place: two regions of its own on the embedded AWS, or any deployment.

use std::collections::BTreeMap;

use anyhow::Context as _;
use parking_lot::Mutex;
use sales_shared::aws::provision::provision;
use sales_shared::region::RegionState;

use crate::child::{Process, Program, Service};
use crate::deployment::{Deployment, SiteEntry, SiteHandle, Target, plan};
use crate::embedded::{EmbeddedAws, Faults, Options};

/// Short times in the relations of the defaults, so that a drill takes a minute and not ten.
const SHORT_TIMES: [(&str, &str); 9] = [
    ("STATE_TTL", "1s"),
    ("CLAIM_LEASE", "6s"),
    ("PROCESSING_DEADLINE", "4s"),
    ("QUEUE_VISIBILITY", "6s"),
    ("TAKEOVER_AFTER", "4s"),
    ("RECONCILE_AFTER", "6s"),
    ("RECONCILE_EVERY", "1s"),
    ("MAX_CLOCK_SKEW", "200ms"),
    ("LONG_POLL", "2s"),
];
/// What the services write is not the drill's own output.
const QUIET: (&str, &str) = ("LOG_LEVEL", "off");

/// Both regions, running.
pub(super) struct Stage {
    /// The sites; the first is the active one at the start.
    pub sites: [SiteHandle; 2],
    /// The apis' addresses.
    pub apis: [String; 2],
    /// The workers' addresses, where they are known.
    pub workers: [Option<String>; 2],
    own: Option<Own>,
}

/// What the drill started itself.
struct Own {
    aws: EmbeddedAws,
    apis: [Process; 2],
    workers: [Mutex<Process>; 2],
    environments: [BTreeMap<String, String>; 2],
}

impl Stage {
    /// Starts two regions, the first one ACTIVE.
    pub(super) async fn start(production_times: bool) -> anyhow::Result<Self> {
        let aws = EmbeddedAws::start(Options::default()).await?;
        let plan = plan(&aws.endpoint_url(), [RegionState::Active, RegionState::Passive], false);
        let sites = provision(&plan).await?;
        let environments = sites.each_ref().map(|site| {
            let mut environment = site.environment.clone();
            let times: &[(&str, &str)] = if production_times { &[] } else { &SHORT_TIMES };
            let more = times.iter().chain([&QUIET]);
            environment.extend(more.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            environment
        });
        let start = async |service| {
            let program = Program::Own(service);
            let [first, second] = &environments;
            anyhow::Ok([Process::serve(&program, first).await?, Process::serve(&program, second).await?])
        };
        let (apis, workers) = (start(Service::Api).await?, start(Service::Worker).await?);
        let mut entries = sites.each_ref().map(SiteEntry::of);
        for (entry, environment) in entries.iter_mut().zip(&environments) {
            entry.env.clone_from(environment);
        }
        Ok(Self {
            sites: Deployment { sites: entries.into() }.connect().await?,
            apis: apis.each_ref().map(|api| api.url.clone()),
            workers: workers.each_ref().map(|worker| Some(worker.url.clone())),
            own: Some(Own { aws, apis, workers: workers.map(Mutex::new), environments }),
        })
    }

    /// The deployment of a file, whose services run already. The ACTIVE site comes first.
    pub(super) async fn of(target: &Target) -> anyhow::Result<Self> {
        let mut deployment = target.deployment()?;
        let sites = deployment.connect().await?;
        let second = sites[1].operator.state().await.context("the state of the second site")?;
        let is_active = |text: &str| RegionState::parse(text) == Ok(RegionState::Active);
        if second.is_some_and(|value| is_active(&value.text)) {
            deployment.sites.reverse();
        }
        let url = |entry: &SiteEntry| {
            let url = entry.api_url.clone().map(|url| url.trim_end_matches('/').to_owned());
            url.with_context(|| format!("site {} has no api_url", entry.region))
        };
        let [first, second] = deployment.sites.as_slice() else {
            anyhow::bail!("a deployment has two sites")
        };
        Ok(Self {
            apis: [url(first)?, url(second)?],
            workers: [first.worker_url.clone(), second.worker_url.clone()],
            sites: deployment.connect().await?,
            own: None,
        })
    }

    /// Whether the drill can break something here.
    ///
    /// # Errors
    /// When it did not start this itself.
    pub(super) fn breakable(&self) -> anyhow::Result<()> {
        self.own().map(drop)
    }

    /// Kills a site's worker, as `kill -9` does.
    pub(super) fn kill_worker(&self, site: usize) -> anyhow::Result<()> {
        self.own()?.workers[site].lock().kill();
        Ok(())
    }

    /// Starts it again, as the platform does with a task that died.
    pub(super) async fn restart_worker(&self, site: usize) -> anyhow::Result<()> {
        let own = self.own()?;
        let port = own.workers[site].lock().port;
        let process =
            Process::serve_on(port, &Program::Own(Service::Worker), &own.environments[site]).await?;
        *own.workers[site].lock() = process;
        Ok(())
    }

    /// The faults of the embedded AWS.
    pub(super) fn faults(&self) -> anyhow::Result<&Faults> {
        Ok(self.own()?.aws.faults())
    }

    fn own(&self) -> anyhow::Result<&Own> {
        self.own
            .as_ref()
            .context("this drill breaks things: it runs on the embedded AWS alone, without --config")
    }

    /// The names of the regions.
    pub(super) fn regions(&self) -> [String; 2] {
        self.sites.each_ref().map(|site| site.region.to_string())
    }

    /// Ends what the drill started.
    pub(super) async fn stop(self) {
        if let Some(Own { aws, apis, workers, environments: _ }) = self.own {
            drop((apis, workers));
            aws.stop().await;
        }
    }
}
