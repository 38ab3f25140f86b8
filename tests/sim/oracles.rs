//! What must hold after every step. It is read from the box and the model, never from the program.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use release_governor::ghbox::{Dispatch, Fate, story as stage};

use crate::model::{Deploy, Model, Truth};
use crate::world::{Ground, World};

/// A broken promise: which, and how.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) promise: &'static str,
    pub(crate) how: String,
}

fn broken(promise: &'static str, how: impl Into<String>) -> Result<(), Broken> {
    Err(Broken { promise, how: how.into() })
}

/// What was true right before a step that may have dispatched.
pub(crate) fn before(world: &World, at: usize) -> Model {
    world.grounds[at].model.clone()
}

/// Looks at all that the step did.
pub(crate) fn check(
    world: &mut World,
    at: usize,
    before: &Model,
    killed: bool,
) -> Result<(), Broken> {
    let dispatches = ours(&world.grounds[at]);
    let (mut then, judged) = (before.clone(), before.judged);
    for dispatch in dispatches.iter().skip(judged) {
        let lost = killed || answer_lost(world, dispatch);
        dispatch_is_due(&then, dispatch)?;
        note(&mut then, dispatch, lost);
        note(&mut world.grounds[at].model, dispatch, lost);
    }
    let ground = &mut world.grounds[at];
    ground.model.judged = dispatches.len();
    issues(ground)?;
    statuses(ground)
}

fn ours(ground: &Ground) -> Vec<Dispatch> {
    let all = ground.repo.dispatches();
    all.into_iter().filter(|one| one.by == stage::GOVERNOR).collect()
}

fn answer_lost(world: &World, dispatch: &Dispatch) -> bool {
    let sha = dispatch.sha().unwrap();
    world.requests.iter().any(|one| {
        one.operation == Some("actions/create-workflow-dispatch")
            && one.fate != Fate::Answered
            && String::from_utf8_lossy(&one.request_body).contains(sha)
    })
}

fn note(model: &mut Model, dispatch: &Dispatch, lost: bool) {
    let sha = dispatch.sha().unwrap().to_owned();
    let deploy = model.deploys.entry(dispatch.run_id).or_insert_with(|| Deploy {
        id: dispatch.run_id,
        sha,
        ours: true,
        titled: true,
        created_at: dispatch.at,
        tries: BTreeMap::new(),
        deleted: false,
        answer_lost: false,
    });
    deploy.answer_lost |= lost;
    let running = crate::model::Try { started_at: dispatch.at, ended: None };
    deploy.tries.entry(1).or_insert(running);
}

fn dispatch_is_due(model: &Model, dispatch: &Dispatch) -> Result<(), Broken> {
    let sha = dispatch.sha().unwrap();
    let short = &sha[..7];
    let now = dispatch.at;
    if !model.contains(&model.tip, sha) {
        return broken("S1", format!("{short} is not on the branch"));
    }
    let passed = Some(Some("success".to_owned()));
    let verified = model.verified(sha);
    if verified != passed && shown_verification(model, sha, now) != passed {
        return broken("S1", format!("the verification of {short} is {verified:?}"));
    }
    not_twice(model, sha, now)?;
    alone(model, sha, now)?;
    if model.paused && !model.twin_seen {
        return broken("pause", format!("{short} was dispatched though an operator said pause"));
    }
    let stopped = model.policy.get("paused").is_some_and(|why| why != "null");
    if (stopped || model.says("enabled", "false")) && !model.twin_seen {
        return broken("pause", format!("{short} was dispatched though the config says no"));
    }
    within_the_rate(model, now)?;
    // What no list shows yet, nobody can take into account.
    let words_apart = model.twin_seen && model.production_set.is_some();
    if words_apart || matches!(model.production(), Truth::Sha { told: None, .. }) {
        return Ok(());
    }
    if model.deploys.values().any(|one| !one.ours && !model.shown(one.created_at, now)) {
        return Ok(());
    }
    forwards(model, sha)
}

/// What nobody can know yet left out.
fn shown_verification(model: &Model, sha: &str, now: Timestamp) -> Option<Option<String>> {
    let mut shown = model.clone();
    shown.verifications.retain(|(run, _), _| {
        let first = model.verifications.range((*run, 0)..=(*run, u64::MAX)).next();
        first.is_none_or(|(_, (_, _, one))| model.shown(one.started_at, now))
    });
    shown.verified(sha)
}

/// S2.
fn not_twice(model: &Model, sha: &str, now: Timestamp) -> Result<(), Broken> {
    let of_sha: Vec<&Deploy> = model.deploys.values().filter(|one| one.sha == sha).collect();
    let ours = of_sha.iter().filter(|one| one.ours);
    let confirm = model.number("dispatch_confirm_seconds");
    let excused = |one: &&Deploy| {
        let late = model.lag_since(one.created_at) * 10 >= confirm * 8;
        let forgotten = model.disk_lost_at.is_some_and(|at| at >= one.created_at);
        late && (one.answer_lost || forgotten)
    };
    let last = ours.filter(|one| !excused(one)).max_by_key(|one| one.id);
    let Some(last) = last else { return Ok(()) };
    let short = &sha[..7];
    if last.in_flight() {
        return broken("S2", format!("{short} again, while its run {} is in flight", last.id));
    }
    // Of what is deleted at GitHub and lost here, nothing tells.
    let forgotten = of_sha.iter().any(|one| one.deleted) && model.disk_lost_at.is_some();
    if forgotten || (of_sha.iter().any(|one| one.deleted) && model.twin_seen) {
        return Ok(());
    }
    let mut ended: Vec<(Timestamp, u64, &str)> = Vec::new();
    for deploy in &of_sha {
        for one in deploy.tries.values() {
            match &one.ended {
                Some((at, conclusion)) => ended.push((*at, deploy.id, conclusion)),
                None if deploy.deleted => ended.push((one.started_at, deploy.id, "deleted")),
                None => {}
            }
        }
    }
    ended.sort_unstable();
    let success = ended.iter().rposition(|(_, _, conclusion)| *conclusion == "success");
    let failed = &ended[success.map_or(0, |at| at + 1)..];
    if failed.is_empty() {
        let there = match model.production() {
            Truth::Sha { sha: now, told: Some(true) } => model.contains(&now, sha),
            Truth::Sha { .. } | Truth::None => false,
        };
        if there {
            return broken("S2", format!("{short} again, though it is in production"));
        }
        return Ok(());
    }
    // One that was cancelled may have been superseded, which uses no attempt.
    let used = failed.iter().filter(|(_, _, conclusion)| *conclusion != "cancelled").count();
    let first = failed[0].0;
    let again = model.verifications.iter().filter(|((_, attempt), (of, by_hand, one))| {
        of == sha
            && (*attempt > 1 || *by_hand)
            && one.started_at > first - SignedDuration::from_secs(1)
            && one.ended.as_ref().is_some_and(|(_, conclusion)| conclusion == "success")
    });
    let allowed = usize::try_from(model.number("max_attempts_per_sha")).unwrap() + again.count();
    if used >= allowed {
        return broken(
            "S2",
            format!("{short} again, after {used} of {allowed} attempts: {ended:?}"),
        );
    }
    let certain = failed.iter().rfind(|(_, _, conclusion)| *conclusion != "cancelled");
    certain.map_or(Ok(()), |(failed_at, _, _)| cooled_down(model, short, *failed_at, now))
}

fn cooled_down(
    model: &Model,
    short: &str,
    failed_at: Timestamp,
    now: Timestamp,
) -> Result<(), Broken> {
    let cooldown = i64::try_from(model.number("cooldown_minutes") * 60).unwrap();
    let rested = now.duration_since(failed_at).as_secs();
    // A failure is seen when time next moves, so it is never later than it is taken for.
    if rested + 1 < cooldown && model.disk_lost_at.is_none() && !model.twin_seen {
        return broken("cooldown", format!("{short} again {rested} s after it failed"));
    }
    Ok(())
}

/// S3.
fn alone(model: &Model, sha: &str, now: Timestamp) -> Result<(), Broken> {
    for other in model.deploys.values().filter(|one| one.in_flight()) {
        let shown = model.shown(other.created_at, now);
        let confirm = model.number("dispatch_confirm_seconds");
        let late = model.lag_since(other.created_at) * 10 >= confirm * 8;
        let off_branch = !model.contains(&model.tip, &other.sha) && model.disk_lost_at.is_some();
        // Who does not know who it is cannot tell what it left on other commits.
        let forgotten = model.disk_lost_at.is_some_and(|at| at >= other.created_at);
        let excused = !shown
            && (!other.ours
                || model.twin_seen
                || (forgotten && !model.identified)
                || off_branch
                || (late && (other.answer_lost || model.disk_lost_at.is_some())));
        if !excused {
            let whose = if other.ours { "our" } else { "somebody's" };
            let how = format!("{} while {whose} run {} is in flight", &sha[..7], other.id);
            return broken("S3", how);
        }
    }
    Ok(())
}

fn within_the_rate(model: &Model, now: Timestamp) -> Result<(), Broken> {
    let hour = SignedDuration::from_hours(1);
    let changed = model.policy_changed.is_some_and(|at| now.duration_since(at) <= hour);
    let hidden = model.deploys.values().any(|one| one.ours && !model.shown(one.created_at, now));
    if changed || model.twin_seen || hidden || model.disk_lost_at.is_some() {
        return Ok(());
    }
    let recent = model.deploys.values().filter(|one| {
        one.ours && now.duration_since(one.created_at) < hour - SignedDuration::from_secs(2)
    });
    let (recent, most) = (recent.count(), model.number("max_deploys_per_hour"));
    if u64::try_from(recent).unwrap() >= most {
        return broken("rate", format!("the {}th deploy in an hour, of {most}", recent + 1));
    }
    Ok(())
}

/// S5 and S6.
fn forwards(model: &Model, sha: &str) -> Result<(), Broken> {
    let short = &sha[..7];
    if let Truth::Sha { sha: now, told: Some(true) } = model.production()
        && model.contains(&now, sha)
    {
        return broken("S5", format!("{short}, though production ({}) contains it", &now[..7]));
    }
    let holds = !model.says("hold_after_rollback", "false");
    if let Some(lost) = model.rolled_back().filter(|_| holds) {
        return broken("S5", format!("{short} over a rollback, that lost {}", &lost[..7]));
    }
    if model.is_high(sha) && !model.is_approved(sha) {
        let production = model.production();
        return broken("S6", format!("{short} is HIGH and nobody approved; {production:?}"));
    }
    Ok(())
}

/// S7.
fn issues(ground: &Ground) -> Result<(), Broken> {
    let mut titles: BTreeMap<String, u64> = BTreeMap::new();
    let mut markers: BTreeMap<String, u64> = BTreeMap::new();
    for issue in ground.repo.issues() {
        let comments = issue.comments.iter().filter(|one| one.author == stage::GOVERNOR);
        for text in comments.map(|one| &one.body).chain([&issue.body]) {
            let Some((_, marker)) = text.split_once("<!-- release-governor") else { continue };
            *markers.entry(marker.to_owned()).or_default() += 1;
        }
        *titles.entry(issue.title.clone()).or_default() += 1;
    }
    // Two processes that share no disk may both look, see nothing, and write.
    if ground.model.twin_seen {
        return Ok(());
    }
    if let Some((title, _)) = titles.iter().find(|(_, count)| **count > 1) {
        return broken("S7", format!("two issues are called {title:?}"));
    }
    if let Some((marker, _)) = markers.iter().find(|(_, count)| **count > 1) {
        return broken("S7", format!("said twice: {marker}"));
    }
    Ok(())
}

/// S8.
fn statuses(ground: &Ground) -> Result<(), Broken> {
    for sha in &ground.model.order {
        let mut decisions: Vec<Timestamp> = Vec::new();
        for status in ground.repo.statuses(sha) {
            if status.creator != stage::GOVERNOR {
                continue;
            }
            if status.description.chars().count() > 140 {
                return broken("S8", format!("a long status: {}", status.description));
            }
            if !status.description.starts_with("ALLOW") {
                decisions.push(status.created_at);
            }
        }
        decisions.sort_unstable();
        let most = if ground.model.twin_seen { 40 } else { 20 };
        let crowded = decisions
            .windows(most + 1)
            .any(|window| window[most].duration_since(window[0]) < SignedDuration::from_mins(59));
        if crowded {
            return broken("S8", format!("more than {most} statuses on {} in an hour", &sha[..7]));
        }
    }
    Ok(())
}
