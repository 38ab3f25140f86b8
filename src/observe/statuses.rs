//! What GitHub shows under our context.

use super::{Look, ObserveError};
use crate::domain::{Fact, Observation, Sha};
use crate::github::AllOrFirst;

/// Reads the newest statuses of these commits under our context.
///
/// # Errors
/// What GitHub said.
pub async fn statuses<'a>(
    look: &Look<'_>,
    observation: &mut Observation,
    shas: impl Iterator<Item = &'a Sha>,
) -> Result<(), ObserveError> {
    for sha in shas {
        let known =
            observation.commits.get(sha).is_some_and(|facts| facts.statuses.known().is_some());
        if known && !look.anew {
            continue;
        }
        let (name, context) = (look.name(), &look.policy.status_context);
        let statuses = look.reader.statuses(name, sha, context, AllOrFirst::First).await?;
        observation.commits.entry(sha.clone()).or_default().statuses = Fact::Known(statuses);
    }
    Ok(())
}
