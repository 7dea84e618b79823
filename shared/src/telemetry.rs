//! Logs, and the line of CloudWatch metrics.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::clock::{SharedClock, Timestamp};
use crate::config::LogFormat;
use crate::region::Region;

/// Sends the process's logs to standard error, as configured. Only the first call in a process counts.
pub fn init_logs(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    let _ = match format {
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
        }
        LogFormat::Text => builder.try_init(),
    };
}

/// Namespace of the CloudWatch metrics.
pub const EMF_NAMESPACE: &str = "Sales";

/// One line in CloudWatch's embedded metric format: CloudWatch Logs turns it into metrics with the dimensions
/// `Region` and `Service`, with no call from here.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
pub fn emf_line(now: Timestamp, region: &Region, service: &str, values: &[(&str, &str, f64)]) -> String {
    let metrics: Vec<Value> =
        values.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now.millis(),
            "CloudWatchMetrics": [{
                "Namespace": EMF_NAMESPACE,
                "Dimensions": [["Region", "Service"]],
                "Metrics": metrics,
            }],
        }),
    );
    line.insert("Region".to_owned(), json!(region.as_str()));
    line.insert("Service".to_owned(), json!(service));
    for (name, _, value) in values {
        line.insert((*name).to_owned(), json!(value));
    }
    Value::Object(line).to_string()
}

/// Time between two lines of CloudWatch metrics.
pub const EMF_EVERY: Duration = Duration::from_secs(60);

/// Prints what `sample` gives (name, unit, value) as one line every [`EMF_EVERY`], and a last one when told to stop,
/// so that no count is lost between the last line and the end.
pub async fn print_emf(
    clock: SharedClock,
    region: Region,
    service: &'static str,
    mut sample: impl FnMut() -> Vec<(&'static str, &'static str, f64)> + Send,
    stop: CancellationToken,
) {
    loop {
        let stopping = tokio::select! {
            () = tokio::time::sleep(EMF_EVERY) => false,
            () = stop.cancelled() => true,
        };
        print_line(&emf_line(clock.now(), &region, service, &sample()));
        if stopping {
            return;
        }
    }
}

/// Prints a line to standard output; a closed output is no reason to stop.
pub fn print_line(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedded_metrics_line_declares_every_number_it_carries() {
        let region = Region::parse("sa-east-1").unwrap();
        let line = emf_line(Timestamp::from_seconds(1), &region, "worker", &[("Takeovers", "Count", 3.0)]);
        let json: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["Takeovers"], 3.0);
        assert_eq!(json["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"], "Takeovers");
        assert_eq!(json["Region"], "sa-east-1");
    }
}
