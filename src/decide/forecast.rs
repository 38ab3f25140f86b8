//! When a commit ships if nothing changes but the time.

use super::{Question, decide_now};
use crate::domain::{Cause, Decision, Outcome, Verdict, ZonedTime};

/// The most times that are tried: a block may begin while another one lasts.
const MOST_TIMES: usize = 20;

/// The earliest time at which the answer turns to one that starts a deploy, if time alone brings
/// that about. A freeze's end is written in the freeze's zone.
pub(super) fn ships_at(question: &Question<'_>, decision: &Decision) -> Option<ZonedTime> {
    let mut at = all_end(decision)?;
    for _ in 0..MOST_TIMES {
        // What only a later decision lacks is not read for a forecast.
        let later = Question { now: at.at, ..*question };
        let Verdict::Decided(later) = decide_now(&later) else { return None };
        if later.reason().starts_a_deploy() {
            return Some(at);
        }
        at = all_end(&later).filter(|end| end.at > at.at)?;
    }
    None
}

/// When the last of the causes that block it ends, if time ends all of them. Until then, at least
/// that one blocks.
fn all_end(decision: &Decision) -> Option<ZonedTime> {
    let blocks = |cause: &&Cause| matches!(cause.reason().outcome(), Outcome::Hold | Outcome::Wait);
    let causes = std::iter::once(&decision.cause).chain(&decision.also).filter(blocks);
    let ends: Option<Vec<ZonedTime>> = causes.map(Cause::ends_at).collect();
    ends?.into_iter().max_by_key(|end| end.at)
}
