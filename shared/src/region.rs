//! Regions, what the operator declared for them, and what a worker may therefore do.

pub mod cached;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::sale::SaleId;

/// The name of an AWS region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Arc<str>);

/// A text that is no region's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a region: a name like sa-east-1 is expected")]
pub struct InvalidRegion;

/// Longest name of a region, in bytes.
const REGION_MAX_BYTES: usize = 32;

impl Region {
    /// Checks a name: lower-case letters, digits and dashes.
    ///
    /// # Errors
    /// [`InvalidRegion`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidRegion> {
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let length_ok = (1..=REGION_MAX_BYTES).contains(&text.len());
        if plain && length_ok { Ok(Self(text.into())) } else { Err(InvalidRegion) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which of the two sites, seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The site this process runs in.
    Local,
    /// The other one.
    Peer,
}

/// The two regions of a deployment, seen from one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sites {
    local: Region,
    peer: Region,
}

/// A deployment needs two regions that differ.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("AWS_REGION and PEER_REGION must differ")]
pub struct SameRegion;

impl Sites {
    /// # Errors
    /// [`SameRegion`] when both are the same.
    pub fn new(local: Region, peer: Region) -> Result<Self, SameRegion> {
        if local == peer { Err(SameRegion) } else { Ok(Self { local, peer }) }
    }

    /// The region this process runs in.
    pub fn local(&self) -> &Region {
        &self.local
    }

    /// The other region.
    pub fn peer(&self) -> &Region {
        &self.peer
    }

    /// The region on a side.
    pub fn region(&self, side: Side) -> &Region {
        match side {
            Side::Local => &self.local,
            Side::Peer => &self.peer,
        }
    }

    /// The region that comes first by name: a choice on which both sites agree without asking.
    pub fn first(&self) -> &Region {
        self.local.as_ref_min(&self.peer)
    }

    /// The side a region is on. A region that is neither (a stray message of another deployment) counts as the
    /// first by name, so that both sites still agree.
    pub fn side(&self, region: &Region) -> Side {
        let known = if *region == self.local || *region == self.peer { region } else { self.first() };
        if *known == self.local { Side::Local } else { Side::Peer }
    }

    /// The side at whose DynamoDB endpoint the claim on a sale is decided: its owner region.
    ///
    /// A sale with an idempotency key may be accepted in both regions at once, each stamping its own owner before
    /// the other's row has replicated. All claims on it must still meet in one place, so its authority is the
    /// region that comes first by name, whoever owns it.
    pub fn authority(&self, id: SaleId, owner: &Region) -> Side {
        if id.is_keyed() { self.side(self.first()) } else { self.side(owner) }
    }
}

impl Region {
    fn as_ref_min<'a>(&'a self, other: &'a Region) -> &'a Region {
        if other < self { other } else { self }
    }
}

/// What the operator declared for a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegionState {
    /// This site does the work.
    Active,
    /// This site dry-runs.
    Passive,
    /// This site leaves its queue alone.
    Hold,
}

/// A parameter value that is none of the three states.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a region state: ACTIVE, PASSIVE or HOLD is expected")]
pub struct UnknownState;

impl RegionState {
    /// All of them.
    pub const ALL: [RegionState; 3] = [RegionState::Active, RegionState::Passive, RegionState::Hold];

    /// Reads a parameter's value. Space around it is forgiven, another spelling is not: a state that has to be
    /// guessed at is no state.
    ///
    /// # Errors
    /// [`UnknownState`]; whoever reads the state holds then.
    pub fn parse(text: &str) -> Result<Self, UnknownState> {
        match text.trim() {
            "ACTIVE" => Ok(RegionState::Active),
            "PASSIVE" => Ok(RegionState::Passive),
            "HOLD" => Ok(RegionState::Hold),
            _ => Err(UnknownState),
        }
    }

    /// The value that the parameter holds for it.
    pub fn as_str(self) -> &'static str {
        match self {
            RegionState::Active => "ACTIVE",
            RegionState::Passive => "PASSIVE",
            RegionState::Hold => "HOLD",
        }
    }
}

impl fmt::Display for RegionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a parameter said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// One of the three states.
    Known(RegionState),
    /// No parameter, or a value that is none of the states: hold.
    Unknown,
}

/// A state as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What the parameter said.
    pub declared: Declared,
    /// The parameter's version; 0 when there is no parameter.
    pub version: u64,
    /// When the read that brought it was begun: the state is at least as new as that.
    pub read_at: Instant,
}

impl Reading {
    /// How old the reading is.
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.read_at)
    }

    /// The state to act on.
    pub fn state(&self) -> RegionState {
        match self.declared {
            Declared::Known(state) => state,
            Declared::Unknown => RegionState::Hold,
        }
    }
}

/// What a worker may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Claim and process.
    Process,
    /// Delete on proof, hold otherwise.
    DryRun,
    /// Receive nothing.
    Hold,
}

impl Mode {
    /// From the last reading, if there is one. What is unknown or older than `max_age` is held.
    pub fn from_reading(reading: Option<&Reading>, now: Instant, max_age: Duration) -> Self {
        match reading {
            None => Mode::Hold,
            Some(reading) if reading.age(now) > max_age => Mode::Hold,
            Some(reading) => match reading.state() {
                RegionState::Active => Mode::Process,
                RegionState::Passive => Mode::DryRun,
                RegionState::Hold => Mode::Hold,
            },
        }
    }
}

/// The region that should process a new sale: this one if it is ACTIVE, else the peer. When nothing is known
/// of the state, not even from before, this region: an unreadable state never fails a sale.
pub fn owner_of_new_sale(last_known: Option<RegionState>, sites: &Sites) -> &Region {
    match last_known {
        Some(RegionState::Active) | None => sites.local(),
        Some(RegionState::Passive | RegionState::Hold) => sites.peer(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sale::{IdempotencyKey, SaleId};

    fn sites(local: &str, peer: &str) -> Sites {
        Sites::new(Region::parse(local).unwrap(), Region::parse(peer).unwrap()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_unknown_or_too_old_is_held() {
        let max_age = Duration::from_secs(3600);
        let read_at = Instant::now();
        let reading = |declared| Reading { declared, version: 1, read_at };
        let mode = |r: Option<&Reading>, age: u64| {
            Mode::from_reading(r, read_at + Duration::from_secs(age), max_age)
        };
        assert_eq!(mode(None, 0), Mode::Hold);
        assert_eq!(mode(Some(&reading(Declared::Unknown)), 0), Mode::Hold);
        let active = reading(Declared::Known(RegionState::Active));
        assert_eq!(mode(Some(&active), 3600), Mode::Process);
        assert_eq!(mode(Some(&active), 3601), Mode::Hold);
        assert_eq!(mode(Some(&reading(Declared::Known(RegionState::Passive))), 0), Mode::DryRun);
        assert_eq!(mode(Some(&reading(Declared::Known(RegionState::Hold))), 0), Mode::Hold);
    }

    #[test]
    fn a_misspelt_state_is_no_state() {
        for text in
            ["", "active", "Active", "ACTIVE.", "ACTIV", "PASIVE", "ACTIVE PASSIVE", "null", "PRIMARY"]
        {
            assert_eq!(RegionState::parse(text), Err(UnknownState), "{text}");
        }
        assert_eq!(RegionState::parse(" ACTIVE\n"), Ok(RegionState::Active));
    }

    #[test]
    fn both_sites_agree_on_the_authority_of_every_sale() {
        let (here, there) = (sites("sa-east-1", "us-east-1"), sites("us-east-1", "sa-east-1"));
        let keyed = SaleId::from_key(&IdempotencyKey::parse("k").unwrap());
        let plain = SaleId::parse("0199c5a0-6f1e-7c3a-9b1d-0c2f4e6a8b10").unwrap();
        for id in [keyed, plain] {
            for owner in ["sa-east-1", "us-east-1", "eu-west-1"] {
                let owner = Region::parse(owner).unwrap();
                let (a, b) = (here.authority(id, &owner), there.authority(id, &owner));
                assert_eq!(here.region(a), there.region(b), "{id} {owner}");
            }
        }
        let us = Region::parse("us-east-1").unwrap();
        assert_eq!(here.authority(plain, &us), Side::Peer, "a plain sale is decided where it is owned");
        assert_eq!(here.authority(keyed, &us), Side::Local, "a keyed one where both regions look");
    }

    #[test]
    fn an_unreadable_state_makes_this_region_the_owner_and_a_passive_one_the_peer() {
        let sites = sites("sa-east-1", "us-east-1");
        for (state, owner) in [
            (None, "sa-east-1"),
            (Some(RegionState::Active), "sa-east-1"),
            (Some(RegionState::Passive), "us-east-1"),
            (Some(RegionState::Hold), "us-east-1"),
        ] {
            assert_eq!(owner_of_new_sale(state, &sites).as_str(), owner);
        }
    }

    proptest! {
        #[test]
        fn only_the_three_spellings_are_states(text in "\\PC{0,12}") {
            let known = matches!(text.trim(), "ACTIVE" | "PASSIVE" | "HOLD");
            prop_assert_eq!(RegionState::parse(&text).is_ok(), known);
        }
    }
}
