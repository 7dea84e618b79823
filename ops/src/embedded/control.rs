//! The control interface under `/_control/`: what tests and `drctl chaos` switch on a running endpoint.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::{Answer, answer};
use super::fault::Fault;
use super::front::World;
use super::links::ReplicationSettings;

/// What a fault looks like, for those who got it wrong.
const FAULT_FORM: &str = "a fault is a JSON object with any of: region, service (dynamodb, s3, sns, sqs, ssm, sts), \
    operation (such as PutItem), probability (0 to 1), seed, times, latency_ms, error (internal, throttle, unavailable, \
    access_denied), after_effect (true: the call takes effect first), dark (hang, cut)";

/// What the replication settings look like.
const REPLICATION_FORM: &str = "replication settings are a JSON object with any of: table_lag_ms, bucket_lag_ms (milliseconds), paused (true, false)";

/// Changes to the replication; what is absent stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplicationChange {
    table_lag_ms: Option<u64>,
    bucket_lag_ms: Option<u64>,
    paused: Option<bool>,
}

/// Answers one request to the control interface.
pub(super) fn handle(world: &World, parts: &Parts, body: &Bytes) -> Answer {
    let path = parts.uri.path().trim_end_matches('/');
    match (parts.method.as_str(), path) {
        ("GET", "/_control/health") => ok(&json!({ "status": "ok", "regions": world.regions })),
        ("GET", "/_control/faults") => ok(&listed(world)),
        ("POST", "/_control/faults") => add_fault(world, body),
        ("DELETE", "/_control/faults") => remove_faults(world, parts.uri.query().unwrap_or_default()),
        ("GET", "/_control/replication") => ok(&json!(world.links.settings())),
        ("POST", "/_control/replication") => change_replication(world, body),
        ("GET", "/_control/calls") => ok(&json!(world.calls.snapshot())),
        ("DELETE", "/_control/calls") => {
            world.calls.reset();
            ok(&json!({}))
        }
        (_, "/_control/health" | "/_control/faults" | "/_control/replication" | "/_control/calls") => {
            refuse(StatusCode::METHOD_NOT_ALLOWED, "this method is not known here")
        }
        _ => refuse(StatusCode::NOT_FOUND, "known are /_control/health, /faults, /replication and /calls"),
    }
}

fn add_fault(world: &World, body: &Bytes) -> Answer {
    let fault: Fault = match read(body, FAULT_FORM) {
        Ok(fault) => fault,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, &why),
    };
    match world.faults.add(fault) {
        Ok(id) => ok(&json!({ "id": id })),
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

fn remove_faults(world: &World, query: &str) -> Answer {
    let Some(id) = query.strip_prefix("id=") else {
        world.faults.clear();
        return ok(&listed(world));
    };
    match id.parse() {
        Ok(id) if world.faults.remove(id) => ok(&listed(world)),
        Ok(_) => refuse(StatusCode::NOT_FOUND, "no fault of this id is in force"),
        Err(_) => refuse(StatusCode::BAD_REQUEST, "id must be the number that adding the fault gave"),
    }
}

fn listed(world: &World) -> Value {
    let faults = world.faults.list().into_iter().map(|(id, fault)| json!({ "id": id, "fault": fault }));
    json!({ "faults": faults.collect::<Vec<_>>() })
}

fn change_replication(world: &World, body: &Bytes) -> Answer {
    let change: ReplicationChange = match read(body, REPLICATION_FORM) {
        Ok(change) => change,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, &why),
    };
    let now = world.links.settings();
    world.links.set(ReplicationSettings {
        table_lag_ms: change.table_lag_ms.unwrap_or(now.table_lag_ms),
        bucket_lag_ms: change.bucket_lag_ms.unwrap_or(now.bucket_lag_ms),
        paused: change.paused.unwrap_or(now.paused),
    });
    ok(&json!(world.links.settings()))
}

fn read<T: DeserializeOwned>(body: &Bytes, form: &str) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("{error}; {form}"))
}

fn ok(body: &Value) -> Answer {
    let mut answer = answer(StatusCode::OK, "application/json", body.to_string());
    answer.headers_mut().insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn refuse(status: StatusCode, message: &str) -> Answer {
    answer(status, "application/json", json!({ "error": message }).to_string())
}
