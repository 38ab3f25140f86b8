//! The evidence behind a decision, as sentences.

use super::hint::{Subject, hint};
use super::{approval, date_time, frozen, plain, signals};
use crate::domain::{
    AttemptOutcome, Brought, Cause, Decision, FlagKind, PassedOver, Production, Raise, RepoName,
    Reverted, RiskCause, RiskClass, RiskyPath, Sha, Supposed, Uncertainty, Why,
};

/// The most paths that are named; the rest is counted.
const PATHS_NAMED: usize = 20;
/// The most commits that are named for each path.
const COMMITS_NAMED: usize = 3;
/// The most approvals that are named.
const APPROVALS_NAMED: usize = 20;
/// The most characters of a path, or of a message from GitHub.
const QUOTED: usize = 200;

/// What a decision is based on, most important first.
#[must_use]
pub fn evidence(decision: &Decision, repository: &RepoName) -> Vec<String> {
    evidence_supposing(decision, repository, &Supposed::default())
}

/// The evidence of a hypothetical decision. The assumptions come first and are never presented
/// as facts.
#[must_use]
pub fn evidence_supposing(
    decision: &Decision,
    repository: &RepoName,
    supposed: &Supposed,
) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(file) = &supposed.policy {
        let file = plain(file, QUOTED);
        lines.push(format!("assumed: the policy of {file}, over the built-in defaults"));
    }
    if let Some(sha) = &supposed.production {
        lines.push(format!("assumed: production is {}", sha.short()));
    }
    let deployed = matches!(decision.cause, Cause::Deployed { .. });
    if !(deployed && supposed.production.is_some()) {
        lines.extend(of_cause(&decision.cause));
    }
    lines.extend(decision.also.iter().filter_map(of_cause));
    lines.extend(decision.signals.iter().map(signals::told));
    if supposed.production.is_none() {
        lines.push(of_production(&decision.production, repository));
    }
    lines.push(of_risk(decision));
    lines.extend(decision.risk.paths.iter().take(PATHS_NAMED).map(of_path));
    let unnamed = decision.risk.paths.len().saturating_sub(PATHS_NAMED);
    if unnamed > 0 {
        lines.push(format!("and {unnamed} more listed paths"));
    }
    if let Cause::HighRiskNoApproval { missing } | Cause::FirstDeployRequired { missing } =
        &decision.cause
    {
        lines.extend(approval::operators_matters(missing));
    }
    lines.extend(decision.approvals.iter().take(APPROVALS_NAMED).map(approval::seen));
    lines.extend(decision.passed_over.iter().map(passed_over));
    lines
}

fn passed_over(commit: &PassedOver) -> String {
    let (short, why) = (commit.sha.short(), plain(&commit.why.0, QUOTED));
    format!("older commit {short} was passed over, as it could not be judged: {why}")
}

/// What the rule of this cause found: its evidence, or otherwise its hint.
#[must_use]
pub fn found(cause: &Cause, subject: Subject<'_>) -> Option<String> {
    of_cause(cause).or_else(|| hint(cause, subject))
}

fn of_path(path: &RiskyPath) -> String {
    let brought: Vec<String> = path.brought.iter().take(COMMITS_NAMED).map(brought_by).collect();
    let more = path.brought.len().saturating_sub(COMMITS_NAMED);
    let brought = match (brought.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!("; {} brought it", brought.join(", ")),
        (false, more) => format!("; {} and {more} more brought it", brought.join(", ")),
    };
    format!(
        "{} is {}: it matches {}{brought}",
        plain(&path.path, QUOTED),
        path.risk_class.as_str(),
        plain(&path.pattern, QUOTED)
    )
}

fn brought_by(brought: &Brought) -> String {
    let short = brought.commit.short();
    let pulls: Vec<String> = brought.pulls.iter().map(|pull| format!("#{pull}")).collect();
    if pulls.is_empty() {
        format!("{short} (no pull request)")
    } else {
        format!("{short} ({})", pulls.join(", "))
    }
}

fn of_production(production: &Production, repository: &RepoName) -> String {
    match production {
        Production::None => format!("nothing has been deployed from {repository} yet"),
        Production::Known { sha, since, run: Some(run) } => format!(
            "production is {} by run {}, attempt {}, since {}",
            sha.short(),
            run.id,
            run.attempt,
            date_time(*since)
        ),
        Production::Known { sha, since, run: None } => {
            format!("production is {}, set by an operator at {}", sha.short(), date_time(*since))
        }
        Production::Uncertain { why } => {
            let (why, remedy) = uncertain(*why);
            format!(
                "production is uncertain: {why}; {remedy}run `release-governor set-production \
                 {repository} SHA --reason TEXT`"
            )
        }
    }
}

/// Why production is uncertain, and what helps besides `set-production`.
fn uncertain(why: Uncertainty) -> (String, &'static str) {
    match why {
        Uncertainty::Unattributed(run) => (
            format!("cannot tell which commit run {} deployed", run.id),
            "add `run-name: Deploy ${{ inputs.sha }}` to the deploy workflow, or ",
        ),
        Uncertainty::Stray(run) => (
            format!(
                "run {} carries the branch's name, but its commit was never on that branch, so \
                 that it is unknown what it deployed",
                run.id
            ),
            "delete the tag that has the branch's name, and ",
        ),
        Uncertainty::DeployedOtherwise => (
            "no run of the deploy workflow succeeded, but another workflow, or a run that was \
             deleted, deployed something"
                .to_owned(),
            "",
        ),
        Uncertainty::RunsUnread => (
            "no run of the deploy workflow that was read had succeeded, and older ones were not \
             read"
                .to_owned(),
            "",
        ),
    }
}

fn of_risk(decision: &Decision) -> String {
    let class = decision.risk.class.as_str();
    let why: Vec<String> = decision.risk.causes.iter().map(of_risk_cause).collect();
    let listed = |class| decision.risk.paths.iter().filter(|path| path.risk_class == class).count();
    let counts = format!("{} HIGH, {} MEDIUM", listed(RiskClass::High), listed(RiskClass::Medium));
    if decision.risk.paths.is_empty() {
        format!("risk {class}: {}", why.join("; "))
    } else {
        format!("risk {class}: {}; listed paths: {counts}", why.join("; "))
    }
}

pub(super) fn of_risk_cause(cause: &RiskCause) -> String {
    match cause {
        RiskCause::FirstDeploy => "first deploy, nothing to compare with".to_owned(),
        RiskCause::EmptyRange => "nothing differs from production".to_owned(),
        RiskCause::Paths => "from the paths that differ from production".to_owned(),
        RiskCause::DeployFileAtTip => {
            "the deploy workflow's file at the tip of its ref is not the one at this commit"
                .to_owned()
        }
        RiskCause::ProductionUncertain(why) => {
            format!("production is uncertain ({})", plain(why, QUOTED))
        }
        RiskCause::Diverged => "production and this commit have diverged".to_owned(),
        RiskCause::Truncated => "GitHub lists only a part of the files that differ".to_owned(),
        RiskCause::Incomparable(words) => {
            format!("it cannot be compared with production: {}", plain(words, QUOTED))
        }
        RiskCause::CompareBroken(words) => format!(
            "GitHub failed to compare it with production in three passes: {}",
            plain(words, QUOTED)
        ),
        RiskCause::Raised(raise) => raised(raise),
        RiskCause::RaiseUntold(why) => {
            format!("cannot tell whether the risk was raised: {}", plain(why, QUOTED))
        }
        RiskCause::AsDecided => "as decided when it was shipped".to_owned(),
        RiskCause::RanBefore => "a rollback: not judged, as it ran in production before".to_owned(),
    }
}

fn raised(raise: &Raise) -> String {
    match raise {
        Raise::ByStatus { sha, flag } => {
            let (context, short) = (plain(&flag.context, QUOTED), sha.short());
            match flag.kind {
                FlagKind::Objected => format!("{context} objected to {short}"),
                FlagKind::Pending => format!("{context} has not ended for {short}"),
            }
        }
        Raise::ByLabel { pull, label } => {
            format!("the label {} was put on #{pull}", plain(label, QUOTED))
        }
    }
}

/// What a cause found, if its hint does not say so.
fn of_cause(cause: &Cause) -> Option<String> {
    Some(match cause {
        Cause::Deploying { run: Some(run), .. } => format!("run {} deploys it now", run.id),
        Cause::Deploying { run: None, .. } => "its deploy has just been started".to_owned(),
        Cause::Deployed { run: Some(run), .. } => format!("run {} deployed it", run.id),
        Cause::Deployed { run: None, .. } => {
            "an operator set it as production, or it is assumed to be".to_owned()
        }
        Cause::VerificationFailed { run, conclusion } => {
            let (id, attempt, ended) = (run.id, run.attempt, plain(conclusion.as_str(), 40));
            format!("verification run {id}, attempt {attempt}, ended in {ended}")
        }
        Cause::OlderThanProduction { production, uncertain } => {
            older(production, uncertain.as_ref())
        }
        Cause::Paused { why, .. } => format!("paused: {}", plain(why, QUOTED)),
        Cause::RolledBack { lost, to, run } => format!(
            "run {}, attempt {}, moved production from {} to {}",
            run.id,
            run.attempt,
            lost.short(),
            to.as_ref().map_or("an unknown commit", |to| to.short())
        ),
        Cause::Reverted { what } => reverted(what),
        Cause::Frozen { by } => frozen::evidence(by, QUOTED),
        Cause::DispatchRejected { words, retry_at } => format!(
            "GitHub refused the dispatch: {}; tried again at {} or when something changes",
            plain(words, QUOTED),
            date_time(*retry_at)
        ),
        Cause::StatusRefused { words, retry_at } => format!(
            "GitHub refused our status: {}; tried again at {}",
            plain(words, QUOTED),
            date_time(*retry_at)
        ),
        Cause::DispatchUnconfirmed { sha, since } => format!(
            "GitHub accepted the dispatch of {sha} at {}, but its run never appeared",
            date_time(*since)
        ),
        Cause::AllowHighApproved { by } => approval::approved(by),
        Cause::DegradedHighRisk { .. }
        | Cause::DegradedLowHold { .. }
        | Cause::DegradedMediumHold { .. } => "production is degraded".to_owned(),
        Cause::DegradedUnknownHighRisk { .. } => {
            "cannot tell whether production is degraded".to_owned()
        }
        Cause::NotVerified { .. }
        | Cause::DeployNotConfigured { .. }
        | Cause::NotOnBranch { .. }
        | Cause::FirstDeployRequired { .. }
        | Cause::DeployInProgress { .. }
        | Cause::DeployFailed { .. }
        | Cause::Cooldown { .. }
        | Cause::RateLimit { .. }
        | Cause::AllowLow
        | Cause::AllowMedium
        | Cause::HighRiskNoApproval { .. } => return None,
    })
}

fn reverted(what: &Reverted) -> String {
    match what {
        Reverted::Commit { commit, by, more } => {
            let (commit, by) = (commit.short(), by.short());
            let others = match more {
                0 => String::new(),
                more => format!("; {more} more commits are reverted, too"),
            };
            format!("{by} reverts {commit}, which this commit would ship{others}")
        }
        Reverted::Unknown(Why(why)) => format!(
            "cannot tell whether the branch reverts a commit that this would ship: {}",
            plain(why, QUOTED)
        ),
    }
}

fn older(production: &Sha, uncertain: Option<&Uncertainty>) -> String {
    let short = production.short();
    let since = match uncertain {
        None => return format!("production {short} contains it"),
        Some(why) => why.run().map(|run| format!(" since run {}", run.id)),
    };
    let since = since.unwrap_or_default();
    format!("production is uncertain{since}, and {short}, which ran before, contains it")
}

/// How an attempt ended.
#[must_use]
pub fn outcome(outcome: &AttemptOutcome) -> String {
    match outcome {
        AttemptOutcome::Succeeded => "the deploy succeeded".to_owned(),
        AttemptOutcome::Failed(conclusion) => {
            format!("the deploy ended in {}", plain(conclusion.as_str(), 40))
        }
        AttemptOutcome::Superseded => "the deploy was superseded by a newer run".to_owned(),
        AttemptOutcome::RunDeleted => "the deploy's run was deleted before it ended".to_owned(),
        AttemptOutcome::Withdrawn(why) => {
            format!("the attempt was withdrawn: {}", plain(why, QUOTED))
        }
        AttemptOutcome::Rejected(words) => {
            format!("GitHub refused the dispatch: {}", plain(words, QUOTED))
        }
        AttemptOutcome::NotSent(why) => {
            format!("the dispatch was not sent: {}", plain(why, QUOTED))
        }
        AttemptOutcome::NotStarted => {
            "the response to the dispatch was lost, and no run appeared: it did not start"
                .to_owned()
        }
        AttemptOutcome::Unconfirmed => {
            "GitHub accepted the dispatch, but its run never appeared; check the workflow's runs"
                .to_owned()
        }
    }
}
