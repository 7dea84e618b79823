//! Copies on their way to the paired bucket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::store::{self, Entry, Store};
use crate::embedded::links::{Cargo, Links};

/// Copies that may wait on their way; their data counts against the store only once, so this is small.
pub(super) const COPIES_MAX: usize = 1_000_000;

/// An object, or a deletion, on its way to the paired bucket.
pub(super) struct Copy {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) entry: Entry,
    pub(super) made: Instant,
}

/// Brings objects to their paired bucket, each when its lag is over.
pub(super) async fn travel(
    mut copies: mpsc::UnboundedReceiver<Copy>,
    store: Arc<Store>,
    links: Arc<Links>,
    waiting: Arc<AtomicUsize>,
) {
    while let Some(copy) = copies.recv().await {
        links.arrival(Cargo::Object, copy.made).await;
        if let Some(bucket) = store.bucket(&copy.bucket) {
            store.arrive(&bucket, &copy.key, as_replica(copy.entry));
        }
        waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

fn as_replica(entry: Entry) -> Entry {
    match entry {
        Entry::Object(object) => Entry::Object(Arc::new(store::Object {
            data: object.data.clone(),
            etag: object.etag.clone(),
            modified: object.modified,
            headers: object.headers.clone(),
            stamp: object.stamp,
            replica: true,
        })),
        Entry::Marker(stamp) => Entry::Marker(stamp),
    }
}
