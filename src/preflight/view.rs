//! What `check-config --github` reports.

use serde::{Deserialize, Serialize};

use crate::domain::RepoName;

/// What `check-config --github` found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    /// What would go wrong, sorted.
    pub findings: Vec<ConfigFinding>,
    /// What GitHub did not answer, sorted.
    pub unchecked: Vec<Unchecked>,
    /// What nobody can tell.
    pub notes: Vec<String>,
}

/// Something that would go wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConfigFinding {
    /// `owner/name`; none for what is about all of them.
    pub repository: Option<RepoName>,
    /// How bad it is.
    pub severity: Severity,
    /// The configuration's key; `token` for what the token may.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What is wrong with it, and what to do.
    pub message: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Releases will not work.
    Error,
    /// They will, but.
    Warning,
}

impl Severity {
    /// As people read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Something that GitHub did not answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unchecked {
    /// `owner/name`.
    pub repository: RepoName,
    /// The configuration's key that the question came from, or the credential's.
    pub key: String,
    /// Its value; of a credential, what may be shown.
    pub value: String,
    /// What was asked, why there is no answer, and what to do.
    pub message: String,
}
