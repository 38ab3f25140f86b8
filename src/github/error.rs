//! Errors of reads and writes. Each says what was attempted, GitHub's message, and what to do.

use jiff::Timestamp;

use crate::domain::RepoId;

/// A read without a usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// 404.
    #[error(
        "cannot {what}: GitHub said 404{}. It does not exist, or the token cannot see it",
        quoted(.words)
    )]
    NotFound {
        /// The attempted action.
        what: String,
        /// GitHub's message.
        words: String,
    },
    /// 403 without the signs of a rate limit, or another 4xx without a variant of its own.
    #[error("cannot {what}: GitHub said {status}{}{}", quoted(.words), grant(.permission.as_deref()))]
    Refused {
        /// The attempted action.
        what: String,
        status: u16,
        /// GitHub's message.
        words: String,
        /// The required permission, from GitHub's headers.
        permission: Option<String>,
    },
    /// GitHub refuses the credential: 401, or an App that is suspended or not installed.
    #[error("cannot {what}: {why}")]
    BadCredentials {
        /// The attempted action.
        what: String,
        /// The reason and the remedy.
        why: String,
    },
    /// A redirect after a rename or transfer. It is never followed silently.
    #[error("cannot {what}: it has moved{}. Update its name in the configuration", to(.location.as_deref()))]
    Moved {
        /// The attempted action.
        what: String,
        /// The new location, from GitHub.
        location: Option<String>,
    },
    /// 410: disabled, such as a repository's issues.
    #[error("cannot {what}: GitHub said 410{}. It is disabled there", quoted(.words))]
    Gone410 {
        /// The attempted action.
        what: String,
        /// GitHub's message.
        words: String,
    },
    /// A rate limit. Nothing is sent before `until`.
    #[error("cannot {what} now: GitHub told us to wait until {until:.0}")]
    ToldToWait {
        /// The attempted action.
        what: String,
        /// When requests are possible again.
        until: Timestamp,
    },
    /// 5xx.
    #[error("cannot {what}: GitHub failed with {status}{}. It will be retried", quoted(.words))]
    Server {
        /// The attempted action.
        what: String,
        status: u16,
        /// GitHub's message.
        words: String,
    },
    /// No complete answer: not sent, connection reset, truncated, or timed out.
    #[error("cannot {what}: {why}. It will be retried")]
    Transport {
        /// The attempted action.
        what: String,
        /// What went wrong.
        why: String,
    },
    /// An empty list whose total in the same answer is above zero.
    #[error(
        "cannot {what}: GitHub reports a total of {counted} but lists none. It will be retried"
    )]
    EmptyList {
        /// The attempted action.
        what: String,
        /// GitHub's total.
        counted: u64,
    },
    /// An answer that cannot be parsed.
    #[error("cannot {what}: GitHub's response is malformed: {why}")]
    Malformed {
        /// The attempted action.
        what: String,
        /// The cause, with the request and the place in the answer.
        why: String,
    },
    /// A list with more pages than are read. A partial list is never used.
    #[error("cannot {what}: the list does not end within {pages} pages")]
    TooMany {
        /// The attempted action.
        what: String,
        /// The maximum number of pages.
        pages: u32,
    },
}

impl ReadError {
    /// Whether the error is temporary, so that the same read may succeed a moment later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::ToldToWait { .. }
            | Self::Server { .. }
            | Self::Transport { .. }
            | Self::EmptyList { .. } => true,
            Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::BadCredentials { .. }
            | Self::Moved { .. }
            | Self::Gone410 { .. }
            | Self::Malformed { .. }
            | Self::TooMany { .. } => false,
        }
    }
}

/// A write that failed or whose outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteFailure {
    /// Certain: GitHub did nothing. Any 4xx without a variant of its own, except 408.
    #[error("{}GitHub said {status}{}", grant_first(.permission.as_deref()), quoted(.words))]
    Refused {
        status: u16,
        /// GitHub's message.
        words: String,
        /// The required permission, from GitHub's headers.
        permission: Option<String>,
    },
    /// Certain: nothing was done. A redirect, because the repository was renamed or
    /// transferred.
    #[error("GitHub said {status}: {what} has moved{}", to(.location.as_deref()))]
    Moved {
        status: u16,
        /// What has moved.
        what: String,
        /// The new location, from GitHub.
        location: Option<String>,
        /// The id of the repository in the location.
        repository: Option<RepoId>,
    },
    /// Certain: nothing was done. GitHub refuses the credential, whatever the request.
    #[error("{why}")]
    BadCredentials {
        /// GitHub's message and the remedy.
        why: String,
    },
    /// Certain: nothing was sent, because the write was called off at the last moment.
    #[error("{why}")]
    CalledOff {
        /// What called it off, for example that an operator paused the repository.
        why: String,
    },
    /// Certain: nothing was done. A rate limit of GitHub's or, for a dispatch, of our own pace.
    #[error("told to wait until {until:.0}")]
    ToldToWait {
        /// When it can be retried.
        until: Timestamp,
    },
    /// Certain: nothing was done. There are so many writes that our own pace defers this one.
    #[error("the limit on writes is reached: it is sent at {until:.0} or later")]
    Deferred {
        /// The earliest time at which it can be sent.
        until: Timestamp,
    },
    /// Certain: nothing left this machine.
    #[error("never sent: {why}")]
    NeverSent {
        /// The cause, for example a refused connection or a token that cannot be read.
        why: String,
    },
    /// Certain: done. GitHub answered 2xx, but the rest of the answer was lost.
    #[error("done, but GitHub's response was lost: {why}")]
    Done {
        /// What happened to the answer.
        why: String,
    },
    /// Unknown whether it was done: timeout, connection reset, 408 or 5xx.
    #[error("unknown whether it was done: {why}")]
    Unknown {
        /// What went wrong.
        why: String,
    },
}

pub(super) fn quoted(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" \"{words}\"") }
}

fn grant(permission: Option<&str>) -> String {
    permission.map_or_else(String::new, |needed| format!(". Grant the token {needed}"))
}

/// The permission comes first because GitHub's message may be cut off where this is shown.
fn grant_first(permission: Option<&str>) -> String {
    permission.map_or_else(String::new, |needed| format!("grant the token {needed}: "))
}

fn to(location: Option<&str>) -> String {
    location.map_or_else(String::new, |place| format!(" to {place}"))
}

/// Why no client could be created.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// An address to which no token may be sent.
    #[error("`{url}` is not an API address: {why}")]
    Address {
        /// The configured URL.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The token or the App's key cannot be used. Contains the reason and the remedy.
    #[error("{0}")]
    Token(String),
    /// No connection is possible because of certificates or a proxy.
    #[error("{0}")]
    Network(String),
    /// The client needs an async runtime for its queue.
    #[error("the GitHub client must be made inside the async runtime")]
    NoRuntime,
}
