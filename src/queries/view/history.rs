//! What happened, as `history` shows it.

use serde::{Deserialize, Serialize};

use crate::domain::{Entry, RepoName};
use crate::queries::LedgerPlace;

/// What happened in a repository: `history --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryView {
    /// `owner/name`.
    pub repository: RepoName,
    /// Newest first.
    pub entries: Vec<HistoryLine>,
    /// The number of the newest entry that was looked at, asked for or not.
    #[serde(default)]
    pub newest: Option<u64>,
    /// Where older ones go on: what to give as `--before`; null at the ledger's beginning.
    #[serde(default)]
    pub next: Option<u64>,
}

/// What happened in all repositories: `history --all --json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetHistoryView {
    /// Newest first.
    pub entries: Vec<LineOf>,
    /// Where the next answer begins, while there is more to look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<LedgerPlace>,
}

/// An entry, and whose ledger it stands in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineOf {
    /// `owner/name`.
    pub repository: RepoName,
    /// The entry.
    #[serde(flatten)]
    pub line: HistoryLine,
}

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// Its number; later ones are higher.
    pub number: u64,
    /// What happened, in a sentence.
    pub told: String,
    /// The entry itself.
    pub entry: Entry,
}
