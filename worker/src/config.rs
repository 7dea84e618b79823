//! The worker's configuration.

use sales_shared::config::{Faults, Reader, Service, SharedSettings, Source, WorkerSettings};

/// Port that the worker's health is served on, unless told otherwise.
pub const DEFAULT_PORT: u16 = 8090;

/// Everything the worker is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it has in common with the api.
    pub shared: SharedSettings,
    /// What is its own.
    pub worker: WorkerSettings,
}

impl Settings {
    /// Reads the variables.
    ///
    /// # Errors
    /// All faults at once.
    pub fn read(source: &dyn Source) -> Result<Self, Faults> {
        let mut reader = Reader::new(source);
        let shared = SharedSettings::read(&mut reader, Service::Worker, DEFAULT_PORT);
        let worker = WorkerSettings::read(&mut reader);
        if let (Some(shared), Some(worker)) = (&shared, &worker) {
            worker.timings.check_drain(shared.drain_timeout, &mut reader);
        }
        let settings = shared.zip(worker).map(|(shared, worker)| Self { shared, worker });
        reader.finish(settings)
    }
}
