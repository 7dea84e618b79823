//! How fast a queue was drained, told from looks at it.

use std::time::Duration;

use super::measure::per;

/// The part of a queue at either end that says nothing of throughput: connections are opened at the beginning, and at the end
/// there are fewer sales left than places for them.
const MARGIN: f64 = 0.1;

/// Looks at a queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Drain {
    /// When it was first seen to hold so many messages. Messages go in batches: a rate is to be told from one batch's end to
    /// another's, and not from looks in between.
    levels: Vec<(Duration, u64)>,
    /// Time of the last look.
    time: Duration,
}

impl Drain {
    /// Notes how many messages there were at a time since the beginning.
    pub(super) fn look(&mut self, at: Duration, left: u64) {
        self.time = at;
        if self.levels.last().is_none_or(|(_, before)| *before != left) {
            self.levels.push((at, left));
        }
    }

    /// Messages at the last look.
    pub(super) fn left(&self) -> u64 {
        self.levels.last().map_or(0, |(_, left)| *left)
    }

    /// Time of the last look.
    pub(super) fn time(&self) -> Duration {
        self.time
    }

    /// Messages a second between a tenth done and a tenth left, of so many; over all the time where that cannot be told.
    pub(super) fn rate(&self, of: u64) -> f64 {
        let between =
            |(_, left): &&(Duration, u64)| (MARGIN..=1.0 - MARGIN).contains(&per(*left as f64, of as f64));
        let middle: Vec<_> = self.levels.iter().filter(between).collect();
        match middle[..] {
            [(begun, before), .., (ended, after)] if ended > begun && before > after => {
                per((before - after) as f64, (*ended - *begun).as_secs_f64())
            }
            _ => per(of.saturating_sub(self.left()) as f64, self.time().as_secs_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(looks: &[(u64, u64)]) -> Drain {
        let mut drain = Drain::default();
        looks.iter().for_each(|(ms, left)| drain.look(Duration::from_millis(*ms), *left));
        drain
    }

    #[test]
    fn a_slow_beginning_and_a_slow_end_do_not_count() {
        let drain = drain(&[(0, 100), (1000, 90), (1100, 80), (1800, 10), (9000, 0)]);
        assert!((drain.rate(100) - 100.0).abs() < 1e-9, "{}", drain.rate(100));
    }

    #[test]
    fn what_was_hardly_begun_counts_from_the_beginning() {
        assert!((drain(&[(0, 100), (1000, 95)]).rate(100) - 5.0).abs() < 1e-9);
        assert!((drain(&[(0, 100), (500, 0)]).rate(100) - 200.0).abs() < 1e-9);
        assert!(Drain::default().rate(0).abs() < 1e-9);
    }

    #[test]
    fn looks_between_two_batches_do_not_count() {
        // Ten messages go every 100 ms, and there is a look every 20 ms.
        let looks: Vec<_> = (0..=50).map(|look: u64| (look * 20, 100 - look / 5 * 10)).collect();
        assert!((drain(&looks).rate(100) - 100.0).abs() < 1e-9, "{}", drain(&looks).rate(100));
    }

    proptest! {
        #[test]
        fn a_steady_pace_is_told_whatever_the_looks(every_ms in 1_u64..40, per_ms in 1_u64..20) {
            let total = per_ms * 1000;
            let looks: Vec<_> = (0..=1000).step_by(usize::try_from(every_ms).unwrap())
                .map(|ms: u64| (ms, total - per_ms * ms)).collect();
            let rate = drain(&looks).rate(total);
            prop_assert!((rate - per_ms as f64 * 1000.0).abs() < 1e-6, "{rate}");
        }
    }
}
