//! What the buckets hold.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::RwLock;
use time::OffsetDateTime;

use super::config::{Replication, Setting};

/// The largest object, in bytes.
pub(super) const OBJECT_MAX: usize = 8 * 1024 * 1024;

/// What all buckets of both regions hold together at most, in bytes.
pub(super) const TOTAL_MAX: usize = 2 * 1024 * 1024 * 1024;

/// Buckets in both regions.
pub(super) const BUCKETS_MAX: usize = 100;

/// An object as it was put; never changed afterwards.
#[derive(Debug)]
pub(super) struct Object {
    pub data: Bytes,
    pub etag: String,
    pub modified: OffsetDateTime,
    /// Headers that were put with it and come back with it: content type, user metadata, checksums.
    pub headers: Vec<(String, String)>,
    /// When it was put, on the clock of both regions.
    pub stamp: u64,
    /// Came from the other region, and so is not sent there.
    pub replica: bool,
}

/// What stands under a key.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    Object(Arc<Object>),
    /// Deleted, at this stamp: an older replica arriving late must not bring it back.
    Marker(u64),
}

impl Entry {
    pub(super) fn stamp(&self) -> u64 {
        match self {
            Self::Object(object) => object.stamp,
            Self::Marker(stamp) => *stamp,
        }
    }

    pub(super) fn object(&self) -> Option<&Arc<Object>> {
        match self {
            Self::Object(object) => Some(object),
            Self::Marker(_) => None,
        }
    }
}

/// One bucket.
pub(super) struct Bucket {
    pub site: usize,
    pub created: OffsetDateTime,
    pub entries: RwLock<BTreeMap<String, Entry>>,
    /// The settings as they were put, in XML.
    pub settings: RwLock<HashMap<Setting, Bytes>>,
    /// Where copies go, read from the settings once for all puts.
    pub replication: RwLock<Option<Replication>>,
}

/// All buckets: their names are unique over the regions.
#[derive(Default)]
pub(super) struct Store {
    pub buckets: RwLock<BTreeMap<String, Arc<Bucket>>>,
    clock: AtomicU64,
    total: AtomicUsize,
}

/// Why an object was not stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PutRefused {
    Exists,
    StoreFull,
}

impl Store {
    pub(super) fn stamp(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn bucket(&self, name: &str) -> Option<Arc<Bucket>> {
        self.buckets.read().get(name).cloned()
    }

    /// Stores an object, all at once; with `only_new`, only where there is none.
    pub(super) fn put(
        &self,
        bucket: &Bucket,
        key: &str,
        object: Object,
        only_new: bool,
    ) -> Result<Arc<Object>, PutRefused> {
        let size = object.data.len();
        if self.total.load(Ordering::Relaxed) + size > TOTAL_MAX {
            return Err(PutRefused::StoreFull);
        }
        let mut entries = bucket.entries.write();
        if only_new && entries.get(key).and_then(Entry::object).is_some() {
            return Err(PutRefused::Exists);
        }
        let object = Arc::new(object);
        let before = entries.insert(key.to_owned(), Entry::Object(Arc::clone(&object)));
        self.account(before.as_ref(), size);
        Ok(object)
    }

    /// Puts what came from the other region, unless something later is there.
    pub(super) fn arrive(&self, bucket: &Bucket, key: &str, entry: Entry) {
        let mut entries = bucket.entries.write();
        if entries.get(key).is_some_and(|here| here.stamp() >= entry.stamp()) {
            return;
        }
        let size = entry.object().map_or(0, |object| object.data.len());
        let before = entries.insert(key.to_owned(), entry);
        self.account(before.as_ref(), size);
    }

    /// Deletes; returns the marker's stamp.
    pub(super) fn delete(&self, bucket: &Bucket, key: &str) -> u64 {
        let mut entries = bucket.entries.write();
        let stamp = self.stamp();
        // Only where copies come from elsewhere can one arrive late.
        let before = if bucket.replication.read().is_some() {
            entries.insert(key.to_owned(), Entry::Marker(stamp))
        } else {
            entries.remove(key)
        };
        self.account(before.as_ref(), 0);
        stamp
    }

    fn account(&self, before: Option<&Entry>, size: usize) {
        let freed = before.and_then(Entry::object).map_or(0, |object| object.data.len());
        self.total.fetch_add(size, Ordering::Relaxed);
        self.total.fetch_sub(freed, Ordering::Relaxed);
    }
}
