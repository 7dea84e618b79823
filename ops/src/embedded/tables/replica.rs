//! The tables of one region: the engine, and the one gate through which every write passes.
//!
//! The gate makes a write, its stamp and its place on the road to the other region one step, so that
//! writes of an item leave in the order they happened, and an arrival is compared with what is there
//! without anything in between.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use rustack_dynamodb_core::config::DynamoDBConfig;
use rustack_dynamodb_core::provider::RustackDynamoDB;
use rustack_dynamodb_core::stream::{ChangeEvent, StreamEmitter};
use rustack_dynamodb_model::error::{DynamoDBError, DynamoDBErrorCode};
use rustack_dynamodb_model::input::{DeleteItemInput, GetItemInput, PutItemInput};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::index::{Item, ItemKey, KeyNames, Stamp, TableIndex};

/// Writes that may wait for the other region. At two kilobytes each that is 4 GB; writing is throttled from there on.
pub(super) const BACKLOG_MAX: usize = 2_000_000;

/// The clock all writes of both regions are stamped by: strictly rising.
#[derive(Debug, Default)]
pub(super) struct WriteClock(AtomicU64);

impl WriteClock {
    fn next(&self) -> Stamp {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// A write on its way to the other region.
pub(super) struct Change {
    pub table: String,
    pub key: ItemKey,
    /// The item as written; none when it was deleted.
    pub image: Option<Item>,
    pub stamp: Stamp,
    pub written: Instant,
}

/// The way to the other region.
pub(super) struct Outbound {
    pub way: mpsc::UnboundedSender<Change>,
    pub waiting: Arc<AtomicUsize>,
}

/// Collects what the engine says it wrote, for the gate to pick up.
#[derive(Default)]
struct Written(Mutex<Vec<ChangeEvent>>);

impl StreamEmitter for Written {
    fn emit(&self, event: ChangeEvent) {
        self.0.lock().push(event);
    }
}

/// The tables of one region, or of both when they are strongly consistent.
pub(super) struct Replica {
    pub engine: RustackDynamoDB,
    written: Arc<Written>,
    gate: Mutex<HashMap<String, TableIndex>>,
    clock: Arc<WriteClock>,
    outbound: Option<Outbound>,
}

impl Replica {
    pub(super) fn new(region: &str, clock: Arc<WriteClock>, outbound: Option<Outbound>) -> Self {
        let mut engine = RustackDynamoDB::new(DynamoDBConfig {
            skip_signature_validation: true,
            default_region: region.to_owned(),
        });
        let written = Arc::new(Written::default());
        engine.set_emitter(Arc::clone(&written) as Arc<dyn StreamEmitter>);
        Self { engine, written, gate: Mutex::default(), clock, outbound }
    }

    /// Writes made by a client: stamped, indexed and sent on their way.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&RustackDynamoDB) -> Result<T, DynamoDBError>,
    ) -> Result<T, DynamoDBError> {
        if self.outbound.as_ref().is_some_and(|road| road.waiting.load(Ordering::Relaxed) >= BACKLOG_MAX) {
            return Err(DynamoDBError::with_message(
                DynamoDBErrorCode::ProvisionedThroughputExceededException,
                "too many writes wait for the other region",
            ));
        }
        let mut tables = self.gate.lock();
        let result = work(&self.engine);
        for event in self.take_written() {
            if let Some(table) = tables.get_mut(&event.table_name) {
                let stamp = self.clock.next();
                let key = table.note(&event, stamp);
                if let Some(key) = key
                    && table.replicated
                {
                    self.send(event.table_name, key, event.new_image, stamp);
                }
            }
        }
        result
    }

    /// A write of the other region arrives: it holds when it is the later one.
    pub(super) fn arrive(&self, change: Change) -> Result<(), DynamoDBError> {
        let mut tables = self.gate.lock();
        let Some(table) = tables.get_mut(&change.table) else {
            return Ok(());
        };
        if table.stamp(&change.key).is_some_and(|here| here >= change.stamp) {
            return Ok(());
        }
        match change.image {
            Some(item) => {
                let put = PutItemInput { table_name: change.table, item, ..Default::default() };
                self.engine.handle_put_item(put)?;
            }
            None => {
                let mut key = Item::new();
                table.keys.write(&change.key, &mut key);
                let delete = DeleteItemInput { table_name: change.table, key, ..Default::default() };
                self.engine.handle_delete_item(delete)?;
                table.trace_deleted(change.key, change.stamp);
            }
        }
        for event in self.take_written() {
            table.note(&event, change.stamp);
        }
        Ok(())
    }

    /// Looks at, or changes, what is known of a table.
    pub(super) fn with_table<T>(&self, name: &str, look: impl FnOnce(&mut TableIndex) -> T) -> Option<T> {
        self.gate.lock().get_mut(name).map(look)
    }

    pub(super) fn add_table(&self, name: &str, index: TableIndex) {
        self.gate.lock().insert(name.to_owned(), index);
    }

    pub(super) fn drop_table(&self, name: &str) {
        self.gate.lock().remove(name);
    }

    /// Marks a table as replicated and sends everything in it on its way.
    pub(super) fn send_everything(&self, name: &str) {
        let mut tables = self.gate.lock();
        let Some(table) = tables.get_mut(name) else {
            return;
        };
        table.replicated = true;
        let keys: Vec<_> = table.live_after(None).map(|(key, stamp)| (key.clone(), stamp)).collect();
        for (key, stamp) in keys {
            if let Ok(Some(item)) = self.read(name, &table.keys, &key) {
                self.send(name.to_owned(), key, Some(item), stamp);
            }
        }
    }

    /// Reads one item by its key.
    pub(super) fn read(
        &self,
        table: &str,
        names: &KeyNames,
        key: &ItemKey,
    ) -> Result<Option<Item>, DynamoDBError> {
        let mut wanted = Item::new();
        names.write(key, &mut wanted);
        let get = GetItemInput { table_name: table.to_owned(), key: wanted, ..Default::default() };
        Ok(self.engine.handle_get_item(get)?.item)
    }

    fn take_written(&self) -> Vec<ChangeEvent> {
        std::mem::take(&mut *self.written.0.lock())
    }

    fn send(&self, table: String, key: ItemKey, image: Option<Item>, stamp: Stamp) {
        if let Some(outbound) = &self.outbound {
            let change = Change { table, key, image, stamp, written: Instant::now() };
            outbound.waiting.fetch_add(1, Ordering::Relaxed);
            // Nobody listens once the embedded AWS stops, and then nothing needs to arrive.
            let _ = outbound.way.send(change);
        }
    }
}
