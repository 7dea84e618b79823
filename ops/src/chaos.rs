//! `drctl chaos`: makes the embedded AWS slow, faulty or dark, region by region.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use sales_shared::config::duration;
use sales_shared::telemetry::print_line;
use serde_json::{Value, json};

use crate::deployment::Target;

/// Options.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// No call to a region is answered, and nothing replicates to or from it
    Dark {
        /// The region
        region: String,
        /// Close connections at once, rather than leave callers hanging
        #[arg(long)]
        cut: bool,
    },
    /// Calls take longer
    Latency {
        /// How much, like 50ms
        latency: String,
        #[command(flatten)]
        calls: Calls,
    },
    /// Calls fail
    Error {
        /// internal, throttle, unavailable or access_denied
        kind: String,
        /// Only this share of the calls, 0 to 1
        #[arg(long, default_value_t = 1.0)]
        probability: f64,
        /// The calls take effect all the same: only their answer is lost
        #[arg(long)]
        after_effect: bool,
        #[command(flatten)]
        calls: Calls,
    },
    /// Change the lag of replication, or pause it
    Replication {
        /// Of tables, like 200ms
        #[arg(long)]
        table_lag: Option<String>,
        /// Of buckets, like 200ms
        #[arg(long)]
        bucket_lag: Option<String>,
        /// true or false
        #[arg(long)]
        paused: Option<bool>,
    },
    /// Show what is in force
    List,
    /// End all faults
    Clear,
}

/// Which calls.
#[derive(clap::Args, Debug)]
struct Calls {
    /// Of this region
    #[arg(long)]
    region: Option<String>,
    /// To this service: dynamodb, s3, sns, sqs, ssm or sts
    #[arg(long)]
    service: Option<String>,
    /// Of this operation, like PutItem
    #[arg(long)]
    operation: Option<String>,
}

impl Calls {
    fn with(self, more: Value) -> Value {
        let mut fault = more;
        let named = [("region", self.region), ("service", self.service), ("operation", self.operation)];
        for (name, value) in named {
            if let Some(value) = value {
                fault[name] = json!(value);
            }
        }
        fault
    }
}

/// Does it, and prints what is in force then.
///
/// # Errors
/// When the endpoint is no embedded AWS, or refuses.
pub async fn run(target: &Target, args: Args) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(target.config.is_none(), "chaos is for the embedded AWS: name it by --endpoint");
    let millis = |text: &str| duration(text).map(|time| time.as_millis()).map_err(anyhow::Error::msg);
    match args.command {
        Command::Dark { region, cut } => {
            let dark = if cut { "cut" } else { "hang" };
            ask(target, reqwest::Method::POST, "faults", Some(json!({ "region": region, "dark": dark })))
                .await?;
        }
        Command::Latency { latency, calls } => {
            let fault = calls.with(json!({ "latency_ms": millis(&latency)? }));
            ask(target, reqwest::Method::POST, "faults", Some(fault)).await?;
        }
        Command::Error { kind, probability, after_effect, calls } => {
            let fault = json!({ "error": kind, "probability": probability, "after_effect": after_effect });
            ask(target, reqwest::Method::POST, "faults", Some(calls.with(fault))).await?;
        }
        Command::Replication { table_lag, bucket_lag, paused } => {
            let mut change = json!({});
            if let Some(lag) = table_lag {
                change["table_lag_ms"] = json!(millis(&lag)?);
            }
            if let Some(lag) = bucket_lag {
                change["bucket_lag_ms"] = json!(millis(&lag)?);
            }
            if let Some(paused) = paused {
                change["paused"] = json!(paused);
            }
            print_line(&ask(target, reqwest::Method::POST, "replication", Some(change)).await?);
            return Ok(ExitCode::SUCCESS);
        }
        Command::List => {}
        Command::Clear => {
            ask(target, reqwest::Method::DELETE, "faults", None).await?;
        }
    }
    print_line(&ask(target, reqwest::Method::GET, "faults", None).await?);
    Ok(ExitCode::SUCCESS)
}

async fn ask(
    target: &Target,
    method: reqwest::Method,
    what: &str,
    body: Option<Value>,
) -> anyhow::Result<String> {
    let url = format!("{}/_control/{what}", target.endpoint.trim_end_matches('/'));
    let mut request = reqwest::Client::new().request(method, &url);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.with_context(|| format!("{url}: is `drctl up` running there?"))?;
    let (status, text) = (answer.status(), answer.text().await?);
    let told: Option<Value> = serde_json::from_str(&text).ok();
    let error = told.as_ref().and_then(|json| json["error"].as_str()).unwrap_or(&text);
    anyhow::ensure!(status.is_success(), "{url}: {status}: {error}");
    Ok(text)
}
