//! What the AWS calls of a million sales cost by list price.
//!
//! Prices of us-east-1 in US dollars for a million, from the price pages of the services as of November 2025
//! (<https://aws.amazon.com/dynamodb/pricing/on-demand/>, <https://aws.amazon.com/sqs/pricing/>,
//! <https://aws.amazon.com/sns/pricing/>, <https://aws.amazon.com/s3/pricing/>). Look them up again before you plan with
//! them: they change, and sa-east-1 costs more.

use std::collections::BTreeMap;

/// When the prices were read.
pub(super) const AS_OF: &str = "2025-11";
/// DynamoDB on demand: a write unit (1 KB) at one replica.
const WRITE_UNIT: f64 = 0.625;
/// DynamoDB on demand: an eventually consistent read of up to 4 KB is half a read unit.
const EVENTUAL_READ: f64 = 0.125 / 2.0;
/// Keys in a `BatchGetItem` of a dry run, each a read.
const KEYS_PER_BATCH: f64 = 10.0;
/// SQS standard queue: a request.
const SQS_REQUEST: f64 = 0.40;
/// SNS: a publish. Delivery to SQS is free.
const SNS_PUBLISH: f64 = 0.50;
/// S3: a PUT.
const S3_PUT: f64 = 5.0;
/// Both regions store every row and object.
const REGIONS: f64 = 2.0;
/// A processed sale is updated three times: claim, mark, proof. The mark also takes an entry out of the outbox index,
/// which makes four units of three updates.
const UNITS_PER_UPDATE: f64 = 4.0 / 3.0;
/// The row and its index entry.
const UNITS_PER_INSERT: f64 = 2.0;

/// One line of the arithmetic.
pub(super) struct Line {
    pub operation: String,
    pub per_sale: f64,
    pub usd_per_million_calls: f64,
}

impl Line {
    pub(super) fn usd_per_million_sales(&self) -> f64 {
        self.per_sale * self.usd_per_million_calls
    }
}

/// The arithmetic, for calls by operation for one sale.
pub(super) fn lines(calls: &BTreeMap<String, f64>) -> Vec<Line> {
    let line = |(operation, per_sale): (&String, &f64)| Line {
        operation: operation.clone(),
        per_sale: *per_sale,
        usd_per_million_calls: price(operation),
    };
    calls.iter().map(line).collect()
}

fn price(operation: &str) -> f64 {
    match operation {
        "dynamodb UpdateItem" => WRITE_UNIT * UNITS_PER_UPDATE * REGIONS,
        "dynamodb PutItem" => WRITE_UNIT * UNITS_PER_INSERT * REGIONS,
        "dynamodb BatchGetItem" => EVENTUAL_READ * KEYS_PER_BATCH,
        // Replication writes the object a second time.
        "s3 PutObject" => S3_PUT * REGIONS,
        "sns Publish" => SNS_PUBLISH,
        other if other.starts_with("sqs ") => SQS_REQUEST,
        // Reading the state is free (standard parameters), and the reconciler's look at an empty index is once in seconds.
        _ => 0.0,
    }
}
