//! The last question before a write leaves.
//!
//! A write can wait for a connection, for TLS and for a proxy, seconds each. So whether it may leave
//! is asked when its body is asked for: on a connection that is made, before a byte of the body is
//! written. A server carries out no request whose body it does not have.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use octocrab::OctoBody;
use tower::BoxError;

/// Says why a write may not leave.
pub type MayLeave = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Knows whether a write has left. Clones are the same gate.
#[derive(Clone, Debug)]
pub(super) struct SendGate(Arc<Mutex<Departure>>);

/// What became of a write on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    /// Nobody has asked for its body.
    Waiting,
    /// Its body was handed over.
    Left,
    /// It was forbidden to leave.
    CalledOff(String),
    /// It was given up before anybody asked for its body.
    GivenUp,
}

impl SendGate {
    /// The gate of a write, and the body that waits at it.
    pub(super) fn before(body: String, may_leave: MayLeave) -> (Self, OctoBody) {
        let gate = Self(Arc::new(Mutex::new(Departure::Waiting)));
        let body = GatedBody { gate: gate.clone(), may_leave, body: Some(Bytes::from(body)) };
        (gate, OctoBody::new(body))
    }

    /// Ends the wait: a write that has not left does not leave any more.
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

/// A body that is handed over once, if it may leave.
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
