//! The listener: one task a connection, all of them ended by one token.

use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::STOP_GRACE;
use super::front::World;

/// Accepts until stopped.
pub(super) async fn serve(
    listener: TcpListener,
    world: Arc<World>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                tasks.spawn(converse(stream, Arc::clone(&world), stop.clone()));
            }
            Err(error) => {
                // Out of file descriptors, most likely: give the connections a moment to end.
                tracing::warn!(%error, "embedded AWS could not accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, world: Arc<World>, stop: CancellationToken) {
    // Small answers must not wait for the acknowledgement of the one before.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| Arc::clone(&world).handle(request));
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stop.cancelled() => None,
    };
    match ended {
        // A client that goes away, or a call cut on purpose, is nothing to tell.
        Some(_) => {}
        None => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(STOP_GRACE, connection).await;
        }
    }
}
