//! Randomness for ids and jitter: from the operating system in production, from a seed in the simulator.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, RngExt, SeedableRng};

/// A shared source of random numbers.
#[derive(Clone, Debug)]
pub struct Random(Arc<Mutex<StdRng>>);

impl Random {
    /// Seeded by the operating system.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn from_system() -> Result<Self, std::io::Error> {
        let rng = StdRng::try_from_rng(&mut SysRng).map_err(std::io::Error::other)?;
        Ok(Self(Arc::new(Mutex::new(rng))))
    }

    /// The same numbers for the same seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Ten bytes, as a UUIDv7 takes them.
    pub fn bytes10(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        self.with(|rng| rng.fill_bytes(&mut bytes));
        bytes
    }

    /// Any number.
    pub fn number(&self) -> u64 {
        self.with(|rng| rng.next_u64())
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.with(|rng| rng.random_range(0..bound)) }
    }

    /// A duration from zero up to `limit` ("full jitter").
    pub fn up_to(&self, limit: Duration) -> Duration {
        let millis = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.below(millis.saturating_add(1)))
    }

    /// A duration within a fifth of `middle` on either side.
    pub fn around(&self, middle: Duration) -> Duration {
        middle.mul_f64(0.8) + self.up_to(middle.mul_f64(0.4))
    }

    fn with<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
