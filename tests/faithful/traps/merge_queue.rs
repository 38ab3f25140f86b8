//! Merge queues: the tested commit is the one that the branch moves to.

use std::time::Duration;

use ghbox::story::{self, VERIFY};
use ghbox::{AutoProgress, GhBox, MergeMethod, NewCommit, Repo};

use crate::client::{Client, github};
use crate::openapi::check_all;

fn with_queue(github: &GhBox, method: MergeMethod) -> (Repo, Vec<u64>) {
    let shop = story::repository(github, "acme/shop");
    shop.use_merge_queue("main", method);
    let pulls = ["cart", "till"].map(|name| {
        let path = format!("src/{name}.rs");
        shop.push(NewCommit::on(name).message("Add it").file(&path, "fn f() {}\n"));
        shop.open_pull_request(name, "main", &format!("Add the {name}"), "dev")
    });
    (shop, pulls.to_vec())
}

#[test]
fn the_branch_moves_to_the_very_commit_that_the_queue_tested() {
    let github = github();
    let (shop, pulls) = with_queue(&github, MergeMethod::Squash);
    let before = shop.tip("main");
    let queued = shop.queue_pull_request(pulls[0], "lead");
    assert_eq!(queued.branch, format!("gh-readonly-queue/main/pr-{}-{before}", pulls[0]));
    assert_eq!(shop.tip(&queued.branch), queued.sha);
    let run = shop.run(queued.runs[0]);
    assert_eq!(
        (run.event.as_str(), run.head_branch.as_deref(), &run.head_sha),
        ("merge_group", Some(queued.branch.as_str()), &queued.sha)
    );
    assert_eq!(run.triggering_actor, "github-merge-queue[bot]");
    assert_eq!(shop.tip("main"), before, "it waits");
    shop.finish_run(run.id, "success");
    assert_eq!(shop.tip("main"), queued.sha);
    assert!(shop.merge_queue("main").is_empty());
    assert_eq!(shop.runs().len(), 1, "the push that followed ran nothing");
    let app = Client::app(&github);
    let branch = app.get(&format!("/repos/acme/shop/branches/{}", queued.branch));
    assert_eq!(branch.status, 404, "its branch is gone");
    let pull = app.get(&format!("/repos/acme/shop/commits/{}/pulls", queued.sha)).json();
    assert_eq!(
        (&pull[0]["number"], &pull[0]["merge_commit_sha"]),
        (&pulls[0].into(), &queued.sha.as_str().into())
    );
    check_all(&github.requests());
}

#[test]
fn those_behind_stand_on_those_before_and_are_tested_anew_when_one_fails() {
    let github = github();
    let (shop, pulls) = with_queue(&github, MergeMethod::Merge);
    let before = shop.tip("main");
    let first = shop.queue_pull_request(pulls[0], "lead");
    let second = shop.queue_pull_request(pulls[1], "lead");
    assert!(second.branch.ends_with(&first.sha), "{}", second.branch);
    shop.finish_run(second.runs[0], "success");
    assert_eq!(shop.tip("main"), before, "the first is not done");
    shop.finish_run(first.runs[0], "failure");
    assert_eq!(shop.tip("main"), before);
    let again = shop.merge_queue("main");
    assert_eq!(again.iter().map(|one| one.number).collect::<Vec<_>>(), [pulls[1]]);
    assert!(again[0].branch.ends_with(&before) && again[0].sha != second.sha);
    assert!(shop.issue(pulls[0]).open);
    shop.push_paths(&["src/past_the_queue.rs"]);
    let anew = shop.merge_queue("main");
    assert!(anew[0].branch.ends_with(&shop.tip("main")), "{}", anew[0].branch);
    shop.finish_run(anew[0].runs[0], "success");
    assert_eq!(shop.tip("main"), anew[0].sha);
    assert!(!shop.issue(pulls[1]).open);
}

#[test]
fn a_queue_goes_on_by_itself_when_its_runs_do() {
    let github = github();
    let (shop, pulls) = with_queue(&github, MergeMethod::Rebase);
    let seconds = Duration::from_secs;
    shop.auto_progress(VERIFY, AutoProgress::new(seconds(5), seconds(60)));
    shop.runs_on_push(VERIFY, true);
    let queued = pulls.iter().map(|pull| shop.queue_pull_request(*pull, "lead").sha);
    let queued: Vec<String> = queued.collect();
    github.advance(seconds(64));
    assert_ne!(shop.tip("main"), queued[1]);
    github.advance(seconds(1));
    assert_eq!(shop.tip("main"), queued[1]);
    let pushes: Vec<_> = shop.runs().into_iter().filter(|run| run.event == "push").collect();
    let shas: Vec<&String> = pushes.iter().map(|run| &run.head_sha).collect();
    assert_eq!(shas, [&queued[0], &queued[1]], "where the story says so, the push runs, too");
}
