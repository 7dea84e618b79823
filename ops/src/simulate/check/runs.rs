//! Never two claims at work on one sale, and never a run after a proof that could be seen: which of several runs of one
//! sale the design admits.

use std::time::Duration;

use sales_shared::fake::ledger::Mark;
use sales_shared::fake::{HostId, Moment, Site};
use sales_shared::sale::SaleId;

use super::super::play::Played;
use super::digest::{Case, Claim, Digest, RowMark, Run};
use super::{Check, Verdict};

/// Shortest silence of an authority that excuses a takeover, and fewest calls without an answer in it: the defaults of
/// `SilencePolicy`.
const SILENCE: Duration = Duration::from_secs(3);
const UNANSWERED_MIN: usize = 3;
/// How long after its making a proof at the other replica may go unseen: the time between a look there and the claim that
/// follows it.
const UNSEEN_FOR: Duration = Duration::from_secs(5);

/// How a run beside the first is to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Judgement {
    /// The one before failed: this was the next attempt.
    Retry,
    Rerun,
    DoubleRun,
    Doubled(&'static str),
}

pub(super) fn check(digest: &Digest, played: &Played, verdict: &mut Verdict) {
    for (id, case) in &digest.cases {
        check_takeovers(digest, played, *id, case, verdict);
        check_tokens(*id, case, verdict);
        for (index, run) in case.runs.iter().enumerate() {
            let judge = Judge { digest, played, id: *id, case };
            match case.runs[..index].iter().map(|earlier| judge.pair(earlier, run)).max() {
                None | Some(Judgement::Retry) => {}
                Some(Judgement::Rerun) => verdict.counts.reruns += 1,
                Some(Judgement::DoubleRun) => verdict.counts.double_runs += 1,
                Some(Judgement::Doubled(why)) => {
                    verdict.counts.doubled += 1;
                    verdict.violate(Check::Once, Some(*id), why);
                }
            }
        }
    }
}

/// A claim at the claimant's own replica, though the authority is elsewhere.
fn is_takeover(digest: &Digest, played: &Played, id: SaleId, claim: &Claim) -> bool {
    !played.plan.world.strong_tables
        && claim.at == digest.hosts[claim.host.0].site
        && claim.at != authority(played, id)
}

/// Where claims on a sale are decided.
fn authority(played: &Played, id: SaleId) -> Site {
    if id.is_keyed() {
        return Site::First;
    }
    let row = Site::BOTH.into_iter().find_map(|site| played.world.row(site, id));
    row.and_then(|row| played.world.site_of(&row.sale.owner_region)).unwrap_or(Site::First)
}

/// Whether the authority was silent for the taker, for long enough and with enough calls.
fn is_excused(digest: &Digest, claim: &Claim) -> bool {
    was_silent(digest, claim.host, claim.at.other(), claim.asked, claim.other_silent)
}

/// Whether a site's tables were silent towards a process, for long enough and with enough calls.
fn was_silent(digest: &Digest, host: HostId, silent: Site, when: Moment, lasting: Duration) -> bool {
    let since = when.saturating_sub(lasting);
    let failures = digest.lives.get(&host).map(|life| life.failures.as_slice()).unwrap_or_default();
    let unanswered =
        failures.iter().filter(|(at, site)| *site == silent && (since..=when).contains(at)).count();
    lasting >= SILENCE && unanswered >= UNANSWERED_MIN
}

fn check_takeovers(digest: &Digest, played: &Played, id: SaleId, case: &Case, verdict: &mut Verdict) {
    for claim in case.claims.iter().filter(|claim| is_takeover(digest, played, id, claim)) {
        if !is_excused(digest, claim) {
            let silent = claim.other_silent.as_secs_f64();
            let what = format!("taken over though the authority had answered {silent} s before");
            verdict.violate(Check::Once, Some(id), what);
        }
    }
}

/// A record must be settled by the newest claim at its endpoint.
fn check_tokens(id: SaleId, case: &Case, verdict: &mut Verdict) {
    for settled in &case.settled {
        let Some(token) = settled.token else { continue };
        let newest =
            case.claims.iter().rfind(|claim| claim.at == settled.at && claim.granted <= settled.when);
        // In a partition the other replica's claims come in between by replication; those are judged as runs.
        if newest.is_some_and(|claim| claim.token > token) {
            verdict.violate(Check::Once, Some(id), "a record was settled by a claim that had been lost");
        }
    }
}

/// Whether regions that could not see each other both worked on a sale.
pub(super) fn was_taken_over(digest: &Digest, played: &Played, id: SaleId) -> bool {
    let claims = digest.cases.get(&id).map(|case| case.claims.as_slice()).unwrap_or_default();
    claims.iter().any(|claim| is_takeover(digest, played, id, claim) && is_excused(digest, claim))
}

/// Whether a region marked the row after a tombstone of which it could not know: the regions were apart when that was
/// written, or the other one was silent.
pub(super) fn was_marked_unseeing(digest: &Digest, id: SaleId) -> bool {
    let marks = digest.marks.get(&id).map(Vec::as_slice).unwrap_or_default();
    marks.iter().enumerate().any(|(index, mark)| {
        let silent = was_silent(digest, mark.host, mark.at.other(), mark.when, mark.other_silent);
        let unseen = |earlier: &RowMark| {
            earlier.how == Mark::Deleted
                && earlier.at != mark.at
                && (silent || digest.were_apart(earlier.when))
        };
        mark.how != Mark::Deleted && marks[..index].iter().any(unseen)
    })
}

/// Whether a client's deletion could not reach the authority, so that its word stood in the other region alone.
pub(super) fn was_cancelled_elsewhere(digest: &Digest, played: &Played, id: SaleId) -> bool {
    let settled = digest.cases.get(&id).map(|case| case.settled.as_slice()).unwrap_or_default();
    !played.plan.world.strong_tables
        && settled.iter().any(|settled| settled.token.is_none() && settled.at != authority(played, id))
}

struct Judge<'a> {
    digest: &'a Digest,
    played: &'a Played,
    id: SaleId,
    case: &'a Case,
}

impl Judge<'_> {
    fn pair(&self, earlier: &Run, later: &Run) -> Judgement {
        let (Some(first), Some(second)) = (self.claim_of(earlier), self.claim_of(later)) else {
            return self.unclaimed(earlier, later);
        };
        // A deletion that could not reach the authority is judged as a deletion.
        let is_cancellation = was_cancelled_elsewhere(self.digest, self.played, self.id);
        let in_reach =
            second.other_proof.is_some_and(|age| age > UNSEEN_FOR) && second.other_silent < SILENCE;
        if in_reach && !is_cancellation {
            return Judgement::Doubled("run again, with a proof in reach");
        }
        let apart = self.across_regions();
        if later.begin < earlier.end {
            return apart.unwrap_or(Judgement::Doubled("two runs at once"));
        }
        if !earlier.well {
            return Judgement::Retry;
        }
        let proven = |settled: &&super::digest::Settlement| {
            settled.host == Some(earlier.host) && settled.token == Some(earlier.token)
        };
        match self.case.settled.iter().find(proven) {
            Some(proof) if proof.when <= second.granted => {
                apart.unwrap_or(Judgement::Doubled("run again after its proof"))
            }
            // The proof was written after the next claim, which check_tokens judges, or never.
            Some(_) | None if self.was_cut_short(earlier, first, later.begin) => Judgement::Rerun,
            Some(_) | None => apart.unwrap_or(Judgement::Doubled("run again without a cause")),
        }
    }

    /// Runs without claims, as the older design has them.
    fn unclaimed(&self, earlier: &Run, later: &Run) -> Judgement {
        let killed = self.digest.lives.get(&earlier.host).and_then(|life| life.killed);
        if later.begin < earlier.end {
            Judgement::Doubled("two runs at once")
        } else if !earlier.well {
            Judgement::Retry
        } else if killed.is_some_and(|at| at <= later.begin) {
            Judgement::Rerun
        } else {
            Judgement::Doubled("run again")
        }
    }

    fn claim_of(&self, run: &Run) -> Option<&Claim> {
        let of =
            |claim: &&Claim| claim.host == run.host && claim.token == run.token && claim.granted <= run.begin;
        self.case.claims.iter().rfind(of)
    }

    /// What an excused takeover makes of a second run.
    fn across_regions(&self) -> Option<Judgement> {
        let taker = self.case.claims.iter().find(|claim| {
            is_takeover(self.digest, self.played, self.id, claim) && is_excused(self.digest, claim)
        })?;
        let silent_from = taker.asked.saturating_sub(taker.other_silent);
        let dark = self.digest.was_dark(taker.at.other(), silent_from, taker.asked);
        Some(if dark { Judgement::Rerun } else { Judgement::DoubleRun })
    }

    /// Whether the process of a run has marked the row since.
    fn was_marked(&self, run: &Run, until: Moment) -> bool {
        let marks = self.digest.marks.get(&self.id).map(Vec::as_slice).unwrap_or_default();
        marks.iter().any(|mark| mark.host == run.host && (run.begin..=until).contains(&mark.when))
    }

    /// Whether something kept a run that had done its effects from writing its proof.
    fn was_cut_short(&self, run: &Run, claim: &Claim, until: Moment) -> bool {
        let Some(life) = self.digest.lives.get(&run.host) else { return false };
        let between = |at: &Moment| (run.begin..=until).contains(at);
        let died = life.killed.as_ref().is_some_and(between) || life.cut_off.as_ref().is_some_and(between);
        // The row of an older event is marked first, here.
        let marked_at =
            self.played.older_events.contains(&self.id).then(|| self.digest.hosts[run.host.0].site);
        let in_the_way = |site: Site| site == claim.at || Some(site) == marked_at;
        let failed = life.failures.iter().any(|(at, site)| in_the_way(*site) && between(at));
        let too_late = self.case.too_late.contains(&(run.host, run.token));
        // A proof that was asked for and is not there by now is stuck on its way.
        let stuck = self.case.settling.contains(&(run.host, run.token))
            || (marked_at.is_some() && !self.was_marked(run, until));
        died || failed || too_late || stuck
    }
}
