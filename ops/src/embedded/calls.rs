//! Counts of calls, for the figures of AWS calls a sale costs.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;
use serde::Serialize;

use super::scope::Service;

/// Names of operations counted apart, for a region and service; more are counted as `Other`.
const OPERATIONS_MAX: usize = 256;

/// Calls by region, service and operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CallCounts(pub BTreeMap<String, BTreeMap<&'static str, BTreeMap<String, u64>>>);

impl CallCounts {
    /// How often one operation was called in one region.
    #[must_use]
    pub fn of(&self, region: &str, service: Service, operation: &str) -> u64 {
        let services = self.0.get(region);
        let operations = services.and_then(|services| services.get(service.name()));
        operations.and_then(|operations| operations.get(operation)).copied().unwrap_or_default()
    }

    /// How often one operation was called in both regions.
    #[must_use]
    pub fn in_all_regions(&self, service: Service, operation: &str) -> u64 {
        self.0.keys().map(|region| self.of(region, service, operation)).sum()
    }

    /// All calls.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().flat_map(BTreeMap::values).flat_map(BTreeMap::values).sum()
    }
}

/// The running count.
pub(super) struct Calls {
    regions: [String; 2],
    counters: [[Mutex<HashMap<String, u64>>; Service::ALL.len()]; 2],
}

impl Calls {
    pub(super) fn new(regions: [String; 2]) -> Self {
        Self { regions, counters: Default::default() }
    }

    pub(super) fn count(&self, site: usize, service: Service, operation: &str) {
        let Some(counter) = self.counters.get(site).and_then(|services| services.get(service.index())) else {
            return;
        };
        let mut counts = counter.lock();
        if let Some(count) = counts.get_mut(operation) {
            *count += 1;
        } else {
            let name = if counts.len() < OPERATIONS_MAX { operation } else { "Other" };
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }

    pub(super) fn snapshot(&self) -> CallCounts {
        let mut all = CallCounts::default();
        for (region, services) in self.regions.iter().zip(&self.counters) {
            let counted = all.0.entry(region.clone()).or_default();
            for (service, counter) in Service::ALL.into_iter().zip(services) {
                let counts = counter.lock();
                if !counts.is_empty() {
                    let sorted = counts.iter().map(|(name, count)| (name.clone(), *count)).collect();
                    counted.insert(service.name(), sorted);
                }
            }
        }
        all
    }

    pub(super) fn reset(&self) {
        for counter in self.counters.iter().flatten() {
            counter.lock().clear();
        }
    }
}
