//! The worker's choice for one sale: the table of the design, as one pure function.

use std::time::Duration;

use super::{Lease, Proof, Record, Status};
use crate::backoff::Backoff;
use crate::clock::Timestamp;
use crate::region::{Mode, Side};

/// The relations that a choice depends on.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Age from which the other region may take a sale over.
    pub takeover_after: Duration,
    /// The most by which a host's clock may be off.
    pub max_clock_skew: Duration,
    /// How long a PASSIVE worker waits before it looks again.
    pub dry_run: Backoff,
    /// How long to wait when an endpoint did not answer but is not known to be unreachable.
    pub uncertain: Duration,
    /// Whether the tables are strongly consistent across regions. Then every endpoint decides alike.
    pub strong_tables: bool,
}

/// What the design starts with: a dry run looks again after 5 s, doubling to 30 s.
pub const DRY_RUN_BACKOFF: Backoff =
    Backoff { first: Duration::from_secs(5), ceiling: Duration::from_secs(30) };

/// How long to wait when an endpoint did not answer.
pub const UNCERTAIN_WAIT: Duration = Duration::from_secs(1);

/// What the peer's replica is known to say.
#[derive(Clone, Copy, Debug)]
pub enum PeerView<'a> {
    /// Not asked yet.
    NotAsked,
    /// Its answer.
    Answered(Option<&'a Record>),
    /// It did not answer, but is not known to be unreachable.
    Uncertain,
    /// It has been silent for long enough.
    Unreachable,
}

/// Whether the authority answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorityView {
    /// Nothing speaks against it.
    Reachable,
    /// It did not answer, but is not known to be unreachable.
    Uncertain,
    /// It has been silent for long enough.
    Unreachable,
}

/// All that a choice depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// What this worker may do.
    pub mode: Mode,
    /// Where the sale is owned.
    pub owner: Side,
    /// Where claims on it are decided.
    pub authority: Side,
    /// The newest record seen, at a replica or in the refusal of a claim.
    pub record: Option<&'a Record>,
    /// Where it was seen.
    pub record_at: Side,
    /// What the peer's replica says.
    pub peer_view: PeerView<'a>,
    /// Whether the authority answers.
    pub authority_view: AuthorityView,
    /// The sale's age by this host's clock.
    pub age: Duration,
    /// Whether the sale stands for an `Idempotency-Key`. Such a sale may have been accepted before, in the other region: its
    /// age is that of one acceptance, and an earlier one may have been taken over.
    pub is_keyed: bool,
    /// This host's clock.
    pub now: Timestamp,
    /// How often the message was received, counted from 1.
    pub receive_count: u32,
}

/// What to do with a sale now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is settled: its message may go.
    Settled(Proof),
    /// It is settled at the peer's replica. Its message goes when the proof is at the local one as well: if the peer were
    /// lost for good before that, nothing else here would remember the sale.
    SettledAtPeer,
    /// Not now: look again after this time.
    Release {
        /// How long.
        after: Duration,
        /// Why.
        why: Wait,
    },
    /// Read the peer's replica, then decide again.
    AskPeer,
    /// Claim it at this endpoint, then process it, or decide again with the record that stood in the way.
    Claim {
        /// The authority's side.
        at: Side,
    },
    /// Claim it at the local endpoint, because its authority cannot be reached.
    TakeOver,
}

/// Why a sale waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// This site holds.
    Hold,
    /// This site is PASSIVE and there is no proof yet.
    NoProof,
    /// Somebody holds the claim.
    Leased,
    /// The owner region comes first.
    OwnerFirst,
    /// An endpoint did not answer.
    NoAnswer,
}

/// How long a message that a holding worker has in hand is put back for.
const HOLD_WAIT: Duration = Duration::from_secs(5);

/// The table of the design.
pub fn decide(situation: &Situation<'_>, policy: &Policy) -> Choice {
    match situation.mode {
        Mode::Hold => Choice::Release { after: HOLD_WAIT, why: Wait::Hold },
        Mode::DryRun => dry_run(situation, policy),
        Mode::Process => process(situation, policy),
    }
}

fn dry_run(situation: &Situation<'_>, policy: &Policy) -> Choice {
    match situation.record.and_then(Record::proof) {
        Some(proof) => settled(proof, situation.record_at),
        None => Choice::Release { after: policy.dry_run.delay(situation.receive_count), why: Wait::NoProof },
    }
}

fn process(situation: &Situation<'_>, policy: &Policy) -> Choice {
    if let Some(choice) = stands_in_the_way(situation.record, situation.record_at, situation.now) {
        return choice;
    }
    if situation.owner == Side::Peer && situation.age < policy.takeover_after {
        return Choice::Release { after: policy.takeover_after - situation.age, why: Wait::OwnerFirst };
    }
    if policy.strong_tables {
        return Choice::Claim { at: Side::Local };
    }
    match situation.authority {
        Side::Local => claim_here(situation, policy),
        Side::Peer => claim_there(situation, policy),
    }
}

fn settled(proof: Proof, seen_at: Side) -> Choice {
    match seen_at {
        Side::Local => Choice::Settled(proof),
        Side::Peer => Choice::SettledAtPeer,
    }
}

/// A record that is settled or held by somebody decides by itself.
fn stands_in_the_way(record: Option<&Record>, seen_at: Side, now: Timestamp) -> Option<Choice> {
    let record = record?;
    if let Some(proof) = record.proof() {
        return Some(settled(proof, seen_at));
    }
    match &record.status {
        Status::InProgress(lease) if lease.is_valid(now) => {
            Some(Choice::Release { after: lease.until.since(now), why: Wait::Leased })
        }
        Status::InProgress(_) | Status::Completed(_) | Status::Parked { .. } => None,
    }
}

/// This region is the authority. If the sale, or an earlier acceptance of its key, may be old enough for the peer to have
/// taken it over while this region was dark, the peer's replica is asked first. Clocks may differ, so it is asked a
/// little earlier.
fn claim_here(situation: &Situation<'_>, policy: &Policy) -> Choice {
    let here = Choice::Claim { at: Side::Local };
    let is_young = situation.age + policy.max_clock_skew * 2 < policy.takeover_after;
    if is_young && !situation.is_keyed {
        return here;
    }
    match situation.peer_view {
        PeerView::NotAsked => Choice::AskPeer,
        PeerView::Answered(record) => stands_in_the_way(record, Side::Peer, situation.now).unwrap_or(here),
        PeerView::Uncertain => Choice::Release { after: policy.uncertain, why: Wait::NoAnswer },
        PeerView::Unreachable => here,
    }
}

fn claim_there(situation: &Situation<'_>, policy: &Policy) -> Choice {
    match situation.authority_view {
        AuthorityView::Reachable => Choice::Claim { at: Side::Peer },
        AuthorityView::Uncertain => Choice::Release { after: policy.uncertain, why: Wait::NoAnswer },
        AuthorityView::Unreachable => Choice::TakeOver,
    }
}

impl Lease {
    /// Whether somebody still holds it.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.until > now
    }
}

#[cfg(test)]
mod tests;
