//! Commit statuses. They are never changed or deleted.

use std::collections::HashMap;

use jiff::Timestamp;

use super::ids::{Ids, next};

/// The maximum number of statuses per sha and context (docs.github.com, REST "Statuses").
const MOST_PER_CONTEXT: usize = 1_000;
/// The maximum length of a description in characters.
const LONGEST_DESCRIPTION: usize = 140;

#[derive(Clone, Debug)]
pub(super) struct CommitStatus {
    pub(super) id: u64,
    pub(super) state: String,
    pub(super) context: String,
    pub(super) description: Option<String>,
    pub(super) target_url: Option<String>,
    pub(super) creator: String,
    pub(super) created_at: Timestamp,
}

#[derive(Default)]
pub(super) struct Statuses(HashMap<String, Vec<CommitStatus>>);

/// A request to write a status.
pub(super) struct NewStatus {
    pub(super) state: String,
    pub(super) context: Option<String>,
    pub(super) description: Option<String>,
    pub(super) target_url: Option<String>,
}

impl Statuses {
    /// Oldest first.
    pub(super) fn of(&self, sha: &str) -> &[CommitStatus] {
        self.0.get(sha).map_or(&[], Vec::as_slice)
    }

    /// The newest status of each context. Contexts are case-insensitive.
    pub(super) fn latest_of(&self, sha: &str) -> Vec<&CommitStatus> {
        let mut latest: Vec<&CommitStatus> = Vec::new();
        for status in self.of(sha).iter().rev() {
            if !latest.iter().any(|other| other.context.eq_ignore_ascii_case(&status.context)) {
                latest.push(status);
            }
        }
        latest
    }

    /// Writes a status, or returns the field that GitHub refuses and the reason.
    pub(super) fn write(
        &mut self,
        sha: &str,
        new: NewStatus,
        creator: &str,
        now: Timestamp,
        ids: &mut Ids,
    ) -> Result<CommitStatus, (&'static str, String)> {
        if !matches!(new.state.as_str(), "error" | "failure" | "pending" | "success") {
            return Err(("state", "is not included in the list".to_owned()));
        }
        let described = new.description.as_ref().map_or(0, |text| text.chars().count());
        if described > LONGEST_DESCRIPTION {
            return Err((
                "description",
                format!("is too long (maximum is {LONGEST_DESCRIPTION} characters)"),
            ));
        }
        // Observed with emoji from other tools: GitHub accepts only the Basic Multilingual
        // Plane here.
        if new.description.iter().any(|text| text.chars().any(|c| c > '\u{ffff}')) {
            return Err(("description", "is invalid".to_owned()));
        }
        if let Some(url) = &new.target_url
            && !(url.starts_with("http://") || url.starts_with("https://"))
        {
            return Err(("target_url", "must use http(s) scheme".to_owned()));
        }
        let context = new.context.unwrap_or_else(|| "default".to_owned());
        let written = self.0.entry(sha.to_owned()).or_default();
        let same = written.iter().filter(|other| other.context.eq_ignore_ascii_case(&context));
        if same.count() >= MOST_PER_CONTEXT {
            return Err((
                "base",
                "This SHA and context has reached the maximum number of statuses.".to_owned(),
            ));
        }
        let status = CommitStatus {
            id: next(&mut ids.status),
            state: new.state,
            context,
            description: new.description,
            target_url: new.target_url,
            creator: creator.to_owned(),
            created_at: now,
        };
        written.push(status.clone());
        Ok(status)
    }
}
