//! Money: a decimal, never a float.

use std::fmt;

use rust_decimal::Decimal;
use serde_json::value::RawValue;

/// Most digits of an amount, decimals included.
pub const AMOUNT_MAX_DIGITS: u32 = 12;
/// Most digits after the point.
pub const AMOUNT_MAX_DECIMALS: u32 = 2;
/// Longest spelling that is looked at, in bytes.
const AMOUNT_MAX_BYTES: usize = 40;

/// A positive amount of money, exact. Its spelling is the shortest one (`10.50` is kept as `10.5`), because
/// DynamoDB keeps numbers that way and the archive must come out the same from the table and from a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Amount(Decimal);

/// An amount that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "amount must be a positive number (or a string of one) of at most {AMOUNT_MAX_DIGITS} digits, {AMOUNT_MAX_DECIMALS} of them after the point"
)]
pub struct InvalidAmount;

impl Amount {
    /// Reads a decimal number, `223.34` or `2.2334e2`.
    ///
    /// # Errors
    /// [`InvalidAmount`] when it is no number, not positive, too long or too fine.
    pub fn parse(text: &str) -> Result<Self, InvalidAmount> {
        Self::new(decimal(text)?)
    }

    /// Reads a JSON number, or a JSON string that holds one.
    ///
    /// # Errors
    /// As [`Amount::parse`].
    pub fn from_json(json: &RawValue) -> Result<Self, InvalidAmount> {
        Self::parse(&json_number(json)?)
    }

    /// As [`Amount::from_json`], for the older service's messages: it kept money in binary floats, whose noise
    /// past the second decimal (`0.30000000000000004`) is rounded away, halves to even.
    ///
    /// # Errors
    /// As [`Amount::parse`].
    pub fn from_float_json(json: &RawValue) -> Result<Self, InvalidAmount> {
        Self::new(decimal(&json_number(json)?)?.round_dp(AMOUNT_MAX_DECIMALS))
    }

    fn new(value: Decimal) -> Result<Self, InvalidAmount> {
        let value = value.normalize();
        let digits_before_point = AMOUNT_MAX_DIGITS - AMOUNT_MAX_DECIMALS;
        let limit = Decimal::from(10_u64.pow(digits_before_point));
        let fits = value > Decimal::ZERO && value < limit && value.scale() <= AMOUNT_MAX_DECIMALS;
        if fits { Ok(Self(value)) } else { Err(InvalidAmount) }
    }

    /// The amount as a JSON number.
    pub fn to_json(self) -> Box<RawValue> {
        // A decimal's spelling is always a JSON number; the fallback keeps this total.
        RawValue::from_string(self.0.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

fn json_number(json: &RawValue) -> Result<String, InvalidAmount> {
    let text = json.get();
    if text.starts_with('"') {
        serde_json::from_str(text).map_err(|_| InvalidAmount)
    } else {
        Ok(text.to_owned())
    }
}

fn decimal(text: &str) -> Result<Decimal, InvalidAmount> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    if !plain || text.is_empty() || text.len() > AMOUNT_MAX_BYTES {
        return Err(InvalidAmount);
    }
    let parsed = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text)
    } else {
        Decimal::from_str_exact(text)
    };
    parsed.map_err(|_| InvalidAmount)
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_is_kept_exactly_in_its_shortest_spelling() {
        for (text, kept) in [
            ("223.34", "223.34"),
            ("10.50", "10.5"),
            ("0.01", "0.01"),
            ("1e3", "1000"),
            ("007", "7"),
            ("9999999999.99", "9999999999.99"),
        ] {
            assert_eq!(Amount::parse(text).map(|a| a.to_string()), Ok(kept.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_not_money_is_refused() {
        for text in [
            "",
            "0",
            "0.00",
            "-1",
            "1.001",
            "10000000000",
            "1e99",
            "1e-3",
            "NaN",
            "1_000",
            "1,5",
            " 1",
            "0x10",
            "1e",
            "999999999999999999999999999999999999999999",
        ] {
            assert_eq!(Amount::parse(text), Err(InvalidAmount), "{text}");
        }
    }

    #[test]
    fn the_noise_of_the_older_services_floats_is_rounded_away() {
        let json = RawValue::from_string("0.30000000000000004".to_owned()).unwrap();
        assert_eq!(Amount::from_float_json(&json).unwrap().to_string(), "0.3");
    }

    proptest! {
        #[test]
        fn any_amount_of_cents_survives_the_way_there_and_back(cents in 1_u64..1_000_000_000_000) {
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            let amount = Amount::parse(&text).unwrap();
            prop_assert_eq!(Amount::from_json(&amount.to_json()), Ok(amount));
            prop_assert_eq!(Amount::parse(&amount.to_string()), Ok(amount));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,60}") {
            let _ = Amount::parse(&text);
        }
    }
}
