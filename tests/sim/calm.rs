//! L1: once the faults stop, everything settles, and nothing that should ship is stuck without a
//! HOLD that says why.

use std::time::Duration;

use release_governor::ghbox::story as stage;

use crate::model::{Model, Truth};
use crate::oracles::{self, Broken};
use crate::world::{Ground, World};

/// Waits between the passes, in seconds: minutes at first, then hours, so that whatever a rule or
/// a limit imposes is over, also after the deploys that follow.
const WAITS: [u64; 23] = {
    let mut waits = [60; 23];
    (waits[11], waits[15], waits[18]) = (3 * 3_600, 3 * 3_600, 3 * 3_600);
    waits
};

/// Ends all faults, lets time pass and deploys end, and looks at what is left.
pub(crate) fn settle(world: &mut World) -> Result<(), Broken> {
    world.tell("calm".to_owned());
    mend(world);
    for wait in WAITS {
        world.later(wait);
        for at in 0..world.grounds.len() {
            let before = oracles::before(world, at);
            world.pass(at, None);
            oracles::check(world, at, &before, false)?;
        }
        finish(world);
    }
    for at in 0..world.grounds.len() {
        quiet(world, at)?;
        nothing_is_stuck(&world.grounds[at])?;
    }
    Ok(())
}

fn mend(world: &mut World) {
    world.github.calm();
    world.disk.set_full(false);
    world.twin = None;
    world.stop();
    let now = world.now();
    for ground in &mut world.grounds {
        ground.repo.set_list_lag(Duration::ZERO);
        ground.repo.set_index_lag(Duration::ZERO);
        ground.repo.stop_index(false);
        ground.model.list_lags.push((now, 0));
        for run in ground.repo.runs() {
            ground.repo.index_misses(run.id, false);
        }
        let policy = world.wanted.policies.get_mut(&ground.name.to_string()).unwrap();
        for (key, value) in [("enabled", "true"), ("paused", "null")] {
            policy.insert(key.to_owned(), value.to_owned());
            ground.model.policy.insert(key.to_owned(), value.to_owned());
        }
    }
    finish(world);
}

/// Whatever runs ends well.
fn finish(world: &mut World) {
    for ground in &world.grounds {
        for run in ground.repo.runs() {
            if run.status != "completed" {
                ground.repo.finish_run(run.id, "success");
            }
        }
    }
    world.look();
}

/// A further pass writes nothing.
fn quiet(world: &mut World, at: usize) -> Result<(), Broken> {
    world.later(60);
    world.pass(at, None);
    let writes = world.requests.iter().filter(|one| one.is_write());
    let writes: Vec<String> = writes
        .map(|one| format!("{} {}", one.path, String::from_utf8_lossy(&one.request_body)))
        .collect();
    if writes.is_empty() {
        return Ok(());
    }
    Err(Broken { promise: "L1", how: format!("it does not settle: {writes:#?}") })
}

fn nothing_is_stuck(ground: &Ground) -> Result<(), Broken> {
    let model = &ground.model;
    let candidates = model.candidates();
    let Some(candidate) = candidates.first() else { return Ok(()) };
    let shipped = match model.production() {
        Truth::Sha { sha, told: Some(true) } => model.contains(&sha, candidate),
        Truth::Sha { .. } | Truth::None => false,
    };
    let status = newest_status(ground, candidate);
    let stuck = |how: &str| {
        let how = format!("{}: {how}; its status is {status:?}", &candidate[..7]);
        Err(Broken { promise: "L1", how })
    };
    if matches!(model.production(), Truth::Sha { told: None, .. }) {
        return Ok(());
    }
    if shipped {
        let waits =
            status.as_ref().is_some_and(|(state, said)| state != "success" && !said.is_empty());
        return if waits { stuck("it is in production") } else { Ok(()) };
    }
    let Some((state, said)) = &status else { return stuck("nothing is said of it") };
    let reason = said.split(" · ").nth(2).and_then(|rest| rest.split(':').next());
    let Some(reason) = reason.filter(|_| state == "failure" && said.starts_with("HOLD")) else {
        return stuck("it neither ships nor is it held");
    };
    if !is_justified(model, candidate, reason) {
        return stuck("it should ship");
    }
    if reason == "high_risk_no_approval"
        && let Some(below) = shippable_below(model, &candidates)
    {
        return stuck(&format!("and {} below it should ship meanwhile", &below[..7]));
    }
    Ok(())
}

/// The newest status under the program's context: its state, and what it says.
fn newest_status(ground: &Ground, sha: &str) -> Option<(String, String)> {
    let statuses = ground.repo.statuses(sha);
    let newest = statuses.into_iter().find(|one| one.context == "booty/release-governor")?;
    (newest.creator == stage::GOVERNOR).then_some((newest.state, newest.description))
}

fn is_justified(model: &Model, sha: &str, reason: &str) -> bool {
    match reason {
        "paused" => model.perhaps_paused,
        "rolled_back" => {
            model.deploys.values().any(|one| !one.ours || one.tries.len() > 1 || one.deleted)
        }
        "deploy_failed" => has_failed(model, sha),
        "high_risk_no_approval" => {
            let gone = model.deploys.values().any(|one| one.deleted);
            (model.is_high(sha) && !model.is_approved(sha)) || gone || model.disk_lost_at.is_some()
        }
        "dispatch_unconfirmed" => model.deploys.values().any(|one| one.ours && one.deleted),
        _ => false,
    }
}

fn has_failed(model: &Model, sha: &str) -> bool {
    model.deploys.values().filter(|one| one.sha == sha).any(|one| {
        let bad = |conclusion: &str| conclusion != "success";
        one.deleted
            || one
                .tries
                .values()
                .any(|one| one.ended.as_ref().is_some_and(|(_, conclusion)| bad(conclusion)))
    })
}

/// A verified commit below a held candidate that nothing holds, of the ten newest.
fn shippable_below<'a>(model: &Model, candidates: &'a [String]) -> Option<&'a String> {
    if model.perhaps_paused || model.rolled_back().is_some() {
        return None;
    }
    let Truth::Sha { sha: production, told: Some(true) } = model.production() else { return None };
    candidates.iter().skip(1).take(10).find(|sha| {
        model.contains(sha, &production)
            && **sha != production
            && model.verified(sha) == Some(Some("success".to_owned()))
            && !model.is_high(sha)
            && !has_failed(model, sha)
    })
}
