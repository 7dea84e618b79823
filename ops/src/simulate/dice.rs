//! Draws from the random numbers of a plan.

use std::time::Duration;

use sales_shared::fake::{Service, Site, Span};
use sales_shared::random::Random;

/// The numbers.
pub(super) struct Dice<'a>(pub(super) &'a Random);

impl Dice<'_> {
    pub(super) fn one_in(&self, times: u64) -> bool {
        self.0.below(times) == 0
    }

    pub(super) fn site(&self) -> Site {
        if self.one_in(2) { Site::First } else { Site::Second }
    }

    pub(super) fn service(&self) -> Service {
        self.weighted(&[
            (6, Service::Tables),
            (3, Service::Queue),
            (2, Service::Topic),
            (2, Service::Archive),
            (1, Service::Parameter),
        ])
    }

    pub(super) fn millis(&self, least: u64, most: u64) -> Duration {
        Span::millis(least, most).draw(self.0)
    }

    pub(super) fn weighted<T: Copy>(&self, choices: &[(u64, T)]) -> T {
        let mut drawn = self.0.below(choices.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in choices {
            if drawn < *weight {
                return *choice;
            }
            drawn -= weight;
        }
        choices[0].1
    }
}
