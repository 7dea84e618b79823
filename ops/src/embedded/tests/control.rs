//! The control interface, SSM, STS, and calls that cannot be routed.

use aws_sdk_ssm::error::ProvideErrorMetadata;
use aws_sdk_ssm::types::ParameterType;
use serde_json::{Value, json};

use super::*;

async fn ask(method: reqwest::Method, url: String, body: &str) -> (u16, Value) {
    let sent = reqwest::Client::new().request(method, url).body(body.to_owned()).send().await.unwrap();
    (sent.status().as_u16(), sent.json().await.unwrap())
}

#[tokio::test]
async fn faults_are_set_listed_and_taken_back_over_http() {
    let pair = Pair::start().await;
    let url = format!("{}/_control/faults", pair.aws.endpoint_url());
    let (status, added) =
        ask(reqwest::Method::POST, url.clone(), r#"{"service":"sqs","error":"throttle"}"#).await;
    assert_eq!(status, 200);
    assert!(pair.first.sqs.list_queues().send().await.is_err());
    let (_, listed) = ask(reqwest::Method::GET, url.clone(), "").await;
    assert_eq!(listed["faults"][0]["id"], added["id"]);
    assert_eq!(listed["faults"][0]["fault"]["error"], "throttle");
    let (status, _) = ask(reqwest::Method::DELETE, url, "").await;
    assert_eq!(status, 200);
    pair.first.sqs.list_queues().send().await.unwrap();
}

#[tokio::test]
async fn a_fault_that_cannot_be_read_is_answered_with_what_is_wanted() {
    let pair = Pair::start().await;
    let url = format!("{}/_control/faults", pair.aws.endpoint_url());
    for wrong in ["{", r#"{"latency":5}"#, r#"{"region":"eu-west-1","latency_ms":1}"#, "{}"] {
        let (status, answer) = ask(reqwest::Method::POST, url.clone(), wrong).await;
        assert_eq!(status, 400, "{wrong}");
        let message = answer["error"].as_str().unwrap();
        assert!(message.contains("latency_ms") || message.contains("sa-east-1"), "{message}");
    }
}

#[tokio::test]
async fn replication_is_set_over_http_and_what_is_not_named_stays() {
    let pair = Pair::start().await;
    let url = format!("{}/_control/replication", pair.aws.endpoint_url());
    let (status, settings) = ask(reqwest::Method::POST, url, r#"{"table_lag_ms":7,"paused":true}"#).await;
    assert_eq!(status, 200);
    assert_eq!(settings, json!({ "table_lag_ms": 7, "bucket_lag_ms": 200, "paused": true }));
}

#[tokio::test]
async fn calls_are_counted_by_region_service_and_operation() {
    let pair = Pair::start().await;
    let url = format!("{}/_control/calls", pair.aws.endpoint_url());
    pair.first.sqs.list_queues().send().await.unwrap();
    pair.first.sqs.list_queues().send().await.unwrap();
    let (_, counted) = ask(reqwest::Method::GET, url.clone(), "").await;
    assert_eq!(counted["sa-east-1"]["sqs"]["ListQueues"], 2);
    ask(reqwest::Method::DELETE, url, "").await;
    assert_eq!(pair.aws.calls().total(), 0);
}

#[tokio::test]
async fn an_unsigned_call_is_told_why_it_is_refused() {
    let pair = Pair::start().await;
    let answer = reqwest::get(pair.aws.endpoint_url()).await.unwrap();
    assert_eq!(answer.status().as_u16(), 403);
    assert!(answer.text().await.unwrap().contains("sign it"));
}

#[tokio::test]
async fn a_parameter_has_a_new_version_each_time_and_keeps_to_its_pattern() {
    let pair = Pair::start().await;
    let put = |value: &str| {
        let put = pair.first.ssm.put_parameter().name("/sales/sa-east-1/state").value(value);
        put.r#type(ParameterType::String).allowed_pattern("^(ACTIVE|PASSIVE|HOLD)$").overwrite(true).send()
    };
    assert_eq!(put("ACTIVE").await.unwrap().version, 1);
    assert_eq!(put("PASSIVE").await.unwrap().version, 2);
    assert_eq!(put("PASIVE").await.unwrap_err().code(), Some("ParameterPatternMismatchException"));
    let read = pair.first.ssm.get_parameter().name("/sales/sa-east-1/state").send().await.unwrap();
    let parameter = read.parameter.unwrap();
    assert_eq!((parameter.value.as_deref(), parameter.version), (Some("PASSIVE"), 2));
    let elsewhere = pair.second.ssm.get_parameter().name("/sales/sa-east-1/state").send().await.unwrap_err();
    assert!(elsewhere.into_service_error().is_parameter_not_found());
}

#[tokio::test]
async fn whoever_asks_is_in_the_one_account() {
    let pair = Pair::start().await;
    let scope =
        "AWS4-HMAC-SHA256 Credential=a/20261121/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0";
    let asked = reqwest::Client::new()
        .post(pair.aws.endpoint_url())
        .header("authorization", scope)
        .body("Action=GetCallerIdentity&Version=2011-06-15")
        .send()
        .await
        .unwrap();
    assert!(asked.text().await.unwrap().contains("<Account>000000000000</Account>"));
}
