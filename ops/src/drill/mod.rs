//! `drctl drill`: steady traffic, something happens in the middle, and then every accepted sale is looked at.

mod chart;
mod check;
mod figures;
mod load;
mod page;
mod play;
mod stage;
mod variant;
pub(crate) mod watch;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use sales_shared::telemetry::print_line;
use serde_json::{Value, json};

pub use figures::{Latency, Phases, Report, percentile};
pub use variant::Variant;

use crate::deployment::Target;
use crate::style;
use play::Played;
use stage::Stage;

/// Options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What happens in the middle
    #[arg(long, value_enum, default_value_t = Variant::Switchover, conflicts_with = "all")]
    pub variant: Variant,
    /// Every variant, one after the other
    #[arg(long)]
    pub all: bool,
    /// Sales posted a second
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=2000))]
    pub rate: u32,
    /// How long sales are posted, in seconds
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(6..=3600))]
    pub seconds: u64,
    /// Run the embedded services with the times of production (lease 60 s, takeover after 30 s), not with short ones
    #[arg(long)]
    pub production_times: bool,
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
    /// Write the picture into this file
    #[arg(long, value_name = "FILE", default_value = "drill.html")]
    pub html: PathBuf,
}

/// Drills. The exit code is 1 when a sale was lost or doubled, or work was left over.
///
/// # Errors
/// When the stage cannot be set, or what has to be looked at cannot be.
pub async fn run(target: &Target, args: Args) -> anyhow::Result<ExitCode> {
    let variants = if args.all { Variant::ALL.to_vec() } else { vec![args.variant] };
    let mut played = Vec::new();
    for variant in variants {
        let one =
            play_one(target, &args, variant).await.with_context(|| format!("drill {}", variant.name()))?;
        if !args.json {
            print_line(&text(&one.report));
        }
        played.push(one);
    }
    std::fs::write(&args.html, page::page(&played, args.rate, times(target, &args)))
        .with_context(|| format!("cannot write {}", args.html.display()))?;
    if args.json {
        print_line(&serde_json::to_string_pretty(&summed_up(&played))?);
    } else {
        print_line(&format!("wrote {}", args.html.display()));
    }
    let holds = played.iter().all(|one| one.report.holds());
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn play_one(target: &Target, args: &Args, variant: Variant) -> anyhow::Result<Played> {
    let stage = match target.config {
        Some(_) => Stage::of(target).await?,
        None => Stage::start(args.production_times).await?,
    };
    let played = play::play(&stage, variant, args).await;
    stage.stop().await;
    played
}

/// Which times the services ran with, for whoever reads the figures.
fn times(target: &Target, args: &Args) -> &'static str {
    match (&target.config, args.production_times) {
        (Some(_), _) => "the deployment's own times",
        (None, true) => "times of production: state TTL 5 s, takeover after 30 s, lease 60 s",
        (None, false) => "short times: state TTL 1 s, takeover after 4 s, lease 6 s",
    }
}

/// Whether a progress bar can be shown.
fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

fn text(report: &Report) -> String {
    let seconds = |value: Option<f64>| value.map_or("-".to_owned(), |s| format!("{s:.1} s"));
    let phase = |latency: Latency| format!("{} ms / {} ms", latency.p50_ms, latency.p99_ms);
    let by: Vec<String> = report.processed_by.iter().map(|(region, n)| format!("{region} {n}")).collect();
    let rows = [
        (report.variant, if report.holds() { style::green("holds") } else { style::red("BROKEN") }),
        ("accepted", format!("{} ({} requests refused)", report.accepted, report.refused)),
        ("processed", format!("{} ({})", report.processed, by.join(", "))),
        ("lost", report.lost.to_string()),
        ("doubled", format!("{} (reruns {}, takeovers {})", report.doubled, report.reruns, report.takeovers)),
        ("at rest in the end", if report.at_rest { "yes" } else { "no" }.to_owned()),
        (
            "RTO",
            format!(
                "{}, backlog gone after {}",
                seconds(report.rto_seconds),
                seconds(report.backlog_seconds)
            ),
        ),
        ("p50 / p99 before", phase(report.phases.before)),
        ("p50 / p99 during", phase(report.phases.during)),
        ("p50 / p99 after", phase(report.phases.after)),
    ];
    let line = |(name, value): &(&str, String)| format!("  {name:20}{value}");
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// One object for everything: sums, and the worst of what is not summed.
fn summed_up(played: &[Played]) -> Value {
    let reports: Vec<&Report> = played.iter().map(|one| &one.report).collect();
    let sum = |of: fn(&Report) -> u64| reports.iter().map(|report| of(report)).sum::<u64>();
    let worst = |of: fn(&Report) -> u64| reports.iter().map(|report| of(report)).max();
    let rto = reports
        .iter()
        .filter_map(|report| report.rto_seconds)
        .fold(None, |worst: Option<f64>, rto| Some(worst.map_or(rto, |worst| worst.max(rto))));
    json!({
        "accepted": sum(|report| report.accepted),
        "refused": sum(|report| report.refused),
        "processed": sum(|report| report.processed),
        "lost": sum(|report| report.lost),
        "doubled": sum(|report| report.doubled),
        "rto_seconds": rto,
        "p50_ms": worst(|report| report.p50_ms),
        "p99_ms": worst(|report| report.p99_ms),
        "holds": reports.iter().all(|report| report.holds()),
        "drills": reports,
    })
}
