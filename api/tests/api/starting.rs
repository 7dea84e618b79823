//! The binary itself.
#![cfg(feature = "aws")]

use std::process::{Command, Output};

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sales-api"));
    command.args(arguments).env_clear().envs(environment.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn every_fault_of_the_configuration_is_told_at_once_with_exit_code_64() {
    let output =
        run(&[], &[("AWS_REGION", "Brazil"), ("STATE_TTL", "5"), ("SNS_SALES_PROCESSING_TOPIC", "sales")]);
    assert_eq!(output.status.code(), Some(64));
    let told = text(&output.stderr);
    for name in [
        "AWS_REGION",
        "PEER_REGION",
        "STATE_TTL",
        "SNS_SALES_PROCESSING_TOPIC",
        "DYNAMO_SALES_TABLE",
        "DYNAMO_SALES_IDEMPOTENCY_TABLE",
        "SSM_PARAMETER_STORE_STATE",
    ] {
        assert!(told.lines().any(|line| line.trim_start().starts_with(name)), "{name} is not told:\n{told}");
    }
    assert!(!told.contains("SQS_SALES_QUEUE"), "the api reads no queue:\n{told}");
}

#[test]
fn the_help_and_the_version_need_no_configuration() {
    let help = run(&["--help"], &[]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("SNS_SALES_PROCESSING_TOPIC"));
    let version = run(&["--version"], &[]);
    assert_eq!(text(&version.stdout), format!("sales-api {}\n", env!("CARGO_PKG_VERSION")));
    let unknown = run(&["--port", "1"], &[]);
    assert_eq!(unknown.status.code(), Some(64));
    assert!(text(&unknown.stderr).contains("--port"));
}

#[test]
fn a_health_check_of_nobody_fails() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    assert_eq!(run(&["--health-check"], &[("PORT", &free)]).status.code(), Some(1));
}
