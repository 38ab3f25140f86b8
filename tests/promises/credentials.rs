//! A GitHub App that governs repositories of several owners, each through its own installation:
//! its requests, how its tokens are renewed, and what a refused one affects.

mod town;

use std::collections::BTreeMap;
use std::time::Duration;

use ghbox::{APP_TEST_KEY, Exchange, Fault, FaultOn, Repo};
use jiff::SignedDuration;
use release_governor::domain::RepoName;

use town::{SHOP, SITE, Town, is_by_the_app, told};

use crate::story::CONTEXT;

const MINT: &str = "apps/create-installation-access-token";
const ACME_REFUSED: &str = "release_governor_token_refusals_total{credential=\"acme\"}";
const GLOBEX_REFUSED: &str = "release_governor_token_refusals_total{credential=\"globex\"}";
/// A key that belongs to no App.
const ANOTHER_KEY: &str = include_str!("credentials/another_key.pem");

fn asked(requests: &[Exchange], operation: &str) -> usize {
    requests.iter().filter(|one| one.operation == Some(operation)).count()
}

/// The creators of our statuses on a commit, without duplicates.
fn creators(repo: &Repo, sha: &str) -> Vec<String> {
    let ours = repo.statuses(sha).into_iter().filter(|status| status.context == CONTEXT);
    let mut creators: Vec<String> = ours.map(|status| status.creator).collect();
    creators.dedup();
    creators
}

fn deploy_succeeds(repo: &Repo) {
    let run = repo.dispatches().last().unwrap().run_id;
    repo.finish_run(run, "success");
}

#[test]
fn an_app_governs_each_owners_repositories_by_the_installation_there() {
    let mut town = Town::new();
    let (shop, site) = (town.shop.clone(), town.site.clone());
    town.good_passes();
    let (a1, b1) = (town.verified(&shop), town.verified(&site));
    town.good_passes();
    assert_eq!((shop.dispatches_of(&a1), site.dispatches_of(&b1)), (1, 1));
    assert_eq!(creators(&shop, &a1), ["shipper[bot]"]);
    assert_eq!(creators(&site, &b1), ["shipper[bot]"]);
    let requests = town.requests();
    for one in requests.iter().filter(|one| !is_by_the_app(one)) {
        let owner = one.path.strip_prefix("/repos/").and_then(|rest| rest.split('/').next());
        let by = match owner {
            Some("acme") => town.acme.id(),
            Some("globex") => town.globex.id(),
            _ => panic!("a request about no owner: {}", told(one)),
        };
        assert_eq!(one.installation, Some(by), "{}", told(one));
    }
    assert_eq!((town.acme.tokens_minted(), town.globex.tokens_minted()), (1, 1));
    town.later(60);
    deploy_succeeds(&shop);
    deploy_succeeds(&site);
    town.later(5).good_passes().settled();
}

#[test]
fn an_app_that_lost_its_state_directory_knows_its_own_words_and_dispatches_once() {
    let mut town = Town::new();
    let shop = town.shop.clone();
    town.good_passes();
    let a1 = town.verified(&shop);
    town.github.lose_the_answer_to("create-workflow-dispatch");
    let _ = town.try_pass(SHOP);
    assert_eq!(shop.dispatches_of(&a1), 1);
    drop(town.requests());
    town.lose_the_disk().passes(6, 20).later(300).passes(3, 70);
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!(creators(&shop, &a1), ["shipper[bot]"]);
    let requests = town.requests();
    assert_eq!(asked(&requests, "apps/get-authenticated"), 1, "it asks who it is, once");
    deploy_succeeds(&shop);
    town.later(60).good_passes().lose_the_disk().settled();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn an_installation_that_is_named_is_not_looked_for() {
    let mut town = Town::new().by_number();
    let shop = town.shop.clone();
    town.good_passes();
    let a1 = town.verified(&shop);
    town.good_passes();
    assert_eq!(shop.dispatches_of(&a1), 1);
    let requests = town.requests();
    let as_itself = requests.iter().filter(|one| is_by_the_app(one));
    let lookups = as_itself.filter(|one| one.operation != Some("apps/get-authenticated"));
    let minted = format!("POST /app/installations/{}/access_tokens → 201", town.acme.id());
    assert_eq!(lookups.map(told).collect::<Vec<_>>(), [minted]);
    assert_eq!(town.globex.tokens_minted(), 0);
}

#[test]
fn readers_that_start_at_once_share_one_token() {
    let mut town = Town::new();
    let readers = town.readers();
    town.github.sleep_with(|_| Box::pin(tokio::task::yield_now()));
    let slowly = FaultOn::operation("create-installation-access-token").always();
    town.github.fail(slowly, Fault::Delay(Duration::ZERO));
    town.runtime.block_on(async {
        let name: RepoName = SHOP.parse().unwrap();
        let mut reads = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let (reader, name) = (readers.of(&name), name.clone());
            reads.spawn(async move { reader.repository(&name).await.map(drop) });
        }
        for read in reads.join_all().await {
            read.unwrap();
        }
    });
    let requests = town.requests();
    assert_eq!(asked(&requests, "repos/get"), 10);
    assert_eq!(asked(&requests, MINT), 1);
    assert_eq!(town.github.tokens_minted(), 1);
}

#[test]
fn a_token_is_replaced_before_its_hour_ends_and_each_url_is_charged_once_for_it() {
    let mut town = Town::new();
    town.good_passes().settled();
    assert_eq!(town.acme.tokens_minted(), 1);
    for hour in 2..=4 {
        drop(town.requests());
        while town.acme.tokens_minted() < hour {
            town.good_passes().later(60);
        }
        // Once the token is renewed, and while reads continue.
        for _ in 0..40 {
            town.good_passes().later(60);
        }
        assert_eq!(town.acme.tokens_minted(), hour, "one token an hour");
        let requests = town.requests();
        assert!(requests.iter().all(|one| one.response_status < 400), "nothing is refused");
        assert!(requests.iter().all(|one| !one.is_write() || is_by_the_app(one)));
        let mut charged: BTreeMap<(Option<u64>, &str), usize> = BTreeMap::new();
        for one in requests.iter().filter(|one| !is_by_the_app(one) && one.charged) {
            *charged.entry((one.installation, one.path.as_str())).or_default() += 1;
        }
        assert!(!charged.is_empty(), "another token's ETags are of no use");
        assert!(charged.values().all(|times| *times == 1), "{charged:#?}");
    }
    town.settled();
}

#[test]
fn a_token_serves_on_while_github_gives_no_other_and_few_are_asked_for() {
    let told_to_wait = Fault::SecondaryLimit { status: 429, retry_after: Some(600) };
    for (fault, most) in [(Fault::Status(500), 30), (told_to_wait, 2)] {
        let mut town = Town::new();
        town.good_passes().later(54 * 60).good_passes();
        let minting = FaultOn::operation("create-installation-access-token").always();
        let fault = town.github.fail(minting, fault);
        drop(town.requests());
        town.later(60);
        for _ in 0..14 {
            town.later(15).good_passes();
        }
        let asked_for = asked(&town.requests(), MINT);
        assert!((2..=most).contains(&asked_for), "asked {asked_for} times");
        town.github.mend(fault);
        town.passes(20, 60).good_passes();
        assert_eq!((town.acme.tokens_minted(), town.globex.tokens_minted()), (2, 2));
    }
}

#[test]
fn an_app_that_is_told_to_wait_before_it_has_a_token_asks_once_and_goes_on_in_time() {
    let mut town = Town::new();
    let shop = town.shop.clone();
    let a1 = town.verified(&shop);
    let minting = FaultOn::operation("create-installation-access-token").always();
    let fault = Fault::SecondaryLimit { status: 429, retry_after: Some(300) };
    let fault = town.github.fail(minting, fault);
    town.passes(29, 10);
    assert_eq!(asked(&town.requests(), MINT), 2, "each installation once");
    town.github.mend(fault);
    town.later(30).good_passes();
    assert_eq!(shop.dispatches_of(&a1), 1);
}

#[test]
fn a_suspended_installation_holds_up_its_own_repositories_alone_and_goes_on_by_itself() {
    let mut town = Town::new();
    let (shop, site) = (town.shop.clone(), town.site.clone());
    town.good_passes();
    let (a1, b1) = (town.verified(&shop), town.verified(&site));
    drop(town.requests());
    town.acme.suspend("ada");
    town.good_pass_of_all_but_acme();
    assert_eq!(site.dispatches_of(&b1), 1, "another owner's goes on");
    let why = town.try_pass(SHOP).unwrap_err().in_words();
    assert!(why.contains("suspended") && why.contains("acme"), "{why}");
    town.passes(60, 10);
    assert_no_storm(&town.requests(), &town);
    assert_eq!(shop.dispatches_of(&a1), 0);
    assert!(town.series(ACME_REFUSED) >= 2.0);
    assert_eq!(town.series(GLOBEX_REFUSED), 0.0);
    deploy_succeeds(&site);
    let b2 = town.verified(&site);
    town.later(3600).good_pass_of_all_but_acme();
    assert_eq!(site.dispatches_of(&b2), 1);

    town.acme.unsuspend();
    town.passes(11, 60);
    assert_eq!(shop.dispatches_of(&a1), 1, "it goes on by itself");
    assert!(town.try_pass(SHOP).is_ok());
}

#[test]
fn an_app_that_is_uninstalled_waits_and_takes_the_new_installation() {
    let mut town = Town::new();
    let (shop, site) = (town.shop.clone(), town.site.clone());
    town.good_passes();
    let (a1, b1) = (town.verified(&shop), town.verified(&site));
    drop(town.requests());
    town.acme.uninstall();
    town.good_pass_of_all_but_acme();
    assert_eq!(site.dispatches_of(&b1), 1);
    assert!(town.try_pass(SHOP).is_err());
    town.later(6);
    let why = town.try_pass(SHOP).unwrap_err().in_words();
    assert!(why.contains("not installed for acme"), "{why}");
    town.passes(60, 10);
    assert_no_storm(&town.requests(), &town);
    assert_eq!(shop.dispatches_of(&a1), 0);
    assert!(town.series(ACME_REFUSED) >= 2.0);

    let anew = town.app.install("acme");
    town.passes(11, 60);
    assert_eq!(shop.dispatches_of(&a1), 1, "it is found under its new number");
    assert_eq!(anew.tokens_minted(), 1);
}

#[test]
fn tokens_that_are_revoked_are_replaced_within_the_pass() {
    let mut town = Town::new();
    let shop = town.shop.clone();
    town.good_passes();
    let a1 = town.verified(&shop);
    drop(town.requests());
    town.acme.revoke_tokens();
    town.good_passes();
    assert_eq!(shop.dispatches_of(&a1), 1);
    assert_eq!((town.acme.tokens_minted(), town.globex.tokens_minted()), (2, 1));
    let requests = town.requests();
    assert_eq!(requests.iter().filter(|one| one.response_status == 401).count(), 1);
}

#[test]
fn a_private_key_that_changes_is_taken_and_one_that_is_half_written_is_not() {
    let mut town = Town::new();
    town.write_key(ANOTHER_KEY);
    let why = town.try_pass(SHOP).unwrap_err().in_words();
    assert!(why.contains("does not accept the key of the App"), "{why}");
    town.passes(30, 10);
    drop(town.requests());
    town.write_key(APP_TEST_KEY);
    town.later(6).good_passes();
    town.write_key(&APP_TEST_KEY[..200]);
    town.acme.revoke_tokens();
    town.later(6).good_passes();
    assert_eq!(town.acme.tokens_minted(), 2, "the last good key signs on");
}

#[test]
fn a_clock_that_is_an_hour_off_gets_a_token() {
    for off in [SignedDuration::from_hours(1), SignedDuration::from_hours(-1)] {
        let mut town = Town::whose_github_is_ahead_by(off);
        let shop = town.shop.clone();
        town.good_passes();
        let a1 = town.verified(&shop);
        town.good_passes();
        assert_eq!(shop.dispatches_of(&a1), 1);
        let requests = town.requests();
        let refused = requests.iter().filter(|one| one.response_status == 401);
        assert_eq!(refused.count(), 1, "the first JWT, whose refusal tells GitHub's time");
        assert_eq!(town.acme.tokens_minted(), 1);
        town.later(60);
        deploy_succeeds(&shop);
        town.later(5).settled();
    }
}

#[test]
fn an_enterprise_server_is_governed_below_its_own_path_and_without_limits() {
    let mut town = Town::new().at("http://127.0.0.1:1/api/v3");
    town.github.enterprise_server("https://ghe.example.com");
    let (shop, site) = (town.shop.clone(), town.site.clone());
    town.good_passes();
    for round in 1..=2 {
        let (a, b) = (town.verified(&shop), town.verified(&site));
        town.good_passes().later(10).good_passes();
        assert_eq!((shop.dispatches_of(&a), site.dispatches_of(&b)), (1, 1), "round {round}");
        deploy_succeeds(&shop);
        deploy_succeeds(&site);
        town.later(7200).good_passes();
        let newest = shop.statuses(&a).into_iter().find(|status| status.context == CONTEXT);
        let page = newest.and_then(|status| status.target_url).unwrap();
        assert!(page.starts_with("https://ghe.example.com/acme/shop/actions/runs/"), "{page}");
    }
    let requests = town.requests();
    let lost: Vec<String> =
        requests.iter().filter(|one| one.operation.is_none()).map(told).collect();
    assert!(lost.is_empty(), "all is below /api/v3: {lost:#?}");
    assert!(requests.iter().all(|one| !one.response_headers.contains_key("x-ratelimit-limit")));
    let dispatches = "actions/create-workflow-dispatch";
    let refused: Vec<&Exchange> = requests
        .iter()
        .filter(|one| one.operation == Some(dispatches) && one.response_status == 400)
        .collect();
    assert_eq!(refused.len(), 1, "`return_run_details` is refused once, and left out from then on");
    assert_eq!(asked(&requests, dispatches), 5);
    town.settled();
}

impl Town {
    fn good_pass_of_all_but_acme(&mut self) {
        if let Err(error) = self.try_pass(SITE) {
            panic!("the other owner's pass failed: {}", error.in_words());
        }
    }
}

/// Asserts that acme's refused installation causes few requests in ten minutes of passes, with
/// growing intervals.
fn assert_no_storm(requests: &[Exchange], town: &Town) {
    let acmes = requests.iter().filter(|one| {
        is_by_the_app(one) || one.installation == Some(town.acme.id()) || one.path.contains(SHOP)
    });
    let acmes: Vec<String> = acmes.map(told).collect();
    assert!(acmes.len() <= 40, "a storm: {acmes:#?}");
}

/// A new token becomes known to GitHub's services one after another.
#[test]
fn a_403_of_a_new_token_is_no_refusal_of_the_dispatch_and_one_of_an_older_token_is() {
    for (age, rejected) in [(0, false), (90, true)] {
        let mut town = Town::new();
        let shop = town.shop.clone();
        let a1 = town.verified(&shop);
        if age > 0 {
            // Meanwhile a deploy by somebody else holds the release.
            let run = shop.dispatch_by_hand("deploy.yml", "main", &a1, "dev");
            town.good_passes().later(age);
            shop.finish_run(run, "cancelled");
            shop.delete_run(run);
        }
        let message = "Resource not accessible by integration".to_owned();
        let on = FaultOn::operation("create-workflow-dispatch").in_repository(SHOP);
        town.github.fail(on, Fault::Refuse { status: 403, message });
        let _ = town.try_pass(SHOP);
        town.later(61).passes(2, 70);
        assert_eq!(shop.dispatches_of(&a1), usize::from(!rejected) + usize::from(age > 0), "{age}");
    }
}
