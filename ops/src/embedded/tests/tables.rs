//! DynamoDB.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReplicaStatus, ReturnValuesOnConditionCheckFailure, TableStatus, TimeToLiveSpecification,
};

use super::*;

async fn global_table(pair: &Pair) {
    pair.first.create_table("sales").await;
    pair.first.add_replica("sales", &pair.second.region).await;
}

#[tokio::test]
async fn a_replica_added_to_a_table_makes_it_in_the_other_region_with_what_is_in_it() {
    let pair = Pair::start().await;
    pair.first.create_table("sales").await;
    pair.first.put("sales", "before", "old").await;
    assert!(pair.second.dynamodb.describe_table().table_name("sales").send().await.is_err());
    pair.first.add_replica("sales", &pair.second.region).await;
    let table =
        pair.second.dynamodb.describe_table().table_name("sales").send().await.unwrap().table.unwrap();
    assert_eq!(table.table_status, Some(TableStatus::Active));
    let replicas = table.replicas.unwrap();
    assert_eq!(replicas[0].region_name.as_deref(), Some("sa-east-1"));
    assert_eq!(replicas[0].replica_status, Some(ReplicaStatus::Active));
    let arrived = eventually("the item", || pair.second.note("sales", "before")).await;
    assert_eq!(arrived, "old");
}

#[tokio::test]
async fn a_failed_condition_gives_back_the_item_that_is_there() {
    let pair = Pair::start().await;
    global_table(&pair).await;
    pair.first.put("sales", "a", "first").await;
    let refused = pair
        .first
        .dynamodb
        .put_item()
        .table_name("sales")
        .item("id", AttributeValue::S("a".to_owned()))
        .condition_expression("attribute_not_exists(id)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(refused.is_conditional_check_failed_exception(), "{refused:?}");
    let PutItemError::ConditionalCheckFailedException(refused) = refused else {
        return;
    };
    assert_eq!(refused.item.unwrap()["note"], AttributeValue::S("first".to_owned()));
}

#[tokio::test]
async fn a_write_is_seen_in_the_other_region_only_after_the_lag() {
    let pair = Pair::start().await;
    global_table(&pair).await;
    pair.aws.links().set_paused(true);
    pair.first.put("sales", "a", "x").await;
    assert_eq!(pair.first.note("sales", "a").await.as_deref(), Some("x"));
    assert_eq!(pair.second.note("sales", "a").await, None);
    pair.aws.links().set_paused(false);
    eventually("the item", || pair.second.note("sales", "a")).await;
}

#[tokio::test]
async fn of_two_writes_apart_the_later_one_holds_in_both_regions() {
    let pair = Pair::start().await;
    global_table(&pair).await;
    pair.aws.links().set_paused(true);
    pair.second.put("sales", "a", "earlier").await;
    pair.first.put("sales", "a", "later").await;
    pair.second.put("sales", "b", "another").await;
    pair.aws.links().set_paused(false);
    eventually("the write after them", || pair.first.note("sales", "b")).await;
    eventually("the later write", || async {
        (pair.second.note("sales", "a").await.as_deref() == Some("later")).then_some(())
    })
    .await;
    assert_eq!(pair.first.note("sales", "a").await.as_deref(), Some("later"));
}

#[tokio::test]
async fn a_deletion_is_not_undone_by_an_older_write_that_arrives_after_it() {
    let pair = Pair::start().await;
    global_table(&pair).await;
    pair.aws.links().set_paused(true);
    pair.second.put("sales", "a", "older").await;
    pair.first.put("sales", "a", "newer").await;
    let key = AttributeValue::S("a".to_owned());
    pair.first.dynamodb.delete_item().table_name("sales").key("id", key).send().await.unwrap();
    pair.second.put("sales", "mark", "x").await;
    pair.aws.links().set_paused(false);
    eventually("the write after the older one", || pair.first.note("sales", "mark")).await;
    assert_eq!(pair.first.note("sales", "a").await, None);
    eventually("the deletion", || async { pair.second.note("sales", "a").await.is_none().then_some(()) })
        .await;
}

#[tokio::test]
async fn both_regions_may_win_the_same_condition_before_they_hear_of_each_other() {
    let pair = Pair::start().await;
    global_table(&pair).await;
    pair.aws.links().set_paused(true);
    for site in [&pair.first, &pair.second] {
        site.dynamodb
            .put_item()
            .table_name("sales")
            .item("id", AttributeValue::S("a".to_owned()))
            .condition_expression("attribute_not_exists(id)")
            .send()
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn with_strong_consistency_a_condition_is_decided_once_for_both_regions() {
    let options = Options { table_consistency: TableConsistency::Strong, ..Options::default() };
    let pair = Pair::with(options).await;
    pair.first.create_table("sales").await;
    assert!(pair.second.dynamodb.describe_table().table_name("sales").send().await.is_err());
    pair.first.add_replica("sales", "us-east-1").await;
    let table =
        pair.second.dynamodb.describe_table().table_name("sales").send().await.unwrap().table.unwrap();
    assert!(table.table_arn.unwrap().contains("us-east-1"));
    pair.first.put("sales", "a", "x").await;
    assert_eq!(pair.second.note("sales", "a").await.as_deref(), Some("x"));
    let refused = pair
        .second
        .dynamodb
        .put_item()
        .table_name("sales")
        .item("id", AttributeValue::S("a".to_owned()))
        .condition_expression("attribute_not_exists(id)")
        .send()
        .await;
    assert!(refused.unwrap_err().into_service_error().is_conditional_check_failed_exception());
}

#[tokio::test]
async fn the_time_to_live_of_a_table_holds_for_its_replica_too() {
    let pair = Pair::start().await;
    global_table(&pair).await;
    let ttl = TimeToLiveSpecification::builder().attribute_name("expires_at").enabled(true).build().unwrap();
    let update = pair.first.dynamodb.update_time_to_live().table_name("sales");
    update.time_to_live_specification(ttl).send().await.unwrap();
    let described = pair.second.dynamodb.describe_time_to_live().table_name("sales").send().await.unwrap();
    assert_eq!(described.time_to_live_description.unwrap().attribute_name.as_deref(), Some("expires_at"));
}

#[tokio::test]
async fn a_number_added_to_by_many_at_once_counts_each_of_them() {
    let pair = Pair::start().await;
    global_table(&pair).await;
    let additions = (0..100).map(|_| {
        pair.first
            .dynamodb
            .update_item()
            .table_name("sales")
            .key("id", AttributeValue::S("a".to_owned()))
            .update_expression("ADD tokens :one")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .send()
    });
    for added in futures::future::join_all(additions).await {
        added.unwrap();
    }
    eventually("the last addition", || async {
        let key = AttributeValue::S("a".to_owned());
        let read = pair.second.dynamodb.get_item().table_name("sales").key("id", key).send().await.unwrap();
        let tokens = read.item?.get("tokens")?.as_n().unwrap().clone();
        (tokens == "100").then_some(())
    })
    .await;
}
