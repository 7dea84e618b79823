//! What is left when everything has come to rest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use sales_shared::fake::Site;
use sales_shared::idempotency::{Completion, Status};
use sales_shared::sale::event::SaleEvent;
use sales_shared::sale::{Progress, SaleId};

use super::super::client::{Answer, Answers};
use super::super::plan::Nature;
use super::super::play::Played;
use super::digest::Digest;
use super::runs::{was_cancelled_elsewhere, was_marked_unseeing, was_taken_over};
use super::{Check, Verdict};

/// What calls may add to the time in which work goes on after a flip: half a dozen of them, in quiet weather.
const CALLS: Duration = Duration::from_secs(3);

/// Everything that is left, by sale.
struct Ending<'a> {
    played: &'a Played,
    digest: &'a Digest,
    answers: &'a Answers,
    sites: Vec<Site>,
    objects: BTreeMap<(Site, SaleId), Vec<(String, Bytes)>>,
    /// Good sales in a dead-letter queue because their attempts crashed.
    parked: BTreeSet<SaleId>,
}

pub(super) fn check(digest: &Digest, played: &Played, verdict: &mut Verdict) {
    let answers = played.answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let lost = played.lost.as_ref().map(|loss| loss.site);
    let sites: Vec<Site> = Site::BOTH.into_iter().filter(|site| Some(*site) != lost).collect();
    let mut objects: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for site in &sites {
        for (key, body) in played.world.objects(*site) {
            match id_in(&key) {
                Some(id) => objects.entry((*site, id)).or_default().push((key, body)),
                None => verdict.violate(Check::Processed, None, format!("a stray object {key}")),
            }
        }
    }
    let mut ending = Ending { played, digest, answers: &answers, sites, objects, parked: BTreeSet::new() };
    if !played.settled {
        ending.unsettled(verdict);
    }
    ending.dead_letters(verdict);
    ending.accepted(verdict);
    ending.keys(verdict);
    ending.deleted(verdict);
    ending.bytes(verdict);
    ending.older_events(verdict);
    ending.quiet_flip(verdict);
}

fn id_in(key: &str) -> Option<SaleId> {
    SaleId::parse(key.rsplit('/').next()?.strip_suffix(".json")?).ok()
}

impl Ending<'_> {
    fn unsettled(&self, verdict: &mut Verdict) {
        for site in &self.sites {
            let world = &self.played.world;
            let (queue, outbox) = (world.queue_length(*site), world.outbox_length(*site));
            let what =
                format!("{} never came to rest: {queue} messages, {outbox} in the outbox", site.name());
            let sale = world.rows(*site).into_iter().find(|row| row.progress == Progress::Waiting);
            verdict.violate(Check::Parked, sale.map(|row| row.sale.id), what);
        }
    }

    fn nature(&self, id: SaleId) -> Nature {
        let row = Site::BOTH.into_iter().find_map(|site| self.played.world.row(site, id));
        row.map_or(Nature::Plain, |row| Nature::of(row.sale.product.as_str()))
    }

    /// Whether every attempt that a sale is allowed was used up, none of them given back.
    fn used_up_its_attempts(&self, id: SaleId) -> bool {
        let claims = self.digest.cases.get(&id).map(|case| case.claims.as_slice()).unwrap_or_default();
        let used = claims.iter().filter(|claim| !claim.refunded).count();
        used > self.played.plan.worker.max_attempts as usize
            || (used == self.played.plan.worker.max_attempts as usize && self.runs_overran(id))
    }

    /// Whether some run of the sale lasted until its deadline.
    fn runs_overran(&self, id: SaleId) -> bool {
        let runs = self.digest.cases.get(&id).map(|case| case.runs.as_slice()).unwrap_or_default();
        runs.iter().any(|run| !run.well)
    }

    fn dead_letters(&mut self, verdict: &mut Verdict) {
        for site in Site::BOTH {
            for letter in self.played.world.dead_letters(site) {
                let Ok(event) = SaleEvent::parse(&letter.body, &self.played.world.sites(site)) else {
                    if !self.played.garbage.iter().any(|(_, body)| *body == letter.body) {
                        verdict.violate(
                            Check::Parked,
                            None,
                            format!("an unknown dead letter: {}", letter.body),
                        );
                    }
                    continue;
                };
                let id = event.sale.id;
                if self.nature(id).is_doomed() {
                    continue;
                }
                let flaky = self.nature(id) == Nature::Flaky;
                if flaky || self.used_up_its_attempts(id) {
                    verdict.counts.parked_by_crashes += u64::from(self.parked.insert(id));
                } else {
                    let what = format!("a good sale is a dead letter in {}: {}", site.name(), letter.reason);
                    verdict.violate(Check::Parked, Some(id), what);
                }
            }
        }
        for (site, body) in &self.played.garbage {
            let there =
                |site: &Site| self.played.world.dead_letters(*site).iter().any(|letter| letter.body == *body);
            if self.sites.contains(site) && !there(site) {
                verdict.violate(Check::Parked, None, format!("poison did not become a dead letter: {body}"));
            }
        }
    }

    /// Every accepted sale, once.
    fn accepted(&self, verdict: &mut Verdict) {
        let mut seen = BTreeSet::new();
        for answer in &self.answers.accepted {
            if !seen.insert(answer.id) {
                continue;
            }
            verdict.counts.accepted += 1;
            if self.answers.delete_asked.contains(&answer.id) {
                continue;
            }
            if self.went_with_its_region(answer) {
                verdict.counts.lost_with_region += 1;
            } else {
                self.one_accepted(answer, verdict);
            }
        }
    }

    /// Whether a lost region took the sale with it: accepted before, and nothing of it left in the other region.
    fn went_with_its_region(&self, answer: &Answer) -> bool {
        let Some(loss) = &self.played.lost else { return false };
        !self.played.plan.world.strong_tables
            && answer.site == loss.site
            && answer.at <= loss.at
            && !loss.survivors.contains(&answer.id)
            && self.played.world.row(loss.site.other(), answer.id).is_none()
    }

    fn one_accepted(&self, answer: &Answer, verdict: &mut Verdict) {
        let id = answer.id;
        let doomed = answer.nature.is_doomed();
        let mut processed = self.sites.len();
        for site in &self.sites {
            let row = self.played.world.row(*site, id);
            let progress = row.as_ref().map(|row| &row.progress);
            let restorable = self.played.lost.is_some() && self.is_proven(*site, id);
            match progress {
                Some(Progress::Processed { .. }) if !doomed => {
                    if !self.objects.contains_key(&(*site, id)) {
                        if self.played.lost.is_some() {
                            verdict.counts.to_restore += 1;
                        } else {
                            let what = format!("processed, and not in the archive of {}", site.name());
                            verdict.violate(Check::Processed, Some(id), what);
                        }
                    }
                }
                Some(Progress::Parked) if doomed || self.parked.contains(&id) => {}
                None if restorable => verdict.counts.to_restore += 1,
                Some(
                    Progress::Waiting | Progress::Processed { .. } | Progress::Parked | Progress::Deleted,
                )
                | None => {
                    processed -= 1;
                    let what = format!("accepted, and in the end {progress:?} in {}", site.name());
                    let check = if doomed { Check::Parked } else { Check::Processed };
                    verdict.violate(check, Some(id), what);
                }
            }
        }
        let ran = self.digest.cases.get(&id).is_some_and(|case| case.runs.iter().any(|run| run.well));
        verdict.counts.lost += u64::from(!doomed && processed == 0 && !ran);
    }

    /// Whether a record proves that the sale was processed and can give the row back.
    fn is_proven(&self, site: Site, id: SaleId) -> bool {
        match self.played.world.record(site, id).map(|record| record.status) {
            Some(Status::Completed(Completion::Processed { sale, .. })) => sale.is_some(),
            Some(Status::Completed(Completion::Cancelled { .. }) | Status::InProgress(_)) | None => false,
            Some(Status::Parked { .. }) => true,
        }
    }

    fn keys(&self, verdict: &mut Verdict) {
        let mut ids: BTreeMap<u64, SaleId> = BTreeMap::new();
        for answer in &self.answers.accepted {
            let Some(key) = answer.key else { continue };
            let id = *ids.entry(key).or_insert(answer.id);
            if id != answer.id {
                verdict.violate(Check::Key, Some(id), format!("key {key} stands for {} as well", answer.id));
            }
            for site in &self.sites {
                let row = self.played.world.row(*site, id);
                if row.is_some_and(|row| row.sale.amount.to_string() != answer.amount) {
                    verdict.violate(Check::Key, Some(id), format!("key {key} brought another amount"));
                }
            }
        }
    }

    /// A sale that a client was told is deleted is a tombstone everywhere, unless regions that could not see each other
    /// wrote to it at once, or a region took the tombstone with it.
    fn deleted(&self, verdict: &mut Verdict) {
        for id in &self.answers.deleted {
            let (digest, played) = (self.digest, self.played);
            let excused = was_taken_over(digest, played, *id)
                || was_cancelled_elsewhere(digest, played, *id)
                || was_marked_unseeing(digest, *id)
                || self.was_posted_anew(*id)
                || played.lost.is_some();
            for site in &self.sites {
                let progress = self.played.world.row(*site, *id).map(|row| row.progress);
                let buried = matches!(progress, Some(Progress::Deleted) | None);
                if buried {
                    continue;
                }
                if excused {
                    verdict.counts.undeleted += 1;
                } else {
                    let what = format!("answered as deleted, and in the end {progress:?} in {}", site.name());
                    verdict.violate(Check::Deleted, Some(*id), what);
                }
            }
        }
    }

    /// Whether the key was posted in both regions: a row that is written in one while the other's tombstone is on its way is
    /// the later write, and wins.
    fn was_posted_anew(&self, id: SaleId) -> bool {
        id.is_keyed() && self.digest.inserted.get(&id).is_some_and(|sites| sites.len() > 1)
    }

    /// One object a sale, the same bytes everywhere, and those that the row gives.
    fn bytes(&self, verdict: &mut Verdict) {
        for ((site, id), objects) in &self.objects {
            let Some(row) = self.played.world.row(*site, *id) else { continue };
            let (key, body) = (row.sale.archive_key(), row.sale.archive_body());
            let as_it_should = objects.len() == 1 && objects.iter().all(|(k, b)| *k == key && **b == body);
            if as_it_should || row.progress == Progress::Deleted {
                continue;
            }
            if id.is_keyed() && was_taken_over(self.digest, self.played, *id) {
                // Accepted in both regions under one key, and processed in both, across a partition.
                verdict.counts.to_restore += 1;
                continue;
            }
            let there = objects.iter().map(|(key, body)| format!("{key} {}", String::from_utf8_lossy(body)));
            let there = there.collect::<Vec<_>>().join(", ");
            let what = format!("the archive of {} is not what the row says: {there}", site.name());
            verdict.violate(Check::Once, Some(*id), what);
        }
    }

    fn older_events(&self, verdict: &mut Verdict) {
        for id in &self.played.older_events {
            for site in &self.sites {
                let progress = self.played.world.row(*site, *id).map(|row| row.progress);
                let proven = self.played.lost.is_some() && self.is_proven(*site, *id);
                if !matches!(progress, Some(Progress::Processed { .. })) && !proven {
                    let what = format!("an event of the older service is {progress:?} in {}", site.name());
                    verdict.violate(Check::Processed, Some(*id), what);
                }
            }
        }
    }

    /// After a flip, work goes on within the state's TTL, one poll and the time of a takeover.
    fn quiet_flip(&self, verdict: &mut Verdict) {
        let Some(flip) = &self.played.quiet_flip else { return };
        let timings = &self.played.plan.worker.timings;
        let within = self.played.plan.state.ttl + timings.long_poll + timings.takeover_after + CALLS;
        for id in &flip.sales {
            let settled = self.digest.cases.get(id).and_then(|case| case.settled.first());
            let took = settled.map(|settled| settled.when.saturating_sub(flip.at));
            if took.is_none_or(|took| took > within) {
                let what =
                    format!("{} became ACTIVE and took {took:?} to process what waited", flip.to.name());
                verdict.violate(Check::Flip, Some(*id), what);
            }
        }
    }
}
