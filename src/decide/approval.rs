//! Which approvals count, and for what.
//!
//! An operator's word about a sha approves all that makes it HIGH, the deploy file at the tip, as
//! it was then, included; a later candidate needs an approval only for what came after. So there
//! are several commits from which the range can be approved: production, and every commit that an
//! operator approved. From one of them on, each pull request that brought something HIGH needs its
//! own approval by people, and nothing may be left that only an operator can approve.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Gap, origins, raise, risk};
use crate::domain::{
    Approval as OperatorsApproval, ApprovalMode, Approver, Counting, DeployFile,
    EnvironmentApproval, MergedPull, Missing, MissingPull, OperatorsMatter, Policy, Production,
    PullApproval, PullNumber, RangeFiles, Ranged, Relation, RiskCause, SeenApproval, Sha, WhyNot,
};

mod talk;

/// Only the last few words can still matter: each costs a comparison when another commit came
/// after it.
const WORDS_LOOKED_AT: usize = 5;
/// Matters for an operator that are named one by one.
const MATTERS_NAMED: usize = 10;

/// What the approvals come to.
#[derive(Clone, Debug)]
pub(super) struct Approval {
    /// Whose word approves, if all is approved.
    pub(super) approver: Option<Approver>,
    /// What is missing, if not.
    pub(super) missing: Missing,
    /// All that was seen on the way.
    pub(super) seen: Vec<SeenApproval>,
}

/// The approval of what makes this case HIGH.
pub(super) fn of_the_range(case: &Case<'_>) -> Result<Approval, Gap> {
    let mut search = Search::new(case);
    if let Some(approver) = search.of_this_very_sha()? {
        return Ok(search.approved(approver));
    }
    for sha in shas_of_environment(case) {
        // The variable says nothing of the deploy file at the tip, as it was then.
        if deploy_file_is_covered(case, None)? {
            let needs = after_a_word(case, sha)?;
            if let Some(approver) = search.met(needs, Some(sha), || Approver::Environment)? {
                return Ok(search.approved(approver));
            }
        }
    }
    for approval in case.release().approvals.iter().rev().take(WORDS_LOOKED_AT) {
        if approval.sha == *case.sha() || case.production.sha() == Some(&approval.sha) {
            continue;
        }
        if !deploy_file_is_covered(case, approval.deploy_file.as_deref())? {
            search.saw_word(approval, Counting::Not(WhyNot::DeployFileChanged));
            continue;
        }
        let needs = after_a_word(case, &approval.sha)?;
        if let Some(approver) = search.met(needs, Some(&approval.sha), || operator(approval))? {
            search.saw_word(approval, Counting::Counts);
            return Ok(search.approved(approver));
        }
        search.saw_word(approval, Counting::Not(WhyNot::SomethingCameAfter));
    }
    let needs = after_production(case)?;
    let by_people = || Approver::People { pulls: Vec::new(), since: None };
    match search.met(needs, None, by_people)? {
        Some(approver) => Ok(search.approved(approver)),
        None => Ok(search.not_approved()),
    }
}

/// The approval of a first deploy: of this very sha, or on its own pull request. There is no
/// range that an earlier word could cover.
pub(super) fn of_the_first_deploy(case: &Case<'_>) -> Result<Approval, Gap> {
    let mut search = Search::new(case);
    if let Some(approver) = search.of_this_very_sha()? {
        return Ok(search.approved(approver));
    }
    let mut needs = Needs::default();
    if by_people(case.policy()) {
        for pull in case.question.pulls(case.sha())? {
            needs.pulls.insert(pull.number, pull.clone());
        }
        if needs.pulls.is_empty() {
            needs.operators.push(OperatorsMatter::NoPull);
        }
    } else {
        needs.operators.push(OperatorsMatter::ByPolicy);
    }
    let by_people = || Approver::People { pulls: Vec::new(), since: None };
    match search.met(needs, None, by_people)? {
        Some(approver) => Ok(search.approved(approver)),
        None => Ok(search.not_approved()),
    }
}

/// What must be approved so that a range is.
#[derive(Default)]
struct Needs {
    /// Pull requests that brought something HIGH.
    pulls: BTreeMap<PullNumber, MergedPull>,
    /// What only an operator can approve.
    operators: Vec<OperatorsMatter>,
}

impl Needs {
    fn operator(&mut self, matter: OperatorsMatter) {
        if self.operators.len() < MATTERS_NAMED && !self.operators.contains(&matter) {
            self.operators.push(matter);
        }
    }
}

/// What came after a commit that an operator approved.
fn after_a_word(case: &Case<'_>, approved: &Sha) -> Result<Needs, Gap> {
    let mut needs = Needs::default();
    let ranged = case.question.range(approved, case.sha())?;
    if let Some(cause) = not_whole(ranged) {
        needs.operator(OperatorsMatter::AnotherCause(cause));
        return Ok(needs);
    }
    for cause in raise::causes(&case.question, Some(approved))? {
        needs.operator(OperatorsMatter::AnotherCause(cause));
    }
    of_paths(case, approved, ranged, &mut needs)?;
    Ok(needs)
}

/// Why more may have come after a commit than a range shows.
fn not_whole(ranged: &Ranged) -> Option<RiskCause> {
    match ranged {
        Ranged::Incomparable(words) => Some(RiskCause::Incomparable(words.clone())),
        Ranged::Broken(words) => Some(RiskCause::CompareBroken(words.clone())),
        Ranged::Compared(comparison) => match (comparison.relation, &comparison.files) {
            (Relation::Behind | Relation::Diverged, _) => Some(RiskCause::Diverged),
            (Relation::Ahead | Relation::Identical, RangeFiles::Truncated(_)) => {
                Some(RiskCause::Truncated)
            }
            (Relation::Ahead | Relation::Identical, RangeFiles::Complete(_)) => None,
        },
    }
}

/// What makes the whole range from production HIGH.
fn after_production(case: &Case<'_>) -> Result<Needs, Gap> {
    let mut needs = Needs::default();
    if !by_people(case.policy()) {
        needs.operator(OperatorsMatter::ByPolicy);
        return Ok(needs);
    }
    for cause in &case.risk()?.causes {
        match cause {
            RiskCause::FirstDeploy | RiskCause::EmptyRange | RiskCause::Paths => {}
            RiskCause::DeployFileAtTip => {
                if !deploy_file_is_covered(case, None)? {
                    needs.operator(OperatorsMatter::DeployFileAtTip);
                }
            }
            RiskCause::ProductionUncertain(_)
            | RiskCause::Diverged
            | RiskCause::Truncated
            | RiskCause::Incomparable(_)
            | RiskCause::CompareBroken(_)
            | RiskCause::Raised(_)
            | RiskCause::RaiseUntold(_)
            | RiskCause::AsDecided => {
                needs.operator(OperatorsMatter::AnotherCause(cause.clone()));
            }
        }
    }
    // Where only an operator can approve, what people could is not asked for.
    if let Production::Known { sha, .. } = &case.production
        && needs.operators.is_empty()
    {
        of_paths(case, sha, case.question.range(sha, case.sha())?, &mut needs)?;
    }
    Ok(needs)
}

/// The pull requests that brought the HIGH paths of a range.
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
            needs.operator(OperatorsMatter::PushedDirectly { path, commit });
        }
    }
    needs.pulls.extend(origins.pulls);
    Ok(())
}

/// A search for an approval, with what it saw.
struct Search<'c, 'a> {
    case: &'c Case<'a>,
    seen: Vec<SeenApproval>,
    /// What people said on each pull request that was looked at.
    talks: BTreeMap<PullNumber, talk::Heard>,
    /// The least that is missing so far.
    missing: Missing,
}

impl<'c, 'a> Search<'c, 'a> {
    fn new(case: &'c Case<'a>) -> Self {
        let policy = case.policy();
        let missing = Missing {
            modes: policy.approval_modes.clone(),
            label: policy.approval_label.clone(),
            command: policy.approval_command.as_str().to_owned(),
            min_permission: policy.approval_min_permission,
            teams: policy.approval_teams.clone(),
            pulls: Vec::new(),
            operators: vec![OperatorsMatter::ByPolicy],
        };
        Self { case, seen: Vec::new(), talks: BTreeMap::new(), missing }
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
                pull: None,
                sha: Some(case.sha().clone()),
                mode: ApprovalMode::Environment,
                by: None,
                at: None,
                counting: Counting::Counts,
            });
            return Ok(Some(Approver::Environment));
        }
        for approval in case.release().approvals.iter().rev() {
            if approval.sha != *case.sha() {
                continue;
            }
            if deploy_file_is_covered(case, approval.deploy_file.as_deref())? {
                self.saw_word(approval, Counting::Counts);
                return Ok(Some(operator(approval)));
            }
            self.saw_word(approval, Counting::Not(WhyNot::DeployFileChanged));
        }
        Ok(None)
    }

    /// Whether all that is needed is approved; by `nobody_else` where nothing is.
    fn met(
        &mut self,
        needs: Needs,
        since: Option<&Sha>,
        nobody_else: impl FnOnce() -> Approver,
    ) -> Result<Option<Approver>, Gap> {
        if needs.pulls.is_empty() && needs.operators.is_empty() {
            return Ok(since.map(|_| nobody_else()));
        }
        let (mut pulls, mut missing) = (Vec::new(), Vec::new());
        if needs.operators.is_empty() {
            for pull in needs.pulls.values() {
                match self.approval_of(pull)? {
                    Ok(approval) => pulls.push(approval),
                    Err(lacking) => missing.push(lacking),
                }
            }
            if missing.is_empty() {
                return Ok(Some(Approver::People { pulls, since: since.cloned() }));
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
            because: heard.newest_in_vain().cloned(),
        }))
    }

    /// Keeps the least: what people can still approve before what only an operator can.
    fn note_missing(&mut self, pulls: Vec<MissingPull>, operators: Vec<OperatorsMatter>) {
        let order = |operators: &[OperatorsMatter], pulls: &[MissingPull]| {
            (!operators.is_empty(), pulls.len())
        };
        let is_first = self.missing.operators == [OperatorsMatter::ByPolicy];
        let is_less =
            order(&operators, &pulls) < order(&self.missing.operators, &self.missing.pulls);
        if is_first || is_less {
            (self.missing.pulls, self.missing.operators) = (pulls, operators);
        }
    }

    fn saw_word(&mut self, approval: &OperatorsApproval, counting: Counting) {
        self.seen.push(SeenApproval {
            pull: None,
            sha: Some(approval.sha.clone()),
            mode: ApprovalMode::Environment,
            by: Some(approval.by.display()),
            at: None,
            counting,
        });
    }

    fn approved(self, approver: Approver) -> Approval {
        Approval { approver: Some(approver), missing: self.missing, seen: self.seen }
    }

    fn not_approved(self) -> Approval {
        Approval { approver: None, missing: self.missing, seen: self.seen }
    }
}

/// Whether people can approve on pull requests.
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

/// Whether the deploy file that would run is the judged commit's own, harmless, or the one that
/// stood at the tip when the word was given.
fn deploy_file_is_covered(case: &Case<'_>, approved_blob: Option<&str>) -> Result<bool, Gap> {
    if case.production == Production::None {
        // Nothing is compared with the first deploy.
        return Ok(true);
    }
    Ok(match case.question.deploy_file()? {
        DeployFile::Same => true,
        DeployFile::Differs { path, tip_blob } => {
            !risk::is_high(case.policy(), path)
                || (tip_blob.is_some() && tip_blob.as_deref() == approved_blob)
        }
    })
}

fn operator(approval: &OperatorsApproval) -> Approver {
    Approver::Operator {
        name: approval.by.display(),
        sha: approval.sha.clone(),
        why: approval.why.clone(),
    }
}
