//! One sale's way from the decision to its proof: decide, claim, run the effects, settle.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sales_shared::backoff::Backoff;
use sales_shared::clock::SharedClock;
use sales_shared::config::WorkerSettings;
use sales_shared::idempotency::decide::{
    AuthorityView, Choice, DRY_RUN_BACKOFF, Policy, Situation, UNCERTAIN_WAIT, Wait, decide,
};
use sales_shared::idempotency::{Claim, ClaimRequest, Proof, Record, WorkerId};
use sales_shared::ports::{Claimed, IdempotencyTable, PortError, PortResult, Queue, SalesTable};
use sales_shared::random::Random;
use sales_shared::reachability::{Advice, Reachability, Verdict};
use sales_shared::region::cached::CachedState;
use sales_shared::region::{Mode, Side, Sites};
use sales_shared::sale::{Sale, SaleId};
use tokio::time::Instant;

use crate::effects::Effects;
use crate::known::{Known, PeerAnswers};
use crate::metrics::Metrics;
use crate::run::Held;

/// How long a message waits after a failure: 1 s at first, doubling to 5 min, with full jitter.
pub const RETRY_BACKOFF: Backoff =
    Backoff { first: Duration::from_secs(1), ceiling: Duration::from_secs(300) };
/// How long what was seen of a sale serves, while it waits for its turn or for the rest of its batch.
const KNOWN_FOR: Duration = Duration::from_secs(3);
/// Decisions about one sale in a row; each brings a newer record, so a few are enough.
const ROUNDS_MAX: u32 = 4;

/// What a run of the pipeline needs. One for the whole process.
pub struct Pipeline {
    /// Where claims are decided.
    pub idempotency: Arc<dyn IdempotencyTable>,
    /// The sales table.
    pub sales: Arc<dyn SalesTable>,
    /// For the dead-letter queue, and to keep messages hidden during long work.
    pub queue: Arc<dyn Queue>,
    /// What processing a sale does.
    pub effects: Arc<dyn Effects>,
    /// What this worker may do.
    pub state: Arc<CachedState>,
    /// The two regions.
    pub sites: Sites,
    /// This process.
    pub worker: WorkerId,
    /// Limits and times.
    pub settings: WorkerSettings,
    /// Whether the tables are strongly consistent across regions.
    pub strong_tables: bool,
    /// How long records are kept.
    pub idempotency_ttl: Duration,
    /// This host's clock.
    pub clock: SharedClock,
    /// For jitter and nonces.
    pub random: Random,
    /// Whether the peer's tables answer.
    pub peer: Reachability,
    /// Numbers.
    pub metrics: Metrics,
}

/// A sale to be looked at.
#[derive(Clone, Debug)]
pub struct Work {
    /// The sale.
    pub sale: Sale,
    /// How often its message was received; 1 for one from the outbox.
    pub receive_count: u32,
    /// Whether the sale's row is, or will be, in the outbox, where a mark that was lost is made up for.
    pub in_outbox: bool,
    /// The message, if there is one: long work keeps it hidden.
    pub held: Held,
}

/// How a sale's turn ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was settled here and now.
    Settled(Proof),
    /// It had been settled before: this is the record.
    Found(Record, Proof),
    /// Not now.
    Wait {
        /// Look again after this time.
        after: Duration,
    },
}

impl Outcome {
    /// Settled as a decision saw it, by the record that it went by.
    fn settled(known: Known, proof: Proof) -> Self {
        match known.record.filter(|record| record.proof() == Some(proof)) {
            Some(record) => Outcome::Found(record, proof),
            None => Outcome::Settled(proof),
        }
    }
}

/// What to do in the next round of deciding.
enum Round {
    Ended(Outcome),
    Again,
}

impl Pipeline {
    /// The policy that decisions follow.
    pub fn policy(&self) -> Policy {
        Policy {
            takeover_after: self.settings.timings.takeover_after,
            max_clock_skew: self.settings.timings.max_clock_skew,
            dry_run: DRY_RUN_BACKOFF,
            uncertain: UNCERTAIN_WAIT,
            strong_tables: self.strong_tables,
        }
    }

    /// The choice for a sale, from what is known of it.
    pub fn choose(&self, mode: Mode, work: &Work, known: &Known, authority_view: AuthorityView) -> Choice {
        let now = self.clock.now();
        let sale = &work.sale;
        let (record, record_at) = known.newest();
        let situation = Situation {
            mode,
            owner: self.sites.side(&sale.owner_region),
            authority: self.sites.authority(sale.id, &sale.owner_region),
            record,
            record_at,
            peer_view: known.peer.view(),
            authority_view,
            age: now.since(sale.created_at),
            is_keyed: sale.id.is_keyed(),
            now,
            receive_count: work.receive_count,
        };
        decide(&situation, &self.policy())
    }

    /// Takes a sale as far as it will go now.
    pub async fn process(&self, work: &Work, mut known: Known) -> Outcome {
        let mut authority_view = AuthorityView::Reachable;
        for _ in 0..ROUNDS_MAX {
            let choice = self.choose(self.state.mode(), work, &known, authority_view);
            let round = match choice {
                Choice::Settled(proof) => return Outcome::settled(known, proof),
                Choice::SettledAtPeer => return self.confirm_here(work).await,
                Choice::Release { after, why } => return self.wait(after, why),
                Choice::AskPeer => {
                    known.peer = self.ask_peer(&[work.sale.id]).await.about(work.sale.id);
                    Round::Again
                }
                Choice::Claim { at } => self.claim_and_run(at, work, &mut known, &mut authority_view).await,
                Choice::TakeOver => {
                    self.claim_and_run(Side::Local, work, &mut known, &mut authority_view).await
                }
            };
            match round {
                Round::Ended(outcome) => return outcome,
                Round::Again => {}
            }
        }
        self.retry(work.receive_count)
    }

    /// Whether the proof of a sale may stand at the local replica before it does where claims on the sale are decided:
    /// this region may have taken it over.
    pub fn may_be_settled_here_first(&self, sale: &Sale) -> bool {
        let decided_at = self.sites.authority(sale.id, &sale.owner_region);
        decided_at == Side::Peer || self.sites.side(&sale.owner_region) == Side::Peer
    }

    /// Reads the local replica for many sales in one call; `None` without an answer.
    pub async fn look_up_here(&self, ids: &[SaleId]) -> Option<HashMap<SaleId, Record>> {
        if ids.is_empty() {
            return Some(HashMap::new());
        }
        let found = self.idempotency.look_up(Side::Local, ids).await;
        found.inspect_err(|error| tracing::warn!(%error, "records could not be looked up")).ok()
    }

    /// What is known of a sale when its turn comes: what was seen with its batch, or what is seen now if that was a while
    /// ago. `None` when there was no answer.
    pub async fn still_known(&self, sale: &Sale, known: Known, looked_at: Instant) -> Option<Known> {
        if looked_at.elapsed() <= KNOWN_FOR {
            return Some(known);
        }
        let record = match self.may_be_settled_here_first(sale) {
            true => self.look_up_here(&[sale.id]).await?.remove(&sale.id),
            false => None,
        };
        Some(Known { record, ..Known::default() })
    }

    /// A sale is settled at the peer's replica. Its message may go once the proof is at the local one too.
    async fn confirm_here(&self, work: &Work) -> Outcome {
        let id = work.sale.id;
        let Some(mut records) = self.look_up_here(&[id]).await else { return self.retry(work.receive_count) };
        match records.remove(&id).map(|record| (record.proof(), record)) {
            Some((Some(proof), record)) => Outcome::Found(record, proof),
            Some((None, _)) | None => self.wait_for_replication(work),
        }
    }

    /// Something that is at the peer's endpoint has to be here first. It comes by itself, or the peer is lost.
    pub(crate) fn wait_for_replication(&self, work: &Work) -> Outcome {
        self.wait(DRY_RUN_BACKOFF.delay(work.receive_count), Wait::NoProof)
    }

    /// Reads the peer's replica for many sales in one call.
    pub async fn ask_peer(&self, ids: &[SaleId]) -> PeerAnswers {
        let begun = Instant::now();
        if self.peer.advice(begun) == Advice::Unreachable {
            return PeerAnswers::Unreachable;
        }
        match self.idempotency.look_up(Side::Peer, ids).await {
            Ok(records) => {
                self.peer.answered();
                PeerAnswers::Answered(records)
            }
            Err(error) => match self.peer_failed(&error, begun) {
                Verdict::Uncertain => PeerAnswers::Uncertain,
                Verdict::Unreachable => PeerAnswers::Unreachable,
            },
        }
    }

    async fn claim_and_run(
        &self,
        at: Side,
        work: &Work,
        known: &mut Known,
        authority_view: &mut AuthorityView,
    ) -> Round {
        let begun = Instant::now();
        if at == Side::Peer && self.peer.advice(begun) == Advice::Unreachable {
            *authority_view = AuthorityView::Unreachable;
            return Round::Again;
        }
        let claimed = self.claim(at, &work.sale).await;
        if at == Side::Peer && claimed.is_ok() {
            self.peer.answered();
        }
        match claimed {
            Ok(Claimed::Granted(claim)) => {
                self.note_takeover(at, &work.sale);
                Round::Ended(self.run(at, work, claim, begun).await)
            }
            Ok(Claimed::Refused(record)) => {
                // What was seen before may be old by now: the refusal may have taken its time.
                known.refuse(at, record);
                *authority_view = AuthorityView::Reachable;
                Round::Again
            }
            Err(error) if at == Side::Peer && error.kind.is_silence() => {
                *authority_view = match self.peer_failed(&error, begun) {
                    Verdict::Uncertain => AuthorityView::Uncertain,
                    Verdict::Unreachable => AuthorityView::Unreachable,
                };
                Round::Again
            }
            Err(error) => {
                tracing::warn!(%error, sale.id = %work.sale.id, "the claim failed");
                Round::Ended(self.retry(work.receive_count))
            }
        }
    }

    /// Counts a claim that was granted here though it is decided elsewhere.
    fn note_takeover(&self, at: Side, sale: &Sale) {
        let decided_at = self.sites.authority(sale.id, &sale.owner_region);
        if !self.strong_tables && at == Side::Local && decided_at == Side::Peer {
            self.metrics.takeovers.inc();
            tracing::warn!(%sale.id, "taken over: the authority cannot be reached");
        }
    }

    async fn claim(&self, at: Side, sale: &Sale) -> PortResult<Claimed> {
        let now = self.clock.now();
        let request = ClaimRequest {
            sale,
            worker: &self.worker,
            region: self.sites.local(),
            nonce: self.random.number(),
            now,
            lease: self.settings.timings.lease,
            expires_at: now + self.idempotency_ttl,
        };
        self.hear(at, self.idempotency.claim(at, &request).await)
    }

    /// Takes note of an answer from the peer's tables, whatever the call was.
    pub(crate) fn hear<T>(&self, at: Side, result: PortResult<T>) -> PortResult<T> {
        note_answer(&self.peer, at, &result);
        result
    }

    /// A call to the peer's tables that failed. A refusal is an answer too, if not the one that was wanted.
    pub(crate) fn peer_failed(&self, error: &PortError, begun: Instant) -> Verdict {
        if !error.kind.is_silence() {
            self.peer.answered();
            tracing::warn!(%error, "the peer's tables refuse to answer");
            return Verdict::Uncertain;
        }
        let verdict = self.peer.no_answer(begun, Instant::now());
        tracing::debug!(%error, ?verdict, "the peer's tables do not answer");
        verdict
    }

    fn wait(&self, after: Duration, why: Wait) -> Outcome {
        tracing::trace!(?why, ?after, "not now");
        Outcome::Wait { after }
    }

    /// After a failure.
    pub(crate) fn retry(&self, receive_count: u32) -> Outcome {
        Outcome::Wait { after: RETRY_BACKOFF.jittered(receive_count, &self.random) }
    }

    async fn run(&self, at: Side, work: &Work, claim: Claim, begun: Instant) -> Outcome {
        self.metrics.in_flight.inc();
        let outcome = crate::run::Run { pipeline: self, at, work, claim, begun }.to_the_end().await;
        self.metrics.in_flight.dec();
        outcome
    }
}

/// Any answer from the peer's tables ends what counts as their silence.
pub(crate) fn note_answer<T>(peer: &Reachability, at: Side, result: &PortResult<T>) {
    let answered = match result {
        Ok(_) => true,
        Err(error) => !error.kind.is_silence(),
    };
    if at == Side::Peer && answered {
        peer.answered();
    }
}
