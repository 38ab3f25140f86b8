//! Whether a dispatch is permitted: S1 to S6, and the rules that hold one back.

use ghbox::{Dispatch, Repo, story as stage};
use jiff::{SignedDuration, Timestamp};
use release_governor::domain::CalendarKind;

use crate::design::freezes;
use crate::model::{Deploy, Model, Verification};
use crate::oracles::{Broken, broken};
use crate::production::{Told, Truth};

/// What an operator requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    Nothing,
    Deploy,
    Rollback,
}

/// Checks that a dispatch was permitted.
pub(crate) fn check(
    model: &Model,
    repo: &Repo,
    dispatch: &Dispatch,
    asks: Asks,
    looked_at: Timestamp,
) -> Result<(), Broken> {
    let sha = dispatch.sha().unwrap();
    let short = &sha[..7];
    let now = dispatch.at;
    if !model.holds(sha) {
        return broken("S1", format!("{short} is not on the branch"));
    }
    if !may_be_verified(model, sha, now) {
        let verified = model.verified(sha);
        return broken("S1", format!("the verification of {short} is {verified:?}"));
    }
    marked(model, repo, dispatch)?;
    not_twice(model, sha, (now, looked_at), asks)?;
    alone(model, sha, looked_at)?;
    if model.paused && !model.twin_seen {
        return broken("pause", format!("{short} was dispatched though an operator said pause"));
    }
    let stopped = model.policy.get("paused").is_some_and(|why| why != "null");
    if (stopped || model.says("enabled", "false")) && !model.twin_seen {
        return broken("pause", format!("{short} was dispatched though the config says no"));
    }
    if asks != Asks::Rollback && !model.twin_seen && is_frozen(model, now) {
        return broken("freeze", format!("{short} was dispatched during a freeze"));
    }
    within_the_rate(model, now)?;
    // With a twin, the processes may know of different lifts. If production depends on when it
    // was read, nothing can be checked either.
    let words_apart = model.twin_seen && !model.lifts.is_empty();
    if words_apart || model.production() == Truth::Depends {
        return Ok(());
    }
    let confirm = model.number("dispatch_confirm_seconds");
    let is_told = |one: &Deploy| {
        // A lost dispatch that appears only after the deadline counts as not started.
        let is_lost = one.answer_lost && model.unseen_for(one) * 10 >= confirm * 8;
        // Each process knows its own runs, and those of the other only from lists.
        let is_known = one.is_ours() && !model.twin_seen && !is_lost;
        is_known || model.shown(one.created_at, looked_at)
    };
    if !model.deploys.values().all(is_told) {
        return Ok(());
    }
    forwards(model, sha, asks)
}

/// Whether a freeze, or a closed window, has covered the repository for a while.
fn is_frozen(model: &Model, now: Timestamp) -> bool {
    let Some((since, entry)) = &model.calendar else { return false };
    let earlier = now - SignedDuration::from_secs(FREEZE_IS_KNOWN_WITHIN);
    let covers = |at| match entry.kind {
        CalendarKind::Freeze => freezes::holds(entry, at),
        CalendarKind::Window => !freezes::holds(entry, at),
    };
    *since <= earlier && covers(earlier) && covers(now)
}

/// A request is sent at once after the calendar was read. In seconds.
const FREEZE_IS_KNOWN_WITHIN: i64 = 30;

/// Whether the latest verification that the program can know of is a success. What one list
/// does not show yet, another may show.
fn may_be_verified(model: &Model, sha: &str, now: Timestamp) -> bool {
    let key = |(at, one): &(&(u64, u64), &Verification)| (one.one.started_at, **at);
    let mut of_sha: Vec<_> = model.verifications_of(sha).collect();
    of_sha.sort_by_key(key);
    let shown = |(run, _): &(u64, u64)| {
        let first = model.verifications.range((*run, 0)..=(*run, u64::MAX)).next();
        first.is_none_or(|(_, one)| model.shown(one.one.started_at, now))
    };
    let from = of_sha.iter().rposition(|(at, _)| shown(at)).unwrap_or(0);
    of_sha[from..].iter().any(|(_, one)| {
        one.one.ended.as_ref().is_some_and(|(_, conclusion)| conclusion == "success")
    })
}

/// S2: each dispatch follows its own mark, soon enough that the process was not frozen in
/// between.
fn marked(model: &Model, repo: &Repo, dispatch: &Dispatch) -> Result<(), Broken> {
    let sha = dispatch.sha().unwrap();
    let short = &sha[..7];
    let statuses = repo.statuses(sha);
    let mut marks = statuses.iter().filter(|one| {
        one.creator == stage::GOVERNOR
            && one.description.contains("dispatching")
            && one.created_at <= dispatch.at
    });
    let Some(mark) = marks.next() else {
        return broken("S2", format!("{short} without a mark"));
    };
    let passed = dispatch.at.duration_since(mark.created_at).as_secs();
    let most = i64::try_from(model.number("dispatch_confirm_seconds") / 3).unwrap();
    if passed > most + 2 {
        return broken("frozen", format!("{short} left {passed} s after its mark"));
    }
    Ok(())
}

/// S2.
fn not_twice(
    model: &Model,
    sha: &str,
    (now, looked_at): (Timestamp, Timestamp),
    asks: Asks,
) -> Result<(), Broken> {
    // Nobody can take into account what no list shows yet.
    let is_unseen = |one: &Deploy| !one.is_ours() && !model.shown(one.created_at, looked_at);
    let mut of_sha: Vec<&Deploy> = model.deploys.values().collect();
    of_sha.retain(|one| model.attempt_of(one).as_deref() == Some(sha));
    let ours = of_sha.iter().filter(|one| one.is_ours());
    let confirm = model.number("dispatch_confirm_seconds");
    let excused = |one: &&Deploy| {
        let late = model.unseen_for(one) * 10 >= confirm * 8;
        let forgotten = model.disk_lost_at.is_some_and(|at| at >= one.created_at);
        let never = one.deleted_at.is_some() && !one.was_listed;
        (late || never) && (one.answer_lost || forgotten)
    };
    let last = ours.filter(|one| !excused(one)).max_by_key(|one| one.id).copied();
    let Some(last) = last else { return Ok(()) };
    let short = &sha[..7];
    of_sha.retain(|one| one.workflow == model.deploy_workflow() || !one.is_ours());
    of_sha.retain(|one| !is_unseen(one));
    if last.in_flight() {
        return broken("S2", format!("{short} again, while its run {} is in flight", last.id));
    }
    // A run that is deleted at GitHub and lost here leaves no trace.
    let forgotten =
        of_sha.iter().any(|one| one.deleted_at.is_some()) && model.disk_lost_at.is_some();
    if forgotten || (of_sha.iter().any(|one| one.deleted_at.is_some()) && model.twin_seen) {
        return Ok(());
    }
    let mut ended: Vec<(Timestamp, u64, &str)> = Vec::new();
    for deploy in &of_sha {
        // A run on another ref or by another workflow moves production, and is not a failure.
        let may_fail = deploy.is_ours() || !model.is_other_deploy(deploy);
        for one in deploy.tries.values() {
            match &one.ended {
                Some((_, conclusion)) if conclusion != "success" && !may_fail => {}
                Some((at, conclusion)) => ended.push((*at, deploy.id, conclusion)),
                None if deploy.deleted_at.is_some() => {
                    ended.push((one.started_at, deploy.id, "deleted"))
                }
                None => {}
            }
        }
    }
    ended.sort_unstable();
    let success = ended.iter().rposition(|(_, _, conclusion)| *conclusion == "success");
    let failed = &ended[success.map_or(0, |at| at + 1)..];
    if failed.is_empty() {
        let there = match model.production() {
            Truth::Sha(_) if model.deploys.values().any(is_unseen) => false,
            // The twin does not know about `set-production`.
            Truth::Sha(_) if model.twin_seen && model.production_set.is_some() => false,
            Truth::Sha(now) => model.contains(&now, sha),
            Truth::None | Truth::Unknown | Truth::Depends => false,
        };
        if there {
            return broken("S2", format!("{short} again, though it is in production"));
        }
        return Ok(());
    }
    // A cancelled run may have been superseded, which uses no attempt.
    let used = failed.iter().filter(|(_, _, conclusion)| *conclusion != "cancelled").count();
    let first = failed[0].0;
    let again = model.verifications_of(sha).filter(|((_, attempt), run)| {
        (*attempt > 1 || run.event == "workflow_dispatch")
            && run.one.started_at > first - SignedDuration::from_secs(1)
            && run.one.ended.as_ref().is_some_and(|(_, conclusion)| conclusion == "success")
    });
    let words =
        model.triggered.iter().filter(|of| *of == sha).count() + usize::from(asks != Asks::Nothing);
    let most = usize::try_from(model.number("max_attempts_per_sha")).unwrap();
    let allowed = most + again.count() + words;
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
    // A failure is noticed when time next advances, so it is never recorded too late.
    if rested + 1 < cooldown && model.disk_lost_at.is_none() && !model.twin_seen {
        return broken("cooldown", format!("{short} again {rested} s after it failed"));
    }
    Ok(())
}

/// S3.
fn alone(model: &Model, sha: &str, now: Timestamp) -> Result<(), Broken> {
    for other in model.deploys.values().filter(|one| one.in_flight() && model.blocks(one)) {
        let shown = model.shown(other.created_at, now);
        let confirm = model.number("dispatch_confirm_seconds");
        let late = model.unseen_for(other) * 10 >= confirm * 8;
        let hidden = other.hidden_until.is_some_and(|until| until > now)
            && (other.answer_lost || model.disk_lost_at.is_some() || model.twin_seen);
        let of = other.sent.as_ref();
        let off_branch = of.is_some_and(|of| !model.holds(of)) && model.disk_lost_at.is_some();
        // A process that does not know its identity cannot recognize what it left on other
        // commits.
        let forgotten = model.disk_lost_at.is_some_and(|at| at >= other.created_at);
        // Without the ledger, a process knows nothing of a workflow that is no longer
        // configured, nor of statuses on commits that a force push removed from the branch.
        let elsewhere =
            (model.twin_seen || off_branch) && other.workflow != model.deploy_workflow();
        // A manual re-run of a workflow that is not a deploy workflow under the current policy
        // is not a deploy.
        let by_people = other.tries.len() > 1 && other.workflow != model.deploy_workflow();
        let excused = hidden
            || elsewhere
            || by_people
            || !shown
                && (!other.is_ours()
                    || model.twin_seen
                    || (forgotten && !model.identified)
                    || off_branch
                    || (late && (other.answer_lost || model.disk_lost_at.is_some())));
        if !excused {
            let whose = if other.is_ours() { "our" } else { "somebody's" };
            let how = format!("{} while {whose} run {} is in flight", &sha[..7], other.id);
            return broken("S3", how);
        }
    }
    Ok(())
}

fn within_the_rate(model: &Model, now: Timestamp) -> Result<(), Broken> {
    let hour = SignedDuration::from_hours(1);
    let changed = model.policy_changed.is_some_and(|at| now.duration_since(at) <= hour);
    let hidden =
        model.deploys.values().any(|one| one.is_ours() && !model.shown(one.created_at, now));
    if changed || model.twin_seen || hidden || model.disk_lost_at.is_some() {
        return Ok(());
    }
    let recent = model.deploys.values().filter(|one| {
        one.is_ours() && now.duration_since(one.created_at) < hour - SignedDuration::from_secs(2)
    });
    let (recent, most) = (recent.count(), model.number("max_deploys_per_hour"));
    if u64::try_from(recent).unwrap() >= most {
        return broken("rate", format!("the {}th deploy in an hour, of {most}", recent + 1));
    }
    Ok(())
}

/// S5, S6 and rule 9a.
fn forwards(model: &Model, sha: &str, asks: Asks) -> Result<(), Broken> {
    let short = &sha[..7];
    if asks == Asks::Rollback {
        let ran = model.may_have_run(sha) || model.disk_lost_at.is_some();
        return if ran {
            Ok(())
        } else {
            broken("S5", format!("back to {short}, which never ran"))
        };
    }
    // A deploy was deleted whose end no ledger recorded: production is unknown, and an earlier
    // production may be wanted again.
    let untold =
        model.disk_lost_at.is_some() && model.deploys.values().any(|one| one.deleted_at.is_some());
    match model.production() {
        Truth::Sha(now) if now == sha && untold => {}
        Truth::Sha(now) if model.contains(&now, sha) => {
            return broken("S5", format!("{short}, though production ({}) contains it", &now[..7]));
        }
        Truth::Unknown => {
            if let Some(newer) = model.older_than_a_certain_one(sha) {
                let how = format!("{short}, though {} ran, and what runs is unknown", &newer[..7]);
                return broken("S5", how);
            }
        }
        Truth::Sha(_) | Truth::None | Truth::Depends => {}
    }
    let holds = !model.says("hold_after_rollback", "false") && asks == Asks::Nothing;
    if let Some(lost) = model.rolled_back(sha).filter(|_| holds) {
        return broken("S5", format!("{short} over a rollback, that lost {}", &lost[..7]));
    }
    if let Some(gone) = model.reverted(sha).filter(|_| asks == Asks::Nothing) {
        return broken("reverted", format!("{short} brings {}, which was reverted", &gone[..7]));
    }
    let production = model.production();
    let by_people = match &production {
        Truth::Sha(base) => model.is_approved_by_people(base, sha),
        Truth::None | Truth::Unknown | Truth::Depends => false,
    };
    if model.is_high(sha) == Some(true) && !model.is_approved(sha) && !by_people {
        return broken("S6", format!("{short} is HIGH and nobody approved; {production:?}"));
    }
    Ok(())
}

/// Whether a deploy of it ended in anything but success.
pub(crate) fn has_failed(model: &Model, sha: &str) -> bool {
    let short = &sha[..7];
    // Whether a deploy counts whose commit a force push removed depends on whether the ledger
    // knew it.
    let perhaps = |one: &Deploy| names(one, short) && model.told(one) == Told::Depends;
    let of_sha = |one: &&Deploy| model.attempt_of(one).as_deref() == Some(sha) || perhaps(one);
    model.deploys.values().filter(of_sha).any(ended_badly)
}

/// Whether a possible deploy of the commit failed, whatever the branch contained at the time.
pub(crate) fn may_have_failed(model: &Model, short: &str) -> bool {
    let is_phantom = |one: &Deploy| model.phantoms.contains(&one.id) && !model.jobs_were_unreadable;
    let is_none = |one: &Deploy| model.strays.contains(&one.id) || is_phantom(one);
    model.deploys.values().filter(|one| names(one, short) && !is_none(one)).any(ended_badly)
}

fn names(one: &Deploy, short: &str) -> bool {
    one.sent.as_ref().is_some_and(|sha| sha.starts_with(short))
        || one.title.contains(short)
        || (one.event == "push" && one.head_sha.starts_with(short))
}

fn ended_badly(one: &Deploy) -> bool {
    let mut ended = one.tries.values().filter_map(|one| one.ended.as_ref());
    one.deleted_at.is_some() || ended.any(|(_, conclusion)| conclusion != "success")
}
