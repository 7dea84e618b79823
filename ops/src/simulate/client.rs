//! The clients: they post, try again when no answer comes, and now and then delete.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sales_api::accept::{Accepted, Deleted};
use sales_shared::fake::{Fact, Moment, Site, World};
use sales_shared::sale::{Amount, IdempotencyKey, NewSale, Product, SaleId, StoredSale};
use sales_shared::trace::TraceParent;
use tokio::sync::mpsc;

use super::design::Design;
use super::fleet::{Request, ask};
use super::plan::{Nature, Post};

/// How long a client waits before it posts again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Where the apis take requests; nothing while one is down.
#[derive(Clone, Default)]
pub(super) struct Doors(Arc<Mutex<[Option<mpsc::UnboundedSender<Request>>; 2]>>);

impl Doors {
    pub(super) fn set(&self, site: Site, door: Option<mpsc::UnboundedSender<Request>>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[site as usize] = door;
    }

    fn get(&self, site: Site) -> Option<mpsc::UnboundedSender<Request>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[site as usize].clone()
    }
}

/// What clients were told.
#[derive(Default)]
pub(super) struct Answers {
    pub accepted: Vec<Answer>,
    /// Sales that a client was told are deleted.
    pub deleted: Vec<SaleId>,
    /// Sales that a client tried to delete, whatever it was told.
    pub delete_asked: Vec<SaleId>,
}

/// A 201.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub id: SaleId,
    pub key: Option<u64>,
    pub nature: Nature,
    pub amount: String,
    pub site: Site,
    /// When the client was told.
    pub at: Moment,
}

pub(super) type SharedAnswers = Arc<Mutex<Answers>>;

/// All that a client needs.
#[derive(Clone)]
pub(super) struct Client {
    pub world: World,
    pub doors: Doors,
    pub answers: SharedAnswers,
    pub design: Design,
}

impl Client {
    /// Posts one sale, in one site; with a twin, in the other one as well.
    pub(super) async fn post(self, post: Post, number: usize) {
        let accepted = self.insist(&post, number, post.site).await;
        if let (Some(id), Some(after)) = (accepted, post.delete_after) {
            tokio::time::sleep(after).await;
            self.delete(id, post.site).await;
        }
    }

    /// Posts the same key in the other site.
    pub(super) async fn post_twin(self, post: Post, number: usize) {
        self.insist(&post, number, post.site.other()).await;
    }

    async fn insist(&self, post: &Post, number: usize, site: Site) -> Option<SaleId> {
        for _ in 0..=post.retries {
            if let Some(id) = self.post_once(post, number, site).await {
                return Some(id);
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
        None
    }

    async fn post_once(&self, post: &Post, number: usize, site: Site) -> Option<SaleId> {
        let door = self.doors.get(site)?;
        let amount = format!("{}.{:02}", number + 1, number % 100);
        let new = NewSale {
            product: Product::parse(post.nature.product()).ok()?,
            amount: Amount::parse(&amount).ok()?,
        };
        let key = match post.key {
            Some(key) => Some(IdempotencyKey::parse(&format!("order-{key}")).ok()?),
            None => None,
        };
        let trace = TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")?;
        let answer = ask(&door, move |sales| async move { sales.accept(new, key, trace).await }).await;
        let stored: StoredSale = match answer {
            Some(Ok(Accepted::Created(stored) | Accepted::Replayed(stored))) => stored,
            Some(Err(_)) | None => return None,
        };
        let id = stored.sale.id;
        if self.design == Design::Older && !self.was_published(id) {
            return None;
        }
        self.world.note(None, Fact::Accepted { id });
        let at = self.world.now();
        let amount = stored.sale.amount.to_string();
        let answer = Answer { id, key: post.key, nature: post.nature, amount, site, at };
        self.answers().accepted.push(answer);
        Some(id)
    }

    /// The older service answers an error when its publish failed.
    fn was_published(&self, id: SaleId) -> bool {
        self.world.with_ledger(|ledger| {
            ledger.entries().iter().any(|entry| {
                entry.fact == Fact::Published { at: Site::First, id: Some(id) }
                    || entry.fact == Fact::Published { at: Site::Second, id: Some(id) }
            })
        })
    }

    async fn delete(&self, id: SaleId, site: Site) {
        self.answers().delete_asked.push(id);
        let Some(door) = self.doors.get(site) else { return };
        let answer = ask(&door, move |sales| async move { sales.delete(id).await }).await;
        if let Some(Ok(Deleted::Done)) = answer {
            self.world.note(None, Fact::Note(format!("sale {id} answered as deleted")));
            self.answers().deleted.push(id);
        }
    }

    fn answers(&self) -> std::sync::MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
