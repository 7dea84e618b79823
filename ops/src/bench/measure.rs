//! One measurement: a fresh stack, a process or several, and what they took.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use sales_shared::region::RegionState;
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::rig::Rig;
use super::usage::{Busy, usage, usage_of};
use crate::child::{Process, Program};
use crate::drill::percentile;

/// Longest time that a queue may take to be drained. What is left then is not counted as done.
const DRAIN_LIMIT: Duration = Duration::from_secs(90);
/// Time between two looks at whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// How long an idle process is left alone before its memory is read.
const IDLE_FOR: Duration = Duration::from_secs(2);
/// How a contender is told what to be.
const ROLE: &str = "BENCH_ROLE";

/// Who is measured.
#[derive(Clone, Debug)]
pub(super) enum Contender {
    /// The bare calls.
    Floor,
    /// These services.
    Ours,
    /// Another implementation: its name, and its command.
    Other(String, String),
}

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Task {
    Accept,
    Process,
    DryRun,
}

/// One case of the benchmark.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub contender: Contender,
    pub task: Task,
    pub latency: Duration,
    pub concurrency: usize,
    pub processes: usize,
    pub sales: usize,
}

/// What one run of a case took.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Taken {
    pub sales: u64,
    pub seconds: f64,
    /// Of a queue while it was neither full nor nearly empty; of posts over all the time.
    pub sales_per_second: f64,
    pub cpu_ms_per_sale: f64,
    pub peak_rss_mb: f64,
    pub start_ms: f64,
    /// Cores in use meanwhile, by everything on this machine.
    pub busy_cores: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// By operation, for one sale.
    pub calls: BTreeMap<String, f64>,
}

impl Contender {
    pub(super) fn name(&self) -> &str {
        match self {
            Contender::Floor => "floor",
            Contender::Ours => "ours",
            Contender::Other(name, _) => name,
        }
    }
}

impl Case {
    pub(super) async fn run(&self) -> anyhow::Result<Taken> {
        let rig = Rig::start().await?;
        let taken = match self.task {
            Task::Accept => self.accept(&rig).await,
            Task::Process | Task::DryRun => self.drain(&rig).await,
        };
        rig.aws.stop().await;
        taken
    }

    fn environment(&self, rig: &Rig, role: &str) -> BTreeMap<String, String> {
        let mut environment = rig.environment.clone();
        environment.insert("WORKER_CONCURRENCY".to_owned(), self.concurrency.to_string());
        environment.insert(ROLE.to_owned(), role.to_owned());
        environment
    }

    fn service(&self, name: &str) -> anyhow::Result<Program> {
        match &self.contender {
            Contender::Floor | Contender::Ours => Program::beside(name),
            Contender::Other(_, command) => Ok(Program::Shell(command.clone())),
        }
    }

    async fn drain(&self, rig: &Rig) -> anyhow::Result<Taken> {
        let sales = rig.store(self.sales).await?;
        rig.send(&sales).await?;
        if self.task == Task::DryRun {
            // Whoever is measured finds proofs that our own worker wrote.
            let worker =
                Process::serve(&Program::beside("sales-worker")?, &self.environment(rig, "worker")).await?;
            rig.until_drained(DRAIN_LIMIT).await?;
            drop(worker);
            rig.send(&sales).await?;
            rig.site.operator.put_state(RegionState::Passive).await?;
        }
        rig.slow_down(self.latency)?;
        rig.aws.reset_calls();
        let environment = self.environment(rig, "worker");
        let begun = Instant::now();
        let mut processes = Vec::new();
        let mut start_ms = 0.0_f64;
        for _ in 0..self.processes {
            let process = match &self.contender {
                Contender::Floor => {
                    let arguments =
                        ["floor", "process", &self.concurrency.to_string(), "0"].map(str::to_owned);
                    Process::start(&Program::File(std::env::current_exe()?), &environment, &arguments)?
                }
                Contender::Ours | Contender::Other(..) => {
                    Process::serve(&self.service("sales-worker")?, &environment).await?
                }
            };
            start_ms = start_ms.max(process.started_in.as_secs_f64() * 1000.0);
            processes.push(process);
        }
        let busy = Busy::begin()?;
        let drain = rig.until_drained(DRAIN_LIMIT).await?;
        let (seconds, all) = (begun.elapsed().as_secs_f64(), u64::try_from(self.sales)?);
        let done = all.saturating_sub(drain.left());
        let busy_cores = busy.cores()?;
        let mut taken =
            Taken { start_ms, busy_cores, sales_per_second: drain.rate(all), ..Taken::of(done, seconds) };
        for process in &processes {
            taken.add(&usage(process)?);
        }
        taken.calls = calls(rig, done);
        Ok(taken)
    }

    async fn accept(&self, rig: &Rig) -> anyhow::Result<Taken> {
        let environment = self.environment(rig, "api");
        if matches!(self.contender, Contender::Floor) {
            rig.slow_down(self.latency)?;
            return self.accept_bare(rig, &environment).await;
        }
        let api = Process::serve(&self.service("sales-api")?, &environment).await?;
        rig.slow_down(self.latency)?;
        rig.aws.reset_calls();
        let (begun, busy) = (Instant::now(), Busy::begin()?);
        let mut latencies = post(&api.url, self.sales, self.concurrency).await?;
        let done = u64::try_from(latencies.len())?;
        let start_ms = api.started_in.as_secs_f64() * 1000.0;
        let busy_cores = busy.cores()?;
        let mut taken = Taken { start_ms, busy_cores, ..Taken::of(done, begun.elapsed().as_secs_f64()) };
        taken.add(&usage(&api)?);
        taken.calls = calls(rig, done);
        latencies.sort_unstable();
        let ms = |percent| Some(percentile(&latencies, percent) as f64 / 1000.0);
        (taken.p50_ms, taken.p99_ms) = (ms(50), ms(99));
        Ok(taken)
    }

    /// The floor ends by itself; what it used is read until then.
    async fn accept_bare(&self, rig: &Rig, environment: &BTreeMap<String, String>) -> anyhow::Result<Taken> {
        let arguments = ["floor", "accept", &self.concurrency.to_string(), &self.sales.to_string()];
        let own = Program::File(std::env::current_exe()?);
        let (begun, busy) = (Instant::now(), Busy::begin()?);
        let mut process = Process::start(&own, environment, &arguments.map(str::to_owned))?;
        let mut used = usage_of(process.id())?;
        while process.ended()?.is_none() {
            // A process that has just ended tells no memory any more.
            if let Ok(now) = usage_of(process.id())
                && now.peak_rss_mb > 0.0
            {
                used = now;
            }
            sleep(LOOK_EVERY).await;
        }
        let done = u64::try_from(self.sales)?;
        let mut taken = Taken { busy_cores: busy.cores()?, ..Taken::of(done, begun.elapsed().as_secs_f64()) };
        taken.add(&used);
        taken.calls = calls(rig, done);
        Ok(taken)
    }
}

impl Taken {
    fn of(sales: u64, seconds: f64) -> Self {
        Self { sales, seconds, sales_per_second: per(sales as f64, seconds), ..Self::default() }
    }

    fn add(&mut self, usage: &super::usage::Usage) {
        self.cpu_ms_per_sale += per(usage.cpu_seconds * 1000.0, self.sales as f64);
        self.peak_rss_mb = self.peak_rss_mb.max(usage.peak_rss_mb);
    }
}

/// A ratio; 0 where there is nothing to divide by.
pub(super) fn per(what: f64, by: f64) -> f64 {
    if by > 0.0 { what / by } else { 0.0 }
}

/// Calls for one sale by operation, without those of the benchmark itself.
fn calls(rig: &Rig, sales: u64) -> BTreeMap<String, f64> {
    let mut calls = BTreeMap::new();
    for (service, operations) in rig.aws.calls().0.into_values().flatten() {
        for (operation, count) in operations {
            if operation != "GetQueueAttributes" {
                *calls.entry(format!("{service} {operation}")).or_insert(0.0) +=
                    per(count as f64, sales as f64);
            }
        }
    }
    calls
}

/// Posts sales, so many at once; gives the microseconds that each took.
pub(super) async fn post(url: &str, sales: usize, concurrency: usize) -> anyhow::Result<Vec<u64>> {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
    let url = format!("{url}/sales");
    let one = |_| {
        let request = http.post(&url).json(&json!({ "product": "Book", "amount": 223.34 }));
        async move {
            let begun = Instant::now();
            request.send().await?.error_for_status()?.bytes().await?;
            anyhow::Ok(u64::try_from(begun.elapsed().as_micros())?)
        }
    };
    stream::iter(0..sales).map(one).buffer_unordered(concurrency).try_collect().await
}

/// Memory of an api and of a worker that have nothing to do, and how long they took to answer, in megabytes and
/// milliseconds.
pub(super) async fn idle() -> anyhow::Result<[(f64, f64); 2]> {
    let rig = Rig::start().await?;
    let api = Process::serve(&Program::beside("sales-api")?, &rig.environment).await?;
    let worker = Process::serve(&Program::beside("sales-worker")?, &rig.environment).await?;
    sleep(IDLE_FOR).await;
    let of =
        |process: &Process| anyhow::Ok((usage(process)?.rss_mb, process.started_in.as_secs_f64() * 1000.0));
    let both = [of(&api)?, of(&worker)?];
    drop((api, worker));
    rig.aws.stop().await;
    Ok(both)
}
