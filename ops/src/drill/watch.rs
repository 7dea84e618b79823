//! What is looked at while a drill runs: depths of the queues and the workers' counters.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sales_shared::clock::{Clock as _, SystemClock, Timestamp};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::stage::Stage;
use crate::deployment::SiteHandle;

/// Time between two looks.
const EVERY: Duration = Duration::from_millis(500);
/// A region that does not answer by then is not looked at this time.
const ANSWER_LIMIT: Duration = Duration::from_millis(400);

/// One look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub at: Timestamp,
    /// Messages in each queue, hidden or not; `None` without an answer.
    pub messages: [Option<u64>; 2],
}

/// The workers' counters, as last seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    pub processed: f64,
    pub reruns: f64,
    pub takeovers: f64,
}

/// Everything seen.
#[derive(Default)]
pub(super) struct Seen {
    pub looks: Mutex<Vec<Look>>,
    pub counters: Mutex<[Counters; 2]>,
    /// Counters of workers that died: those after them begin at nothing.
    pub retired: Mutex<Counters>,
}

impl Counters {
    fn add(&mut self, other: Counters) {
        self.processed += other.processed;
        self.reruns += other.reruns;
        self.takeovers += other.takeovers;
    }
}

impl Seen {
    /// Looks until told to stop.
    pub(super) async fn watch(self: Arc<Self>, stage: &Stage, stop: CancellationToken) -> anyhow::Result<()> {
        let http = reqwest::Client::builder().timeout(ANSWER_LIMIT).build()?;
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return Ok(()),
            }
            let (first, second) = tokio::join!(depth(&stage.sites[0]), depth(&stage.sites[1]));
            self.looks.lock().push(Look { at: SystemClock.now(), messages: [first, second] });
            self.count(&http, &stage.workers).await;
        }
    }

    /// Reads both workers' counters. A worker that does not answer keeps those that were seen last.
    pub(super) async fn count(&self, http: &reqwest::Client, workers: &[Option<String>; 2]) {
        for (site, worker) in workers.iter().enumerate() {
            let Some(url) = worker else { continue };
            if let Some(now) = counters(http, url).await {
                let before = std::mem::replace(&mut self.counters.lock()[site], now);
                if now.processed < before.processed {
                    self.retired.lock().add(before);
                }
            }
        }
    }

    /// What all workers counted, those that died included as far as they were seen.
    pub(super) fn total(&self) -> Counters {
        let mut total = *self.retired.lock();
        self.counters.lock().iter().for_each(|counters| total.add(*counters));
        total
    }
}

async fn depth(site: &SiteHandle) -> Option<u64> {
    let depth = timeout(ANSWER_LIMIT, site.operator.queue_depth()).await.ok()?.ok()?;
    Some(depth.visible + depth.in_flight)
}

async fn counters(http: &reqwest::Client, url: &str) -> Option<Counters> {
    let text = http.get(format!("{url}/metrics")).send().await.ok()?.text().await.ok()?;
    Some(Counters {
        processed: metric(&text, "sales_processed_total")?,
        reruns: metric(&text, "sales_reruns_total")?,
        takeovers: metric(&text, "sales_takeovers_total")?,
    })
}

/// A number of an exposition in Prometheus' text form.
pub(crate) fn metric(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        let text = "# HELP a b\na_total_more 1\na_total 7\n";
        assert_eq!(metric(text, "a_total"), Some(7.0));
        assert_eq!(metric(text, "a"), None);
    }
}
