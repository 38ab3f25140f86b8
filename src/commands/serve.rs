//! Serves HTTP/1 on a listener, with a limit on everything.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::clock::Clock;

/// Connections at once: probes, a scraper or two, and people with browsers.
const MOST_CONNECTIONS: usize = 256;
/// How long a client may take to say what it wants.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an answer that is under way may go on after `stop`.
const GRACE: Duration = Duration::from_secs(3);

/// Serves `app` until `stop`. Each request carries what `who` says of its connection.
pub async fn serve<L, P>(
    mut listener: L,
    who: fn(&L::Io) -> P,
    app: Router,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
) where
    L: Listener,
    P: Clone + Send + Sync + 'static,
{
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    let stop_too = stop.clone();
    let mut until_stopped = pin!(stopped(&mut stop));
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let accepted = async { (place.await, listener.accept().await) };
        let (place, (io, _)) = tokio::select! {
            biased;
            () = &mut until_stopped => break,
            accepted = accepted => accepted,
        };
        while connections.try_join_next().is_some() {}
        let connection = connection(who(&io), io, app.clone(), clock.clone(), stop_too.clone());
        connections.spawn(async move {
            connection.await;
            drop(place);
        });
    }
    while connections.join_next().await.is_some() {}
}

/// Completes when the program is to end; a closed channel says so, too.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn connection<I, P>(
    peer: P,
    io: I,
    app: Router,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
) where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    P: Clone + Send + Sync + 'static,
{
    let answer = move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        answered(app.clone(), request)
    };
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(io), hyper::service::service_fn(answer));
    let mut connection = pin!(connection);
    tokio::select! {
        // An error here is a client that went away, or that speaks no HTTP.
        _ = connection.as_mut() => {}
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            let _ = clock.timeout(GRACE, connection).await;
        }
    }
}

async fn answered(app: Router, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    app.oneshot(request.map(Body::new)).await
}
