//! The faults in force, switched on and off while everything runs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::dice::Dice;
use super::fault::{Darkness, Fault, FaultRefused, InjectedError};
use super::scope::Service;

/// Faults that can be in force at one time.
const FAULTS_MAX: usize = 1000;

/// Names a fault in force.
pub type FaultId = u64;

/// What the faults say of one call.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub latency: Duration,
    pub error: Option<InjectedError>,
    pub dark: Option<Darkness>,
    pub after_effect: bool,
}

struct Rule {
    id: FaultId,
    fault: Fault,
    left: Option<u64>,
    dice: Dice,
}

/// The faults in force.
pub struct Faults {
    regions: [String; 2],
    rules: Mutex<Vec<Rule>>,
    in_force: AtomicUsize,
    next_id: Mutex<FaultId>,
    changed: watch::Sender<u64>,
}

impl Faults {
    pub(super) fn new(regions: [String; 2]) -> Self {
        Self {
            regions,
            rules: Mutex::default(),
            in_force: AtomicUsize::new(0),
            next_id: Mutex::new(1),
            changed: watch::Sender::new(0),
        }
    }

    /// Puts a fault in force.
    ///
    /// # Errors
    /// A fault that names no region here, does nothing or is out of range is refused with the reason.
    pub fn add(&self, fault: Fault) -> Result<FaultId, FaultRefused> {
        fault.check(&self.regions)?;
        let id = {
            let mut rules = self.rules.lock();
            if rules.len() >= FAULTS_MAX {
                return Err(FaultRefused::TooMany);
            }
            let mut next = self.next_id.lock();
            let id = *next;
            *next += 1;
            rules.push(Rule { id, left: fault.times, dice: Dice(fault.seed), fault });
            self.in_force.store(rules.len(), Ordering::Release);
            id
        };
        self.tell();
        Ok(id)
    }

    /// Takes one fault back; false when it was not in force.
    pub fn remove(&self, id: FaultId) -> bool {
        let removed = {
            let mut rules = self.rules.lock();
            let before = rules.len();
            rules.retain(|rule| rule.id != id);
            self.in_force.store(rules.len(), Ordering::Release);
            rules.len() < before
        };
        self.tell();
        removed
    }

    /// Takes all faults back.
    pub fn clear(&self) {
        {
            let mut rules = self.rules.lock();
            rules.clear();
            self.in_force.store(0, Ordering::Release);
        }
        self.tell();
    }

    /// The faults in force, spent ones not.
    #[must_use]
    pub fn list(&self) -> Vec<(FaultId, Fault)> {
        self.rules.lock().iter().map(|rule| (rule.id, rule.fault.clone())).collect()
    }

    /// Makes a region dark.
    ///
    /// # Errors
    /// When the region is not one of the two.
    pub fn darken(&self, region: &str, darkness: Darkness) -> Result<FaultId, FaultRefused> {
        self.add(Fault::dark_region(region, darkness))
    }

    /// Ends the darkness of a region, and only that.
    pub fn light(&self, region: &str) {
        {
            let mut rules = self.rules.lock();
            rules.retain(|rule| {
                !(rule.fault.darkens_region()
                    && rule.fault.region.as_deref().is_none_or(|dark| dark == region))
            });
            self.in_force.store(rules.len(), Ordering::Release);
        }
        self.tell();
    }

    /// Whether a whole region is dark.
    #[must_use]
    pub fn is_dark(&self, region: &str) -> bool {
        self.region_darkness(region).is_some()
    }

    pub(super) fn region_darkness(&self, region: &str) -> Option<Darkness> {
        if self.in_force.load(Ordering::Acquire) == 0 {
            return None;
        }
        let rules = self.rules.lock();
        let dark = rules.iter().find(|rule| {
            rule.fault.darkens_region() && rule.fault.region.as_deref().is_none_or(|dark| dark == region)
        });
        dark.and_then(|rule| rule.fault.dark)
    }

    /// Whether a call of this kind would still go unanswered.
    pub(super) fn darkens(&self, site: usize, service: Service, operation: &str) -> bool {
        let region = self.region_name(site);
        let rules = self.rules.lock();
        rules.iter().any(|rule| rule.fault.dark.is_some() && rule.fault.matches(region, service, operation))
    }

    pub(super) fn region_name(&self, site: usize) -> &str {
        self.regions.get(site).map_or("", String::as_str)
    }

    /// Told at every change of the faults.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn tell(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    /// Decides on one call, and counts it against the faults that met it.
    pub(super) fn judge(&self, site: usize, service: Service, operation: &str) -> Verdict {
        let mut verdict = Verdict::default();
        if self.in_force.load(Ordering::Acquire) == 0 {
            return verdict;
        }
        let region = self.region_name(site);
        let mut rules = self.rules.lock();
        let mut spent = false;
        for rule in rules.iter_mut() {
            if !rule.fault.matches(region, service, operation) || !rule.dice.below(rule.fault.probability) {
                continue;
            }
            if let Some(left) = &mut rule.left {
                *left = left.saturating_sub(1);
                spent |= *left == 0;
            }
            verdict.add(&rule.fault);
        }
        if spent {
            rules.retain(|rule| rule.left != Some(0));
            self.in_force.store(rules.len(), Ordering::Release);
        }
        verdict
    }
}

impl Verdict {
    fn add(&mut self, fault: &Fault) {
        self.latency += Duration::from_millis(fault.latency_ms);
        if fault.error.is_some() || fault.dark.is_some() {
            self.after_effect = fault.after_effect;
        }
        self.error = self.error.or(fault.error);
        self.dark = self.dark.or(fault.dark);
    }
}
