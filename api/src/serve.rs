//! From connections to answers, with a limit on everything: connections, requests, time, and the stop.

use std::convert::Infallible;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use crate::problem::Problem;
use crate::routes::{self, RouteClass};
use crate::state::AppState;

/// Longest time from a request's head to its answer. The ports' own time-outs end before it in all but the worst cases.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// Longest wait for the head of a request, and so for the next request on an idle connection. It has to be longer than
/// the idle time-out of the load balancer in front (60 s on an Application Load Balancer), which would otherwise send
/// requests into connections that are being closed.
pub const HEAD_LIMIT: Duration = Duration::from_secs(75);

/// Connections at once; further ones wait in the listener's backlog.
pub const CONNECTIONS_MAX: usize = 4096;

/// Most header fields of a request.
const HEADERS_MAX: usize = 64;
/// Largest head of a request, in bytes.
const HEAD_MAX_BYTES: usize = 16 * 1024;
/// Wait before the next accept when the process is out of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// The api as one service: its routes and the limits around them.
#[derive(Clone)]
pub struct App {
    state: Arc<AppState>,
    router: Router,
}

impl App {
    /// Puts routes on the state.
    pub fn new(state: Arc<AppState>) -> Self {
        Self { router: routes::router(state.clone()), state }
    }

    /// Answers one request, whatever happens inside.
    pub async fn answer(mut self, request: Request<Body>) -> Response {
        let begun = Instant::now();
        let class = routes::classify(request.uri().path());
        let method = routes::method_label(request.method());
        let response = self.answer_within_limits(class, request).await;
        let (status, took) = (response.status().as_u16(), begun.elapsed());
        self.state.metrics.http.count(class.label, method, status, took);
        tracing::debug!(
            http.route = class.label,
            http.method = method,
            http.status = status,
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "request"
        );
        response
    }

    async fn answer_within_limits(&mut self, class: RouteClass, request: Request<Body>) -> Response {
        let _permit = if class.about_sales {
            let Ok(permit) = self.state.permits.try_acquire() else {
                return Problem::overloaded().into_response();
            };
            Some(permit)
        } else {
            None
        };
        let answer = AssertUnwindSafe(self.router.call(request)).catch_unwind();
        match tokio::time::timeout(REQUEST_LIMIT, answer).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(_panic)) => {
                tracing::error!(http.route = class.label, "a request ended in a panic");
                Problem::internal().into_response()
            }
            Err(_elapsed) => {
                tracing::warn!(http.route = class.label, "a request took too long");
                Problem::too_slow(REQUEST_LIMIT).into_response()
            }
        }
    }
}

/// Serves until told to stop: then it takes no new connection, finishes the requests in hand and ends, after
/// `drain_timeout` at the latest.
///
/// # Errors
/// When nothing can be accepted any more.
pub async fn serve(
    listener: TcpListener,
    app: App,
    shutdown: CancellationToken,
    drain_timeout: Duration,
) -> io::Result<()> {
    let (connections, cut) = (TaskTracker::new(), CancellationToken::new());
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let next = async {
            let permit = permits.clone().acquire_owned().await.map_err(io::Error::other)?;
            accept(&listener).await.map(|stream| (stream, permit))
        };
        let (stream, permit) = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = next => accepted?,
        };
        let (app, shutdown, cut) = (app.clone(), shutdown.clone(), cut.clone());
        connections.spawn(async move {
            tokio::select! {
                () = converse(stream, app, shutdown) => {}
                () = cut.cancelled() => {}
            }
            drop(permit);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(drain_timeout, connections.wait()).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "requests did not finish within DRAIN_TIMEOUT; cut off"
        );
        cut.cancel();
        connections.wait().await;
    }
    Ok(())
}

/// The next connection. What fails for one client, or for want of file descriptors, is no reason to stop.
async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and written at once; waiting to fill a segment would only delay them.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) if is_of_one_client(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// All requests of one connection.
async fn converse(stream: TcpStream, app: App, shutdown: CancellationToken) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = app.clone().answer(request.map(Body::new));
        answer.map(Ok::<_, Infallible>)
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_MAX_BYTES);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
