//! Repeatable chance.

/// A small seeded generator (SplitMix64): outcomes must be repeatable, not unpredictable.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// True as often as the probability says.
    pub(super) fn below(&mut self, probability: f64) -> bool {
        if probability >= 1.0 {
            return true;
        }
        // The upper 53 bits fill the mantissa of a number in [0, 1).
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
        let drawn = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_outcomes_in_the_asked_proportion() {
        let outcomes = |seed| {
            let mut dice = Dice(seed);
            (0..10_000).map(|_| dice.below(0.25)).collect::<Vec<_>>()
        };
        assert_eq!(outcomes(7), outcomes(7));
        assert_ne!(outcomes(7), outcomes(8));
        let hits = outcomes(7).into_iter().filter(|hit| *hit).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
    }
}
