//! Short sequences that chance alone would hardly bring about.

use crate::chance::Chance;
use crate::script::{Hit, On, Title, Touch, What};

const PASS: What = What::Pass { crash: None };
const ENDS_WELL: What = What::EndDeploy { nth: 0, conclusion: "success" };

fn push(touch: Touch) -> What {
    What::Push { touch, verified: Some("success"), dated_back: 0 }
}

/// Somebody deploys a commit that is so far back.
fn deployed(nth: u64) -> What {
    let (title, on) = (Title::Full, On::Branch);
    What::ForeignDeploy { nth, title, on, ends: Some("success") }
}

pub(crate) fn draw(chance: &mut Chance) -> Vec<What> {
    match chance.below(7) {
        0 => refused_trigger(chance),
        1 => resumed_pause(chance),
        2 => blank_list(chance),
        3 => snapshot(chance),
        4 => long_verification(),
        5 => late_merge(chance),
        _ => far_rollback(chance),
    }
}

/// Production goes back, and then nothing is started of what an operator asks.
fn refused_trigger(chance: &mut Chance) -> Vec<What> {
    let refused = [
        ("create-commit-status", Hit::Refuse(422)),
        ("create-commit-status", Hit::Before(502)),
        ("create-workflow-dispatch", Hit::Refuse(422)),
        ("create-workflow-dispatch", Hit::Limit),
    ];
    let (nth, rollback) = (chance.below(2), false);
    let trigger = What::Trigger { nth, rollback, refused: Some(chance.pick(&refused)) };
    let wait = What::Wait { seconds: 70 };
    let later = push(Touch::Low);
    let back = [push(Touch::Low), PASS, ENDS_WELL, PASS, deployed(1), push(Touch::Low), PASS];
    back.into_iter().chain([trigger, wait, PASS, later, PASS]).collect()
}

/// Production goes back while an operator's pause stands, which ends then.
fn resumed_pause(chance: &mut Chance) -> Vec<What> {
    let first = [push(Touch::Low), PASS, ENDS_WELL, What::Pause, PASS, deployed(1)];
    let seen = chance.percent(50).then_some(PASS);
    let then = match chance.below(3) {
        0 => What::SetProduction { nth: 1 },
        _ => What::Resume,
    };
    first.into_iter().chain(seen).chain([then, push(Touch::Low), PASS]).collect()
}

/// A list that says how many there are, and holds none, where nothing is known yet.
fn blank_list(chance: &mut Chance) -> Vec<What> {
    let operation = "list-workflow-runs";
    let fail = What::Fail { operation, fault: Hit::Blank, skip: chance.below(3) };
    let forget = chance.pick(&[What::LoseTheDisk, What::Restart]);
    vec![push(Touch::High), forget, fail.clone(), PASS, fail, PASS, PASS]
}

/// A snapshot is put back that knows nothing of what GitHub shows.
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

/// A verification that goes on while a page full of others begins.
fn long_verification() -> Vec<What> {
    let push = What::Push { touch: Touch::Low, verified: None, dated_back: 0 };
    let (ends, on, other, by_hand) = (None, "main", false, false);
    let verify = What::Verify { nth: 0, ends, by_hand, on, other };
    let ends = What::EndVerification { nth: 0, conclusion: "success" };
    vec![push, verify, PASS, What::Crowd { nth: 0 }, PASS, What::Wait { seconds: 70 }, ends, PASS]
}

/// What was merged last is dated before what was verified first.
fn late_merge(chance: &mut Chance) -> Vec<What> {
    let touches = [Touch::Low, Touch::Low];
    let (nth, dated_back) = (1, chance.pick(&[0, 30]));
    let merge = What::Merge { nth, touches, verified: None, dated_back };
    let (ends, on, other, by_hand) = (Some("success"), "main", false, false);
    let verify = What::Verify { nth: 1 + chance.below(2), ends, by_hand, on, other };
    vec![push(Touch::Low), PASS, push(Touch::Low), merge, verify, PASS, ENDS_WELL, PASS]
}

/// Production goes back, and many deploys that lack the same commit follow.
fn far_rollback(chance: &mut Chance) -> Vec<What> {
    let first = [push(Touch::Low), PASS, ENDS_WELL, PASS, deployed(1), PASS];
    let many = chance.pick(&[1, 3, 22]);
    let again = std::iter::repeat_n(deployed(1), many).flat_map(|one| [one, PASS]);
    first.into_iter().chain(again).chain([push(Touch::Low), PASS]).collect()
}
