//! Which approvals count, and for what.
//!
//! Approving a sha approves all that makes it HIGH, the deploy file at the tip, as it was then,
//! included. A later candidate needs an approval only for what came after.

use super::{Case, Gap, risk};
use crate::domain::{
    Approval, Approver, DeployFile, EnvironmentApproval, Production, RangeFiles, Ranged, Relation,
    RiskClass, Sha,
};

/// Only the last few words can still matter: each costs a comparison when another commit came
/// after it.
const WORDS_LOOKED_AT: usize = 5;

/// The approval of what makes this case HIGH, if it has one.
pub(super) fn of_the_range(case: &Case<'_>) -> Result<Option<Approver>, Gap> {
    if let Some(approver) = of_this_very_sha(case)? {
        return Ok(Some(approver));
    }
    for sha in shas_of_environment(case) {
        // The variable says nothing of the deploy file at the tip, as it was then.
        if deploy_file_is_covered(case, None)? && nothing_high_came_after(case, sha)? {
            return Ok(Some(Approver::Environment));
        }
    }
    for approval in case.release().approvals.iter().rev().take(WORDS_LOOKED_AT) {
        let earlier = approval.sha != *case.sha() && case.production.sha() != Some(&approval.sha);
        if earlier
            && deploy_file_is_covered(case, approval.deploy_file.as_deref())?
            && nothing_high_came_after(case, &approval.sha)?
        {
            return Ok(Some(operator(approval)));
        }
    }
    Ok(None)
}

/// The approval of this very sha, if it has one: the only one that counts for a first deploy,
/// which has no range that an earlier word could cover.
pub(super) fn of_this_very_sha(case: &Case<'_>) -> Result<Option<Approver>, Gap> {
    let by_environment = match &case.policy().approved_by_environment {
        EnvironmentApproval::Nothing => false,
        EnvironmentApproval::Everything => true,
        EnvironmentApproval::Shas(shas) => shas.contains(case.sha()),
    };
    if by_environment {
        return Ok(Some(Approver::Environment));
    }
    for approval in case.release().approvals.iter().rev() {
        if approval.sha == *case.sha()
            && deploy_file_is_covered(case, approval.deploy_file.as_deref())?
        {
            return Ok(Some(operator(approval)));
        }
    }
    Ok(None)
}

fn shas_of_environment<'a>(case: &Case<'a>) -> &'a [Sha] {
    match &case.policy().approved_by_environment {
        EnvironmentApproval::Shas(shas) => {
            let recent = shas.len().saturating_sub(WORDS_LOOKED_AT);
            shas.get(recent..).unwrap_or_default()
        }
        EnvironmentApproval::Nothing | EnvironmentApproval::Everything => &[],
    }
}

/// Whether the deploy file that would run is the judged commit's own, harmless, or the one that
/// stood at the tip when the word was given.
fn deploy_file_is_covered(case: &Case<'_>, approved_blob: Option<&str>) -> Result<bool, Gap> {
    if case.production == Production::None {
        // Nothing is compared with the first deploy.
        return Ok(true);
    }
    Ok(match case.deploy_file()? {
        DeployFile::Same => true,
        DeployFile::Differs { path, tip_blob } => {
            let high = risk::class_of_path(case.policy(), path)
                .is_some_and(|(class, _)| class == RiskClass::High);
            !high || (tip_blob.is_some() && tip_blob.as_deref() == approved_blob)
        }
    })
}

/// Whether the range from an approved commit to this one is complete and holds no HIGH path.
fn nothing_high_came_after(case: &Case<'_>, approved: &Sha) -> Result<bool, Gap> {
    let Ranged::Compared(comparison) = case.range(approved, case.sha())? else {
        return Ok(false);
    };
    let RangeFiles::Complete(files) = &comparison.files else { return Ok(false) };
    let high = |path: &String| {
        risk::risky(case.policy(), path).is_some_and(|risky| risky.risk_class == RiskClass::High)
    };
    let any_high =
        files.iter().any(|file| high(&file.path) || file.previous_path.as_ref().is_some_and(high));
    Ok(matches!(comparison.relation, Relation::Ahead | Relation::Identical) && !any_high)
}

fn operator(approval: &Approval) -> Approver {
    Approver::Operator {
        name: approval.by.display(),
        sha: approval.sha.clone(),
        why: approval.why.clone(),
    }
}
