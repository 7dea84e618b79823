//! A seeded simulator of two regions: the real acceptance code of the api and the real worker on in-memory ports, on one
//! thread, with tokio's clock paused and every choice drawn from one seed. A checker then holds what happened against
//! the promises.
//!
//! ```text
//! seed ─► Plan ─► play (fleet, clients, trouble on a fake World) ─► Ledger ─► check ─► Verdict
//! ```

mod check;
mod client;
pub mod command;
mod design;
mod dice;
mod effects;
mod fault;
mod fleet;
pub mod many;
mod mutant;
mod older;
mod plan;
mod play;
mod trace;
mod trouble;

use sales_shared::fake::HostInfo;
use sales_shared::fake::ledger::Ledger;

pub use check::{Check, Counts, Verdict, Violation};
pub use design::{Design, Mutation};
use plan::Plan;

/// One history, played and checked.
pub struct History {
    /// What it was drawn from.
    pub seed: u64,
    /// The design that it ran.
    pub design: Design,
    /// What the checker says.
    pub verdict: Verdict,
    /// What happened.
    pub ledger: Ledger,
    /// The processes, in the order of their ids.
    pub hosts: Vec<HostInfo>,
}

/// Plays and checks the history of a seed. The same seed gives the same history.
///
/// # Errors
/// When the runtime cannot be built.
pub fn simulate(seed: u64, design: Design) -> std::io::Result<History> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let played = runtime.block_on(play::play(seed, Plan::draw(seed), design));
    let (ledger, hosts) = (played.world.take_ledger(), played.world.hosts());
    let verdict = check::check(&played, &ledger);
    Ok(History { seed, design, verdict, ledger, hosts })
}
