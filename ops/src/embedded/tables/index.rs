//! What is known of each table beside its items: the order of its keys, its secondary indexes, and when
//! each item was last written.
//!
//! The engine below keeps the items, but it answers a query of a secondary index, and each page of a scan,
//! by walking and sorting the whole table. With these the cost is that of what is asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use rustack_dynamodb_core::storage::SortableAttributeValue;
use rustack_dynamodb_core::stream::ChangeEvent;
use rustack_dynamodb_model::AttributeValue;
use rustack_dynamodb_model::input::CreateTableInput;
use rustack_dynamodb_model::types::{KeySchemaElement, KeyType, ProjectionType};

/// An item as the engine has it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Deleted keys remembered for a table, so that an older write arriving late does not bring an item back.
/// By far more than can be on the road at one time in a test.
const TOMBSTONES_MAX: usize = 200_000;

/// When an item was written: later is greater, over both regions, and no two are equal.
pub(super) type Stamp = u64;

/// The names of the attributes that make a key.
#[derive(Debug, Clone)]
pub(super) struct KeyNames {
    pub hash: String,
    pub range: Option<String>,
}

impl KeyNames {
    fn of(schema: &[KeySchemaElement]) -> Option<Self> {
        let named = |kind: KeyType| {
            schema
                .iter()
                .find(|element| element.key_type == kind)
                .map(|element| element.attribute_name.clone())
        };
        Some(Self { hash: named(KeyType::Hash)?, range: named(KeyType::Range) })
    }

    /// The key of an item; none when an attribute is absent, as in a sparse index.
    pub(super) fn read(&self, item: &Item) -> Option<ItemKey> {
        let hash = sortable(item.get(&self.hash)?)?;
        let range = match &self.range {
            Some(name) => sortable(item.get(name)?)?,
            None => SortableAttributeValue::Sentinel,
        };
        Some(ItemKey { hash, range })
    }

    /// Writes the attributes of a key into an item.
    pub(super) fn write(&self, key: &ItemKey, item: &mut Item) {
        if let Some(value) = key.hash.to_attribute_value() {
            item.insert(self.hash.clone(), value);
        }
        if let (Some(name), Some(value)) = (&self.range, key.range.to_attribute_value()) {
            item.insert(name.clone(), value);
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.hash == name || self.range.as_deref() == Some(name)
    }
}

/// A value that can stand in a key.
pub(super) fn sortable(value: &AttributeValue) -> Option<SortableAttributeValue> {
    SortableAttributeValue::from_attribute_value("", value).ok()
}

/// The key of an item, in a table or in an index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ItemKey {
    pub hash: SortableAttributeValue,
    pub range: SortableAttributeValue,
}

/// A global secondary index.
pub(super) struct SecondaryIndex {
    pub keys: KeyNames,
    /// `None` when whole items are projected.
    pub projected: Option<Vec<String>>,
    /// Key in the index, then key in the table: the order a query walks.
    pub entries: BTreeSet<(ItemKey, ItemKey)>,
}

/// When a key was last written, and whether there is an item.
#[derive(Debug, Clone, Copy)]
struct Trace {
    stamp: Stamp,
    live: bool,
}

/// One table of one region.
pub(super) struct TableIndex {
    pub keys: KeyNames,
    pub secondary: HashMap<String, SecondaryIndex>,
    /// Set once the table has a replica in the other region.
    pub replicated: bool,
    traces: BTreeMap<ItemKey, Trace>,
    tombstones: VecDeque<(ItemKey, Stamp)>,
}

impl TableIndex {
    /// The empty index of a new table. None when the definition has no hash key: the engine refuses such a table.
    pub(super) fn new(definition: &CreateTableInput) -> Option<Self> {
        let mut secondary = HashMap::new();
        for index in &definition.global_secondary_indexes {
            let projected = match index.projection.projection_type {
                Some(ProjectionType::KeysOnly) => Some(Vec::new()),
                Some(ProjectionType::Include) => Some(index.projection.non_key_attributes.clone()),
                Some(ProjectionType::All) | None => None,
            };
            let keys = KeyNames::of(&index.key_schema)?;
            secondary.insert(
                index.index_name.clone(),
                SecondaryIndex { keys, projected, entries: BTreeSet::new() },
            );
        }
        Some(Self {
            keys: KeyNames::of(&definition.key_schema)?,
            secondary,
            replicated: false,
            traces: BTreeMap::new(),
            tombstones: VecDeque::new(),
        })
    }

    /// Notes a write. Returns the key, unless the item has none.
    pub(super) fn note(&mut self, event: &ChangeEvent, stamp: Stamp) -> Option<ItemKey> {
        let key = self.keys.read(&event.keys)?;
        for index in self.secondary.values_mut() {
            let old = event.old_image.as_ref().and_then(|item| index.keys.read(item));
            let new = event.new_image.as_ref().and_then(|item| index.keys.read(item));
            if old == new {
                continue;
            }
            if let Some(old) = old {
                index.entries.remove(&(old, key.clone()));
            }
            if let Some(new) = new {
                index.entries.insert((new, key.clone()));
            }
        }
        self.trace(key.clone(), stamp, event.new_image.is_some());
        Some(key)
    }

    /// Notes that a key is known to be gone, also when there was no item.
    pub(super) fn trace_deleted(&mut self, key: ItemKey, stamp: Stamp) {
        self.trace(key, stamp, false);
    }

    fn trace(&mut self, key: ItemKey, stamp: Stamp, live: bool) {
        if !live {
            self.tombstones.push_back((key.clone(), stamp));
        }
        self.traces.insert(key, Trace { stamp, live });
        while self.tombstones.len() > TOMBSTONES_MAX {
            if let Some((old, at)) = self.tombstones.pop_front()
                && self.traces.get(&old).is_some_and(|trace| trace.stamp == at)
            {
                self.traces.remove(&old);
            }
        }
    }

    /// When a key was last written here.
    pub(super) fn stamp(&self, key: &ItemKey) -> Option<Stamp> {
        self.traces.get(key).map(|trace| trace.stamp)
    }

    /// The keys of the items after one key, in order.
    pub(super) fn live_after<'a>(
        &'a self,
        after: Option<&ItemKey>,
    ) -> impl Iterator<Item = (&'a ItemKey, Stamp)> {
        let from = match after {
            Some(key) => std::ops::Bound::Excluded(key.clone()),
            None => std::ops::Bound::Unbounded,
        };
        self.traces
            .range((from, std::ops::Bound::Unbounded))
            .filter(|(_, trace)| trace.live)
            .map(|(key, trace)| (key, trace.stamp))
    }
}
