//! W3C trace context: the identity of a request, carried from the api through the event to the worker.

use std::fmt;

use crate::random::Random;

/// A `traceparent` of version 00 (<https://www.w3.org/TR/trace-context/>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: u128,
    parent_id: u64,
    sampled: bool,
}

impl TraceParent {
    /// Reads the header's value; `None` for anything that the recommendation calls invalid.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let lower_hex = |s: &str, len: usize| {
            s.len() == len && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        if version != "00"
            || parts.next().is_some()
            || !lower_hex(trace, 32)
            || !lower_hex(parent, 16)
            || !lower_hex(flags, 2)
        {
            return None;
        }
        let trace_id = u128::from_str_radix(trace, 16).ok()?;
        let parent_id = u64::from_str_radix(parent, 16).ok()?;
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        (trace_id != 0 && parent_id != 0).then_some(Self { trace_id, parent_id, sampled })
    }

    /// A new trace.
    pub fn generate(random: &Random) -> Self {
        let trace_id = (u128::from(random.number()) << 64) | u128::from(random.number()) | 1;
        Self { trace_id, parent_id: random.number() | 1, sampled: true }
    }

    /// The same trace, one step further down.
    pub fn child(&self, random: &Random) -> Self {
        Self { parent_id: random.number() | 1, ..self.clone() }
    }

    /// The trace's id, 32 hexadecimal digits, as logs show it.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.parent_id, u8::from(self.sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_and_written_as_the_recommendation_says() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(TraceParent::parse(text).map(|t| t.to_string()).as_deref(), Some(text));
        for bad in
            ["", "00-0-0-00", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &text.to_uppercase()]
        {
            assert_eq!(TraceParent::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_child_keeps_the_trace() {
        let random = Random::from_seed(1);
        let root = TraceParent::generate(&random);
        let child = root.child(&random);
        assert_eq!(root.trace_id(), child.trace_id());
        assert_ne!(root, child);
    }
}
