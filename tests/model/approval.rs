//! Approvals (section 4, "Approval"; rules 10, 24 and 25).

use std::collections::{BTreeMap, BTreeSet};

use release_governor::domain::*;

use super::facts::{Asked, answer, contains, range};
use super::production::Certain;
use super::risk::{class_of, deploy_files, is_raised, names};
use super::{Availability, Check, Undetermined, all, any, both};

/// What must be approved.
#[derive(Debug, Default)]
struct Needed {
    /// Pull requests, each of which needs its own label or comment.
    pulls: BTreeMap<PullNumber, MergedPull>,
    /// Whether anything is left that only an operator can approve.
    operator: bool,
    /// Why more may be needed, if some fact is unknown.
    untold: Option<Undetermined>,
}

/// Rule 24: whether everything HIGH is approved.
pub(super) fn is_approved(asked: &Asked<'_>) -> Availability<bool> {
    if asked.policy.approved_by_environment == EnvironmentApproval::Everything {
        return Ok(true);
    }
    let by_a_word = any(words(asked), |word| is_approved_by(asked, &word));
    let by_people = || match &asked.production {
        Certain::Sha(base) => are_approved_after(asked, base, None),
        Certain::None | Certain::Uncertain => Ok(false),
    };
    let checks: [Check<'_>; 2] = [&|| by_a_word.clone(), &by_people];
    any(checks, |holds| holds())
}

/// Rule 10: an operator approved this sha, or people approved the candidate's own pull request.
pub(super) fn is_approved_as_the_first(asked: &Asked<'_>) -> Availability<bool> {
    if asked.policy.approved_by_environment == EnvironmentApproval::Everything
        || words(asked).iter().any(|word| word.sha == *asked.sha)
    {
        return Ok(true);
    }
    if !people_may(asked) {
        return Ok(false);
    }
    match answer(asked.observation.origins.pulls.get(asked.sha), "its pull requests")? {
        None => Ok(false),
        Some(pulls) if pulls.is_empty() => Ok(false),
        Some(pulls) => all(pulls, |pull| is_pull_approved(asked, pull)),
    }
}

/// An operator's approval of a commit.
struct Word {
    sha: Sha,
    /// The deploy files at the tip that it covers; `None` if that is not recorded.
    files: Option<Option<String>>,
}

fn words(asked: &Asked<'_>) -> Vec<Word> {
    let by_variable = match &asked.policy.approved_by_environment {
        EnvironmentApproval::Nothing | EnvironmentApproval::Everything => &[][..],
        EnvironmentApproval::Shas(shas) => shas,
    };
    let by_variable = by_variable.iter().map(|sha| Word { sha: sha.clone(), files: None });
    let by_command = asked
        .release
        .approvals
        .iter()
        .map(|word| Word { sha: word.sha.clone(), files: Some(word.deploy_file.clone()) });
    by_variable.chain(by_command).collect()
}

fn people_may(asked: &Asked<'_>) -> bool {
    let modes = &asked.policy.approval_modes;
    modes.contains(&ApprovalMode::Label) || modes.contains(&ApprovalMode::Comment)
}

/// Approving a sha approves everything that makes it HIGH, including the deploy files at the
/// tip at that time. A later candidate needs approval only for what came after.
fn is_approved_by(asked: &Asked<'_>, word: &Word) -> Availability<bool> {
    if word.sha == *asked.sha {
        // Changes at the tip since then may have an approval of their own.
        let mut needed = Needed::default();
        needed.add_deploy_files(asked, Some(word));
        return needed.is_approved(asked);
    }
    // An approval of a commit that production has passed says nothing about what ships now. If
    // it does not contain production, or production is uncertain, it is unknown what shipped
    // since, and in doubt an approval does not count.
    let Certain::Sha(base) = &asked.production else { return Ok(false) };
    let leads_on = || both(Ok(*base != word.sha), || contains(asked, &word.sha, base));
    both(contains(asked, asked.sha, &word.sha), || {
        both(leads_on(), || are_approved_after(asked, &word.sha, Some(word)))
    })
}

fn covers_the_files(asked: &Asked<'_>, word: &Word) -> Availability<bool> {
    Ok(match (&word.files, deploy_files(asked)?) {
        (_, DeployFiles::Same) => true,
        // The environment variable has no timestamp: for a later commit it is unknown which
        // deploy files it covers.
        (None, DeployFiles::Differ { .. }) => word.sha == *asked.sha,
        (Some(covered), DeployFiles::Differ { at_tip, .. }) => {
            covered.is_some() && covered == at_tip
        }
    })
}

/// Whether people approved everything HIGH after `base`, or there is nothing HIGH.
fn are_approved_after(asked: &Asked<'_>, base: &Sha, word: Option<&Word>) -> Availability<bool> {
    let needed = needed_after(asked, base, word)?;
    let is_raised = is_raised(asked, Some(base)).map(|is_raised| !is_raised);
    both(needed.is_approved(asked), || is_raised)
}

fn needed_after(asked: &Asked<'_>, base: &Sha, word: Option<&Word>) -> Availability<Needed> {
    let mut needed = Needed::default();
    let Some(files) = whole_range(asked, base, asked.sha)? else {
        return Ok(Needed { operator: true, ..needed });
    };
    let is_high = |path: &&str| class_of(asked.policy, path) == RiskClass::High;
    needed.add(asked, base, asked.sha, &names(files).filter(is_high).collect());
    needed.add_deploy_files(asked, word);
    Ok(needed)
}

/// The files of a range that is ahead and completely listed.
fn whole_range<'a>(
    asked: &Asked<'a>,
    base: &Sha,
    head: &Sha,
) -> Availability<Option<&'a [FileChange]>> {
    Ok(match range(asked, base, head)? {
        Ranged::Compared(Comparison {
            relation: Relation::Ahead | Relation::Identical,
            files: RangeFiles::Complete(files),
        }) => Some(files),
        Ranged::Compared(_) | Ranged::Incomparable(_) | Ranged::Broken(_) => None,
    })
}

/// A step of the branch that changed a path in question. Steps of one pull request are one step if
/// no step between them changed such a path: the pull request shows what they changed together.
struct Step {
    parent: Sha,
    sha: Sha,
    pulls: Option<Vec<MergedPull>>,
    changed: BTreeMap<String, FileContent>,
}

impl Needed {
    /// Adds who brought these paths: every step of the branch from `base` to `head` that
    /// changed one.
    fn add(&mut self, asked: &Asked<'_>, base: &Sha, head: &Sha, paths: &BTreeSet<&str>) {
        if paths.is_empty() {
            return;
        }
        // If approval by people is disabled, only an operator can approve, whoever brought the
        // paths.
        self.operator |= !people_may(asked);
        let way = match way(asked, base, head) {
            Ok(Some(way)) => way,
            Ok(None) => return self.operator = true,
            Err(why) => return self.untold = Some(why),
        };
        let steps = self.steps(asked, &way, paths);
        let is_brought = |path: &str| steps.iter().any(|step| step.changed.contains_key(path));
        if self.untold.is_none() && !paths.iter().all(|path| is_brought(path)) {
            self.operator = true;
        }
        for step in &steps {
            let Some([pull]) = step.pulls.as_deref() else {
                self.operator = true;
                continue;
            };
            self.pulls.insert(pull.number, pull.clone());
            match all(&step.changed, |(path, content)| shows(asked, pull, step, path, content)) {
                Ok(shows_all) => self.operator |= !shows_all,
                Err(why) => self.untold = Some(why),
            }
        }
    }

    /// Adds the HIGH deploy files at the tip, unless the operator's approval covers them.
    fn add_deploy_files(&mut self, asked: &Asked<'_>, word: Option<&Word>) {
        let is_high = |path: &&str| class_of(asked.policy, path) == RiskClass::High;
        let covered = match word {
            Some(word) => covers_the_files(asked, word),
            None => Ok(false),
        };
        match (covered, deploy_files(asked)) {
            (Ok(false), Ok(DeployFiles::Differ { paths, .. })) => {
                let paths = paths.iter().map(String::as_str).filter(is_high).collect();
                self.add_at_tip(asked, &paths);
            }
            (Ok(_), Ok(_)) => {}
            (Err(why), _) | (_, Err(why)) => self.untold = Some(why),
        }
    }

    /// Whether all of it is approved.
    fn is_approved(&self, asked: &Asked<'_>) -> Availability<bool> {
        if self.operator || (!self.pulls.is_empty() && !people_may(asked)) {
            return Ok(false);
        }
        let are_all = all(self.pulls.values(), |pull| is_pull_approved(asked, pull));
        both(are_all, || self.untold.clone().map_or(Ok(true), Err))
    }

    /// Adds the pull request that brought the deploy files at the tip, if the ref is the
    /// release branch.
    fn add_at_tip(&mut self, asked: &Asked<'_>, paths: &BTreeSet<&str>) {
        match &asked.observation.deploy_ref_tip {
            Some(tip) if asked.observation.deploy_ref == asked.observation.branch => {
                self.add(asked, asked.sha, tip, paths);
            }
            Some(_) | None => self.operator |= !paths.is_empty(),
        }
    }

    /// The steps on the way that changed one of these paths, newest first.
    fn steps(&mut self, asked: &Asked<'_>, way: &Way, paths: &BTreeSet<&str>) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for (sha, parent, _) in way {
            let files = match range(asked, parent, sha) {
                Ok(Ranged::Compared(Comparison { files: RangeFiles::Complete(files), .. })) => {
                    files
                }
                Ok(_) => {
                    self.operator = true;
                    continue;
                }
                Err(why) => {
                    self.untold = Some(why);
                    continue;
                }
            };
            let mut changed = contents(files);
            changed.retain(|path, _| paths.contains(path.as_str()));
            if changed.is_empty() {
                continue;
            }
            let pulls = asked.observation.origins.pulls.get(sha);
            let pulls = match answer(pulls, "who brought a step") {
                Ok(pulls) => pulls.cloned(),
                Err(why) => {
                    self.untold = Some(why);
                    continue;
                }
            };
            match steps.last_mut() {
                Some(later) if later.is_of(&pulls) => {
                    // For each path, the content that the later step left is what the pull
                    // request left.
                    for (path, content) in changed {
                        later.changed.entry(path).or_insert(content);
                    }
                    later.parent = parent.clone();
                }
                _ => {
                    let (parent, sha) = (parent.clone(), sha.clone());
                    steps.push(Step { parent, sha, pulls, changed });
                }
            }
        }
        steps
    }
}

impl Step {
    /// Whether both are of the same pull request, which is the only one of either.
    fn is_of(&self, pulls: &Option<Vec<MergedPull>>) -> bool {
        match (self.pulls.as_deref(), pulls.as_deref()) {
            (Some([one]), Some([other])) => one.number == other.number,
            _ => false,
        }
    }
}

fn contents(files: &[FileChange]) -> BTreeMap<String, FileContent> {
    let gone = files.iter().filter_map(|file| file.previous_path.clone());
    let mut contents: BTreeMap<String, FileContent> =
        gone.map(|path| (path, FileContent::Deleted)).collect();
    contents.extend(files.iter().map(|file| (file.path.clone(), file.content.clone())));
    contents
}

pub(super) type Way = Vec<(Sha, Sha, bool)>;

/// The first parents from `head` down to `base`.
pub(super) fn way(asked: &Asked<'_>, base: &Sha, head: &Sha) -> Availability<Option<Way>> {
    let listed = &asked.observation.branch_commits.commits;
    let (mut way, mut at) = (Way::new(), head.clone());
    while at != *base {
        let Some((_, parents)) = listed.iter().find(|(sha, _)| *sha == at) else { break };
        let Some(parent) = parents.first() else { break };
        way.push((at, parent.clone(), parents.len() > 1));
        at = parent.clone();
    }
    if at == *base {
        return Ok(Some(way));
    }
    let steps = asked.observation.origins.steps.get(&(base.clone(), head.clone()));
    let steps = answer(steps, "the steps of a range")?;
    let step = |step: &BranchStep| (step.sha.clone(), step.parent.clone(), step.is_merge);
    Ok(steps.map(|steps| steps.iter().map(step).collect()))
}

/// Whether a step brought a path as the pull request shows it: the path is in its list of files
/// with the same blob, or with another one if GitHub itself made the merge.
fn shows(
    asked: &Asked<'_>,
    pull: &MergedPull,
    step: &Step,
    path: &str,
    content: &FileContent,
) -> Availability<bool> {
    let origins = &asked.observation.origins;
    let Some(shown) = answer(origins.files.get(&pull.number), "the files of a pull request")?
    else {
        return Ok(false);
    };
    let (RangeFiles::Complete(shown) | RangeFiles::Truncated(shown)) = shown;
    let Some(there) = contents(shown).remove(path) else { return Ok(false) };
    let is_same = match (&there, content) {
        (FileContent::Deleted, FileContent::Deleted) => true,
        (FileContent::Blob(one), FileContent::Blob(other)) => one == other,
        _ => false,
    };
    if is_same {
        return Ok(true);
    }
    let head = origins.heads_on_branch.get(&pull.head);
    let is_squashed = || Ok(answer(head, "the head of a pull request")? == Some(&false));
    let is_its_merge = pull.merge_commit.as_ref() == Some(&step.sha);
    let made = origins.made_by_github.get(&step.sha);
    let is_made =
        || both(Ok(is_its_merge), || Ok(answer(made, "who made a merge")? == Some(&true)));
    let checks: [Check<'_>; 2] = [&is_squashed, &is_made];
    any(checks, |holds| holds())
}

/// Whether an authorized person approved, by a label or comment that counts.
fn is_pull_approved(asked: &Asked<'_>, pull: &MergedPull) -> Availability<bool> {
    let modes = &asked.policy.approval_modes;
    let events = asked.observation.origins.events.get(&pull.number);
    let Some(events) = answer(events, "what was said on a pull request")? else { return Ok(false) };
    let by_label = || match modes.contains(&ApprovalMode::Label) {
        true => is_labeled(asked, pull, events),
        false => Ok(false),
    };
    let by_comment = || match modes.contains(&ApprovalMode::Comment) {
        true => is_commented(asked, pull, events),
        false => Ok(false),
    };
    let checks: [Check<'_>; 2] = [&by_label, &by_comment];
    any(checks, |holds| holds())
}

/// Whether the pull request has the label, and the author of the current `labeled` event may
/// approve.
fn is_labeled(asked: &Asked<'_>, pull: &MergedPull, events: &[PullEvent]) -> Availability<bool> {
    let ours = |label: &str| label.eq_ignore_ascii_case(&asked.policy.approval_label);
    let newest = events
        .iter()
        .rposition(|event| matches!(event, PullEvent::Labeled { label, .. } if ours(label)));
    let Some(place) = newest else { return Ok(false) };
    let PullEvent::Labeled { by: Some(by), .. } = &events[place] else { return Ok(false) };
    // An `unlabeled` event for a name that no event had added may be this label, renamed.
    let is_void = events[place..].iter().enumerate().any(|(after, event)| match event {
        PullEvent::Unlabeled { label, .. } => {
            ours(label) || !was_put_on(&events[..place + after], label)
        }
        _ => false,
    });
    if is_void || !is_in_time(asked, pull, events, place) {
        return Ok(false);
    }
    let on = asked.observation.origins.labels.get(&pull.number);
    let Some(on) = answer(on, "the labels of a pull request")? else { return Ok(false) };
    both(Ok(on.iter().any(|label| ours(label))), || may_approve(asked, pull, by))
}

/// Whether a label of this name is present after these events.
fn was_put_on(events: &[PullEvent], name: &str) -> bool {
    let last = events.iter().rev().find_map(|event| match event {
        PullEvent::Labeled { label, .. } if label.eq_ignore_ascii_case(name) => Some(true),
        PullEvent::Unlabeled { label, .. } if label.eq_ignore_ascii_case(name) => Some(false),
        _ => None,
    });
    last == Some(true)
}

/// Whether an authorized person wrote the command alone on a line. Edited comments, bots and
/// Apps do not count.
fn is_commented(asked: &Asked<'_>, pull: &MergedPull, events: &[PullEvent]) -> Availability<bool> {
    any(events.iter().enumerate(), |(place, event)| {
        let PullEvent::Commented(comment) = event else { return Ok(false) };
        let Some(by) = &comment.by else { return Ok(false) };
        let counts = comment.spoken == CommandReading::Given
            && !comment.is_edited
            && comment.through_app.is_none()
            && !by.is_bot
            && is_in_time(asked, pull, events, place);
        both(Ok(counts), || may_approve(asked, pull, by))
    })
}

/// After the merge, an approval counts. Before it, it counts only if nothing was pushed
/// afterwards and the last push is shown.
fn is_in_time(asked: &Asked<'_>, pull: &MergedPull, events: &[PullEvent], place: usize) -> bool {
    let (before, after) = events.split_at(place);
    let is_push = |event: &PullEvent| matches!(event, PullEvent::Pushed { .. });
    let shown = |event: &PullEvent| matches!(event, PullEvent::Pushed { sha: Some(_) });
    let last = PullEvent::Pushed { sha: Some(pull.head.clone()) };
    before.contains(&PullEvent::Merged)
        || (asked.policy.approval_before_merge
            && !after.iter().any(is_push)
            && (before.contains(&last) || !before.iter().any(shown)))
}

/// Whether the permission suffices, the person is not the author (unless that is allowed), and
/// is a member of one of the configured teams, if any.
fn may_approve(asked: &Asked<'_>, pull: &MergedPull, by: &Person) -> Availability<bool> {
    let (origins, policy) = (&asked.observation.origins, asked.policy);
    let is_author = pull.author.as_ref().is_some_and(|author| author.id == by.id);
    let is_permitted = || {
        let standing = answer(origins.standings.get(&by.login), "what somebody may do")?;
        let permission = standing.and_then(|standing| standing.permission);
        Ok(permission.is_some_and(|has| has >= policy.approval_min_permission))
    };
    let is_in_a_team = || {
        any(&policy.approval_teams, |team| {
            let member = origins.members.get(&(team.clone(), by.login.clone()));
            Ok(answer(member, "who is in a team")? == Some(&true))
        })
    };
    both(Ok(policy.approval_allow_author || !is_author), || {
        both(is_permitted(), || match policy.approval_teams.is_empty() {
            true => Ok(true),
            false => is_in_a_team(),
        })
    })
}
