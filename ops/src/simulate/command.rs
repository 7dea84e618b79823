//! `drctl simulate`.

use std::num::NonZero;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::many::{Summary, simulate_many};
use super::{Design, Mutation};

/// Reports of failing histories that are printed.
const REPORTS_SHOWN: usize = 3;

/// The options of `drctl simulate`.
#[derive(Args, Clone, Debug)]
pub struct SimulateArgs {
    /// How many histories to play
    #[arg(long, default_value_t = 1000)]
    pub seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    pub from: u64,
    /// Which design to run
    #[arg(long, value_enum, default_value_t = DesignName::Current)]
    pub design: DesignName,
    /// Run both designs over the same seeds and print them side by side
    #[arg(long, conflicts_with_all = ["design", "mutations"])]
    pub compare: bool,
    /// Take out one mechanism after the other and print which seed shows it
    #[arg(long, conflicts_with = "design")]
    pub mutations: bool,
    /// Threads to run on; all cores by default
    #[arg(long)]
    pub threads: Option<NonZero<usize>>,
    /// Print one JSON object in place of text
    #[arg(long)]
    pub json: bool,
}

/// A design by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DesignName {
    /// This project's
    Current,
    /// The older service's: check-then-set, and a PASSIVE worker discards what it receives
    Older,
}

impl From<DesignName> for Design {
    fn from(name: DesignName) -> Self {
        match name {
            DesignName::Current => Design::Current,
            DesignName::Older => Design::Older,
        }
    }
}

/// Plays the histories and prints what came of them. Fails when this project's design kept a promise not.
///
/// # Errors
/// When a runtime or a thread cannot be had.
pub fn run(args: &SimulateArgs) -> anyhow::Result<ExitCode> {
    if args.mutations {
        return mutations(args);
    }
    let designs =
        if args.compare { vec![Design::Current, Design::Older] } else { vec![Design::from(args.design)] };
    let mut summaries = Vec::new();
    for design in designs {
        summaries.push(play(args, design)?);
    }
    if args.json {
        let values: Vec<_> = summaries.iter().map(|summary| as_json(args, summary)).collect();
        match values.as_slice() {
            [one] => println!("{one}"),
            several => println!("{}", json!(several)),
        }
    } else if args.compare {
        println!("{}", side_by_side(&summaries));
    } else {
        summaries.iter().for_each(|summary| println!("{}", as_text(summary)));
    }
    let kept = summaries.iter().all(|summary| summary.design != Design::Current || summary.failed == 0);
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn play(args: &SimulateArgs, design: Design) -> anyhow::Result<Summary> {
    let bar = ProgressBar::new(args.seeds);
    let style = "{msg} {wide_bar} {pos}/{len} histories, {per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(style)?);
    bar.set_message(format!("{design} design"));
    let summary = simulate_many(args.from, args.seeds, design, args.threads, &|done| bar.set_position(done))?;
    bar.finish_and_clear();
    Ok(summary)
}

fn as_json(args: &SimulateArgs, summary: &Summary) -> serde_json::Value {
    let counts = &summary.counts;
    json!({
        "design": summary.design.to_string(),
        "from": args.from,
        "histories": summary.histories,
        "failed": summary.failed,
        "accepted": counts.accepted,
        "lost": counts.lost,
        "lost_with_region": counts.lost_with_region,
        "doubled": counts.doubled,
        "reruns": counts.reruns,
        "double_runs": counts.double_runs,
        "to_restore": counts.to_restore,
        "parked_by_crashes": counts.parked_by_crashes,
        "faults": counts.faults,
        "histories_per_second": summary.histories_per_second(),
        "failures": summary.failures.iter().map(|(seed, _)| seed).collect::<Vec<_>>(),
    })
}

fn as_text(summary: &Summary) -> String {
    let mut text = String::new();
    for (_, report) in summary.failures.iter().take(REPORTS_SHOWN) {
        text.push_str(report);
        text.push_str("\n\n");
    }
    let counts = &summary.counts;
    let lines = [
        ("histories", format!("{} ({:.0} a second)", summary.histories, summary.histories_per_second())),
        ("faults injected", counts.faults.to_string()),
        ("sales accepted", counts.accepted.to_string()),
        ("lost", counts.lost.to_string()),
        ("doubled", counts.doubled.to_string()),
        ("gone with a region lost for good", counts.lost_with_region.to_string()),
        ("reruns after a crash or a dark region", counts.reruns.to_string()),
        ("double runs across a partition", counts.double_runs.to_string()),
        ("left for verify to restore", counts.to_restore.to_string()),
        ("histories with a promise not kept", summary.failed.to_string()),
    ];
    for (name, value) in lines {
        text.push_str(&format!("{name:<38} {value}\n"));
    }
    text.trim_end().to_owned()
}

/// The same numbers of several designs, a column each, as Markdown.
fn side_by_side(summaries: &[Summary]) -> String {
    type Column = fn(&Summary) -> u64;
    let rows: [(&str, Column); 7] = [
        ("histories", |summary| summary.histories),
        ("faults injected", |summary| summary.counts.faults),
        ("sales accepted", |summary| summary.counts.accepted),
        ("lost", |summary| summary.counts.lost),
        ("doubled", |summary| summary.counts.doubled),
        ("gone with a region lost for good", |summary| summary.counts.lost_with_region),
        ("histories with a promise not kept", |summary| summary.failed),
    ];
    let names: Vec<_> = summaries.iter().map(|summary| summary.design.to_string()).collect();
    let mut text = format!("| | {} |\n|---|{}", names.join(" | "), "---:|".repeat(names.len()));
    for (name, column) in rows {
        let values: Vec<_> = summaries.iter().map(|summary| column(summary).to_string()).collect();
        text.push_str(&format!("\n| {name} | {} |", values.join(" | ")));
    }
    text
}

/// A row a mutation: the first seed that shows it, of as many as were asked for.
fn mutations(args: &SimulateArgs) -> anyhow::Result<ExitCode> {
    let mut found = Vec::new();
    for mutation in Mutation::ALL {
        let summary = play(args, Design::Mutated(mutation))?;
        let first = summary.failures.first().map(|(seed, report)| {
            let what = report.lines().nth(1).unwrap_or_default().trim();
            (*seed, what.split(" (sale").next().unwrap_or(what).to_owned())
        });
        found.push((mutation, first));
    }
    let all = found.iter().all(|(_, first)| first.is_some());
    if args.json {
        let rows = found.iter().map(|(mutation, first)| {
            let (seed, what) = first.clone().map_or((None, None), |(seed, what)| (Some(seed), Some(what)));
            json!({ "mutation": mutation.describe(), "seed": seed, "shown_by": what })
        });
        println!("{}", json!(rows.collect::<Vec<_>>()));
    } else {
        println!("| taken out | seed | shown by |\n|---|---:|---|");
        for (mutation, first) in &found {
            let (seed, what) = first
                .clone()
                .map_or(("not found".to_owned(), String::new()), |(seed, what)| (seed.to_string(), what));
            println!("| {} | {seed} | {what} |", mutation.describe());
        }
    }
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
