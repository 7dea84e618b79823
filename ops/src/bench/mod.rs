//! `drctl bench`: the services beside a bare loop of the AWS calls that they have to make, in one run.

mod drain;
pub mod floor;
mod measure;
mod plan;
mod prices;
mod report;
mod rig;
mod soak;
mod usage;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sales_shared::telemetry::print_line;

use crate::child::Program;
use measure::{Contender, idle};
use plan::cases;
use report::Measured;

/// Options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Rounds; every figure is the median of them
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// One round of the most important cases
    #[arg(long, conflicts_with = "rounds")]
    pub quick: bool,
    /// Only the cases whose title contains this, like "dry run" or "process, ours"
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Another implementation, as NAME='command': started with the services' environment, PORT, and BENCH_ROLE api or worker
    #[arg(long, value_name = "NAME=COMMAND", value_parser = contender)]
    pub contender: Vec<(String, String)>,
    /// In place of all that: so many sales through an api and two workers, and their memory along the way
    #[arg(long, value_name = "SALES", conflicts_with_all = ["rounds", "quick", "only", "contender"])]
    pub soak: Option<usize>,
    /// Print the figures as JSON, raw ones too
    #[arg(long)]
    pub json: bool,
}

fn contender(text: &str) -> Result<(String, String), String> {
    let (name, command) = text.split_once('=').ok_or("NAME=COMMAND is expected")?;
    if name.is_empty() || command.is_empty() || ["floor", "ours"].contains(&name) {
        return Err("NAME=COMMAND is expected, with a name other than floor and ours".to_owned());
    }
    Ok((name.to_owned(), command.to_owned()))
}

/// Measures. The processes run on this machine, beside the embedded AWS: compare what was measured in one run, and
/// nothing else.
///
/// # Errors
/// When the services are not built, or a process fails.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    Program::beside("sales-api")?;
    Program::beside("sales-worker")?;
    if let Some(sales) = args.soak {
        let bar = bar(u64::try_from(sales)?);
        let soak = soak::run(sales, |done| bar.set_position(done as u64)).await?;
        bar.finish_and_clear();
        print_line(&if args.json { serde_json::to_string_pretty(&soak)? } else { soak.text() });
        return Ok(ExitCode::SUCCESS);
    }
    let others = args.contender.iter().map(|(name, command)| Contender::Other(name.clone(), command.clone()));
    let cases = cases(args.quick, &others.collect::<Vec<_>>());
    let rounds = if args.quick { 1 } else { args.rounds };
    let mut measured: Vec<Measured> = cases.into_iter().map(Measured::new).collect();
    if let Some(text) = &args.only {
        measured.retain(|one| one.title().contains(text));
        ensure!(!measured.is_empty(), "no case is called {text:?}; without --only the titles are printed");
    }
    let bar = bar(u64::from(rounds) * u64::try_from(measured.len())?);
    let idle = idle().await?;
    for round in 1..=rounds {
        for one in &mut measured {
            bar.set_message(format!("round {round}: {}", one.title()));
            let taken = one.case.run().await.with_context(|| one.title())?;
            one.taken.push(taken);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let report = report::Report { measured, idle, rounds };
    print_line(&if args.json { serde_json::to_string_pretty(&report.json())? } else { report.text() });
    Ok(ExitCode::SUCCESS)
}

fn bar(steps: u64) -> ProgressBar {
    let watched = std::io::stderr().is_terminal();
    let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(steps), target);
    let style = ProgressStyle::with_template("[{bar:30}] {pos}/{len} {elapsed} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
