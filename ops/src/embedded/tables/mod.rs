//! DynamoDB in two regions: global tables, eventual or strong.

mod condition;
mod global;
mod index;
mod page;
mod replica;
mod walk;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use rustack_dynamodb_http::body::DynamoDBResponseBody;
use rustack_dynamodb_http::response::{error_to_response, json_response};
use rustack_dynamodb_model::error::DynamoDBError;
use rustack_dynamodb_model::input::{QueryInput, ScanInput};
use rustack_dynamodb_model::operations::DynamoDBOperation as Operation;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::TableConsistency;
use super::answer::{Answer, request_id};
use super::links::{Cargo, Links};
use global::Presences;
use replica::{Change, Outbound, Replica, WriteClock};

/// The tables of both regions.
pub(super) struct Tables {
    regions: [String; 2],
    consistency: TableConsistency,
    replicas: [Arc<Replica>; 2],
    presences: Presences,
}

type Json = Result<Vec<u8>, DynamoDBError>;

impl Tables {
    /// Starts empty, with the roads between the two regions open.
    pub(super) fn start(
        regions: &[String; 2],
        consistency: TableConsistency,
        links: &Arc<Links>,
        stop: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let clock = Arc::new(WriteClock::default());
        let replicas = match consistency {
            TableConsistency::Strong => {
                let one = Arc::new(Replica::new(&regions[0], clock, None));
                [Arc::clone(&one), one]
            }
            TableConsistency::Eventual => {
                let (first_road, first_changes) = road();
                let (second_road, second_changes) = road();
                let waiting = [Arc::clone(&first_road.waiting), Arc::clone(&second_road.waiting)];
                let replicas = [
                    Arc::new(Replica::new(&regions[0], Arc::clone(&clock), Some(first_road))),
                    Arc::new(Replica::new(&regions[1], clock, Some(second_road))),
                ];
                let [from_first, from_second] = waiting;
                let to_second =
                    travel(first_changes, Arc::clone(&replicas[1]), Arc::clone(links), from_first);
                let to_first =
                    travel(second_changes, Arc::clone(&replicas[0]), Arc::clone(links), from_second);
                tasks.spawn(until_stopped(stop.clone(), to_second));
                tasks.spawn(until_stopped(stop.clone(), to_first));
                replicas
            }
        };
        Self { regions: regions.clone(), consistency, replicas, presences: Presences::default() }
    }

    /// Carries out one call. Nothing here waits, so a call that has begun is finished.
    pub(super) fn handle(&self, site: usize, operation: &str, body: &Bytes) -> Answer {
        let result = match Operation::from_name(operation) {
            Some(operation) => self.dispatch(site, operation, body),
            None => Err(DynamoDBError::unknown_operation(operation)),
        };
        let response = match result {
            Ok(json) => json_response(json, &request_id()),
            Err(error) => error_to_response(&error, &request_id()),
        };
        response.map(|body| match body {
            DynamoDBResponseBody::Buffered(body) => body,
            DynamoDBResponseBody::Empty => Default::default(),
        })
    }

    fn dispatch(&self, site: usize, operation: Operation, body: &[u8]) -> Json {
        let replica = &self.replicas[site];
        let engine = &replica.engine;
        match operation {
            Operation::PutItem => replica.write(|engine| json(&engine.handle_put_item(read(body)?)?)),
            Operation::UpdateItem => replica.write(|engine| json(&engine.handle_update_item(read(body)?)?)),
            Operation::DeleteItem => replica.write(|engine| json(&engine.handle_delete_item(read(body)?)?)),
            Operation::BatchWriteItem => {
                replica.write(|engine| json(&engine.handle_batch_write_item(read(body)?)?))
            }
            Operation::TransactWriteItems => {
                replica.write(|engine| json(&engine.handle_transact_write_items(read(body)?)?))
            }
            Operation::GetItem => json(&engine.handle_get_item(read(body)?)?),
            Operation::BatchGetItem => json(&engine.handle_batch_get_item(read(body)?)?),
            Operation::TransactGetItems => json(&engine.handle_transact_get_items(read(body)?)?),
            Operation::Query => Self::query(replica, read(body)?),
            Operation::Scan => Self::scan(replica, read(body)?),
            Operation::CreateTable => self.create_table(site, read(body)?),
            Operation::UpdateTable => self.update_table(site, read(body)?),
            Operation::DeleteTable => self.delete_table(site, read(body)?),
            Operation::DescribeTable => self.describe_table(site, read(body)?),
            Operation::UpdateTimeToLive => self.update_time_to_live(site, body),
            Operation::DescribeTimeToLive => json(&engine.handle_describe_time_to_live(read(body)?)?),
            Operation::DescribeContinuousBackups => {
                json(&engine.handle_describe_continuous_backups(read(body)?)?)
            }
            Operation::UpdateContinuousBackups => {
                json(&engine.handle_update_continuous_backups(read(body)?)?)
            }
            Operation::ListTables => json(&engine.handle_list_tables(read(body)?)?),
            Operation::TagResource => json(&engine.handle_tag_resource(read(body)?)?),
            Operation::UntagResource => json(&engine.handle_untag_resource(read(body)?)?),
            Operation::ListTagsOfResource => json(&engine.handle_list_tags_of_resource(read(body)?)?),
            Operation::DescribeLimits => json(&engine.handle_describe_limits(read(body)?)?),
            Operation::DescribeEndpoints => json(&engine.handle_describe_endpoints(read(body)?)?),
        }
    }

    fn query(replica: &Replica, input: QueryInput) -> Json {
        match input.index_name.clone() {
            Some(index) => json(&walk::query_index(replica, &input, &index)?),
            None => json(&replica.engine.handle_query(input)?),
        }
    }

    fn scan(replica: &Replica, input: ScanInput) -> Json {
        // What only very old clients ask for is left to the engine, slow as it is.
        let legacy = !input.scan_filter.is_empty() || input.attributes_to_get.is_some();
        if legacy || input.index_name.is_some() {
            return json(&replica.engine.handle_scan(input)?);
        }
        json(&walk::scan(replica, &input)?)
    }
}

fn road() -> (Outbound, mpsc::UnboundedReceiver<Change>) {
    let (way, changes) = mpsc::unbounded_channel();
    (Outbound { way, waiting: Arc::new(AtomicUsize::new(0)) }, changes)
}

/// Brings writes to the other region, in their order, each when its lag is over.
async fn travel(
    mut changes: mpsc::UnboundedReceiver<Change>,
    to: Arc<Replica>,
    links: Arc<Links>,
    waiting: Arc<AtomicUsize>,
) {
    while let Some(change) = changes.recv().await {
        links.arrival(Cargo::Item, change.written).await;
        if let Err(error) = to.arrive(change) {
            tracing::error!(%error, "a replicated write was refused");
        }
        waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn until_stopped(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynamoDBError> {
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        if text.contains("missing field") || text.contains("unknown variant") {
            DynamoDBError::validation(format!("1 validation error detected: {text}"))
        } else {
            DynamoDBError::serialization_exception(text)
        }
    })
}

fn json<T: Serialize>(output: &T) -> Json {
    serde_json::to_vec(output).map_err(|error| DynamoDBError::internal_error(error.to_string()))
}
