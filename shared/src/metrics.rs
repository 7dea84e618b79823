//! Numbers about one service instance, for Prometheus to scrape.

use std::fmt::Write as _;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::{Metric, Registry};

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
