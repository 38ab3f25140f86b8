//! Who approved what: from the label on a pull request to the line in an audit table.

use std::time::Duration;

use ghbox::{MergeMethod, Role, story};

use crate::town::Town;

/// `acme/shop` after a deploy approved by kim's label, and `acme/web` after one approved by an
/// operator.
fn approved() -> (Town, String, String) {
    let (town, shop, _) = Town::with_shop();
    let web = story::repository(&town.github, "acme/web");
    web.in_production();
    town.configure("repositories: [{name: acme/shop, approval_mode: label}, {name: acme/web}]\n");
    shop.person("kim").role(Role::Write);
    let pull = shop.pull("dev", &["infra/main.tf"]);
    let by_label = pull.merged(MergeMethod::Squash, "dev");
    shop.verify(&by_label, "success");
    pull.labeled("release:approved", "kim");
    let by_word = web.verified(&["infra/main.tf"]);
    let word = ["approve", "acme/web", &by_word, "--reason", "CHG-7", "--as", "ada"];
    town.run(&word).with(0);
    town.run(&["reconcile", "--once"]).with(0);
    for repo in [&shop, &web] {
        let run = repo.dispatches().last().unwrap().run_id;
        repo.finish_run(run, "success");
    }
    town.github.advance(Duration::from_secs(60));
    town.run(&["reconcile", "--once"]).with(0);
    (town, by_label, by_word)
}

#[test]
fn after_the_deploy_everything_says_who_approved_it_where_and_when() {
    let (town, sha, _) = approved();
    let row = town.row("acme/shop");
    assert_eq!(row["production_sha_current"], sha.as_str());
    let approval = &row["production_approvals"][0];
    assert_eq!((&approval["by"], &approval["mode"]), (&"kim".into(), &"label".into()), "{row:#}");
    assert!(approval["pull_request"].is_u64() && approval["at"].is_string(), "{approval:#}");
    let number = &approval["pull_request"];

    let text = town.run(&["status", "acme/shop"]).with(0).text();
    let said = format!("the label by kim on #{number} of ");
    let line = text.lines().find(|line| line.starts_with("approved")).unwrap_or_default();
    assert!(line.contains(&said), "{text}");

    let simulated = town.run(&["simulate", "acme/shop", &sha, "--json"]).with(0).json();
    assert_eq!(simulated["reason"], "deployed");
    assert_eq!(&simulated["counted_approvals"][0], approval);
    let text = town.run(&["simulate", "acme/shop", &sha]).with(0).text();
    assert!(text.contains(&format!("Approved:\n  - {said}")), "{text}");

    let running = town.govern();
    town.row_when("acme/shop", |row| row["last_pass"].is_string());
    let (code, _, body) = running.ask("GET", &format!("/api/v1/repos/acme/shop/commits/{sha}"));
    assert_eq!(code, 200, "{body}");
    let commit: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(&commit["counted_approvals"][0], approval);
    assert_eq!(running.end().0, 0);
}

#[test]
fn history_finds_whoever_approved_by_login_and_by_name() {
    let (town, by_label, by_word) = approved();
    let by = |who: &str| {
        let asked = ["history", "--all", "--by", who, "--kind", "approval", "--json"];
        let found = town.run(&asked).with(0).json();
        let entries = found["entries"].as_array().unwrap().clone();
        let told = |one: &serde_json::Value| {
            let (repository, entry) = (one["repository"].as_str().unwrap(), &one["entry"]);
            format!("{repository} {}", entry["kind"].as_str().unwrap())
        };
        entries.iter().map(told).collect::<Vec<String>>()
    };
    assert_eq!(by("kim"), ["acme/shop approval_counted"]);
    assert_eq!(by("KIM"), ["acme/shop approval_counted"]);
    // Her action, and the decision based on it.
    assert_eq!(by("ada"), ["acme/web approval_counted", "acme/web operator"]);
    assert!(by("dev").is_empty());
    let text = town.run(&["history", "acme/shop", "--by", "kim"]).with(0).text();
    assert!(text.contains(&format!("{} is approved: the label by kim", &by_label[..7])), "{text}");
    let text = town.run(&["history", "acme/web", "--sha", &by_word, "--kind", "approval"]);
    assert!(text.with(0).text().contains("is approved: the approval by ada"));
}

#[test]
fn who_approved_what_in_a_month_is_one_command() {
    let (town, by_label, by_word) = approved();
    let asked = ["history", "--all", "--kind", "approval", "--since", "30d", "--csv"];
    let csv = town.run(&asked).with(0).text();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("time,repository,number,kind,sha,by,what"));
    let lines: Vec<Vec<&str>> = lines.map(|line| line.splitn(7, ',').collect()).collect();
    let told: Vec<(&str, &str, &str)> = lines.iter().map(|one| (one[1], one[3], one[4])).collect();
    assert_eq!(told.len(), 3, "{csv}");
    assert!(told.contains(&("acme/shop", "approval_counted", &by_label)), "{csv}");
    assert!(told.contains(&("acme/web", "approval_counted", &by_word)), "{csv}");
    assert!(told.contains(&("acme/web", "operator", &by_word)), "{csv}");
    assert!(lines.iter().any(|one| one[5] == "kim"), "{csv}");
    let one = town.run(&["history", "acme/web", "--csv", "--kind", "word"]).with(0).text();
    assert_eq!(one.lines().count(), 2, "{one}");

    let running = town.govern();
    town.row_when("acme/shop", |row| row["last_pass"].is_string());
    let again = town.run(&asked).with(0).text();
    assert_eq!(again, csv, "the same through the controller");
    assert_eq!(running.end().0, 0);
    let limited = ["history", "--all", "--limit", "2", "--json"];
    let limited = town.run(&limited).with(0).json();
    assert_eq!(limited["entries"].as_array().unwrap().len(), 2);
    for (wrong, with) in [("--follow", "follow"), ("--before", "before")] {
        let mut asked = vec!["history", "--all", wrong];
        asked.extend((wrong == "--before").then_some("3"));
        let refused = town.run(&asked).with(2).error();
        assert!(refused.contains(with), "{refused}");
    }
}
