//! Rule 9d: a freeze, or a closed window, covers the lane.

use super::{Case, RuleFinding};
use crate::domain::Cause;

pub(super) fn frozen(case: &Case<'_>) -> RuleFinding {
    // A freeze keeps changes out of production. Going back takes one out.
    if case.question.rollback {
        return Ok(None);
    }
    let by = case.policy().calendar.frozen(&case.clock);
    Ok(by.map(|by| Cause::Frozen { by: Box::new(by) }))
}
