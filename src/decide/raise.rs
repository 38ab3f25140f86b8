//! What raises a range to HIGH whatever its paths: other tools' statuses and labels
//! (`raise_risk_contexts`). Nothing lowers it.

use super::facts::Gathering;
use super::origins::{MOST_STEPS, may_hide, too_many};
use super::{Gap, Question};
use crate::domain::{
    Availability, FlagKind, MergedPull, PullEvent, PullNumber, Raise, RiskCause, Sha,
};

/// Why the range from `base` to the judged sha is raised. Without a base, only the sha itself
/// is checked.
///
/// Every step of the range is checked, because a commit that a scanner objected to ships along
/// with what came after it. A merge that may hide some of them also raises the risk.
pub(super) fn causes(question: &Question<'_>, base: Option<&Sha>) -> Result<Vec<RiskCause>, Gap> {
    if question.policy.raise_risk_contexts.is_empty() {
        return Ok(Vec::new());
    }
    let Some(base) = base else { return of_commit(question, question.sha) };
    let steps = match question.steps(base, question.sha)? {
        Availability::Known(steps) if steps.len() > MOST_STEPS => {
            return Ok(vec![RiskCause::RaiseUntold(too_many(&steps))]);
        }
        Availability::Known(steps) => steps,
        Availability::Untold(why) => return Ok(vec![RiskCause::RaiseUntold(why)]),
    };
    let mut gathering = Gathering::default();
    let mut causes = Vec::new();
    for step in &steps {
        causes.extend(gathering.take(of_commit(question, &step.sha))?.into_iter().flatten());
        if let Some(Availability::Known(pulls)) = gathering.take(question.pulls(&step.sha))? {
            causes.extend(may_hide(step, pulls).map(RiskCause::RaiseUntold));
        }
    }
    gathering.finish(each_once(causes))
}

/// Why a commit is raised: by its statuses, or by labels of its pull requests.
fn of_commit(question: &Question<'_>, sha: &Sha) -> Result<Vec<RiskCause>, Gap> {
    let mut gathering = Gathering::default();
    let mut causes = gathering.take(by_statuses(question, sha))?.unwrap_or_default();
    match gathering.take(question.pulls(sha))? {
        None => {}
        Some(Availability::Untold(why)) => causes.push(RiskCause::RaiseUntold(why.clone())),
        Some(Availability::Known(pulls)) => {
            for pull in pulls {
                causes.extend(gathering.take(by_labels(question, pull))?.into_iter().flatten());
            }
        }
    }
    gathering.finish(causes)
}

/// The most causes that are listed. Any one of them raises the risk.
const MOST_TOLD: usize = 50;

/// Removes duplicates: several commits of one pull request report the same causes.
fn each_once(causes: Vec<RiskCause>) -> Vec<RiskCause> {
    let mut told: Vec<RiskCause> = Vec::new();
    for cause in causes {
        if told.len() < MOST_TOLD && !told.contains(&cause) {
            told.push(cause);
        }
    }
    told
}

fn by_statuses(question: &Question<'_>, sha: &Sha) -> Result<Vec<RiskCause>, Gap> {
    let raises = |kind: FlagKind| match kind {
        FlagKind::Objected => true,
        // A newer commit's check replaces an older one's, which may never end.
        FlagKind::Pending => sha == question.sha,
    };
    let flags = match question.flags(sha)? {
        Availability::Known(flags) => flags.iter().filter(|flag| raises(flag.kind)),
        Availability::Untold(why) => return Ok(vec![RiskCause::RaiseUntold(why.clone())]),
    };
    Ok(flags
        .map(|flag| RiskCause::Raised(Raise::ByStatus { sha: sha.clone(), flag: flag.clone() }))
        .collect())
}

fn by_labels(question: &Question<'_>, pull: &MergedPull) -> Result<Vec<RiskCause>, Gap> {
    Ok(match question.events(pull.number)? {
        Availability::Untold(why) => vec![RiskCause::RaiseUntold(why.clone())],
        Availability::Known(events) => {
            let labels = events.iter().filter_map(|event| raising_label(question, event));
            labels.map(|label| by_label(pull.number, label)).collect()
        }
    })
}

fn raising_label<'e>(question: &Question<'_>, event: &'e PullEvent) -> Option<&'e String> {
    let PullEvent::Labeled { label, .. } = event else { return None };
    let names = &question.policy.raise_risk_contexts;
    names.iter().any(|name| name.to_lowercase() == label.to_lowercase()).then_some(label)
}

fn by_label(pull: PullNumber, label: &str) -> RiskCause {
    RiskCause::Raised(Raise::ByLabel { pull, label: label.to_owned() })
}
