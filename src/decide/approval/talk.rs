//! Finds what people said on a pull request, and whether it approves it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::decide::facts::Gathering;
use crate::decide::{Gap, Question};
use crate::domain::{
    ApprovalMode, Availability, CommandReading, Comment, Counting, GivenApproval, Login,
    MergedPull, Person, Policy, PullApproval, PullEvent, SeenApproval, Team, WhyNot,
};

/// The most people per pull request whose permission is read. People whom GitHub associates
/// with the repository come first, so that strangers cannot crowd them out.
const MOST_ASKED: usize = 20;
/// The most approvals of one pull request that are shown.
const MOST_TOLD: usize = 50;

/// What was said on a pull request.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// The approval that counts, if any.
    pub(super) approval: Option<PullApproval>,
    /// All approvals that were seen: first those that count, then those by the repository's
    /// people, newest first.
    pub(super) seen: Vec<SeenApproval>,
    /// Whether the label is on it, whether it counts or not.
    pub(super) is_labeled: bool,
}

impl Heard {
    /// The first approval that does not count.
    pub(super) fn first_in_vain(&self) -> Option<&SeenApproval> {
        self.seen.iter().find(|seen| seen.counting != Counting::Counts)
    }
}

/// Finds what people said on `pull`.
pub(super) fn on(question: &Question<'_>, pull: &MergedPull) -> Result<Heard, Gap> {
    let events = match question.events(pull.number)? {
        Availability::Known(events) => events,
        Availability::Untold(why) => return Ok(untold(question.policy, pull, why)),
    };
    let mut claims: Vec<ApprovalClaim<'_>> = Vec::new();
    let modes = &question.policy.approval_modes;
    if modes.contains(&ApprovalMode::Label) {
        claims.extend(by_label(question, pull, events)?);
    }
    if modes.contains(&ApprovalMode::Comment) {
        claims.extend(by_comments(question.policy, pull, events));
    }
    // The order in which people's permissions are read.
    claims.sort_by_key(|claim| (!claim.is_from_inside, std::cmp::Reverse(claim.place)));
    ask_about_people(question, &mut claims)?;
    Ok(heard(pull, claims))
}

/// The author, if the policy does not let authors approve.
pub(super) fn author_who_may_not<'p>(policy: &Policy, pull: &'p MergedPull) -> Option<&'p Person> {
    if policy.approval_allow_author { None } else { pull.author.as_ref() }
}

/// A possible approval.
struct ApprovalClaim<'e> {
    mode: ApprovalMode,
    by: Option<&'e Person>,
    at: Timestamp,
    /// Its position among the events.
    place: usize,
    is_from_inside: bool,
    /// Why it does not count, as far as known.
    why_not: Option<WhyNot>,
}

/// The approval by label, if the newest event of the label put it on.
///
/// An event keeps the name that the label had at that time. If a label was renamed and then
/// removed, no event shows the removal under the old name. So any later removal counts as a
/// removal of this label, unless it is clearly of another one.
fn by_label<'a>(
    question: &Question<'a>,
    pull: &MergedPull,
    events: &'a [PullEvent],
) -> Result<Option<ApprovalClaim<'a>>, Gap> {
    let wanted = question.policy.approval_label.to_lowercase();
    let is_wanted = |label: &String| label.to_lowercase() == wanted;
    let mut standing = None;
    let mut taken_off = None;
    for (place, event) in events.iter().enumerate() {
        match event {
            PullEvent::Labeled { label, by, at } if is_wanted(label) => {
                standing = Some((place, by.as_ref(), *at));
                taken_off = None;
            }
            PullEvent::Unlabeled { label, .. } if is_wanted(label) => standing = None,
            PullEvent::Unlabeled { label, .. } if standing.is_some() => {
                let before = events.get(..place).unwrap_or_default();
                if !is_plainly_another(question, pull, label, before, events)? {
                    taken_off = Some(label);
                }
            }
            PullEvent::Labeled { .. }
            | PullEvent::Unlabeled { .. }
            | PullEvent::Commented(_)
            | PullEvent::Pushed { .. }
            | PullEvent::Merged => {}
        }
    }
    let Some((place, by, at)) = standing else { return Ok(None) };
    // Deleting a label in the repository removes it from the pull request without an event.
    let why_not = match question.labels(pull.number)? {
        Availability::Untold(why) => Some(WhyNot::Untold(why.clone())),
        Availability::Known(labels) if !labels.iter().any(is_wanted) => Some(WhyNot::TakenOff),
        Availability::Known(_) if by.is_none() => Some(WhyNot::ByNobodyKnown),
        Availability::Known(_) => match taken_off {
            Some(label) => Some(WhyNot::MayBeTakenOff(label.clone())),
            None => out_of_place(question.policy, pull, by, events, place),
        },
    };
    let mode = ApprovalMode::Label;
    Ok(Some(ApprovalClaim { mode, by, at, place, is_from_inside: true, why_not }))
}

/// Whether the removed label is clearly another one: it was put on under this name before, and
/// no label now on the pull request was put on under a different name.
fn is_plainly_another(
    question: &Question<'_>,
    pull: &MergedPull,
    label: &str,
    before: &[PullEvent],
    events: &[PullEvent],
) -> Result<bool, Gap> {
    if !is_on_after(before, label) {
        return Ok(false);
    }
    Ok(match question.labels(pull.number)? {
        Availability::Known(labels) => labels.iter().all(|label| is_on_after(events, label)),
        Availability::Untold(_) => false,
    })
}

/// Whether a label of this name is on after these events.
fn is_on_after(events: &[PullEvent], name: &str) -> bool {
    let is_named = |label: &String| label.to_lowercase() == name.to_lowercase();
    let last = events.iter().rev().find_map(|event| match event {
        PullEvent::Labeled { label, .. } if is_named(label) => Some(true),
        PullEvent::Unlabeled { label, .. } if is_named(label) => Some(false),
        PullEvent::Labeled { .. }
        | PullEvent::Unlabeled { .. }
        | PullEvent::Commented(_)
        | PullEvent::Pushed { .. }
        | PullEvent::Merged => None,
    });
    last == Some(true)
}

fn by_comments<'e>(
    policy: &Policy,
    pull: &MergedPull,
    events: &'e [PullEvent],
) -> impl Iterator<Item = ApprovalClaim<'e>> {
    events.iter().enumerate().filter_map(move |(place, event)| {
        let comment = match event {
            PullEvent::Commented(comment) if comment.spoken != CommandReading::Absent => comment,
            PullEvent::Commented(_)
            | PullEvent::Labeled { .. }
            | PullEvent::Unlabeled { .. }
            | PullEvent::Pushed { .. }
            | PullEvent::Merged => return None,
        };
        let by = comment.by.as_ref();
        let why_not = of_comment(comment).or_else(|| out_of_place(policy, pull, by, events, place));
        Some(ApprovalClaim {
            mode: ApprovalMode::Comment,
            by,
            at: comment.at,
            place,
            is_from_inside: comment.is_from_inside,
            why_not,
        })
    })
}

/// Why a comment, regardless of its position and author, does not count.
fn of_comment(comment: &Comment) -> Option<WhyNot> {
    let Some(by) = &comment.by else { return Some(WhyNot::ByNobodyKnown) };
    if comment.spoken != CommandReading::Given {
        return Some(WhyNot::NotGiven(comment.spoken));
    }
    if by.is_bot {
        return Some(WhyNot::ByABot);
    }
    if let Some(app) = &comment.through_app {
        return Some(WhyNot::ThroughAnApp(app.clone()));
    }
    comment.is_edited.then_some(WhyNot::Edited)
}

/// Why an approval at this position by this person does not count: it is the author's own, or
/// it was given before the merge to something other than what was merged. The position decides,
/// because the pusher can choose commit dates. If GitHub shows commits but not the last one, it
/// does not show yet what was pushed after the approval.
fn out_of_place(
    policy: &Policy,
    pull: &MergedPull,
    by: Option<&Person>,
    events: &[PullEvent],
    place: usize,
) -> Option<WhyNot> {
    let (before, after) = events.split_at_checked(place)?;
    if !before.contains(&PullEvent::Merged) {
        if !policy.approval_before_merge {
            return Some(WhyNot::BeforeTheMerge);
        }
        if after.iter().any(|event| matches!(event, PullEvent::Pushed { .. })) {
            return Some(WhyNot::BeforeAPush);
        }
        if !shows_all_commits(pull, before) {
            return Some(WhyNot::BeforeWhatIsNotShown);
        }
    }
    let author = author_who_may_not(policy, pull)?;
    by.is_some_and(|by| by.id == author.id).then_some(WhyNot::ByTheAuthor)
}

/// Whether the last commit of a pull request is among the commits shown, if any are shown.
fn shows_all_commits(pull: &MergedPull, events: &[PullEvent]) -> bool {
    let mut shown = events.iter().filter_map(|event| match event {
        PullEvent::Pushed { sha } => sha.as_ref(),
        PullEvent::Labeled { .. }
        | PullEvent::Unlabeled { .. }
        | PullEvent::Commented(_)
        | PullEvent::Merged => None,
    });
    shown.clone().next().is_none() || shown.any(|sha| *sha == pull.head)
}

/// Reads the permissions of people whose approvals would count, up to a limit.
fn ask_about_people(question: &Question<'_>, claims: &mut [ApprovalClaim<'_>]) -> Result<(), Gap> {
    let mut gathering = Gathering::default();
    let mut asked = BTreeSet::new();
    for claim in claims.iter_mut().filter(|claim| claim.why_not.is_none()) {
        let Some(by) = claim.by else {
            claim.why_not = Some(WhyNot::ByNobodyKnown);
            continue;
        };
        if !asked.contains(&by.login) && asked.len() >= MOST_ASKED {
            claim.why_not = Some(WhyNot::NotLookedAt);
            continue;
        }
        asked.insert(by.login.clone());
        claim.why_not = gathering.take(who_may_not(question, &by.login))?.flatten();
    }
    gathering.finish(())
}

/// Why this person may not approve, if so.
fn who_may_not(question: &Question<'_>, login: &Login) -> Result<Option<WhyNot>, Gap> {
    let needs = question.policy.approval_min_permission;
    match question.standing(login)? {
        Availability::Untold(why) => return Ok(Some(WhyNot::Untold(why.clone()))),
        Availability::Known(standing) if standing.permission.is_none_or(|has| has < needs) => {
            return Ok(Some(WhyNot::NotPermitted { role: standing.role.clone(), needs }));
        }
        Availability::Known(_) => {}
    }
    in_no_team(question, login, &question.policy.approval_teams)
}

fn in_no_team(
    question: &Question<'_>,
    login: &Login,
    teams: &[Team],
) -> Result<Option<WhyNot>, Gap> {
    if teams.is_empty() {
        return Ok(None);
    }
    let mut gathering = Gathering::default();
    let mut untold = None;
    for team in teams {
        match gathering.take(question.is_member(team, login))? {
            Some(Availability::Known(true)) => return Ok(None),
            Some(Availability::Untold(why)) => untold = Some(WhyNot::Untold(why.clone())),
            Some(Availability::Known(false)) | None => {}
        }
    }
    gathering.finish(untold.or_else(|| Some(WhyNot::InNoTeam(teams.to_vec()))))
}

fn heard(pull: &MergedPull, mut claims: Vec<ApprovalClaim<'_>>) -> Heard {
    claims.sort_by_key(|claim| {
        (claim.why_not.is_some(), !claim.is_from_inside, std::cmp::Reverse(claim.place))
    });
    let is_label = |claim: &ApprovalClaim<'_>| {
        claim.mode == ApprovalMode::Label && claim.why_not != Some(WhyNot::TakenOff)
    };
    let is_labeled = claims.iter().any(is_label);
    let approval = claims.first().filter(|claim| claim.why_not.is_none());
    let approval = approval.and_then(|claim| {
        let by = claim.by?.login.clone();
        Some(PullApproval { pull: pull.number, mode: claim.mode, by })
    });
    let seen = claims.into_iter().take(MOST_TOLD).map(|claim| SeenApproval {
        given: GivenApproval {
            pull: Some(pull.number),
            sha: None,
            mode: claim.mode,
            by: claim.by.map(|by| by.login.to_string()),
            at: Some(claim.at),
        },
        counting: claim.why_not.map_or(Counting::Counts, Counting::Not),
    });
    Heard { approval, seen: seen.collect(), is_labeled }
}

/// The result if GitHub does not show what was said.
fn untold(policy: &Policy, pull: &MergedPull, why: &str) -> Heard {
    let by_people = policy.approval_modes.iter().find(|mode| **mode != ApprovalMode::Environment);
    let seen = by_people.map(|mode| SeenApproval {
        given: GivenApproval {
            pull: Some(pull.number),
            sha: None,
            mode: *mode,
            by: None,
            at: None,
        },
        counting: Counting::Not(WhyNot::Untold(why.to_owned())),
    });
    Heard { seen: seen.into_iter().collect(), ..Heard::default() }
}
