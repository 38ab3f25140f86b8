//! Checks the results of the scenario in the fake GitHub and the ledger.

use super::acts::Played;
use super::governor::Governor;
use super::stage::{Stage, StagedRepository, short};
use crate::request::CommandFailure;

/// An expected result of the scenario.
pub(super) struct Promise {
    /// The expected result, as a sentence.
    pub(super) says: String,
    pub(super) kept: bool,
}

/// Checks all promises of the scenario.
pub(super) async fn check(
    stage: &Stage,
    governor: &Governor,
    played: &Played,
) -> Result<Vec<Promise>, CommandFailure> {
    let mut promises = of_the_box(stage, played);
    let ends = [
        (&stage.shop, &played.migration),
        (&stage.api, &played.fix),
        (&stage.billing, &stage.billing.first),
        (&stage.mail, &played.lost),
    ];
    let mut all_known = true;
    for (place, sha) in ends {
        all_known &= governor.production(place.name).await?.as_ref() == Some(sha);
    }
    promises.push(Promise {
        says: "The ledger knows what is in production of all four repositories.".to_owned(),
        kept: all_known,
    });
    Ok(promises)
}

fn of_the_box(stage: &Stage, played: &Played) -> Vec<Promise> {
    let (shop, api) = (&stage.shop, &stage.api);
    let (billing, mail) = (&stage.billing, &stage.mail);
    let promise = |kept, says: String| Promise { says, kept };
    let once = |place: &StagedRepository, shas: &[&String]| {
        place.dispatched().iter().eq(shas.iter().copied())
    };
    let approved_first = shop
        .repo
        .dispatches()
        .iter()
        .filter(|one| one.sha() == Some(&played.migration))
        .all(|one| one.at >= played.approved_at);
    let issues = api.repo.issues();
    let one_issue = issues.len() == 1
        && issues.iter().all(|issue| issue.title.ends_with(short(&played.broken)));
    vec![
        promise(
            once(shop, &[&played.low, &played.migration]),
            format!(
                "{} shipped: {} and {}, each dispatched once.",
                shop.name,
                short(&played.low),
                short(&played.migration)
            ),
        ),
        promise(
            approved_first,
            format!("{} left only after the operator's word.", short(&played.migration)),
        ),
        promise(
            once(api, &[&played.broken, &played.fix]) && one_issue,
            format!(
                "{}: {} failed, was not sent again and has one issue; {} shipped, dispatched once.",
                api.name,
                short(&played.broken),
                short(&played.fix)
            ),
        ),
        promise(
            billing.dispatched().is_empty(),
            format!("{}: {} was never dispatched.", billing.name, short(&played.red)),
        ),
        promise(
            once(mail, &[&played.lost]),
            format!(
                "{}: {} was dispatched once, although the answer was lost.",
                mail.name,
                short(&played.lost)
            ),
        ),
        promise(
            played.settled_requests > 0,
            format!(
                "Settled: the last {} requests to GitHub were all reads.",
                played.settled_requests
            ),
        ),
    ]
}
