//! What one api counts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use sales_shared::metrics::{Exposition, MetricsBuilder};
use sales_shared::region::RegionState;
use sales_shared::region::cached::CachedState;
use tokio::time::Instant;

use crate::state::declared_by;

/// Upper bounds of the latency histogram, in seconds: from a refused request to the request's own limit.
const LATENCY_BUCKETS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What accepting sales counts.
#[derive(Clone, Debug, Default)]
pub struct SaleMetrics {
    /// Sales stored, replays left out.
    pub accepted: Counter,
    /// Sales stored whose announcement failed.
    pub publish_failures: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

/// What serving HTTP counts.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
}

impl HttpMetrics {
    /// Counts one request. `route` and `method` come from fixed lists, so that clients cannot make labels.
    pub fn count(&self, route: &'static str, method: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&RequestLabels { route, method, status }).inc();
        self.durations.get_or_create(&RouteLabels { route }).observe(took.as_secs_f64());
    }
}

/// Everything that one api counts.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Of sales.
    pub sales: SaleMetrics,
    /// Of requests.
    pub http: HttpMetrics,
    /// All of it as text.
    pub exposition: Exposition,
}

impl Metrics {
    /// A set of its own, so that several apis in one process do not mix.
    pub fn new(state: Arc<CachedState>) -> Self {
        let mut builder = MetricsBuilder::default();
        let sales = SaleMetrics {
            accepted: builder.add("accepted", "Sales stored", Counter::default()),
            publish_failures: builder.add(
                "publish_failures",
                "Sales stored whose announcement failed; the reconciler delivers them",
                Counter::default(),
            ),
        };
        let histogram: fn() -> Histogram = || Histogram::new(LATENCY_BUCKETS);
        let http = HttpMetrics {
            requests: builder.add("http_requests", "Requests answered", Family::default()),
            durations: builder.add(
                "http_request_duration_seconds",
                "Time from a request's head to its answer",
                Family::new_with_constructor(histogram),
            ),
        };
        builder.add_collector(Box::new(StateCollector(state)));
        Self { sales, http, exposition: builder.finish() }
    }
}

/// The region state as numbers, worked out when asked for.
struct StateCollector(Arc<CachedState>);

impl fmt::Debug for StateCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StateCollector").finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

impl Collector for StateCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let now = declared_by(self.0.mode());
        let is_now: Family<StateLabels, Gauge> = Family::default();
        for state in RegionState::ALL {
            is_now.get_or_create(&StateLabels { state: state.as_str() }).set(i64::from(state == now));
        }
        let one = encoder.encode_descriptor(
            "region_state",
            "1 for the state acted on.",
            None,
            is_now.metric_type(),
        )?;
        is_now.encode(one)?;
        let Some(reading) = self.0.last_known() else {
            return Ok(());
        };
        let age = ConstGauge::new(reading.age(Instant::now()).as_secs_f64());
        let two = encoder.encode_descriptor(
            "region_state_age_seconds",
            "Age of the last reading of the state.",
            None,
            age.metric_type(),
        )?;
        age.encode(two)
    }
}

/// The counts that go to CloudWatch, each line holding what came since the one before.
#[derive(Debug, Default)]
pub struct Deltas {
    accepted: u64,
    publish_failures: u64,
}

impl Deltas {
    /// Name, unit and growth of each count.
    pub fn since_last(&mut self, metrics: &SaleMetrics) -> Vec<(&'static str, &'static str, f64)> {
        vec![
            ("Accepted", "Count", growth(&mut self.accepted, metrics.accepted.get())),
            ("PublishFailures", "Count", growth(&mut self.publish_failures, metrics.publish_failures.get())),
        ]
    }
}

fn growth(last: &mut u64, now: u64) -> f64 {
    let grown = now.saturating_sub(std::mem::replace(last, now));
    // A minute's count is far below 2^32.
    f64::from(u32::try_from(grown).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_what_came_since_the_one_before() {
        let (metrics, mut deltas) = (SaleMetrics::default(), Deltas::default());
        metrics.accepted.inc_by(3);
        assert_eq!(deltas.since_last(&metrics)[0], ("Accepted", "Count", 3.0));
        metrics.accepted.inc();
        assert_eq!(deltas.since_last(&metrics)[0].2, 1.0);
        assert_eq!(deltas.since_last(&metrics)[0].2, 0.0);
    }
}
