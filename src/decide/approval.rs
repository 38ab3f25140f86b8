//! Determines which approvals count, and for what.
//!
//! An operator's approval of a sha covers everything that makes it HIGH, including the deploy
//! files at the tip as they were then. A later candidate needs approval only for what came
//! after. The range can therefore be approved starting from several commits: production, and
//! every commit that an operator approved. From one of them on, each pull request that brought
//! something HIGH needs its own approval, and nothing may remain that only an operator can
//! approve.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::Gathering;
use super::{Case, Gap, risk};
use crate::domain::{
    Approval as OperatorsApproval, ApprovalMode, Approver, Availability, Counting, DeployFiles,
    EnvironmentApproval, GivenApproval, MergedPull, Missing, MissingPull, OperatorsMatter, Policy,
    Production, PullApproval, PullNumber, SeenApproval, Sha, WhyNot,
};

mod needs;
mod talk;

use needs::{Needs, after_a_word, after_production};

/// How many of an operator's latest approvals are considered. Each costs a comparison if
/// another commit came after it.
const WORDS_LOOKED_AT: usize = 5;

/// The result of looking for approvals.
#[derive(Clone, Debug)]
pub(super) struct ApprovalOutcome {
    /// Who approved it, if everything is approved.
    pub(super) approver: Option<Approver>,
    /// What is missing otherwise.
    pub(super) missing: Missing,
    /// All approvals that were seen.
    pub(super) seen: Vec<SeenApproval>,
}

/// The approval of what makes this case HIGH.
pub(super) fn of_the_range(case: &Case<'_>) -> Result<ApprovalOutcome, Gap> {
    let mut search = Search::new(case);
    if let Some(approver) = search.of_this_very_sha()? {
        return Ok(search.approved(approver));
    }
    for sha in shas_of_environment(case) {
        // The variable does not say what the deploy files at the tip were then.
        let Some(mut needs) = after_a_word(case, sha)? else { continue };
        needs.add_deploy_files(case, None)?;
        if let Some(approver) = search.met(needs, Some((sha, Approver::Environment)))? {
            return Ok(search.approved(approver));
        }
    }
    for approval in words_about_others(case) {
        let is_covered = deploy_files_are_covered(case, approval.deploy_file.as_deref())?;
        let why_not = |otherwise| if is_covered { otherwise } else { WhyNot::DeployFileChanged };
        let Some(mut needs) = after_a_word(case, &approval.sha)? else {
            search.saw_word(approval, Counting::Not(why_not(WhyNot::LeadsNotHere)));
            continue;
        };
        needs.add_deploy_files(case, approval.deploy_file.as_deref())?;
        if let Some(approver) = search.met(needs, Some((&approval.sha, operator(approval))))? {
            search.saw_word(approval, Counting::Counts);
            return Ok(search.approved(approver));
        }
        search.saw_word(approval, Counting::Not(why_not(WhyNot::SomethingCameAfter)));
    }
    let approver = search.met(after_production(case)?, None)?;
    Ok(search.ended(approver))
}

/// The approval of a first deploy: of this very sha, or on its own pull request. There is no
/// range that an earlier approval could cover.
pub(super) fn of_the_first_deploy(case: &Case<'_>) -> Result<ApprovalOutcome, Gap> {
    let mut search = Search::new(case);
    if let Some(approver) = search.of_this_very_sha()? {
        return Ok(search.approved(approver));
    }
    let mut needs = Needs::default();
    if by_people(case.policy()) {
        match case.question.pulls(case.sha())? {
            Availability::Untold(why) => {
                needs.operators.push(OperatorsMatter::OriginUntold(why.clone()))
            }
            Availability::Known(pulls) if pulls.is_empty() => {
                needs.operators.push(OperatorsMatter::NoPull);
            }
            Availability::Known(pulls) => {
                needs.pulls.extend(pulls.iter().map(|pull| (pull.number, pull.clone())));
            }
        }
    } else {
        needs.operators.push(OperatorsMatter::ByPolicy);
    }
    let approver = search.met(needs, None)?;
    Ok(search.ended(approver))
}

/// A search for an approval, and what it has seen.
struct Search<'c, 'a> {
    case: &'c Case<'a>,
    seen: Vec<SeenApproval>,
    /// What people said on each pull request that was looked at.
    talks: BTreeMap<PullNumber, talk::Heard>,
    /// The least that is missing so far: on pull requests, and from an operator.
    least: Option<(Vec<MissingPull>, Vec<OperatorsMatter>)>,
}

impl<'c, 'a> Search<'c, 'a> {
    fn new(case: &'c Case<'a>) -> Self {
        Self { case, seen: Vec::new(), talks: BTreeMap::new(), least: None }
    }

    fn of_this_very_sha(&mut self) -> Result<Option<Approver>, Gap> {
        let case = self.case;
        let by_environment = match &case.policy().approved_by_environment {
            EnvironmentApproval::Nothing => false,
            EnvironmentApproval::Everything => true,
            EnvironmentApproval::Shas(shas) => shas.contains(case.sha()),
        };
        if by_environment {
            self.seen.push(SeenApproval {
                given: GivenApproval {
                    pull: None,
                    sha: Some(case.sha().clone()),
                    mode: ApprovalMode::Environment,
                    by: None,
                    at: None,
                },
                counting: Counting::Counts,
            });
            return Ok(Some(Approver::Environment));
        }
        for approval in case.release().approvals.iter().rev() {
            if approval.sha != *case.sha() {
                continue;
            }
            // Later deploy files at the tip may have their own approval.
            let mut needs = Needs::default();
            needs.add_deploy_files(case, approval.deploy_file.as_deref())?;
            if let Some(by) = self.met(needs, Some((&approval.sha, operator(approval))))? {
                self.saw_word(approval, Counting::Counts);
                return Ok(Some(by));
            }
            self.saw_word(approval, Counting::Not(WhyNot::DeployFileChanged));
        }
        Ok(None)
    }

    /// Who approved everything in `needs`. `word` is the operator's approval that the needs
    /// come after, if any, with its commit and approver. If nothing is needed, that approval
    /// suffices.
    fn met(
        &mut self,
        needs: Needs,
        word: Option<(&Sha, Approver)>,
    ) -> Result<Option<Approver>, Gap> {
        if needs.pulls.is_empty() && needs.operators.is_empty() {
            return Ok(word.map(|(_, approver)| approver));
        }
        let (mut pulls, mut missing) = (Vec::new(), Vec::new());
        if needs.operators.is_empty() {
            let mut gathering = Gathering::default();
            for pull in needs.pulls.values() {
                match gathering.take(self.approval_of(pull))? {
                    Some(Ok(approval)) => pulls.push(approval),
                    Some(Err(lacking)) => missing.push(lacking),
                    None => {}
                }
            }
            gathering.finish(())?;
            if missing.is_empty() {
                let since = word.map(|(sha, _)| sha.clone());
                return Ok(Some(Approver::People { pulls, since }));
            }
        }
        self.note_missing(missing, needs.operators);
        Ok(None)
    }

    fn approval_of(&mut self, pull: &MergedPull) -> Result<Result<PullApproval, MissingPull>, Gap> {
        let heard = match self.talks.get(&pull.number) {
            Some(heard) => heard,
            None => {
                let heard = talk::on(&self.case.question, pull)?;
                self.seen.extend(heard.seen.iter().cloned());
                self.talks.entry(pull.number).or_insert(heard)
            }
        };
        Ok(heard.approval.clone().ok_or_else(|| MissingPull {
            pull: pull.number,
            not_by: talk::author_who_may_not(self.case.policy(), pull)
                .map(|author| author.login.clone()),
            because: heard.first_in_vain().cloned(),
            is_labeled: heard.is_labeled,
        }))
    }

    /// Keeps the least that is missing. What people can approve is preferred over what only an
    /// operator can.
    fn note_missing(&mut self, pulls: Vec<MissingPull>, operators: Vec<OperatorsMatter>) {
        let order = |(pulls, operators): &(Vec<MissingPull>, Vec<OperatorsMatter>)| {
            (!operators.is_empty(), pulls.len(), operators.len())
        };
        let found = (pulls, operators);
        // On a tie the later one wins: what is missing since production comes last and is
        // reported.
        if self.least.as_ref().is_none_or(|least| order(&found) <= order(least)) {
            self.least = Some(found);
        }
    }

    fn saw_word(&mut self, approval: &OperatorsApproval, counting: Counting) {
        self.seen.push(SeenApproval {
            given: GivenApproval {
                pull: None,
                sha: Some(approval.sha.clone()),
                mode: ApprovalMode::Environment,
                by: Some(approval.by.display()),
                at: None,
            },
            counting,
        });
    }

    fn approved(self, approver: Approver) -> ApprovalOutcome {
        self.ended(Some(approver))
    }

    fn ended(self, approver: Option<Approver>) -> ApprovalOutcome {
        let policy = self.case.policy();
        let (pulls, operators) =
            self.least.unwrap_or_else(|| (Vec::new(), vec![OperatorsMatter::ByPolicy]));
        let missing = Missing {
            modes: policy.approval_modes.clone(),
            label: policy.approval_label.clone(),
            command: policy.approval_command.as_str().to_owned(),
            min_permission: policy.approval_min_permission,
            teams: policy.approval_teams.clone(),
            pulls,
            operators,
        };
        ApprovalOutcome { approver, missing, seen: self.seen }
    }
}

/// Whether the policy lets people approve on pull requests.
fn by_people(policy: &Policy) -> bool {
    policy.approval_modes.iter().any(|mode| match mode {
        ApprovalMode::Label | ApprovalMode::Comment => true,
        ApprovalMode::Environment => false,
    })
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

/// The latest approvals of commits that are neither this one nor production, newest first,
/// without repetitions.
fn words_about_others<'a>(case: &Case<'a>) -> Vec<&'a OperatorsApproval> {
    let mut words: Vec<&OperatorsApproval> = Vec::new();
    for word in case.release().approvals.iter().rev() {
        let is_of_another = word.sha != *case.sha() && case.production.sha() != Some(&word.sha);
        let is_said_again = words
            .iter()
            .any(|newer| newer.sha == word.sha && newer.deploy_file == word.deploy_file);
        if is_of_another && !is_said_again && words.len() < WORDS_LOOKED_AT {
            words.push(word);
        }
    }
    words
}

/// Whether the deploy files that would run are the judged commit's own, not HIGH, or the ones
/// that were at the tip when the approval was given.
fn deploy_files_are_covered(case: &Case<'_>, approved: Option<&str>) -> Result<bool, Gap> {
    Ok(deploy_files_to_approve(case, approved)?.is_empty())
}

/// The deploy files at the tip that need an approval: those that are HIGH and differ from the
/// ones at the tip when an approval was given.
fn deploy_files_to_approve<'a>(
    case: &Case<'a>,
    approved: Option<&str>,
) -> Result<BTreeSet<&'a str>, Gap> {
    if case.production == Production::None {
        // A first deploy has nothing to compare with.
        return Ok(BTreeSet::new());
    }
    Ok(match case.question.deploy_files()? {
        DeployFiles::Differ { paths, at_tip }
            if at_tip.is_none() || at_tip.as_deref() != approved =>
        {
            let paths = paths.iter().map(String::as_str);
            paths.filter(|path| risk::is_high(case.policy(), path)).collect()
        }
        DeployFiles::Differ { .. } | DeployFiles::Same => BTreeSet::new(),
    })
}

fn operator(approval: &OperatorsApproval) -> Approver {
    Approver::Operator {
        name: approval.by.display(),
        sha: approval.sha.clone(),
        why: approval.why.clone(),
    }
}
