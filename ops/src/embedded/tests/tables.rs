//! DynamoDB.

use aws_sdk_dynamodb::types::{
    AttributeValue, ReplicaStatus, ReturnValuesOnConditionCheckFailure, TableStatus,
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
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(refused) =
        refused
    else {
        panic!("{refused:?}");
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
