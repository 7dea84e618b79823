//! Which design a history runs: the real one, the real one with a mechanism taken out, or the one it replaces.

use std::fmt;

/// A design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// This project's.
    Current,
    /// This project's, broken in one place.
    Mutated(Mutation),
    /// The older service's: check, act, then mark; a PASSIVE worker discards what it receives.
    Older,
}

/// A mechanism taken out. Each stands in for one promise, and the simulator has to notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutation {
    /// A PASSIVE worker deletes without proof.
    DryRunDeletes,
    /// A read, then an unconditional write, in place of the conditional claim.
    CheckThenSet,
    /// `complete` does not ask whose claim it is.
    CompletionWithoutToken,
    /// A claim is held for ever.
    NoLease,
    /// Claims are made at the local replica, whoever owns the sale.
    ClaimAtLocalReplica,
    /// The outbox is empty.
    NoOutbox,
    /// A state that cannot be read means PASSIVE, and PASSIVE deletes.
    UnknownDeletes,
    /// The archive key holds today's date in place of the sale's.
    TodaysDate,
    /// Every receive counts as an attempt.
    DeferralsCount,
    /// A stop drops what the receive under way brings.
    DrainDropsReceive,
    /// A proof that was seen at the peer's replica counts as if it were here.
    PeerProofCounts,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Mutation; 11] = [
        Mutation::DryRunDeletes,
        Mutation::CheckThenSet,
        Mutation::CompletionWithoutToken,
        Mutation::NoLease,
        Mutation::ClaimAtLocalReplica,
        Mutation::NoOutbox,
        Mutation::UnknownDeletes,
        Mutation::TodaysDate,
        Mutation::DeferralsCount,
        Mutation::DrainDropsReceive,
        Mutation::PeerProofCounts,
    ];

    /// What is broken, in a few words.
    pub fn describe(self) -> &'static str {
        match self {
            Mutation::DryRunDeletes => "dry run deletes without proof",
            Mutation::CheckThenSet => "check-then-set in place of the claim",
            Mutation::CompletionWithoutToken => "completion without the token",
            Mutation::NoLease => "no lease",
            Mutation::ClaimAtLocalReplica => "claim at the local replica always",
            Mutation::NoOutbox => "no outbox",
            Mutation::UnknownDeletes => "unknown state means PASSIVE and delete",
            Mutation::TodaysDate => "today's date in the archive key",
            Mutation::DeferralsCount => "deferrals counted as attempts",
            Mutation::DrainDropsReceive => "drain drops the long poll's messages",
            Mutation::PeerProofCounts => "a proof at the peer's replica counts here",
        }
    }
}

impl fmt::Display for Design {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Design::Current => f.write_str("current"),
            Design::Mutated(mutation) => write!(f, "current, but {}", mutation.describe()),
            Design::Older => f.write_str("older"),
        }
    }
}
