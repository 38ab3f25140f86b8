//! The risk of shipping (section 4, "Risk").

use release_governor::domain::*;

use super::approval::way;
use super::facts::{Asked, answer, fact, range};
use super::production::Certain;
use super::{Availability, Check, any};

/// The risk class of shipping this sha now.
pub(super) fn class(asked: &Asked<'_>) -> Availability<RiskClass> {
    // A rollback target has already run, so its risk is not judged.
    if asked.rollback {
        return Ok(RiskClass::Low);
    }
    let own = of_the_paths(asked)?;
    let base = match &asked.production {
        Certain::Sha(base) => Some(base),
        Certain::None | Certain::Uncertain => None,
    };
    if own != RiskClass::High && is_raised(asked, base)? { Ok(RiskClass::High) } else { Ok(own) }
}

/// Whether a status or label raised the risk of what came after `base` (docs/approvals.md,
/// "Raise the risk from outside"), or of the commit itself if there is no base. What can never
/// be known raises it.
pub(super) fn is_raised(asked: &Asked<'_>, base: Option<&Sha>) -> Availability<bool> {
    let contexts = &asked.policy.raise_risk_contexts;
    if contexts.is_empty() {
        return Ok(false);
    }
    let is_named = |name: &str| contexts.iter().any(|context| context.eq_ignore_ascii_case(name));
    let origins = &asked.observation.origins;
    let way = match base {
        Some(base) => way(asked, base, asked.sha)?,
        None => Some(vec![(asked.sha.clone(), asked.sha.clone(), false)]),
    };
    let Some(way) = way else { return Ok(true) };
    let by_status = |sha: &Sha| {
        let flags = answer(origins.flags.get(sha), "the statuses of a commit")?;
        Ok(flags.is_none_or(|flags| {
            flags.iter().any(|flag| match flag.kind {
                FlagKind::Objected => is_named(&flag.context),
                FlagKind::Pending => is_named(&flag.context) && sha == asked.sha,
            })
        }))
    };
    let by_label = |pull: &MergedPull| {
        let events = answer(origins.events.get(&pull.number), "what was said on a pull request")?;
        Ok(events.is_none_or(|events| {
            events.iter().any(|event| match event {
                PullEvent::Labeled { label, .. } | PullEvent::Unlabeled { label, .. } => {
                    is_named(label)
                }
                _ => false,
            })
        }))
    };
    any(&way, |(sha, _, is_merge)| {
        let by_pull = || match answer(origins.pulls.get(sha), "who brought a step")? {
            None => Ok(true),
            Some(pulls) => {
                // A merge that was pushed by hand may hide an earlier position of the branch.
                let may_hide = *is_merge && !pulls.iter().any(|pull| pull.may_be_merged_by(sha));
                if may_hide { Ok(true) } else { any(pulls, by_label) }
            }
        };
        let checks: [Check<'_>; 2] = [&|| by_status(sha), &by_pull];
        any(checks, |holds| holds())
    })
}

fn of_the_paths(asked: &Asked<'_>) -> Availability<RiskClass> {
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

pub(super) fn deploy_files<'a>(asked: &Asked<'a>) -> Availability<&'a DeployFiles> {
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

/// An unlisted path is LOW. `migration_paths` and workflow files are HIGH, too.
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
