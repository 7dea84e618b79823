//! How long to wait before the next try.

use std::time::Duration;

use crate::random::Random;

/// Doubling waits with a ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait.
    pub first: Duration,
    /// No wait is longer.
    pub ceiling: Duration,
}

impl Backoff {
    /// The wait after `failures` failures (counted from 1), without jitter.
    pub fn delay(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.ceiling)
    }

    /// The same with full jitter: anything up to [`Backoff::delay`], so that a crowd does not come back at once.
    /// See "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    pub fn jittered(&self, failures: u32, random: &Random) -> Duration {
        random.up_to(self.delay(failures))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_wait_never_shrinks_and_never_passes_its_ceiling(failures in 0u32..100, seed: u64) {
            let backoff = Backoff { first: Duration::from_secs(5), ceiling: Duration::from_secs(30) };
            prop_assert!(backoff.delay(failures) <= backoff.delay(failures + 1));
            prop_assert!(backoff.delay(failures) <= backoff.ceiling);
            prop_assert!(backoff.delay(failures) >= backoff.first);
            prop_assert!(backoff.jittered(failures, &Random::from_seed(seed)) <= backoff.delay(failures));
        }
    }
}
