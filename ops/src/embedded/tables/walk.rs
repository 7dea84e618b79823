//! Queries of a secondary index and scans, in pages, at the cost of the page.

use std::ops::Bound;

use rustack_dynamodb_core::storage::{SortableAttributeValue, calculate_item_size, partition_key_segment};
use rustack_dynamodb_model::error::DynamoDBError;
use rustack_dynamodb_model::input::{QueryInput, ScanInput};
use rustack_dynamodb_model::output::{QueryOutput, ScanOutput};
use rustack_dynamodb_model::types::Select;

use super::condition::{KeyCondition, key_condition};
use super::index::{Item, ItemKey, KeyNames, SecondaryIndex, TableIndex};
use super::page::{Asked, PAGE_MAX_BYTES, Page, Room, Shape};
use super::replica::Replica;

/// Keys taken from an index at one time, so that writers do not wait for a long walk.
const KEYS_AT_ONCE: usize = 256;

/// Where a walk stands: the key in the index (when it is one) and in the table.
#[derive(Clone)]
struct Place {
    index: Option<ItemKey>,
    table: ItemKey,
}

/// Queries a secondary index.
pub(super) fn query_index(
    replica: &Replica,
    input: &QueryInput,
    index: &str,
) -> Result<QueryOutput, DynamoDBError> {
    let condition = input
        .key_condition_expression
        .as_deref()
        .ok_or_else(|| DynamoDBError::validation("KeyConditionExpression is required to query an index"))?;
    let about = Shape::new(&Asked {
        condition: Some(condition),
        filter: input.filter_expression.as_deref(),
        projection: input.projection_expression.as_deref(),
        names: &input.expression_attribute_names,
        values: &input.expression_attribute_values,
        limit: input.limit,
        counts_only: input.select == Some(Select::Count),
    })?;
    let (shape, table_keys, keys) = with_index(replica, &input.table_name, index, about)?;
    let condition = key_condition(
        condition,
        &keys,
        &input.expression_attribute_names,
        &input.expression_attribute_values,
    )?;
    let forward = input.scan_index_forward.unwrap_or(true);
    let mut place = started(&input.exclusive_start_key, &table_keys, Some(&keys))?;
    let mut page = Page::default();
    loop {
        let places = replica
            .with_table(&input.table_name, |table| {
                table.secondary.get(index).map(|index| stretch(index, &condition, place.as_ref(), forward))
            })
            .flatten()
            .unwrap_or_default();
        let exhausted = places.len() < KEYS_AT_ONCE;
        let room = fill(replica, &input.table_name, (&table_keys, Some(&keys)), &places, &shape, &mut page)?;
        place = places.last().cloned();
        if exhausted || room == Room::Full {
            break;
        }
    }
    let (items, count, scanned_count, last_evaluated_key) = page.finish(&shape);
    Ok(QueryOutput { items, count, scanned_count, last_evaluated_key, consumed_capacity: None })
}

/// Scans a table, or the part of it that one of several parallel scans has.
pub(super) fn scan(replica: &Replica, input: &ScanInput) -> Result<ScanOutput, DynamoDBError> {
    let shape = Shape::new(&Asked {
        condition: None,
        filter: input.filter_expression.as_deref(),
        projection: input.projection_expression.as_deref(),
        names: &input.expression_attribute_names,
        values: &input.expression_attribute_values,
        limit: input.limit,
        counts_only: input.select == Some(Select::Count),
    })?;
    let keys = replica
        .with_table(&input.table_name, |table| table.keys.clone())
        .ok_or_else(|| no_table(&input.table_name))?;
    let mut place = started(&input.exclusive_start_key, &keys, None)?;
    let segment = segment(input)?;
    let mut page = Page::default();
    loop {
        let places: Vec<Place> = replica
            .with_table(&input.table_name, |table| after(table, place.as_ref()))
            .ok_or_else(|| no_table(&input.table_name))?;
        let exhausted = places.len() < KEYS_AT_ONCE;
        place = places.last().cloned();
        let mine: Vec<Place> = places.into_iter().filter(|place| in_segment(place, segment)).collect();
        let room = fill(replica, &input.table_name, (&keys, None), &mine, &shape, &mut page)?;
        if exhausted || room == Room::Full {
            break;
        }
    }
    let (items, count, scanned_count, last_evaluated_key) = page.finish(&shape);
    Ok(ScanOutput { items, count, scanned_count, last_evaluated_key, consumed_capacity: None })
}

fn after(table: &TableIndex, place: Option<&Place>) -> Vec<Place> {
    table
        .live_after(place.map(|place| &place.table))
        .take(KEYS_AT_ONCE)
        .map(|(key, _)| Place { index: None, table: key.clone() })
        .collect()
}

fn segment(input: &ScanInput) -> Result<Option<(u32, u32)>, DynamoDBError> {
    match (input.segment, input.total_segments) {
        (None, None) => Ok(None),
        (Some(segment), Some(total)) if (0..total).contains(&segment) => {
            Ok(u32::try_from(segment).ok().zip(u32::try_from(total).ok()))
        }
        _ => Err(DynamoDBError::validation(
            "Segment and TotalSegments go together, and Segment is the smaller",
        )),
    }
}

fn in_segment(place: &Place, segment: Option<(u32, u32)>) -> bool {
    let Some((mine, total)) = segment else {
        return true;
    };
    let hash = place.table.hash.to_attribute_value();
    hash.is_some_and(|hash| partition_key_segment(&hash, total) == mine)
}

/// The next places in the stretch, in the order asked for.
fn stretch(
    index: &SecondaryIndex,
    condition: &KeyCondition,
    after: Option<&Place>,
    forward: bool,
) -> Vec<Place> {
    let resumed = after.and_then(|place| Some((place.index.clone()?, place.table.clone())));
    // `Sentinel` sorts on its own: the bounds are found by looking at the hash, not by a greatest key.
    let entries = index.entries.iter();
    let in_partition = |entry: &&(ItemKey, ItemKey)| entry.0.hash == condition.hash;
    let holds = |entry: &&(ItemKey, ItemKey)| condition.stretch.holds(&entry.0.range);
    let place = |entry: &(ItemKey, ItemKey)| Place { index: Some(entry.0.clone()), table: entry.1.clone() };
    if forward {
        let from = match (resumed, condition.stretch.lowest()) {
            (Some(entry), _) => Bound::Excluded(entry),
            (None, lowest) => match first_entry(index, &condition.hash, lowest) {
                Some(entry) => Bound::Included(entry),
                None => return Vec::new(),
            },
        };
        return index
            .entries
            .range((from, Bound::Unbounded))
            .take_while(in_partition)
            .take_while(|entry| !condition.stretch.ends_before(&entry.0.range))
            .filter(holds)
            .take(KEYS_AT_ONCE)
            .map(place)
            .collect();
    }
    let backwards = entries.rev().filter(in_partition);
    backwards
        .filter(|entry| resumed.as_ref().is_none_or(|resumed| *entry < resumed))
        .filter(holds)
        .take(KEYS_AT_ONCE)
        .map(place)
        .collect()
}

/// The first entry of a partition, or of a stretch of it.
fn first_entry(
    index: &SecondaryIndex,
    hash: &SortableAttributeValue,
    lowest: Option<SortableAttributeValue>,
) -> Option<(ItemKey, ItemKey)> {
    // The empty string sorts first among strings, and so on for the other kinds of key.
    let least = |like: &SortableAttributeValue| match like {
        SortableAttributeValue::S(_) => SortableAttributeValue::S(String::new()),
        SortableAttributeValue::N(_) => {
            SortableAttributeValue::N("-9.9999999999999999999999999999999999999E+125".to_owned())
        }
        SortableAttributeValue::B(_) => SortableAttributeValue::B(bytes::Bytes::new()),
        SortableAttributeValue::Sentinel => SortableAttributeValue::Sentinel,
    };
    let sample = index.entries.first()?;
    let range = lowest.unwrap_or_else(|| least(&sample.0.range));
    let table = ItemKey { hash: least(&sample.1.hash), range: least(&sample.1.range) };
    Some((ItemKey { hash: hash.clone(), range }, table))
}

type IndexedShape<'a> = (Shape<'a>, KeyNames, KeyNames);

fn with_index<'a>(
    replica: &Replica,
    table: &str,
    index: &str,
    mut shape: Shape<'a>,
) -> Result<IndexedShape<'a>, DynamoDBError> {
    let found = replica
        .with_table(table, |table| {
            let index = table.secondary.get(index)?;
            Some((table.keys.clone(), index.keys.clone(), index.projected.clone()))
        })
        .ok_or_else(|| no_table(table))?;
    let (table_keys, keys, projected) = found.ok_or_else(|| {
        DynamoDBError::validation(format!("The table does not have the specified index: {index}"))
    })?;
    shape.projected = projected.map(|projected| (projected, keys.clone()));
    Ok((shape, table_keys, keys))
}

fn started(start: &Item, table: &KeyNames, index: Option<&KeyNames>) -> Result<Option<Place>, DynamoDBError> {
    if start.is_empty() {
        return Ok(None);
    }
    let wrong = || DynamoDBError::validation("The provided starting key is invalid");
    let place = Place {
        index: index.map(|names| names.read(start).ok_or_else(wrong)).transpose()?,
        table: table.read(start).ok_or_else(wrong)?,
    };
    Ok(Some(place))
}

fn fill(
    replica: &Replica,
    table: &str,
    (keys, index): (&KeyNames, Option<&KeyNames>),
    places: &[Place],
    shape: &Shape<'_>,
    page: &mut Page,
) -> Result<Room, DynamoDBError> {
    for place in places {
        // Gone since its key was read: as if the walk had come a moment later.
        let Some(item) = replica.read(table, keys, &place.table)? else {
            continue;
        };
        // The same for an item that has left the index, or moved in it, since.
        if index.is_some_and(|names| names.read(&item) != place.index) {
            continue;
        }
        page.evaluated += 1;
        page.bytes += calculate_item_size(&item);
        let full = page.evaluated >= shape.limit || page.bytes >= PAGE_MAX_BYTES;
        if full {
            let mut last = Item::new();
            keys.write(&place.table, &mut last);
            if let (Some(names), Some(key)) = (index, &place.index) {
                names.write(key, &mut last);
            }
            page.last = Some(last);
        }
        if let Some(item) = shape.apply(item, keys)? {
            page.items.push(item);
        }
        if full {
            return Ok(Room::Full);
        }
    }
    Ok(Room::More)
}

fn no_table(name: &str) -> DynamoDBError {
    DynamoDBError::resource_not_found(format!("Requested resource not found: Table: {name} not found"))
}
