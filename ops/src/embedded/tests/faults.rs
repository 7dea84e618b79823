//! Faults, through every service's own error shapes.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::retry::RetryConfig;

use super::*;

#[tokio::test]
async fn each_service_words_an_error_so_that_the_sdk_tries_again_and_succeeds() {
    let pair = Pair::start().await;
    pair.first.create_table("sales").await;
    let queue = pair.first.create_queue("q", 30).await;
    let topic = pair.first.create_topic("t").await;
    pair.first.s3.create_bucket().bucket("archive-one").send().await.unwrap();
    let retrying = site::config("sa-east-1", &pair.aws.endpoint_url())
        .into_builder()
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
        .build();
    for error in [InjectedError::Internal, InjectedError::Throttle, InjectedError::Unavailable] {
        let failing_once = |service| Fault {
            service: Some(service),
            error: Some(error),
            times: Some(1),
            ..Fault::default()
        };
        for service in [Service::Dynamodb, Service::Sqs, Service::Sns, Service::S3, Service::Ssm] {
            pair.aws.faults().add(failing_once(service)).unwrap();
        }
        aws_sdk_dynamodb::Client::new(&retrying).describe_table().table_name("sales").send().await.unwrap();
        aws_sdk_sqs::Client::new(&retrying)
            .send_message()
            .queue_url(&queue)
            .message_body("x")
            .send()
            .await
            .unwrap();
        aws_sdk_sns::Client::new(&retrying).publish().topic_arn(&topic).message("x").send().await.unwrap();
        aws_sdk_s3::Client::new(&retrying).head_bucket().bucket("archive-one").send().await.unwrap();
        aws_sdk_ssm::Client::new(&retrying).describe_parameters().send().await.unwrap();
        assert!(pair.aws.faults().list().is_empty(), "{error:?} left a fault unspent");
    }
}

#[tokio::test]
async fn a_call_can_take_effect_although_its_answer_is_an_error() {
    let pair = Pair::start().await;
    pair.first.create_table("sales").await;
    let lost = Fault::error("sa-east-1", Service::Dynamodb, "PutItem", InjectedError::Internal);
    pair.aws.faults().add(Fault { after_effect: true, ..lost }).unwrap();
    let put = pair
        .first
        .dynamodb
        .put_item()
        .table_name("sales")
        .item("id", aws_sdk_dynamodb::types::AttributeValue::S("a".to_owned()))
        .item("note", aws_sdk_dynamodb::types::AttributeValue::S("kept".to_owned()));
    let error = put.send().await.unwrap_err();
    assert_eq!(error.code(), Some("InternalServerError"));
    assert_eq!(pair.first.note("sales", "a").await.as_deref(), Some("kept"));
}

#[tokio::test]
async fn access_can_be_denied_to_one_operation_alone() {
    let pair = Pair::start().await;
    pair.first.s3.create_bucket().bucket("archive-one").send().await.unwrap();
    let denied = Fault::error("sa-east-1", Service::S3, "PutObject", InjectedError::AccessDenied);
    pair.aws.faults().add(denied).unwrap();
    let put = pair.first.s3.put_object().bucket("archive-one").key("k").body(ByteStream::from_static(b"x"));
    assert_eq!(put.send().await.unwrap_err().code(), Some("AccessDenied"));
    pair.first.s3.head_bucket().bucket("archive-one").send().await.unwrap();
}

#[tokio::test]
async fn latency_is_added_to_the_calls_of_the_region_it_is_set_for() {
    let pair = Pair::start().await;
    let slow = Fault { region: Some("sa-east-1".to_owned()), ..Fault::latency(Duration::from_millis(300)) };
    pair.aws.faults().add(slow).unwrap();
    let begun = tokio::time::Instant::now();
    pair.first.sqs.list_queues().send().await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_call_into_the_dark_hangs_and_is_cut_when_the_light_is_back() {
    let pair = Pair::start().await;
    pair.aws.faults().darken("sa-east-1", Darkness::Hang).unwrap();
    let call = tokio::spawn(pair.first.sqs.list_queues().send());
    eventually("the call to have come in", || async {
        (pair.aws.calls().of("sa-east-1", Service::Sqs, "ListQueues") == 1).then_some(())
    })
    .await;
    pair.second.sqs.list_queues().send().await.unwrap();
    assert!(!call.is_finished());
    pair.aws.faults().light("sa-east-1");
    assert!(call.await.unwrap().is_err());
    pair.first.sqs.list_queues().send().await.unwrap();
}

#[tokio::test]
async fn a_long_poll_under_way_gets_no_message_once_its_region_is_dark() {
    let pair = Pair::start().await;
    let queue = pair.first.create_queue("q", 30).await;
    let poll = tokio::spawn(pair.first.sqs.receive_message().queue_url(&queue).wait_time_seconds(20).send());
    eventually("the poll to be under way", || async {
        (pair.aws.calls().of("sa-east-1", Service::Sqs, "ReceiveMessage") == 1).then_some(())
    })
    .await;
    pair.aws.faults().darken("sa-east-1", Darkness::Cut).unwrap();
    assert!(poll.await.unwrap().is_err());
    pair.aws.faults().light("sa-east-1");
    pair.first.sqs.send_message().queue_url(&queue).message_body("x").send().await.unwrap();
    assert_eq!(pair.first.receive(&queue, 5).await.len(), 1);
}

#[tokio::test]
async fn tables_catch_up_after_the_darkness_and_the_later_write_holds() {
    let pair = Pair::start().await;
    pair.first.create_table("sales").await;
    pair.first.add_replica("sales", "us-east-1").await;
    pair.first.put("sales", "a", "before").await;
    eventually("the first write", || pair.second.note("sales", "a")).await;
    pair.aws.faults().darken("sa-east-1", Darkness::Cut).unwrap();
    pair.second.put("sales", "a", "during").await;
    pair.aws.faults().clear();
    eventually("the write made meanwhile", || async {
        (pair.first.note("sales", "a").await.as_deref() == Some("during")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_delivery_that_took_effect_and_looked_failed_arrives_twice() {
    let pair = Pair::start().await;
    let queue = pair.second.create_queue("q", 30).await;
    let topic = pair.first.create_topic("t").await;
    pair.first.subscribe_raw(&topic, &pair.second.queue_arn("q")).await;
    let repeated = Fault::error("us-east-1", Service::Sns, "Deliver", InjectedError::Internal);
    pair.aws.faults().add(Fault { times: Some(1), after_effect: true, ..repeated }).unwrap();
    pair.first.sns.publish().topic_arn(&topic).message("twice").send().await.unwrap();
    let mut received = 0;
    while received < 2 {
        let more = pair.second.receive(&queue, 5).await.len();
        assert!(more > 0, "only {received} came");
        received += more;
    }
}

#[tokio::test]
async fn latency_of_all_calls_does_not_hold_up_the_way_from_topics_to_queues() {
    let pair = Pair::start().await;
    let queue = pair.second.create_queue("q", 30).await;
    let topic = pair.first.create_topic("t").await;
    pair.first.subscribe_raw(&topic, &pair.second.queue_arn("q")).await;
    pair.aws.faults().add(Fault::latency(Duration::from_millis(50))).unwrap();
    let begun = tokio::time::Instant::now();
    let publishes =
        (0..100).map(|number| pair.first.sns.publish().topic_arn(&topic).message(number.to_string()).send());
    for published in futures::future::join_all(publishes).await {
        published.unwrap();
    }
    let mut received = 0;
    while received < 100 {
        received += pair.second.receive(&queue, 5).await.len();
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn a_fault_that_makes_no_sense_is_refused_with_the_reason() {
    let faults = Faults::new(["sa-east-1".to_owned(), "us-east-1".to_owned()]);
    let refused = |fault| faults.add(fault).unwrap_err();
    assert_eq!(refused(Fault::default()), FaultRefused::Nothing);
    let nowhere = Fault::dark_region("eu-west-1", Darkness::Cut);
    assert!(refused(nowhere).to_string().contains("eu-west-1"));
    assert!(matches!(
        refused(Fault { probability: 2.0, latency_ms: 1, ..Fault::default() }),
        FaultRefused::Probability(_)
    ));
    assert_eq!(
        refused(Fault { probability: 0.5, ..Fault::dark_region("sa-east-1", Darkness::Cut) }),
        FaultRefused::HalfDark
    );
}
