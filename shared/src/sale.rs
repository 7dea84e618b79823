//! A sale: what a client asked for, as types that cannot be wrong.

pub mod amount;
pub mod event;

use std::fmt;

use serde_json::value::RawValue;
use uuid::{Builder, Uuid};

use crate::clock::Timestamp;
use crate::random::Random;
use crate::region::Region;
pub use amount::{Amount, InvalidAmount};

/// Longest product name, in characters after trimming.
pub const PRODUCT_MAX_CHARS: usize = 200;

/// Longest `Idempotency-Key`, in characters.
pub const IDEMPOTENCY_KEY_MAX_CHARS: usize = 255;

/// Namespace of the ids made from an `Idempotency-Key` (UUIDv5, RFC 9562). It must never change: the same
/// key gives the same sale in every region and in every release.
const KEY_NAMESPACE: Uuid = Uuid::from_u128(0x5f0c_6c1e_9d1b_4a55_8e0b_3c1d_7a2f_9e64);

/// A sale's id: a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SaleId(Uuid);

/// A text that is no sale id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a sale id: a UUID is expected, like 0199c5a0-6f1e-7c3a-9b1d-0c2f4e6a8b10")]
pub struct InvalidSaleId;

impl SaleId {
    /// A new id that sorts by time (UUIDv7).
    pub fn generate(now: Timestamp, random: &Random) -> Self {
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        Self(Builder::from_unix_timestamp_millis(millis, &random.bytes10()).into_uuid())
    }

    /// The id that belongs to an idempotency key (UUIDv5), the same wherever and whenever it is asked for.
    pub fn from_key(key: &IdempotencyKey) -> Self {
        Self(Uuid::new_v5(&KEY_NAMESPACE, key.0.as_bytes()))
    }

    /// Whether the id came from an idempotency key. Two regions may accept such a sale at once, so their
    /// claims have to meet at one authority: see [`crate::region::Sites::authority`].
    pub fn is_keyed(self) -> bool {
        self.0.get_version_num() == 5
    }

    /// Reads any of the forms of a UUID.
    ///
    /// # Errors
    /// [`InvalidSaleId`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidSaleId> {
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidSaleId)
    }

    /// A number spread evenly over ids, for choosing a shard.
    pub fn spread(self) -> u64 {
        self.0.as_u64_pair().1
    }
}

impl fmt::Display for SaleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// What a client sent as `Idempotency-Key`: a string of RFC 8941 (quoted), as the IETF draft wants it, or a
/// bare token, as most clients send it. Both spellings of one key are the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// A key that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Idempotency-Key must be 1 to {IDEMPOTENCY_KEY_MAX_CHARS} printable ASCII characters, either quoted or without spaces, quotes and commas"
)]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// Reads the header's value.
    ///
    /// # Errors
    /// [`InvalidIdempotencyKey`] when it is empty, too long, unbalanced in its quotes or not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidIdempotencyKey> {
        let text = text.trim_matches([' ', '\t']);
        let key = match text.strip_prefix('"') {
            Some(rest) => unquote(rest.strip_suffix('"').ok_or(InvalidIdempotencyKey)?)?,
            None if text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b'\\')) => {
                text.to_owned()
            }
            None => return Err(InvalidIdempotencyKey),
        };
        let length_ok = (1..=IDEMPOTENCY_KEY_MAX_CHARS).contains(&key.len());
        if length_ok { Ok(Self(key)) } else { Err(InvalidIdempotencyKey) }
    }
}

/// The inside of an RFC 8941 string: printable ASCII, with `\"` and `\\` as the only escapes.
fn unquote(inside: &str) -> Result<String, InvalidIdempotencyKey> {
    let mut key = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => chars.next().filter(|c| matches!(c, '"' | '\\')).ok_or(InvalidIdempotencyKey)?,
            '"' => return Err(InvalidIdempotencyKey),
            ' '..='~' => c,
            _ => return Err(InvalidIdempotencyKey),
        };
        key.push(c);
    }
    Ok(key)
}

/// The name of what was sold: 1 to [`PRODUCT_MAX_CHARS`] characters, without space around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product(String);

/// A product name that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("product must have 1 to {PRODUCT_MAX_CHARS} characters after trimming and no control characters")]
pub struct InvalidProduct;

impl Product {
    /// Trims and checks.
    ///
    /// # Errors
    /// [`InvalidProduct`] when nothing is left, too much is, or it holds a control character.
    pub fn parse(text: &str) -> Result<Self, InvalidProduct> {
        let text = text.trim();
        let length_ok = (1..=PRODUCT_MAX_CHARS).contains(&text.chars().count());
        if length_ok && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidProduct)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a client wants to sell, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSale {
    /// What is sold.
    pub product: Product,
    /// For how much.
    pub amount: Amount,
}

/// Why a request is no new sale. The field's name, where there is one, is what the client wrote it under.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNewSale {
    /// The body is not a JSON object.
    #[error("the body must be a JSON object like {{\"product\":\"Book\",\"amount\":223.34}}: {0}")]
    Json(String),
    /// A field that must be there is not, or is null.
    #[error("{0} is required")]
    Missing(&'static str),
    /// The product is not a text, or not one that can be taken.
    #[error("{0}")]
    Product(InvalidProduct),
    /// The amount is not one that can be taken.
    #[error("{0}")]
    Amount(InvalidAmount),
}

impl InvalidNewSale {
    /// The field at fault.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            InvalidNewSale::Json(_) => None,
            InvalidNewSale::Missing(field) => Some(field),
            InvalidNewSale::Product(_) => Some("product"),
            InvalidNewSale::Amount(_) => Some("amount"),
        }
    }
}

#[derive(serde::Deserialize)]
struct NewSaleJson<'a> {
    #[serde(borrow)]
    product: Option<&'a RawValue>,
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
}

impl NewSale {
    /// Reads a request's body. Unknown fields are ignored.
    ///
    /// # Errors
    /// [`InvalidNewSale`], the first fault found.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidNewSale> {
        let json: NewSaleJson<'_> =
            serde_json::from_slice(body).map_err(|e| InvalidNewSale::Json(e.to_string()))?;
        let product = json.product.ok_or(InvalidNewSale::Missing("product"))?;
        let amount = json.amount.ok_or(InvalidNewSale::Missing("amount"))?;
        let product: String =
            serde_json::from_str(product.get()).map_err(|_| InvalidNewSale::Product(InvalidProduct))?;
        Ok(Self {
            product: Product::parse(&product).map_err(InvalidNewSale::Product)?,
            amount: Amount::from_json(amount).map_err(InvalidNewSale::Amount)?,
        })
    }
}

/// A sale that was accepted. Nothing in it changes afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    /// Its id.
    pub id: SaleId,
    /// What is sold.
    pub product: Product,
    /// For how much.
    pub amount: Amount,
    /// When the api took it.
    pub created_at: Timestamp,
    /// The region that should process it.
    pub owner_region: Region,
}

#[derive(serde::Serialize)]
struct ArchiveJson<'a> {
    id: String,
    product: &'a str,
    amount: Box<RawValue>,
    created_at: String,
}

impl Sale {
    /// Whether a client asked for the same thing.
    pub fn has_payload(&self, new: &NewSale) -> bool {
        self.product == new.product && self.amount == new.amount
    }

    /// Key of the archive object: the day is the sale's own, never today's, so that every run writes the same key.
    pub fn archive_key(&self) -> String {
        format!("sales/{}/{}.json", self.created_at.date_path(), self.id)
    }

    /// Body of the archive object: only what was fixed when the sale was made, so that every run writes the
    /// same bytes.
    pub fn archive_body(&self) -> Vec<u8> {
        let json = ArchiveJson {
            id: self.id.to_string(),
            product: self.product.as_str(),
            amount: self.amount.to_json(),
            created_at: self.created_at.to_string(),
        };
        serde_json::to_vec(&json).unwrap_or_default()
    }
}

/// A row of the sales table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSale {
    /// What was accepted.
    pub sale: Sale,
    /// How far it has come.
    pub progress: Progress,
}

/// How far a sale has come, as its row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Accepted, and in the outbox.
    Waiting,
    /// Its effects ran.
    Processed {
        /// When they did.
        at: Timestamp,
    },
    /// Given up, and in the dead-letter queue.
    Parked,
    /// Deleted by a client: a tombstone.
    Deleted,
}

#[cfg(test)]
mod tests;
