//! Commit ids, full and abbreviated.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A full commit id: 40 lowercase hex digits (64 in a SHA-256 repository). Clones share the
/// text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha(Arc<str>);

impl Sha {
    /// The first seven digits, as people and our statuses write it.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this commit's id starts with `prefix`.
    #[must_use]
    pub fn starts_with(&self, prefix: &ShaPrefix) -> bool {
        self.0.starts_with(&prefix.0)
    }
}

/// An abbreviated commit id of 7 to 64 hex digits, as typed by an operator or found in a title.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ShaPrefix(String);

/// GitHub does not resolve shorter prefixes, and run titles must not use them either.
const SHORTEST_PREFIX: usize = 7;
const LONGEST: usize = 64;

impl ShaPrefix {
    /// The digits in lowercase.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full commit id, if this is one.
    #[must_use]
    pub fn whole(&self) -> Option<Sha> {
        self.0.parse().ok()
    }

    /// All words in `text` that could name a commit: 7 to 64 hex digits not adjacent to another
    /// letter, digit or underscore. In order, without duplicates.
    #[must_use]
    pub fn all_in(text: &str) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for word in text.split(|c: char| !c.is_alphanumeric() && c != '_') {
            if let Ok(prefix) = word.parse::<Self>()
                && !found.contains(&prefix)
            {
                found.push(prefix);
            }
        }
        found
    }
}

/// The given text is not a commit id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a commit id: expected {expected}")]
pub struct ShaError {
    given: String,
    expected: &'static str,
}

fn hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A prefix of an invalid value, short enough for an error message.
fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

impl FromStr for Sha {
    type Err = ShaError;

    fn from_str(text: &str) -> Result<Self, ShaError> {
        if hex(text) && (text.len() == 40 || text.len() == LONGEST) {
            Ok(Self(text.to_ascii_lowercase().into()))
        } else {
            Err(ShaError { given: excerpt(text), expected: "40 hex digits" })
        }
    }
}

impl FromStr for ShaPrefix {
    type Err = ShaError;

    fn from_str(text: &str) -> Result<Self, ShaError> {
        if hex(text) && (SHORTEST_PREFIX..=LONGEST).contains(&text.len()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(ShaError { given: excerpt(text), expected: "at least 7 hex digits of it" })
        }
    }
}

impl TryFrom<String> for Sha {
    type Error = ShaError;
    fn try_from(text: String) -> Result<Self, ShaError> {
        text.parse()
    }
}

impl From<Sha> for String {
    fn from(sha: Sha) -> Self {
        sha.as_str().to_owned()
    }
}

/// A full id is also a prefix of itself.
impl From<Sha> for ShaPrefix {
    fn from(sha: Sha) -> Self {
        Self(sha.into())
    }
}

impl TryFrom<String> for ShaPrefix {
    type Error = ShaError;
    fn try_from(text: String) -> Result<Self, ShaError> {
        text.parse()
    }
}

impl From<ShaPrefix> for String {
    fn from(prefix: ShaPrefix) -> Self {
        prefix.0
    }
}

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

impl fmt::Display for ShaPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_names_the_shas_that_stand_alone_in_it() {
        let sha = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";
        let words = ShaPrefix::all_in(&format!("Deploy {sha} (1a2b3c4), not x1a2b3c4y or abc123"));
        let words: Vec<_> = words.iter().map(ShaPrefix::as_str).collect();
        assert_eq!(words, [sha, "1a2b3c4"]);
    }

    #[test]
    fn a_short_or_foreign_word_is_no_whole_sha() {
        assert!("1a2b3c4".parse::<Sha>().is_err());
        assert!("g".repeat(40).parse::<Sha>().is_err());
        assert_eq!("A".repeat(40).parse::<Sha>().unwrap().as_str(), "a".repeat(40));
    }
}
