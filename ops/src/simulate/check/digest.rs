//! The ledger, sorted by sale and by process; and what can be judged while reading it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sales_shared::fake::ledger::{Ledger, Mark};
use sales_shared::fake::{Entry, Fact, HostId, HostInfo, Moment, Site};
use sales_shared::idempotency::Token;
use sales_shared::region::{Declared, RegionState};
use sales_shared::sale::SaleId;

use super::super::play::Played;
use super::{Check, Verdict};

/// A claim that was granted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub host: HostId,
    pub at: Site,
    pub token: Token,
    pub asked: Moment,
    pub granted: Moment,
    /// For how long the other site's tables had been silent when it was asked for.
    pub other_silent: Duration,
    /// How old the proof was that the other replica held, if it held one.
    pub other_proof: Option<Duration>,
    pub refunded: bool,
}

/// A run of the effects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub host: HostId,
    pub token: Token,
    pub begin: Moment,
    /// When it ended, or its process did.
    pub end: Moment,
    pub well: bool,
}

/// A record settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settlement {
    pub host: Option<HostId>,
    pub at: Site,
    pub token: Option<Token>,
    pub when: Moment,
}

/// A row marked.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowMark {
    pub host: HostId,
    pub at: Site,
    pub how: Mark,
    pub when: Moment,
    /// For how long the other site's tables had been silent then.
    pub other_silent: Duration,
}

/// What happened to one sale.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    pub claims: Vec<Claim>,
    pub runs: Vec<Run>,
    pub settled: Vec<Settlement>,
    /// Settlements on their way.
    pub settling: Vec<(HostId, Token)>,
    /// Settlements refused, because the claim was lost.
    pub too_late: Vec<(HostId, Token)>,
}

/// What happened to one process.
#[derive(Clone, Debug, Default)]
pub(super) struct Life {
    pub killed: Option<Moment>,
    /// When it stopped by itself without having finished.
    pub cut_off: Option<Moment>,
    /// Calls that brought no answer, or an error of the service's.
    pub failures: Vec<(Moment, Site)>,
    reading: Option<(Moment, Declared)>,
}

#[derive(Default)]
pub(super) struct Digest {
    pub hosts: Vec<HostInfo>,
    pub cases: BTreeMap<SaleId, Case>,
    /// Where rows were written.
    pub inserted: BTreeMap<SaleId, BTreeSet<Site>>,
    pub marks: BTreeMap<SaleId, Vec<RowMark>>,
    pub lives: BTreeMap<HostId, Life>,
    /// When each site was dark.
    dark: [Vec<(Moment, Option<Moment>)>; 2],
    /// When the regions were parted.
    parted: Vec<(Moment, Option<Moment>)>,
    asked: BTreeMap<(HostId, SaleId, Site), (Moment, Duration)>,
}

impl Digest {
    pub(super) fn of(ledger: &Ledger, played: &Played, verdict: &mut Verdict) -> Self {
        let mut digest = Self { hosts: played.world.hosts(), ..Self::default() };
        for entry in ledger.entries() {
            digest.read(entry, played, verdict);
        }
        digest
    }

    /// Whether a site was dark at some time within a stretch.
    pub(super) fn was_dark(&self, site: Site, from: Moment, until: Moment) -> bool {
        within(&self.dark[site as usize], from, until)
    }

    /// Whether the regions could not reach each other.
    pub(super) fn were_apart(&self, at: Moment) -> bool {
        within(&self.parted, at, at) || Site::BOTH.into_iter().any(|site| self.was_dark(site, at, at))
    }

    fn read(&mut self, entry: &Entry, played: &Played, verdict: &mut Verdict) {
        let at = entry.at;
        match (&entry.fact, entry.host) {
            (Fact::Darkened { site, .. } | Fact::Lost { site }, _) => {
                self.dark[*site as usize].push((at, None))
            }
            (Fact::Lightened { site }, _) => {
                for (_, end) in self.dark[*site as usize].iter_mut().filter(|(_, end)| end.is_none()) {
                    *end = Some(at);
                }
            }
            (Fact::Parted, _) => self.parted.push((at, None)),
            (Fact::Healed, _) => {
                for (_, end) in self.parted.iter_mut().filter(|(_, end)| end.is_none()) {
                    *end = Some(at);
                }
            }
            (Fact::Deleted { id, shown: false }, _) => {
                verdict.violate(Check::Proof, *id, "a message was deleted without proof");
            }
            (Fact::Inserted { at: site, id }, _) => {
                self.inserted.entry(*id).or_default().insert(*site);
            }
            (Fact::Settled { at: site, id, token, .. }, host) => {
                let settlement = Settlement { host, at: *site, token: *token, when: at };
                self.cases.entry(*id).or_default().settled.push(settlement);
            }
            (fact, Some(host)) => self.read_of(host, fact, at, played, verdict),
            (_, None) => {}
        }
    }

    fn read_of(&mut self, host: HostId, fact: &Fact, at: Moment, played: &Played, verdict: &mut Verdict) {
        match fact {
            Fact::ClaimAsked { at: site, id, other_silent } => {
                self.asked.insert((host, *id, *site), (at, *other_silent));
                self.check_mode(host, *id, at, played, verdict);
            }
            Fact::Marked { at: site, id, how, other_silent } => {
                let mark = RowMark { host, at: *site, how: *how, when: at, other_silent: *other_silent };
                self.marks.entry(*id).or_default().push(mark);
            }
            Fact::Claimed { at: site, id, token, other_proof, .. } => {
                let (asked, other_silent) =
                    self.asked.get(&(host, *id, *site)).copied().unwrap_or((at, Duration::ZERO));
                let (token, other_proof) = (*token, *other_proof);
                let claim = Claim {
                    host,
                    at: *site,
                    token,
                    asked,
                    granted: at,
                    other_silent,
                    other_proof,
                    refunded: false,
                };
                self.cases.entry(*id).or_default().claims.push(claim);
            }
            Fact::GivenUp { id, token, refund: true, .. } => {
                let claims = self.cases.entry(*id).or_default().claims.iter_mut();
                claims.filter(|c| c.host == host && c.token == *token).for_each(|c| c.refunded = true);
            }
            Fact::SettleAsked { id, token, .. } => {
                self.cases.entry(*id).or_default().settling.push((host, *token));
            }
            Fact::SettledTooLate { id, token, .. } => {
                self.cases.entry(*id).or_default().too_late.push((host, *token));
            }
            Fact::RunBegan { id, token } => {
                let run = Run { host, token: *token, begin: at, end: Duration::MAX, well: false };
                self.cases.entry(*id).or_default().runs.push(run);
            }
            Fact::RunEnded { id, token, well } => {
                let runs = &mut self.cases.entry(*id).or_default().runs;
                let of = |run: &&mut Run| run.host == host && run.token == *token && run.end == Duration::MAX;
                if let Some(run) = runs.iter_mut().find(of) {
                    (run.end, run.well) = (at, *well);
                }
            }
            Fact::Killed => {
                self.life(host).killed = Some(at);
                for run in self.cases.values_mut().flat_map(|case| &mut case.runs) {
                    if run.host == host && run.end == Duration::MAX {
                        run.end = at;
                    }
                }
            }
            Fact::Stopped { in_order, in_hand } => {
                if !in_order {
                    self.life(host).cut_off = Some(at);
                } else if *in_hand > 0 {
                    let what =
                        format!("{in_hand} messages were left hidden by a worker that stopped in order");
                    verdict.violate(Check::Stop, None, what);
                }
            }
            Fact::Read { declared } => self.life(host).reading = Some((at, *declared)),
            Fact::Unanswered { at: site, .. } | Fact::Failed { at: site, .. } => {
                self.life(host).failures.push((at, *site));
            }
            Fact::Inserted { .. }
            | Fact::Published { .. }
            | Fact::Received { .. }
            | Fact::Deleted { .. }
            | Fact::Released { .. }
            | Fact::DeadLettered { .. }
            | Fact::GivenUp { .. }
            | Fact::Settled { .. }
            | Fact::Archived { .. }
            | Fact::Started
            | Fact::Stopping
            | Fact::Darkened { .. }
            | Fact::Lightened { .. }
            | Fact::Lost { .. }
            | Fact::Parted
            | Fact::Healed
            | Fact::Declared { .. }
            | Fact::Accepted { .. }
            | Fact::Note(_) => {}
        }
    }

    fn life(&mut self, host: HostId) -> &mut Life {
        self.lives.entry(host).or_default()
    }

    /// A claim is asked for in the very moment of the decision, so the last reading must have said ACTIVE.
    fn check_mode(&mut self, host: HostId, id: SaleId, at: Moment, played: &Played, verdict: &mut Verdict) {
        let policy = played.plan.state;
        let active = Declared::Known(RegionState::Active);
        let reading = self.life(host).reading;
        // An answer's age counts from when it was asked for, a moment before it came.
        if !reading.is_some_and(|(read, declared)| declared == active && at <= read + policy.max_age) {
            let said = reading.map(|(read, declared)| (declared, at.saturating_sub(read)));
            verdict.violate(
                Check::Mode,
                Some(id),
                format!("a claim was asked for when the last reading was {said:?}"),
            );
        }
    }
}

/// Whether one of these spells falls into a stretch.
fn within(spells: &[(Moment, Option<Moment>)], from: Moment, until: Moment) -> bool {
    spells.iter().any(|(begin, end)| *begin <= until && end.is_none_or(|end| end >= from))
}
