use proptest::prelude::*;

use super::*;

fn good() -> BTreeMap<String, String> {
    [
        ("AWS_REGION", "sa-east-1"),
        ("PEER_REGION", "us-east-1"),
        ("DYNAMO_SALES_TABLE", "sales"),
        ("DYNAMO_SALES_IDEMPOTENCY_TABLE", "sales-idempotency"),
        ("SNS_SALES_PROCESSING_TOPIC", "arn:aws:sns:sa-east-1:000000000000:sales-processing"),
        ("SSM_PARAMETER_STORE_STATE", "/sales/sa-east-1/state"),
        ("SQS_SALES_QUEUE", "http://127.0.0.1:4566/000000000000/sales-queue"),
        ("SQS_SALES_DLQ", "http://127.0.0.1:4566/000000000000/sales-dlq"),
        ("S3_SALES_BUCKET", "sales-archive-000000000000-sa-east-1"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .into()
}

fn read(source: &BTreeMap<String, String>) -> Result<(SharedSettings, WorkerSettings), Faults> {
    let mut reader = Reader::new(source);
    let shared = SharedSettings::read(&mut reader, Service::Worker, 8090);
    let worker = WorkerSettings::read(&mut reader);
    if let (Some(shared), Some(worker)) = (&shared, &worker) {
        worker.timings.check_drain(shared.drain_timeout, &mut reader);
    }
    reader.finish(shared.zip(worker))
}

#[test]
fn the_defaults_fit_each_other() {
    let (shared, worker) = read(&good()).unwrap();
    assert_eq!(shared.listen.to_string(), "0.0.0.0:8090");
    assert_eq!(worker.timings.lease, Duration::from_secs(60));
    assert_eq!(worker.concurrency, 64);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let mut source = good();
    source.remove("SQS_SALES_QUEUE");
    for (name, value) in [
        ("AWS_REGION", "São Paulo"),
        ("S3_SALES_BUCKET", "  "),
        ("STATE_TTL", "5"),
        ("WORKER_CONCURRENCY", "0"),
        ("DYNAMO_TABLE_CONSISTENCY", "Strong"),
        ("AWS_ENDPOINT_URL", "localhost:4566"),
        ("LOG_LEVEL", "loud=very"),
    ] {
        source.insert(name.to_owned(), value.to_owned());
    }
    let faults = read(&source).unwrap_err();
    let told: Vec<_> = faults.iter().filter_map(|f| f.split(' ').next()).collect();
    for name in [
        "SQS_SALES_QUEUE",
        "AWS_REGION",
        "S3_SALES_BUCKET",
        "STATE_TTL",
        "WORKER_CONCURRENCY",
        "DYNAMO_TABLE_CONSISTENCY",
        "AWS_ENDPOINT_URL",
        "LOG_LEVEL",
    ] {
        assert!(told.contains(&name), "{name} is not told: {faults}");
    }
    assert_eq!(told.len(), 8, "{faults}");
}

#[test]
fn timings_that_would_break_a_promise_are_refused() {
    for (name, value, told) in [
        ("CLAIM_LEASE", "8s", "CLAIM_LEASE must be longer"),
        ("QUEUE_VISIBILITY", "59s", "QUEUE_VISIBILITY must not be shorter"),
        ("TAKEOVER_AFTER", "4s", "TAKEOVER_AFTER must be longer"),
        ("RECONCILE_AFTER", "10s", "RECONCILE_AFTER must not be shorter"),
        ("LONG_POLL", "21s", "LONG_POLL must be at most"),
        ("DRAIN_TIMEOUT", "20s", "DRAIN_TIMEOUT must be longer than PROCESSING_DEADLINE"),
        ("STATE_MAX_AGE", "5s", "STATE_MAX_AGE must be longer"),
        ("IDEMPOTENCY_TTL", "24d", "IDEMPOTENCY_TTL must be longer"),
        ("PEER_REGION", "sa-east-1", "AWS_REGION and PEER_REGION must differ"),
    ] {
        let mut source = good();
        source.insert(name.to_owned(), value.to_owned());
        let faults = read(&source).unwrap_err();
        assert!(faults.iter().any(|f| f.starts_with(told)), "{name}={value}: {faults}");
    }
}

#[test]
fn the_table_lists_each_variable_once_and_says_what_it_means() {
    let mut names: Vec<_> = VARIABLES.iter().map(|v| v.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), VARIABLES.len());
    assert!(VARIABLES.iter().all(|v| !v.help.is_empty() && (!v.required || v.default.is_none())));
}

proptest! {
    #[test]
    fn a_duration_is_read_in_every_unit(n in 0_u64..1_000_000) {
        prop_assert_eq!(duration(&format!("{n}ms")), Ok(Duration::from_millis(n)));
        prop_assert_eq!(duration(&format!("{n}d")), Ok(Duration::from_secs(n * 86_400)));
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,30}") {
        let _ = duration(&text);
        let _ = number::<u32>(&text, 1, 5);
    }
}
