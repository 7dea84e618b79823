//! How many calls a second one endpoint answers, client and server sharing the machine.
//! `cargo test --release -p drctl speed -- --ignored --nocapture`

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;

use super::*;

const CALLS: usize = 20_000;
const AT_ONCE: usize = 64;

/// Makes `CALLS` calls, `AT_ONCE` at a time, and prints how many a second.
async fn measure<F: Future<Output = ()> + Send>(what: &str, call: impl Fn(usize) -> F + Send + Sync) {
    let next = AtomicUsize::new(0);
    let spent = cpu_seconds();
    let begun = tokio::time::Instant::now();
    let callers = (0..AT_ONCE).map(|_| async {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= CALLS {
                return;
            }
            call(number).await;
        }
    });
    futures::future::join_all(callers).await;
    let calls = f64::from(u32::try_from(CALLS).unwrap());
    let (rate, cost) = (calls / begun.elapsed().as_secs_f64(), (cpu_seconds() - spent) * 1e6 / calls);
    println!("{what:>24} {rate:>9.0} calls/s {cost:>7.0} µs of CPU a call, client and server");
}

/// The CPU time of this process so far; 0 where there is no `/proc`. Its ticks are hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |field: usize| fields.get(field).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn the_speed_of_each_call_is_measured() {
    let pair = Pair::start().await;
    pair.first.create_table("sales").await;
    pair.first.add_replica("sales", "us-east-1").await;
    let queue = pair.first.create_queue("q", 90).await;
    let topic = pair.first.create_topic("t").await;
    let fanned = pair.first.create_queue("fanned", 90).await;
    pair.second.create_queue("fanned", 90).await;
    for site in [&pair.first, &pair.second] {
        pair.first.subscribe_raw(&topic, &site.queue_arn("fanned")).await;
    }
    pair.first.s3.create_bucket().bucket("archive").send().await.unwrap();
    let site = &pair.first;

    bare(&pair.aws.endpoint_url(), &queue, &topic).await;
    measure(
        "PutItem",
        |number| async move { site.put("sales", &number.to_string(), &"x".repeat(200)).await },
    )
    .await;
    measure("UpdateItem", |number| async move {
        let update =
            site.dynamodb.update_item().table_name("sales").key("id", AttributeValue::S(number.to_string()));
        let update = update.update_expression("SET note = :n").condition_expression("attribute_exists(id)");
        update.expression_attribute_values(":n", AttributeValue::S("y".to_owned())).send().await.unwrap();
    })
    .await;
    let sent = &"x".repeat(300);
    let (queue, topic) = (&queue, &topic);
    measure("SendMessage", |_| async move {
        site.sqs.send_message().queue_url(queue).message_body(sent).send().await.unwrap();
    })
    .await;
    measure("Publish to two queues", |_| async move {
        site.sns.publish().topic_arn(topic).message(sent).send().await.unwrap();
    })
    .await;
    measure("PutObject", |number| async move {
        let body = ByteStream::from(sent.clone().into_bytes());
        site.s3
            .put_object()
            .bucket("archive")
            .key(number.to_string())
            .if_none_match("*")
            .body(body)
            .send()
            .await
            .unwrap();
    })
    .await;
    drain(site, queue).await;
    drain(site, &fanned).await;
    pair.aws.stop().await;
}

/// Receives and deletes ten by ten until nothing comes.
async fn drain(site: &Site, queue: &str) {
    let begun = tokio::time::Instant::now();
    let drained = AtomicUsize::new(0);
    let consumers = (0..AT_ONCE / 4).map(|_| async {
        loop {
            let messages = site.receive(queue, 0).await;
            if messages.is_empty() {
                return;
            }
            drained.fetch_add(messages.len(), Ordering::Relaxed);
            let mut deletion = site.sqs.delete_message_batch().queue_url(queue);
            for (id, message) in messages.into_iter().enumerate() {
                let entry = DeleteMessageBatchRequestEntry::builder().id(id.to_string());
                deletion =
                    deletion.entries(entry.set_receipt_handle(message.receipt_handle).build().unwrap());
            }
            deletion.send().await.unwrap();
        }
    });
    futures::future::join_all(consumers).await;
    let drained = u32::try_from(drained.into_inner()).unwrap();
    let rate = f64::from(drained) / begun.elapsed().as_secs_f64();
    println!("{:>24} {rate:>9.0} messages/s ({drained})", "receive and delete");
}

/// The same calls by a client that does not sign and knows no AWS, to see what the endpoint costs by itself.
async fn bare(endpoint: &str, queue: &str, topic: &str) {
    let http = reqwest::Client::new();
    let call = |service: &str, path: &str, target: &str, body: String| {
        let method = if service == "s3" { reqwest::Method::PUT } else { reqwest::Method::POST };
        let scope =
            format!("AWS4-HMAC-SHA256 Credential=a/20261121/sa-east-1/{service}/aws4_request, Signature=0");
        let request = http.request(method, format!("{endpoint}/{path}")).header("authorization", scope);
        let request = request.header("x-amz-target", target).body(body);
        async move {
            let answer = request.send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.status());
            answer.bytes().await.unwrap();
        }
    };
    let text = "x".repeat(300);
    measure("bare GetItem", |number| {
        let body = format!(r#"{{"TableName":"sales","Key":{{"id":{{"S":"b{number}"}}}}}}"#);
        call("dynamodb", "", "DynamoDB_20120810.GetItem", body)
    })
    .await;
    measure("bare PutItem", |number| {
        let item = format!(r#"{{"id":{{"S":"b{number}"}},"note":{{"S":"{text}"}}}}"#);
        let condition = r#""ConditionExpression":"attribute_not_exists(id)""#;
        let body = format!(r#"{{"TableName":"sales","Item":{item},{condition}}}"#);
        call("dynamodb", "", "DynamoDB_20120810.PutItem", body)
    })
    .await;
    measure("bare SendMessage", |_| {
        let body = format!(r#"{{"QueueUrl":"{queue}","MessageBody":"{text}"}}"#);
        call("sqs", "", "AmazonSQS.SendMessage", body)
    })
    .await;
    measure("bare Publish to two", |_| {
        call("sns", "", "", format!("Action=Publish&TopicArn={topic}&Message={text}"))
    })
    .await;
    measure("bare PutObject", |number| call("s3", &format!("archive/bare/{number}"), "", text.clone())).await;
}
