//! How risky it is to ship a sha, from the paths that differ from production. The highest class
//! wins. What is permanently unknown is HIGH, and the evidence says why.

use std::collections::BTreeSet;

use super::{Gap, Question, raise};
use crate::domain::{
    DeployFiles, Policy, Production, RangeFiles, Ranged, Relation, RiskAssessment, RiskCause,
    RiskClass, RiskyPath, Sha, Uncertainty,
};

/// GitHub runs workflows only from this folder, so it contains the files of both workflows.
const WORKFLOW_FILES: &str = ".github/workflows/**";

/// The class of one path, and the pattern that matched it. `None` for a path that is not
/// listed.
#[must_use]
pub fn class_of_path<'a>(policy: &'a Policy, path: &str) -> Option<(RiskClass, &'a str)> {
    let high = || policy.high_risk_paths.covering(path);
    let migration = || policy.migration_paths.covering(path);
    let workflow = || policy.workflow_files_high.then(|| workflow_file(path)).flatten();
    let medium = || policy.medium_risk_paths.covering(path);
    high()
        .or_else(migration)
        .or_else(workflow)
        .map(|pattern| (RiskClass::High, pattern))
        .or_else(|| medium().map(|pattern| (RiskClass::Medium, pattern)))
}

/// The workflow files' pattern, if this path is such a file or a folder that may contain some.
fn workflow_file(path: &str) -> Option<&'static str> {
    let may_hold_some = matches!(path, ".github" | ".github/workflows");
    (may_hold_some || path.starts_with(".github/workflows/")).then_some(WORKFLOW_FILES)
}

/// Assesses the risk of the commit in question.
pub(super) fn assess(
    question: &Question<'_>,
    production: &Production,
) -> Result<RiskAssessment, Gap> {
    if let Some(risk) = as_decided(question, production) {
        return Ok(risk);
    }
    if question.rollback {
        return Ok(certain(RiskClass::Low, RiskCause::RanBefore));
    }
    match production {
        Production::None => {
            let first = certain(RiskClass::Low, RiskCause::FirstDeploy);
            Ok(raised(first, raise::causes(question, None)?))
        }
        Production::Uncertain { why } => {
            Ok(certain(RiskClass::High, RiskCause::ProductionUncertain(uncertain(*why))))
        }
        Production::Known { sha, .. } if sha == question.sha => {
            Ok(certain(RiskClass::Low, RiskCause::EmptyRange))
        }
        Production::Known { sha, .. } => {
            of_range(question, sha, question.range(sha, question.sha)?)
        }
    }
}

fn uncertain(why: Uncertainty) -> String {
    match why {
        Uncertainty::Unattributed(run) => {
            format!("run {} succeeded last, and nothing tells which commit it deployed", run.id)
        }
        Uncertainty::Stray(run) => format!(
            "run {} succeeded last, and its commit was never on the branch that it names",
            run.id
        ),
        Uncertainty::DeployedOtherwise => {
            "something was deployed by another workflow or by a run that was deleted".to_owned()
        }
        Uncertainty::RunsUnread => {
            "no run that was read succeeded, and older ones were not read".to_owned()
        }
    }
}

/// While a sha is being deployed, and once it is in production, its risk stays what the
/// decision was based on (rules 1 and 2).
fn as_decided(question: &Question<'_>, production: &Production) -> Option<RiskAssessment> {
    let release = question.release;
    let attempt = release.attempts.iter().rev().find(|one| one.begun.sha == *question.sha);
    let in_flight = release.open_attempts().any(|one| one.begun.sha == *question.sha)
        || release.runs_in_flight().any(|run| run.attribution.sha() == Some(question.sha));
    if !in_flight && production.sha() != Some(question.sha) {
        return None;
    }
    let decided = release.decided.get(question.sha).map(|last| last.risk);
    let class = attempt.map(|attempt| attempt.begun.risk).or(decided)?;
    Some(certain(class, RiskCause::AsDecided))
}

fn of_range(question: &Question<'_>, base: &Sha, ranged: &Ranged) -> Result<RiskAssessment, Gap> {
    let comparison = match ranged {
        Ranged::Incomparable(words) => {
            return Ok(certain(RiskClass::High, RiskCause::Incomparable(words.clone())));
        }
        Ranged::Broken(words) => {
            return Ok(certain(RiskClass::High, RiskCause::CompareBroken(words.clone())));
        }
        Ranged::Compared(comparison) => comparison,
    };
    let mut causes = Vec::new();
    if comparison.relation == Relation::Diverged {
        causes.push(RiskCause::Diverged);
    }
    let files = match &comparison.files {
        RangeFiles::Complete(files) => files,
        RangeFiles::Truncated(files) => {
            causes.push(RiskCause::Truncated);
            files
        }
    };
    // In both cases the paths are not the whole truth, so the risk cannot be lower than HIGH.
    let untold = if causes.is_empty() { RiskClass::Low } else { RiskClass::High };
    let mut paths: Vec<RiskyPath> = files
        .iter()
        .flat_map(|file| [Some(&file.path), file.previous_path.as_ref()])
        .flatten()
        .filter_map(|path| risky(question.policy, path))
        .collect();
    if let Some(differing) = deploy_files_at_tip(question, comparison.relation)? {
        causes.push(RiskCause::DeployFileAtTip);
        paths.extend(differing.iter().filter_map(|path| risky(question.policy, path)));
    }
    causes.push(match (files.is_empty(), paths.is_empty()) {
        (true, true) => RiskCause::EmptyRange,
        (false, _) | (true, false) => RiskCause::Paths,
    });
    paths.sort_by(|a, b| b.risk_class.cmp(&a.risk_class).then_with(|| a.path.cmp(&b.path)));
    paths.dedup();
    let class = paths.iter().map(|path| path.risk_class).max().unwrap_or(RiskClass::Low);
    let risk = RiskAssessment { class: class.max(untold), causes, paths };
    Ok(match comparison.relation {
        Relation::Ahead => raised(risk, raise::causes(question, Some(base))?),
        // It brings nothing new, or is HIGH already.
        Relation::Identical | Relation::Behind | Relation::Diverged => risk,
    })
}

/// Raises a risk to HIGH for these causes, if there are any.
fn raised(mut risk: RiskAssessment, causes: Vec<RiskCause>) -> RiskAssessment {
    if !causes.is_empty() {
        risk.class = RiskClass::High;
        risk.causes.splice(0..0, causes);
    }
    risk
}

/// The deploy files that GitHub would run, if they differ from those at the sha.
fn deploy_files_at_tip<'a>(
    question: &Question<'a>,
    relation: Relation,
) -> Result<Option<&'a BTreeSet<String>>, Gap> {
    if matches!(relation, Relation::Identical | Relation::Behind) {
        return Ok(None);
    }
    Ok(match question.deploy_files()? {
        DeployFiles::Same => None,
        DeployFiles::Differ { paths, .. } => Some(paths),
    })
}

/// Whether a change of this path is HIGH.
pub(super) fn is_high(policy: &Policy, path: &str) -> bool {
    class_of_path(policy, path).is_some_and(|(class, _)| class == RiskClass::High)
}

fn risky(policy: &Policy, path: &str) -> Option<RiskyPath> {
    let (risk_class, pattern) = class_of_path(policy, path)?;
    Some(RiskyPath {
        path: path.to_owned(),
        risk_class,
        pattern: pattern.to_owned(),
        brought: Vec::new(),
    })
}

fn certain(class: RiskClass, cause: RiskCause) -> RiskAssessment {
    RiskAssessment { class, causes: vec![cause], paths: Vec::new() }
}
