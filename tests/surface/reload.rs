//! The configuration file changes while the controller runs.

mod load;
mod refused;

use std::time::Duration;

use ghbox::{Fault, FaultOn, Repo, story};
use serde_json::Value;

use crate::town::{Running, Town, until};

/// A mounted `ConfigMap`: a symlink to a symlink that is swapped.
pub(crate) struct Mount<'a> {
    town: &'a Town,
    swaps: u32,
}

impl<'a> Mount<'a> {
    pub(crate) fn of(town: &'a Town, more: &str) -> Self {
        let mut mount = Self { town, swaps: 0 };
        mount.swap(&town.text(more));
        let file = town.directory.path().join("governor.yaml");
        std::os::unix::fs::symlink("..data/governor.yaml", file).unwrap();
        mount
    }

    /// Swaps in other content, as a kubelet does. Removes the file if there is no content.
    pub(crate) fn swap(&mut self, text: &str) {
        let old = self.at(&format!("..{}", self.swaps));
        self.swaps += 1;
        let new = format!("..{}", self.swaps);
        std::fs::create_dir(self.at(&new)).unwrap();
        if !text.is_empty() {
            std::fs::write(self.at(&new).join("governor.yaml"), text).unwrap();
        }
        std::os::unix::fs::symlink(&new, self.at("..young")).unwrap();
        std::fs::rename(self.at("..young"), self.at("..data")).unwrap();
        let _ = std::fs::remove_dir_all(old);
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.town.directory.path().join(name)
    }

    /// Swaps in other content. Returns the log message once it was validated.
    fn takes(&mut self, running: &Running, more: &str, word: &str) -> String {
        let text = self.town.text(more);
        self.judges(running, &text, word)
    }

    fn judges(&mut self, running: &Running, text: &str, word: &str) -> String {
        self.swap(text);
        running.signal("-HUP");
        running.until_said(word)
    }
}

const REFUSED: &str = r#"release_governor_config_reloads_total{result="refused"}"#;
const TAKEN: &str = r#"release_governor_config_reloads_total{result="taken"}"#;
const SUCCESSFUL: &str = "release_governor_config_last_reload_successful";
const SINCE: &str = "release_governor_config_last_reload_success_timestamp_seconds";

fn until_shipped(repository: &Repo, sha: &str) {
    until(|| repository.dispatches_of(sha) > 0);
    assert_eq!(repository.dispatches_of(sha), 1, "{}", repository.full_name());
}

/// Finishes all runs with success.
fn finish(repository: &Repo) {
    for run in repository.runs().iter().filter(|run| run.conclusion.is_none()) {
        repository.finish_run(run.id, "success");
    }
}

/// The number of passes over a repository so far.
fn passes(running: &Running, name: &str) -> f64 {
    let series = format!("release_governor_passes_total{{repository=\"{name}\",result=\"ok\"}}");
    running.metric(&series).unwrap_or_default()
}

fn some_passes_later(running: &Running, name: &str) {
    let before = passes(running, name);
    assert!(until(|| passes(running, name) >= before + 3.0), "{}", running.log());
}

#[test]
fn a_repository_that_is_written_into_the_file_is_governed_without_a_restart() {
    let (town, _, _) = Town::with_shop();
    std::fs::remove_file(town.config()).unwrap();
    let mut mount = Mount::of(&town, "repositories: [{name: acme/shop}]\n");
    let running = town.govern();
    assert_eq!((running.metric(TAKEN), running.metric(REFUSED)), (Some(0.0), Some(0.0)));
    assert_eq!(running.metric(SUCCESSFUL), Some(1.0));
    let cart = story::repository(&town.github, "acme/cart");
    cart.in_production();
    let sha = cart.verified(&["src/cart.rs"]);
    // Without a signal, the file is polled every few seconds.
    mount.swap(&town.text("repositories: [{name: acme/shop}, {name: acme/cart}]\n"));
    running.until_said("config: acme/cart is now governed");
    until_shipped(&cart, &sha);
    assert_eq!((running.metric(TAKEN), running.metric(REFUSED)), (Some(1.0), Some(0.0)));
    let late_runs = "release_governor_late_runs_total{repository=\"acme/cart\"}";
    assert_eq!(running.metric(late_runs), Some(0.0), "what is alerted on is there");
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_repository_that_leaves_is_touched_no_more_keeps_its_history_and_goes_on_when_it_comes_back() {
    const BOTH: &str = "repositories: [{name: acme/shop}, {name: acme/cart}]\n";
    let (town, _, _) = Town::with_shop();
    std::fs::remove_file(town.config()).unwrap();
    let cart = story::repository(&town.github, "acme/cart");
    let production = cart.in_production();
    let mut mount = Mount::of(&town, BOTH);
    let running = town.govern();
    let first = cart.verified(&["src/cart.rs"]);
    until_shipped(&cart, &first);
    town.row_when("acme/cart", |row| row["reason"] == "deploying");

    mount.takes(&running, "repositories: [{name: acme/shop}]\n", "acme/cart was removed");
    let gone = until(|| running.metric(&left_of("acme/cart")).is_none());
    assert!(gone, "its metrics leave with it");
    drop(town.github.take_requests());
    let meanwhile = cart.verified(&["src/later.rs"]);
    finish(&cart);
    some_passes_later(&running, "acme/shop");
    let touched = town.github.requests();
    assert!(touched.iter().all(|one| !one.path.contains("acme/cart")), "it is left alone");
    assert_eq!(cart.dispatches_of(&meanwhile), 0);
    let asked = town.run(&["status", "acme/cart"]).with(4).error();
    assert!(asked.contains("acme/cart is not configured"), "{asked}");
    let told = town.run(&["history", "acme/cart", "--json"]).with(0).json();
    assert!(told["entries"].to_string().contains(&first), "its history stays");
    town.run(&["history", "acme/nothing"]).with(4);

    mount.takes(&running, BOTH, "config: acme/cart is now governed");
    until_shipped(&cart, &meanwhile);
    let row = town.row_when("acme/cart", |row| row["production_sha_current"] == first.as_str());
    assert_eq!(row["production_sha_previous"], production.as_str(), "what ran meanwhile is seen");
    assert_eq!(cart.dispatches_of(&first), 1);
    let numbers = entry_numbers(&town, "acme/cart");
    assert!(numbers.windows(2).all(|two| two[1] + 1 == two[0]), "one ledger: {numbers:?}");
    assert_eq!(running.end().0, 0);
}

/// A series that every governed repository has from the start.
fn left_of(name: &str) -> String {
    format!("release_governor_late_runs_total{{repository=\"{name}\"}}")
}

/// The numbers of a ledger's entries, newest first.
pub(crate) fn entry_numbers(town: &Town, name: &str) -> Vec<u64> {
    let told = town.run(&["history", name, "--limit", "1000", "--json"]).with(0).json();
    let entries = told["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["number"].as_u64().unwrap()).collect()
}

#[test]
fn a_changed_policy_holds_from_the_next_pass_on() {
    let (town, shop, _) = Town::with_shop();
    std::fs::remove_file(town.config()).unwrap();
    let mut mount = Mount::of(&town, "repositories: [{name: acme/shop, paused: freeze}]\n");
    let running = town.govern();
    let sha = shop.verified(&["src/cart.rs"]);
    town.row_when("acme/shop", |row| row["reason"] == "paused");
    let said = mount.takes(&running, "repositories: [{name: acme/shop}]\n", "acme/shop: paused");
    assert!(said.contains("paused: `freeze` → null"), "{said}");
    until_shipped(&shop, &sha);

    // The interval is an hour: the change, and its reversal, must be applied soon nevertheless.
    let slow = town.text("repositories: [{name: acme/shop, paused: again}]\n");
    let slow =
        slow.replace("poll_interval: 300ms, active_poll_interval: 150ms", "poll_interval: 1h");
    mount.judges(&running, &slow, "controller.poll_interval");
    running.until_said("`300ms` → `3600s`");
    finish(&shop);
    town.row_when("acme/shop", |row| row["paused"] == "again");
    let interval = "release_governor_effective_poll_interval_seconds{repository=\"acme/shop\"}";
    assert!(until(|| running.metric(interval) == Some(3600.0)), "{}", running.log());
    let next = shop.verified(&["src/next.rs"]);
    mount.takes(&running, "repositories: [{name: acme/shop}]\n", "`3600s` → `300ms`");
    until_shipped(&shop, &next);
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_repository_that_is_switched_off_is_watched_until_its_deploy_has_ended() {
    let (town, shop, _) = Town::with_shop();
    std::fs::remove_file(town.config()).unwrap();
    let mut mount = Mount::of(&town, "repositories: [{name: acme/shop}]\n");
    let running = town.govern();
    let sha = shop.verified(&["src/cart.rs"]);
    until_shipped(&shop, &sha);
    town.row_when("acme/shop", |row| row["reason"] == "deploying");
    mount.takes(&running, "repositories: [{name: acme/shop, enabled: false}]\n", "true → false");
    let next = shop.verified(&["src/next.rs"]);
    finish(&shop);
    town.row_when("acme/shop", |row| row["production_sha_current"] == sha.as_str());
    assert_eq!(shop.dispatches_of(&next), 0, "nothing is started any more");
    mount.takes(&running, "repositories: [{name: acme/shop}]\n", "false → true");
    until_shipped(&shop, &next);
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_bad_file_is_refused_and_told_and_the_last_good_configuration_stays() {
    let (town, shop, _) = Town::with_shop();
    std::fs::remove_file(town.config()).unwrap();
    let mut mount = Mount::of(&town, "repositories: [{name: acme/shop}]\n");
    let running = town.govern();
    town.row_when("acme/shop", |row| row["last_pass"].is_string());
    assert_eq!(running.ask("GET", "/readyz").2, "ok\n");
    let since = running.metric(SINCE).unwrap();

    let bad = "repositories: [{name: acme/shop, cooldwn_minutes: 3}]\n";
    let said = mount.takes(&running, bad, "is refused");
    assert!(said.contains("ERROR") && said.contains("did you mean cooldown_minutes?"), "{said}");
    let (code, _, body) = running.ask("GET", "/readyz");
    assert_eq!(code, 200, "a pod that works stays in its Service: {body}");
    assert!(body.starts_with("ok\nthe configuration file was refused at "), "{body}");
    assert!(body.contains("repositories[0].cooldwn_minutes: is not a known key"), "{body}");
    assert_eq!((running.metric(REFUSED), running.metric(SUCCESSFUL)), (Some(1.0), Some(0.0)));
    // The file is read repeatedly, but the mistake is logged once.
    for _ in 0..3 {
        running.signal("-HUP");
    }
    some_passes_later(&running, "acme/shop");
    let errors = running.log().lines().filter(|line| line.contains("is refused")).count();
    assert_eq!((errors, running.metric(REFUSED)), (1, Some(1.0)));

    let sha = shop.verified(&["src/cart.rs"]);
    until_shipped(&shop, &sha);
    mount.judges(&running, "", "cannot be read: No such file");
    let huge = format!("# {}\n", "x".repeat(5 << 20));
    mount.judges(&running, &huge, "is larger than 4 MiB");
    mount.judges(&running, "repositories: [", "is not valid YAML");
    assert_eq!((running.metric(TAKEN), running.metric(REFUSED)), (Some(0.0), Some(4.0)));
    assert_eq!(running.metric(SINCE), Some(since));

    mount.takes(&running, "repositories: [{name: acme/shop}]\n", "says what is in force");
    assert_eq!((running.metric(TAKEN), running.metric(SUCCESSFUL)), (Some(1.0), Some(1.0)));
    assert_eq!(running.ask("GET", "/readyz").2, "ok\n");
    assert_eq!(running.end().0, 0);
}

#[test]
fn what_needs_a_restart_is_refused_whole_with_a_sentence() {
    let (town, _, _) = Town::with_shop();
    std::fs::remove_file(town.config()).unwrap();
    let mut mount = Mount::of(&town, "repositories: [{name: acme/shop}]\n");
    let running = town.govern();
    let both = "repositories: [{name: acme/shop}, {name: acme/cart}]\n";
    let moved = town.text(both).replace("127.0.0.1:0", "127.0.0.1:1");
    mount.judges(&running, &moved, "server.listen");
    let (code, _, body) = running.ask("GET", "/readyz");
    let sentence = "server.listen: found `127.0.0.1:1`, expected `127.0.0.1:0` for as long as this \
                    process runs: a change of this key needs a restart";
    assert!(body.contains(sentence), "{code} {body}");
    assert!(!running.log().contains("acme/cart is now governed"), "all or nothing");
    // A command that reads the file reports that the controller runs with another
    // configuration.
    for command in [&["status"][..], &["history", "acme/shop"], &["resume", "acme/shop"]] {
        let note = town.run(command).error();
        assert!(note.contains("the controller uses a different configuration"), "{note}");
        assert!(note.contains(sentence), "and why: {note}");
    }
    let unknown = town.run(&["resume", "acme/cart"]).with(4).error();
    assert!(unknown.contains("acme/cart is not governed here"), "{unknown}");
    mount.takes(&running, both, "acme/cart is now governed");
    assert_eq!(town.run(&["status"]).with(0).error(), "");
    assert_eq!(running.end().0, 0);
}

#[test]
fn variables_stay_in_force_over_the_file() {
    let (mut town, shop, _) = Town::with_shop();
    town.set("RELEASE_GOVERNOR_DRY_RUN", "true");
    std::fs::remove_file(town.config()).unwrap();
    let mut mount = Mount::of(&town, "repositories: [{name: acme/shop, paused: freeze}]\n");
    let running = town.govern();
    let sha = shop.verified(&["src/cart.rs"]);
    mount.takes(&running, "repositories: [{name: acme/shop, dry_run: false}]\n", "→ null");
    running.until_said(&format!("would deploy {}", &sha[..7]));
    assert_eq!(shop.dispatches_of(&sha), 0);
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_token_comes_from_another_file_and_through_swapped_links_without_a_restart() {
    let (mut town, shop, _) = Town::with_shop();
    town.use_token("");
    std::fs::remove_file(town.config()).unwrap();
    let secrets = town.directory.path().to_path_buf();
    let secret = |name: &str, token: &str| {
        let (new, link) = (secrets.join(format!("..{token}")), secrets.join(name));
        std::fs::write(&new, token).unwrap();
        std::os::unix::fs::symlink(&new, secrets.join("..link")).unwrap();
        std::fs::rename(secrets.join("..link"), link).unwrap();
    };
    let with = |town: &Town, file: &str| {
        let text = town.text("repositories: [{name: acme/shop}]\n");
        text.replace("github: {", &format!("github: {{token_file: {file}, "))
    };
    for token in ["ghp_first", "ghp_second", "ghp_third"] {
        town.github.add_token(token, story::GOVERNOR);
    }
    secret("token", "ghp_first");
    let mut mount = Mount::of(&town, "");
    mount.swap(&with(&town, "token"));
    let running = town.govern();
    town.row_when("acme/shop", |row| row["last_pass"].is_string());
    // The symlink of the Secret is swapped.
    secret("token", "ghp_second");
    town.github.revoke_token("ghp_first");
    running.until_said("the GitHub token changed");
    // The name of the file changes: a missing file is rejected, and accepted once it exists.
    let said = mount.judges(&running, &with(&town, "other"), "is refused");
    assert!(said.contains("github.token_file") && said.contains("cannot be read"), "{said}");
    secret("other", "ghp_third");
    mount.judges(&running, &format!("# again\n{}", with(&town, "other")), "`token` → `other`");
    town.github.revoke_token("ghp_second");
    let sha = shop.verified(&["src/cart.rs"]);
    until_shipped(&shop, &sha);
    assert!(!running.log().contains("ghp_"), "{}", running.log());
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_repository_that_is_renamed_at_github_and_in_the_file_keeps_its_ledger() {
    let (town, shop, production) = Town::with_shop();
    std::fs::remove_file(town.config()).unwrap();
    let mut mount = Mount::of(&town, "repositories: [{name: acme/shop}]\n");
    let running = town.govern();
    let sha = shop.verified(&["src/cart.rs"]);
    until_shipped(&shop, &sha);
    shop.rename("acme/store");
    mount.takes(&running, "repositories: [{name: acme/store}]\n", "acme/store is now governed");
    let row = town.row_when("acme/store", |row| row["reason"] == "deploying");
    assert_eq!(row["production_sha_current"], production.as_str());
    finish(&shop);
    town.row_when("acme/store", |row| row["production_sha_current"] == sha.as_str());
    assert_eq!(shop.dispatches_of(&sha), 1);
    let numbers = entry_numbers(&town, "acme/store");
    assert_eq!(numbers.last(), Some(&1), "one ledger from its first day: {numbers:?}");

    // Both names refer to the same repository: that is reported, and harmless.
    let both = "repositories: [{name: acme/store}, {name: acme/shop}]\n";
    mount.takes(&running, both, "acme/shop is now governed");
    town.row_when("acme/shop", |row| row["error"].to_string().contains("are one repository"));
    town.row_when("acme/store", |row| row["error"] == Value::Null);
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_repository_that_leaves_while_github_is_slow_gets_no_dispatch_and_loses_none() {
    const BOTH: &str = "repositories: [{name: acme/shop}, {name: acme/cart}]\n";
    const ONE: &str = "repositories: [{name: acme/cart}]\n";
    let (town, shop, _) = Town::with_shop();
    let cart = story::repository(&town.github, "acme/cart");
    cart.in_production();
    std::fs::remove_file(town.config()).unwrap();
    let mut mount = Mount::of(&town, BOTH);
    let running = town.govern();
    some_passes_later(&running, "acme/shop");
    // The answer to the mark is slow: the intent is recorded, and the dispatch is in progress.
    let slow = town.github.fail(
        FaultOn::operation("repos/create-commit-status").always(),
        Fault::Delay(Duration::from_secs(2)),
    );
    let sha = shop.verified(&["src/cart.rs"]);
    until(|| town.github.requests().iter().any(|one| one.is_write()));
    mount.takes(&running, ONE, "acme/shop was removed");
    town.github.mend(slow);
    assert!(until(|| running.metric(&left_of("acme/shop")).is_none()), "{}", running.log());
    let told = town.run(&["history", "acme/shop", "--json"]).with(0).json().to_string();
    let dispatched = shop.dispatches_of(&sha);
    assert!(dispatched <= 1, "{dispatched}");
    let recorded = told.contains("attempt_run") || told.contains("attempt_accepted");
    assert_eq!(dispatched == 1, recorded, "what was sent is recorded: {told}");
    mount.takes(&running, BOTH, "acme/shop is now governed");
    until_shipped(&shop, &sha);
    some_passes_later(&running, "acme/shop");
    assert_eq!(shop.dispatches_of(&sha), 1);
    assert_eq!(running.end().0, 0);
}
