//! Queries of the outbox index and scans, in pages.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, DeleteRequest, KeysAndAttributes, Put, PutRequest, TransactWriteItem, Update,
    WriteRequest,
};

use super::*;

type Item = HashMap<String, AttributeValue>;

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn waiting(id: &str, shard: &str, created_at: &str) -> Item {
    Item::from([
        ("id".to_owned(), text(id)),
        ("outbox".to_owned(), text(shard)),
        ("created_at".to_owned(), text(created_at)),
        ("note".to_owned(), text("not in the index")),
    ])
}

async fn put_waiting(site: &Site, id: &str, shard: &str, created_at: &str) {
    let item = waiting(id, shard, created_at);
    site.dynamodb.put_item().table_name("sales").set_item(Some(item)).send().await.unwrap();
}

/// The ids that the outbox lists for a shard before a moment.
async fn outbox(site: &Site, shard: &str, before: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut start = None;
    loop {
        let page = site
            .dynamodb
            .query()
            .table_name("sales")
            .index_name("outbox-index")
            .key_condition_expression("#o = :shard AND created_at < :before")
            .expression_attribute_names("#o", "outbox")
            .expression_attribute_values(":shard", text(shard))
            .expression_attribute_values(":before", text(before))
            .limit(2)
            .set_exclusive_start_key(start)
            .send()
            .await
            .unwrap();
        for item in page.items() {
            assert_eq!(item.len(), 3, "only keys are projected: {item:?}");
            ids.push(item["id"].as_s().unwrap().clone());
        }
        start = page.last_evaluated_key;
        if start.is_none() {
            return ids;
        }
    }
}

#[tokio::test]
async fn the_outbox_lists_the_oldest_first_and_only_what_waits_in_its_shard() {
    let pair = Pair::start().await;
    pair.first.create_table("sales").await;
    for (id, shard, at) in
        [("e", "1", "05"), ("c", "1", "03"), ("x", "2", "01"), ("a", "1", "01"), ("d", "1", "04")]
    {
        put_waiting(&pair.first, id, shard, at).await;
    }
    pair.first.put("sales", "done", "not waiting").await;
    assert_eq!(outbox(&pair.first, "1", "05").await, ["a", "c", "d"]);
    assert_eq!(outbox(&pair.first, "2", "99").await, ["x"]);
    assert!(outbox(&pair.first, "3", "99").await.is_empty());
    pair.first
        .dynamodb
        .update_item()
        .table_name("sales")
        .key("id", text("c"))
        .update_expression("REMOVE outbox")
        .send()
        .await
        .unwrap();
    assert_eq!(outbox(&pair.first, "1", "99").await, ["a", "d", "e"]);
}

#[tokio::test]
async fn the_outbox_follows_in_the_other_region() {
    let pair = Pair::start().await;
    pair.first.create_table("sales").await;
    pair.first.add_replica("sales", "us-east-1").await;
    put_waiting(&pair.first, "a", "1", "01").await;
    eventually("the entry", || async { outbox(&pair.second, "1", "99").await.pop() }).await;
    pair.first.dynamodb.delete_item().table_name("sales").key("id", text("a")).send().await.unwrap();
    eventually("the deletion", || async { outbox(&pair.second, "1", "99").await.is_empty().then_some(()) })
        .await;
}

#[tokio::test]
async fn an_index_is_walked_backwards_and_by_stretches() {
    let pair = Pair::start().await;
    pair.first.create_table("sales").await;
    for at in ["01", "02", "11", "12"] {
        put_waiting(&pair.first, &format!("id-{at}"), "1", at).await;
    }
    for (condition, values, forward, expected) in [
        ("outbox = :s", vec![], false, vec!["12", "11", "02", "01"]),
        ("outbox = :s AND begins_with(created_at, :a)", vec![(":a", "1")], true, vec!["11", "12"]),
        (
            "outbox = :s AND created_at BETWEEN :a AND :b",
            vec![(":a", "02"), (":b", "11")],
            true,
            vec!["02", "11"],
        ),
        ("outbox = :s AND created_at >= :a", vec![(":a", "02")], false, vec!["12", "11", "02"]),
    ] {
        let mut query = pair
            .first
            .dynamodb
            .query()
            .table_name("sales")
            .index_name("outbox-index")
            .key_condition_expression(condition)
            .expression_attribute_values(":s", text("1"))
            .scan_index_forward(forward);
        for (name, value) in values {
            query = query.expression_attribute_values(name, text(value));
        }
        let found = query.send().await.unwrap();
        let times: Vec<_> =
            found.items().iter().map(|item| item["created_at"].as_s().unwrap().as_str()).collect();
        assert_eq!(times, expected, "{condition}");
    }
}

#[tokio::test]
async fn a_scan_reads_every_item_once_in_pages_and_segments() {
    let pair = Pair::start().await;
    pair.first.create_table("sales").await;
    for number in 0..600 {
        pair.first.put("sales", &format!("{number:04}"), if number % 2 == 0 { "even" } else { "odd" }).await;
    }
    let mut ids = Vec::new();
    for segment in 0..3 {
        let mut pages = pair
            .first
            .dynamodb
            .scan()
            .table_name("sales")
            .filter_expression("note = :n")
            .expression_attribute_values(":n", text("even"))
            .segment(segment)
            .total_segments(3)
            .into_paginator()
            .page_size(70)
            .send();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            assert!(page.scanned_count <= 70);
            ids.extend(page.items().iter().map(|item| item["id"].as_s().unwrap().clone()));
        }
    }
    ids.sort();
    assert_eq!(ids, (0..600).step_by(2).map(|number| format!("{number:04}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn batches_and_transactions_replicate_as_single_writes_do() {
    let pair = Pair::start().await;
    pair.first.create_table("sales").await;
    pair.first.add_replica("sales", "us-east-1").await;
    pair.first.put("sales", "old", "x").await;
    let put = PutRequest::builder().set_item(Some(waiting("batch", "1", "01"))).build().unwrap();
    let delete = DeleteRequest::builder().key("id", text("old")).build().unwrap();
    pair.first
        .dynamodb
        .batch_write_item()
        .request_items(
            "sales",
            vec![
                WriteRequest::builder().put_request(put).build(),
                WriteRequest::builder().delete_request(delete).build(),
            ],
        )
        .send()
        .await
        .unwrap();
    let put =
        Put::builder().table_name("sales").set_item(Some(waiting("transaction", "1", "02"))).build().unwrap();
    let update = Update::builder()
        .table_name("sales")
        .key("id", text("batch"))
        .update_expression("SET note = :n")
        .expression_attribute_values(":n", text("updated"))
        .build()
        .unwrap();
    let nothing = Delete::builder().table_name("sales").key("id", text("none")).build().unwrap();
    pair.first
        .dynamodb
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().put(put).build())
        .transact_items(TransactWriteItem::builder().update(update).build())
        .transact_items(TransactWriteItem::builder().delete(nothing).build())
        .send()
        .await
        .unwrap();
    eventually("the transaction", || pair.second.note("sales", "transaction")).await;
    eventually("its update", || async {
        (pair.second.note("sales", "batch").await.as_deref() == Some("updated")).then_some(())
    })
    .await;
    assert_eq!(pair.second.note("sales", "old").await, None);
    let ids = ["batch", "transaction", "old"];
    let keys = ids.map(|id| HashMap::from([("id".to_owned(), text(id))]));
    let wanted = KeysAndAttributes::builder().set_keys(Some(keys.to_vec())).build().unwrap();
    let read = pair.second.dynamodb.batch_get_item().request_items("sales", wanted).send().await.unwrap();
    assert_eq!(read.responses.unwrap()["sales"].len(), 2);
}

#[tokio::test]
async fn a_value_that_no_expression_uses_is_refused_as_on_aws() {
    let pair = Pair::start().await;
    pair.first.create_table("sales").await;
    let query = pair
        .first
        .dynamodb
        .query()
        .table_name("sales")
        .index_name("outbox-index")
        .key_condition_expression("outbox = :s")
        .expression_attribute_values(":s", text("1"))
        .expression_attribute_values(":idle", text("1"));
    let error = query.send().await.unwrap_err().into_service_error().to_string();
    assert!(error.contains("ValidationException"), "{error}");
}
