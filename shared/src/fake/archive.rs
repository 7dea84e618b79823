//! The bucket of a site.

use async_trait::async_trait;
use bytes::Bytes;

use super::host::Host;
use super::ledger::Fact;
use super::weather::Service;
use super::world::State;
use crate::ports::{Archive, Archived, PortResult};
use crate::region::Side;

/// An object's bytes.
#[derive(Clone)]
pub(super) struct StoredObject(pub Bytes);

impl Host {
    fn store(&self, state: &mut State, key: &str, body: Bytes) {
        let (now, serial) = (state.now, state.serial());
        let lag = state.weather.bucket_replication.draw(&state.random);
        state.objects.write(self.site(), key.to_owned(), StoredObject(body), now, serial, lag);
    }
}

#[async_trait]
impl Archive for Host {
    async fn put(&self, key: &str, body: Bytes) -> PortResult<Archived> {
        self.call("archive.put", Service::Archive, Side::Local, |state| {
            let new = state.objects.get(self.site(), &key.to_owned()).is_none();
            if new {
                self.store(state, key, body);
            }
            state.note(Some(self.id()), Fact::Archived { at: self.site(), key: key.to_owned(), new });
            if new { Archived::Written } else { Archived::Existed }
        })
        .await
    }

    async fn get(&self, key: &str) -> PortResult<Option<Bytes>> {
        self.call("archive.get", Service::Archive, Side::Local, |state| {
            state.objects.get(self.site(), &key.to_owned()).map(|object| object.0.clone())
        })
        .await
    }

    async fn replace(&self, key: &str, body: Bytes) -> PortResult<()> {
        self.call("archive.replace", Service::Archive, Side::Local, |state| self.store(state, key, body))
            .await
    }
}
