//! Numbers about one service instance, for Prometheus to scrape.

use std::fmt::Write as _;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Metric, Registry};
use tokio::time::Instant;

use crate::region::cached::CachedState;
use crate::region::{Mode, RegionState};

/// Content type of the exposition format.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Collects the metrics of one service while it is being built. Each service instance has its own, so that several in
/// one process do not mix.
#[derive(Debug)]
pub struct MetricsBuilder(Registry);

/// The finished set.
#[derive(Clone, Debug)]
pub struct Exposition(Arc<Registry>);

impl Default for MetricsBuilder {
    fn default() -> Self {
        Self(Registry::with_prefix("sales"))
    }
}

impl MetricsBuilder {
    /// Registers a metric (its name gets the prefix `sales_`, a counter's the suffix `_total`) and gives it back.
    pub fn add<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }

    /// Registers numbers that are worked out when asked for.
    pub fn add_collector(&mut self, collector: Box<dyn Collector>) {
        self.0.register_collector(collector);
    }

    /// No more metrics.
    pub fn finish(self) -> Exposition {
        Exposition(Arc::new(self.0))
    }
}

impl Exposition {
    /// All metrics as text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.0).is_err() {
            let _ = text.write_str("# EOF\n");
        }
        text
    }
}

/// The region state and the age of its reading, worked out when they are asked for.
pub struct StateCollector(Arc<CachedState>);

impl StateCollector {
    /// Of this state.
    pub fn new(state: Arc<CachedState>) -> Self {
        Self(state)
    }
}

impl std::fmt::Debug for StateCollector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StateCollector")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

impl Collector for StateCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let acted_on = match self.0.mode() {
            Mode::Process => RegionState::Active,
            Mode::DryRun => RegionState::Passive,
            Mode::Hold => RegionState::Hold,
        };
        let states = Family::<StateLabels, Gauge>::default();
        for state in RegionState::ALL {
            states.get_or_create(&StateLabels { state: state.as_str() }).set(i64::from(state == acted_on));
        }
        let kind = states.metric_type();
        states.encode(encoder.encode_descriptor(
            "region_state",
            "1 for the state acted on",
            None,
            kind,
        )?)?;
        let Some(reading) = self.0.last_known() else { return Ok(()) };
        let age = ConstGauge::new(reading.age(Instant::now()).as_secs_f64());
        let kind = age.metric_type();
        age.encode(encoder.encode_descriptor(
            "region_state_age_seconds",
            "Since the state was read",
            None,
            kind,
        )?)
    }
}
