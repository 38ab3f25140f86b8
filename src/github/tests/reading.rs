//! Reads: what is requested, how answers are interpreted, what is cached.

use super::*;
use crate::domain::{
    Branch, Conclusion, IssueNumber, Login, RangeFiles, Relation, RunProgress, RunRef, RunStatus,
    WorkflowId,
};

async fn tip_after(replies: Vec<Reply>) -> (World, ReadError) {
    let world = world(replies);
    let error = world.reader.workflows(&shop()).await.unwrap_err();
    (world, error)
}

#[tokio::test]
async fn a_request_says_who_asks_and_which_version_it_expects() {
    let world = world([answer(200, repository(1, "acme/shop"))]);
    let found = world.reader.repository(&shop()).await.unwrap();
    assert!(!found.redirected);
    assert_eq!(found.value.id.get(), 1);

    let [seen] = world.script.seen().try_into().unwrap();
    assert_eq!(seen.url, "https://ghe.example.com/api/v3/repos/acme/shop");
    assert_eq!(seen.header("authorization"), Some("Bearer ghp_secret"));
    assert_eq!(seen.header("accept"), Some("application/vnd.github+json"));
    assert_eq!(seen.header("x-github-api-version"), Some("2022-11-28"));
    assert!(seen.header("user-agent").unwrap().starts_with("release-governor/"));
    assert_eq!(seen.header("if-none-match"), None);
}

#[tokio::test]
async fn githubs_words_break_no_line_and_steer_no_terminal() {
    let (_, error) = tip_after(vec![problem(403, "a\n\u{202e}b\u{1b}[31m c")]).await;
    assert!(error.to_string().contains("\"a b [31m c\""), "{error}");
    let odd = Reply::Answer(200, Vec::new(), "{\"a\\u202e\":}".into());
    let (_, error) = tip_after(vec![odd]).await;
    assert!(!error.to_string().contains(['\n', '\u{202e}', '\u{1b}']), "{error}");
}

#[tokio::test]
async fn what_a_refusal_means_depends_on_its_status() {
    let (_, error) = tip_after(vec![problem(404, "Not Found")]).await;
    assert!(matches!(error, ReadError::NotFound { .. }), "{error}");

    let refusal = problem(403, "Resource not accessible by integration")
        .with("x-accepted-github-permissions", "actions=read");
    let (_, error) = tip_after(vec![refusal]).await;
    insta::assert_snapshot!(error, @r#"cannot list the workflows of acme/shop: GitHub said 403 "Resource not accessible by integration". Grant the token actions=read"#);
    assert!(!error.is_transient());

    let (_, error) = tip_after(vec![problem(410, "Gone")]).await;
    assert!(matches!(error, ReadError::Gone410 { .. }), "{error}");

    let moved = problem(301, "Moved Permanently").with("location", "https://x/repositories/1");
    let (world, error) = tip_after(vec![moved]).await;
    assert!(matches!(error, ReadError::Moved { .. }), "{error}");
    assert_eq!(world.script.seen().len(), 1, "a redirect is not followed");

    let (_, error) = tip_after(vec![problem(401, "Bad credentials: ghp_secret")]).await;
    insta::assert_snapshot!(error, @r#"cannot list the workflows of acme/shop: GitHub does not accept the token "Bad credentials: [token]". Renew it; a token file is read again by itself"#);

    let invalid =
        json!({"message": "Validation Failed", "errors": [{"message": "No commit"}, "x"]});
    let (_, error) = tip_after(vec![answer(422, invalid)]).await;
    insta::assert_snapshot!(error, @r#"cannot list the workflows of acme/shop: GitHub said 422 "Validation Failed; No commit; x""#);
}

#[tokio::test]
async fn a_read_is_tried_three_times_when_github_fails_or_the_network_does() {
    let page = || Reply::Answer(502, Vec::new(), "<html>Unicorn!</html>".into());
    // A list at which GitHub fails is tried as often in smaller pages.
    let small = || [page(), page(), page()];
    let replies = [page(), Reply::Reset, page()].into_iter().chain(small()).collect();
    let (world, error) = tip_after(replies).await;
    let urls = world.script.urls();
    let whole = urls.iter().filter(|url| url.contains("per_page=100"));
    assert_eq!((whole.count(), urls.len()), (3, 6));
    insta::assert_snapshot!(error, @r#"cannot list the workflows of acme/shop: GitHub failed with 502 "Bad Gateway". It will be retried"#);
    assert!(error.is_transient());

    let (world, error) =
        tip_after(vec![Reply::NobodyListens, Reply::Cut(200), Reply::Silence]).await;
    assert_eq!(world.script.seen().len(), 3);
    insta::assert_snapshot!(error, @"cannot list the workflows of acme/shop: no answer within 30s. It will be retried");
    assert!(error.is_transient());

    let text = world.metrics.encode();
    for word in ["never_sent", "200", "lost"] {
        let line = format!(r#"{{operation="list_workflows",status="{word}"}} 1"#);
        assert!(text.contains(&line), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_says_where() {
    let mut broken = run(5);
    broken["created_at"] = json!("yesterday");
    let world =
        world([answer(200, json!({ "total_count": 2, "workflow_runs": [run(6), broken] }))]);
    let runs = world.reader.runs(&shop(), WorkflowId::from(7), &RunFilter::default(), 1).await;
    let error = runs.unwrap_err();
    let words = error.to_string();
    assert!(matches!(error, ReadError::Malformed { .. }), "{words}");
    assert!(
        words.contains("GET /repos/acme/shop/actions/workflows/7/runs?per_page=100"),
        "{words}"
    );
    assert!(words.contains("workflow_runs[1].created_at"), "{words}");
}

#[tokio::test]
async fn a_first_page_without_a_run_that_counts_some_is_asked_for_again_and_a_later_one_is_empty() {
    let empty = || answer(200, json!({ "total_count": 3, "workflow_runs": [] }));
    let world = world([empty(), empty(), empty(), empty()]);
    let filter = RunFilter::default();
    let error = world.reader.runs(&shop(), WorkflowId::from(7), &filter, 1).await.unwrap_err();
    insta::assert_snapshot!(error, @"cannot list the runs of workflow 7 in acme/shop: GitHub reports a total of 3 but lists none. It will be retried");
    assert!(error.is_transient());
    assert_eq!(world.script.seen().len(), 3);
    let later = world.reader.runs(&shop(), WorkflowId::from(7), &filter, 2).await.unwrap();
    assert!(later.runs.is_empty());
}

#[tokio::test]
async fn a_run_may_lack_branch_people_and_repository_and_speak_unknown_words() {
    let mut odd = run(5);
    for key in ["head_branch", "head_repository", "actor", "triggering_actor", "display_title"] {
        odd[key] = Value::Null;
    }
    odd["conclusion"] = json!("eaten_by_a_grue");
    let mut newer = run(6);
    newer["status"] = json!("levitating");
    newer["conclusion"] = Value::Null;
    let world = world([answer(200, json!({ "workflow_runs": [run(7), newer, odd] }))]);
    let filter = RunFilter {
        branch: Some(Branch::from("feature/a b#1")),
        head_sha: Some(sha('a')),
        ..RunFilter::default()
    };
    let page = world.reader.runs(&shop(), WorkflowId::from(7), &filter, 2).await.unwrap();
    let [plain, newer, odd] = page.runs.try_into().unwrap();
    assert!(!page.has_next);
    assert_eq!(plain.actors, [Login::from("ann")]);
    assert_eq!(plain.at, RunRef { id: 7.into(), attempt: 2 });
    assert!(plain.progress.succeeded());
    assert_eq!(newer.progress, RunProgress::Unfinished(RunStatus::Other));
    assert_eq!(odd.progress, RunProgress::Finished(Conclusion::Other("eaten_by_a_grue".into())));
    assert_eq!((odd.head_branch, odd.head_repository, odd.actors.len()), (None, None, 0));
    assert!(world.script.urls()[0].ends_with(&format!(
        "?per_page=100&branch=feature%2Fa%20b%231&head_sha={}&page=2",
        sha('a')
    )));
}

#[tokio::test]
async fn names_are_encoded() {
    let world = world([problem(404, ""), problem(422, "No commit found"), problem(404, "")]);
    let tip = world.reader.branch_tip(&shop(), &Branch::from("release/1 #2")).await;
    assert_eq!(tip, Ok(None));
    assert_eq!(world.reader.resolve_commit(&shop(), "v1/x").await, Ok(None));
    let text = world.reader.file_text(&shop(), ".github/workflows/a b#.yml", "a&b").await;
    assert_eq!(text, Ok(None));
    let base = "https://ghe.example.com/api/v3/repos/acme/shop";
    assert_eq!(
        world.script.urls(),
        [
            format!("{base}/branches/release%2F1%20%232"),
            format!("{base}/commits/v1%2Fx?per_page=1"),
            format!("{base}/contents/.github/workflows/a%20b%23.yml?ref=a%26b"),
        ]
    );
}

#[tokio::test]
async fn a_renamed_repository_is_followed_once_on_the_same_host() {
    let to = |url: &str| problem(301, "Moved Permanently").with("location", url);
    let world = world([
        to("https://ghe.example.com/api/v3/repositories/1"),
        answer(200, repository(1, "acme/store")),
    ]);
    let found = world.reader.repository(&shop()).await.unwrap();
    assert!(found.redirected);
    assert_eq!(found.value.name, "acme/store".parse().unwrap());

    for (elsewhere, requests) in [
        ("https://evil.example.com/api/v3/repositories/1", 1),
        ("http://ghe.example.com/api/v3/repositories/1", 1),
        ("https://ghe.example.com/login", 1),
    ] {
        let world = super::world([to(elsewhere)]);
        let error = world.reader.repository(&shop()).await.unwrap_err();
        assert!(matches!(error, ReadError::Moved { .. }), "{error}");
        assert_eq!(world.script.seen().len(), requests, "{elsewhere}");
    }

    let again = "https://ghe.example.com/api/v3/repositories/1";
    let world = super::world([to(again), to(again)]);
    let error = world.reader.repository(&shop()).await.unwrap_err();
    assert!(matches!(error, ReadError::Moved { .. }), "{error}");
}

#[tokio::test]
async fn all_names_of_this_very_machine_are_one_host_at_the_same_port_and_no_other_name_is() {
    let follows = async |ours: &str, location: &str| {
        let moved = problem(301, "Moved Permanently").with("location", location);
        let settings = GithubSettings { api_url: ours.to_owned(), ..settings() };
        let world = world_of(settings, [moved, answer(200, repository(1, "acme/store"))]);
        let found = world.reader.repository(&shop()).await;
        let second = world.script.urls().get(1).cloned();
        assert_eq!(found.is_ok(), second.is_some(), "{location}");
        second
    };
    let here = "http://127.0.0.1:8080/api/v3";
    for name in ["localhost:8080", "LocalHost:8080", "[::1]:8080", "127.0.0.1:8080"] {
        let second = follows(here, &format!("http://{name}/api/v3/repositories/1")).await;
        let ours = "http://127.0.0.1:8080/api/v3/repositories/1";
        assert_eq!(second.as_deref(), Some(ours), "{name}: it is asked where it was asked before");
    }
    for location in [
        "http://localhost:8081/api/v3/repositories/1",
        "http://localhost/api/v3/repositories/1",
        "https://localhost:8080/api/v3/repositories/1",
        "http://localhost.evil.example:8080/api/v3/repositories/1",
        "http://evil@localhost:8080/api/v3/repositories/1",
        "http://127.0.0.1.evil.example:8080/api/v3/repositories/1",
        "http://localhost:8080/login",
    ] {
        assert_eq!(follows(here, location).await, None, "{location}");
    }
    let there = "https://ghe.example.com/api/v3";
    assert_eq!(follows(there, "https://localhost/api/v3/repositories/1").await, None);
}

#[tokio::test]
async fn pages_are_followed_below_our_own_address_whatever_host_a_link_names() {
    let commit = |digit| json!({ "sha": sha(digit), "parents": [] });
    let next = |url: &str| format!(r#"<https://x/a,b>; rel="prev", <{url}>; rel="next""#);
    let world = world([
        answer(200, json!([commit('a')]))
            .with("link", next("https://evil.example.com/api/v3/repositories/1/commits?page=2,0")),
        answer(200, json!([commit('b')])).with("link", next("https://ghe.example.com/api/v3/p3")),
    ]);
    let found = world.reader.branch_commits(&shop(), &sha('a'), 2).await.unwrap();
    assert_eq!(found.commits.len(), 2);
    assert!(!found.complete);
    let second = &world.script.seen()[1];
    assert_eq!(second.url, "https://ghe.example.com/api/v3/repositories/1/commits?page=2,0");

    let astray = answer(200, json!([commit('a')])).with("link", next("https://ghe.example.com/p2"));
    let error = super::world([astray]).reader.branch_commits(&shop(), &sha('a'), 2).await;
    assert!(matches!(error, Err(ReadError::Malformed { .. })));
}

#[tokio::test]
async fn an_empty_repository_has_no_commits() {
    let world = world([problem(409, "Git Repository is empty.")]);
    let found = world.reader.branch_commits(&shop(), &sha('a'), 1).await.unwrap();
    assert!(found.commits.is_empty() && found.complete);
}

#[tokio::test]
async fn a_list_that_does_not_end_is_an_error_and_not_a_part_of_a_list() {
    let page = || {
        answer(200, json!({ "workflows": [] }))
            .with("link", r#"<https://ghe.example.com/api/v3/more>; rel="next""#)
    };
    let (world, error) = tip_after((0..10).map(|_| page()).collect()).await;
    assert!(matches!(error, ReadError::TooMany { pages: 10, .. }), "{error}");
    assert_eq!(world.script.seen().len(), 10);
}

#[tokio::test]
async fn a_304_gives_what_was_parsed_before() {
    let link = r#"<https://ghe.example.com/api/v3/more>; rel="next""#;
    let world = world([
        answer(200, json!({ "workflow_runs": [run(5)] }))
            .with("etag", "W/\"one\"")
            .with("link", link),
        Reply::Answer(304, Vec::new(), String::new()),
    ]);
    let name = shop();
    let all = RunFilter::default();
    let ask = || world.reader.runs(&name, 7.into(), &all, 1);
    let first = ask().await.unwrap();
    assert_eq!(ask().await.unwrap(), first);
    assert!(first.has_next);
    assert_eq!(world.script.seen()[1].header("if-none-match"), Some("W/\"one\""));
    let kept = world.cache.0.lock().unwrap();
    let (key, kept) = kept.iter().next().unwrap();
    assert!(!key.contains("ghp_secret"), "{key}");
    assert!(!kept.value.contains("triggering_actor"), "the body is not kept");
}

#[tokio::test]
async fn past_caches_nothing_is_conditional() {
    let page = || answer(200, json!({ "workflows": [] })).with("etag", "one");
    let world = world([page(), page()]);
    world.reader.workflows(&shop()).await.unwrap();
    world.reader.past_caches().workflows(&shop()).await.unwrap();
    let second = &world.script.seen()[1];
    assert_eq!(second.header("if-none-match"), None);
    assert_eq!(second.header("cache-control"), Some("no-cache"));
}

#[tokio::test]
async fn a_304_that_nobody_asked_for_is_asked_again_past_caches() {
    let world = world([
        Reply::Answer(304, Vec::new(), String::new()),
        answer(200, json!({ "workflows": [] })),
    ]);
    assert_eq!(world.reader.workflows(&shop()).await, Ok(Vec::new()));
    assert_eq!(world.script.seen()[1].header("cache-control"), Some("no-cache"));
}

#[tokio::test]
async fn an_entry_of_another_shape_is_asked_for_anew() {
    let page = || answer(200, json!({ "workflows": [] })).with("etag", "one");
    let world = world([page(), page()]);
    world.reader.workflows(&shop()).await.unwrap();
    for kept in world.cache.0.lock().unwrap().values_mut() {
        kept.value = r#"{"not":"a list"}"#.into();
    }
    world.reader.workflows(&shop()).await.unwrap();
    assert_eq!(world.script.seen()[1].header("if-none-match"), None);
}

#[tokio::test]
async fn statuses_are_of_one_context_in_any_case_and_the_newest_comes_first() {
    let listed = |id: u64, context: &str| {
        json!({
            "id": id, "context": context, "state": "pending", "description": null,
            "target_url": "", "creator": null, "created_at": "2026-11-01T11:00:00Z",
        })
    };
    let page = || {
        let all = [listed(1, "Booty/X"), listed(3, "ci"), listed(2, "booty/x")];
        answer(200, json!(all)).with("etag", "one")
    };
    let world = world([page(), page()]);
    let (name, commit) = (shop(), sha('a'));
    let ask = |context| world.reader.statuses(&name, &commit, context, AllOrFirst::All);
    let ids = |found: Vec<crate::domain::CommitStatus>| -> Vec<u64> {
        found.iter().map(|found| found.id.get()).collect()
    };
    assert_eq!(ids(ask("BOOTY/x").await.unwrap()), [2, 1]);
    assert_eq!(ids(ask("ci").await.unwrap()), [3], "another context is not served from there");
}

#[tokio::test]
async fn a_comparison_knows_its_files_or_says_that_it_does_not() {
    let file = |n: usize| json!({ "filename": format!("f{n}"), "previous_filename": null });
    let of = |count: usize| {
        answer(200, json!({ "status": "ahead", "files": (0..count).map(file).collect::<Vec<_>>() }))
    };
    let world = world([of(299), of(300), problem(404, "No common ancestor"), problem(422, "Gone")]);
    let compare = || async { world.reader.compare(&shop(), &sha('a'), &sha('b')).await.unwrap() };
    let Compared::Known(whole) = compare().await else { panic!() };
    assert_eq!(whole.relation, Relation::Ahead);
    assert!(matches!(whole.files, RangeFiles::Complete(files) if files.len() == 299));
    let Compared::Known(most) = compare().await else { panic!() };
    assert!(matches!(most.files, RangeFiles::Truncated(_)));
    assert_eq!(compare().await, Compared::Gone("No common ancestor".into()));
    assert_eq!(compare().await, Compared::Gone("Gone".into()));

    for (status, lists_all) in
        [("ahead", false), ("diverged", false), ("behind", true), ("identical", true)]
    {
        let no_files = super::world([answer(200, json!({ "status": status }))]);
        let compared = no_files.reader.compare(&shop(), &sha('a'), &sha('b')).await.unwrap();
        let Compared::Known(compared) = compared else { panic!() };
        let files = compared.files;
        assert_eq!(files == RangeFiles::Complete(Vec::new()), lists_all, "{status}: {files:?}");
    }
}

#[tokio::test]
async fn workflow_files_are_in_a_directory_and_a_tree_has_files_only() {
    let entry = |path: &str, kind: &str| json!({ "path": path, "mode": "100644", "type": kind, "sha": sha('b') });
    let tree =
        json!({ "truncated": false, "tree": [entry("src", "tree"), entry("src/a", "blob")] });
    let world = world([
        answer(200, json!([{ "type": "file", "path": ".github/workflows/a.yml", "sha": "x" }])),
        answer(200, json!({ "type": "submodule", "path": ".github/workflows", "sha": "x" })),
        problem(404, ""),
        answer(200, tree).with("etag", "one"),
    ]);
    let name = shop();
    let at = sha('a');
    let files = || world.reader.workflow_files(&name, &at);
    let one = std::iter::once((".github/workflows/a.yml".to_owned(), "x".to_owned()));
    assert_eq!(files().await, Ok(one.collect()));
    assert_eq!(files().await, Ok(BTreeMap::new()));
    assert_eq!(files().await, Ok(BTreeMap::new()));
    let tree = world.reader.tree(&shop(), &sha('a')).await.unwrap();
    assert_eq!(tree.entries.keys().collect::<Vec<_>>(), ["src/a"]);
    assert!(world.cache.0.lock().unwrap().is_empty(), "a tree is not kept");
}

#[tokio::test]
async fn issues_are_no_pull_requests_and_may_be_switched_off() {
    let issue = |number: u64| json!({ "number": number, "state": "closed", "user": null, "body": null, "html_url": "x" });
    let mut pull = issue(2);
    pull["pull_request"] = json!({ "url": "x" });
    let world = world([
        answer(200, json!([issue(1), pull])),
        problem(410, "Issues has been disabled in this repository."),
        answer(200, json!([{ "user": { "login": "ann" }, "body": "hello" }])),
    ]);
    let us = Login::from("governor[bot]");
    let issues = world.reader.issues_by(&shop(), Some(&us), AllOrFirst::All).await.unwrap();
    assert_eq!(issues.iter().map(|issue| issue.number.get()).collect::<Vec<_>>(), [1]);
    assert!(!issues[0].open);
    assert!(world.script.urls()[0].contains("creator=governor%5Bbot%5D&state=all"));
    let off = world.reader.issues_by(&shop(), Some(&us), AllOrFirst::First).await;
    assert!(matches!(off, Err(ReadError::Gone410 { .. })));
    let comments = world.reader.issue_comments(&shop(), IssueNumber::from(1)).await.unwrap();
    assert_eq!(comments[0].body, "hello");
}

#[tokio::test]
async fn a_refused_token_is_read_again_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "ghp_old").unwrap();
    let settings = GithubSettings { token: TokenSource::File(file.clone()), ..settings() };
    let world = world_of(
        settings,
        [problem(401, "Bad credentials"), answer(200, json!({ "login": "Gov" }))],
    );
    std::fs::write(&file, "ghp_new").unwrap();
    let user = world.reader.user().await.unwrap();
    assert_eq!((user.as_str(), &user), ("Gov", &Login::from("gov")));
    let sent: Vec<_> = world
        .script
        .seen()
        .iter()
        .map(|seen| seen.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(sent, ["Bearer ghp_old", "Bearer ghp_new"]);
}

#[tokio::test]
async fn a_refused_token_is_not_sent_again_before_its_time_and_then_with_backoff() {
    let world = world([problem(401, "Bad credentials")]);
    let ask = async || world.reader.workflows(&shop()).await;
    let refused = |error: &ReadError| matches!(error, ReadError::BadCredentials { .. });
    assert!(refused(&ask().await.unwrap_err()));
    assert!(refused(&ask().await.unwrap_err()));
    let write = world.writer.send(writing::dispatch()).await;
    assert!(matches!(write, Err(WriteFailure::NeverSent { .. })), "{write:?}");
    assert_eq!(world.script.seen().len(), 1, "nothing else was sent");

    world.time.advance(Duration::from_secs(5));
    world.script.then(problem(401, "Bad credentials"));
    assert!(refused(&ask().await.unwrap_err()));
    world.time.advance(Duration::from_secs(9));
    assert!(refused(&ask().await.unwrap_err()));
    assert_eq!(world.script.seen().len(), 2);

    world.time.advance(Duration::from_secs(1));
    world.script.then(answer(200, json!({ "workflows": [] })));
    assert!(ask().await.is_ok());
    let text = world.metrics.encode();
    assert!(text.contains("token_refusals_total{credential=\"token\"} 2\n"), "{text}");
    assert!(text.contains("token_accepted{credential=\"token\"} 1\n"), "{text}");
}
