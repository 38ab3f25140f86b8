//! Pagination: every item of a list appears once, while the list grows; and filters apply.

use serde_json::Value;

use super::asking::{good, shown};
use crate::town::{Running, Town};

/// All pages from `address` on; `between` runs after each.
fn paged(
    running: &Running,
    address: &str,
    list: &str,
    mut between: impl FnMut(),
) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut next = Some(address.to_owned());
    while let Some(address) = next {
        let page = good(running, &address);
        next = page.next();
        let json = page.json();
        assert_eq!(json["next"].is_null(), next.is_none(), "the body and the header say the same");
        pages.push(json[list].as_array().unwrap().clone());
        between();
    }
    pages
}

#[test]
fn a_ledger_that_grows_is_paged_to_its_beginning() {
    let (town, shop, _) = Town::with_shop();
    shop.verified(&["src/cart.rs"]);
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "deploying");
    let all = "/api/v1/repos/acme/shop/ledger?limit=200";
    let before = good(&running, all).json()["entries"].as_array().unwrap().clone();
    let pages = paged(&running, "/api/v1/repos/acme/shop/ledger?limit=4", "entries", || {
        town.run(&["pause", "--reason", "the ledger grows"]).with(0);
    });
    assert!(pages.len() > 3 && pages.iter().rev().skip(1).all(|page| page.len() == 4));
    assert_eq!(pages.concat(), before, "what was there at the first page, and nothing twice");
    let now = good(&running, all).json()["entries"].as_array().unwrap().len();
    assert!(now >= before.len() + pages.len(), "it grew meanwhile");
    // Filters are kept from page to page.
    let words = "/api/v1/repos/acme/shop/ledger?kind=operator,candidate&limit=2";
    let found = paged(&running, words, "entries", || ()).concat();
    let wanted =
        |line: &&Value| line["entry"]["kind"] == "operator" || line["entry"]["kind"] == "candidate";
    let whole = good(&running, all).json();
    let expected: Vec<Value> =
        whole["entries"].as_array().unwrap().iter().filter(wanted).cloned().collect();
    assert_eq!(found, expected);
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_ledger_is_asked_for_a_commit_or_a_time() {
    let (town, shop, production) = Town::with_shop();
    let sha = shop.verified(&["src/cart.rs"]);
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "deploying");
    town.run(&["pause", "--reason", "lunch"]).with(0);
    let ledger = |query: &str| {
        let address = format!("/api/v1/repos/acme/shop/ledger?limit=200&{query}");
        good(&running, &address).json()["entries"].as_array().unwrap().clone()
    };
    let of_production = ledger(&format!("sha={}", &production[..8]));
    assert!(!of_production.is_empty());
    for line in &of_production {
        let text = line.to_string();
        assert!(text.contains(&production) && !text.contains(&sha), "{text}");
    }
    let newest = &ledger("kind=operator")[0];
    let at = newest["entry"]["at"].as_str().unwrap();
    let (since, until) = (ledger(&format!("since={at}")), ledger(&format!("until={at}")));
    assert!(since.contains(newest) && !until.contains(newest));
    assert_eq!(since.len() + until.len(), ledger("").len(), "together they are all");
    assert!(ledger("since=2099-01-01T00:00:00Z").is_empty());
    assert_eq!(running.end().0, 0);
}

#[test]
fn history_and_the_api_take_the_same_words_for_the_same_entries() {
    let (town, shop, production) = Town::with_shop();
    let sha = shop.verified(&["src/cart.rs"]);
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "deploying");
    town.run(&["pause", "--reason", "lunch", "--as", "ada"]).with(0);
    let decided = good(&running, "/api/v1/repos/acme/shop/ledger?kind=decided").json();
    let at = decided["entries"][0]["entry"]["at"].as_str().unwrap().to_owned();
    // Entries written meanwhile are outside this query.
    let before = |found: &Value| -> Vec<Value> {
        let word = good(&running, "/api/v1/repos/acme/shop/ledger?kind=word").json();
        let last = word["entries"][0]["number"].as_u64();
        let lines = found["entries"].as_array().unwrap();
        lines.iter().filter(|line| line["number"].as_u64() <= last).cloned().collect()
    };
    for filter in [
        vec![("kind", "decision,outcome")],
        vec![("kind", "attempt_marked,word")],
        vec![("kind", "repository")],
        vec![("sha", &sha[..7])],
        vec![("sha", &production)],
        vec![("sha", &sha), ("kind", "attempt")],
        vec![("since", &at)],
        vec![("until", &at)],
        vec![("by", "Ada")],
    ] {
        let flags =
            filter.iter().flat_map(|(name, value)| [format!("--{name}"), value.to_string()]);
        let flags: Vec<String> = flags.collect();
        let command = ["history", "--json", "--limit", "200"];
        let asked: Vec<&str> =
            command.into_iter().chain(flags.iter().map(String::as_str)).collect();
        let query: Vec<String> =
            filter.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let address = format!("/api/v1/repos/acme/shop/ledger?limit=200&{}", query.join("&"));
        let by_api = before(&good(&running, &address).json());
        assert_eq!(before(&town.run(&asked).with(0).json()), by_api, "{filter:?}");
        assert!(!by_api.is_empty(), "{filter:?}");
    }
    assert_eq!(running.end().0, 0);
}

#[test]
fn attempts_are_paged_while_another_begins() {
    let (town, shop, _) = Town::with_shop();
    town.configure("repositories: [{name: acme/shop, max_deploys_per_hour: 100}]\n");
    let running = town.govern();
    let mut shas = Vec::new();
    let mut deploy = || {
        let sha = shop.verified(&[&format!("src/{}.rs", shas.len())]);
        town.row_when("acme/shop", |row| {
            row["last_deploy_attempt_sha"] == sha.as_str() && row["reason"] == "deploying"
        });
        let run = shop.runs().into_iter().find(|run| run.input_sha.as_ref() == Some(&sha)).unwrap();
        shop.finish_run(run.id, "success");
        town.row_when("acme/shop", |row| row["production_sha_current"] == sha.as_str());
        shas.push(sha);
    };
    (0..4).for_each(|_| deploy());
    let mut another = Some(&mut deploy);
    let pages = paged(&running, "/api/v1/repos/acme/shop/attempts?limit=3", "attempts", || {
        if let Some(deploy) = another.take() {
            deploy();
        }
    });
    let found: Vec<&str> =
        pages.iter().flatten().map(|attempt| attempt["sha"].as_str().unwrap()).collect();
    let expected: Vec<&str> = shas.iter().take(4).rev().map(String::as_str).collect();
    assert_eq!(found, expected);
    assert_eq!(
        good(&running, "/api/v1/repos/acme/shop/attempts").json()["attempts"][0]["sha"],
        shas[4]
    );
    let first = shown(&pages[0][0]["told"], &[]);
    assert_eq!(first, "\"the deploy succeeded\"");
    assert_eq!(running.end().0, 0);
}
