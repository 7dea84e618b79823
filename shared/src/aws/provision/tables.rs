//! The two global tables: made in the first region, replicated to the second.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalTableWitnessGroupMemberAction,
    CreateReplicationGroupMemberAction, GlobalSecondaryIndex, GlobalTableWitnessGroupUpdate,
    KeySchemaElement, KeyType, MultiRegionConsistency, Projection, ProjectionType, ReplicaStatus,
    ReplicationGroupUpdate, ScalarAttributeType, StreamSpecification, StreamViewType, TableDescription,
    TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};
use tokio::time::Instant;

use super::Plan;
use crate::aws::client::RegionClients;
use crate::aws::error::{malformed, port_error};
use crate::aws::names;
use crate::ports::{PortError, PortErrorKind, PortResult};
use crate::region::Region;

/// How long a table or a replica may take to come into being: AWS speaks of minutes for a replica.
const READY_WITHIN: Duration = Duration::from_secs(15 * 60);
/// Time between two looks at it.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(super) fn sales_name(plan: &Plan) -> String {
    plan.prefix.clone()
}

pub(super) fn idempotency_name(plan: &Plan) -> String {
    format!("{}-idempotency", plan.prefix)
}

pub(super) async fn provision(plan: &Plan, clients: &[RegionClients; 2]) -> PortResult<()> {
    let (home, other) = (clients[0].dynamodb(), clients[1].dynamodb());
    for (name, is_sales) in [(sales_name(plan), true), (idempotency_name(plan), false)] {
        let base = base(&home, &name)?;
        let create = if is_sales { with_outbox(base)? } else { base };
        if describe(&home, &name).await?.is_none() {
            create.send().await.map_err(port_error("CreateTable"))?;
        }
        ready(&home, &name, |table| table.table_status() == Some(&TableStatus::Active)).await?;
        replicate(plan, &home, &name).await?;
        ready(&other, &name, |table| table.table_status() == Some(&TableStatus::Active)).await?;
    }
    expire(&home, &idempotency_name(plan)).await
}

fn base(home: &Client, name: &str) -> PortResult<CreateTableFluentBuilder> {
    // Replication reads the stream.
    let stream =
        StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewAndOldImages);
    let stream = stream.build().map_err(|e| malformed("CreateTable", &e.to_string()))?;
    let create = home.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    Ok(create
        .attribute_definitions(text_attribute("id")?)
        .key_schema(key("id", KeyType::Hash)?)
        .stream_specification(stream))
}

/// The sparse index: a row is in it as long as it has the attribute `outbox`.
fn with_outbox(create: CreateTableFluentBuilder) -> PortResult<CreateTableFluentBuilder> {
    let index = GlobalSecondaryIndex::builder()
        .index_name(names::OUTBOX_INDEX)
        .key_schema(key("outbox", KeyType::Hash)?)
        .key_schema(key("created_at", KeyType::Range)?)
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .map_err(|e| malformed("CreateTable", &e.to_string()))?;
    let create = create.attribute_definitions(text_attribute("outbox")?);
    Ok(create.attribute_definitions(text_attribute("created_at")?).global_secondary_indexes(index))
}

fn text_attribute(name: &str) -> PortResult<AttributeDefinition> {
    let attribute =
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
    attribute.build().map_err(|e| malformed("CreateTable", &e.to_string()))
}

fn key(name: &str, kind: KeyType) -> PortResult<KeySchemaElement> {
    let element = KeySchemaElement::builder().attribute_name(name).key_type(kind);
    element.build().map_err(|e| malformed("CreateTable", &e.to_string()))
}

async fn describe(client: &Client, name: &str) -> PortResult<Option<TableDescription>> {
    match client.describe_table().table_name(name).send().await {
        Ok(answer) => Ok(answer.table),
        Err(error) => match error.as_service_error() {
            Some(DescribeTableError::ResourceNotFoundException(_)) => Ok(None),
            Some(_) | None => Err(port_error("DescribeTable")(error)),
        },
    }
}

/// Waits until the table is as wanted.
async fn ready(client: &Client, name: &str, is_ready: impl Fn(&TableDescription) -> bool) -> PortResult<()> {
    let until = Instant::now() + READY_WITHIN;
    loop {
        if describe(client, name).await?.as_ref().is_some_and(&is_ready) {
            return Ok(());
        }
        if Instant::now() >= until {
            let detail = format!("table {name} is not ready after {} s", READY_WITHIN.as_secs());
            return Err(PortError { operation: "DescribeTable", kind: PortErrorKind::NoAnswer, detail });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn replicate(plan: &Plan, home: &Client, name: &str) -> PortResult<()> {
    let other = &plan.regions[1];
    let table = describe(home, name).await?;
    if !table.as_ref().is_some_and(|table| has_replica(table, other)) {
        let mut update = home.update_table().table_name(name).replica_updates(replica(other)?);
        if plan.strong_tables {
            update = update.multi_region_consistency(MultiRegionConsistency::Strong);
            if let Some(witness) = &plan.witness {
                update = update.global_table_witness_updates(witness_update(witness)?);
            }
        }
        update.send().await.map_err(port_error("UpdateTable"))?;
    }
    let is_active = |table: &TableDescription| {
        let active =
            |status: Option<&ReplicaStatus>| status.is_none_or(|status| *status == ReplicaStatus::Active);
        let replicas = table.replicas();
        replicas.iter().any(|r| r.region_name() == Some(other.as_str()) && active(r.replica_status()))
    };
    ready(home, name, is_active).await
}

fn has_replica(table: &TableDescription, region: &Region) -> bool {
    table.replicas().iter().any(|replica| replica.region_name() == Some(region.as_str()))
}

fn replica(region: &Region) -> PortResult<ReplicationGroupUpdate> {
    let create = CreateReplicationGroupMemberAction::builder().region_name(region.as_str()).build();
    let create = create.map_err(|e| malformed("UpdateTable", &e.to_string()))?;
    Ok(ReplicationGroupUpdate::builder().create(create).build())
}

fn witness_update(region: &Region) -> PortResult<GlobalTableWitnessGroupUpdate> {
    let create = CreateGlobalTableWitnessGroupMemberAction::builder().region_name(region.as_str()).build();
    let create = create.map_err(|e| malformed("UpdateTable", &e.to_string()))?;
    Ok(GlobalTableWitnessGroupUpdate::builder().create(create).build())
}

/// Lets records be forgotten after their time.
async fn expire(home: &Client, name: &str) -> PortResult<()> {
    let now = home.describe_time_to_live().table_name(name).send().await;
    let status = now.map_err(port_error("DescribeTimeToLive"))?.time_to_live_description;
    let status = status.and_then(|description| description.time_to_live_status);
    if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return Ok(());
    }
    let specification =
        TimeToLiveSpecification::builder().enabled(true).attribute_name(names::TTL_ATTRIBUTE).build();
    let specification = specification.map_err(|e| malformed("UpdateTimeToLive", &e.to_string()))?;
    let update = home.update_time_to_live().table_name(name).time_to_live_specification(specification);
    update.send().await.map(drop).map_err(port_error("UpdateTimeToLive"))
}
