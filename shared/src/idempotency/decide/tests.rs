use proptest::prelude::*;

use super::*;
use crate::idempotency::{Completion, Token, WorkerId};
use crate::region::Region;
use crate::sale::SaleId;

const NOW: Timestamp = Timestamp::EPOCH_2025;
const TAKEOVER_AFTER: Duration = Duration::from_secs(30);

fn policy() -> Policy {
    Policy {
        takeover_after: TAKEOVER_AFTER,
        max_clock_skew: Duration::from_secs(2),
        dry_run: DRY_RUN_BACKOFF,
        uncertain: UNCERTAIN_WAIT,
        strong_tables: false,
    }
}

fn record(status: Status) -> Record {
    Record { id: SaleId::parse("0199c5a0-6f1e-7c3a-9b1d-0c2f4e6a8b10").unwrap(), status }
}

fn leased_until(until: Timestamp) -> Record {
    record(Status::InProgress(Lease {
        worker: WorkerId("w".to_owned()),
        region: Region::parse("us-east-1").unwrap(),
        token: Token(1),
        until,
    }))
}

fn completed() -> Record {
    record(Status::Completed(Completion::Cancelled { at: NOW }))
}

fn parked() -> Record {
    record(Status::Parked { reason: "x".to_owned() })
}

fn situation<'a>(mode: Mode, owner: Side, record: Option<&'a Record>, age: Duration) -> Situation<'a> {
    Situation {
        mode,
        owner,
        authority: owner,
        record,
        record_at: Side::Local,
        peer_view: PeerView::NotAsked,
        authority_view: AuthorityView::Reachable,
        age,
        is_keyed: false,
        now: NOW,
        receive_count: 1,
    }
}

const YOUNG: Duration = Duration::from_secs(1);
const OLD: Duration = Duration::from_secs(60);

#[test]
fn a_passive_region_deletes_on_proof_and_otherwise_looks_again_ever_more_seldom() {
    for record in [completed(), parked()] {
        let choice = decide(&situation(Mode::DryRun, Side::Peer, Some(&record), YOUNG), &policy());
        assert_eq!(choice, Choice::Settled(record.proof().unwrap()));
    }
    let in_progress = leased_until(NOW - OLD);
    for record in [None, Some(&in_progress)] {
        for (receive_count, after) in [(1, 5), (2, 10), (3, 20), (4, 30), (900, 30)] {
            let situation = Situation { receive_count, ..situation(Mode::DryRun, Side::Local, record, OLD) };
            let expected = Choice::Release { after: Duration::from_secs(after), why: Wait::NoProof };
            assert_eq!(decide(&situation, &policy()), expected);
        }
    }
}

#[test]
fn an_owners_young_sale_is_claimed_without_asking_anybody() {
    let expired = leased_until(NOW);
    for record in [None, Some(&expired)] {
        let choice = decide(&situation(Mode::Process, Side::Local, record, YOUNG), &policy());
        assert_eq!(choice, Choice::Claim { at: Side::Local });
    }
}

#[test]
fn an_owners_old_sale_is_claimed_only_after_a_look_at_the_peers_replica() {
    let ask = |peer_view| {
        decide(&Situation { peer_view, ..situation(Mode::Process, Side::Local, None, OLD) }, &policy())
    };
    let (done, held, expired) = (completed(), leased_until(NOW + Duration::from_secs(7)), leased_until(NOW));
    let here = Choice::Claim { at: Side::Local };
    assert_eq!(ask(PeerView::NotAsked), Choice::AskPeer);
    assert_eq!(ask(PeerView::Answered(Some(&done))), Choice::SettledAtPeer);
    assert_eq!(
        ask(PeerView::Answered(Some(&held))),
        Choice::Release { after: Duration::from_secs(7), why: Wait::Leased }
    );
    assert_eq!(ask(PeerView::Answered(Some(&expired))), here);
    assert_eq!(ask(PeerView::Answered(None)), here);
    assert_eq!(ask(PeerView::Unreachable), here);
    assert_eq!(ask(PeerView::Uncertain), Choice::Release { after: UNCERTAIN_WAIT, why: Wait::NoAnswer });
}

#[test]
fn a_sale_with_a_key_is_asked_for_at_the_peer_however_young_since_it_may_have_been_accepted_before() {
    let young = Situation { is_keyed: true, ..situation(Mode::Process, Side::Local, None, YOUNG) };
    assert_eq!(decide(&young, &policy()), Choice::AskPeer);
    let done = completed();
    let told = Situation { peer_view: PeerView::Answered(Some(&done)), ..young };
    assert_eq!(decide(&told, &policy()), Choice::SettledAtPeer);
}

#[test]
fn a_proof_at_the_peer_alone_lets_no_message_go() {
    for (mode, record) in [(Mode::Process, completed()), (Mode::DryRun, parked())] {
        let refused = situation(mode, Side::Peer, Some(&record), OLD);
        let at_peer = Situation { record_at: Side::Peer, ..refused };
        assert_eq!(decide(&at_peer, &policy()), Choice::SettledAtPeer);
        assert_eq!(decide(&refused, &policy()), Choice::Settled(record.proof().unwrap()));
    }
}

#[test]
fn the_peer_is_asked_early_enough_for_clocks_that_disagree() {
    let four_early = TAKEOVER_AFTER - Duration::from_secs(4);
    assert_eq!(decide(&situation(Mode::Process, Side::Local, None, four_early), &policy()), Choice::AskPeer);
}

#[test]
fn a_valid_lease_is_waited_for_to_its_end() {
    let held = leased_until(NOW + Duration::from_secs(42));
    for owner in [Side::Local, Side::Peer] {
        for age in [YOUNG, OLD] {
            let choice = decide(&situation(Mode::Process, owner, Some(&held), age), &policy());
            assert_eq!(choice, Choice::Release { after: Duration::from_secs(42), why: Wait::Leased });
        }
    }
}

#[test]
fn the_peers_sale_is_left_to_the_peer_at_first_and_then_claimed_where_the_peer_would() {
    let young = decide(&situation(Mode::Process, Side::Peer, None, Duration::from_secs(10)), &policy());
    assert_eq!(young, Choice::Release { after: Duration::from_secs(20), why: Wait::OwnerFirst });
    let old = situation(Mode::Process, Side::Peer, None, TAKEOVER_AFTER);
    assert_eq!(decide(&old, &policy()), Choice::Claim { at: Side::Peer });
    let uncertain = Situation { authority_view: AuthorityView::Uncertain, ..old };
    assert_eq!(decide(&uncertain, &policy()), Choice::Release { after: UNCERTAIN_WAIT, why: Wait::NoAnswer });
    let unreachable = Situation { authority_view: AuthorityView::Unreachable, ..old };
    assert_eq!(decide(&unreachable, &policy()), Choice::TakeOver);
}

#[test]
fn with_strong_tables_every_claim_is_made_here() {
    let policy = Policy { strong_tables: true, ..policy() };
    assert_eq!(
        decide(&situation(Mode::Process, Side::Peer, None, OLD), &policy),
        Choice::Claim { at: Side::Local }
    );
    assert_eq!(
        decide(&situation(Mode::Process, Side::Local, None, OLD), &policy),
        Choice::Claim { at: Side::Local }
    );
}

fn any_record() -> impl Strategy<Value = Option<Record>> {
    prop_oneof![
        Just(None),
        Just(Some(completed())),
        Just(Some(parked())),
        (-100_i64..100).prop_map(|s| Some(leased_until(Timestamp::from_millis(NOW.millis() + s * 1000)))),
    ]
}

fn any_side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Local), Just(Side::Peer)]
}

proptest! {
    #[test]
    fn only_an_active_worker_claims_and_only_a_proof_settles(
        mode in prop_oneof![Just(Mode::Process), Just(Mode::DryRun), Just(Mode::Hold)],
        owner in any_side(),
        authority in any_side(),
        record in any_record(),
        record_at in any_side(),
        peer in any_record(),
        peer_kind in 0..4,
        authority_view in prop_oneof![Just(AuthorityView::Reachable), Just(AuthorityView::Uncertain), Just(AuthorityView::Unreachable)],
        age in 0_u64..100,
        receive_count in 1_u32..2000,
        is_keyed: bool,
        strong_tables: bool,
    ) {
        let peer_view = match peer_kind {
            0 => PeerView::NotAsked,
            1 => PeerView::Answered(peer.as_ref()),
            2 => PeerView::Uncertain,
            _ => PeerView::Unreachable,
        };
        let situation = Situation {
            mode, owner, authority, record: record.as_ref(), record_at, peer_view, authority_view,
            age: Duration::from_secs(age), is_keyed, now: NOW, receive_count,
        };
        let proof_seen = record.as_ref().and_then(Record::proof).or(match peer_view {
            PeerView::Answered(Some(record)) => record.proof(),
            PeerView::Answered(None) | PeerView::NotAsked | PeerView::Uncertain | PeerView::Unreachable => None,
        });
        let leased = |r: &Option<Record>| matches!(r, Some(Record { status: Status::InProgress(l), .. }) if l.is_valid(NOW));
        match decide(&situation, &Policy { strong_tables, ..policy() }) {
            Choice::Settled(proof) => {
                prop_assert_eq!(Some(proof), record.as_ref().and_then(Record::proof));
                prop_assert_eq!(record_at, Side::Local);
            }
            Choice::SettledAtPeer => prop_assert!(mode != Mode::Hold && proof_seen.is_some()),
            Choice::Release { after, .. } => prop_assert!(after > Duration::ZERO && after <= Duration::from_secs(100)),
            Choice::AskPeer => {
                prop_assert!(mode == Mode::Process && peer_kind == 0 && !strong_tables);
            }
            Choice::Claim { .. } | Choice::TakeOver => {
                prop_assert_eq!(mode, Mode::Process);
                prop_assert!(record.as_ref().and_then(Record::proof).is_none() && !leased(&record));
                prop_assert!(owner == Side::Local || Duration::from_secs(age) >= TAKEOVER_AFTER);
            }
        }
    }

    #[test]
    fn a_takeover_needs_an_authority_that_is_there_and_unreachable(owner in any_side(), age in 0_u64..100) {
        let base = situation(Mode::Process, owner, None, Duration::from_secs(age));
        for authority_view in [AuthorityView::Reachable, AuthorityView::Uncertain] {
            let situation = Situation { authority: Side::Peer, authority_view, ..base };
            prop_assert_ne!(decide(&situation, &policy()), Choice::TakeOver);
        }
        let local = Situation { authority: Side::Local, authority_view: AuthorityView::Unreachable, ..base };
        prop_assert_ne!(decide(&local, &policy()), Choice::TakeOver);
    }
}
