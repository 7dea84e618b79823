//! The part of the contract that is the queue's and the topic's.

use std::time::Duration;

use tokio::time::Instant;

use super::{PATIENCE, Subject};
use crate::ports::{Delivery, Put, Queue};

/// Longest wait of one receive.
const WAIT: Duration = Duration::from_secs(2);

pub(super) async fn all(subject: &Subject) {
    an_empty_queue_is_waited_at(subject).await;
    a_published_body_reaches_both_queues(subject).await;
    a_message_put_back_comes_again_and_a_deleted_one_does_not(subject).await;
    a_batch_is_deleted_and_put_back_in_one_call(subject).await;
    subject.queue.dead_letter("poison", "no event").await.unwrap();
}

/// Receives until this body is there; others are left hidden.
async fn await_body(queue: &dyn Queue, body: &str) -> Delivery {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "no message within {PATIENCE:?}");
        let got = queue.receive(10, WAIT).await.unwrap();
        if let Some(delivery) = got.into_iter().find(|delivery| delivery.body == body) {
            return delivery;
        }
    }
}

async fn an_empty_queue_is_waited_at(subject: &Subject) {
    let begun = Instant::now();
    assert_eq!(subject.queue.receive(1, Duration::from_secs(1)).await.unwrap(), []);
    assert!(begun.elapsed() >= Duration::from_millis(900));
}

async fn a_published_body_reaches_both_queues(subject: &Subject) {
    let body = format!("{{\"contract\":\"ação {}\"}}", subject.random.number());
    subject.topic.publish(&body).await.unwrap();
    for queue in [&subject.queue, &subject.peer_queue] {
        let delivery = await_body(queue.as_ref(), &body).await;
        assert_eq!(delivery.receive_count, 1);
        assert_eq!(queue.delete(&[delivery.receipt]).await.unwrap(), []);
    }
}

async fn a_message_put_back_comes_again_and_a_deleted_one_does_not(subject: &Subject) {
    let body = format!("{{\"contract\":{}}}", subject.random.number());
    subject.topic.publish(&body).await.unwrap();
    let first = await_body(subject.queue.as_ref(), &body).await;
    let put = Put { receipt: first.receipt.clone(), after: Duration::ZERO };
    subject.queue.change_visibility(&[put]).await.unwrap();
    let second = await_body(subject.queue.as_ref(), &body).await;
    assert_eq!((second.receive_count, &second.message_id), (2, &first.message_id));
    let put = Put { receipt: second.receipt.clone(), after: Duration::from_millis(900) };
    subject.queue.change_visibility(&[put]).await.unwrap();
    let third = await_body(subject.queue.as_ref(), &body).await;
    assert_eq!(third.receive_count, 3);
    assert_eq!(subject.queue.delete(&[third.receipt]).await.unwrap(), []);
    assert_eq!(subject.queue.receive(10, Duration::from_secs(1)).await.unwrap(), []);
    subject.queue.change_visibility(&[Put { receipt: second.receipt, after: Duration::ZERO }]).await.unwrap();
    let other_site = await_body(subject.peer_queue.as_ref(), &body).await;
    assert_eq!(subject.peer_queue.delete(&[other_site.receipt]).await.unwrap(), []);
}

async fn a_batch_is_deleted_and_put_back_in_one_call(subject: &Subject) {
    let bodies: Vec<_> =
        (0..10).map(|n| format!("{{\"contract\":[{n},{}]}}", subject.random.number())).collect();
    for body in &bodies {
        subject.topic.publish(body).await.unwrap();
    }
    for queue in [&subject.queue, &subject.peer_queue] {
        let mut held = gather(queue.as_ref(), bodies.len()).await;
        let puts: Vec<_> =
            held.iter().map(|d| Put { receipt: d.receipt.clone(), after: Duration::ZERO }).collect();
        queue.change_visibility(&puts).await.unwrap();
        held = gather(queue.as_ref(), bodies.len()).await;
        assert!(held.iter().all(|delivery| delivery.receive_count == 2));
        let receipts: Vec<_> = held.into_iter().map(|delivery| delivery.receipt).collect();
        assert_eq!(queue.delete(&receipts).await.unwrap(), []);
    }
}

async fn gather(queue: &dyn Queue, count: usize) -> Vec<Delivery> {
    let deadline = Instant::now() + PATIENCE;
    let mut held = Vec::new();
    while held.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} messages within {PATIENCE:?}", held.len());
        held.extend(queue.receive(10, WAIT).await.unwrap());
    }
    held
}
