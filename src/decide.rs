//! The policy, top to bottom: which reason decides about a commit.
//!
//! [`RULES`] is the table of the design, and the functions follow in its order. A rule looks at
//! plain values. It either does not apply, or applies with its cause, or names the facts that
//! it lacks. There is no clock and no I/O, and no rule exists anywhere else.

use crate::domain::{
    Cause, Decision, DeployUnavailable, Health, KnownRun, Lack, Outcome, PauseSource, Production,
    Reason, RiskClass, Verdict, Verification, Why, WorkflowFact, WorkflowState,
};

mod approval;
mod backwards;
pub(crate) mod candidates;
mod case;
mod facts;
mod forecast;
mod frozen;
mod health;
mod judge;
mod origins;
mod question;
mod raise;
mod reverts;
mod risk;

use backwards::{older_than_production, rolled_back};
use case::{later, unfinished};
use frozen::frozen;
use reverts::reverted;

pub use case::Case;
pub use health::health;
pub use judge::{JUDGED_BELOW, JudgeOutcome, Judgement, judge};
pub use question::Question;
pub use risk::class_of_path;

/// The table of the design. The first rule that applies decides.
pub const RULES: &[(Reason, Rule)] = &[
    (Reason::Deploying, deploying),
    (Reason::Deployed, deployed),
    (Reason::NotVerified, not_verified),
    (Reason::VerificationFailed, verification_failed),
    (Reason::DeployNotConfigured, deploy_not_configured),
    (Reason::NotOnBranch, not_on_branch),
    (Reason::OlderThanProduction, older_than_production),
    (Reason::Paused, paused),
    (Reason::RolledBack, rolled_back),
    (Reason::Reverted, reverted),
    (Reason::Frozen, frozen),
    (Reason::FirstDeployRequired, first_deploy_required),
    (Reason::DegradedHighRisk, degraded_high_risk),
    (Reason::DegradedUnknownHighRisk, degraded_unknown_high_risk),
    (Reason::DeployInProgress, deploy_in_progress),
    (Reason::DeployFailed, deploy_failed),
    (Reason::Cooldown, cooldown),
    (Reason::DispatchRejected, dispatch_rejected),
    (Reason::StatusRefused, status_refused),
    (Reason::DispatchUnconfirmed, dispatch_unconfirmed),
    (Reason::RateLimit, rate_limit),
    (Reason::DegradedLowHold, degraded_low_hold),
    (Reason::AllowLow, allow_low),
    (Reason::DegradedMediumHold, degraded_medium_hold),
    (Reason::AllowMedium, allow_medium),
    (Reason::AllowHighApproved, allow_high_approved),
    (Reason::HighRiskNoApproval, high_risk_no_approval),
];

/// A rule: it does not apply, it applies, or it lacks facts.
pub type Rule = fn(&Case<'_>) -> RuleFinding;

/// What a rule found: its cause if it applies, `None` if it does not.
pub type RuleFinding = Result<Option<Cause>, Gap>;

/// Why a rule cannot say whether it applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Facts that have not been read yet.
    Lacks(Vec<Lack>),
    /// A fact that is unreadable for now.
    Unreadable(Why),
}

/// The rollback that holds a newer commit (rule 9), whatever the other rules say.
///
/// # Errors
/// The facts that are lacking or unreadable.
pub fn standing_rollback(question: &Question<'_>) -> RuleFinding {
    rolled_back(&Case::new(*question))
}

/// Decides about one sha, and when it ships if it does not yet.
#[must_use]
pub fn decide(question: &Question<'_>) -> Verdict {
    let mut verdict = decide_now(question);
    if let Verdict::Decided(decision) = &mut verdict {
        decision.ships_at = forecast::ships_at(question, decision);
    }
    verdict
}

/// The first of rules 1 to 7 that applies ends the evaluation. From rule 8 on, all rules are
/// evaluated, so that the hints name everything that blocks at once.
fn decide_now(question: &Question<'_>) -> Verdict {
    let case = Case::new(*question);
    let mut spoken = Vec::new();
    let mut lacks = Vec::new();
    for (reason, rule) in RULES {
        match rule(&case) {
            Ok(None) => continue,
            Ok(Some(cause)) => spoken.push(cause),
            Err(Gap::Unreadable(why)) => return Verdict::Unreadable(why),
            Err(Gap::Lacks(more)) => lacks.extend(more),
        }
        if *reason < Reason::Paused {
            break;
        }
    }
    let concluded = if lacks.is_empty() { conclude(&case, spoken) } else { Err(Gap::Lacks(lacks)) };
    match concluded {
        Ok(decision) => Verdict::Decided(Box::new(decision)),
        Err(Gap::Lacks(lacks)) => Verdict::Lacks(facts::each_once(lacks)),
        Err(Gap::Unreadable(why)) => Verdict::Unreadable(why),
    }
}

/// The first cause decides. The decision also lists what else blocks, and what would then allow
/// it.
fn conclude(case: &Case<'_>, spoken: Vec<Cause>) -> Result<Decision, Gap> {
    let mut spoken = spoken.into_iter();
    let Some(cause) = spoken.next() else {
        // Rules 21, 23, 24 and 25 cover every risk class. If a class is ever added, nothing
        // ships on it.
        return Err(Gap::Unreadable(Why("no rule speaks for this commit".to_owned())));
    };
    let allows = |cause: &Cause| cause.reason().outcome() == Outcome::Allow;
    let (would_allow, also): (Vec<Cause>, Vec<Cause>) = spoken.partition(allows);
    Ok(Decision {
        sha: case.sha().clone(),
        risk: case.risk_with_origins(cause.reason())?,
        production: case.production.clone(),
        signals: case.signals_behind(&cause),
        approvals: case.approvals_seen(),
        passed_over: Vec::new(),
        cause,
        also,
        otherwise: would_allow.into_iter().next(),
        changes_at: case.clock.changes_at(),
        ships_at: None,
    })
}

// The rules, in order.

fn deploying(case: &Case<'_>) -> RuleFinding {
    let release = case.release();
    let of_this_sha = |run: &&KnownRun| run.attribution.sha() == Some(case.sha());
    if let Some(run) = release.runs_in_flight().find(of_this_sha) {
        let url = Some(run.html_url.clone());
        return Ok(Some(Cause::Deploying { run: run.newest().map(|(at, _)| at), url }));
    }
    let looking = release.open_attempts().any(|attempt| attempt.begun.sha == *case.sha());
    Ok(looking.then_some(Cause::Deploying { run: None, url: None }))
}

fn deployed(case: &Case<'_>) -> RuleFinding {
    if case.production.sha() != Some(case.sha()) {
        return Ok(None);
    }
    let run = case.production.run();
    let known = run.and_then(|run| case.release().runs.get(&run.id));
    Ok(Some(Cause::Deployed { run, url: known.map(|run| run.html_url.clone()) }))
}

fn not_verified(case: &Case<'_>) -> RuleFinding {
    Ok(match case.question.verification()? {
        Verification::None => Some(case.question.not_verified(None)),
        Verification::Running(run) => Some(case.question.not_verified(Some(run.at))),
        Verification::Passed(_) | Verification::Failed(..) => None,
    })
}

fn verification_failed(case: &Case<'_>) -> RuleFinding {
    Ok(match case.question.verification()? {
        Verification::Failed(run, conclusion) => {
            Some(Cause::VerificationFailed { run: run.at, conclusion: conclusion.clone() })
        }
        Verification::None | Verification::Running(_) | Verification::Passed(_) => None,
    })
}

fn deploy_not_configured(case: &Case<'_>) -> RuleFinding {
    let name = || {
        let name = case.policy().deploy_workflow.as_ref();
        name.map_or_else(String::new, |name| name.as_str().to_owned())
    };
    let what = match &case.question.observation.deploy_workflow {
        WorkflowFact::NotConfigured => DeployUnavailable::NotConfigured,
        WorkflowFact::Missing => DeployUnavailable::Missing(name()),
        WorkflowFact::Found(workflow) => match &workflow.state {
            WorkflowState::Active => return Ok(None),
            WorkflowState::Disabled(word) => DeployUnavailable::Disabled(name(), word.clone()),
        },
    };
    Ok(Some(Cause::DeployNotConfigured { what }))
}

fn not_on_branch(case: &Case<'_>) -> RuleFinding {
    let is_gone = !case.question.on_branch()?;
    let branch = &case.question.observation.branch;
    Ok(is_gone.then(|| Cause::NotOnBranch { branch: branch.clone() }))
}

fn paused(case: &Case<'_>) -> RuleFinding {
    if let Some(why) = &case.policy().paused {
        return Ok(Some(Cause::Paused { source: PauseSource::Config, why: why.clone() }));
    }
    Ok(case.release().pause.as_ref().map(|pause| Cause::Paused {
        source: match &pause.by {
            Some(by) => PauseSource::Operator(by.display()),
            None => PauseSource::Recovered,
        },
        why: pause.why.clone(),
    }))
}

fn first_deploy_required(case: &Case<'_>) -> RuleFinding {
    let asked = case.policy().require_approval_for_first_deploy;
    let first = case.production == Production::None;
    if !asked || !first {
        return Ok(None);
    }
    let approval = case.approval_of_first_deploy()?;
    let missing = || Box::new(approval.missing.clone());
    Ok(approval.approver.is_none().then(|| Cause::FirstDeployRequired { missing: missing() }))
}

fn degraded_high_risk(case: &Case<'_>) -> RuleFinding {
    let high = case.risk()?.class == RiskClass::High;
    let signals = case.signals_that_say(Health::Degraded).filter(|_| high);
    Ok(signals.map(|signals| Cause::DegradedHighRisk { signals }))
}

fn degraded_unknown_high_risk(case: &Case<'_>) -> RuleFinding {
    let high = case.risk()?.class == RiskClass::High;
    let signals = case.signals_that_say(Health::Unknown).filter(|_| high);
    Ok(signals.map(|signals| Cause::DegradedUnknownHighRisk { signals }))
}

fn deploy_in_progress(case: &Case<'_>) -> RuleFinding {
    let release = case.release();
    let environment = case.policy().production_environment_name.clone();
    let run = release.runs_in_flight().find(|run| run.attribution.sha() != Some(case.sha()));
    if let Some((run, (_, attempt))) = run.and_then(|run| Some((run, run.newest()?))) {
        return Ok(Some(Cause::DeployInProgress {
            run: Some(run.id),
            sha: run.attribution.sha().cloned(),
            since: attempt.started_at,
            progress: unfinished(&attempt.progress),
            environment,
        }));
    }
    let attempt = release.open_attempts().find(|attempt| attempt.begun.sha != *case.sha());
    Ok(attempt.map(|attempt| Cause::DeployInProgress {
        run: attempt.run,
        sha: Some(attempt.begun.sha.clone()),
        since: attempt.at,
        progress: None,
        environment,
    }))
}

fn deploy_failed(case: &Case<'_>) -> RuleFinding {
    let failed = case.failed_deploys()?;
    let Some(last) = failed.last() else { return Ok(None) };
    let (used, allowed) = case.attempts_used_and_allowed(&failed);
    Ok((used >= allowed).then_some(Cause::DeployFailed { run: Some(last.run), used, allowed }))
}

fn cooldown(case: &Case<'_>) -> RuleFinding {
    let failed = case.failed_deploys()?;
    let Some(last) = failed.last() else { return Ok(None) };
    let (used, allowed) = case.attempts_used_and_allowed(&failed);
    // `updated_at` has whole seconds, so the failure may be up to a second later.
    let until =
        later(later(last.ended_at, std::time::Duration::from_secs(1)), case.policy().cooldown);
    let waits = used < allowed && !case.policy().cooldown.is_zero() && case.clock.is_before(until);
    Ok(waits.then_some(Cause::Cooldown { until }))
}

/// How long a rejected dispatch waits for a retry if nothing changed.
const REJECTION_RETRY: std::time::Duration = std::time::Duration::from_secs(60 * 60);

fn dispatch_rejected(case: &Case<'_>) -> RuleFinding {
    let Some(rejection) = &case.release().rejection else { return Ok(None) };
    let retry_at = later(rejection.at, REJECTION_RETRY);
    let unchanged = rejection.key == case.question.observation.rejection_key;
    let stands = unchanged && !case.question.triggered && case.clock.is_before(retry_at);
    let words = rejection.words.clone();
    Ok(stands.then_some(Cause::DispatchRejected { words, retry_at }))
}

fn status_refused(case: &Case<'_>) -> RuleFinding {
    let refusal = case.release().status_refusals.get(case.sha());
    let standing = refusal.filter(|refusal| case.clock.is_before(refusal.retry_at));
    Ok(standing.map(|refusal| Cause::StatusRefused {
        words: refusal.words.clone(),
        retry_at: refusal.retry_at,
    }))
}

fn dispatch_unconfirmed(case: &Case<'_>) -> RuleFinding {
    if case.question.triggered {
        return Ok(None);
    }
    let attempt = case.release().unconfirmed().next();
    Ok(attempt.map(|attempt| Cause::DispatchUnconfirmed {
        sha: attempt.begun.sha.clone(),
        since: attempt.mark.as_ref().map_or(attempt.at, |mark| mark.at),
    }))
}

fn rate_limit(case: &Case<'_>) -> RuleFinding {
    let max = case.policy().max_deploys_per_hour;
    let starts = case.release().starts_within_the_hour(&case.clock);
    let allowed = usize::try_from(max).unwrap_or(usize::MAX);
    // The oldest start that must be more than an hour ago before there is room for another one.
    let Some(blocking) = starts.len().checked_sub(allowed) else { return Ok(None) };
    let until =
        starts.get(blocking).map(|start| later(*start, std::time::Duration::from_secs(3_600)));
    Ok(until.map(|until| Cause::RateLimit { until, max }))
}

fn degraded_low_hold(case: &Case<'_>) -> RuleFinding {
    // A rollback is the right response to a degraded production.
    let low = case.risk()?.class == RiskClass::Low && !case.question.rollback;
    let holds = low && case.policy().hold_low_when_degraded;
    let signals = case.signals_that_say(Health::Degraded).filter(|_| holds);
    Ok(signals.map(|signals| Cause::DegradedLowHold { signals }))
}

fn allow_low(case: &Case<'_>) -> RuleFinding {
    Ok((case.risk()?.class == RiskClass::Low).then_some(Cause::AllowLow))
}

fn degraded_medium_hold(case: &Case<'_>) -> RuleFinding {
    let medium = case.risk()?.class == RiskClass::Medium;
    let signals = case.signals_that_say(Health::Degraded).filter(|_| medium);
    Ok(signals.map(|signals| Cause::DegradedMediumHold { signals }))
}

fn allow_medium(case: &Case<'_>) -> RuleFinding {
    Ok((case.risk()?.class == RiskClass::Medium).then_some(Cause::AllowMedium))
}

fn allow_high_approved(case: &Case<'_>) -> RuleFinding {
    if case.risk()?.class != RiskClass::High {
        return Ok(None);
    }
    let approver = case.approval()?.approver.clone();
    Ok(approver.map(|by| Cause::AllowHighApproved { by }))
}

fn high_risk_no_approval(case: &Case<'_>) -> RuleFinding {
    if case.risk()?.class != RiskClass::High {
        return Ok(None);
    }
    let approval = case.approval()?;
    let missing = || Box::new(approval.missing.clone());
    Ok(approval.approver.is_none().then(|| Cause::HighRiskNoApproval { missing: missing() }))
}
