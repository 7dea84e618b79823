//! The moment to stop.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Signals this close together are one: a shell may send one to the process and to its group.
const SAME_SIGNAL: Duration = Duration::from_millis(500);

/// Ends with the first SIGTERM or Ctrl-C. A second one ends the process at once, for whoever will not wait.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let token = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stopping = token.clone();
    tokio::spawn(async move {
        let mut first: Option<Instant> = None;
        loop {
            let code = tokio::select! {
                _ = terminate.recv() => 143,
                _ = interrupt.recv() => 130,
            };
            match first {
                Some(first) if first.elapsed() >= SAME_SIGNAL => std::process::exit(code),
                Some(_) => {}
                None => {
                    first = Some(Instant::now());
                    tracing::info!("stopping; a second signal ends the process at once");
                    stopping.cancel();
                }
            }
        }
    });
    Ok(token)
}
