//! Parts that several pages share.

use jiff::Timestamp;

use crate::domain::{RepoName, Sha};
use crate::messages::{near_time, plain};
use crate::queries::view::{AttemptView, JudgedView, RunView};

/// Maximum length of untrusted text on a page, in characters.
const LONGEST: usize = 2_000;

pub(super) struct Link {
    pub(super) text: String,
    pub(super) address: String,
}

impl Link {
    /// A link to the page of a commit.
    pub(super) fn to_commit(repository: &RepoName, sha: &Sha) -> Self {
        let address = format!("{}/commits/{sha}", repository_page(repository));
        Self { text: sha.short().to_owned(), address }
    }

    /// A link to a run on GitHub. `None` if the run's URL is unknown or not a web URL.
    pub(super) fn to_run(run: &RunView) -> Option<Self> {
        let address = run.url.clone().filter(|url| is_web(url))?;
        let progress = run.progress.as_deref().unwrap_or("not seen yet");
        Some(Self { text: format!("{} ({})", run.id, tame(progress)), address })
    }
}

/// Whether a URL is safe to link to: other schemes, such as `javascript:`, are not.
pub(super) fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// The path of a repository's page.
pub(super) fn repository_page(repository: &RepoName) -> String {
    format!("/repos/{repository}")
}

/// When it ships if only time passes, as a sentence of its own.
pub(super) fn forecast(judged: &JudgedView) -> String {
    let text = judged.forecast.as_deref().map(tame);
    text.map_or_else(String::new, |text| format!("It {text}."))
}

/// A sentence with code between backticks.
pub(super) struct Rich(String);

/// A part of a [`Rich`] text: either code or plain text.
pub(super) struct Piece<'a> {
    pub(super) is_code: bool,
    pub(super) text: &'a str,
}

impl Rich {
    pub(super) fn new(text: &str) -> Self {
        Self(tame(text))
    }

    /// The parts in order. If a backtick is unpaired, the whole text is plain.
    pub(super) fn pieces(&self) -> Vec<Piece<'_>> {
        let text = self.0.as_str();
        let is_paired = text.matches('`').count().is_multiple_of(2);
        if !is_paired {
            return vec![Piece { is_code: false, text }];
        }
        let pieces = text.split('`').enumerate();
        pieces
            .map(|(place, text)| Piece { is_code: place % 2 == 1, text })
            .filter(|piece| !piece.text.is_empty())
            .collect()
    }
}

/// Untrusted text on one line, without control characters and bidirectional overrides.
pub(super) fn tame(text: &str) -> String {
    plain(text, LONGEST)
}

/// An attempt as a table row.
pub(super) struct AttemptRow {
    pub(super) begun: String,
    pub(super) link: Link,
    pub(super) summary: String,
    pub(super) run: Option<Link>,
}

impl AttemptRow {
    pub(super) fn of(repository: &RepoName, attempt: &AttemptView, now: Timestamp) -> Self {
        let summary = attempt.told.as_deref().unwrap_or("under way");
        Self {
            begun: near_time(attempt.begun_at, now),
            link: Link::to_commit(repository, &attempt.sha),
            summary: tame(summary),
            run: attempt.run.as_ref().and_then(Link::to_run),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<(bool, String)> {
        let rich = Rich::new(text);
        rich.pieces().iter().map(|piece| (piece.is_code, piece.text.to_owned())).collect()
    }

    #[test]
    fn what_stands_between_backticks_is_code_and_a_single_one_is_text() {
        let summary = pieces("run `resume a/b`, or `trigger 1`");
        let expected =
            [(false, "run "), (true, "resume a/b"), (false, ", or "), (true, "trigger 1")];
        assert_eq!(summary, expected.map(|(code, text)| (code, text.to_owned())));
        assert_eq!(pieces("a `b"), [(false, "a `b".to_owned())]);
        assert_eq!(pieces("\u{202e}a\nb"), [(false, "a b".to_owned())]);
    }

    #[test]
    fn nothing_but_the_web_is_linked_to() {
        assert!(is_web("https://github.com/acme/shop/actions/runs/1"));
        assert!(!is_web("javascript:alert(1)") && !is_web("data:text/html,x"));
    }
}
