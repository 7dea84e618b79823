//! DynamoDB items, read and written by attribute.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::clock::Timestamp;
use crate::region::Region;
use crate::sale::{Amount, Product, Sale, SaleId};

/// An item as the SDK has it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// A text.
pub(super) fn s(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// A number.
pub(super) fn n(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The text under a name.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// The number under a name. The older service wrote some numbers as texts.
pub(super) fn number(item: &Item, name: &str) -> Option<String> {
    let value = item.get(name)?;
    value.as_n().or_else(|_| value.as_s()).ok().cloned()
}

/// The whole number under a name.
pub(super) fn integer<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    number(item, name)?.parse().ok()
}

/// Whether a flag is set.
pub(super) fn flag(item: &Item, name: &str) -> bool {
    matches!(item.get(name), Some(AttributeValue::Bool(true)))
}

/// The sale in an item of either table. `None` where an attribute is missing or malformed. A row of the older service
/// has no `created_at` but seconds in `timestamp`, and no owner.
pub(super) fn sale(item: &Item, default_owner: &Region) -> Option<Sale> {
    let created_at = match text(item, "created_at") {
        Some(text) => Timestamp::parse(text).ok()?,
        None => Timestamp::from_seconds(integer(item, "timestamp").unwrap_or(0)),
    };
    Some(Sale {
        id: SaleId::parse(text(item, "id")?).ok()?,
        product: Product::parse(text(item, "product")?).ok()?,
        amount: amount(item)?,
        created_at,
        owner_region: match text(item, "owner_region") {
            Some(name) => Region::parse(name).ok()?,
            None => default_owner.clone(),
        },
    })
}

fn amount(item: &Item) -> Option<Amount> {
    let number = number(item, "amount")?;
    let older_service = !item.contains_key("owner_region");
    if older_service {
        let json = serde_json::value::RawValue::from_string(number).ok()?;
        return Amount::from_float_json(&json).ok();
    }
    Amount::parse(&number).ok()
}
