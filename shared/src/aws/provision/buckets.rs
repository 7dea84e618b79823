//! The two buckets, each replicated into the other.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::create_bucket::CreateBucketError;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, DeleteMarkerReplication,
    DeleteMarkerReplicationStatus, Destination, PublicAccessBlockConfiguration, ReplicationConfiguration,
    ReplicationRule, ReplicationRuleFilter, ReplicationRuleStatus, VersioningConfiguration,
};

use super::Plan;
use crate::aws::client::RegionClients;
use crate::aws::error::{malformed, port_error};
use crate::ports::PortResult;
use crate::region::Region;

/// The region whose buckets take no location constraint.
const NO_CONSTRAINT: &str = "us-east-1";

pub(super) async fn provision(
    plan: &Plan,
    clients: &[RegionClients; 2],
    names: &[String; 2],
    account: &str,
) -> PortResult<()> {
    let s3 = clients.each_ref().map(RegionClients::s3);
    for index in [0, 1] {
        create(&s3[index], &names[index], &plan.regions[index]).await?;
    }
    let role = plan.replication_role.clone();
    let role = role.unwrap_or_else(|| format!("arn:aws:iam::{account}:role/{}-replication", plan.prefix));
    for index in [0, 1] {
        replicate(&s3[index], &names[index], &names[1 - index], &role).await?;
    }
    Ok(())
}

async fn create(s3: &Client, name: &str, region: &Region) -> PortResult<()> {
    let mut create = s3.create_bucket().bucket(name);
    if region.as_str() != NO_CONSTRAINT {
        let constraint = BucketLocationConstraint::from(region.as_str());
        let configuration = CreateBucketConfiguration::builder().location_constraint(constraint);
        create = create.create_bucket_configuration(configuration.build());
    }
    if let Err(error) = create.send().await {
        match error.as_service_error() {
            Some(CreateBucketError::BucketAlreadyOwnedByYou(_)) => {}
            Some(_) | None => return Err(port_error("CreateBucket")(error)),
        }
    }
    let private = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .ignore_public_acls(true)
        .restrict_public_buckets(true)
        .build();
    let block = s3.put_public_access_block().bucket(name).public_access_block_configuration(private);
    block.send().await.map_err(port_error("PutPublicAccessBlock"))?;
    let versioned = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let versioning = s3.put_bucket_versioning().bucket(name).versioning_configuration(versioned);
    versioning.send().await.map(drop).map_err(port_error("PutBucketVersioning"))
}

async fn replicate(s3: &Client, from: &str, to: &str, role: &str) -> PortResult<()> {
    const OPERATION: &str = "PutBucketReplication";
    let wrong = |e: aws_smithy_types::error::operation::BuildError| malformed(OPERATION, &e.to_string());
    let destination = Destination::builder().bucket(format!("arn:aws:s3:::{to}")).build().map_err(wrong)?;
    let deletes = DeleteMarkerReplication::builder().status(DeleteMarkerReplicationStatus::Enabled).build();
    let rule = ReplicationRule::builder()
        .id("to-the-other-region")
        .priority(1)
        .status(ReplicationRuleStatus::Enabled)
        .filter(ReplicationRuleFilter::builder().prefix("").build())
        .delete_marker_replication(deletes)
        .destination(destination)
        .build()
        .map_err(wrong)?;
    let configuration = ReplicationConfiguration::builder().role(role).rules(rule).build().map_err(wrong)?;
    let put = s3.put_bucket_replication().bucket(from).replication_configuration(configuration);
    put.send().await.map(drop).map_err(port_error(OPERATION))
}
