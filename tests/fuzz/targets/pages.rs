//! Untrusted text wherever GitHub shows it: paths, messages, comments, labels, titles, jobs and
//! steps, and an operator's reason. Passes continue. Pages, the API, metrics, commit statuses
//! and issues contain none of the text as markup, and none of it breaks a line or changes the
//! text direction.
//!
//! The input has one text per line: a path, a message, a comment, a job, a step, a status, a
//! reason. `\n`, `\r` and `\t` in a line are unescaped.

use axum::body::Body;
use ghbox::{JobSpec, NewCommit, story};
use http::{Request, StatusCode};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use release_governor::domain::Operator;
use tower::ServiceExt as _;

use crate::support::page::is_harmless;
use crate::support::story::Story;
use crate::support::{REPOSITORY, block_on, is_one_line, shows_no_token};

/// GitHub's limit for a status description, in characters.
const LONGEST_DESCRIPTION: usize = 140;

pub fn run(input: &str) {
    let mut words = input
        .split('\n')
        .map(|line| line.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t"))
        .chain(std::iter::repeat("<b>".to_owned()));
    let mut next = || words.next().unwrap();
    let mut story = Story::new();
    let first = story.repo.in_production();
    story.passes(2);

    let path = next();
    let names = path.split('/').filter(|name| !matches!(*name, "" | "." | ".."));
    let path = format!("infra/{}x", names.map(|name| format!("{name}/")).collect::<String>());
    let commit = NewCommit::on("main").message(&next()).file(&path, "x");
    let held = story.repo.push(commit);
    story.repo.verify(&held, "success");
    let pull = story.repo.pull("dev", &["infra/a.tf"]);
    let comment = next();
    pull.commented(&comment, "dev").labeled(&comment, "dev");
    let run = story.repo.dispatch_by_hand(story::DEPLOY, "main", &held, "dev");
    story.repo.set_jobs(run, &[JobSpec::new(&next()).step(&next(), "failure")]);
    story.repo.finish_run(run, "failure");
    // GitHub accepts no other characters in a status.
    let status: String =
        next().chars().filter(|c| *c <= '\u{ffff}').take(LONGEST_DESCRIPTION).collect();
    story.repo.set_status(&held, "booty/release-governor", "success", &status, "dev");
    story.passes(3);
    let by = Operator { peer: "uid 1000".to_owned(), name: None };
    if let Ok(reason) = release_governor::request::single_line("a reason", &next()) {
        block_on(story.controller.pause(&REPOSITORY.parse().unwrap(), reason, by)).unwrap();
    }
    story.passes(2);

    for sha in [&first, &held] {
        for status in story.repo.statuses(sha) {
            // One of them was written by somebody else.
            if status.creator == story::GOVERNOR {
                is_one_line(&status.description);
                assert!(status.description.chars().count() <= LONGEST_DESCRIPTION);
            }
        }
    }
    let issues = story.repo.issues();
    assert!(!issues.is_empty(), "the failed deploy has no issue");
    for issue in issues.iter().filter(|issue| issue.author == story::GOVERNOR) {
        is_one_line(&issue.title);
        is_ours_alone(&issue.body);
    }
    let commit = format!("/repos/{REPOSITORY}/commits/{held}");
    let own = [format!("/repos/{REPOSITORY}"), commit];
    let twins = own.clone().map(|address| format!("/api/v1{address}"));
    let lists = ["attempts", "ledger"].map(|list| format!("/api/v1/repos/{REPOSITORY}/{list}"));
    let others = ["/", "/api/v1/repositories", "/metrics", "/readyz"].map(str::to_owned);
    let router = story.router();
    for address in own.into_iter().chain(twins).chain(lists).chain(others) {
        let request = Request::get(&address).body(Body::empty()).unwrap();
        let text = block_on(async {
            let answer = router.clone().oneshot(request).await.unwrap();
            assert!(
                answer.status() == StatusCode::OK || address == "/readyz",
                "{address}: {}",
                answer.status()
            );
            let body = axum::body::to_bytes(answer.into_body(), 16 << 20).await.unwrap();
            String::from_utf8(body.to_vec()).unwrap()
        });
        shows_no_token(&text);
        if text.starts_with("<!DOCTYPE") {
            is_harmless(&text);
        } else {
            text.lines().for_each(is_one_line);
        }
    }
}

/// Checks an issue's text as Markdown: text from others is inside code, and is neither markup,
/// nor a link, nor a mention.
fn is_ours_alone(body: &str) {
    body.split('\n').for_each(is_one_line);
    let mut code = 0;
    for event in Parser::new(body) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => code += 1,
            Event::End(TagEnd::CodeBlock) => code -= 1,
            Event::Html(html) | Event::InlineHtml(html) => {
                let is_marker = html.trim_start().starts_with("<!-- release-governor ");
                assert!(is_marker && html.trim_end().ends_with("-->"), "markup: {html:?}");
                assert_eq!(html.matches("-->").count(), 1, "a comment that ends early: {html:?}");
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                let is_run =
                    dest_url.starts_with("https://") && dest_url.contains("/actions/runs/");
                assert!(is_run, "a link to {dest_url}");
            }
            Event::Start(Tag::Image { dest_url, .. }) => panic!("an image of {dest_url}"),
            Event::Text(text) if code == 0 => assert!(!text.contains('@'), "a mention: {text:?}"),
            _ => {}
        }
    }
}
