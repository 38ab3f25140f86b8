//! Configuration mistakes, reported so that the author can fix them, and without secrets.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::PathPatterns;

/// Reported instead of a file name for values from the environment.
pub(super) const ENVIRONMENT: &str = "environment";

/// All mistakes of a configuration. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<Mistake>);

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file path as given, or `environment`.
    pub file: String,
    /// The line in the file, counted from 1, if known.
    pub line: Option<usize>,
    /// The key, such as `repositories[0].branch`, or the variable. Empty for the file as a
    /// whole.
    pub key: String,
    /// The value found, unless it may be a secret or is a whole mapping.
    pub value: Option<String>,
    /// The expected value, or the problem if `value` is `None`.
    pub expected: String,
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(mistakes) = self;
        if mistakes.len() > 1 {
            writeln!(f, "the configuration has {} mistakes:", mistakes.len())?;
        }
        for (index, mistake) in mistakes.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{mistake}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        match &self.value {
            Some(value) => write!(f, "found {value}, expected {}", self.expected),
            None => f.write_str(&self.expected),
        }
    }
}

/// Collects mistakes during validation.
#[derive(Default)]
pub(super) struct Mistakes {
    found: Vec<Mistake>,
    /// Values that no message may contain, whatever key they were written under.
    secrets: Vec<String>,
    /// Compiled pattern lists; repositories of a fleet often share them.
    lists: BTreeMap<Vec<String>, PathPatterns>,
    /// Total number of patterns in all lists so far, valid or not.
    patterns: usize,
}

/// Maximum number of patterns in all distinct lists. Compiling them takes a few seconds.
pub(super) const MOST_PATTERNS: usize = 50_000;

/// Several times the largest fleet that one process was measured with.
pub(super) const MOST_REPOSITORIES: usize = 50_000;

/// Maximum number of reported mistakes.
const MOST_MISTAKES: usize = 100;

/// Maximum number of characters shown of a key.
const SHOWN_KEY: usize = 200;

/// Redacting shorter secrets would hide ordinary words.
const SHORTEST_SECRET: usize = 8;

impl Mistakes {
    /// The compiled form of `written`, if it was compiled before.
    pub(super) fn compiled(&self, written: &[String]) -> Option<PathPatterns> {
        self.lists.get(written).cloned()
    }

    /// Counts `more` patterns and returns whether they may still be compiled.
    pub(super) fn may_compile(&mut self, more: usize) -> bool {
        self.patterns = self.patterns.saturating_add(more);
        self.patterns <= MOST_PATTERNS
    }

    /// Remembers a compiled list.
    pub(super) fn note_compiled(&mut self, patterns: &PathPatterns) {
        self.lists.insert(patterns.written().to_vec(), patterns.clone());
    }

    pub(super) fn push(&mut self, mistake: Mistake) {
        if !self.is_full() {
            self.found.push(mistake);
        }
    }

    /// Whether the maximum number of mistakes is reached.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= MOST_MISTAKES
    }

    /// Adds a mistake that concerns the file as a whole.
    pub(super) fn file(&mut self, file: &str, line: Option<usize>, what: impl Into<String>) {
        let (key, expected) = (String::new(), what.into());
        self.push(Mistake { file: file.to_owned(), line, key, value: None, expected });
    }

    pub(super) fn keep_secret(&mut self, secret: &str) {
        if secret.len() >= SHORTEST_SECRET {
            self.secrets.push(secret.to_owned());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(super) fn into_errors(self) -> ConfigErrors {
        let is_full = self.is_full();
        let Self { mut found, secrets, .. } = self;
        let clean = |text: String| redact(text, &secrets);
        let clean_mistake = |mistake: Mistake| Mistake {
            key: clean(mistake.key.escape_debug().take(SHOWN_KEY).collect()),
            value: mistake.value.map(clean),
            expected: clean(mistake.expected),
            ..mistake
        };
        // Mistakes in the file first, by line, then those in the environment.
        found.sort_by_key(|mistake| (mistake.file == ENVIRONMENT, mistake.line));
        let mut errors: Vec<Mistake> = found.into_iter().map(clean_mistake).collect();
        if is_full && let Some(last) = errors.last().cloned() {
            let expected = "and perhaps more: these come first".to_owned();
            errors.push(Mistake { line: None, key: String::new(), value: None, expected, ..last });
        }
        ConfigErrors(errors)
    }
}

/// Prefixes of GitHub tokens. Source: GitHub's "About authentication to GitHub".
const TOKEN_PREFIXES: [&str; 6] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"];

/// Whether `text` contains a GitHub token.
pub(super) fn holds_a_token(text: &str) -> bool {
    TOKEN_PREFIXES.iter().any(|prefix| text.contains(prefix))
}

/// Replaces everything in `text` that is or looks like a secret.
pub(super) fn redact(mut text: String, secrets: &[String]) -> String {
    for secret in secrets {
        text = text.replace(secret.as_str(), "***");
    }
    for prefix in TOKEN_PREFIXES {
        text = without_token(&text, prefix);
    }
    match text.find("-----BEGIN") {
        Some(start) => format!("{}***", text.get(..start).unwrap_or_default()),
        None => text,
    }
}

/// Replaces the rest of every token that starts with `prefix`.
fn without_token(text: &str, prefix: &str) -> String {
    let mut parts = text.split(prefix);
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        clean.push_str(prefix);
        clean.push_str("***");
        clean.push_str(part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_'));
    }
    clean
}

/// The entry of `known` that `written` most likely stands for: within a small edit distance, or
/// one that `written` abbreviates by whole words.
pub(super) fn meant<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let known: Vec<&str> = known.into_iter().collect();
    let near = |word: &&&str| distance(written, word) <= (word.len().min(written.len()) / 3).max(1);
    let slip = known.iter().filter(near).min_by_key(|word| distance(written, word));
    let begins =
        |word: &&&str| word.strip_prefix(written).is_some_and(|rest| rest.starts_with('_'));
    slip.or_else(|| known.iter().find(begins)).copied()
}

/// The Levenshtein distance. Very long input counts as infinitely distant, to bound the work.
fn distance(from: &str, to: &str) -> usize {
    if from.len() > 80 || to.len() > 80 { usize::MAX } else { strsim::levenshtein(from, to) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let known = ["cooldown_minutes", "branch", "paused"];
        assert_eq!(meant("cooldwn_minutes", known), Some("cooldown_minutes"));
        assert_eq!(meant("brunch", known), Some("branch"));
        assert_eq!(meant("cooldown", known), Some("cooldown_minutes"));
        assert_eq!(meant("webhook", known), None);
    }

    #[test]
    fn no_token_gets_through() {
        let secrets = ["hunter2hunter2".to_owned()];
        let text = "`x ghp_abcDEF123, github_pat_11AA_bb and hunter2hunter2`".to_owned();
        assert_eq!(redact(text, &secrets), "`x ghp_***, github_pat_*** and ***`");
    }
}
