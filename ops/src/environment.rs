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
    let mut lines =
        vec!["| variable | read by | default | meaning |".to_owned(), "|---|---|---|---|".to_owned()];
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_readme_lists_the_variables_that_the_services_read() {
        assert!(
            include_str!("../../README.md").contains(&markdown()),
            "paste the output of `drctl environment`"
        );
    }

    #[test]
    fn the_infrastructure_knows_the_variables_that_the_services_read() {
        let listed: Value = serde_json::from_str(include_str!("../../infra/environment.json")).unwrap();
        let read: Value = serde_json::from_str(&json_list()).unwrap();
        assert_eq!(listed, read, "write the output of `drctl environment --json` there");
    }
}
