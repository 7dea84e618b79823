//! What a drill does to the regions, and when.

use std::time::Duration;

/// What goes on in the middle of a drill.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// A planned change of the active region
    Switchover,
    /// The active region's worker is killed with signal 9, and the work moved after it
    Kill,
    /// The active region's AWS goes dark, and the other one takes over alone
    Dark,
    /// Both regions are made ACTIVE at once
    Both,
}

/// How long a drill lasts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Length {
    /// Of the traffic.
    pub load: Duration,
}

/// Longest time that an operator, or an alarm, needs to notice an outage in a drill.
const NOTICE_MAX: Duration = Duration::from_secs(3);

impl Variant {
    /// All of them.
    pub const ALL: [Variant; 4] = [Variant::Switchover, Variant::Kill, Variant::Dark, Variant::Both];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Variant::Switchover => "switchover",
            Variant::Kill => "kill",
            Variant::Dark => "dark",
            Variant::Both => "both",
        }
    }

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Variant::Switchover => "Planned switchover",
            Variant::Kill => "Worker killed with signal 9",
            Variant::Dark => "Active region dark",
            Variant::Both => "Both regions ACTIVE",
        }
    }

    /// What happens, in a line.
    pub fn about(self) -> &'static str {
        match self {
            Variant::Switchover => {
                "The parameter of the other region becomes ACTIVE, then that of the old one PASSIVE."
            }
            Variant::Kill => {
                "The active region's only worker dies between two lines of code; the work is moved after it, and later the platform starts another."
            }
            Variant::Dark => {
                "No call to the active region's AWS is answered; the other region is made ACTIVE without touching it; later the light returns."
            }
            Variant::Both => "The other region becomes ACTIVE too, and both take sales and work at once.",
        }
    }

    /// Whether something breaks, so that the design admits reruns and takeovers.
    pub fn breaks(self) -> bool {
        match self {
            Variant::Kill | Variant::Dark => true,
            Variant::Switchover | Variant::Both => false,
        }
    }
}

impl Length {
    /// When it happens: after a third.
    pub(super) fn event(self) -> Duration {
        self.load / 3
    }

    /// When the parameter is written after an outage.
    pub(super) fn flip_after_outage(self) -> Duration {
        self.event() + NOTICE_MAX.min(self.load / 6)
    }

    /// When what broke is mended, the light back or the worker started again: after two thirds.
    pub(super) fn mended(self) -> Duration {
        self.load * 2 / 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_noticed_before_it_ends() {
        for seconds in [6, 30, 600] {
            let length = Length { load: Duration::from_secs(seconds) };
            assert!(
                length.event() < length.flip_after_outage() && length.flip_after_outage() < length.mended()
            );
        }
    }
}
