//! What is known of a sale: its records at the two replicas, and what the peer's replica said when it was asked.

use std::collections::HashMap;

use sales_shared::idempotency::Record;
use sales_shared::idempotency::decide::PeerView;
use sales_shared::region::Side;
use sales_shared::sale::SaleId;

/// What is known of a sale before its turn.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Its record at the local replica, if it was looked for and found.
    pub record: Option<Record>,
    /// Its record at the peer's endpoint, where a claim was refused because of it.
    pub refused_at_peer: Option<Record>,
    /// What the peer's replica said, if it was asked.
    pub peer: Peer,
}

/// What the peer's replica said.
#[derive(Clone, Debug, Default)]
pub enum Peer {
    /// It was not asked.
    #[default]
    NotAsked,
    /// Its record, if it has one.
    Answered(Option<Record>),
    /// No answer, for too short a time to mean anything.
    Uncertain,
    /// No answer for long enough.
    Unreachable,
}

impl Known {
    /// The newest record, and where it was seen.
    pub(crate) fn newest(&self) -> (Option<&Record>, Side) {
        match &self.refused_at_peer {
            Some(record) => (Some(record), Side::Peer),
            None => (self.record.as_ref(), Side::Local),
        }
    }

    /// A claim was refused because of this record. Nothing seen before it counts any more.
    pub(crate) fn refuse(&mut self, at: Side, record: Record) {
        *self = match at {
            Side::Local => Self { record: Some(record), ..Self::default() },
            Side::Peer => Self { refused_at_peer: Some(record), ..Self::default() },
        };
    }
}

impl Peer {
    pub(crate) fn view(&self) -> PeerView<'_> {
        match self {
            Peer::NotAsked => PeerView::NotAsked,
            Peer::Answered(record) => PeerView::Answered(record.as_ref()),
            Peer::Uncertain => PeerView::Uncertain,
            Peer::Unreachable => PeerView::Unreachable,
        }
    }
}

/// What the peer's replica said about many sales.
pub enum PeerAnswers {
    /// The records that it has.
    Answered(HashMap<SaleId, Record>),
    /// No answer, for too short a time to mean anything.
    Uncertain,
    /// No answer for long enough.
    Unreachable,
}

impl PeerAnswers {
    /// What was said about one of them.
    pub fn about(&self, id: SaleId) -> Peer {
        match self {
            PeerAnswers::Answered(records) => Peer::Answered(records.get(&id).cloned()),
            PeerAnswers::Uncertain => Peer::Uncertain,
            PeerAnswers::Unreachable => Peer::Unreachable,
        }
    }
}
