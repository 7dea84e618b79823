//! Numbers about one worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use sales_shared::metrics::{Exposition, MetricsBuilder, StateCollector};
use sales_shared::region::Mode;
use sales_shared::region::cached::CachedState;
use tokio::time::Instant;

use crate::disposition::Disposition;

/// Upper bounds of the end-to-end histogram, in seconds: from a region at ease to the end of a failover.
const END_TO_END_SECONDS: [f64; 14] =
    [0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 3600.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DispositionLabel {
    disposition: &'static str,
}

/// The worker's counters and gauges.
#[derive(Clone)]
pub struct Metrics {
    /// Sales whose effects ran here and are proven to have.
    pub processed: Counter,
    /// Runs that found their effects in place.
    pub reruns: Counter,
    /// Claims made here because the authority could not be reached.
    pub takeovers: Counter,
    /// Claims that were lost before their proof was written.
    pub claims_lost: Counter,
    /// Messages and sales sent to the dead-letter queue.
    pub parked: Counter,
    /// Sales that the reconciler settled or repaired.
    pub reconciled: Counter,
    /// Sales in work.
    pub in_flight: Gauge,
    /// Seconds from the api's acceptance to the proof.
    pub end_to_end_seconds: Histogram,
    /// Age of the oldest sale in the outbox, in seconds; 0 when there is none.
    pub outbox_oldest_age_seconds: Gauge,
    dispositions: Family<DispositionLabel, Counter>,
    last_good_poll: Arc<AtomicU64>,
    started: Instant,
    state: Arc<CachedState>,
}

impl Metrics {
    /// Makes and registers them.
    pub fn new(state: Arc<CachedState>) -> (Self, Exposition) {
        let mut builder = MetricsBuilder::default();
        let b = &mut builder;
        let metrics = Self {
            processed: b.add("processed", "Sales whose effects ran here and are proven", Counter::default()),
            reruns: b.add("reruns", "Runs that found their effects in place", Counter::default()),
            takeovers: b.add("takeovers", "Claims made without the authority", Counter::default()),
            claims_lost: b.add("claims_lost", "Claims lost before their proof", Counter::default()),
            parked: b.add("parked", "Messages and sales sent to the dead-letter queue", Counter::default()),
            reconciled: b.add("reconciled", "Sales settled or repaired from the outbox", Counter::default()),
            in_flight: b.add("in_flight", "Sales in work", Gauge::default()),
            end_to_end_seconds: b.add(
                "end_to_end_seconds",
                "From acceptance to proof",
                Histogram::new(END_TO_END_SECONDS),
            ),
            outbox_oldest_age_seconds: b.add(
                "outbox_oldest_age_seconds",
                "Age of the oldest sale in the outbox",
                Gauge::default(),
            ),
            dispositions: b.add("dispositions", "What became of deliveries", Family::default()),
            last_good_poll: Arc::default(),
            started: Instant::now(),
            state,
        };
        b.add_collector(Box::new(StateCollector::new(metrics.state.clone())));
        b.add_collector(Box::new(Ages(metrics.clone())));
        (metrics, builder.finish())
    }

    /// The queue answered, or the region holds and is not to be asked.
    pub fn note_good_poll(&self) {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_good_poll.store(millis, Ordering::Relaxed);
    }

    /// Seconds since the last good poll, or since the start.
    pub fn poll_age_seconds(&self) -> f64 {
        let last = std::time::Duration::from_millis(self.last_good_poll.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(last).as_secs_f64()
    }

    /// What a line of CloudWatch metrics holds: states and ages as they are, counts since the line before.
    pub fn emf_sample(&self) -> impl FnMut() -> Vec<(&'static str, &'static str, f64)> + Send + use<> {
        let metrics = self.clone();
        let mut before = [0_u64; 3];
        move || {
            let now = [metrics.takeovers.get(), metrics.processed.get(), metrics.parked.get()];
            let [takeovers, processed, parked] =
                std::array::from_fn(|i| (now[i] - std::mem::replace(&mut before[i], now[i])) as f64);
            let state = metrics.state.mode();
            let is = |mode: Mode| f64::from(u8::from(state == mode));
            let age = metrics.state.last_known().map_or(0.0, |r| r.age(Instant::now()).as_secs_f64());
            vec![
                ("StateActive", "Count", is(Mode::Process)),
                ("StateHold", "Count", is(Mode::Hold)),
                ("StateAgeSeconds", "Seconds", age),
                ("OutboxOldestAgeSeconds", "Seconds", metrics.outbox_oldest_age_seconds.get() as f64),
                ("QueuePollAgeSeconds", "Seconds", metrics.poll_age_seconds()),
                ("Takeovers", "Count", takeovers),
                ("Processed", "Count", processed),
                ("Parked", "Count", parked),
            ]
        }
    }

    /// Counts a fate.
    pub fn count_disposition(&self, disposition: &Disposition) {
        let disposition = match disposition {
            Disposition::Delete(_) => "delete",
            Disposition::Release { .. } => "release",
            Disposition::Park { .. } => "park",
        };
        self.dispositions.get_or_create(&DispositionLabel { disposition }).inc();
    }
}

/// Numbers that grow by themselves, worked out when they are asked for.
struct Ages(Metrics);

impl std::fmt::Debug for Ages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ages")
    }
}

impl Collector for Ages {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let gauge = ConstGauge::new(self.0.poll_age_seconds());
        let (name, help) = ("queue_poll_age_seconds", "Since the last good poll");
        gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
    }
}
