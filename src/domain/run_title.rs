//! Patterns for run titles and ref names.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ShaPrefix;

/// A pattern for run titles, such as `Deploy {sha} by *`. `*` matches any text. `{sha}`,
/// allowed once, matches a commit id of at least 7 digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTitle {
    written: String,
    before: String,
    /// The pattern after `{sha}`; `None` if there is no `{sha}`.
    after: Option<String>,
}

/// The placeholder for the commit id.
const SHA: &str = "{sha}";
/// The expressions of a `run-name` that print the commit being deployed.
const OF_THE_SHA: [&str; 3] =
    ["inputs.sha", "github.event.inputs.sha", "github.event.client_payload.sha"];

/// Why a text is not a valid title pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunTitleError {
    /// The pattern is empty or matches every title.
    #[error("matches every title, or none")]
    MatchesAll,
    /// The pattern has more than one `{sha}`.
    #[error("holds `{{sha}}` more than once")]
    SeveralShas,
    /// The pattern has an unknown placeholder.
    #[error("holds a placeholder other than `{{sha}}`")]
    UnknownPlaceholder,
}

impl RunTitle {
    /// Parses a pattern.
    ///
    /// # Errors
    ///
    /// [`RunTitleError`] if the pattern is invalid.
    pub fn new(written: &str) -> Result<Self, RunTitleError> {
        if written.chars().all(|c| c == '*' || c.is_whitespace()) {
            return Err(RunTitleError::MatchesAll);
        }
        if written.replace(SHA, "").contains(['{', '}']) {
            return Err(RunTitleError::UnknownPlaceholder);
        }
        let mut parts = written.split(SHA).map(str::to_owned);
        let (before, after) = (parts.next().unwrap_or_default(), parts.next());
        if parts.next().is_some() {
            return Err(RunTitleError::SeveralShas);
        }
        Ok(Self { written: written.to_owned(), before, after })
    }

    /// The titles that a workflow's `run-name` gives to runs that deploy a commit; `None` if
    /// the title does not include the commit. Any other expression is taken as `*`.
    #[must_use]
    pub fn of_run_name(run_name: &str) -> Option<Self> {
        let (mut before, mut after): (String, Option<String>) = (String::new(), None);
        let mut rest = run_name;
        loop {
            let next = rest.split_once("${{").and_then(|(literal, rest)| {
                rest.split_once("}}").map(|(expression, rest)| (literal, expression, rest))
            });
            let Some((literal, expression, following)) = next else { break };
            let target = after.as_mut().unwrap_or(&mut before);
            target.push_str(literal);
            if after.is_none() && prints_the_sha(expression) {
                after = Some(String::new());
            } else {
                after.as_mut().unwrap_or(&mut before).push('*');
            }
            rest = following;
        }
        after.as_mut().unwrap_or(&mut before).push_str(rest);
        after.is_some().then(|| Self { written: run_name.to_owned(), before, after })
    }

    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// Whether the pattern has a `{sha}`.
    #[must_use]
    pub const fn names_a_sha(&self) -> bool {
        self.after.is_some()
    }

    /// Whether a title matches.
    #[must_use]
    pub fn fits(&self, title: &str) -> bool {
        match &self.after {
            None => variants(title).iter().any(|title| matches(&self.before, title)),
            Some(_) => !self.shas_in(title).is_empty(),
        }
    }

    /// The commit ids that `{sha}` may match, without duplicates. There are several if the
    /// title can be matched in more than one way.
    #[must_use]
    pub fn shas_in(&self, title: &str) -> Vec<ShaPrefix> {
        let Some(after) = &self.after else { return Vec::new() };
        let mut found: Vec<ShaPrefix> = Vec::new();
        for title in variants(title) {
            for (start, end) in hex_runs(&title) {
                let starts = [start, start + hex_tail(&self.before)];
                let ends = [end, end.saturating_sub(hex_head(after))];
                for (start, end) in starts.into_iter().flat_map(|s| ends.map(|e| (s, e))) {
                    let parts = (title.get(..start), title.get(start..end), title.get(end..));
                    let (Some(left), Some(digits), Some(right)) = parts else { continue };
                    if let Ok(prefix) = digits.parse::<ShaPrefix>()
                        && matches(&self.before, left)
                        && matches(after, right)
                        && !found.contains(&prefix)
                    {
                        found.push(prefix);
                    }
                }
            }
        }
        found
    }
}

impl fmt::Display for RunTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Whether an expression prints the commit being deployed: the input, or `github.sha` as the
/// fallback if the input is empty.
fn prints_the_sha(expression: &str) -> bool {
    let bare: String = expression.chars().filter(|c| !c.is_whitespace()).collect();
    let bare = bare.to_lowercase().replace("['", ".").replace("']", "");
    let mut alternatives = bare.split("||").peekable();
    let first_is_it = alternatives.peek().is_some_and(|first| OF_THE_SHA.contains(first));
    first_is_it && alternatives.all(|one| OF_THE_SHA.contains(&one) || one == "github.sha")
}

/// The titles to try. GitHub trims titles, so an expression at either end that prints nothing
/// also removes the space next to it.
fn variants(title: &str) -> [String; 3] {
    [title.to_owned(), format!("{title} "), format!(" {title}")]
}

/// The start and end of each run of hex digits.
fn hex_runs(text: &str) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut start = None;
    for (at, byte) in text.bytes().chain([b' ']).enumerate() {
        match (byte.is_ascii_hexdigit(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                runs.push((from, at));
                start = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    runs
}

fn hex_tail(literal: &str) -> usize {
    literal.bytes().rev().take_while(u8::is_ascii_hexdigit).count()
}

fn hex_head(literal: &str) -> usize {
    literal.bytes().take_while(u8::is_ascii_hexdigit).count()
}

/// Whether the whole text matches, where `*` matches any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// A pattern for branch and tag names, with the meaning of GitHub's branch filters: `*` does
/// not match a slash, `**` does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RefPattern(String);

impl RefPattern {
    #[must_use]
    pub fn new(written: &str) -> Self {
        Self(written.to_owned())
    }

    #[must_use]
    pub fn written(&self) -> &str {
        &self.0
    }

    /// Whether the pattern matches this name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        matches_ref(&self.0, name)
    }
}

/// Whether the pattern matches the name: `*` matches anything but `/`, and `**` matches
/// anything. Names are untrusted, so matching takes at most one step for each pair of
/// characters.
fn matches_ref(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut pattern = pattern.chars().peekable();
    // `reached[n]` is true if the pattern so far can match exactly the first `n` characters.
    let mut reached = vec![false; name.len().saturating_add(1)];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    while let Some(wanted) = pattern.next() {
        let is_star = wanted == '*';
        let takes_slashes = is_star && pattern.next_if_eq(&'*').is_some();
        let mut before = false;
        let taken = std::iter::once(None).chain(name.iter().map(Some));
        for (here, last) in reached.iter_mut().zip(taken) {
            let was = *here;
            *here = match last {
                Some(last) if is_star => was || (before && (takes_slashes || *last != '/')),
                None if is_star => was,
                Some(last) => before && *last == wanted,
                None => false,
            };
            before = if is_star { *here } else { was };
        }
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(written: &str) -> RunTitle {
        RunTitle::new(written).unwrap()
    }

    fn shas(title: &RunTitle, text: &str) -> Vec<String> {
        title.shas_in(text).iter().map(|sha| sha.as_str().to_owned()).collect()
    }

    #[test]
    fn a_title_names_the_sha_at_its_place_and_no_other() {
        let deploy = title("Deploy {sha} by *");
        assert_eq!(shas(&deploy, "Deploy 1a2b3c4 by 7654321"), ["1a2b3c4"]);
        for other in [
            "Deploy 1a2b3c4 to staging",
            "Redeploy 1a2b3c4 by dev",
            "Deploy by 1a2b3c4",
            "Deploy 1a2b3c by dev",
            "Deploy  by dev",
        ] {
            assert!(!deploy.fits(other), "{other}");
        }
        assert_eq!(shas(&title("v{sha}"), "v1a2b3c4"), ["1a2b3c4"]);
        assert_eq!(shas(&title("Release{sha}"), "Release1a2b3c4"), ["1a2b3c4"]);
        assert_eq!(shas(&title("* {sha} *"), "a 1a2b3c4 7654321 b").len(), 2);
        assert!(title("Deploy * to staging").fits("Deploy 1a2b3c4 to staging"));
        assert!(!title("Deploy * to staging").fits("Deploy 1a2b3c4 to staging2"));
    }

    #[test]
    fn a_pattern_of_refs_means_what_its_stars_say_however_many_there_are() {
        let fits = |pattern: &str, name: &str| RefPattern::new(pattern).matches(name);
        assert!(fits("preview/*", "preview/7") && !fits("preview/*", "preview/7/a"));
        assert!(fits("preview/**", "preview/7/a") && fits("**/x", "a/b/x") && fits("*", ""));
        assert!(fits("a*b*c", "abbbc") && !fits("a*b*c", "abbb") && !fits("a", "aa"));
        assert!(fits("f\u{e9}*", "f\u{e9}te") && !fits("", "a") && fits("***", "a/b"));
        let many = "*a".repeat(100) + "b";
        assert!(!fits(&many, &"a".repeat(255)), "and it is told at once");
    }

    #[test]
    fn a_pattern_that_could_mean_anything_is_refused() {
        assert_eq!(RunTitle::new(" * "), Err(RunTitleError::MatchesAll));
        assert_eq!(RunTitle::new("{sha} {sha}"), Err(RunTitleError::SeveralShas));
        assert_eq!(RunTitle::new("Deploy {what}"), Err(RunTitleError::UnknownPlaceholder));
    }

    #[test]
    fn a_run_name_tells_where_the_sha_stands_where_it_carries_it() {
        let told = |name: &str, text: &str| RunTitle::of_run_name(name).map(|t| shas(&t, text));
        let one = Some(vec!["1a2b3c4".to_owned()]);
        for name in [
            "Deploy ${{ inputs.sha }}",
            "Deploy ${{inputs.sha || github.sha}}",
            "Deploy ${{ github.event.inputs['sha'] }}",
            "Deploy ${{ inputs.sha }} ${{ inputs.note }}",
        ] {
            assert_eq!(told(name, "Deploy 1a2b3c4"), one, "{name}");
        }
        for name in ["Deploy", "Deploy ${{ github.sha }}", "${{ format('{0}', inputs.sha) }}"] {
            assert_eq!(told(name, "Deploy 1a2b3c4"), None, "{name}");
        }
        let by = "Deploy ${{ inputs.sha }} by ${{ github.actor }}";
        assert_eq!(told(by, "Deploy 1a2b3c4 to staging"), Some(Vec::new()));
    }

    #[test]
    fn a_ref_pattern_reads_as_githubs_branch_filters_do() {
        let fits = |pattern: &str, name: &str| RefPattern::new(pattern).matches(name);
        assert!(fits("preview/*", "preview/42") && !fits("preview/*", "preview/a/b"));
        assert!(fits("preview/**", "preview/a/b") && fits("**", "a/b") && !fits("*", "a/b"));
        assert!(fits("*-preview", "x-preview") && !fits("preview", "preview2"));
    }
}
