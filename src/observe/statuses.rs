//! Reads commit statuses under our context.

use super::{ObserveError, ReadContext};
use crate::domain::{Fact, Observation, Sha, Why};
use crate::github::{AllOrFirst, ReadError};

/// Reads the newest statuses of these commits under our context. If GitHub no longer has a
/// commit of an earlier release, as after a force push, its statuses are noted as unreadable,
/// and the pass goes on.
///
/// # Errors
/// If GitHub cannot be read.
pub async fn statuses<'a>(
    ctx: &ReadContext<'_>,
    observation: &mut Observation,
    shas: impl Iterator<Item = &'a Sha>,
) -> Result<(), ObserveError> {
    for sha in shas {
        let known =
            observation.commits.get(sha).is_some_and(|facts| facts.statuses.known().is_some());
        if known && !ctx.uncached {
            continue;
        }
        let (name, context) = (ctx.name(), &ctx.policy.status_context);
        // Before a dispatch, none may be missed: statuses of other contexts can push another
        // process's mark off the first page.
        let pages = if ctx.uncached { AllOrFirst::All } else { AllOrFirst::First };
        let statuses = match ctx.reader.statuses(name, sha, context, pages).await {
            Ok(statuses) => Fact::Known(statuses),
            Err(error @ (ReadError::NotFound { .. } | ReadError::Refused { status: 422, .. }))
                if !ctx.uncached && !observation.candidates.has(sha) =>
            {
                Fact::Unreadable(Why(error.to_string()))
            }
            Err(error) => return Err(error.into()),
        };
        observation.commits.entry(sha.clone()).or_default().statuses = statuses;
    }
    Ok(())
}
