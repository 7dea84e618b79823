//! The topic of a site: one leg to the queue of each.

use async_trait::async_trait;

use super::host::Host;
use super::ledger::Fact;
use super::site::Site;
use super::weather::{Service, Weather};
use super::world::State;
use crate::ports::{PortResult, Topic};
use crate::region::Side;
use crate::sale::SaleId;
use crate::sale::event::SaleEvent;

#[async_trait]
impl Topic for Host {
    async fn publish(&self, body: &str) -> PortResult<()> {
        let sale = SaleEvent::parse(body, &self.sites()).ok().map(|event| event.sale.id);
        let published = self
            .call("topic.publish", Service::Topic, Side::Local, |state| {
                state.note(Some(self.id()), Fact::Published { at: self.site(), id: sale });
                fan_out(state, self.site(), body, sale);
            })
            .await;
        // Whoever waits at a queue has to look at the clock anew.
        self.world().stir(Site::First);
        self.world().stir(Site::Second);
        published
    }
}

/// Each leg takes its own time, and now and then delivers twice.
fn fan_out(state: &mut State, from: Site, body: &str, sale: Option<SaleId>) {
    for to in Site::BOTH {
        let delay = if to == from { state.weather.near_delivery } else { state.weather.far_delivery };
        let copies = 1 + u32::from(Weather::happens(&state.random, state.weather.duplicates));
        for _ in 0..copies {
            let due = state.now + delay.draw(&state.random);
            let serial = state.serial();
            state.queues[to.index()].arrive_later(due, serial, body.into(), sale, from);
        }
    }
}
