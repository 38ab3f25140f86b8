//! Texts about approvals: what is missing, what was seen, and why it does not count.

use super::evidence::of_risk_cause;
use super::{date_time, plain};
use crate::domain::{
    ApprovalMode, Approver, CommandReading, Counting, GivenApproval, Missing, MissingPull,
    OperatorsMatter, RepoName, SeenApproval, Team, WhyNot,
};

/// The most characters of a stranger's text in a hint.
const QUOTED: usize = 60;
/// The most characters of GitHub's text in evidence.
const TOLD: usize = 200;
/// The most pull requests that a hint names.
const PULLS_NAMED: usize = 3;
/// The most teams that a hint names.
const TEAMS_NAMED: usize = 2;

/// What is missing: how to approve in each configured way, and who may.
pub(super) fn missing(missing: &Missing, repository: &RepoName, short: &str) -> String {
    let command = format!("`release-governor approve {repository} {short} --reason \"WHY\"`");
    if let Some(matter) = missing.operators.first() {
        return match matter_of(matter) {
            None => command,
            Some(why) => format!("{command}: {why}"),
        };
    }
    let pulls = pulls(&missing.pulls.iter().collect::<Vec<_>>());
    let mut ways = Vec::new();
    for mode in &missing.modes {
        ways.push(match mode {
            ApprovalMode::Label => label(missing),
            ApprovalMode::Comment => format!("comment {} on {pulls}", plain(&missing.command, 40)),
            ApprovalMode::Environment => command.clone(),
        });
    }
    // Ways for people at the pull request come before those that need an operator.
    ways.sort_by_key(|way| way.starts_with('`'));
    let because = missing.pulls.iter().find_map(because).unwrap_or_default();
    format!("{}{}{because}", ways.join(", or "), who(missing))
}

fn label(missing: &Missing) -> String {
    let label = quoted(&missing.label);
    let (labeled, bare): (Vec<_>, Vec<_>) = missing.pulls.iter().partition(|pull| pull.is_labeled);
    match (labeled.as_slice(), bare.as_slice()) {
        ([], bare) => format!("add label {label} to {}", pulls(bare)),
        (labeled, []) => format!("re-add label {label} to {}", pulls(labeled)),
        (labeled, bare) => {
            let (labeled, bare) = (pulls(labeled), pulls(bare));
            format!("add label {label} to {bare}, re-add it to {labeled}")
        }
    }
}

/// A label's name, quoted if it contains spaces.
fn quoted(label: &str) -> String {
    let label = plain(label, QUOTED);
    if label.contains(' ') { format!("\"{label}\"") } else { label }
}

fn pulls(pulls: &[&MissingPull]) -> String {
    let mut named: Vec<String> =
        pulls.iter().take(PULLS_NAMED).map(|missing| format!("#{}", missing.pull)).collect();
    let more = pulls.len().saturating_sub(PULLS_NAMED);
    if more > 0 {
        named.push(format!("{more} more"));
    }
    listed(&named, "and")
}

/// Who may approve.
fn who(missing: &Missing) -> String {
    let mut needs = vec![format!("needs {}", missing.min_permission.as_str())];
    if !missing.teams.is_empty() {
        needs.push(format!("in {}", teams(&missing.teams)));
    }
    let mut authors: Vec<String> = missing
        .pulls
        .iter()
        .filter_map(|pull| pull.not_by.as_ref())
        .map(|login| plain(login.as_str(), 40))
        .collect();
    authors.dedup();
    match authors.as_slice() {
        [] => {}
        [author] => needs.push(format!("not {author}")),
        _ => needs.push("not its author".to_owned()),
    }
    format!(" ({})", needs.join(", "))
}

fn teams(teams: &[Team]) -> String {
    let mut named: Vec<String> = teams.iter().take(TEAMS_NAMED).map(ToString::to_string).collect();
    let more = teams.len().saturating_sub(TEAMS_NAMED);
    if more > 0 {
        named.push(format!("{more} more"));
    }
    listed(&named, "or")
}

fn listed(names: &[String], word: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} {word} {last}", most.join(", ")),
    }
}

/// Why an approval that was given does not count.
fn because(missing: &MissingPull) -> Option<String> {
    let seen = missing.because.as_ref()?;
    let Counting::Not(why) = &seen.counting else { return None };
    Some(match talk_untold(seen) {
        Some(untold) => format!("; {untold}"),
        None => format!("; {} does not count: {}", given(&seen.given), why_not(why)),
    })
}

/// Why only an operator can approve. `None` if the policy requires it.
fn matter_of(matter: &OperatorsMatter) -> Option<String> {
    Some(match matter {
        OperatorsMatter::ByPolicy => return None,
        OperatorsMatter::PushedDirectly { path, commit } => {
            format!("{} came with {}, without a pull request", plain(path, QUOTED), commit.short())
        }
        OperatorsMatter::NotAsInPull { path, commit, pull } => {
            let (path, commit) = (plain(path, QUOTED), commit.short());
            format!("{path} came with {commit}, but not as shown in #{pull}")
        }
        OperatorsMatter::BroughtByNothing { path } => {
            format!("no commit is known to bring {}", plain(path, QUOTED))
        }
        OperatorsMatter::OriginUntold(why) => {
            format!("cannot tell which pull request brought it: {}", plain(why, TOLD))
        }
        OperatorsMatter::DeployFileAtTip => {
            "the deploy workflow's file at the tip of its ref differs".to_owned()
        }
        OperatorsMatter::AnotherCause(cause) => of_risk_cause(cause),
        OperatorsMatter::NoPull => "no pull request brought it".to_owned(),
    })
}

/// What only an operator can approve, as sentences.
pub(super) fn operators_matters(missing: &Missing) -> impl Iterator<Item = String> {
    let matters = missing.operators.iter().filter_map(matter_of);
    matters.map(|matter| format!("only an operator can approve it: {matter}"))
}

/// An approval that was seen, and whether it counts.
#[must_use]
pub fn seen(seen: &SeenApproval) -> String {
    if let Some(untold) = talk_untold(seen) {
        return untold;
    }
    let given = given_at(&seen.given);
    match &seen.counting {
        Counting::Counts => format!("{given} counts"),
        Counting::Not(why) => format!("{given} does not count: {}", why_not(why)),
    }
}

/// An approval that a decision rests on, for the ledger.
#[must_use]
pub fn given_at(approval: &GivenApproval) -> String {
    let at = approval.at.map_or_else(String::new, |at| format!(" of {}", date_time(at)));
    format!("{}{at}", given(approval))
}

/// The text if GitHub does not show what was said on a pull request. Neither author nor time is
/// known then.
fn talk_untold(seen: &SeenApproval) -> Option<String> {
    let Counting::Not(WhyNot::Untold(why)) = &seen.counting else { return None };
    let pull = seen.given.pull.filter(|_| seen.given.at.is_none())?;
    Some(format!("cannot read the comments and labels of #{pull}: {}", plain(why, TOLD)))
}

fn given(seen: &GivenApproval) -> String {
    let by = seen.by.as_ref().map_or_else(|| "somebody".to_owned(), |by| plain(by, 80));
    let on = seen.pull.map_or_else(String::new, |pull| format!(" on #{pull}"));
    match (seen.mode, &seen.sha, &seen.by) {
        (ApprovalMode::Label, ..) => format!("the label by {by}{on}"),
        (ApprovalMode::Comment, ..) => format!("the comment by {by}{on}"),
        (ApprovalMode::Environment, _, None) => "RELEASE_GOVERNOR_APPROVED".to_owned(),
        (ApprovalMode::Environment, Some(sha), Some(_)) => {
            format!("the approval by {by} of {}", sha.short())
        }
        (ApprovalMode::Environment, None, Some(_)) => format!("the approval by {by}"),
    }
}

fn why_not(why: &WhyNot) -> String {
    match why {
        WhyNot::ByNobodyKnown => "its author is unknown".to_owned(),
        WhyNot::TakenOff => "the label was removed".to_owned(),
        WhyNot::MayBeTakenOff(label) => {
            let label = plain(label, QUOTED);
            format!("label {label} was removed after it, and may be this label under another name")
        }
        WhyNot::Edited => "it was edited".to_owned(),
        WhyNot::NotGiven(spoken) => not_given(*spoken).to_owned(),
        WhyNot::ByABot => "a bot wrote it".to_owned(),
        WhyNot::ThroughAnApp(app) => format!("the App {} wrote it", plain(app, 40)),
        WhyNot::BeforeAPush => "commits were pushed after it".to_owned(),
        WhyNot::BeforeWhatIsNotShown => {
            "GitHub does not show the last commit of the pull request yet".to_owned()
        }
        WhyNot::BeforeTheMerge => "it was given before the merge".to_owned(),
        WhyNot::ByTheAuthor => "authors cannot approve their own pull request".to_owned(),
        WhyNot::NotPermitted { role, needs } => {
            format!("their role is {}, but {} is needed", plain(role, 40), needs.as_str())
        }
        WhyNot::InNoTeam(of) => {
            format!(
                "they are not visible as a member of {} (or the token cannot read it)",
                teams(of)
            )
        }
        WhyNot::Untold(words) => plain(words, TOLD),
        WhyNot::NotLookedAt => "too many people approved: this one was not checked".to_owned(),
        WhyNot::DeployFileChanged => "the deploy file at the tip has changed since".to_owned(),
        WhyNot::SomethingCameAfter => "a HIGH change came after it".to_owned(),
        WhyNot::LeadsNotHere => "cannot tell what came after its commit".to_owned(),
    }
}

const fn not_given(spoken: CommandReading) -> &'static str {
    match spoken {
        CommandReading::Absent => "the command is not in it",
        CommandReading::InQuote => "the command is inside a quote",
        CommandReading::Hidden => "the command is in text that GitHub does not display",
        CommandReading::InCode => "the command is inside code",
        CommandReading::NotAlone => "the command is not alone on its line",
        CommandReading::InList => "the command is inside a list",
        CommandReading::InTable => "the command is inside a table",
        CommandReading::InHeading => "the command is inside a heading",
        CommandReading::LooksLike => "it only looks like the command",
        CommandReading::Given => "it was given",
    }
}

/// Who approved.
pub(super) fn approved(by: &Approver) -> String {
    match by {
        Approver::Environment => "approved by RELEASE_GOVERNOR_APPROVED".to_owned(),
        Approver::Operator { name, sha, why } => {
            format!("approved by {} for {}: {}", plain(name, 80), sha.short(), plain(why, TOLD))
        }
        Approver::People { pulls, since } => {
            let by: Vec<String> = pulls
                .iter()
                .map(|one| {
                    let by = plain(one.by.as_str(), 40);
                    format!("#{} by {by} ({})", one.pull, one.mode.as_str())
                })
                .collect();
            let since = since
                .as_ref()
                .map_or_else(String::new, |sha| format!("; what came before, for {}", sha.short()));
            format!("approved: {}{since}", by.join(", "))
        }
    }
}
