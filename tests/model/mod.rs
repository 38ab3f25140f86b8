//! An independent implementation of the design's table of rules (section 4), used to check
//! `decide`.
//!
//! It is written from the specification and shares no code with `src/decide`. Each rule is one
//! function, in the order of the table, as simple as possible and without regard to speed.
//! Where a fact is unknown, or facts contradict each other, a rule is [`Undetermined`] and
//! nothing is checked.

use std::fmt::Write as _;

use release_governor::decide::Question;
use release_governor::domain::*;

mod approval;
mod facts;
mod failures;
pub(crate) mod freezes;
mod production;
mod reverts;
mod risk;

use facts::{Asked, contains, fact, is_on_branch};
use production::{Certain, certain_productions, is_rolled_back};

/// Why the facts do not determine the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undetermined(pub(crate) String);

/// The answer, if the facts determine it.
pub(crate) type Availability<T> = Result<T, Undetermined>;

pub(crate) fn undetermined<T>(why: impl Into<String>) -> Availability<T> {
    Err(Undetermined(why.into()))
}

/// The decision that the design requires.
#[derive(Clone, Debug)]
pub(crate) struct Demanded {
    /// Whether each rule applies, in the order of the table.
    pub(crate) rules: Vec<(Reason, Availability<bool>)>,
    pub(crate) risk: Availability<RiskClass>,
}

/// The result of checking a decision against the design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    Same,
    /// The facts do not determine the decision.
    Undetermined(String),
    /// The decision differs, with a description.
    Different(String),
}

/// What the design requires, rule by rule.
pub(crate) fn demanded(question: &Question<'_>) -> Demanded {
    let asked = Asked::new(question);
    let rules = Reason::ALL.iter().map(|reason| (*reason, speaks(*reason, &asked)));
    Demanded { rules: rules.collect(), risk: risk::class(&asked) }
}

/// The table: whether a rule applies.
fn speaks(reason: Reason, asked: &Asked<'_>) -> Availability<bool> {
    let risk_is = |class| risk::class(asked).map(|risk| risk == class);
    let is_degraded = || Ok(health(asked) == Some(Health::Degraded));
    match reason {
        Reason::Deploying => Ok(in_flight(asked).contains(&Some(asked.sha.clone()))),
        Reason::Deployed => Ok(asked.production == Certain::Sha(asked.sha.clone())),
        Reason::NotVerified => not_verified(asked),
        Reason::VerificationFailed => verification_failed(asked),
        Reason::DeployNotConfigured => Ok(deploy_not_configured(asked)),
        Reason::NotOnBranch => is_on_branch(asked, asked.sha).map(|is_on| !is_on),
        Reason::OlderThanProduction => older_than_production(asked),
        Reason::Paused => Ok(asked.policy.paused.is_some() || asked.release.pause.is_some()),
        Reason::RolledBack => unless_triggered(asked, is_rolled_back),
        Reason::Reverted => unless_triggered(asked, reverts::is_reverted),
        Reason::Frozen => Ok(freezes::is_frozen(asked)),
        Reason::FirstDeployRequired => first_deploy_required(asked),
        Reason::DegradedHighRisk => both(is_degraded(), || risk_is(RiskClass::High)),
        Reason::DegradedUnknownHighRisk => {
            let is_unknown = health(asked) == Some(Health::Unknown);
            both(Ok(is_unknown), || risk_is(RiskClass::High))
        }
        Reason::DeployInProgress => {
            Ok(in_flight(asked).iter().any(|of| of.as_ref() != Some(asked.sha)))
        }
        Reason::DeployFailed => failures::are_used_up(asked),
        Reason::Cooldown => failures::cools_down(asked),
        Reason::DispatchRejected => unless_triggered(asked, |asked| Ok(dispatch_rejected(asked))),
        Reason::StatusRefused => Ok(status_refused(asked)),
        Reason::DispatchUnconfirmed => {
            unless_triggered(asked, |asked| Ok(dispatch_unconfirmed(asked)))
        }
        Reason::RateLimit => Ok(rate_limit(asked)),
        Reason::DegradedLowHold => {
            let holds = asked.policy.hold_low_when_degraded;
            // A rollback target has already run, so its risk is not judged.
            let holds = holds && !asked.rollback;
            both(both(Ok(holds), is_degraded), || risk_is(RiskClass::Low))
        }
        Reason::AllowLow => risk_is(RiskClass::Low),
        Reason::DegradedMediumHold => both(is_degraded(), || risk_is(RiskClass::Medium)),
        Reason::AllowMedium => risk_is(RiskClass::Medium),
        Reason::AllowHighApproved => {
            both(risk_is(RiskClass::High), || approval::is_approved(asked))
        }
        Reason::HighRiskNoApproval => {
            both(risk_is(RiskClass::High), || approval::is_approved(asked).map(|is| !is))
        }
    }
}

/// Rules 1 and 13: everything in flight, each with its commit if known. In flight means a
/// deploy run that is not completed, or an attempt without an outcome.
fn in_flight(asked: &Asked<'_>) -> Vec<Option<Sha>> {
    let open = asked
        .release
        .attempts
        .iter()
        .filter(|attempt| !matches!(attempt.phase, AttemptPhase::Closed(_)));
    let runs = asked.release.runs.values().filter(|run| {
        let blocks = match run.kind {
            // A stray run blocks like any other. A run that is not completed is not phantom.
            RunKind::Deploy | RunKind::Stray | RunKind::OtherDeploy | RunKind::Phantom => true,
            RunKind::OtherWorkflow | RunKind::NotADeploy => false,
        };
        let newest = run.attempts.values().next_back();
        let runs = newest.is_some_and(|one| matches!(one.progress, RunProgress::Unfinished(_)));
        blocks && runs && !run.deleted
    });
    let shas_of_runs = runs.map(|run| match &run.attribution {
        Attribution::Sha(sha) => Some(sha.clone()),
        Attribution::Unknown | Attribution::Unresolved => None,
    });
    open.map(|attempt| Some(attempt.begun.sha.clone())).chain(shas_of_runs).collect()
}

/// Rule 3: no finished verification run counts, or the latest is still running.
fn not_verified(asked: &Asked<'_>) -> Availability<bool> {
    Ok(matches!(verification(asked)?, Verification::None | Verification::Running(_)))
}

/// Rule 4: the latest run ended other than in success.
fn verification_failed(asked: &Asked<'_>) -> Availability<bool> {
    Ok(matches!(verification(asked)?, Verification::Failed(..)))
}

fn verification<'a>(asked: &Asked<'a>) -> Availability<&'a Verification> {
    let facts = asked.observation.commits.get(asked.sha);
    fact(facts.map(|facts| &facts.verification), "the verification")
}

/// Rule 5: no deploy workflow is configured, or it does not exist, or it is disabled.
fn deploy_not_configured(asked: &Asked<'_>) -> bool {
    match &asked.observation.deploy_workflow {
        WorkflowFact::NotConfigured | WorkflowFact::Missing => true,
        WorkflowFact::Found(workflow) => workflow.state != WorkflowState::Active,
    }
}

/// Rule 7: production contains this sha. If production is uncertain: any certain production
/// contains it and differs from it. `trigger --rollback` silences the rule.
fn older_than_production(asked: &Asked<'_>) -> Availability<bool> {
    if asked.rollback {
        return Ok(false);
    }
    match &asked.production {
        Certain::None => Ok(false),
        Certain::Sha(sha) => contains(asked, sha, asked.sha),
        Certain::Uncertain => {
            let others = certain_productions(asked);
            any(others.iter().filter(|sha| *sha != asked.sha), |sha| {
                contains(asked, sha, asked.sha)
            })
        }
    }
}

/// Rule 10: production is none, the policy requires an approval, and nobody approved.
fn first_deploy_required(asked: &Asked<'_>) -> Availability<bool> {
    if !asked.policy.require_approval_for_first_deploy || asked.production != Certain::None {
        return Ok(false);
    }
    approval::is_approved_as_the_first(asked).map(|is_approved| !is_approved)
}

/// Rule 16: GitHub refused the dispatch. It is tried again when the workflow, its ref's tip,
/// the token or the config changed, and otherwise hourly.
fn dispatch_rejected(asked: &Asked<'_>) -> bool {
    asked.release.rejection.as_ref().is_some_and(|rejection| {
        let hour = jiff::SignedDuration::from_hours(1);
        rejection.key == asked.observation.rejection_key && asked.now < rejection.at + hour
    })
}

/// Rule 17: GitHub refused our status on this commit, and its backoff has not ended.
fn status_refused(asked: &Asked<'_>) -> bool {
    let refusal = asked.release.status_refusals.get(asked.sha);
    refusal.is_some_and(|refusal| asked.now < refusal.retry_at)
}

/// Rule 18: GitHub accepted a dispatch, of whatever sha, and never showed its run. A `trigger`
/// ends it.
fn dispatch_unconfirmed(asked: &Asked<'_>) -> bool {
    let words = failures::words(asked.release);
    asked.release.attempts.iter().any(|attempt| {
        attempt.phase == AttemptPhase::Closed(AttemptOutcome::Unconfirmed)
            && attempt.run.is_none()
            && !words.iter().any(|word| word.at > attempt.at)
    })
}

/// Rule 19: `max_deploys_per_hour` attempts of ours started a run in the last 60 minutes.
fn rate_limit(asked: &Asked<'_>) -> bool {
    let started = asked.release.attempts.iter().filter(|attempt| {
        let started = match &attempt.phase {
            AttemptPhase::Intent | AttemptPhase::Sending => attempt.run.is_some(),
            AttemptPhase::Accepted | AttemptPhase::Running => true,
            AttemptPhase::Closed(outcome) => {
                attempt.run.is_some() || *outcome == AttemptOutcome::Unconfirmed
            }
        };
        let begun = attempt.mark.as_ref().map_or(attempt.at, |mark| mark.at);
        started && asked.now.duration_since(begun) < jiff::SignedDuration::from_hours(1)
    });
    started.count() >= usize::try_from(asked.policy.max_deploys_per_hour).unwrap()
}

/// The health of production; `None` if no signal is configured.
fn health(asked: &Asked<'_>) -> Option<Health> {
    let signals = &asked.observation.signals;
    let says =
        |found: fn(&SignalFinding) -> bool| signals.iter().any(|signal| found(&signal.found));
    if signals.is_empty() {
        None
    } else if says(|found| matches!(found, SignalFinding::Degraded { .. })) {
        Some(Health::Degraded)
    } else if says(|found| matches!(found, SignalFinding::Unknown(_) | SignalFinding::NotReadYet)) {
        Some(Health::Unknown)
    } else {
        Some(Health::Healthy)
    }
}

/// An operator's `trigger` silences rules 9, 9a, 16 and 18.
fn unless_triggered(
    asked: &Asked<'_>,
    rule: impl Fn(&Asked<'_>) -> Availability<bool>,
) -> Availability<bool> {
    if asked.triggered { Ok(false) } else { rule(asked) }
}

/// Whether both hold. An unknown value does not matter if the other one is false.
fn both(one: Availability<bool>, other: impl FnOnce() -> Availability<bool>) -> Availability<bool> {
    match one {
        Ok(false) => Ok(false),
        Ok(true) => other(),
        Err(why) => {
            if other() == Ok(false) {
                Ok(false)
            } else {
                Err(why)
            }
        }
    }
}

/// A condition.
pub(crate) type Check<'a> = &'a dyn Fn() -> Availability<bool>;

/// Whether any holds. An unknown value does not matter if another one is true.
pub(crate) fn any<T>(
    all: impl IntoIterator<Item = T>,
    holds: impl Fn(T) -> Availability<bool>,
) -> Availability<bool> {
    let mut found = Ok(false);
    for one in all {
        match holds(one) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(why) => found = Err(why),
        }
    }
    found
}

/// Whether all hold. An unknown value does not matter if another one is false.
pub(crate) fn all<T>(
    all: impl IntoIterator<Item = T>,
    holds: impl Fn(T) -> Availability<bool>,
) -> Availability<bool> {
    any(all, |one| holds(one).map(|holds| !holds)).map(|fails| !fails)
}

impl Demanded {
    /// The reason that the design requires: the first rule that applies.
    pub(crate) fn reason(&self) -> Availability<Reason> {
        for (reason, speaks) in &self.rules {
            match speaks {
                Ok(true) => return Ok(*reason),
                Ok(false) => {}
                Err(why) => return undetermined(format!("{}: {}", reason.code(), why.0)),
            }
        }
        undetermined("no rule speaks")
    }

    /// Checks a decision: its reason, its risk, and from rule 8 on every rule that blocks,
    /// because the hints name everything that will block.
    pub(crate) fn check(&self, decision: &Decision) -> Checked {
        let mut wrong = String::new();
        for ((reason, demanded), (_, found)) in self.rules.iter().zip(decision.rules()) {
            let decides = *reason == decision.reason();
            let speaks = matches!(found, RuleFound::Decides(_) | RuleFound::SpeaksToo(_));
            let is_asked = match decision.reason() < Reason::Paused {
                true => *reason <= decision.reason(),
                false => decides || !matches!(reason.outcome(), Outcome::Allow),
            };
            if let Ok(demanded) = demanded
                && is_asked
                && *demanded != speaks
            {
                let (says, said) = (word(*demanded), word(speaks));
                let code = reason.code();
                writeln!(wrong, "  {code}: the model finds that it {says}, decide that it {said}")
                    .unwrap();
            }
        }
        if let Ok(risk) = self.risk
            && decision.reason() >= Reason::Paused
            && risk != decision.risk.class
        {
            let (demanded, found) = (risk.as_str(), decision.risk.class.as_str());
            writeln!(wrong, "  risk: the model finds {demanded}, decide {found}").unwrap();
        }
        match self.reason() {
            _ if !wrong.is_empty() => {
                let sha = decision.sha.short();
                let (said, rest) = (decision.reason().code(), self.table());
                Checked::Different(format!("{sha} is {said}\n{wrong}  the model's table:{rest}"))
            }
            Ok(_) => Checked::Same,
            Err(why) => Checked::Undetermined(why.0),
        }
    }

    fn table(&self) -> String {
        let lines = self.rules.iter().filter_map(|(reason, speaks)| match speaks {
            Ok(false) => None,
            Ok(true) => Some(format!(" {} speaks;", reason.code())),
            Err(why) => Some(format!(" {}: untold, {};", reason.code(), why.0)),
        });
        lines.collect()
    }
}

const fn word(speaks: bool) -> &'static str {
    if speaks { "speaks" } else { "is silent" }
}

/// Checks a decision against the design.
pub(crate) fn check(question: &Question<'_>, decision: &Decision) -> Checked {
    demanded(question).check(decision)
}
