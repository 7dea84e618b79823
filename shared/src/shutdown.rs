//! The moment to stop.

use tokio_util::sync::CancellationToken;

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
        for count in 0_u32.. {
            let code = tokio::select! {
                _ = terminate.recv() => 143,
                _ = interrupt.recv() => 130,
            };
            if count > 0 {
                std::process::exit(code);
            }
            tracing::info!("stopping; a second signal ends the process at once");
            stopping.cancel();
        }
    });
    Ok(token)
}
