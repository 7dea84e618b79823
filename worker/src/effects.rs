//! What processing a sale does. This is the place for your own work: write another [`Effects`] and hand it to
//! [`crate::Worker`].

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sales_shared::idempotency::Token;
use sales_shared::ports::{Archive, Archived, PortError};
use sales_shared::sale::Sale;

/// The effects of processing one sale.
///
/// They run under a claim: nobody else runs them meanwhile, and nobody runs them again once they are proven to have
/// run. But a worker may die after them and before their proof, so they must be idempotent: running them again
/// changes nothing. They have to end within the processing deadline; what is still running then is dropped at its next
/// await.
#[async_trait]
pub trait Effects: Send + Sync {
    /// Runs them. `token` rises with every claim on the sale, so that a system behind them can refuse a worker that
    /// lost its claim and does not know it yet.
    async fn apply(&self, sale: &Sale, token: Token) -> Result<Applied, EffectsError>;
}

/// How the effects found the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// They took hold.
    First,
    /// They had taken hold before: this was a rerun.
    Again,
}

/// Why the effects did not take hold.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EffectsError {
    /// Something they need cannot be had now. It is not the sale's fault, and does not count as an attempt.
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// They failed, and may succeed when tried again. Counts as an attempt.
    #[error("{0}")]
    Transient(String),
    /// They can never succeed for this sale: it is parked with this reason.
    #[error("{0}")]
    Final(String),
}

/// The built-in effects: the sale is archived as one object, under a key and with a body that depend on nothing but the
/// sale.
pub struct ArchiveSale {
    archive: Arc<dyn Archive>,
}

impl ArchiveSale {
    /// Into this archive.
    pub fn new(archive: Arc<dyn Archive>) -> Self {
        Self { archive }
    }
}

#[async_trait]
impl Effects for ArchiveSale {
    async fn apply(&self, sale: &Sale, _token: Token) -> Result<Applied, EffectsError> {
        match self.archive.put(&sale.archive_key(), Bytes::from(sale.archive_body())).await? {
            Archived::Written => Ok(Applied::First),
            Archived::Existed => Ok(Applied::Again),
        }
    }
}
