//! Global tables: which region has which table, and how a replica comes into being.

use std::collections::HashMap;

use parking_lot::Mutex;
use rustack_dynamodb_model::error::DynamoDBError;
use rustack_dynamodb_model::input::{
    CreateTableInput, DeleteTableInput, DescribeTableInput, DescribeTimeToLiveInput, UpdateTimeToLiveInput,
};
use rustack_dynamodb_model::types::{
    StreamSpecification, StreamViewType, TableDescription, TimeToLiveSpecification,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::index::TableIndex;
use super::{Json, Tables, read};
use crate::embedded::TableConsistency;

/// Tables that a region can have.
const TABLES_MAX: usize = 256;

/// In which regions a table is, and whether those two are one global table.
#[derive(Clone)]
struct Presence {
    here: [bool; 2],
    global: bool,
    definition: CreateTableInput,
}

/// All tables, by name.
#[derive(Default)]
pub(super) struct Presences(Mutex<HashMap<String, [Option<Presence>; 2]>>);

impl Presences {
    fn of(&self, site: usize, table: &str) -> Option<Presence> {
        self.0.lock().get(table).and_then(|presence| presence[site].clone())
    }

    fn set(&self, site: usize, table: &str, presence: Option<Presence>) -> Result<(), DynamoDBError> {
        let mut all = self.0.lock();
        if presence.is_some() && !all.contains_key(table) && all.len() >= TABLES_MAX {
            return Err(DynamoDBError::validation(format!("at most {TABLES_MAX} tables can be made here")));
        }
        let entry = all.entry(table.to_owned()).or_default();
        entry[site] = presence;
        if entry.iter().all(Option::is_none) {
            all.remove(table);
        }
        Ok(())
    }
}

/// `UpdateTable`, with the parts that the engine does not know.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateTable {
    table_name: String,
    #[serde(default)]
    replica_updates: Vec<ReplicaUpdate>,
    #[serde(default)]
    global_secondary_index_updates: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReplicaUpdate {
    create: Option<ReplicaRegion>,
    update: Option<ReplicaRegion>,
    delete: Option<ReplicaRegion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReplicaRegion {
    region_name: String,
}

impl Tables {
    pub(super) fn create_table(&self, site: usize, mut definition: CreateTableInput) -> Json {
        // What is written has to be seen; on AWS a global table has this stream as well.
        definition.stream_specification = Some(StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(StreamViewType::NewAndOldImages),
        });
        let name = definition.table_name.clone();
        let output = self.replicas[site].engine.handle_create_table(definition.clone())?;
        if let Some(index) = TableIndex::new(&definition) {
            self.replicas[site].add_table(&name, index);
        }
        let mut here = [false; 2];
        here[site] = true;
        self.presences.set(site, &name, Some(Presence { here, global: false, definition }))?;
        let description = output.table_description.map(|table| self.describe(site, table)).transpose()?;
        super::json(&json!({ "TableDescription": description }))
    }

    pub(super) fn update_table(&self, site: usize, update: UpdateTable) -> Json {
        if !update.global_secondary_index_updates.is_empty() {
            let why = "the indexes of a table cannot be changed here: create the table with them";
            return Err(DynamoDBError::validation(why));
        }
        for change in &update.replica_updates {
            if let Some(create) = &change.create {
                self.create_replica(site, &update.table_name, &create.region_name)?;
            }
            if let Some(delete) = &change.delete {
                self.delete_replica(site, &update.table_name, &delete.region_name)?;
            }
            if let Some(changed) = &change.update {
                self.site(&changed.region_name)?;
            }
        }
        let table = self.description(site, &update.table_name)?;
        super::json(&json!({ "TableDescription": table }))
    }

    pub(super) fn describe_table(&self, site: usize, input: DescribeTableInput) -> Json {
        let table = self.description(site, &input.table_name)?;
        super::json(&json!({ "Table": table }))
    }

    pub(super) fn delete_table(&self, site: usize, input: DeleteTableInput) -> Json {
        let presence =
            self.presences.of(site, &input.table_name).ok_or_else(|| no_table(&input.table_name))?;
        let description = self.description(site, &input.table_name)?;
        self.forget(site, &input.table_name, &presence)?;
        super::json(&json!({ "TableDescription": description }))
    }

    /// The setting belongs to the global table, so it goes to both regions at once.
    pub(super) fn update_time_to_live(&self, site: usize, body: &[u8]) -> Json {
        let input: UpdateTimeToLiveInput = read(body)?;
        let table = input.table_name.clone();
        let output = self.replicas[site].engine.handle_update_time_to_live(input)?;
        let peer = 1 - site;
        let global = self.presences.of(site, &table).is_some_and(|presence| presence.global);
        if global && self.consistency == TableConsistency::Eventual {
            self.replicas[peer].engine.handle_update_time_to_live(read(body)?)?;
        }
        super::json(&output)
    }

    fn create_replica(&self, site: usize, table: &str, region: &str) -> Result<(), DynamoDBError> {
        let target = self.site(region)?;
        let mut presence = self.presences.of(site, table).ok_or_else(|| no_table(table))?;
        if target == site || presence.here[target] {
            return Err(DynamoDBError::validation(format!(
                "table {table} already has a replica in {region}"
            )));
        }
        if self.presences.of(target, table).is_some() {
            let why = format!("region {region} already has a table of its own named {table}");
            return Err(DynamoDBError::validation(why));
        }
        if self.consistency == TableConsistency::Eventual {
            self.copy_table(site, target, table, &presence.definition)?;
        }
        presence.here = [true, true];
        presence.global = true;
        self.presences.set(target, table, Some(presence.clone()))?;
        self.presences.set(site, table, Some(presence))
    }

    /// Makes the table in the other region and sends it what is there already.
    fn copy_table(
        &self,
        site: usize,
        target: usize,
        table: &str,
        definition: &CreateTableInput,
    ) -> Result<(), DynamoDBError> {
        let (from, to) = (&self.replicas[site], &self.replicas[target]);
        to.engine.handle_create_table(definition.clone())?;
        if let Some(mut index) = TableIndex::new(definition) {
            index.replicated = true;
            to.add_table(table, index);
        }
        let asked = DescribeTimeToLiveInput { table_name: table.to_owned() };
        let described = from.engine.handle_describe_time_to_live(asked)?.time_to_live_description;
        if let Some(attribute_name) = described.and_then(|described| described.attribute_name) {
            to.engine.handle_update_time_to_live(UpdateTimeToLiveInput {
                table_name: table.to_owned(),
                time_to_live_specification: TimeToLiveSpecification { attribute_name, enabled: true },
            })?;
        }
        from.send_everything(table);
        Ok(())
    }

    fn delete_replica(&self, site: usize, table: &str, region: &str) -> Result<(), DynamoDBError> {
        let target = self.site(region)?;
        let presence = self.presences.of(site, table).ok_or_else(|| no_table(table))?;
        if !presence.here[target] {
            return Err(DynamoDBError::validation(format!("table {table} has no replica in {region}")));
        }
        self.forget(target, table, &presence)
    }

    /// Takes a table out of one region; a replica in the other becomes a table of its own.
    fn forget(&self, site: usize, table: &str, presence: &Presence) -> Result<(), DynamoDBError> {
        let peer = 1 - site;
        let shared = self.consistency == TableConsistency::Strong && presence.here[peer];
        if !shared {
            let input = DeleteTableInput { table_name: table.to_owned() };
            self.replicas[site].engine.handle_delete_table(input)?;
            self.replicas[site].drop_table(table);
        }
        self.presences.set(site, table, None)?;
        if presence.here[peer] {
            self.replicas[peer].with_table(table, |index| index.replicated = false);
            let mut alone = presence.clone();
            alone.here[site] = false;
            alone.global = false;
            self.presences.set(peer, table, Some(alone))?;
        }
        Ok(())
    }

    fn site(&self, region: &str) -> Result<usize, DynamoDBError> {
        let [first, second] = &self.regions;
        let found = self.regions.iter().position(|known| known == region);
        found.ok_or_else(|| {
            DynamoDBError::validation(format!(
                "region {region} is not one of the two here: {first} and {second}"
            ))
        })
    }

    fn description(&self, site: usize, table: &str) -> Result<Value, DynamoDBError> {
        if self.presences.of(site, table).is_none() {
            return Err(no_table(table));
        }
        let input = DescribeTableInput { table_name: table.to_owned() };
        let described = self.replicas[site].engine.handle_describe_table(input)?.table;
        let described = described.ok_or_else(|| no_table(table))?;
        self.describe(site, described)
    }

    /// Adds what makes a table global to its description, in the region that asks.
    fn describe(&self, site: usize, mut table: TableDescription) -> Result<Value, DynamoDBError> {
        let name = table.table_name.clone().unwrap_or_default();
        let region = &self.regions[site];
        table.table_arn =
            Some(format!("arn:aws:dynamodb:{region}:{}:table/{name}", crate::embedded::ACCOUNT));
        let mut value =
            serde_json::to_value(table).map_err(|error| DynamoDBError::internal_error(error.to_string()))?;
        let presence = self.presences.of(site, &name);
        if presence.is_some_and(|presence| presence.global)
            && let Some(fields) = value.as_object_mut()
        {
            let peer = &self.regions[1 - site];
            fields.insert("GlobalTableVersion".to_owned(), json!("2019.11.21"));
            fields.insert("Replicas".to_owned(), json!([{ "RegionName": peer, "ReplicaStatus": "ACTIVE" }]));
            let consistency = match self.consistency {
                TableConsistency::Eventual => "EVENTUAL",
                TableConsistency::Strong => "STRONG",
            };
            fields.insert("MultiRegionConsistency".to_owned(), json!(consistency));
        }
        Ok(value)
    }
}

fn no_table(name: &str) -> DynamoDBError {
    DynamoDBError::resource_not_found(format!("Requested resource not found: Table: {name} not found"))
}
