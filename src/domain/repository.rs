//! The names and numbers that identify things at GitHub.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A repository as `owner/name`. Like GitHub, comparisons ignore case. Clones share the text,
/// because the name is used as a key and a label in many places.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoName(Arc<str>);

impl RepoName {
    /// The user or organization that owns it.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.parts().0
    }

    /// The name without the owner.
    #[must_use]
    pub fn name(&self) -> &str {
        self.parts().1
    }

    /// The full name, `owner/name`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or((&self.0, ""))
    }
}

/// `text` in the form that is compared.
fn folded(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
}

/// The given text is not of the form `owner/name`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a repository name: expected OWNER/NAME, as in acme/shop")]
pub struct RepoNameError(String);

impl FromStr for RepoName {
    type Err = RepoNameError;

    fn from_str(text: &str) -> Result<Self, RepoNameError> {
        let plain = |part: &str| {
            !part.is_empty()
                && part.len() <= 100
                && part != "."
                && part != ".."
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        match text.split_once('/') {
            Some((owner, name)) if plain(owner) && plain(name) => Ok(Self(text.into())),
            _ => Err(RepoNameError(text.chars().take(120).collect())),
        }
    }
}

impl TryFrom<String> for RepoName {
    type Error = RepoNameError;
    fn try_from(text: String) -> Result<Self, RepoNameError> {
        text.parse()
    }
}

impl From<RepoName> for String {
    fn from(name: RepoName) -> Self {
        name.as_str().to_owned()
    }
}

impl PartialEq for RepoName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for RepoName {}

impl PartialOrd for RepoName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RepoName {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((owner, name), (others, its_name)) = (self.parts(), other.parts());
        folded(owner).cmp(folded(others)).then_with(|| folded(name).cmp(folded(its_name)))
    }
}

impl Hash for RepoName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        folded(&self.0).for_each(|byte| state.write_u8(byte));
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The login of a user or an App, as GitHub spells it. Like GitHub, comparisons ignore case, so
/// that a set of logins cannot contain a person twice.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Login(String);

impl Login {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is an App's account, according to GitHub's naming.
    #[must_use]
    pub fn is_of_a_bot(&self) -> bool {
        self.0.to_ascii_lowercase().ends_with("[bot]")
    }

    /// Whether it may be an account of ours. With a raw App token, our account is unknown until
    /// the first write is answered, but it is certainly a bot.
    #[must_use]
    pub fn may_be_us(&self, us: &BTreeSet<Self>) -> bool {
        us.contains(self) || (us.is_empty() && self.is_of_a_bot())
    }
}

impl From<String> for Login {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Login {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl PartialEq for Login {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Login {}

impl PartialOrd for Login {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Login {
    fn cmp(&self, other: &Self) -> Ordering {
        folded(&self.0).cmp(folded(&other.0))
    }
}

impl Hash for Login {
    fn hash<H: Hasher>(&self, state: &mut H) {
        folded(&self.0).for_each(|byte| state.write_u8(byte));
        // Ends the text, as `str` does, so that adjacent logins hash differently from their
        // concatenation.
        state.write_u8(0xff);
    }
}

impl From<Login> for String {
    fn from(login: Login) -> Self {
        login.0
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a branch or, where a ref may be either, of a tag. Case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Branch(String);

impl Branch {
    /// The name without `refs/heads/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The prefix of the branches that a merge queue creates for this branch. Source: GitHub's
    /// documentation of the `merge_group` event.
    #[must_use]
    pub fn queue_prefix(&self) -> String {
        format!("gh-readonly-queue/{}/", self.0)
    }
}

impl From<&str> for Branch {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Branch {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

number!(
    /// A repository's id. It survives a rename, and the ledger is keyed by it.
    RepoId
);
number!(
    /// A workflow's id. It survives a rename of the workflow.
    WorkflowId
);
number!(
    /// A workflow run's id. A re-run keeps it.
    RunId
);
number!(
    /// A commit status's id. Ids increase in the order in which GitHub accepted the statuses.
    StatusId
);
number!(
    /// An issue's number within its repository.
    IssueNumber
);
number!(
    /// A pull request's number within its repository.
    PullNumber
);
number!(
    /// An account's id. It survives a change of the login.
    UserId
);

impl WorkflowId {
    /// A workflow that is not identified by the configuration or by GitHub's list. GitHub has
    /// no workflow with this id, so a request for its runs fails instead of returning an empty
    /// list.
    pub const UNKNOWN: Self = Self(0);
}

/// One attempt of a workflow run. A re-run has the same id and a higher attempt number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunRef {
    pub id: RunId,
    /// 1 for the first attempt, incremented by each re-run.
    pub attempt: u32,
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    #[test]
    fn a_login_keeps_its_spelling_and_is_the_same_in_any() {
        let spelled = Login::from("Bea-Ops");
        assert_eq!((spelled.as_str(), spelled.to_string().as_str()), ("Bea-Ops", "Bea-Ops"));
        let others = ["bea-ops", "BEA-OPS", "Bea-Ops"].map(Login::from);
        assert!(others.iter().all(|other| *other == spelled && other.cmp(&spelled).is_eq()));
        assert_eq!(HashSet::from(others.clone()).len(), 1);
        assert_eq!(BTreeSet::from(others).len(), 1);
        assert!(
            Login::from("Bea") < Login::from("carl") && Login::from("bea") < Login::from("Carl")
        );
        assert_ne!(spelled, Login::from("Bea_Ops"));
    }

    #[test]
    fn what_earlier_versions_wrote_in_lower_case_is_the_same_login() {
        let kept: Login = serde_json::from_str("\"bea-ops\"").unwrap();
        assert_eq!(kept, Login::from("Bea-Ops"));
        let spelled = serde_json::to_string(&Login::from("Bea-Ops")).unwrap();
        assert_eq!(spelled, "\"Bea-Ops\"");
    }

    #[test]
    fn an_apps_account_is_a_bots() {
        for login in ["release-governor[bot]", "Release-Governor[BOT]"] {
            assert!(Login::from(login).is_of_a_bot(), "{login}");
        }
        assert!(!Login::from("robot").is_of_a_bot());
    }
}
