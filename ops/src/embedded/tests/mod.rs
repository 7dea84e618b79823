//! The embedded AWS, by the real SDK.

mod buckets;
mod control;
mod faults;
mod indexes;
mod queues;
mod site;
mod speed;
mod start_and_stop;
mod tables;

use super::*;
use site::Site;

/// Both regions, running, with a client for each.
struct Pair {
    aws: EmbeddedAws,
    first: Site,
    second: Site,
}

impl Pair {
    async fn start() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let regions = options.regions.clone();
        let aws = EmbeddedAws::start(options).await.unwrap();
        let [first, second] = regions.map(|region| Site::new(&region, &aws.endpoint_url()));
        Self { aws, first, second }
    }
}

/// Polls until `look` finds something, for five seconds at most.
async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "not within five seconds: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
