//! The message on the wire. It carries the five fields of the older service's event
//! (`id`, `product`, `amount`, `sale_processed`, `timestamp`), so that either worker reads either's messages, and
//! beside them what the older one did not know.

use serde_json::value::RawValue;

use super::{Amount, InvalidAmount, InvalidProduct, InvalidSaleId, Product, Sale, SaleId};
use crate::clock::{InvalidTimestamp, Timestamp};
use crate::region::{InvalidRegion, Region, Sites};
use crate::trace::TraceParent;

/// The version of the event that this release writes, and the newest that it reads.
pub const EVENT_VERSION: u32 = 1;

/// A sale on its way to the workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaleEvent {
    /// The sale, whole.
    pub sale: Sale,
    /// The request that made it. It travels in the body, because raw SNS delivery in emulators refuses attributes.
    pub traceparent: Option<TraceParent>,
    /// Whether the older service wrote it. Its sales have no place in the outbox, and may have no row.
    pub of_older_service: bool,
}

/// Why a message is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// Not JSON, or not an object with the fields.
    #[error("not an event: {0}")]
    Json(String),
    /// Written by a later release than this one.
    #[error("event version {0} is newer than this release reads")]
    NewerVersion(u32),
    /// Its id is none.
    #[error(transparent)]
    Id(#[from] InvalidSaleId),
    /// Its product is none.
    #[error(transparent)]
    Product(#[from] InvalidProduct),
    /// Its amount is none.
    #[error(transparent)]
    Amount(#[from] InvalidAmount),
    /// Its time of creation is none.
    #[error("created_at: {0}")]
    CreatedAt(#[from] InvalidTimestamp),
    /// Its owner is no region.
    #[error("owner_region: {0}")]
    Owner(#[from] InvalidRegion),
}

#[derive(serde::Serialize, serde::Deserialize)]
struct EventJson {
    #[serde(default)]
    version: u32,
    id: String,
    product: String,
    amount: Box<RawValue>,
    #[serde(default)]
    sale_processed: bool,
    timestamp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner_region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
}

impl SaleEvent {
    /// Writes the message's body.
    pub fn to_json(&self) -> String {
        let json = EventJson {
            version: EVENT_VERSION,
            id: self.sale.id.to_string(),
            product: self.sale.product.as_str().to_owned(),
            amount: self.sale.amount.to_json(),
            sale_processed: false,
            timestamp: self.sale.created_at.seconds(),
            created_at: Some(self.sale.created_at.to_string()),
            owner_region: Some(self.sale.owner_region.to_string()),
            traceparent: self.traceparent.as_ref().map(TraceParent::to_string),
        };
        serde_json::to_string(&json).unwrap_or_default()
    }

    /// Reads a message's body. An event of the older service names no owner; both regions then agree on
    /// [`Sites::first`].
    ///
    /// # Errors
    /// [`InvalidEvent`]. All but [`InvalidEvent::NewerVersion`] are final: no later try can read the message.
    pub fn parse(body: &str, sites: &Sites) -> Result<Self, InvalidEvent> {
        let json: EventJson = serde_json::from_str(body).map_err(|e| InvalidEvent::Json(e.to_string()))?;
        if json.version > EVENT_VERSION {
            return Err(InvalidEvent::NewerVersion(json.version));
        }
        let older_service = json.version == 0;
        let amount = if older_service {
            Amount::from_float_json(&json.amount)?
        } else {
            Amount::from_json(&json.amount)?
        };
        let created_at = match json.created_at {
            Some(text) => Timestamp::parse(&text)?,
            None => Timestamp::from_seconds(json.timestamp),
        };
        let owner_region = match json.owner_region {
            Some(name) => Region::parse(&name)?,
            None => sites.first().clone(),
        };
        let sale = Sale {
            id: SaleId::parse(&json.id)?,
            product: Product::parse(&json.product)?,
            amount,
            created_at,
            owner_region,
        };
        let traceparent = json.traceparent.as_deref().and_then(TraceParent::parse);
        Ok(Self { sale, traceparent, of_older_service: older_service })
    }
}
