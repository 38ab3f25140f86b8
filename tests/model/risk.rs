//! How risky it is to ship (section 4, "Risk").

use release_governor::domain::*;

use super::facts::{Asked, fact, range};
use super::production::Certain;
use super::{Told, undetermined};

/// The risk class of shipping this sha now.
pub(super) fn class(asked: &Asked<'_>) -> Told<RiskClass> {
    // Where production goes back to a commit, its risk is not judged: it ran before.
    if asked.rollback {
        return Ok(RiskClass::Low);
    }
    match of_the_paths(asked)? {
        RiskClass::High => Ok(RiskClass::High),
        _ if !asked.policy.raise_risk_contexts.is_empty() => {
            undetermined("whether anybody raised the risk")
        }
        other => Ok(other),
    }
}

fn of_the_paths(asked: &Asked<'_>) -> Told<RiskClass> {
    let base = match &asked.production {
        // There is no range.
        Certain::None => return Ok(RiskClass::Low),
        Certain::Uncertain => return Ok(RiskClass::High),
        Certain::Sha(base) => base,
    };
    let own = match range(asked, base, asked.sha)? {
        Ranged::Incomparable(_) | Ranged::Broken(_) => RiskClass::High,
        Ranged::Compared(compared) => match (&compared.relation, &compared.files) {
            (Relation::Diverged, _) | (_, RangeFiles::Truncated(_)) => RiskClass::High,
            (_, RangeFiles::Complete(files)) => highest(asked.policy, names(files)),
        },
    };
    if own == RiskClass::High {
        return Ok(own);
    }
    let at_tip = match deploy_files(asked)? {
        DeployFiles::Same => RiskClass::Low,
        DeployFiles::Differ { paths, .. } => {
            highest(asked.policy, paths.iter().map(String::as_str))
        }
    };
    Ok(own.max(at_tip))
}

pub(super) fn deploy_files<'a>(asked: &Asked<'a>) -> Told<&'a DeployFiles> {
    let facts = asked.question.observation.commits.get(asked.question.sha);
    fact(facts.map(|facts| &facts.deploy_files), "the deploy files")
}

/// A rename counts under both names, a deletion under its name.
pub(super) fn names(files: &[FileChange]) -> impl Iterator<Item = &str> {
    let both = files.iter().flat_map(|file| [Some(&file.path), file.previous_path.as_ref()]);
    both.flatten().map(String::as_str)
}

fn highest<'p>(policy: &Policy, paths: impl Iterator<Item = &'p str>) -> RiskClass {
    paths.map(|path| class_of(policy, path)).max().unwrap_or(RiskClass::Low)
}

/// Unlisted is LOW; `migration_paths` add to HIGH, and so do the workflows' files.
pub(super) fn class_of(policy: &Policy, path: &str) -> RiskClass {
    thread_local! {
        static WORKFLOWS: PathPatterns = PathPatterns::new(&[".github/workflows/**"]).unwrap();
    }
    let is_a_workflow = WORKFLOWS.with(|workflows| workflows.covering(path).is_some());
    let is_high = policy.high_risk_paths.covering(path).is_some()
        || policy.migration_paths.covering(path).is_some()
        || (policy.workflow_files_high && is_a_workflow);
    if is_high {
        RiskClass::High
    } else if policy.medium_risk_paths.covering(path).is_some() {
        RiskClass::Medium
    } else {
        RiskClass::Low
    }
}
