//! Faults as they come and go. What lasts is kept in a list, and the weather is made anew from the list whenever it
//! changes, so that faults may overlap.

use std::time::Duration;

use sales_shared::fake::{Moment, ParameterValue, Site, Weather, World};
use sales_shared::region::RegionState;

use super::fault::Fault;
use super::fleet::Fleet;

/// Time between two workers of a deploy.
const DEPLOY_STEP: Duration = Duration::from_secs(4);
/// Time between the two halves of a flip.
const FLIP_STEP: Duration = Duration::from_millis(700);

/// Something that is to be done later.
#[derive(Clone, Debug)]
pub(super) enum Later {
    StartApi(Site),
    StartWorker(Site, usize),
    StopWorker(Site, usize),
    Declare(Site, RegionState),
    /// The fault with this number is over.
    Over(usize),
}

/// All that goes wrong at the moment.
#[derive(Default)]
pub(super) struct Trouble {
    lasting: Vec<(usize, Fault)>,
    /// What the operator means the sites to be; typing errors pass.
    meant: [Option<RegionState>; 2],
}

impl Trouble {
    /// The operator declares a site's state, and means it.
    pub(super) fn declare(&mut self, world: &World, site: Site, state: RegionState) {
        self.meant[site as usize] = Some(state);
        world.declare_state(site, state);
    }

    /// Lets a fault begin; gives back what is to follow.
    pub(super) fn begin(
        &mut self,
        number: usize,
        fault: &Fault,
        world: &World,
        fleet: &mut Fleet,
    ) -> Vec<(Moment, Later)> {
        let mut later = Vec::new();
        let mut then = |after: Duration, what: Later| later.push((world.now() + after, what));
        match fault.clone() {
            Fault::KillWorker { site, index, back_after } => {
                fleet.kill_worker(site, index);
                then(back_after, Later::StartWorker(site, index));
            }
            Fault::KillApi { site, back_after } => {
                fleet.kill_api(site);
                then(back_after, Later::StartApi(site));
            }
            Fault::StopWorker { site, index, back_after } => {
                fleet.stop_worker(site, index);
                then(back_after, Later::StartWorker(site, index));
            }
            Fault::Deploy { site } => {
                for index in 0..fleet.worker_count(site) {
                    let at = DEPLOY_STEP * u32::try_from(index).unwrap_or(0);
                    then(at, Later::StopWorker(site, index));
                    then(at + FLIP_STEP, Later::StartWorker(site, index));
                }
            }
            Fault::Lose { site } => fleet.lose(site),
            Fault::Flip { to, off_first } => {
                let (off, on) =
                    if off_first { (Duration::ZERO, FLIP_STEP) } else { (FLIP_STEP, Duration::ZERO) };
                then(off, Later::Declare(to.other(), RegionState::Passive));
                then(on, Later::Declare(to, RegionState::Active));
            }
            Fault::FlipTwice { to, apart } => {
                for (after, active) in [(Duration::ZERO, to), (apart, to.other())] {
                    then(after, Later::Declare(active, RegionState::Active));
                    then(after, Later::Declare(active.other(), RegionState::Passive));
                }
            }
            Fault::Both(state) => Site::BOTH.into_iter().for_each(|site| self.declare(world, site, state)),
            Fault::Dark { lasting, .. }
            | Fault::Part { lasting }
            | Fault::Errors { lasting, .. }
            | Fault::Slow { lasting, .. }
            | Fault::Lag { lasting, .. }
            | Fault::Deliveries { lasting, .. }
            | Fault::Staleness { lasting, .. }
            | Fault::Batches { lasting, .. }
            | Fault::Typo { lasting, .. } => {
                then(lasting, Later::Over(number));
                self.lasting.push((number, fault.clone()));
            }
        }
        self.set_in(fault, world);
        self.make_weather(world);
        later
    }

    /// What a lasting fault does beside the weather.
    fn set_in(&self, fault: &Fault, world: &World) {
        match fault {
            Fault::Dark { site, outage, .. } => world.darken(*site, *outage),
            Fault::Part { .. } => world.part(),
            Fault::Typo { site, text, .. } => {
                world.declare(*site, text.map_or(ParameterValue::Absent, ParameterValue::Text));
            }
            Fault::KillWorker { .. }
            | Fault::KillApi { .. }
            | Fault::StopWorker { .. }
            | Fault::Deploy { .. }
            | Fault::Lose { .. }
            | Fault::Errors { .. }
            | Fault::Slow { .. }
            | Fault::Lag { .. }
            | Fault::Deliveries { .. }
            | Fault::Staleness { .. }
            | Fault::Batches { .. }
            | Fault::Flip { .. }
            | Fault::FlipTwice { .. }
            | Fault::Both(_) => {}
        }
    }

    /// Ends a lasting fault, unless another of its kind goes on.
    pub(super) fn end(&mut self, number: usize, world: &World) {
        let Some(index) = self.lasting.iter().position(|(of, _)| *of == number) else { return };
        let (_, fault) = self.lasting.remove(index);
        match fault {
            Fault::Dark { site, .. } => {
                let others =
                    self.lasting.iter().any(|(_, f)| matches!(f, Fault::Dark { site: s, .. } if *s == site));
                if !others {
                    world.lighten(site);
                }
            }
            Fault::Part { .. } => {
                if !self.lasting.iter().any(|(_, f)| matches!(f, Fault::Part { .. })) {
                    world.heal();
                }
            }
            Fault::Typo { site, .. } => {
                if let Some(meant) = self.meant[site as usize] {
                    world.declare_state(site, meant);
                }
            }
            Fault::Errors { .. }
            | Fault::Slow { .. }
            | Fault::Lag { .. }
            | Fault::Deliveries { .. }
            | Fault::Staleness { .. }
            | Fault::Batches { .. }
            | Fault::KillWorker { .. }
            | Fault::KillApi { .. }
            | Fault::StopWorker { .. }
            | Fault::Deploy { .. }
            | Fault::Lose { .. }
            | Fault::Flip { .. }
            | Fault::FlipTwice { .. }
            | Fault::Both(_) => {}
        }
        self.make_weather(world);
    }

    /// Ends all of it.
    pub(super) fn end_all(&mut self, world: &World) {
        for number in self.lasting.iter().map(|(number, _)| *number).collect::<Vec<_>>() {
            self.end(number, world);
        }
    }

    fn make_weather(&self, world: &World) {
        let mut made = Weather::default();
        for (_, fault) in &self.lasting {
            darken(&mut made, fault);
        }
        world.weather(|weather| *weather = made);
    }
}

fn darken(weather: &mut Weather, fault: &Fault) {
    match fault {
        Fault::Errors { site, service, rates, .. } => {
            weather.errors.insert((*site, *service), *rates);
        }
        Fault::Slow { near, far, stragglers, .. } => {
            (weather.near, weather.far) = (*near, *far);
            weather.stragglers.0 = *stragglers;
        }
        Fault::Lag { replication, .. } => {
            (weather.replication, weather.bucket_replication) = (*replication, *replication);
        }
        Fault::Deliveries { near, far, duplicates, .. } => {
            (weather.near_delivery, weather.far_delivery) = (*near, *far);
            weather.duplicates = *duplicates;
        }
        Fault::Staleness { reads, parameter, .. } => {
            (weather.stale_reads, weather.stale_parameter) = (*reads, *parameter);
        }
        Fault::Batches { undead, entries, .. } => {
            (weather.undead, weather.entry_failures) = (*undead, *entries);
        }
        Fault::KillWorker { .. }
        | Fault::KillApi { .. }
        | Fault::StopWorker { .. }
        | Fault::Deploy { .. }
        | Fault::Dark { .. }
        | Fault::Lose { .. }
        | Fault::Part { .. }
        | Fault::Flip { .. }
        | Fault::FlipTwice { .. }
        | Fault::Both(_)
        | Fault::Typo { .. } => {}
    }
}
