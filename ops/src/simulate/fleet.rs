//! The processes of both sites: started, stopped and killed as the plan says.

use std::sync::Arc;
use std::time::Duration;

use sales_api::accept::{Sales, SalesParts};
use sales_api::metrics::SaleMetrics;
use sales_shared::fake::{Fact, Host, Site, World};
use sales_shared::random::Random;
use sales_shared::region::cached::CachedState;
use sales_worker::{Drained, Options, Ports, Worker};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::design::Design;
use super::effects::Watched;
use super::mutant::Mutant;
use super::older;
use super::plan::Plan;

/// How long after SIGTERM the platform kills a process that is still there (`stopTimeout` in the infrastructure).
const GRACE: Duration = Duration::from_secs(60);
/// How long records are kept.
const IDEMPOTENCY_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Work for an api process, as its router would hand it over.
pub(super) type Request = Box<dyn FnOnce(Arc<Sales>) -> futures::future::BoxFuture<'static, ()> + Send>;

/// A running process.
struct Process {
    host: Host,
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Process {
    fn kill(self) -> Host {
        self.host.kill();
        self.task.abort();
        self.host
    }
}

/// All processes of both sites.
pub(super) struct Fleet {
    world: World,
    plan: Plan,
    design: Design,
    random: Random,
    apis: [Option<Process>; 2],
    requests: [Option<mpsc::UnboundedSender<Request>>; 2],
    workers: [Vec<Option<Process>>; 2],
    /// Workers that were told to stop, and have their grace period to do so.
    stopping: Vec<(Process, tokio::time::Instant)>,
    /// Those that were killed, to be asked in the end whether something of them lived on.
    dead: Vec<Host>,
    started: usize,
}

impl Fleet {
    pub(super) fn new(world: World, plan: Plan, design: Design, random: Random) -> Self {
        let workers = plan.workers.map(|count| (0..count).map(|_| None).collect());
        let (apis, requests) = ([None, None], [None, None]);
        let (stopping, dead) = (Vec::new(), Vec::new());
        Self { world, plan, design, random, apis, requests, workers, stopping, dead, started: 0 }
    }

    /// Starts whatever does not run, in a site.
    pub(super) fn fill(&mut self, site: Site) {
        self.start_api(site);
        for index in 0..self.workers[site as usize].len() {
            self.start_worker(site, index);
        }
    }

    fn host(&mut self, site: Site, role: &str) -> Host {
        self.started += 1;
        let most = u64::try_from(self.plan.worker.timings.max_clock_skew.as_millis()).unwrap_or(0);
        let skew = i64::try_from(self.random.below(2 * most + 1)).unwrap_or(0);
        let skew = skew - i64::try_from(most).unwrap_or(0);
        let host = self.world.host(site, &format!("{role}-{}", self.started), skew);
        host.note(Fact::Started);
        host
    }

    pub(super) fn start_api(&mut self, site: Site) {
        if self.apis[site as usize].is_some() {
            return;
        }
        let host = self.host(site, "api");
        let mutant = Mutant::new(host.clone(), self.design);
        let state = Arc::new(CachedState::new(mutant.clone(), self.plan.state));
        let sales = Arc::new(Sales::new(SalesParts {
            table: Arc::new(host.clone()),
            records: Arc::new(host.clone()),
            topic: Arc::new(host.clone()),
            state: state.clone(),
            sites: host.sites(),
            clock: host.clock(),
            random: host.random(),
            idempotency_ttl: IDEMPOTENCY_TTL,
            metrics: SaleMetrics::default(),
        }));
        let (sender, receiver) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(sales, state, host.random(), receiver, stop.clone()));
        self.requests[site as usize] = Some(sender);
        self.apis[site as usize] = Some(Process { host, task, stop });
    }

    pub(super) fn start_worker(&mut self, site: Site, index: usize) {
        match self.workers[site as usize].get(index) {
            None | Some(Some(_)) => return,
            Some(None) => {}
        }
        let host = self.host(site, "worker");
        let stop = CancellationToken::new();
        let task = match self.design {
            Design::Current | Design::Mutated(_) => {
                tokio::spawn(work(self.worker(&host, &stop), host.clone(), stop.clone()))
            }
            Design::Older => tokio::spawn(older::work(host.clone(), self.plan.clone(), stop.clone())),
        };
        self.workers[site as usize][index] = Some(Process { host, task, stop });
    }

    fn worker(&self, host: &Host, stop: &CancellationToken) -> Worker {
        let mutant = Mutant::stopped_by(host.clone(), self.design, stop.clone());
        let ports = Ports {
            sales: mutant.clone(),
            idempotency: mutant.clone(),
            queue: mutant.clone(),
            effects: Arc::new(Watched::new(host.clone(), self.design)),
            state: Arc::new(CachedState::new(mutant, self.plan.state)),
        };
        let options = Options {
            sites: host.sites(),
            settings: self.plan.worker,
            strong_tables: self.plan.world.strong_tables,
            idempotency_ttl: IDEMPOTENCY_TTL,
            drain_timeout: self.plan.drain_timeout,
        };
        Worker::new(ports, options, host.clock(), host.random())
    }

    pub(super) fn worker_count(&self, site: Site) -> usize {
        self.workers[site as usize].len()
    }

    /// The way to a site's api, while it runs.
    pub(super) fn api(&self, site: Site) -> Option<mpsc::UnboundedSender<Request>> {
        self.requests[site as usize].clone()
    }

    pub(super) fn kill_api(&mut self, site: Site) {
        self.requests[site as usize] = None;
        self.dead.extend(self.apis[site as usize].take().map(Process::kill));
    }

    pub(super) fn kill_worker(&mut self, site: Site, index: usize) {
        let process = self.workers[site as usize].get_mut(index).and_then(Option::take);
        self.dead.extend(process.map(Process::kill));
    }

    /// SIGTERM.
    pub(super) fn stop_worker(&mut self, site: Site, index: usize) {
        if let Some(process) = self.workers[site as usize].get_mut(index).and_then(Option::take) {
            process.host.note(Fact::Stopping);
            process.stop.cancel();
            self.stopping.push((process, tokio::time::Instant::now() + GRACE));
        }
    }

    /// Kills who was told to stop and is still there after the grace period.
    pub(super) fn reap(&mut self) {
        let now = tokio::time::Instant::now();
        for (process, until) in std::mem::take(&mut self.stopping) {
            if process.task.is_finished() {
                drop(process);
            } else if until <= now {
                self.dead.push(process.kill());
            } else {
                self.stopping.push((process, until));
            }
        }
    }

    /// A site's processes go with it.
    pub(super) fn lose(&mut self, site: Site) {
        self.kill_api(site);
        for index in 0..self.workers[site as usize].len() {
            self.kill_worker(site, index);
        }
        for (process, until) in std::mem::take(&mut self.stopping) {
            if process.host.site() == site {
                self.dead.push(process.kill());
            } else {
                self.stopping.push((process, until));
            }
        }
    }

    /// Ends everything. Gives back how many calls came from processes that had been killed before.
    pub(super) fn end(mut self) -> u64 {
        let calls = self.dead.iter().map(Host::posthumous_calls).sum();
        for site in Site::BOTH {
            self.lose(site);
        }
        calls
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let apis = self.apis.iter().flatten();
        let workers = self.workers.iter().flatten().flatten();
        for process in apis.chain(workers).chain(self.stopping.iter().map(|(process, _)| process)) {
            process.task.abort();
        }
    }
}

async fn work(worker: Worker, host: Host, stop: CancellationToken) {
    let drained = worker.run(stop).await;
    // The tasks of a drain that ran out of time are gone with the worker.
    let in_order = match drained {
        Drained::Whole => true,
        Drained::CutOff => false,
    };
    host.note(Fact::Stopped { in_order, in_hand: host.messages_in_hand() });
}

/// What the api's process does, with requests in place of connections.
async fn serve(
    sales: Arc<Sales>,
    state: Arc<CachedState>,
    random: Random,
    mut requests: mpsc::UnboundedReceiver<Request>,
    stop: CancellationToken,
) {
    let mut running = JoinSet::new();
    running.spawn(async move { state.keep_fresh(&random, stop).await });
    while let Some(request) = requests.recv().await {
        while running.try_join_next().is_some() {}
        running.spawn(request(sales.clone()));
    }
    while running.join_next().await.is_some() {}
}

/// Has an api do something; `None` when it died over it.
pub(super) async fn ask<T: Send + 'static, F>(
    api: &mpsc::UnboundedSender<Request>,
    what: impl FnOnce(Arc<Sales>) -> F + Send + 'static,
) -> Option<T>
where
    F: Future<Output = T> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let request: Request = Box::new(move |sales| {
        Box::pin(async move {
            let _ = sender.send(what(sales).await);
        })
    });
    api.send(request).ok()?;
    receiver.await.ok()
}
