//! SQS and SNS.

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, MessageSystemAttributeName, QueueAttributeName};

use super::*;

/// A topic in the first region with a raw subscription of each region's queue.
async fn fan_out(pair: &Pair) -> (String, [String; 2]) {
    let first = pair.first.create_queue("sales-queue", 30).await;
    let second = pair.second.create_queue("sales-queue", 30).await;
    let topic = pair.first.create_topic("sales-processing").await;
    pair.first.subscribe_raw(&topic, &pair.first.queue_arn("sales-queue")).await;
    pair.first.subscribe_raw(&topic, &pair.second.queue_arn("sales-queue")).await;
    (topic, [first, second])
}

#[tokio::test]
async fn a_published_message_reaches_the_queues_of_both_regions_unwrapped() {
    let pair = Pair::start().await;
    let (topic, [first, second]) = fan_out(&pair).await;
    pair.first.sns.publish().topic_arn(&topic).message("{\"id\":1}").send().await.unwrap();
    for (site, queue) in [(&pair.first, &first), (&pair.second, &second)] {
        let messages = site.receive(queue, 5).await;
        assert_eq!(messages.len(), 1, "in {}", site.region);
        assert_eq!(messages[0].body.as_deref(), Some("{\"id\":1}"));
    }
    pair.aws.stop().await;
}

#[tokio::test]
async fn the_same_queue_url_means_another_queue_in_another_region() {
    let pair = Pair::start().await;
    let (_, [first, second]) = fan_out(&pair).await;
    assert_eq!(first, second);
    pair.first.sqs.send_message().queue_url(&first).message_body("mine").send().await.unwrap();
    assert!(pair.second.receive(&second, 0).await.is_empty());
    assert_eq!(pair.first.receive(&first, 0).await.len(), 1);
}

#[tokio::test]
async fn a_long_poll_wakes_as_soon_as_a_message_comes() {
    let pair = Pair::start().await;
    let queue = pair.first.create_queue("q", 30).await;
    let waiting = tokio::spawn({
        let site = Site::new("sa-east-1", &pair.aws.endpoint_url());
        let queue = queue.clone();
        async move { site.receive(&queue, 20).await }
    });
    eventually("the poll to be under way", || async {
        (pair.aws.calls().of("sa-east-1", Service::Sqs, "ReceiveMessage") == 1).then_some(())
    })
    .await;
    let sent = tokio::time::Instant::now();
    pair.first.sqs.send_message().queue_url(&queue).message_body("x").send().await.unwrap();
    assert_eq!(waiting.await.unwrap().len(), 1);
    assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
}

#[tokio::test]
async fn an_undeleted_message_comes_again_after_its_visibility_and_counts_its_receipts() {
    let pair = Pair::start().await;
    let queue = pair.first.create_queue("q", 1).await;
    pair.first.sqs.send_message().queue_url(&queue).message_body("x").send().await.unwrap();
    for expected in ["1", "2"] {
        let messages = pair.first.receive(&queue, 5).await;
        let attributes = messages[0].attributes.as_ref().unwrap();
        assert_eq!(attributes[&MessageSystemAttributeName::ApproximateReceiveCount], expected);
        assert!(attributes.contains_key(&MessageSystemAttributeName::SentTimestamp));
    }
}

#[tokio::test]
async fn a_message_received_too_often_moves_to_the_dead_letter_queue() {
    let pair = Pair::start().await;
    let dlq = pair.first.create_queue("dlq", 30).await;
    let queue = pair.first.create_queue("q", 0).await;
    let policy =
        format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":2}}"#, pair.first.queue_arn("dlq"));
    pair.first
        .sqs
        .set_queue_attributes()
        .queue_url(&queue)
        .attributes(QueueAttributeName::RedrivePolicy, policy)
        .send()
        .await
        .unwrap();
    pair.first.sqs.send_message().queue_url(&queue).message_body("poison").send().await.unwrap();
    let parked = eventually("the message in the dead-letter queue", || async {
        pair.first.receive(&queue, 0).await;
        pair.first.receive(&dlq, 0).await.pop()
    })
    .await;
    assert_eq!(parked.body.as_deref(), Some("poison"));
}

#[tokio::test]
async fn a_batch_of_deletions_empties_the_queue() {
    let pair = Pair::start().await;
    let queue = pair.first.create_queue("q", 30).await;
    for number in 0..10 {
        pair.first
            .sqs
            .send_message()
            .queue_url(&queue)
            .message_body(number.to_string())
            .send()
            .await
            .unwrap();
    }
    let mut deletion = pair.first.sqs.delete_message_batch().queue_url(&queue);
    for (id, message) in pair.first.receive(&queue, 0).await.into_iter().enumerate() {
        let entry = DeleteMessageBatchRequestEntry::builder()
            .id(id.to_string())
            .receipt_handle(message.receipt_handle.unwrap())
            .build()
            .unwrap();
        deletion = deletion.entries(entry);
    }
    assert_eq!(deletion.send().await.unwrap().successful.len(), 10);
    let counted = pair
        .first
        .sqs
        .get_queue_attributes()
        .queue_url(&queue)
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
        .send()
        .await
        .unwrap();
    let left = &counted.attributes.unwrap()[&QueueAttributeName::ApproximateNumberOfMessagesNotVisible];
    assert_eq!(left, "0");
}

#[tokio::test]
async fn a_dark_region_gets_the_messages_published_meanwhile_when_the_light_is_back() {
    let pair = Pair::start().await;
    let (topic, [first, second]) = fan_out(&pair).await;
    pair.aws.faults().darken("us-east-1", Darkness::Cut).unwrap();
    pair.first.sns.publish().topic_arn(&topic).message("meanwhile").send().await.unwrap();
    assert_eq!(pair.first.receive(&first, 5).await.len(), 1);
    assert!(pair.second.sqs.receive_message().queue_url(&second).send().await.is_err());
    pair.aws.faults().light("us-east-1");
    assert_eq!(pair.second.receive(&second, 5).await.len(), 1);
}

#[tokio::test]
async fn more_publishes_at_once_than_the_engine_takes_wait_and_none_fails() {
    let pair = Pair::start().await;
    let (topic, _) = fan_out(&pair).await;
    let publishes = (0..300).map(|number| {
        let publish = pair.first.sns.publish().topic_arn(&topic).message(number.to_string());
        publish.send()
    });
    for published in futures::future::join_all(publishes).await {
        published.unwrap();
    }
}

#[tokio::test]
async fn refusals_have_the_codes_that_the_sdk_knows() {
    let pair = Pair::start().await;
    let none =
        pair.first.sqs.get_queue_url().queue_name("none").send().await.unwrap_err().into_service_error();
    assert!(none.is_queue_does_not_exist(), "{none:?}");
    let queue = pair.first.create_queue("q", 30).await;
    let gone = pair
        .first
        .sqs
        .change_message_visibility()
        .queue_url(&queue)
        .receipt_handle("old")
        .visibility_timeout(5);
    let gone = gone.send().await.unwrap_err().into_service_error();
    assert!(gone.is_message_not_inflight(), "{gone:?}");
    let other = pair.first.sqs.create_queue().queue_name("q");
    let other = other.attributes(QueueAttributeName::VisibilityTimeout, "31").send().await.unwrap_err();
    assert!(other.into_service_error().is_queue_name_exists());
}
