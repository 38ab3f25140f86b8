//! The acts of the scenario: in each, something happens on GitHub, and the governor reacts.

use std::time::Duration;

use jiff::Timestamp;

use super::governor::Governor;
use super::narrator::{Narrator, Who};
use super::stage::{Stage, StagedRepository, short};
use crate::clock::Clock;
use crate::request::CommandFailure;

/// The interval at which an act checks for an awaited result.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A pause that gives the reader time to read.
const MOMENT: Duration = Duration::from_millis(2_500);
/// The delay with which the fake GitHub lists new runs in the act of the lost response.
const LIST_LAG: Duration = Duration::from_secs(4);
/// How long the governor must write nothing to count as settled. It covers at least five passes.
const SETTLED: Duration = Duration::from_secs(3);

/// What the acts need to run.
pub(super) struct Acts<'a> {
    pub(super) stage: &'a Stage,
    pub(super) governor: &'a Governor,
    pub(super) narrator: &'a Narrator,
    pub(super) clock: &'a Clock,
}

/// The results of the acts, for the promises to be checked against.
pub(super) struct Played {
    /// The commit of the low-risk change.
    pub(super) low: String,
    /// The commit of the high-risk change, and the time of its approval.
    pub(super) migration: String,
    pub(super) approved_at: Timestamp,
    /// The commit whose deploy failed, and its fix.
    pub(super) broken: String,
    pub(super) fix: String,
    /// The commit whose verification failed.
    pub(super) red: String,
    /// The commit whose dispatch response was lost.
    pub(super) lost: String,
    /// Number of requests that the settled governor sent, all of them reads.
    pub(super) settled_requests: usize,
}

impl Acts<'_> {
    /// Runs all acts in order.
    pub(super) async fn play(&self) -> Result<Played, CommandFailure> {
        self.first_look().await?;
        let low = self.a_low_risk_change_ships().await?;
        let (migration, approved_at) = self.a_high_risk_change_is_held().await?;
        let (broken, fix) = self.a_deploy_fails().await?;
        let red = self.a_verification_fails().await;
        let lost = self.an_answer_is_lost().await?;
        let settled_requests = self.settles().await;
        Ok(Played { low, migration, approved_at, broken, fix, red, lost, settled_requests })
    }

    async fn first_look(&self) -> Result<(), CommandFailure> {
        for place in self.stage.places() {
            self.in_production(place, &place.first).await?;
        }
        let names = self.stage.places().map(|place| place.name).join(", ");
        self.narrator.says(
            Who::Governor,
            &format!(
                "has looked at {names}: each runs in production what somebody deployed by hand, \
                 and nothing is to do."
            ),
        );
        Ok(())
    }

    async fn a_low_risk_change_ships(&self) -> Result<String, CommandFailure> {
        let place = &self.stage.shop;
        self.narrator.act(1, "A low-risk change ships by itself", place.name);
        let sha = self.pushed_and_verified(place, "Show the total", "src/cart.rs").await;
        self.ships(place, &sha).await?;
        self.narrator.why(
            "src/cart.rs matches none of the paths that are MEDIUM or HIGH, so the change is LOW, \
             and LOW ships without anybody's word.",
        );
        self.clock.sleep(MOMENT).await;
        Ok(sha)
    }

    async fn a_high_risk_change_is_held(&self) -> Result<(String, Timestamp), CommandFailure> {
        let place = &self.stage.shop;
        self.narrator.act(2, "A high-risk change waits for a person", place.name);
        let path = "db/migrations/0007_coupons.sql";
        let sha = self.pushed_and_verified(place, "Add coupons", path).await;
        self.status_says(place, &sha, "high_risk_no_approval").await;
        self.narrator.why(&format!(
            "{path} matches **/migrations/**, which is HIGH. The commit's red status says how to \
             unblock it."
        ));
        self.clock.sleep(MOMENT).await;
        let (reason, name) = ("rehearsed on staging", "ada");
        self.narrator.says(
            Who::Operator,
            &format!(
                "release-governor approve {} {} --reason \"{reason}\" --as {name}",
                place.name,
                short(&sha)
            ),
        );
        let approved_at = self.stage.github.clock().now();
        self.governor.approve(place.name, &sha, reason, name).await?;
        self.narrator.why("The ledger keeps who said it, when and why.");
        self.ships(place, &sha).await?;
        self.clock.sleep(MOMENT).await;
        Ok((sha, approved_at))
    }

    async fn a_deploy_fails(&self) -> Result<(String, String), CommandFailure> {
        let place = &self.stage.api;
        self.narrator.act(3, "A deploy fails", place.name);
        place.deploys_end("failure");
        let broken = self.pushed_and_verified(place, "Cache all answers", "src/cache.rs").await;
        self.status_says(place, &broken, "Triggered").await;
        self.deploy_ended(place, &broken).await;
        self.status_says(place, &broken, "deploy_failed").await;
        let opened = || place.repo.issues().into_iter().next();
        let issue = self.until("the failure issue", opened).await;
        self.narrator.says(
            Who::Governor,
            &format!(
                "opens issue #{} \"{}\" [{}]",
                issue.number,
                issue.title,
                issue.labels.join(", ")
            ),
        );
        self.narrator.why(&format!(
            "Production stays on {}. The same commit is not sent again by itself; a fix is.",
            short(&place.first)
        ));
        place.deploys_end("success");
        let fix = self.pushed_and_verified(place, "Cache what may be cached", "src/cache.rs").await;
        self.ships(place, &fix).await?;
        let commented = || place.repo.issue(issue.number).comments.into_iter().next();
        let comment = self.until("the comment on the failure issue", commented).await;
        self.narrator.says(
            Who::Governor,
            &format!("comments on issue #{}: {}", issue.number, first_line(&comment.body)),
        );
        self.clock.sleep(MOMENT).await;
        Ok((broken, fix))
    }

    async fn a_verification_fails(&self) -> String {
        let place = &self.stage.billing;
        self.narrator.act(4, "A verification fails", place.name);
        place.verifications_end("failure");
        let red = self.pushed_and_verified(place, "Round amounts", "src/invoice.rs").await;
        place.verifications_end("success");
        self.status_says(place, &red, "verification_failed").await;
        self.narrator.why(&format!(
            "No risk class and nobody's approval ships a commit that is not verified. Production \
             stays on {}.",
            short(&place.first)
        ));
        self.clock.sleep(MOMENT).await;
        red
    }

    async fn an_answer_is_lost(&self) -> Result<String, CommandFailure> {
        let place = &self.stage.mail;
        self.narrator.act(5, "The answer to a dispatch is lost", place.name);
        let lag = LIST_LAG.as_secs();
        self.narrator.says(
            Who::GitHub,
            &format!(
                "has a bad day: it will break the connection after the next dispatch, and show \
                 new runs {lag} s late."
            ),
        );
        self.stage.lose_the_next_dispatch_of(place);
        place.repo.set_list_lag(LIST_LAG);
        let sha = self.pushed_and_verified(place, "Greet by name", "src/letter.rs").await;
        let dispatched = || place.deploy(&sha);
        let run = self.until("the dispatch", dispatched).await;
        self.status_says(place, &sha, "dispatching").await;
        self.narrator.says(
            Who::GitHub,
            &format!("takes the dispatch, starts run {}, and the connection breaks.", run.id),
        );
        self.narrator.why(
            "Did it start? The governor cannot know. But before it sent anything it wrote its \
             intent into its ledger and on the commit. So it sends nothing again, and looks for \
             the run.",
        );
        let before = self.stage.requests_about(place);
        self.status_says(place, &sha, "Triggered").await;
        let looks = self.stage.requests_about(place).saturating_sub(before);
        self.narrator.why(&format!(
            "It asked GitHub {looks} times meanwhile, dispatched nothing, and knew run {} when it \
             showed.",
            run.id
        ));
        place.repo.set_list_lag(Duration::ZERO);
        self.deploy_ended(place, &sha).await;
        self.in_production(place, &sha).await?;
        Ok(sha)
    }

    async fn settles(&self) -> usize {
        self.narrator.awaits("passes that write nothing");
        loop {
            let (writes, requests) = (self.stage.writes(), self.stage.requests());
            self.clock.sleep(SETTLED).await;
            if self.stage.writes() == writes {
                return self.stage.requests().saturating_sub(requests);
            }
        }
    }

    /// Pushes a change as a developer, and waits until its verification completes.
    async fn pushed_and_verified(
        &self,
        place: &StagedRepository,
        message: &str,
        path: &str,
    ) -> String {
        let sha = place.push(message, path);
        self.narrator
            .says(Who::Dev, &format!("pushes {} to main: {message} ({path})", short(&sha)));
        let what = format!("the verification of {}", short(&sha));
        let run = self.until(&what, || place.verified(&sha)).await;
        let ended = run.conclusion.unwrap_or_default();
        self.narrator.says(Who::GitHub, &format!("Verify main: {ended}"));
        sha
    }

    /// Waits until the governor triggers the deploy, the deploy completes, and the ledger records
    /// the commit as production.
    async fn ships(&self, place: &StagedRepository, sha: &str) -> Result<(), CommandFailure> {
        self.status_says(place, sha, "Triggered").await;
        self.deploy_ended(place, sha).await;
        self.in_production(place, sha).await
    }

    /// Waits until the governor's status on the commit contains `word`, and prints the status.
    async fn status_says(&self, place: &StagedRepository, sha: &str, word: &str) {
        let what = format!("the status of {} to say {word}", short(sha));
        let says = || place.status(sha).filter(|status| status.description.contains(word));
        let status = self.until(&what, says).await;
        self.narrator.says(Who::Governor, &format!("{} [{}]", status.description, status.state));
    }

    async fn deploy_ended(&self, place: &StagedRepository, sha: &str) {
        let what = format!("the deploy of {} to end", short(sha));
        let run =
            self.until(&what, || place.deploy(sha).filter(|run| run.conclusion.is_some())).await;
        let ended = run.conclusion.unwrap_or_default();
        let text = format!("Deploy of {} (run {}): {ended}", short(sha), run.id);
        self.narrator.says(Who::GitHub, &text);
    }

    /// Waits until the governor reports this commit as production.
    async fn in_production(
        &self,
        place: &StagedRepository,
        sha: &str,
    ) -> Result<(), CommandFailure> {
        self.narrator.awaits(&format!("{} to be in production of {}", short(sha), place.name));
        while self.governor.production(place.name).await?.as_deref() != Some(sha) {
            self.clock.sleep(LOOK_EVERY).await;
        }
        if sha != place.first {
            self.narrator.says(
                Who::Governor,
                &format!("records that {} is in production of {}.", short(sha), place.name),
            );
        }
        Ok(())
    }

    /// Polls `look` until it returns a value.
    async fn until<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        self.narrator.awaits(what);
        loop {
            if let Some(found) = look() {
                return found;
            }
            self.clock.sleep(LOOK_EVERY).await;
        }
    }
}

/// The first visible line of a GitHub comment.
fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("<!--")).unwrap_or("")
}
