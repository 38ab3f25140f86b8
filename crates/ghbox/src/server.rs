//! The two ways to reach the box: a tower service within the process, and TCP from other
//! processes.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::Service;

use super::front::{Manner, handle};
use super::{GhBox, Pause};

/// The box as a tower service. A lost answer is an `io::Error`, like a broken connection.
#[derive(Clone)]
pub struct BoxService {
    github: GhBox,
}

impl GhBox {
    /// A service for programs in this process.
    #[must_use]
    pub fn service(&self) -> BoxService {
        BoxService { github: self.clone() }
    }

    /// Serves this GitHub over TCP until `stop` is ready. A lost answer closes its connection.
    ///
    /// # Errors
    /// If the listener cannot accept more connections.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => return Ok(()),
                accepted = listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
            };
            let (stream, _) = accepted?;
            let service = self.service();
            connections.spawn(async move {
                let service = hyper::service::service_fn(move |request| {
                    let service = service.clone();
                    async move { service.answer(request).await }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    // This timeout would need a timer, and the box has no time of its own.
                    .header_read_timeout(None)
                    .serve_connection(TokioIo::new(stream), service);
                // An error means that a fault broke the connection or the client is gone.
                let _ = connection.await;
            });
        }
    }
}

impl BoxService {
    async fn answer<B>(self, request: Request<B>) -> io::Result<Response<BoxBody>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let leaving = handle(&mut self.github.world(), Request::from_parts(parts, body));
        let lost = |kind, words| Err(io::Error::new(kind, words));
        let cut = leaving.manner == Manner::Cut;
        match leaving.manner {
            Manner::Whole | Manner::Cut => {}
            Manner::Late(length) => self.github.pause(length).await,
            Manner::Never => std::future::pending::<Infallible>().await.never(),
            Manner::Broken => {
                return lost(io::ErrorKind::ConnectionReset, "connection reset by peer");
            }
            Manner::Refused => {
                return lost(io::ErrorKind::ConnectionRefused, "connection refused");
            }
        }
        let (mut parts, whole) = leaving.response.into_parts();
        if cut {
            // The header has the full length, so that the client can detect the missing rest.
            parts.headers.insert(header::CONTENT_LENGTH, header::HeaderValue::from(whole.len()));
        }
        let data = if cut { whole.slice(..whole.len() / 2) } else { whole };
        let ending = if cut { Ending::CutAfterFlush } else { Ending::Clean };
        Ok(Response::from_parts(parts, BoxBody { data: Some(data), ending }))
    }
}

/// Shows the compiler that a future that never completes returns nothing.
trait Never {
    fn never(self);
}

impl Never for Infallible {
    fn never(self) {
        match self {}
    }
}

impl<B> Service<Request<B>> for BoxService
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<BoxBody>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response<BoxBody>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}

/// An answer's body, complete or cut off in the middle.
#[derive(Debug)]
pub struct BoxBody {
    data: Option<Bytes>,
    ending: Ending,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Clean,
    /// Yields once before the error, so that the server flushes what it has; it would drop that
    /// with the error.
    CutAfterFlush,
    Cut,
}

impl Body for BoxBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(data) = self.data.take().filter(|data| !data.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.ending {
            Ending::Clean => Poll::Ready(None),
            Ending::CutAfterFlush => {
                self.ending = Ending::Cut;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Ending::Cut => {
                self.ending = Ending::Clean;
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, "the body was cut off");
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ending == Ending::Clean && self.data.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        if self.ending != Ending::Clean {
            return SizeHint::new();
        }
        let length = self.data.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
    }
}

/// Sleeps in real time, so that the program under test sees a late answer.
#[expect(
    clippy::disallowed_methods,
    reason = "the box knows no other room, and a late answer is late by the reader's clock"
)]
pub(super) fn real_sleep(length: Duration) -> Pause {
    Box::pin(tokio::time::sleep(length))
}
