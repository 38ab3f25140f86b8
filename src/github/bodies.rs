//! Limits on the size of answers, each and in total, so that neither a server nor what
//! strangers wrote can exhaust the memory.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::BoxError;

use crate::network::chain;

/// The part of an error's body that is read. Errors consist of a short message.
pub(super) const LARGEST_ERROR: usize = 64 * 1024;
/// The size assumed for an answer that does not declare one. A page of 100 runs has 1.2 MB.
const USUAL: usize = 2 * MIB;
/// The part of each answer that needs no permit. Most answers are not larger, and a slow server
/// that sends little does not block other answers.
const FREE: usize = 64 * KIB;
/// The total size of answers in memory, of those up to the usual size.
const IN_FLIGHT: usize = 24 * MIB;
/// The number of larger answers in memory. Each may be as large as its operation permits.
const LARGE_IN_FLIGHT: usize = 1;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The maximum size of an operation's answer in bytes. Bodies of issues, comments and pull
/// requests have up to 262,144 bytes each, and pages contain up to 100 of them (GitHub's own
/// limits).
pub(super) fn largest(operation: &str) -> usize {
    match operation {
        // "A maximum size of 7 MB" (GitHub's documentation of trees); Enterprise Server may
        // have another limit.
        "get_tree" => 16 * MIB,
        // 100 bodies written by strangers.
        "list_timeline" | "list_issues" | "list_issue_comments" | "list_pulls_of_commit" => {
            32 * MIB
        }
        // 300 files with their patches, 250 commits with their messages, or 100 files of a pull
        // request.
        "compare_commits" | "list_compared_commits" | "list_pull_files" => 32 * MIB,
        // 100 runs, each with a commit message and two repositories; jobs with all their steps;
        // commits with messages and signatures.
        "list_runs" | "list_jobs" | "list_commits" => 32 * MIB,
        // One commit message; one file with its patch, or its content of at most 1 MB in
        // base64; one body.
        "get_branch" | "get_commit" | "get_file" | "get_pull" | "get_run" | "get_run_attempt"
        | "probe" => 8 * MIB,
        "list_workflows" | "list_statuses" | "list_labels" | "list_workflow_files" => 4 * MIB,
        // A single object of a few kB.
        _ => MIB,
    }
}

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    /// The connection broke.
    #[error("the response was truncated: {0}")]
    Cut(String),
    /// It exceeds the limit of its operation.
    #[error("the response is larger than {} MB", .0 / MIB)]
    TooLarge(usize),
}

/// Memory for bodies, shared by all credentials.
pub(super) struct Bodies {
    usual: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// The memory reserved for a body, until it is dropped.
pub(super) struct BodyRoom {
    bytes: usize,
    _permit: Option<OwnedSemaphorePermit>,
}

impl BodyRoom {
    const fn free() -> Self {
        Self { bytes: FREE, _permit: None }
    }
}

impl Bodies {
    pub(super) fn new() -> Self {
        Self {
            usual: Arc::new(Semaphore::new(IN_FLIGHT / KIB)),
            large: Arc::new(Semaphore::new(LARGE_IN_FLIGHT)),
        }
    }

    /// Reads a whole body of at most `largest` bytes. Waits while other bodies use up the
    /// memory.
    pub(super) async fn whole<B>(
        &self,
        mut body: B,
        largest: usize,
    ) -> Result<(Bytes, BodyRoom), Unread>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<BoxError>,
    {
        let declared =
            body.size_hint().exact().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        if declared.is_some_and(|bytes| bytes > largest) {
            return Err(Unread::TooLarge(largest));
        }
        let mut room = self.room(declared.unwrap_or(FREE).min(largest), largest).await;
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Unread::Cut(chain(error.into().as_ref())))?;
            let Ok(data) = frame.into_data() else { continue };
            let length = read.len().saturating_add(data.len());
            if length > largest {
                return Err(Unread::TooLarge(largest));
            }
            if length > room.bytes && length <= USUAL {
                room = self.room(USUAL.min(largest), largest).await;
            } else if length > room.bytes {
                // The permit for a large body covers its maximum size, so there is no further
                // wait.
                room = self.large(largest).await;
                // One allocation: growing step by step fragments the heap. Pages that are never
                // written to use no memory.
                read.reserve(largest.saturating_sub(read.len()));
            }
            read.extend_from_slice(&data);
        }
        Ok((read.freeze(), room))
    }

    /// Reads the beginning of an error's body.
    pub(super) async fn beginning<B>(&self, mut body: B) -> Result<(Bytes, BodyRoom), Unread>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<BoxError>,
    {
        let room = BodyRoom::free();
        let mut read = BytesMut::new();
        while read.len() < LARGEST_ERROR
            && let Some(frame) = body.frame().await
        {
            let frame = frame.map_err(|error| Unread::Cut(chain(error.into().as_ref())))?;
            let Ok(data) = frame.into_data() else { continue };
            let left = LARGEST_ERROR.saturating_sub(read.len()).min(data.len());
            read.extend_from_slice(data.get(..left).unwrap_or_default());
        }
        Ok((read.freeze(), room))
    }

    async fn room(&self, bytes: usize, largest: usize) -> BodyRoom {
        if bytes <= FREE {
            return BodyRoom::free();
        }
        if bytes > USUAL {
            return self.large(largest).await;
        }
        let units = u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.usual).acquire_many_owned(units).await;
        BodyRoom { bytes, _permit: permit.ok() }
    }

    async fn large(&self, largest: usize) -> BodyRoom {
        let permit = Arc::clone(&self.large).acquire_owned().await;
        BodyRoom { bytes: largest, _permit: permit.ok() }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::*;

    fn undeclared(
        pieces: usize,
        piece: usize,
    ) -> impl Body<Data = Bytes, Error = BoxError> + Unpin {
        let pieces = (0..pieces).map(move |_| Ok(Frame::data(Bytes::from(vec![b' '; piece]))));
        StreamBody::new(futures_util::stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_that_is_larger_than_its_kind_may_be_is_not_read() {
        let bodies = Bodies::new();
        let declared = bodies.whole(Full::new(Bytes::from(vec![b' '; 101])), 100).await;
        assert_eq!(declared.err(), Some(Unread::TooLarge(100)));
        assert_eq!(bodies.whole(undeclared(11, 10), 100).await.err(), Some(Unread::TooLarge(100)));
        assert_eq!(bodies.whole(undeclared(10, 10), 100).await.map(|(b, _)| b.len()), Ok(100));
        let error = bodies.beginning(undeclared(1_000, 1_000)).await;
        assert_eq!(error.map(|(bytes, _)| bytes.len()), Ok(LARGEST_ERROR));
    }

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "the runtime's own time stands still here")]
    async fn bodies_that_begin_and_never_end_keep_no_other_waiting() {
        let bodies = Bodies::new();
        let soon = std::time::Duration::from_secs(1);
        let endless = || {
            let first: Vec<Result<_, BoxError>> = vec![Ok(Frame::data(Bytes::from_static(b"[")))];
            let first = futures_util::stream::iter(first);
            let never = futures_util::stream::pending();
            StreamBody::new(futures_util::StreamExt::chain(first, never))
        };
        let mut reading: Vec<_> =
            (0..100).map(|_| Box::pin(bodies.whole::<StreamBody<_>>(endless(), MIB * 8))).collect();
        for one in &mut reading {
            assert!(tokio::time::timeout(soon, one).await.is_err(), "it never ends");
        }
        let other = bodies.whole(undeclared(8, FREE), MIB * 8);
        assert!(tokio::time::timeout(soon, other).await.is_ok());
        let error = bodies.beginning(undeclared(1, 10));
        assert!(tokio::time::timeout(soon, error).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "the runtime's own time stands still here")]
    async fn what_others_take_up_is_waited_for_and_one_large_body_waits_for_nobody_else() {
        let bodies = Bodies::new();
        let mut kept = Vec::new();
        for _ in 0..IN_FLIGHT / USUAL {
            kept.push(bodies.whole(undeclared(2, FREE), MIB * 8).await.unwrap().1);
        }
        let usual = bodies.whole(undeclared(2, FREE), MIB * 8);
        let soon = std::time::Duration::from_secs(1);
        assert!(tokio::time::timeout(soon, usual).await.is_err(), "there is no room");
        let small = bodies.whole(undeclared(2, 10), MIB * 8);
        assert!(tokio::time::timeout(soon, small).await.is_ok(), "a small one needs none");
        kept.pop();
        let grows = bodies.whole(undeclared(8, MIB / 2), MIB * 8).await.unwrap();
        let other = bodies.whole(undeclared(8, MIB / 2), MIB * 8);
        assert!(tokio::time::timeout(soon, other).await.is_err(), "one large one at a time");
        drop(grows);
        assert!(bodies.whole(undeclared(8, MIB / 2), MIB * 8).await.is_ok());
    }
}
