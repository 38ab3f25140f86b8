//! Who brought what: the commits of a range that changed a path, and their pull requests.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::Gathering;
use super::{Gap, Question};
use crate::domain::{
    BranchStep, Brought, FileChange, MergedPull, PullNumber, RangeFiles, Ranged, Sha, Told,
};

/// Steps of a range that are looked at one by one: each costs a comparison, once.
pub(super) const MOST_STEPS: usize = 1_000;

/// Why a range with more steps is not looked at.
pub(super) fn too_many(steps: &[BranchStep]) -> String {
    format!("{} commits lie between them", steps.len())
}

/// Where the paths of a range come from.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    /// Who brought each path, the newest commit first; no entry for a path that no step changed.
    pub(super) brought: BTreeMap<String, Vec<Brought>>,
    /// The pull requests among them.
    pub(super) pulls: BTreeMap<PullNumber, MergedPull>,
    /// Why more of it cannot be told.
    pub(super) untold: Option<String>,
}

impl Origins {
    pub(super) fn of(&self, path: &str) -> &[Brought] {
        self.brought.get(path).map_or(&[], Vec::as_slice)
    }
}

/// Where `paths`, which differ between `base` and `head`, come from.
///
/// Each step of the branch is compared with the one before it: so a merge has brought all that it
/// changed there, whoever wrote it, and a squash or a rebased commit what it holds.
pub(super) fn of_paths(
    question: &Question<'_>,
    base: &Sha,
    head: &Sha,
    paths: &BTreeSet<&str>,
) -> Result<Origins, Gap> {
    if paths.is_empty() {
        return Ok(Origins::default());
    }
    let steps = match question.steps(base, head)? {
        Told::Untold(why) => return Ok(Origins { untold: Some(why), ..Origins::default() }),
        Told::Known(steps) if steps.len() > MOST_STEPS => {
            return Ok(Origins { untold: Some(too_many(&steps)), ..Origins::default() });
        }
        Told::Known(steps) => steps,
    };
    let mut gathering = Gathering::default();
    let mut origins = Origins::default();
    for step in &steps {
        let Some(ranged) = gathering.take(question.step(step))? else { continue };
        if let Some(why) = untold_of(step, ranged) {
            origins.untold.get_or_insert(why);
        }
        let changed: BTreeSet<&str> = changed_paths(ranged).intersection(paths).copied().collect();
        if changed.is_empty() {
            continue;
        }
        let pulls = match gathering.take(question.pulls(&step.sha))? {
            None => continue,
            Some(Told::Known(pulls)) => pulls.as_slice(),
            Some(Told::Untold(why)) => {
                origins.untold.get_or_insert_with(|| why.clone());
                &[]
            }
        };
        // What came without a pull request is told as such.
        if let Some(why) = may_hide(step, pulls).filter(|_| !pulls.is_empty()) {
            origins.untold.get_or_insert(why);
        }
        origins.pulls.extend(pulls.iter().map(|pull| (pull.number, pull.clone())));
        let pulls: Vec<PullNumber> = pulls.iter().map(|pull| pull.number).collect();
        for path in changed {
            let brought = Brought { commit: step.sha.clone(), pulls: pulls.clone() };
            origins.brought.entry(path.to_owned()).or_default().push(brought);
        }
    }
    gathering.finish(origins)
}

/// Why a merge may hide commits that the branch was at before it: none of these pull requests was
/// merged by it. It may have taken the branch into somebody's own, which then became the branch.
pub(super) fn may_hide(step: &BranchStep, pulls: &[MergedPull]) -> Option<String> {
    let is_of_none = !pulls.iter().any(|pull| pull.may_be_merged_by(&step.sha));
    let hides = step.is_merge && is_of_none;
    hides.then(|| format!("{} merged other commits, and not a pull request", step.sha.short()))
}

/// Every name in the files of a range: a rename counts under both.
pub(super) fn changed_paths(ranged: &Ranged) -> BTreeSet<&str> {
    let files: &[FileChange] = match ranged {
        Ranged::Compared(comparison) => match &comparison.files {
            RangeFiles::Complete(files) | RangeFiles::Truncated(files) => files,
        },
        Ranged::Incomparable(_) | Ranged::Broken(_) => &[],
    };
    let both = files.iter().flat_map(|file| [Some(&file.path), file.previous_path.as_ref()]);
    both.flatten().map(String::as_str).collect()
}

/// Why a step may have brought more than is known of it.
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
