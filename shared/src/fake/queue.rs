//! A site's queue and its dead-letter queue: at least once, out of order, with visibility timeouts and redrive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::host::Host;
use super::ledger::Fact;
use super::site::Site;
use super::weather::{Service, Weather};
use super::world::{Moment, State};
use crate::clock::Timestamp;
use crate::ports::{Delivery, PortResult, Put, QUEUE_BATCH_MAX, Queue, Receipt};
use crate::region::Side;
use crate::sale::SaleId;
use crate::sale::event::SaleEvent;

/// How long a topic waits before it tries again to reach a queue.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// After how long a message that outlives its delete comes back.
const UNDEAD_AFTER: Duration = Duration::from_secs(3);
/// Reason that the queue's own redrive policy gives.
pub(super) const REDRIVEN: &str = "received too often";

struct Message {
    body: Arc<str>,
    sale: Option<SaleId>,
    sent_at: Timestamp,
    receive_count: u32,
    visible_at: Moment,
    in_flight: bool,
}

struct Arrival {
    from: Site,
    body: Arc<str>,
    sale: Option<SaleId>,
}

/// A message of the dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The body.
    pub body: String,
    /// Why it is there.
    pub reason: String,
}

#[derive(Default)]
pub(super) struct QueueState {
    messages: BTreeMap<u64, Message>,
    /// Messages on their way, by arrival.
    arrivals: BTreeMap<(Moment, u64), Arrival>,
    dead: Vec<DeadLetter>,
}

impl QueueState {
    pub(super) fn arrive_later(
        &mut self,
        due: Moment,
        serial: u64,
        body: Arc<str>,
        sale: Option<SaleId>,
        from: Site,
    ) {
        self.arrivals.insert((due, serial), Arrival { from, body, sale });
    }

    pub(super) fn forget_arrivals_from(&mut self, site: Site) {
        self.arrivals.retain(|_, arrival| arrival.from != site);
    }

    /// Messages that are there. The dead are not counted.
    pub(super) fn len(&self) -> usize {
        self.messages.len() + self.arrivals.len()
    }

    pub(super) fn sales(&self) -> impl Iterator<Item = SaleId> {
        let arriving = self.arrivals.values().filter_map(|arrival| arrival.sale);
        self.messages.values().filter_map(|message| message.sale).chain(arriving)
    }

    pub(super) fn dead_letters(&self) -> &[DeadLetter] {
        &self.dead
    }

    /// Takes in what was to arrive until now; what cannot get through is tried again later.
    pub(super) fn catch_up(&mut self, state: &mut State, site: Site, usable: bool, open: bool) {
        while let Some(entry) = self.arrivals.first_entry() {
            let (due, serial) = *entry.key();
            if due > state.now {
                return;
            }
            let arrival = entry.remove();
            if usable && (arrival.from == site || open) {
                let sent_at = state.settings.start + due;
                let Arrival { body, sale, .. } = arrival;
                let message =
                    Message { body, sale, sent_at, receive_count: 0, visible_at: due, in_flight: false };
                self.messages.insert(serial, message);
            } else {
                self.arrivals.insert((state.now + RETRY_AFTER, serial), arrival);
            }
        }
    }

    /// When something may be there that is not now.
    fn next_change(&self, now: Moment) -> Option<Moment> {
        let arrival = self.arrivals.first_key_value().map(|((due, _), _)| *due);
        let hidden = self.messages.values().map(|message| message.visible_at).filter(|at| *at > now).min();
        arrival.into_iter().chain(hidden).min()
    }

    fn find(&mut self, receipt: &Receipt) -> Option<(u64, &mut Message)> {
        let (serial, count) = split(receipt)?;
        let message = self.messages.get_mut(&serial).filter(|message| message.receive_count == count)?;
        Some((serial, message))
    }
}

/// The message's serial and the receive count that a receipt is for.
fn split(receipt: &Receipt) -> Option<(u64, u32)> {
    let (serial, count) = receipt.0.split_once('#')?;
    Some((serial.parse().ok()?, count.parse().ok()?))
}

/// Hands out visible messages, in no order, and hides them.
fn take(queue: &mut QueueState, state: &mut State, host: &Host, max: usize) -> Vec<Delivery> {
    let now = state.now;
    let mut visible: Vec<u64> = Vec::new();
    let mut in_flight = 0;
    for (serial, message) in &queue.messages {
        if message.visible_at <= now {
            visible.push(*serial);
        } else {
            in_flight += usize::from(message.in_flight);
        }
    }
    let room = state.settings.in_flight_max.saturating_sub(in_flight);
    let mut taken = Vec::new();
    while taken.len() < max.min(room) && !visible.is_empty() {
        let index = usize::try_from(state.random.below(visible.len() as u64)).unwrap_or(0);
        let serial = visible.swap_remove(index);
        taken.extend(hand_out(queue, state, host, serial));
    }
    taken
}

fn hand_out(queue: &mut QueueState, state: &mut State, host: &Host, serial: u64) -> Option<Delivery> {
    let message = queue.messages.get_mut(&serial)?;
    if message.receive_count >= state.settings.max_receive_count {
        let message = queue.messages.remove(&serial)?;
        let fact = Fact::DeadLettered { at: host.site(), id: message.sale, reason: REDRIVEN.to_owned() };
        state.note(None, fact);
        queue.dead.push(DeadLetter { body: message.body.to_string(), reason: REDRIVEN.to_owned() });
        return None;
    }
    message.receive_count += 1;
    let twice = Weather::happens(&state.random, state.weather.duplicates);
    message.visible_at = if twice { state.now } else { state.now + state.settings.visibility };
    message.in_flight = true;
    state.hosts[host.id().0].in_hand.insert((serial, message.receive_count));
    state.note(Some(host.id()), Fact::Received { id: message.sale, count: message.receive_count });
    Some(Delivery {
        message_id: format!("m{serial}"),
        receipt: Receipt(format!("{serial}#{}", message.receive_count)),
        body: message.body.to_string(),
        receive_count: message.receive_count,
        sent_at: message.sent_at,
    })
}

enum Look {
    Took(Vec<Delivery>),
    Wait(Option<Moment>),
    Unreachable,
}

impl Host {
    /// Whatever becomes of the call that says so, this process has done its part with these messages.
    fn out_of_hand<'a>(&self, receipts: impl Iterator<Item = &'a Receipt>) {
        let mut state = self.world().lock();
        let in_hand = &mut state.hosts[self.id().0].in_hand;
        for key in receipts.filter_map(split) {
            in_hand.remove(&key);
        }
    }

    /// How many messages this process was handed and has neither deleted nor put back.
    pub fn messages_in_hand(&self) -> usize {
        self.world().lock().hosts[self.id().0].in_hand.len()
    }

    fn with_queue<T>(&self, state: &mut State, act: impl FnOnce(&mut QueueState, &mut State) -> T) -> T {
        let index = self.site().index();
        let mut queue = std::mem::take(&mut state.queues[index]);
        let result = act(&mut queue, state);
        state.queues[index] = queue;
        result
    }

    fn look_into_queue(&self, max: usize) -> Look {
        let mut state = self.world().lock();
        if !state.links.reaches(self.site(), self.site()) {
            return Look::Unreachable;
        }
        self.with_queue(&mut state, |queue, state| {
            let taken = take(queue, state, self, max);
            if taken.is_empty() { Look::Wait(queue.next_change(state.now)) } else { Look::Took(taken) }
        })
    }

    /// Looks again whenever something may have changed, until something is there or the wait is over.
    async fn poll_queue(&self, max: usize, wait: Duration) -> Option<Vec<Delivery>> {
        let deadline = Instant::now() + wait;
        loop {
            let mut stirred = std::pin::pin!(self.world().stirred(self.site()).notified());
            stirred.as_mut().enable();
            let next = match self.look_into_queue(max) {
                Look::Took(taken) => return Some(taken),
                Look::Unreachable => {
                    tokio::time::sleep_until(deadline).await;
                    return None;
                }
                Look::Wait(next) => next,
            };
            if Instant::now() >= deadline {
                return Some(Vec::new());
            }
            let until = next.map_or(deadline, |next| self.world().instant(next).min(deadline));
            tokio::select! {
                biased;
                () = stirred => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }
}

#[async_trait]
impl Queue for Host {
    async fn receive(&self, max: usize, wait: Duration) -> PortResult<Vec<Delivery>> {
        assert!((1..=QUEUE_BATCH_MAX).contains(&max), "more messages than one receive takes");
        let call = self.depart("queue.receive", Service::Queue, Side::Local).await?;
        match self.poll_queue(max, wait).await {
            Some(taken) => {
                let receipts: Vec<_> = taken.iter().map(|delivery| delivery.receipt.clone()).collect();
                // What the answer should have brought was never in hand.
                self.come_back(&call, taken).await.inspect_err(|_| self.out_of_hand(receipts.iter()))
            }
            None => Err(self.lost_on_the_way(&call).await),
        }
    }

    async fn delete(&self, receipts: &[Receipt]) -> PortResult<Vec<Receipt>> {
        self.out_of_hand(receipts.iter());
        assert!(receipts.len() <= QUEUE_BATCH_MAX, "more messages than one batch takes");
        self.call("queue.delete", Service::Queue, Side::Local, |state| {
            self.with_queue(state, |queue, state| {
                let failed = |receipt: &&Receipt| !delete(queue, state, self, receipt);
                receipts.iter().filter(failed).cloned().collect()
            })
        })
        .await
    }

    async fn change_visibility(&self, puts: &[Put]) -> PortResult<()> {
        self.out_of_hand(puts.iter().map(|put| &put.receipt));
        assert!(puts.len() <= QUEUE_BATCH_MAX, "more messages than one batch takes");
        let changed = self
            .call("queue.change_visibility", Service::Queue, Side::Local, |state| {
                self.with_queue(state, |queue, state| {
                    puts.iter().for_each(|put| release(queue, state, self, put))
                });
            })
            .await;
        self.world().stir(self.site());
        changed
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> PortResult<()> {
        let id = SaleEvent::parse(body, &self.sites()).ok().map(|event| event.sale.id);
        let at = self.site();
        self.call("queue.dead_letter", Service::Queue, Side::Local, |state| {
            state.queues[at.index()]
                .dead
                .push(DeadLetter { body: body.to_owned(), reason: reason.to_owned() });
            state.note(Some(self.id()), Fact::DeadLettered { at, id, reason: reason.to_owned() });
        })
        .await?;
        self.world().lock().hosts[self.id().0].dead_lettered.insert(body.to_owned());
        Ok(())
    }
}

/// `false` when the entry fails alone. A receipt that is no longer good deletes nothing, and says nothing.
fn delete(queue: &mut QueueState, state: &mut State, host: &Host, receipt: &Receipt) -> bool {
    if Weather::happens(&state.random, state.weather.entry_failures) {
        return false;
    }
    let Some((serial, message)) = queue.find(receipt) else {
        return true;
    };
    let knows = &state.hosts[host.id().0];
    let shown = message.sale.is_some_and(|id| knows.proofs.contains(&id))
        || knows.dead_lettered.contains(&*message.body);
    state.note(Some(host.id()), Fact::Deleted { id: message.sale, shown });
    if Weather::happens(&state.random, state.weather.undead) {
        message.visible_at = state.now + UNDEAD_AFTER;
    } else {
        queue.messages.remove(&serial);
    }
    true
}

fn release(queue: &mut QueueState, state: &mut State, host: &Host, put: &Put) {
    if Weather::happens(&state.random, state.weather.entry_failures) {
        return;
    }
    let whole_seconds = put.after.as_secs() + u64::from(put.after.subsec_nanos() > 0);
    let after = Duration::from_secs(whole_seconds);
    let now = state.now;
    let Some((_, message)) = queue.find(&put.receipt).filter(|(_, message)| message.visible_at > now) else {
        return;
    };
    message.visible_at = now + after;
    message.in_flight = after > Duration::ZERO;
    let id = message.sale;
    state.note(Some(host.id()), Fact::Released { id, after });
}
