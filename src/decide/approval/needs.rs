//! What must be approved for a range: the pull requests that brought its HIGH changes, and what
//! only an operator can approve.

use std::collections::{BTreeMap, BTreeSet};

use super::{by_people, deploy_files_to_approve};
use crate::decide::{Case, Gap, origins, raise, risk};
use crate::domain::{
    MergedPull, OperatorsMatter, Production, PullNumber, RangeFiles, Ranged, Relation, RiskCause,
    Sha,
};

/// The most matters for an operator that are listed.
const MATTERS_NAMED: usize = 10;

/// What must be approved for a range.
#[derive(Default)]
pub(super) struct Needs {
    /// Pull requests that brought something HIGH.
    pub(super) pulls: BTreeMap<PullNumber, MergedPull>,
    pub(super) operators: Vec<OperatorsMatter>,
}

impl Needs {
    /// Adds the deploy files at the tip, unless they are the ones that an operator approved. If
    /// pull requests brought them to the branch, those pull requests need approval.
    pub(super) fn add_deploy_files(
        &mut self,
        case: &Case<'_>,
        approved: Option<&str>,
    ) -> Result<(), Gap> {
        let paths = deploy_files_to_approve(case, approved)?;
        if paths.is_empty() {
            return Ok(());
        }
        let observation = case.question.observation;
        let tip = observation.deploy_ref_tip.as_ref();
        let tip = tip.filter(|_| observation.deploy_ref == observation.branch);
        let Some(tip) = tip.filter(|_| by_people(case.policy())) else {
            self.operator(OperatorsMatter::DeployFileAtTip);
            return Ok(());
        };
        let origins = origins::of_paths(&case.question, case.sha(), tip, &paths)?;
        let is_by_pulls = |path: &&str| {
            let brought = origins.of(path);
            !brought.is_empty() && brought.iter().all(|one| !one.pulls.is_empty())
        };
        if origins.untold.is_some() || !paths.iter().all(is_by_pulls) {
            self.operator(OperatorsMatter::DeployFileAtTip);
        } else {
            self.pulls.extend(origins.pulls);
        }
        Ok(())
    }

    fn operator(&mut self, matter: OperatorsMatter) {
        if self.operators.len() < MATTERS_NAMED && !self.operators.contains(&matter) {
            self.operators.push(matter);
        }
    }
}

/// What came after a commit that an operator approved. `None` if unknown, for example after a
/// force push, or if production is not known to be an ancestor of it. The approval cannot be
/// used then.
pub(super) fn after_a_word(case: &Case<'_>, approved: &Sha) -> Result<Option<Needs>, Gap> {
    let mut needs = Needs::default();
    let ranged = case.question.range(approved, case.sha())?;
    let is_whole = matches!(ranged, Ranged::Compared(comparison)
        if matches!(comparison.relation, Relation::Ahead | Relation::Identical)
            && matches!(comparison.files, RangeFiles::Complete(_)));
    if !is_whole {
        return Ok(None);
    }
    // If production has passed the approved commit, what was shipped since is not in that
    // commit, so reverting it would look like no change.
    let Production::Known { sha: production, .. } = &case.production else { return Ok(None) };
    if !case.contains(approved, production)? {
        return Ok(None);
    }
    for cause in raise::causes(&case.question, Some(approved))? {
        needs.operator(OperatorsMatter::AnotherCause(cause));
    }
    of_paths(case, approved, ranged, &mut needs)?;
    Ok(Some(needs))
}

/// What makes the whole range from production HIGH.
pub(super) fn after_production(case: &Case<'_>) -> Result<Needs, Gap> {
    let mut needs = Needs::default();
    if !by_people(case.policy()) {
        needs.operator(OperatorsMatter::ByPolicy);
        return Ok(needs);
    }
    for cause in &case.risk()?.causes {
        match cause {
            RiskCause::FirstDeploy | RiskCause::EmptyRange | RiskCause::Paths => {}
            RiskCause::DeployFileAtTip => needs.add_deploy_files(case, None)?,
            RiskCause::ProductionUncertain(_)
            | RiskCause::Diverged
            | RiskCause::Truncated
            | RiskCause::Incomparable(_)
            | RiskCause::CompareBroken(_)
            | RiskCause::Raised(_)
            | RiskCause::RaiseUntold(_)
            | RiskCause::AsDecided
            | RiskCause::RanBefore => {
                needs.operator(OperatorsMatter::AnotherCause(cause.clone()));
            }
        }
    }
    // If only an operator can approve, what people could approve is not read.
    if let Production::Known { sha, .. } = &case.production
        && needs.operators.is_empty()
    {
        of_paths(case, sha, case.question.range(sha, case.sha())?, &mut needs)?;
    }
    Ok(needs)
}

/// Adds the pull requests that brought the HIGH paths of a range.
fn of_paths(case: &Case<'_>, base: &Sha, ranged: &Ranged, needs: &mut Needs) -> Result<(), Gap> {
    let is_high = |path: &&str| risk::is_high(case.policy(), path);
    let paths: BTreeSet<&str> =
        origins::changed_paths(ranged).into_iter().filter(is_high).collect();
    if paths.is_empty() {
        return Ok(());
    }
    if !by_people(case.policy()) {
        needs.operator(OperatorsMatter::ByPolicy);
        return Ok(());
    }
    let origins = origins::of_paths(&case.question, base, case.sha(), &paths)?;
    if let Some(why) = &origins.untold {
        needs.operator(OperatorsMatter::OriginUntold(why.clone()));
        return Ok(());
    }
    for path in paths {
        let brought = origins.of(path);
        if brought.is_empty() {
            needs.operator(OperatorsMatter::BroughtByNothing { path: path.to_owned() });
        }
        for one in brought.iter().filter(|one| one.pulls.is_empty()) {
            let (path, commit) = (path.to_owned(), one.commit.clone());
            needs.operator(match origins.not_as_shown.get(&commit) {
                Some(pull) => OperatorsMatter::NotAsInPull { path, commit, pull: *pull },
                None => OperatorsMatter::PushedDirectly { path, commit },
            });
        }
    }
    needs.pulls.extend(origins.pulls);
    Ok(())
}
