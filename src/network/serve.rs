//! Serves HTTP/1 on a listener, with a limit on everything.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::clock::Clock;

mod connections;
mod outgoing;

use connections::{ConnectionSlot, Connections};
use outgoing::Outgoing;

/// Bytes of a request's head, and what a connection buffers.
const LARGEST_HEAD: usize = 32 * 1024;
/// Asked here, a connection is closed for no other until it is answered. Whatever else is asked may
/// be asked again, and a flood of it leaves no room.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];
/// How long an answer that is under way may go on after `stop`.
const GRACE: Duration = Duration::from_secs(3);

/// Serves `app` until `stop`. Each request carries what `who` says of its connection; `peer` tells
/// whose connection it is, where addresses tell clients apart.
///
/// A connection is always accepted: where there is no room, the oldest idle one is closed for it.
/// So clients that say nothing, or read nothing, keep no probe from its answer.
pub async fn serve<L, P>(
    mut listener: L,
    who: fn(&L::Io) -> P,
    peer: fn(&L::Addr) -> Option<IpAddr>,
    app: Router,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
) where
    L: Listener,
    P: Clone + Send + Sync + 'static,
{
    let open = Connections::new(clock.clone());
    let mut connections = JoinSet::new();
    let stop_too = stop.clone();
    let mut until_stopped = pin!(stopped(&mut stop));
    loop {
        let (io, address) = tokio::select! {
            biased;
            () = &mut until_stopped => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        let Some(place) = open.place(peer(&address)).await else { continue };
        let app = app.clone();
        let stop = stop_too.clone();
        connections.spawn(connection(who(&io), io, Arc::new(place), app, clock.clone(), stop));
    }
    while connections.join_next().await.is_some() {}
}

/// Completes when the program is to end; a closed channel says so, too.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn connection<I, P>(
    who: P,
    io: I,
    place: Arc<ConnectionSlot>,
    app: Router,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
) where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    P: Clone + Send + Sync + 'static,
{
    place.begins();
    let of_answers = Arc::clone(&place);
    // Where addresses tell nobody apart, operators give commands, which end by themselves.
    let keeps_all = place.has_no_peer();
    let answer = move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(who.clone());
        answered(app.clone(), request, Arc::clone(&of_answers), keeps_all)
    };
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        // The place has one time limit for all that a client may be slow with.
        .header_read_timeout(None)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(io), hyper::service::service_fn(answer));
    let mut connection = pin!(connection);
    tokio::select! {
        // An error here is a client that went away, or that speaks no HTTP.
        _ = connection.as_mut() => {}
        () = place.lost() => {}
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            let _ = clock.timeout(GRACE, connection).await;
        }
    }
}

async fn answered(
    app: Router,
    request: Request<Incoming>,
    place: Arc<ConnectionSlot>,
    keeps_all: bool,
) -> Result<Response<Outgoing>, axum::Error> {
    place.asked(keeps_all || PROBES.contains(&request.uri().path()));
    // Who asks much on one connection waits behind those who ask once.
    tokio::task::yield_now().await;
    let Ok(response) = app.oneshot(request.map(Body::new)).await;
    let (parts, body) = response.into_parts();
    // Every answer is whole before it is given out.
    let whole = axum::body::to_bytes(body, usize::MAX).await?;
    Ok(Response::from_parts(parts, Outgoing::new(whole, place)))
}
