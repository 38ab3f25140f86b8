//! Finds which commits of a range changed a path, and their pull requests.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::Gathering;
use super::{Gap, Question, risk};
use crate::domain::{
    Availability, BranchStep, Brought, FileChange, FileContent, MergedPull, PullNumber, RangeFiles,
    Ranged, Sha,
};

/// The most steps of a range that are examined. Each costs one comparison, once.
pub(super) const MOST_STEPS: usize = 1_000;

/// Why a range with more steps is not examined.
pub(super) fn too_many(steps: &[BranchStep]) -> String {
    format!("{} commits lie between them", steps.len())
}

/// Where the changes of a range come from.
#[derive(Clone, Debug, Default)]
pub(super) struct PathOrigins {
    /// What brought each path, newest commit first. A path that no step changed has no entry. A
    /// HIGH path counts as brought by a pull request only if the pull request shows it, and
    /// otherwise as pushed without one.
    pub(super) brought: BTreeMap<String, Vec<Brought>>,
    /// The pull requests that brought any of the paths.
    pub(super) pulls: BTreeMap<PullNumber, MergedPull>,
    /// Commits that belong to a pull request but brought a HIGH path other than it shows.
    pub(super) not_as_shown: BTreeMap<Sha, PullNumber>,
    /// Why the origins are not completely known.
    pub(super) untold: Option<String>,
}

impl PathOrigins {
    pub(super) fn of(&self, path: &str) -> &[Brought] {
        self.brought.get(path).map_or(&[], Vec::as_slice)
    }

    fn is_untold(&mut self, why: &str) {
        self.untold.get_or_insert_with(|| why.to_owned());
    }
}

/// A step that changed some of the paths in question.
struct Touching<'a> {
    step: BranchStep,
    ranged: &'a Ranged,
    pulls: &'a [MergedPull],
}

impl<'a> Touching<'a> {
    /// Its pull request, if there is exactly one.
    const fn only_pull(&self) -> Option<&'a MergedPull> {
        match self.pulls {
            [pull] => Some(pull),
            [] | [_, ..] => None,
        }
    }

    fn is_of_the_same_pull(&self, other: &Self) -> bool {
        let number = |one: &Self| one.only_pull().map(|pull| pull.number);
        number(self).is_some() && number(self) == number(other)
    }
}

/// Where `paths`, which differ between `base` and `head`, come from.
///
/// Each step of the branch is compared with the one before it. A merge has therefore brought
/// everything that it changed on the branch, whoever wrote it, and a squashed or rebased commit
/// has brought its own content. Consecutive steps of one pull request count as one step,
/// because the pull request shows their combined result.
pub(super) fn of_paths(
    question: &Question<'_>,
    base: &Sha,
    head: &Sha,
    paths: &BTreeSet<&str>,
) -> Result<PathOrigins, Gap> {
    if paths.is_empty() {
        return Ok(PathOrigins::default());
    }
    let steps = match question.steps(base, head)? {
        Availability::Untold(why) => {
            return Ok(PathOrigins { untold: Some(why), ..PathOrigins::default() });
        }
        Availability::Known(steps) if steps.len() > MOST_STEPS => {
            return Ok(PathOrigins { untold: Some(too_many(&steps)), ..PathOrigins::default() });
        }
        Availability::Known(steps) => steps,
    };
    let mut origins = PathOrigins::default();
    let touching = touching(question, steps, paths, &mut origins)?;
    let mut gathering = Gathering::default();
    for steps in touching.chunk_by(|newer, older| newer.is_of_the_same_pull(older)) {
        gathering.take(of_one_pull(question, steps, paths, &mut origins))?;
    }
    gathering.finish(origins)
}

/// The steps that changed some of `paths`, newest first.
fn touching<'a>(
    question: &Question<'a>,
    steps: Vec<BranchStep>,
    paths: &BTreeSet<&str>,
    origins: &mut PathOrigins,
) -> Result<Vec<Touching<'a>>, Gap> {
    let mut gathering = Gathering::default();
    let mut touching = Vec::new();
    for step in steps {
        let Some(ranged) = gathering.take(question.step(&step))? else { continue };
        if let Some(why) = untold_of(&step, ranged) {
            origins.is_untold(&why);
        }
        if !changes_any(ranged, |path| paths.contains(path)) {
            continue;
        }
        let pulls = match gathering.take(question.pulls(&step.sha))? {
            None => continue,
            Some(Availability::Known(pulls)) => pulls.as_slice(),
            Some(Availability::Untold(why)) => {
                origins.is_untold(why);
                &[]
            }
        };
        // A commit without a pull request is reported as such.
        if let Some(why) = may_hide(&step, pulls).filter(|_| !pulls.is_empty()) {
            origins.is_untold(&why);
        }
        touching.push(Touching { step, ranged, pulls });
    }
    gathering.finish(touching)
}

/// Notes what these steps brought. They are all steps of one pull request, newest first, or a
/// single step with none or several.
fn of_one_pull(
    question: &Question<'_>,
    steps: &[Touching<'_>],
    paths: &BTreeSet<&str>,
    origins: &mut PathOrigins,
) -> Result<(), Gap> {
    let ([newest, ..], [.., oldest]) = (steps, steps) else { return Ok(()) };
    let together;
    let (whole, ranged) = if steps.len() == 1 {
        (&newest.step, newest.ranged)
    } else {
        let (sha, parent) = (newest.step.sha.clone(), oldest.step.parent.clone());
        together = BranchStep { sha, parent, is_merge: false };
        (&together, question.step(&together)?)
    };
    if let Some(why) = untold_of(whole, ranged) {
        origins.is_untold(&why);
    }
    let mut gathering = Gathering::default();
    for (path, content) in contents(ranged) {
        if !paths.contains(path) {
            continue;
        }
        let pulls: &[MergedPull] = if risk::is_high(question.policy, path) {
            let shown = newest.only_pull().map(|pull| (pull, (path, content)));
            let is_shown = match shown {
                Some((pull, change)) => gathering.take(shows(question, pull, whole, change))?,
                None => Some(Showing::Otherwise),
            };
            match is_shown {
                None => continue,
                Some(Showing::So) => newest.pulls,
                Some(Showing::Otherwise) => {
                    let pull = newest.only_pull().map(|pull| pull.number);
                    let commits = steps.iter().map(|one| one.step.sha.clone());
                    origins.not_as_shown.extend(
                        pull.into_iter()
                            .flat_map(|pull| commits.clone().map(move |commit| (commit, pull))),
                    );
                    &[]
                }
                Some(Showing::Untold(why)) => {
                    origins.is_untold(&why);
                    &[]
                }
            }
        } else {
            newest.pulls
        };
        origins.pulls.extend(pulls.iter().map(|pull| (pull.number, pull.clone())));
        let pulls: Vec<PullNumber> = pulls.iter().map(|pull| pull.number).collect();
        let bringing =
            steps.iter().filter(|one| changes_any(one.ranged, |changed| changed == path));
        let brought =
            bringing.map(|one| Brought { commit: one.step.sha.clone(), pulls: pulls.clone() });
        origins.brought.entry(path.to_owned()).or_default().extend(brought);
    }
    gathering.finish(())
}

/// Whether a pull request shows a path as its merge left it.
enum Showing {
    So,
    Otherwise,
    Untold(String),
}

/// Whether `pull` shows this path with the content that its merge left there. Other content,
/// for example after a change of the same file on the branch, is accepted only if GitHub made
/// the merge: what a person merged and pushed may contain anything.
fn shows(
    question: &Question<'_>,
    pull: &MergedPull,
    step: &BranchStep,
    (path, content): (&str, &FileContent),
) -> Result<Showing, Gap> {
    let files = match question.files_of(pull)? {
        Availability::Known(files) => files,
        Availability::Untold(why) => return Ok(Showing::Untold(why.clone())),
    };
    match (files.contents().get(path), files) {
        (Some(shown), _) if shown.is_same(content) => return Ok(Showing::So),
        (Some(_), _) => {}
        (None, RangeFiles::Complete(_)) => return Ok(Showing::Otherwise),
        (None, RangeFiles::Truncated(_)) => {
            let why = format!("GitHub lists only a part of the files of #{}", pull.number);
            return Ok(Showing::Untold(why));
        }
    }
    let is_merged_by_github = match question.is_head_on_branch(&pull.head)? {
        // GitHub squashed or rebased it: a push would have put the head on the branch.
        Availability::Known(false) => return Ok(Showing::So),
        Availability::Known(true) if pull.merge_commit.as_ref() != Some(&step.sha) => {
            return Ok(Showing::Otherwise);
        }
        Availability::Known(true) => question.is_made_by_github(&step.sha)?,
        Availability::Untold(why) => return Ok(Showing::Untold(why.clone())),
    };
    Ok(match is_merged_by_github {
        Availability::Known(true) => Showing::So,
        Availability::Known(false) => Showing::Otherwise,
        Availability::Untold(why) => Showing::Untold(why.clone()),
    })
}

/// The content at each path after a range.
fn contents(ranged: &Ranged) -> BTreeMap<&str, &FileContent> {
    match ranged {
        Ranged::Compared(comparison) => comparison.files.contents(),
        Ranged::Incomparable(_) | Ranged::Broken(_) => BTreeMap::new(),
    }
}

/// Why a merge may hide commits that used to be the branch: it merged none of these pull
/// requests. It may have merged the branch into another one that then became the branch.
pub(super) fn may_hide(step: &BranchStep, pulls: &[MergedPull]) -> Option<String> {
    let is_of_none = !pulls.iter().any(|pull| pull.may_be_merged_by(&step.sha));
    let hides = step.is_merge && is_of_none;
    hides.then(|| format!("{} merged other commits, and not a pull request", step.sha.short()))
}

/// Every path in the files of a range. A rename counts under both names.
pub(super) fn changed_paths(ranged: &Ranged) -> BTreeSet<&str> {
    names(ranged).collect()
}

/// Whether the files of a range include such a path.
fn changes_any(ranged: &Ranged, is_meant: impl Fn(&str) -> bool) -> bool {
    names(ranged).any(is_meant)
}

fn names(ranged: &Ranged) -> impl Iterator<Item = &str> {
    let files: &[FileChange] = match ranged {
        Ranged::Compared(comparison) => comparison.files.listed(),
        Ranged::Incomparable(_) | Ranged::Broken(_) => &[],
    };
    let both = files.iter().flat_map(|file| [Some(&file.path), file.previous_path.as_ref()]);
    both.flatten().map(String::as_str)
}

/// Why a step may have changed more than is known.
fn untold_of(step: &BranchStep, ranged: &Ranged) -> Option<String> {
    let short = step.sha.short();
    match ranged {
        Ranged::Compared(comparison) => match comparison.files {
            RangeFiles::Complete(_) => None,
            RangeFiles::Truncated(_) => {
                Some(format!("GitHub lists only a part of the files of {short}"))
            }
        },
        Ranged::Incomparable(words) | Ranged::Broken(words) => {
            Some(format!("what {short} changed cannot be read: {words}"))
        }
    }
}
