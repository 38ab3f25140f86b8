//! A simulated day with a governor, in a few seconds, in which every monitored event happens.

use std::path::Path;
use std::time::Duration;

use ghbox::{AutoProgress, Fault, FaultOn, NewCommit, Repo, StartRun, Token, story};
use release_governor::clock::Clock;

use crate::tools::Prometheus;
use crate::town::{Running, TOKEN, Town};

const CONTEXT: &str = "booty/release-governor";
/// The lifetime of the token: short enough for ReleaseGovernorTokenExpiring to fire.
const TOKEN_LASTS: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// The governor after that day, and the Prometheus that scraped it from the beginning.
pub(crate) struct BusyDay {
    pub(crate) town: Town,
    pub(crate) running: Running,
    pub(crate) prometheus: Prometheus,
}

/// Runs the day with these alerting rules.
pub(crate) fn busy_day(rules: &Path) -> BusyDay {
    let town = Town::new();
    let end = Clock::system().now() + TOKEN_LASTS;
    town.github.add_token_with(TOKEN, Token::fine_grained(story::GOVERNOR).expires_at(end));
    let repos = ["acme/shop", "acme/api", "acme/mail"].map(|name| {
        let repo = story::repository(&town.github, name);
        repo.add_collaborator(story::GOVERNOR, ghbox::Role::Write);
        deploys_end(&repo, "success");
        (repo.in_production(), repo)
    });
    let [(_, shop), (first_of_api, api), (_, mail)] = &repos;
    configure(&town, "");
    let running = town.govern();
    let prometheus = Prometheus::watching(running.address(), rules);
    prometheus.query_until_found("release_governor_production_info");

    // One commit ships, one fails, one fixes it, one waits for approval, and its status is
    // forged.
    shipped(&town, shop, &["src/cart.rs"]);
    deploys_end(shop, "failure");
    let broken = shop.verified(&["src/cache.rs"]);
    town.row_when("acme/shop", |row| row["reason"] == "deploy_failed");
    deploys_end(shop, "success");
    shipped(&town, shop, &["src/cache.rs"]);
    let held = shop.verified(&["db/migrations/7.sql"]);
    town.row_when("acme/shop", |row| row["reason"] == "high_risk_no_approval");
    shop.set_status(&held, CONTEXT, "success", "let it pass", "dev");
    told(&running, "forged_statuses_total{repository=\"acme/shop\"} 1");
    assert_eq!(shop.dispatches_of(&broken), 1);

    // One deploy is rolled back by hand.
    shipped(&town, api, &["src/api.rs"]);
    api.deploy(first_of_api, "dev", "success");
    town.row_when("acme/api", |row| row["reason"] == "rolled_back");

    // A tag has the name of the branch, and deploys something else.
    api.force_push("aside", first_of_api, "dev");
    let aside = api.push(NewCommit::on("aside").file("src/aside.rs", "aside"));
    api.tag("main", &aside);
    api.start_run(story::DEPLOY, StartRun::of("workflow_dispatch", "main", &aside));
    told(&running, "stray_runs_total{repository=\"acme/api\"} 1");

    // The answer to a dispatch is lost, and GitHub tells us to wait.
    let dispatch = FaultOn::operation("create-workflow-dispatch").in_repository("acme/mail");
    town.github.fail(dispatch, Fault::LoseAnswer);
    shipped(&town, mail, &["src/letter.rs"]);
    let limit = Fault::SecondaryLimit { status: 429, retry_after: Some(1) };
    town.github.fail(FaultOn::any(), limit);
    told(&running, "told_to_wait_until_timestamp_seconds{");

    // One change of the configuration is valid, the next one is not.
    let signal = format!(
        "{{type: prometheus, name: rollbacks, url: \"{}\", interval: 1s, query: \
         'release_governor_holds{{reason=\"rolled_back\"}}'}}",
        prometheus.url
    );
    configure(&town, &format!("defaults: {{degraded: {signal}}}\n"));
    told(&running, "config_reloads_total{result=\"taken\"} 1");
    told(&running, "degraded{repository=\"acme/mail\"} 1");
    configure(&town, "defaults: {cooldown_minutes: soon}\n");
    told(&running, "config_reloads_total{result=\"refused\"} 1");
    BusyDay { town, running, prometheus }
}

impl BusyDay {
    pub(crate) fn metrics(&self) -> String {
        self.running.ask("GET", "/metrics").2
    }
}

fn configure(town: &Town, more: &str) {
    let names = "repositories: [{name: acme/shop}, {name: acme/api}, {name: acme/mail}]\n\
                 freezes: [{name: far away, zone: UTC, from: 2126-01-01T00:00, \
                 to: 2127-01-01T00:00}]\n";
    town.configure(&format!("{more}{names}"));
}

fn deploys_end(repo: &Repo, conclusion: &str) {
    let takes = AutoProgress::new(Duration::from_millis(20), Duration::from_millis(1_100));
    repo.auto_progress(story::DEPLOY, takes.conclusion(conclusion));
}

fn shipped(town: &Town, repo: &Repo, paths: &[&str]) {
    let sha = repo.verified(paths);
    town.row_when(&repo.full_name(), |row| row["production_sha_current"] == sha.as_str());
}

/// Waits until `/metrics` contains this line.
#[track_caller]
fn told(running: &Running, what: &str) {
    let what = format!("release_governor_{what}");
    let mut last = String::new();
    let found = crate::tools::wait_until(|| {
        last = running.ask("GET", "/metrics").2;
        last.contains(&what)
    });
    assert!(found, "it never told {what}:\n{last}");
}
