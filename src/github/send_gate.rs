//! The last check before a write is sent.
//!
//! A write can wait seconds each for a connection, for TLS and for a proxy. So the check runs
//! when the request body is polled: on an established connection, before a byte of the body is
//! written. A server does not carry out a request whose body is missing.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use octocrab::OctoBody;
use tower::BoxError;

/// The check right before a write is sent. The error says why it must not be sent.
pub type MayLeave = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Records whether a write was sent. Clones share their state.
#[derive(Clone, Debug)]
pub(super) struct SendGate(Arc<Mutex<Departure>>);

/// The state of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    /// Its body has not been polled yet.
    Waiting,
    /// Its body was handed over.
    Left,
    /// The check forbade it, for this reason.
    CalledOff(String),
    /// It was abandoned before its body was polled.
    GivenUp,
}

impl SendGate {
    /// Creates the gate of a write, and the gated body.
    pub(super) fn before(body: String, may_leave: MayLeave) -> (Self, OctoBody) {
        let gate = Self(Arc::new(Mutex::new(Departure::Waiting)));
        let body = GatedBody { gate: gate.clone(), may_leave, body: Some(Bytes::from(body)) };
        (gate, OctoBody::new(body))
    }

    /// Closes the gate: a write that was not sent yet never will be.
    pub(super) fn close(&self) -> Departure {
        let mut departure = self.lock();
        if *departure == Departure::Waiting {
            *departure = Departure::GivenUp;
        }
        departure.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Departure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that is handed over once, if the check permits it.
struct GatedBody {
    gate: SendGate,
    may_leave: MayLeave,
    body: Option<Bytes>,
}

impl Body for GatedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = self.body.take() else { return Poll::Ready(None) };
        let mut departure = self.gate.lock();
        if *departure == Departure::Waiting {
            *departure = (self.may_leave)().map_or_else(Departure::CalledOff, |()| Departure::Left);
        }
        match &*departure {
            Departure::Left => Poll::Ready(Some(Ok(Frame::data(body)))),
            Departure::CalledOff(why) => Poll::Ready(Some(Err(why.clone().into()))),
            Departure::Waiting | Departure::GivenUp => {
                Poll::Ready(Some(Err("the write was abandoned".into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.body.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn gate(answer: Result<(), String>) -> (SendGate, OctoBody) {
        SendGate::before("{}".to_owned(), Arc::new(move || answer.clone()))
    }

    #[tokio::test]
    async fn a_body_that_may_leave_is_handed_over_once_and_counts_as_left() {
        let (gate, body) = gate(Ok(()));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "{}");
        assert_eq!(gate.close(), Departure::Left);
    }

    #[tokio::test]
    async fn a_body_that_may_not_leave_says_why_and_gives_nothing() {
        let (gate, body) = gate(Err("ada paused it".to_owned()));
        assert!(body.collect().await.is_err());
        assert_eq!(gate.close(), Departure::CalledOff("ada paused it".to_owned()));
    }

    #[tokio::test]
    async fn a_body_that_nobody_asked_for_does_not_leave_once_it_is_given_up() {
        let (gate, body) = gate(Ok(()));
        assert_eq!(gate.close(), Departure::GivenUp);
        assert!(body.collect().await.is_err());
    }
}
