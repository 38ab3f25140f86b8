//! Short sequences that random choice would hardly produce.

use crate::chance::Chance;
use crate::script::{Event, Hit, On, Title, Touch, What};

const PASS: What = What::Pass { crash: None };
const ENDS_WELL: What = What::EndDeploy { nth: 0, conclusion: "success" };

fn push(touch: Touch) -> What {
    What::Push { touch, verified: Some("success"), dated_back: 0 }
}

/// Somebody deploys the nth newest commit.
fn deployed(nth: u64) -> What {
    let (title, on) = (Title::Full, On::Branch);
    What::ForeignDeploy { nth, title, on, ends: Some("success") }
}

pub(crate) fn draw(chance: &mut Chance) -> Vec<What> {
    match chance.below(13) {
        0 => refused_trigger(chance),
        1 => resumed_pause(chance),
        2 => blank_list(chance),
        3 => snapshot(chance),
        4 => long_verification(),
        5 => late_merge(chance),
        6 => far_rollback(chance),
        7 => trial_of_another_workflow(chance),
        8 => deploy_to_staging(chance),
        9 => approved_behind_production(),
        10 => triggered_after_rollback(chance),
        11 => answer_lost_with_the_branch(),
        _ => spoken_meanwhile(chance),
    }
}

/// Production is rolled back, and then an operator's request does not start anything.
fn refused_trigger(chance: &mut Chance) -> Vec<What> {
    let refused = [
        ("create-commit-status", Hit::Refuse(422)),
        ("create-commit-status", Hit::Before(502)),
        ("create-workflow-dispatch", Hit::Refuse(422)),
        ("create-workflow-dispatch", Hit::Limit),
    ];
    let (nth, rollback) = (chance.below(2), false);
    let trigger = What::Trigger { nth, rollback, refused: Some(chance.pick(&refused)) };
    // An operator who acts within the second in which it ended may not know of it.
    let (looks, wait) = (What::Wait { seconds: 15 }, What::Wait { seconds: 70 });
    let later = push(Touch::Low);
    let back = [push(Touch::Low), PASS, ENDS_WELL, PASS, deployed(1), push(Touch::Low), PASS];
    back.into_iter().chain([looks, trigger, wait, PASS, later, PASS]).collect()
}

/// Production is rolled back during an operator's pause, which then ends.
fn resumed_pause(chance: &mut Chance) -> Vec<What> {
    let first = [push(Touch::Low), PASS, ENDS_WELL, What::Pause, PASS, deployed(1)];
    let seen = chance.percent(50).then_some(PASS);
    let then = match chance.below(3) {
        0 => What::SetProduction { nth: 1 },
        _ => What::Resume,
    };
    first.into_iter().chain(seen).chain([then, push(Touch::Low), PASS]).collect()
}

/// A list has a count but no items, while nothing is known yet.
fn blank_list(chance: &mut Chance) -> Vec<What> {
    let operation = "list-workflow-runs";
    let fail = What::Fail { operation, fault: Hit::Blank, skip: chance.below(3) };
    let forget = chance.pick(&[What::LoseTheDisk, What::Restart]);
    vec![push(Touch::High), forget, fail.clone(), PASS, fail, PASS, PASS]
}

/// A restored snapshot knows nothing of what GitHub shows.
fn snapshot(chance: &mut Chance) -> Vec<What> {
    let since = match chance.below(3) {
        0 => vec![push(Touch::Low), PASS, What::Pause, PASS],
        1 => vec![push(Touch::Low), PASS],
        _ => {
            let ends = What::EndDeploy { nth: 0, conclusion: "failure" };
            vec![push(Touch::Low), PASS, ends, PASS]
        }
    };
    let back = [What::PutBackTheDisk, PASS, What::Wait { seconds: 400 }, PASS, PASS];
    [PASS, What::KeepTheDisk].into_iter().chain(since).chain(back).collect()
}

/// A verification continues while a full page of others begins.
fn long_verification() -> Vec<What> {
    let push = What::Push { touch: Touch::Low, verified: None, dated_back: 0 };
    let (ends, on, other, by_hand) = (None, "main", false, false);
    let verify = What::Verify { nth: 0, ends, by_hand, on, other };
    let ends = What::EndVerification { nth: 0, conclusion: "success" };
    vec![push, verify, PASS, What::Crowd { nth: 0 }, PASS, What::Wait { seconds: 70 }, ends, PASS]
}

/// The commit merged last has an earlier date than the one verified first.
fn late_merge(chance: &mut Chance) -> Vec<What> {
    let touches = [Touch::Low, Touch::Low];
    let (nth, dated_back) = (1, chance.pick(&[0, 30]));
    let merge = What::Merge { nth, touches, verified: None, dated_back };
    let (ends, on, other, by_hand) = (Some("success"), "main", false, false);
    let verify = What::Verify { nth: 1 + chance.below(2), ends, by_hand, on, other };
    vec![push(Touch::Low), PASS, push(Touch::Low), merge, verify, PASS, ENDS_WELL, PASS]
}

/// Production is rolled back, and many deploys follow that lack the same commit.
fn far_rollback(chance: &mut Chance) -> Vec<What> {
    let first = [push(Touch::Low), PASS, ENDS_WELL, PASS, deployed(1), PASS];
    let many = chance.pick(&[1, 3, 22]);
    let again = std::iter::repeat_n(deployed(1), many).flat_map(|one| [one, PASS]);
    first.into_iter().chain(again).chain([push(Touch::Low), PASS]).collect()
}

/// A risky commit is deployed by another workflow, before the configuration names the right
/// one.
fn trial_of_another_workflow(chance: &mut Chance) -> Vec<What> {
    let named = |value| What::Policy { key: "deploy_workflow_name", value, live: true };
    let approve = What::Approve { nth: 0, by_environment: false };
    let trial = [named("ship.yml"), push(Touch::High), approve, PASS, ENDS_WELL, PASS];
    let forget = chance.pick(&[What::LoseTheDisk, What::Restart]);
    let then = [forget, named("deploy.yml"), PASS, push(Touch::Low), PASS];
    trial.into_iter().chain(then).collect()
}

/// A commit without approval is deployed to staging, by the workflow that also deploys to
/// production.
fn deploy_to_staging(chance: &mut Chance) -> Vec<What> {
    let (title, on) = (Title::ToStaging, chance.pick(&[On::Branch, On::NoBranch]));
    let deploy = What::ForeignDeploy { nth: 0, title, on, ends: Some("success") };
    vec![push(Touch::High), PASS, deploy, PASS, push(Touch::Low), PASS]
}

/// Production is uncertain, and a commit is approved that is older than the last certain
/// production.
fn approved_behind_production() -> Vec<What> {
    let (title, on) = (Title::ByHand, On::Branch);
    let by_hand = What::ForeignDeploy { nth: 0, title, on, ends: Some("success") };
    let approve = What::Approve { nth: 1, by_environment: false };
    let newest = [push(Touch::Low), push(Touch::Low), PASS, ENDS_WELL, PASS];
    newest.into_iter().chain([by_hand, PASS, approve, PASS, PASS]).collect()
}

/// After a rollback, an operator deploys a commit that does not contain everything that was
/// rolled back.
fn triggered_after_rollback(chance: &mut Chance) -> Vec<What> {
    let deploys = std::iter::repeat_n([push(Touch::Low), PASS, ENDS_WELL, PASS], 3).flatten();
    let trigger = What::Trigger { nth: 1, rollback: false, refused: None };
    // An operator who acts within the second in which it ended may not know of it.
    let trigger = [What::Wait { seconds: 15 }, trigger];
    let newer = chance.percent(50).then_some(push(Touch::Low));
    let then = [What::Wait { seconds: 70 }, PASS, ENDS_WELL, PASS, PASS];
    deploys.chain([deployed(2), PASS]).chain(trigger).chain(newer).chain(then).collect()
}

/// The answer to a dispatch is lost, and lists do not show the branch of its run.
fn answer_lost_with_the_branch() -> Vec<What> {
    let operation = "create-workflow-dispatch";
    let lost = What::Fail { operation, fault: Hit::LoseAnswer, skip: 0 };
    let begun = [What::ListLag { seconds: 15 }, push(Touch::Low), lost, PASS];
    let found = [What::LoseBranch { nth: 0 }, What::Wait { seconds: 60 }, PASS];
    let later = std::iter::repeat_n([What::Wait { seconds: 400 }, PASS], 3).flatten();
    begun.into_iter().chain(found).chain(later).collect()
}

/// An operator sets production during a deploy.
fn spoken_meanwhile(chance: &mut Chance) -> Vec<What> {
    let (title, on) = (Title::Full, On::Branch);
    let rollback = What::ForeignDeploy { nth: 1, title, on, ends: None };
    let deploy = chance.pick(&[PASS, rollback]);
    let (wait, spoken) = (What::Wait { seconds: 15 }, What::SetProduction { nth: chance.below(2) });
    let seen = chance.percent(50).then_some(PASS);
    let begun = [push(Touch::Low), PASS, ENDS_WELL, push(Touch::Low), deploy, wait.clone()];
    let ended = [spoken, wait, ENDS_WELL, PASS, push(Touch::Low), PASS];
    begun.into_iter().chain(seen).chain(ended).collect()
}

/// Inserts permanent failures into some of the scripts: a locked issue, or an unreadable
/// timeline, comparison or job list. Uses its own random numbers, so that the other events stay
/// the same.
pub(crate) fn weave_lasting(seed: u64, events: Vec<Event>, repositories: u64) -> Vec<Event> {
    if (seed / 2) % 4 != 2 {
        return events;
    }
    let mut chance = Chance::new(seed ^ 0x1a57_1196);
    let lasting = [
        ("list-jobs-for-workflow-run-attempt", Hit::Before(502)),
        ("list-jobs-for-workflow-run-attempt", Hit::Refuse(404)),
        ("create-comment", Hit::Refuse(403)),
        ("update", Hit::Refuse(403)),
        ("compare-commits-with-basehead", Hit::Before(502)),
        ("list-events-for-timeline", Hit::Before(502)),
        ("list-pull-requests-associated-with-commit", Hit::Before(502)),
        ("get-collaborator-permission-level", Hit::Before(502)),
        ("create-commit-status", Hit::Refuse(422)),
    ];
    let mut woven = Vec::new();
    for event in events {
        if chance.percent(8) {
            let at = chance.below(repositories);
            let (operation, fault) = chance.pick(&lasting);
            let what =
                if chance.percent(30) { What::Calm } else { What::FailAlways { operation, fault } };
            woven.push(Event { at, what });
        }
        woven.push(event);
    }
    woven
}
