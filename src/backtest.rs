//! What a policy would have made of the past, commit by commit, against what happened.
//!
//! [`replay`] is pure: it goes through the moments at which verifications ended, has
//! [`judge`](crate::decide::judge) decide at each what it would have decided then, and lets what it
//! allows ship at once. There is no rule here. Where deciding lacks a fact, it says which, and is
//! gone on with once somebody has read it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::decide::{JudgeOutcome, judge};
use crate::domain::{
    Cause, Entry, KnownRun, Lack, Moment, Observation, Policy, Production, ReleaseState, Replayed,
    Why,
};

mod course;
mod really;
mod summary;
mod view;

pub use course::Course;
pub use summary::{Summary, waited};

use course::Parents;
use view::TimedView;

/// The past, read once.
#[derive(Clone, Debug)]
pub struct Past {
    /// Its beginning.
    pub since: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// When verifications ended, oldest first.
    pub moments: Vec<Moment>,
    /// What operators said, also before its beginning, oldest first.
    pub words: Vec<Entry>,
    /// What was deployed, also before its beginning.
    pub release: ReleaseState,
    /// Whether deploy runs before its beginning were left unread.
    pub runs_unread: bool,
}

impl Past {
    /// What ran in production when it began: the last deploy that had succeeded by then.
    #[must_use]
    pub fn production(&self) -> Production {
        let mut begun = self.unknown();
        begun.runs.extend(self.deploy_before().map(|run| (run.id, Arc::new(run))));
        begun.production()
    }

    /// A release state of which nothing is known yet.
    fn unknown(&self) -> ReleaseState {
        ReleaseState { runs_unread: self.runs_unread, ..ReleaseState::default() }
    }

    /// The run that had succeeded last when it began, in that attempt alone.
    fn deploy_before(&self) -> Option<KnownRun> {
        let before = self.release.runs.values().flat_map(|run| {
            let ended = run
                .attempts
                .iter()
                .filter(|(_, one)| one.progress.succeeded() && one.updated_at <= self.since);
            ended.map(move |(number, one)| (one.started_at, run, *number, one))
        });
        let (_, run, number, attempt) =
            before.max_by_key(|(at, run, number, _)| (*at, run.id, *number))?;
        let attempts = BTreeMap::from([(number, attempt.clone())]);
        Some(KnownRun { attempts, ..KnownRun::clone(run) })
    }
}

/// How far a step of a replay came.
#[derive(Debug)]
pub enum Progress {
    /// To its end: every commit that was verified in that time, oldest first.
    Done(Vec<Replayed>),
    /// Through a moment: it goes on from here.
    Paused(Course),
    /// These facts are needed to go on from here.
    Lacks(Course, Vec<Lack>),
    /// A fact cannot be read for now.
    Unreadable(Course, Why),
}

/// Replays the past through a policy, from where `course` is through one moment. `observation` is
/// what GitHub shows now; of what changes, the decision sees what was there at its moment.
#[must_use]
pub fn replay(
    policy: &Policy,
    past: &Past,
    observation: &mut Observation,
    mut course: Course,
) -> Progress {
    let Some(moment) = past.moments.get(course.moment) else {
        let (mut commits, parents) = course.into_commits();
        really::tell(&mut commits, &past.release, &parents);
        return Progress::Done(commits);
    };
    let mut view = TimedView::of(observation);
    let at = course.at.unwrap_or(moment.at);
    course.hear(&past.words, at);
    let unapproved = course.unapproved(view.happenings(), at);
    view.show(moment, unapproved, at);
    let news = if course.at.is_none() { moment.verified.as_slice() } else { &[] };
    match judge(policy, view.observation(), course.release(), news, at) {
        JudgeOutcome::Lacks(lacks) | JudgeOutcome::LacksBelow(_, lacks) => {
            return Progress::Lacks(course, lacks);
        }
        JudgeOutcome::Unreadable(why) => return Progress::Unreadable(course, why),
        JudgeOutcome::Done(judgement) => course.take(&judgement, moment, at, view.observation()),
    }
    let next_moment = past.moments.get(course.moment + 1).map(|next| next.at);
    let said = view.happenings().map(|(_, then)| then);
    let instants = said.chain(past.words.iter().map(|word| word.at));
    course.go_on(instants, at, next_moment, past.until);
    Progress::Paused(course)
}

fn parents(observation: &Observation) -> Parents {
    observation.branch_commits.commits.iter().cloned().collect()
}

/// When a hold ends by itself.
fn ends_at(cause: &Cause) -> Option<Timestamp> {
    if let Cause::RateLimit { until, .. } = cause { Some(*until) } else { None }
}
