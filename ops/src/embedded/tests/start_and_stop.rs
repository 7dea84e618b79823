//! The life of the endpoint itself.

use super::*;

#[tokio::test]
async fn a_taken_port_is_told_apart_from_other_failures() {
    let taken = EmbeddedAws::start(Options::default()).await.unwrap();
    let options = Options { listen: taken.address(), ..Options::default() };
    let error = EmbeddedAws::start(options).await.err().unwrap();
    assert!(matches!(error, StartError::PortTaken { address } if address == taken.address()), "{error}");
}

#[tokio::test]
async fn a_stop_takes_less_than_a_second_while_long_polls_and_dark_calls_hang() {
    let pair = Pair::start().await;
    let queue = pair.first.create_queue("q", 30).await;
    let polls: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(pair.first.sqs.receive_message().queue_url(&queue).wait_time_seconds(20).send())
        })
        .collect();
    pair.aws.faults().darken("us-east-1", Darkness::Hang).unwrap();
    let dark = tokio::spawn(pair.second.sqs.list_queues().send());
    eventually("the calls to be under way", || async { (pair.aws.calls().total() == 10).then_some(()) })
        .await;
    let address = pair.aws.address();
    let begun = tokio::time::Instant::now();
    pair.aws.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    for poll in polls {
        assert!(poll.await.unwrap().is_err());
    }
    assert!(dark.await.unwrap().is_err());
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn two_of_them_in_one_process_know_nothing_of_each_other() {
    let (one, two) = tokio::join!(Pair::start(), Pair::start());
    one.first.create_queue("q", 30).await;
    assert!(two.first.sqs.get_queue_url().queue_name("q").send().await.is_err());
    let url = one.first.sqs.get_queue_url().queue_name("q").send().await.unwrap().queue_url.unwrap();
    assert!(url.starts_with(&one.aws.endpoint_url()), "{url}");
}
