//! Failure issues and their comments, in Markdown, with a hidden marker.

use jiff::Timestamp;

use super::{date_time, hints, plain};
use crate::domain::{
    Cause, Conclusion, Decision, DegradedAfterDeploy, FailureType, Marker, Outcome, Policy,
    RepoName, RunRef, Sha,
};

/// The most characters of a job's or step's name.
const NAME: usize = 120;
const MARKER_START: &str = "<!-- release-governor ";
const MARKER_END: &str = " -->";

/// A failed deploy, for the text of an issue.
pub struct FailureText<'a> {
    pub sha: &'a Sha,
    pub run: RunRef,
    /// The URL of the run.
    pub url: &'a str,
    /// How it ended. `None` if the run was deleted.
    pub conclusion: Option<&'a Conclusion>,
    /// The failed job and its failed step.
    pub failed_step: Option<&'a (String, String)>,
    pub ended_at: Timestamp,
    /// The current decision about the commit, if it was judged.
    pub decision: Option<&'a Decision>,
    pub repository: &'a RepoName,
}

/// `Deploy failure: 1a2b3c4`.
#[must_use]
pub fn title(sha: &Sha) -> String {
    format!("Deploy failure: {}", sha.short())
}

/// The labels of a failure issue. The failure type comes last.
#[must_use]
pub fn labels(failure: &FailureText<'_>, policy: &Policy) -> Vec<String> {
    let kind = failure_type(failure, &policy.failure_types);
    vec!["deploy-failure".to_owned(), "severity:high".to_owned(), kind]
}

fn failure_type(failure: &FailureText<'_>, types: &[FailureType]) -> String {
    let Some(conclusion) = failure.conclusion else { return "deploy:run-deleted".to_owned() };
    if *conclusion == Conclusion::Cancelled {
        return "deploy:cancelled".to_owned();
    }
    let of_step = failure.failed_step.and_then(|(_, step)| {
        types.iter().find(|kind| kind.matches(step)).map(|kind| kind.label.clone())
    });
    of_step.unwrap_or_else(|| "deploy:failed".to_owned())
}

/// The body of a new issue, or of a comment about a further failure.
#[must_use]
pub fn body(failure: &FailureText<'_>, marker: &Marker) -> String {
    let conclusion = match failure.conclusion {
        Some(conclusion) => code(&plain(conclusion.as_str(), 40)),
        None => "the run was deleted before it ended".to_owned(),
    };
    let mut lines = vec![
        format!("The deploy of {} failed.", code(failure.sha.as_str())),
        String::new(),
        format!("- **Commit:** {}", failure.sha),
        format!("- **Run:** {}", link(failure.run, failure.url)),
        format!("- **Conclusion:** {conclusion}"),
    ];
    if let Some((job, step)) = failure.failed_step {
        lines.push(format!("- **Failed job:** {}", code(&plain(job, NAME))));
        lines.push(format!("- **Failed step:** {}", code(&plain(step, NAME))));
    } else if failure.conclusion.is_some() {
        lines.push("- **Failed step:** unknown; see the run".to_owned());
    }
    lines.push(format!("- **Time:** {}", date_time(failure.ended_at)));
    lines.push(String::new());
    lines.push(what_now(failure));
    lines.push(String::new());
    lines.push(write_marker(marker));
    lines.join("\n")
}

/// What happens to the commit now, and what people can do.
fn what_now(failure: &FailureText<'_>) -> String {
    const STATUS: &str = "the commit's status shows its current state.";
    let Some(decision) = failure.decision else {
        return format!("No decision has been made about this commit since; {STATUS}");
    };
    if let Cause::Cooldown { until } = decision.cause {
        return format!(
            "Attempts are left: it is deployed again after {}, unless something else ships or \
             holds it; {STATUS}",
            date_time(until)
        );
    }
    if decision.outcome() == Outcome::Hold {
        let hints = hints(decision, failure.repository).join("; ");
        let code_of = decision.reason().code();
        return format!(
            "The governor holds this commit: {}. Later, {STATUS}",
            code(&format!("{code_of}: {hints}"))
        );
    }
    format!(
        "It is {} ({}) now; {STATUS}",
        decision.outcome().as_str(),
        code(decision.reason().code())
    )
}

/// The labels of an issue about a deploy after which production turned degraded.
#[must_use]
pub fn degraded_labels() -> Vec<String> {
    ["deploy-failure", "severity:high", "deploy:degraded-after-deploy"].map(str::to_owned).to_vec()
}

/// The most characters of a signal's finding.
const SAID: usize = 400;

/// The body of a new issue, or of a comment, about a deploy after which production turned
/// degraded.
#[must_use]
pub fn degraded_body(
    sha: &Sha,
    degraded: &DegradedAfterDeploy,
    url: &str,
    ended_at: Timestamp,
    marker: &Marker,
) -> String {
    let mut lines = vec![
        format!("Production turned degraded after the deploy of {}.", code(sha.as_str())),
        String::new(),
        format!("- **Commit:** {sha}"),
        format!("- **Run:** {}", link(degraded.run, url)),
        format!("- **Deployed:** {}", date_time(ended_at)),
        format!("- **Degraded since:** {}", date_time(degraded.since)),
    ];
    let said = degraded.found.iter().map(|found| format!("- {}", code(&plain(found, SAID))));
    lines.extend(said);
    lines.push(String::new());
    lines.push(
        "The deploy itself succeeded, and nothing is rolled back. While production is degraded, \
         riskier releases are held: fix the incident, roll back, or ship the fix."
            .to_owned(),
    );
    lines.push(String::new());
    lines.push(write_marker(marker));
    lines.join("\n")
}

/// The comment that production is healthy again.
#[must_use]
pub fn healthy_again(since: Timestamp, marker: &Marker) -> String {
    let since = date_time(since);
    format!("Recovered: production is healthy again since {since}.\n\n{}", write_marker(marker))
}

/// The comment that a later deploy succeeded.
#[must_use]
pub fn recovery(production: &Sha, run: Option<(RunRef, &str)>, marker: &Marker) -> String {
    let by = run.map_or_else(
        || "set by an operator".to_owned(),
        |(run, url)| format!("deployed by {}", link(run, url)),
    );
    format!("Recovered: {production} is in production, {by}.\n\n{}", write_marker(marker))
}

/// The comment that corrects an issue about a run that was not deleted after all.
#[must_use]
pub fn not_deleted(run: RunRef, url: &str, marker: &Marker) -> String {
    let run = link(run, url);
    format!(
        "Correction: {run} was not deleted. GitHub shows it again, and it succeeded.\n\n{}",
        write_marker(marker)
    )
}

fn link(run: RunRef, url: &str) -> String {
    let name = if run.attempt > 1 {
        format!("run {}, attempt {}", run.id, run.attempt)
    } else {
        format!("run {}", run.id)
    };
    let tame = url.starts_with("http")
        && url.chars().all(|c| c.is_ascii_graphic() && !"()<>\"`\\".contains(c));
    if tame { format!("[{name}]({url})") } else { name }
}

/// A code span that no backtick in the text can end. Nothing in it is a mention, a link or
/// HTML.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.saturating_add(1));
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// The marker as an HTML comment, which GitHub stores but does not show.
fn write_marker(marker: &Marker) -> String {
    // A status context may contain `-->` or the start of a marker, so `<` and `>` are escaped
    // in JSON.
    let json = serde_json::to_string(marker).unwrap_or_default();
    let json = json.replace('<', "\\u003c").replace('>', "\\u003e");
    format!("{MARKER_START}{json}{MARKER_END}")
}

/// The marker in the text of an issue or a comment, if there is one.
#[must_use]
pub fn read_marker(body: &str) -> Option<Marker> {
    let (_, rest) = body.rsplit_once(MARKER_START)?;
    let (json, _) = rest.split_once(MARKER_END)?;
    serde_json::from_str(json).ok()
}
