//! The record of what happened, as only the world can see it.

use std::fmt;
use std::time::Duration;

use super::host::HostId;
use super::parameter::ParameterValue;
use super::site::Site;
use super::weather::Outage;
use super::world::Moment;
use crate::idempotency::{ProofKind, Token};
use crate::ports::PortErrorKind;
use crate::region::Declared;
use crate::sale::SaleId;

/// Everything that happened, in order.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    entries: Vec<Entry>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When.
    pub at: Moment,
    /// Whose doing it was; nobody's for what the world does.
    pub host: Option<HostId>,
    /// What.
    pub fact: Fact,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum Fact {
    /// A new row was written.
    Inserted { at: Site, id: SaleId },
    /// A row was marked, while the other site's tables had been silent towards whoever did it for so long.
    Marked { at: Site, id: SaleId, how: Mark, other_silent: Duration },
    /// A publish took effect.
    Published { at: Site, id: Option<SaleId> },
    /// A message was handed to a worker.
    Received { id: Option<SaleId>, count: u32 },
    /// A message was deleted. `shown` says whether this process had been shown a proof, or had seen the body to the dead-letter queue.
    Deleted { id: Option<SaleId>, shown: bool },
    /// A message was put back.
    Released { id: Option<SaleId>, after: Duration },
    /// A message was put into the dead-letter queue.
    DeadLettered { at: Site, id: Option<SaleId>, reason: String },
    /// A claim was asked for at an endpoint (before its decision), while the other site's tables had been silent for so long.
    ClaimAsked { at: Site, id: SaleId, other_silent: Duration },
    /// A claim was granted, while the other replica held a proof of that age, if any.
    Claimed { at: Site, id: SaleId, token: Token, attempts: u32, other_proof: Option<Duration> },
    /// A claim was given up.
    GivenUp { at: Site, id: SaleId, token: Token, refund: bool },
    /// A settlement was asked for (before its decision).
    SettleAsked { at: Site, id: SaleId, token: Token },
    /// A record was settled.
    Settled { at: Site, id: SaleId, token: Option<Token>, kind: ProofKind },
    /// A settlement came too late: the claim was lost.
    SettledTooLate { at: Site, id: SaleId, token: Token },
    /// An object was written (`new`), or there was one.
    Archived { at: Site, key: String, new: bool },
    /// The parameter was read.
    Read { declared: Declared },
    /// No answer came.
    Unanswered { at: Site, operation: &'static str, effect: bool },
    /// An answer came, and was an error.
    Failed { at: Site, operation: &'static str, kind: PortErrorKind },
    /// The effects of a sale began to run.
    RunBegan { id: SaleId, token: Token },
    /// They ended, well or not.
    RunEnded { id: SaleId, token: Token, well: bool },
    /// A process began.
    Started,
    /// A process was told to stop.
    Stopping,
    /// A process ended by itself, in order or because its time ran out, with so many messages still in hand.
    Stopped { in_order: bool, in_hand: usize },
    /// A process was killed.
    Killed,
    /// A site's endpoints stopped answering.
    Darkened { site: Site, outage: Outage },
    /// They answer again.
    Lightened { site: Site },
    /// A site is gone for good.
    Lost { site: Site },
    /// The regions cannot reach each other.
    Parted,
    /// They can again.
    Healed,
    /// An operator wrote a parameter.
    Declared { site: Site, value: ParameterValue },
    /// A client was answered that its sale is accepted.
    Accepted { id: SaleId },
    /// Anything else worth reading in a trace.
    Note(String),
}

/// How a row was marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Processed.
    Processed,
    /// Parked.
    Parked,
    /// A tombstone.
    Deleted,
    /// Back in the outbox.
    Reopened,
}

impl Ledger {
    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// All of it.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What concerns one sale, and what concerned everybody.
    pub fn of(&self, id: SaleId) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.fact.sale().is_none_or(|about| about == id))
    }
}

impl Fact {
    /// The sale that it is about. Objects are found by their key.
    pub fn sale(&self) -> Option<SaleId> {
        match self {
            Fact::Inserted { id, .. }
            | Fact::Marked { id, .. }
            | Fact::ClaimAsked { id, .. }
            | Fact::Claimed { id, .. }
            | Fact::GivenUp { id, .. }
            | Fact::SettleAsked { id, .. }
            | Fact::Settled { id, .. }
            | Fact::SettledTooLate { id, .. }
            | Fact::RunBegan { id, .. }
            | Fact::RunEnded { id, .. }
            | Fact::Accepted { id } => Some(*id),
            Fact::Published { id, .. }
            | Fact::Received { id, .. }
            | Fact::Deleted { id, .. }
            | Fact::Released { id, .. }
            | Fact::DeadLettered { id, .. } => *id,
            Fact::Archived { key, .. } => {
                let name = key.rsplit('/').next()?;
                SaleId::parse(name.strip_suffix(".json")?).ok()
            }
            Fact::Read { .. }
            | Fact::Unanswered { .. }
            | Fact::Failed { .. }
            | Fact::Started
            | Fact::Stopping
            | Fact::Stopped { .. }
            | Fact::Killed
            | Fact::Darkened { .. }
            | Fact::Lightened { .. }
            | Fact::Lost { .. }
            | Fact::Parted
            | Fact::Healed
            | Fact::Declared { .. }
            | Fact::Note(_) => None,
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::Inserted { at, .. } => write!(f, "row written in {}", at.name()),
            Fact::Marked { at, how, .. } => write!(f, "row marked {how:?} in {}", at.name()),
            Fact::Published { at, .. } => write!(f, "published in {}", at.name()),
            Fact::Received { count, .. } => write!(f, "received for the {count}. time"),
            Fact::Deleted { shown: true, .. } => f.write_str("message deleted"),
            Fact::Deleted { shown: false, .. } => f.write_str("message deleted WITHOUT PROOF"),
            Fact::Released { after, .. } => write!(f, "message put back for {after:?}"),
            Fact::DeadLettered { at, reason, .. } => write!(f, "dead letter in {}: {reason}", at.name()),
            Fact::ClaimAsked { at, other_silent, .. } => {
                let silent = other_silent.as_secs_f64();
                write!(
                    f,
                    "asks {} for the claim; {} last answered {silent} s ago",
                    at.name(),
                    at.other().name()
                )
            }
            Fact::Claimed { at, token, attempts, other_proof, .. } => {
                write!(f, "claim {} granted in {}, attempt {attempts}", token.0, at.name())?;
                match other_proof {
                    Some(age) => write!(f, ", with a proof {} s old at the other replica", age.as_secs_f64()),
                    None => Ok(()),
                }
            }
            Fact::GivenUp { at, token, refund, .. } => {
                write!(
                    f,
                    "claim {} given up in {}{}",
                    token.0,
                    at.name(),
                    if *refund { ", refunded" } else { "" }
                )
            }
            Fact::SettleAsked { at, token, .. } => {
                write!(f, "asks {} to settle claim {}", at.name(), token.0)
            }
            Fact::Settled { at, kind, .. } => write!(f, "record {kind:?} in {}", at.name()),
            Fact::SettledTooLate { at, token, .. } => {
                write!(f, "claim {} was lost in {}", token.0, at.name())
            }
            Fact::Archived { at, key, new } => {
                write!(f, "object {key} {} in {}", if *new { "written" } else { "was there" }, at.name())
            }
            Fact::Read { declared } => write!(f, "parameter read: {declared:?}"),
            Fact::Unanswered { at, operation, effect } => {
                let effect = if *effect { ", which took effect" } else { "" };
                write!(f, "{} does not answer {operation}{effect}", at.name())
            }
            Fact::Failed { at, operation, kind } => write!(f, "{} answers {operation}: {kind}", at.name()),
            Fact::RunBegan { token, .. } => write!(f, "effects begin under claim {}", token.0),
            Fact::RunEnded { token, well, .. } => {
                write!(f, "effects under claim {} {}", token.0, if *well { "done" } else { "failed" })
            }
            Fact::Started => f.write_str("started"),
            Fact::Stopping => f.write_str("told to stop"),
            Fact::Stopped { in_order, in_hand } => {
                let how = if *in_order { "stopped" } else { "stopped, out of time" };
                write!(f, "{how}, {in_hand} messages in hand")
            }
            Fact::Killed => f.write_str("KILLED"),
            Fact::Darkened { site, outage } => write!(f, "{} goes dark ({outage:?})", site.name()),
            Fact::Lightened { site } => write!(f, "{} is back", site.name()),
            Fact::Lost { site } => write!(f, "{} is lost for good", site.name()),
            Fact::Parted => f.write_str("the regions are parted"),
            Fact::Healed => f.write_str("the regions are joined again"),
            Fact::Declared { site, value } => write!(f, "operator writes {value:?} in {}", site.name()),
            Fact::Accepted { .. } => f.write_str("accepted"),
            Fact::Note(text) => f.write_str(text),
        }
    }
}
