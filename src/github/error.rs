//! What can go wrong, said once: what was wanted, of what, GitHub's words, what to do.

use jiff::Timestamp;

use crate::domain::RepoId;

/// A read that gave no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// 404.
    #[error(
        "cannot {what}: GitHub said 404{}. It does not exist, or the token cannot see it",
        quoted(.words)
    )]
    NotFound {
        /// What was wanted, of what.
        what: String,
        /// GitHub's own words.
        words: String,
    },
    /// 403 without a limit's signs, and every other 4xx that has no variant of its own.
    #[error("cannot {what}: GitHub said {status}{}{}", quoted(.words), grant(.permission.as_deref()))]
    Refused {
        /// What was wanted, of what.
        what: String,
        /// The HTTP status.
        status: u16,
        /// GitHub's own words.
        words: String,
        /// The permission that GitHub's headers name.
        permission: Option<String>,
    },
    /// GitHub does not take the credential: 401, or an App that is not installed or suspended.
    #[error("cannot {what}: {why}")]
    BadCredentials {
        /// What was wanted, of what.
        what: String,
        /// Why not, and what to do.
        why: String,
    },
    /// A redirect, which is never followed silently: a rename, or a transfer.
    #[error("cannot {what}: it has moved{}. Update its name in the configuration", to(.location.as_deref()))]
    Moved {
        /// What was wanted, of what.
        what: String,
        /// Where GitHub says it is now.
        location: Option<String>,
    },
    /// 410: switched off, such as a repository's issues.
    #[error("cannot {what}: GitHub said 410{}. It is disabled there", quoted(.words))]
    Gone410 {
        /// What was wanted, of what.
        what: String,
        /// GitHub's own words.
        words: String,
    },
    /// A limit of GitHub's; nothing is sent before `until`.
    #[error("cannot {what} now: GitHub told us to wait until {until:.0}")]
    ToldToWait {
        /// What was wanted, of what.
        what: String,
        /// When it may be asked again.
        until: Timestamp,
    },
    /// 5xx.
    #[error("cannot {what}: GitHub failed with {status}{}. It will be retried", quoted(.words))]
    Server {
        /// What was wanted, of what.
        what: String,
        /// The HTTP status.
        status: u16,
        /// GitHub's own words.
        words: String,
    },
    /// No whole answer came: never sent, reset, cut, or too late.
    #[error("cannot {what}: {why}. It will be retried")]
    Transport {
        /// What was wanted, of what.
        what: String,
        /// What happened to the request.
        why: String,
    },
    /// A list without an item, of which GitHub says in the same answer that it has some.
    #[error(
        "cannot {what}: GitHub reports a total of {counted} but lists none. It will be retried"
    )]
    EmptyList {
        /// What was wanted, of what.
        what: String,
        /// How many items GitHub counts.
        counted: u64,
    },
    /// An answer that makes no sense.
    #[error("cannot {what}: GitHub's response is malformed: {why}")]
    Malformed {
        /// What was wanted, of what.
        what: String,
        /// Which part of it, and where it came from.
        why: String,
    },
    /// A list that goes on after its last page that is read; half of it is never used.
    #[error("cannot {what}: the list does not end within {pages} pages")]
    TooMany {
        /// What was wanted, of what.
        what: String,
        /// The limit.
        pages: u32,
    },
}

impl ReadError {
    /// Whether it heals by itself, so that the same read may succeed a moment later.
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

/// A write that is not known to have been done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteFailure {
    /// Certain: GitHub did nothing. Every 4xx that has no variant of its own, but 408.
    #[error("{}GitHub said {status}{}", grant_first(.permission.as_deref()), quoted(.words))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// GitHub's own words.
        words: String,
        /// The permission that GitHub's headers name.
        permission: Option<String>,
    },
    /// Certain: nothing was done. A redirect: the repository was renamed, or transferred.
    #[error("GitHub said {status}: {what} has moved{}", to(.location.as_deref()))]
    Moved {
        /// The HTTP status.
        status: u16,
        /// What has moved.
        what: String,
        /// Where GitHub says it is now.
        location: Option<String>,
        /// The number of the repository that the location names.
        repository: Option<RepoId>,
    },
    /// Certain: nothing was done. GitHub does not accept the credential, whatever is asked for.
    #[error("{why}")]
    BadCredentials {
        /// GitHub's words, and what to do.
        why: String,
    },
    /// Certain: nothing was sent, because something forbade it at the last moment.
    #[error("{why}")]
    CalledOff {
        /// What.
        why: String,
    },
    /// Certain: nothing was done. A limit of GitHub's, or, for a dispatch, of our own pace.
    #[error("told to wait until {until:.0}")]
    ToldToWait {
        /// When it may be tried again.
        until: Timestamp,
    },
    /// Certain: nothing was done. So much is to be written that our own pace lets this go later.
    #[error("the limit on writes is reached: it is sent at {until:.0} or later")]
    Deferred {
        /// When its turn may come.
        until: Timestamp,
    },
    /// Certain: nothing left this machine.
    #[error("never sent: {why}")]
    NeverSent {
        /// Why not.
        why: String,
    },
    /// GitHub said 2xx, and the rest of its answer was lost: it is done.
    #[error("done, but GitHub's response was lost: {why}")]
    Done {
        /// What became of the answer.
        why: String,
    },
    /// It may have been done, and may not: timeout, reset, 408, 5xx.
    #[error("unknown whether it was done: {why}")]
    Unknown {
        /// What happened.
        why: String,
    },
}

pub(super) fn quoted(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" \"{words}\"") }
}

fn grant(permission: Option<&str>) -> String {
    permission.map_or_else(String::new, |needed| format!(". Grant the token {needed}"))
}

/// First, for where it is said there may be no room for GitHub's words.
fn grant_first(permission: Option<&str>) -> String {
    permission.map_or_else(String::new, |needed| format!("grant the token {needed}: "))
}

fn to(location: Option<&str>) -> String {
    location.map_or_else(String::new, |place| format!(" to {place}"))
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is none that a token may be sent to.
    #[error("`{url}` is not an API address: {why}")]
    Address {
        /// As given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The token, or the App's key, cannot be used: which, why, and what to do.
    #[error("{0}")]
    Token(String),
    /// Requests cannot be carried: certificates, or a proxy.
    #[error("{0}")]
    Network(String),
    /// The client needs a runtime for its queue.
    #[error("the GitHub client must be made inside the async runtime")]
    NoRuntime,
}
