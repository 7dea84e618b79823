//! Whether the authority can be reached: the evidence that a takeover needs.
//!
//! One lost answer is no reason to claim elsewhere: the authority may well be alive, with another worker claiming
//! there. Only a silence that lasts is. While it lasts, one call at a time goes on asking, so that the end of
//! the silence is noticed and the rest of the work does not wait for time-outs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long, and with how many calls, an endpoint has to stay silent before it counts as unreachable.
#[derive(Clone, Copy, Debug)]
pub struct SilencePolicy {
    /// Shortest silence.
    pub lasting: Duration,
    /// Fewest calls without an answer in it.
    pub calls: u32,
    /// While silent, one call in this time goes through as a probe.
    pub probe_every: Duration,
}

impl Default for SilencePolicy {
    fn default() -> Self {
        Self { lasting: Duration::from_secs(3), calls: 3, probe_every: Duration::from_secs(1) }
    }
}

/// What to do with a call to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Make the call.
    Call,
    /// It has been silent for long enough: act without it.
    Unreachable,
}

/// What a call without an answer amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not silent for long enough yet: try again later.
    Uncertain,
    /// Silent for long enough.
    Unreachable,
}

/// What is known of one endpoint's silence. Shared by all the work of one process.
#[derive(Debug)]
pub struct Reachability {
    policy: SilencePolicy,
    silence: Mutex<Silence>,
}

#[derive(Debug, Default)]
struct Silence {
    /// The last answer. A call that began before it and brought none says nothing about the time before.
    heard: Option<Instant>,
    since: Option<Instant>,
    /// The last call that brought no answer.
    last: Option<Instant>,
    calls: u32,
    last_probe: Option<Instant>,
}

impl Reachability {
    /// Nothing known yet.
    pub fn new(policy: SilencePolicy) -> Self {
        Self { policy, silence: Mutex::default() }
    }

    /// Ask before a call. A silence that nobody has put to the test for as long as it takes to establish one may be
    /// over: then everybody calls.
    pub fn advice(&self, now: Instant) -> Advice {
        let mut silence = self.silence();
        if self.verdict(&silence, now) == Verdict::Uncertain {
            return Advice::Call;
        }
        if silence.last.is_none_or(|last| now - last > self.policy.lasting) {
            return Advice::Call;
        }
        let probe_is_due = silence.last_probe.is_none_or(|last| now - last >= self.policy.probe_every);
        if probe_is_due {
            silence.last_probe = Some(now);
            Advice::Call
        } else {
            Advice::Unreachable
        }
    }

    /// Any answer, a refusal too, ends the silence.
    pub fn answered(&self) {
        *self.silence() = Silence { heard: Some(Instant::now()), ..Silence::default() };
    }

    /// A call that began at `begun` brought no answer.
    pub fn no_answer(&self, begun: Instant, now: Instant) -> Verdict {
        let mut silence = self.silence();
        let from = silence.heard.map_or(begun, |heard| heard.max(begun));
        silence.since.get_or_insert(from);
        silence.last = Some(now);
        silence.calls = silence.calls.saturating_add(1);
        self.verdict(&silence, now)
    }

    fn verdict(&self, silence: &Silence, now: Instant) -> Verdict {
        let lasted = silence.since.is_some_and(|since| now - since >= self.policy.lasting);
        if lasted && silence.calls >= self.policy.calls { Verdict::Unreachable } else { Verdict::Uncertain }
    }

    fn silence(&self) -> std::sync::MutexGuard<'_, Silence> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_lost_answer_or_a_short_silence_is_no_reason_for_a_takeover() {
        let reach = Reachability::new(SilencePolicy::default());
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(reach.no_answer(start, at(5000)), Verdict::Uncertain, "one long call");
        reach.answered();
        for ms in [5100, 5200, 5300, 5400] {
            assert_eq!(reach.no_answer(at(ms), at(ms + 50)), Verdict::Uncertain, "many short ones");
        }
        assert_eq!(reach.advice(at(6000)), Advice::Call);
    }

    #[tokio::test(start_paused = true)]
    async fn in_a_lasting_silence_one_call_a_second_goes_on_asking() {
        let reach = Reachability::new(SilencePolicy::default());
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        reach.no_answer(start, at(1000));
        reach.no_answer(at(1000), at(2000));
        assert_eq!(reach.no_answer(at(2000), at(3000)), Verdict::Unreachable);
        assert_eq!(reach.advice(at(3000)), Advice::Call, "the probe");
        assert_eq!(reach.advice(at(3500)), Advice::Unreachable);
        assert_eq!(reach.advice(at(4000)), Advice::Call);
        assert_eq!(reach.advice(at(4001)), Advice::Unreachable);
        assert_eq!(reach.advice(at(6001)), Advice::Call, "nobody has asked for a while");
        assert_eq!(reach.advice(at(6001)), Advice::Call, "so everybody does");
        reach.answered();
        assert_eq!(reach.advice(at(4001)), Advice::Call, "an answer ends it");
        assert_eq!(reach.no_answer(at(4001), at(9000)), Verdict::Uncertain);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_says_nothing_about_the_time_before_an_answer_that_overtook_it() {
        let reach = Reachability::new(SilencePolicy::default());
        let start = Instant::now();
        tokio::time::advance(Duration::from_secs(3)).await;
        reach.answered();
        for _ in 0..3 {
            assert_eq!(reach.no_answer(start, Instant::now()), Verdict::Uncertain);
        }
    }
}
