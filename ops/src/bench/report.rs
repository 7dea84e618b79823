//! Medians, ratios, and how they are told.

use serde_json::{Value, json};

use super::measure::{Case, Contender, Taken, Task, per};
use super::plan::{CONCURRENCY, SLOW_LATENCY, USUAL_LATENCY};
use super::prices;
use crate::style;

/// A case with what its rounds took.
pub(super) struct Measured {
    pub case: Case,
    pub taken: Vec<Taken>,
}

impl Measured {
    pub(super) fn new(case: Case) -> Self {
        Self { case, taken: Vec::new() }
    }

    pub(super) fn title(&self) -> String {
        let Case { contender, task, latency, concurrency, processes, .. } = &self.case;
        let task = match task {
            Task::Accept => "accept",
            Task::Process => "process",
            Task::DryRun => "dry run",
        };
        let ms = latency.as_millis();
        format!("{task}, {}, {ms} ms, concurrency {concurrency}, {processes} process(es)", contender.name())
    }

    fn median(&self, of: impl Fn(&Taken) -> f64) -> f64 {
        let mut values: Vec<f64> = self.taken.iter().map(of).collect();
        values.sort_unstable_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    }
}

/// Everything that was measured.
pub(super) struct Report {
    pub measured: Vec<Measured>,
    /// Idle memory in megabytes and time to the first answer in milliseconds, of the api and of the worker.
    pub idle: [(f64, f64); 2],
    pub rounds: u32,
}

impl Report {
    /// The median of a case with one process.
    fn of(
        &self,
        floor: bool,
        task: Task,
        latency: std::time::Duration,
        concurrency: usize,
        what: fn(&Taken) -> f64,
    ) -> f64 {
        let is_it = |one: &&Measured| {
            let who = match &one.case.contender {
                Contender::Floor => floor,
                Contender::Ours => !floor,
                Contender::Other(..) => false,
            };
            let case = &one.case;
            who && (case.task, case.latency, case.concurrency, case.processes)
                == (task, latency, concurrency, 1)
        };
        self.measured.iter().find(is_it).map_or(0.0, |one| one.median(what))
    }

    fn usual(&self, floor: bool, task: Task, what: fn(&Taken) -> f64) -> f64 {
        self.of(floor, task, USUAL_LATENCY, CONCURRENCY, what)
    }

    fn ratio(&self, task: Task, what: fn(&Taken) -> f64) -> f64 {
        per(self.usual(false, task, what), self.usual(true, task, what))
    }

    /// How much of 64 times the throughput of one sale at a time is reached with 64.
    fn scaling(&self, floor: bool, latency: std::time::Duration) -> f64 {
        let rate =
            |concurrency| self.of(floor, Task::Process, latency, concurrency, |taken| taken.sales_per_second);
        per(rate(CONCURRENCY), rate(1) * CONCURRENCY as f64)
    }

    pub(super) fn json(&self) -> Value {
        let calls = |taken: &Taken| taken.calls.values().sum();
        let peak = self.measured.iter().filter(|one| matches!(one.case.contender, Contender::Ours));
        let peak = peak.flat_map(|one| &one.taken).map(|taken| taken.peak_rss_mb).fold(0.0, f64::max);
        let rate = |taken: &Taken| taken.sales_per_second;
        let [(api_idle, api_start), (worker_idle, worker_start)] = self.idle;
        let (prices, usd) = self.prices();
        json!({
            "api": {
                "cpu_ratio": round(self.ratio(Task::Accept, |taken| taken.cpu_ms_per_sale)),
                "throughput_ratio_5ms": round(self.ratio(Task::Accept, rate)),
                "idle_rss_mb": round(api_idle),
                "start_ms": round(api_start),
            },
            "worker": {
                "cpu_ratio": round(self.ratio(Task::Process, |taken| taken.cpu_ms_per_sale)),
                "throughput_ratio_5ms": round(self.ratio(Task::Process, rate)),
                "scaling_64": round(self.scaling(false, USUAL_LATENCY)),
                "scaling_64_cores_busy": round(self.usual(false, Task::Process, |taken| taken.busy_cores)),
                "scaling_64_floor": round(self.scaling(true, USUAL_LATENCY)),
                "scaling_64_at_50ms": round(self.scaling(false, SLOW_LATENCY)),
                "scaling_64_at_50ms_floor": round(self.scaling(true, SLOW_LATENCY)),
                "idle_rss_mb": round(worker_idle),
                "start_ms": round(worker_start),
            },
            "passive_over_active": round(per(self.usual(false, Task::DryRun, rate), self.usual(false, Task::Process, rate))),
            "aws_calls_per_sale": round(self.usual(false, Task::Process, calls)),
            "aws_calls_per_dry_run": round(self.usual(false, Task::DryRun, calls)),
            "peak_rss_mb": round(peak),
            "usd_per_million_sales": round(usd),
            "prices": prices,
            "prices_as_of": prices::AS_OF,
            "rounds": self.rounds,
            "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            "raw": self.measured.iter().map(raw).collect::<Vec<_>>(),
        })
    }

    /// The arithmetic of the list price: the calls of the api, of the ACTIVE worker and of the PASSIVE one.
    fn prices(&self) -> (Vec<Value>, f64) {
        let mut sum = 0.0;
        let mut told = Vec::new();
        for task in [Task::Accept, Task::Process, Task::DryRun] {
            let is_it = |one: &&Measured| {
                matches!(one.case.contender, Contender::Ours)
                    && (one.case.task, one.case.latency, one.case.concurrency)
                        == (task, USUAL_LATENCY, CONCURRENCY)
            };
            let taken = self.measured.iter().find(is_it).and_then(|one| one.taken.first());
            for line in taken.map(|taken| prices::lines(&taken.calls)).unwrap_or_default() {
                sum += line.usd_per_million_sales();
                told.push(json!({
                    "task": task,
                    "operation": line.operation,
                    "calls_per_sale": round(line.per_sale),
                    "usd_per_million_calls": round(line.usd_per_million_calls),
                    "usd_per_million_sales": round(line.usd_per_million_sales()),
                }));
            }
        }
        (told, sum)
    }

    /// The arithmetic of the list price as a table.
    fn bill(&self) -> String {
        let head = ["for a sale", "calls", "USD a million calls", "USD a million sales"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        let (lines, sum) = self.prices();
        let number = |line: &Value, name: &str| format!("{:.3}", line[name].as_f64().unwrap_or(0.0));
        for line in &lines {
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            rows.push(vec![
                format!("{}: {}", text("task"), text("operation")),
                number(line, "calls_per_sale"),
                number(line, "usd_per_million_calls"),
                number(line, "usd_per_million_sales"),
            ]);
        }
        rows.push(vec!["together".to_owned(), String::new(), String::new(), format!("{sum:.3}")]);
        format!("{}\n  list prices of us-east-1, {}", style::table(&rows), prices::AS_OF)
    }

    pub(super) fn text(&self) -> String {
        let head =
            ["what", "sales/s", "CPU ms/sale", "peak MB", "calls/sale", "cores busy", "p50 ms", "p99 ms"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for one in &self.measured {
            let cell = |of: &dyn Fn(&Taken) -> f64, digits: usize| format!("{:.digits$}", one.median(of));
            let optional = |of: fn(&Taken) -> Option<f64>| {
                let is_measured = one.taken.iter().any(|taken| of(taken).is_some());
                if is_measured { cell(&|taken| of(taken).unwrap_or_default(), 1) } else { "-".to_owned() }
            };
            rows.push(vec![
                one.title(),
                cell(&|taken| taken.sales_per_second, 0),
                cell(&|taken| taken.cpu_ms_per_sale, 3),
                cell(&|taken| taken.peak_rss_mb, 1),
                cell(&|taken| taken.calls.values().sum(), 2),
                cell(&|taken| taken.busy_cores, 2),
                optional(|taken| taken.p50_ms),
                optional(|taken| taken.p99_ms),
            ]);
        }
        let mut figures = self.json();
        if let Some(object) = figures.as_object_mut() {
            object.remove("raw");
            object.remove("prices");
        }
        format!("{}\n\n{}\n\n{figures:#}", style::table(&rows), self.bill())
    }
}

fn raw(one: &Measured) -> Value {
    let Case { contender, task, latency, concurrency, processes, sales } = &one.case;
    json!({
        "contender": contender.name(),
        "task": task,
        "latency_ms": u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
        "concurrency": concurrency,
        "processes": processes,
        "sales": sales,
        "sales_per_second": round(one.median(|taken| taken.sales_per_second)),
        "cpu_ms_per_sale": round(one.median(|taken| taken.cpu_ms_per_sale)),
        "peak_rss_mb": round(one.median(|taken| taken.peak_rss_mb)),
        "busy_cores": round(one.median(|taken| taken.busy_cores)),
        "rounds": one.taken,
    })
}

/// To three digits after the point.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
