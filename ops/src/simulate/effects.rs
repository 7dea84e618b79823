//! The built-in effects under observation: every beginning and end is written down, and a sale can be of a nature that
//! makes them fail or take long.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sales_shared::fake::{Fact, Host};
use sales_shared::idempotency::Token;
use sales_shared::ports::{Archive, Archived};
use sales_shared::sale::{Sale, SaleId};
use sales_worker::effects::{Applied, ArchiveSale, Effects, EffectsError};

use super::design::{Design, Mutation};
use super::plan::Nature;

/// Longest that slow effects take: below the processing deadline.
const SLOW_MAX: Duration = Duration::from_secs(15);

pub(super) struct Watched {
    host: Host,
    real: ArchiveSale,
    design: Design,
}

impl Watched {
    pub(super) fn new(host: Host, design: Design) -> Self {
        Self { real: ArchiveSale::new(Arc::new(host.clone())), host, design }
    }

    async fn run(&self, sale: &Sale, token: Token) -> Result<Applied, EffectsError> {
        match Nature::of(sale.product.as_str()) {
            Nature::Plain => {}
            Nature::Flaky if self.host.random().below(2) == 0 => {
                return Err(EffectsError::Transient("not this time".to_owned()));
            }
            Nature::Flaky => {}
            Nature::Slow => tokio::time::sleep(self.host.random().up_to(SLOW_MAX)).await,
            Nature::Final => return Err(EffectsError::Final("it can never succeed".to_owned())),
            Nature::Hopeless => return Err(EffectsError::Transient("it never succeeds".to_owned())),
        }
        match self.design {
            Design::Mutated(Mutation::TodaysDate) => self.archive_under_today(sale).await,
            Design::Current | Design::Mutated(_) | Design::Older => self.real.apply(sale, token).await,
        }
    }

    async fn archive_under_today(&self, sale: &Sale) -> Result<Applied, EffectsError> {
        let key = format!("sales/{}/{}.json", self.host.clock().now().date_path(), sale.id);
        Ok(match Archive::put(&self.host, &key, Bytes::from(sale.archive_body())).await? {
            Archived::Written => Applied::First,
            Archived::Existed => Applied::Again,
        })
    }
}

#[async_trait]
impl Effects for Watched {
    async fn apply(&self, sale: &Sale, token: Token) -> Result<Applied, EffectsError> {
        let mut watch = Watch::begin(&self.host, sale.id, token);
        let result = self.run(sale, token).await;
        watch.well = result.is_ok();
        result
    }
}

/// One run under observation. When it is dropped, the run is over, however that came about.
pub(super) struct Watch<'a> {
    host: &'a Host,
    id: SaleId,
    token: Token,
    pub(super) well: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn begin(host: &'a Host, id: SaleId, token: Token) -> Self {
        host.note(Fact::RunBegan { id, token });
        Self { host, id, token, well: false }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.host.note(Fact::RunEnded { id: self.id, token: self.token, well: self.well });
    }
}
