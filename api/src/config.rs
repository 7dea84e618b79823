//! What the api is configured with: nothing beyond what both services share.

use sales_shared::command::Program;
use sales_shared::config::{Faults, Reader, Service, SharedSettings, Source};

use crate::{NAME, VERSION};

/// The port that the api listens on unless `PORT` says otherwise.
pub const DEFAULT_PORT: u16 = 8080;

/// The api on the command line.
pub const PROGRAM: Program = Program {
    name: NAME,
    version: VERSION,
    about: "takes sales, stores them, and announces them to both regions",
    service: Service::Api,
    default_port: DEFAULT_PORT,
};

/// The settings of one api.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// What both services read.
    pub shared: SharedSettings,
}

impl ApiSettings {
    /// Reads them.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn read(source: &dyn Source) -> Result<Self, Faults> {
        let mut reader = Reader::new(source);
        let shared = SharedSettings::read(&mut reader, Service::Api, DEFAULT_PORT);
        reader.finish(shared.map(|shared| Self { shared }))
    }
}
