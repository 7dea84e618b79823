//! `drctl environment`: the services' variables, as a table for documents or as JSON for the infrastructure's tests.

use std::process::ExitCode;

use sales_shared::config::{VARIABLES, Variable};
use sales_shared::telemetry::print_line;
use serde_json::json;

/// Options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Prints the list.
///
/// # Errors
/// None; the signature is that of every command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    print_line(&if args.json { json_list() } else { markdown() });
    Ok(ExitCode::SUCCESS)
}

fn json_list() -> String {
    let entry = |variable: &Variable| {
        let entry = json!({
            "name": variable.name,
            "default": variable.default,
            "required": variable.required,
            "service": variable.service.as_str(),
            "help": variable.help,
        });
        format!("  {entry}")
    };
    let entries: Vec<String> = VARIABLES.iter().map(entry).collect();
    format!("[\n{}\n]", entries.join(",\n"))
}

/// The table of the README.
pub fn markdown() -> String {
    let mut lines = vec!["| variable | read by | default | meaning |".to_owned(), "|---|---|---|---|".to_owned()];
    for variable in VARIABLES {
        let default = match (variable.default, variable.required) {
            (Some(default), _) => format!("`{default}`"),
            (None, true) => "required".to_owned(),
            (None, false) => "none".to_owned(),
        };
        let (name, service, help) = (variable.name, variable.service.as_str(), variable.help);
        lines.push(format!("| `{name}` | {service} | {default} | {help} |"));
    }
    lines.join("\n")
}
