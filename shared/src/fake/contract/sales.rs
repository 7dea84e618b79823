//! The sales table's part of the contract.

use std::time::Duration;

use super::{Subject, eventually};
use crate::clock::Timestamp;
use crate::ports::{Inserted, Marked, OUTBOX_SHARDS};
use crate::region::Side;
use crate::sale::{Progress, Sale, SaleId, StoredSale};

pub(super) async fn all(subject: &Subject) {
    a_row_is_written_once(subject).await;
    a_row_reaches_the_peer(subject).await;
    rows_are_read_in_one_call_and_missing_ones_left_out(subject).await;
    a_processed_sale_leaves_the_outbox(subject).await;
    a_sale_that_is_not_there_yet_is_written_whole(subject).await;
    a_parked_sale_leaves_the_outbox_until_it_is_reopened(subject).await;
    processed_wins_over_parked(subject).await;
    a_tombstone_is_left_alone(subject).await;
    a_tombstone_stands_where_no_row_was(subject).await;
}

async fn progress(subject: &Subject, id: SaleId) -> Option<Progress> {
    subject.sales.get(Side::Local, id).await.unwrap().map(|row| row.progress)
}

/// Whether the outbox lists a sale as accepted before a time, in any shard, and in no more than one.
async fn is_listed(subject: &Subject, id: SaleId, accepted_before: Timestamp) -> bool {
    let mut times = 0;
    for shard in 0..OUTBOX_SHARDS {
        let entries = subject.sales.outbox(shard, accepted_before, 100).await.unwrap();
        assert!(entries.is_sorted_by_key(|entry| entry.created_at), "oldest first");
        times += entries.iter().filter(|entry| entry.id == id).count();
    }
    assert!(times <= 1);
    times == 1
}

fn soon(sale: &Sale) -> Timestamp {
    sale.created_at + Duration::from_millis(1)
}

async fn a_row_is_written_once(subject: &Subject) {
    for sale in [subject.sale(), subject.keyed_sale()] {
        let stored = StoredSale { sale: sale.clone(), progress: Progress::Waiting };
        assert_eq!(subject.sales.insert(&sale).await.unwrap(), Inserted::New);
        assert_eq!(subject.sales.insert(&sale).await.unwrap(), Inserted::New, "a retry of the same");
        let later = Sale { created_at: sale.created_at + Duration::from_secs(1), ..sale.clone() };
        assert_eq!(subject.sales.insert(&later).await.unwrap(), Inserted::Existed(stored.clone()));
        assert_eq!(subject.sales.get(Side::Local, sale.id).await.unwrap(), Some(stored));
    }
    assert_eq!(progress(subject, subject.sale().id).await, None);
}

async fn a_row_reaches_the_peer(subject: &Subject) {
    let sale = subject.sale();
    subject.sales.insert(&sale).await.unwrap();
    eventually("the row is at the peer", async || {
        subject.sales.get(Side::Peer, sale.id).await.unwrap().is_some_and(|row| row.sale == sale)
    })
    .await;
}

async fn rows_are_read_in_one_call_and_missing_ones_left_out(subject: &Subject) {
    let (one, missing, two) = (subject.sale(), subject.sale(), subject.sale());
    subject.sales.insert(&one).await.unwrap();
    subject.sales.insert(&two).await.unwrap();
    let mut got = subject.sales.get_many(&[one.id, missing.id, two.id]).await.unwrap();
    got.sort_by_key(|row| row.sale.id != one.id);
    assert_eq!(got.iter().map(|row| &row.sale).collect::<Vec<_>>(), [&one, &two]);
    assert_eq!(subject.sales.get_many(&[]).await.unwrap(), []);
}

async fn a_processed_sale_leaves_the_outbox(subject: &Subject) {
    let sale = subject.sale();
    subject.sales.insert(&sale).await.unwrap();
    eventually("it is in the outbox", async || is_listed(subject, sale.id, soon(&sale)).await).await;
    assert!(!is_listed(subject, sale.id, sale.created_at).await, "accepted before, not at");
    let at = sale.created_at + Duration::from_secs(3);
    for _ in 0..2 {
        let marked = subject.sales.mark_processed(&sale, at, subject.sites.local()).await.unwrap();
        assert_eq!(marked, Marked::Done);
    }
    assert_eq!(progress(subject, sale.id).await, Some(Progress::Processed { at }));
    eventually("it left the outbox", async || !is_listed(subject, sale.id, soon(&sale)).await).await;
}

async fn a_sale_that_is_not_there_yet_is_written_whole(subject: &Subject) {
    let (processed, parked) = (subject.sale(), subject.sale());
    let at = processed.created_at;
    let marked = subject.sales.mark_processed(&processed, at, subject.sites.local()).await.unwrap();
    assert_eq!(marked, Marked::Done);
    let row = subject.sales.get(Side::Local, processed.id).await.unwrap();
    assert_eq!(row, Some(StoredSale { sale: processed, progress: Progress::Processed { at } }));
    assert_eq!(subject.sales.mark_parked(&parked, at, "because").await.unwrap(), Marked::Done);
    let row = subject.sales.get(Side::Local, parked.id).await.unwrap();
    assert_eq!(row, Some(StoredSale { sale: parked, progress: Progress::Parked }));
}

async fn a_parked_sale_leaves_the_outbox_until_it_is_reopened(subject: &Subject) {
    let sale = subject.sale();
    subject.sales.insert(&sale).await.unwrap();
    assert_eq!(subject.sales.mark_parked(&sale, sale.created_at, "because").await.unwrap(), Marked::Done);
    assert_eq!(progress(subject, sale.id).await, Some(Progress::Parked));
    eventually("it left the outbox", async || !is_listed(subject, sale.id, soon(&sale)).await).await;
    subject.sales.reopen(sale.id).await.unwrap();
    assert_eq!(progress(subject, sale.id).await, Some(Progress::Waiting));
    eventually("it is back in the outbox", async || is_listed(subject, sale.id, soon(&sale)).await).await;
}

async fn processed_wins_over_parked(subject: &Subject) {
    let sale = subject.sale();
    let at = sale.created_at;
    subject.sales.mark_parked(&sale, at, "because").await.unwrap();
    subject.sales.mark_processed(&sale, at, subject.sites.local()).await.unwrap();
    assert_eq!(progress(subject, sale.id).await, Some(Progress::Processed { at }));
    subject.sales.mark_parked(&sale, at, "because").await.unwrap();
    assert_eq!(progress(subject, sale.id).await, Some(Progress::Processed { at }));
}

async fn a_tombstone_is_left_alone(subject: &Subject) {
    let sale = subject.sale();
    subject.sales.insert(&sale).await.unwrap();
    for _ in 0..2 {
        subject.sales.mark_deleted(Side::Local, &sale, sale.created_at).await.unwrap();
        assert_eq!(progress(subject, sale.id).await, Some(Progress::Deleted));
    }
    let marked = subject.sales.mark_processed(&sale, sale.created_at, subject.sites.local()).await.unwrap();
    assert_eq!(marked, Marked::Tombstone);
    assert_eq!(subject.sales.mark_parked(&sale, sale.created_at, "x").await.unwrap(), Marked::Tombstone);
    subject.sales.reopen(sale.id).await.unwrap();
    assert_eq!(progress(subject, sale.id).await, Some(Progress::Deleted));
    eventually("it left the outbox", async || !is_listed(subject, sale.id, soon(&sale)).await).await;
}

async fn a_tombstone_stands_where_no_row_was(subject: &Subject) {
    for side in [Side::Local, Side::Peer] {
        let sale = subject.sale();
        subject.sales.mark_deleted(side, &sale, subject.clock.now()).await.unwrap();
        let row = subject.sales.get(side, sale.id).await.unwrap();
        assert_eq!(row, Some(StoredSale { sale, progress: Progress::Deleted }));
    }
}
