//! An answer's body, given out as fast as its client reads, and accounted for until it has.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::connections::ConnectionSlot;

/// Bytes that are handed to the connection at once. It buffers some of them, copied, so that the
/// answer itself is freed when the last of it was handed out.
const CHUNK: usize = 64 * 1024;

/// A body that tells its connection's place when it was read.
pub(super) struct Outgoing {
    rest: Bytes,
    place: Arc<ConnectionSlot>,
}

impl Outgoing {
    pub(super) fn new(whole: Bytes, place: Arc<ConnectionSlot>) -> Self {
        place.answered(whole.len());
        Self { rest: whole, place }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.rest.len().min(CHUNK);
        if length == 0 {
            return Poll::Ready(None);
        }
        let chunk = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(Bytes::copy_from_slice(&chunk)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.rest.len()).unwrap_or(u64::MAX))
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.place.read();
    }
}
