//! The parameter that holds a site's state.

use std::time::Duration;

use async_trait::async_trait;

use super::host::Host;
use super::ledger::Fact;
use super::weather::{Service, Weather};
use super::world::Moment;
use crate::ports::{PortResult, StateParameter};
use crate::region::{Declared, RegionState, Side};

/// What a parameter can hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParameterValue {
    /// There is no parameter.
    #[default]
    Absent,
    /// Any text, one of the three states or not.
    Text(&'static str),
}

/// For how long after a write a stale read brings the value before.
const STALE_FOR: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ParameterState {
    value: ParameterValue,
    version: u64,
    before: ParameterValue,
    since: Moment,
}

impl ParameterState {
    pub(super) fn set(&mut self, value: ParameterValue, now: Moment) {
        *self = Self { value, version: self.version + 1, before: self.value, since: now };
    }

    pub(super) fn current(&self) -> (Declared, u64) {
        answer(self.value, self.version)
    }

    fn stale(&self, now: Moment) -> (Declared, u64) {
        if now < self.since + STALE_FOR {
            answer(self.before, self.version.saturating_sub(1))
        } else {
            self.current()
        }
    }
}

fn answer(value: ParameterValue, version: u64) -> (Declared, u64) {
    match value {
        ParameterValue::Absent => (Declared::Unknown, 0),
        ParameterValue::Text(text) => {
            (RegionState::parse(text).map_or(Declared::Unknown, Declared::Known), version)
        }
    }
}

#[async_trait]
impl StateParameter for Host {
    async fn read(&self) -> PortResult<(Declared, u64)> {
        let site = self.site().index();
        let answer = self
            .call("parameter.read", Service::Parameter, Side::Local, |state| {
                let stale = Weather::happens(&state.random, state.weather.stale_parameter);
                let parameter = state.parameters[site];
                if stale { parameter.stale(state.now) } else { parameter.current() }
            })
            .await?;
        self.note(Fact::Read { declared: answer.0 });
        Ok(answer)
    }
}
