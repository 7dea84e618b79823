//! S3.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, DeleteMarkerReplication,
    DeleteMarkerReplicationStatus, Destination, PublicAccessBlockConfiguration, ReplicationConfiguration,
    ReplicationRule, ReplicationRuleFilter, ReplicationRuleStatus, VersioningConfiguration,
};

use super::*;

async fn bucket(site: &Site, name: &str) {
    let place = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::from(site.region.as_str()))
        .build();
    let mut create = site.s3.create_bucket().bucket(name);
    if site.region != "us-east-1" {
        create = create.create_bucket_configuration(place);
    }
    create.send().await.unwrap();
    let versioned = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    site.s3.put_bucket_versioning().bucket(name).versioning_configuration(versioned).send().await.unwrap();
}

async fn replicate(site: &Site, from: &str, to: &str) {
    let rule = ReplicationRule::builder()
        .id("pair")
        .priority(1)
        .filter(ReplicationRuleFilter::builder().prefix("").build())
        .status(ReplicationRuleStatus::Enabled)
        .delete_marker_replication(
            DeleteMarkerReplication::builder().status(DeleteMarkerReplicationStatus::Enabled).build(),
        )
        .destination(Destination::builder().bucket(format!("arn:aws:s3:::{to}")).build().unwrap())
        .build()
        .unwrap();
    let configuration = ReplicationConfiguration::builder()
        .role("arn:aws:iam::000000000000:role/r")
        .rules(rule)
        .build()
        .unwrap();
    site.s3
        .put_bucket_replication()
        .bucket(from)
        .replication_configuration(configuration)
        .send()
        .await
        .unwrap();
}

async fn paired_buckets() -> Pair {
    let pair = Pair::start().await;
    bucket(&pair.first, "archive-one").await;
    bucket(&pair.second, "archive-two").await;
    replicate(&pair.first, "archive-one", "archive-two").await;
    replicate(&pair.second, "archive-two", "archive-one").await;
    pair
}

async fn put(site: &Site, bucket: &str, key: &str, data: &str) {
    let body = ByteStream::from(data.as_bytes().to_vec());
    site.s3.put_object().bucket(bucket).key(key).body(body).send().await.unwrap();
}

async fn get(site: &Site, bucket: &str, key: &str) -> Option<String> {
    match site.s3.get_object().bucket(bucket).key(key).send().await {
        Ok(found) => {
            let data = found.body.collect().await.unwrap().into_bytes();
            Some(String::from_utf8(data.to_vec()).unwrap())
        }
        Err(error) => {
            assert!(error.into_service_error().is_no_such_key());
            None
        }
    }
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_put() {
    let pair = paired_buckets().await;
    put(&pair.first, "archive-one", "sales/2026/11/21/a b+é.json", "{\"id\":1}").await;
    let found = get(&pair.first, "archive-one", "sales/2026/11/21/a b+é.json").await;
    assert_eq!(found.as_deref(), Some("{\"id\":1}"));
    let head =
        pair.first.s3.head_object().bucket("archive-one").key("sales/2026/11/21/a b+é.json").send().await;
    assert_eq!(head.unwrap().content_length, Some(8));
}

#[tokio::test]
async fn a_second_put_of_a_key_that_must_be_new_fails_its_precondition() {
    let pair = paired_buckets().await;
    let put = || {
        let body = ByteStream::from_static(b"x");
        pair.first.s3.put_object().bucket("archive-one").key("k").if_none_match("*").body(body).send()
    };
    put().await.unwrap();
    let refused = put().await.unwrap_err();
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 412);
    assert_eq!(refused.code(), Some("PreconditionFailed"));
}

#[tokio::test]
async fn of_many_puts_at_once_of_a_key_that_must_be_new_one_succeeds() {
    let pair = paired_buckets().await;
    let puts = (0..20).map(|number: u8| {
        let body = ByteStream::from(vec![number]);
        pair.first.s3.put_object().bucket("archive-one").key("k").if_none_match("*").body(body).send()
    });
    let stored = futures::future::join_all(puts).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(stored, 1);
}

#[tokio::test]
async fn buckets_replicate_both_ways_and_a_replica_goes_no_further() {
    let pair = paired_buckets().await;
    put(&pair.first, "archive-one", "from-one", "1").await;
    put(&pair.second, "archive-two", "from-two", "2").await;
    eventually("the first copy", || get(&pair.second, "archive-two", "from-one")).await;
    eventually("the second copy", || get(&pair.first, "archive-one", "from-two")).await;
    let copy = pair.second.s3.head_object().bucket("archive-two").key("from-one").send().await.unwrap();
    assert_eq!(copy.replication_status.unwrap().as_str(), "REPLICA");
    // Had the copy been sent back, it would be a replica at home as well by the time a later object has made the way.
    put(&pair.second, "archive-two", "later", "3").await;
    eventually("the later copy", || get(&pair.first, "archive-one", "later")).await;
    let origin = pair.first.s3.head_object().bucket("archive-one").key("from-one").send().await.unwrap();
    assert_eq!(origin.replication_status, None);
}

#[tokio::test]
async fn a_copy_waits_while_replication_is_paused_and_deletions_follow() {
    let pair = paired_buckets().await;
    pair.aws.links().set_paused(true);
    put(&pair.first, "archive-one", "k", "1").await;
    assert_eq!(get(&pair.second, "archive-two", "k").await, None);
    pair.aws.links().set_paused(false);
    eventually("the copy", || get(&pair.second, "archive-two", "k")).await;
    pair.first.s3.delete_object().bucket("archive-one").key("k").send().await.unwrap();
    eventually("the deletion", || async {
        get(&pair.second, "archive-two", "k").await.is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_listing_goes_on_page_by_page_under_its_prefix() {
    let pair = paired_buckets().await;
    for number in 0..7 {
        put(&pair.first, "archive-one", &format!("sales/{number}"), "x").await;
    }
    put(&pair.first, "archive-one", "other/1", "x").await;
    let mut pages = pair
        .first
        .s3
        .list_objects_v2()
        .bucket("archive-one")
        .prefix("sales/")
        .into_paginator()
        .page_size(3)
        .send();
    let mut sizes = Vec::new();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        sizes.push(page.contents().len());
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
    }
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(keys, (0..7).map(|number| format!("sales/{number}")).collect::<Vec<_>>());
    let listed = pair.first.s3.list_objects_v2().bucket("archive-one").delimiter("/").send().await.unwrap();
    let prefixes: Vec<_> = listed.common_prefixes().iter().map(|prefix| prefix.prefix().unwrap()).collect();
    assert_eq!(prefixes, ["other/", "sales/"]);
}

#[tokio::test]
async fn errors_carry_the_codes_that_the_sdk_knows() {
    let pair = paired_buckets().await;
    let head = pair.first.s3.head_bucket().bucket("none-such").send().await.unwrap_err();
    assert!(head.into_service_error().is_not_found());
    let head = pair.first.s3.head_object().bucket("archive-one").key("none").send().await.unwrap_err();
    assert!(head.into_service_error().is_not_found());
    let get = pair.first.s3.get_object().bucket("none-such").key("none").send().await.unwrap_err();
    assert_eq!(get.code(), Some("NoSuchBucket"));
    let elsewhere = pair.second.s3.get_object().bucket("archive-one").key("k").send().await.unwrap_err();
    assert_eq!(elsewhere.code(), Some("PermanentRedirect"));
    let again = pair.first.s3.create_bucket().bucket("archive-one").send().await.unwrap_err();
    assert!(again.into_service_error().is_bucket_already_owned_by_you());
    let none = pair.first.s3.get_bucket_policy().bucket("archive-one").send().await.unwrap_err();
    assert_eq!(none.code(), Some("NoSuchBucketPolicy"));
}

#[tokio::test]
async fn replication_of_a_bucket_without_versions_is_refused() {
    let pair = Pair::start().await;
    pair.second.s3.create_bucket().bucket("plain").send().await.unwrap();
    let status = pair.second.s3.get_bucket_versioning().bucket("plain").send().await.unwrap().status;
    assert_eq!(status, None);
    let rule = ReplicationRule::builder()
        .status(ReplicationRuleStatus::Enabled)
        .destination(Destination::builder().bucket("arn:aws:s3:::other").build().unwrap())
        .build()
        .unwrap();
    let configuration = ReplicationConfiguration::builder().role("r").rules(rule).build().unwrap();
    let put =
        pair.second.s3.put_bucket_replication().bucket("plain").replication_configuration(configuration);
    assert_eq!(put.send().await.unwrap_err().code(), Some("InvalidRequest"));
}

#[tokio::test]
async fn what_provisioning_sets_on_a_bucket_reads_back() {
    let pair = paired_buckets().await;
    let block = PublicAccessBlockConfiguration::builder().block_public_acls(true).build();
    let put = pair.first.s3.put_public_access_block().bucket("archive-one");
    put.public_access_block_configuration(block).send().await.unwrap();
    let read = pair.first.s3.get_public_access_block().bucket("archive-one").send().await.unwrap();
    assert_eq!(read.public_access_block_configuration.unwrap().block_public_acls, Some(true));
    let versioning = pair.first.s3.get_bucket_versioning().bucket("archive-one").send().await.unwrap();
    assert_eq!(versioning.status, Some(BucketVersioningStatus::Enabled));
    let replication = pair.first.s3.get_bucket_replication().bucket("archive-one").send().await.unwrap();
    assert_eq!(replication.replication_configuration.unwrap().rules().len(), 1);
}

#[tokio::test]
async fn a_streamed_body_is_taken_out_of_its_chunks() {
    let pair = paired_buckets().await;
    let path = std::env::temp_dir().join(format!("embedded-aws-{}", std::process::id()));
    let data = "0123456789".repeat(20_000);
    std::fs::write(&path, &data).unwrap();
    let body = ByteStream::from_path(&path).await.unwrap();
    let stored = pair.first.s3.put_object().bucket("archive-one").key("large").body(body).send().await;
    std::fs::remove_file(&path).unwrap();
    stored.unwrap();
    assert_eq!(get(&pair.first, "archive-one", "large").await, Some(data));
}
