//! L1: once the faults stop, everything settles, and nothing that should ship is stuck without
//! a HOLD that says why.

use std::time::Duration;

use ghbox::{Exchange, story as stage};
use jiff::SignedDuration;

use crate::due::has_failed;
use crate::model::{Deploy, Model};
use crate::oracles::{self, Broken};
use crate::production::{Told, Truth};
use crate::world::{Ground, World};

/// Waits between the passes, in seconds: first minutes, then hours, so that any wait imposed by
/// a rule or a limit ends, also after the deploys that follow.
const WAITS: [u64; 23] = {
    let mut waits = [60; 23];
    (waits[11], waits[15], waits[18]) = (3 * 3_600, 3 * 3_600, 3 * 3_600);
    waits
};

/// Ends all faults, lets time pass and deploys end, and checks the result.
pub(crate) fn settle(world: &mut World) -> Result<(), Broken> {
    world.tell("calm".to_owned());
    mend(world);
    let mut quiet_rounds = 0;
    for wait in WAITS {
        // If nothing is left to do, more short rounds show nothing new. A long wait may change
        // that.
        quiet_rounds = if wait > 60 { 0 } else { quiet_rounds };
        if quiet_rounds > 2 {
            continue;
        }
        quiet_rounds += 1;
        world.later(wait);
        for at in 0..world.grounds.len() {
            let before = oracles::before(world, at);
            world.requests.clear();
            world.pass(at, None);
            oracles::check(world, at, &before, false)?;
            if world.requests.iter().any(Exchange::is_write) {
                quiet_rounds = 0;
            }
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
    world.wanted.calendar = None;
    world.stop();
    let now = world.now();
    for ground in &mut world.grounds {
        ground.repo.set_list_lag(Duration::ZERO);
        ground.repo.set_index_lag(Duration::ZERO);
        ground.repo.stop_index(false);
        ground.repo.set_clock_of_runs(SignedDuration::ZERO);
        ground.model.list_lags.push((now, 0));
        for run in ground.repo.runs() {
            ground.repo.index_misses(run.id, false);
        }
        let policy = world.wanted.policies.get_mut(&ground.name.to_string()).unwrap();
        // Restore configuration keys that change what the model is about.
        for key in ["branch", "verification_workflow_name", "verification_events"] {
            policy.remove(key);
            ground.model.policy.remove(key);
        }
        for key in ["deploy_workflow_name", "deploy_workflow_ref"] {
            policy.remove(key);
            ground.model.policy.remove(key);
        }
        ground.model.calendar = None;
        for (key, value) in [("enabled", "true"), ("paused", "null")] {
            policy.insert(key.to_owned(), value.to_owned());
            ground.model.policy.insert(key.to_owned(), value.to_owned());
        }
    }
    finish(world);
}

/// Finishes all runs with success.
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

/// Checks that a further pass writes nothing.
fn quiet(world: &mut World, at: usize) -> Result<(), Broken> {
    world.later(60);
    world.requests.clear();
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
        Truth::Sha(sha) => model.contains(&sha, candidate),
        Truth::Unknown | Truth::None => false,
        Truth::Depends => return Ok(()),
    };
    // While production is unknown, the model does not tell what an earlier production contains.
    let may_be_older = || {
        model.older_than_a_certain_one(candidate).is_some()
            || model.moves().iter().any(|moved| moved.told == Told::Depends)
            // Only the newest success is checked for being stray.
            || !model.strays.is_empty()
    };
    if model.production() == Truth::Unknown && may_be_older() {
        return Ok(());
    }
    let status = newest_status(ground, candidate);
    let stuck = |how: &str| {
        let how = format!("{}: {how}; its status is {status:?}", &candidate[..7]);
        Err(Broken { promise: "L1", how })
    };
    if shipped {
        // After a lost disk, statuses are read only down to the newest certain deploy, and
        // nothing shows how a deleted run ended.
        let below_a_deploy = model.production() != Truth::Sha(candidate.clone());
        let is_deleted = model.deploys.values().any(|one| one.deleted_at.is_some());
        if model.disk_lost_at.is_some() && (below_a_deploy || is_deleted) {
            return Ok(());
        }
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

/// The newest status under the program's context: its state and description.
fn newest_status(ground: &Ground, sha: &str) -> Option<(String, String)> {
    let statuses = ground.repo.statuses(sha);
    let newest = statuses.into_iter().find(|one| one.context == "booty/release-governor")?;
    (newest.creator == stage::GOVERNOR).then_some((newest.state, newest.description))
}

fn is_justified(model: &Model, sha: &str, reason: &str) -> bool {
    let production = model.production();
    match reason {
        "paused" => model.perhaps_paused,
        "rolled_back" => {
            let by_others = |one: &Deploy| {
                // A run that appears late may have been started by anybody with our account.
                let is_late = one.answer_lost || one.tries.len() > 1;
                !one.is_ours() || is_late || one.deleted_at.is_some()
            };
            // After a lost disk, runs below the commit that an operator set as production are
            // not read.
            let forgotten = model.disk_lost_at.is_some() && !model.words_of_production.is_empty();
            forgotten || model.deploys.values().any(by_others)
        }
        "reverted" => model.commits.values().any(|commit| commit.undoes.is_some()),
        "deploy_failed" => has_failed(model, sha),
        "high_risk_no_approval" => {
            // For causes other than a path, only an operator's approval of the commit counts.
            let steps = match &production {
                Truth::Sha(base) => !model.contains(sha, base) || model.high_steps(base, sha),
                Truth::None => false,
                Truth::Unknown | Truth::Depends => true,
            };
            let file = model.deploy_files(sha) != model.deploy_files(model.deploy_tip());
            let by_people = match &production {
                Truth::Sha(base) => model.is_approved_by_people(base, sha),
                Truth::None | Truth::Unknown | Truth::Depends => false,
            };
            let high = (steps || file) && !model.is_named_by_an_approval(sha) && !by_people;
            high || model.is_doubtful()
        }
        "older_than_production" => production == Truth::Unknown,
        "dispatch_unconfirmed" => model.deploys.values().any(|one| {
            // It was set aside only for its title, or deleted before it was seen.
            let by_our_account = !one.is_ours() && model.by_our_account.contains(&one.id);
            by_our_account || (one.is_ours() && one.deleted_at.is_some())
        }),
        _ => false,
    }
}

/// A verified commit below a held candidate that nothing holds, among the ten newest.
fn shippable_below<'a>(model: &Model, candidates: &'a [String]) -> Option<&'a String> {
    if model.perhaps_paused || model.is_doubtful() {
        return None;
    }
    let Truth::Sha(production) = model.production() else { return None };
    candidates.iter().skip(1).take(10).find(|sha| {
        // Its run may be beyond the pages that are read.
        model.younger_verifications(sha) < 95
            && model.contains(sha, &production)
            && **sha != production
            && model.verified(sha) == Some(Some("success".to_owned()))
            && model.is_high(sha) == Some(false)
            && !model.high_steps(&production, sha)
            && model.rolled_back(sha).is_none()
            && model.reverted(sha).is_none()
            // A revert of the revert may be in its range.
            && model.between(sha, model.tip()).iter().all(|one| model.commits[*one].undoes.is_none())
            && !has_failed(model, sha)
    })
}
