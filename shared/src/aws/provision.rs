//! Creates everything that the services need, on an emulator or in an empty account, as often as one likes: what is
//! there is kept, above all the region states that an operator may have flipped. Production is made by the
//! infrastructure code instead, which adds networks, roles and alarms.

mod buckets;
mod messaging;
mod tables;

use std::collections::BTreeMap;

use super::client::{Limits, RegionClients};
use super::error::port_error;
use super::names;
use crate::config::variables as v;
use crate::ports::PortResult;
use crate::region::{Region, RegionState};

/// What is to be there.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The two regions.
    pub regions: [Region; 2],
    /// The state that a region's parameter gets if it has none.
    pub initial_states: [RegionState; 2],
    /// An emulator.
    pub endpoint_url: Option<String>,
    /// Begins the name of every resource.
    pub prefix: String,
    /// Whether the tables are to be strongly consistent across regions (MRSC).
    pub strong_tables: bool,
    /// The witness region that MRSC needs beside two replicas; AWS offers it in few regions.
    pub witness: Option<Region>,
    /// The role that S3 replicates with; on an emulator any name will do.
    pub replication_role: Option<String>,
}

/// What there is in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The region.
    pub region: Region,
    /// The services' environment there.
    pub environment: BTreeMap<String, String>,
}

/// Names of one region's messaging resources.
#[derive(Clone, Debug)]
struct Messaging {
    topic_arn: String,
    queue_url: String,
    queue_arn: String,
    dlq_url: String,
}

/// Makes it so, and says what the services have to be told.
///
/// # Errors
/// The first call that failed. What was made until then stays; the next run goes on from there.
pub async fn provision(plan: &Plan) -> PortResult<[Site; 2]> {
    let endpoint = plan.endpoint_url.as_deref();
    let first = RegionClients::connect(&plan.regions[0], endpoint, Limits::operator()).await;
    let second = first.in_region(&plan.regions[1], Limits::operator());
    let clients = [first, second];

    tables::provision(plan, &clients).await?;
    let messaging = [
        messaging::provision_queues(plan, &clients[0]).await?,
        messaging::provision_queues(plan, &clients[1]).await?,
    ];
    for (clients, region) in clients.iter().zip(&messaging) {
        messaging::connect(clients, region, &messaging).await?;
    }
    let account = account(&messaging[0].topic_arn);
    let names = plan.regions.each_ref().map(|region| bucket_name(plan, account, region));
    buckets::provision(plan, &clients, &names, account).await?;
    for index in [0, 1] {
        put_initial_state(plan, &clients[index], index).await?;
    }
    Ok([0, 1].map(|index| site(plan, index, &messaging[index], &names[index])))
}

/// The sites that [`provision`] would make on an emulator, by its naming alone, without asking.
pub fn conventional_sites(plan: &Plan, account: &str) -> [Site; 2] {
    let endpoint = plan.endpoint_url.as_deref().unwrap_or_default();
    [0, 1].map(|index| {
        let (prefix, region) = (&plan.prefix, &plan.regions[index]);
        let messaging = Messaging {
            topic_arn: format!("arn:aws:sns:{region}:{account}:{prefix}-processing"),
            queue_url: format!("{endpoint}/{account}/{prefix}-queue"),
            queue_arn: format!("arn:aws:sqs:{region}:{account}:{prefix}-queue"),
            dlq_url: format!("{endpoint}/{account}/{prefix}-dlq"),
        };
        site(plan, index, &messaging, &bucket_name(plan, account, region))
    })
}

fn bucket_name(plan: &Plan, account: &str, region: &Region) -> String {
    format!("{}-archive-{account}-{region}", plan.prefix)
}

/// The account in an ARN.
fn account(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

fn state_parameter(plan: &Plan, region: &Region) -> String {
    format!("/{}/{region}/state", plan.prefix)
}

/// A state that is there is left alone: it is the operator's.
async fn put_initial_state(plan: &Plan, clients: &RegionClients, index: usize) -> PortResult<()> {
    let put = clients
        .ssm()
        .put_parameter()
        .name(state_parameter(plan, &plan.regions[index]))
        .value(plan.initial_states[index].as_str())
        .r#type(aws_sdk_ssm::types::ParameterType::String)
        .allowed_pattern(names::STATE_PATTERN)
        .description("What this region does with its queue: ACTIVE, PASSIVE or HOLD")
        .overwrite(false);
    match put.send().await {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_parameter_already_exists()) => Ok(()),
        Err(error) => Err(port_error("PutParameter")(error)),
    }
}

fn site(plan: &Plan, index: usize, messaging: &Messaging, bucket: &str) -> Site {
    let region = &plan.regions[index];
    let mut environment = BTreeMap::new();
    let mut set = |variable: &v::Variable, value: &str| {
        environment.insert(variable.name.to_owned(), value.to_owned());
    };
    set(&v::AWS_REGION, region.as_str());
    set(&v::PEER_REGION, plan.regions[1 - index].as_str());
    if let Some(url) = &plan.endpoint_url {
        set(&v::AWS_ENDPOINT_URL, url);
    }
    set(&v::DYNAMO_SALES_TABLE, &tables::sales_name(plan));
    set(&v::DYNAMO_SALES_IDEMPOTENCY_TABLE, &tables::idempotency_name(plan));
    set(&v::DYNAMO_TABLE_CONSISTENCY, if plan.strong_tables { "strong" } else { "eventual" });
    set(&v::SNS_SALES_PROCESSING_TOPIC, &messaging.topic_arn);
    set(&v::SSM_PARAMETER_STORE_STATE, &state_parameter(plan, region));
    set(&v::SQS_SALES_QUEUE, &messaging.queue_url);
    set(&v::SQS_SALES_DLQ, &messaging.dlq_url);
    set(&v::S3_SALES_BUCKET, bucket);
    Site { region: region.clone(), environment }
}
