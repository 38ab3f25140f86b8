//! Answers in GitHub's format, without the fields that are not read.

#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is an assertion: it names the line that was wrong"
)]

use serde_json::{Value, json};

use super::*;
use crate::domain::CommandReading;

fn actor(login: &str, id: u64, kind: &str) -> Value {
    json!({
        "login": login, "id": id, "node_id": "MDQ6VXNlcjE=", "type": kind,
        "user_view_type": "public", "site_admin": false,
    })
}

fn bea() -> Value {
    actor("Bea", 2, "User")
}

fn command() -> ApprovalCommand {
    ApprovalCommand::new("/approve").unwrap()
}

fn read(page: &[Value]) -> Result<Vec<Option<PullEvent>>, Unusable> {
    events(&serde_json::to_vec(page).unwrap(), &command())
}

fn one(event: Value) -> Option<PullEvent> {
    read(&[event]).unwrap().pop().flatten()
}

fn refused(event: Value) -> String {
    match read(&[event]).unwrap_err() {
        Unusable::Malformed(why) => why,
        Unusable::EmptyList { .. } => panic!("one event is no empty list"),
    }
}

fn labeled() -> Value {
    json!({
        "id": 6_430_295_168_u64, "event": "labeled", "actor": bea(), "commit_id": null,
        "commit_url": null, "created_at": "2026-11-02T11:00:00Z",
        "label": { "name": "release:approved", "color": "0e8a16" },
        "performed_via_github_app": null,
    })
}

fn commented(body: &str) -> Value {
    json!({
        "event": "commented", "id": 1_508_834_613_u64, "user": bea(), "actor": bea(),
        "created_at": "2026-11-02T11:00:00Z", "updated_at": "2026-11-02T11:00:00Z",
        "author_association": "MEMBER", "body": body, "reactions": { "total_count": 0 },
        "performed_via_github_app": null,
    })
}

fn with(mut event: Value, key: &str, value: Value) -> Value {
    event[key] = value;
    event
}

fn without(mut event: Value, key: &str) -> Value {
    event.as_object_mut().unwrap().remove(key).unwrap();
    event
}

fn comment_of(event: Value) -> Comment {
    match one(event) {
        Some(PullEvent::Commented(comment)) => comment,
        other => panic!("no comment: {other:?}"),
    }
}

fn labeled_by(event: Value) -> Option<Person> {
    match one(event) {
        Some(PullEvent::Labeled { by, .. }) => by,
        other => panic!("no label: {other:?}"),
    }
}

#[test]
fn a_timeline_is_read_in_its_order_and_by_what_matters_in_it() {
    let page = vec![
        // A commit has no `actor`, `created_at` or `id`, and the pusher chooses its dates.
        json!({
            "event": "committed", "sha": "7638417db6d59f3c431d3e1f261cc637155684cd",
            "author": { "name": "x", "email": "x@y.test", "date": "2031-01-01T00:00:00Z" },
            "committer": { "name": "x", "email": "x@y.test", "date": "1999-01-01T00:00:00Z" },
            "message": "x", "tree": {}, "parents": [],
        }),
        json!({ "event": "reviewed", "user": bea(), "body": "/approve", "state": "approved",
                "submitted_at": "2026-11-02T10:00:00Z", "author_association": "MEMBER" }),
        labeled(),
        json!({ "event": "head_ref_force_pushed", "actor": null, "commit_id": "77" }),
        with(labeled(), "event", json!("unlabeled")),
        commented("Looks good.\r\n\r\n/approve\r\n"),
        json!({ "event": "merged", "actor": bea(), "commit_id": "88",
                "created_at": "2026-11-02T11:30:00Z" }),
        json!({ "event": "closed", "actor": bea(), "created_at": "2026-11-02T11:30:00Z" }),
        json!({ "event": "head_ref_deleted", "actor": bea() }),
    ];
    let read = read(&page).unwrap();
    let kinds: Vec<&str> = read
        .iter()
        .flatten()
        .map(|event| match event {
            PullEvent::Labeled { .. } => "labeled",
            PullEvent::Unlabeled { .. } => "unlabeled",
            PullEvent::Commented(_) => "commented",
            PullEvent::Pushed { .. } => "pushed",
            PullEvent::Merged => "merged",
        })
        .collect();
    assert_eq!(kinds, ["pushed", "labeled", "pushed", "unlabeled", "commented", "merged"]);
}

#[test]
fn whatever_may_bring_other_commits_is_a_push() {
    let commit = "7638417db6d59f3c431d3e1f261cc637155684cd";
    let named = Some(PullEvent::Pushed { sha: Some(commit.parse().unwrap()) });
    assert_eq!(one(json!({ "event": "committed", "sha": commit })), named);
    assert_eq!(one(json!({ "event": "head_ref_force_pushed", "commit_id": commit })), named);
    let unnamed = Some(PullEvent::Pushed { sha: None });
    for kind in [
        "committed",
        "head_ref_force_pushed",
        "base_ref_changed",
        "base_ref_force_pushed",
        "automatic_base_change_succeeded",
    ] {
        assert_eq!(one(json!({ "event": kind, "sha": "x", "commit_id": null })), unnamed, "{kind}");
    }
}

/// The kind of a commit event is optional in GitHub's OpenAPI description; its tree and parents
/// are required.
#[test]
fn a_commit_is_a_push_whether_its_event_names_its_kind_or_not() {
    let sha = "b".repeat(40);
    let commit = json!({
        "sha": sha, "message": "labeled", "parents": [],
        "tree": { "sha": sha, "url": "https://api.github.com/repos/acme/shop/git/trees/b" },
    });
    let pushed = Some(PullEvent::Pushed { sha: sha.parse().ok() });
    assert_eq!(one(commit.clone()), pushed);
    assert_eq!(one(with(commit.clone(), "event", json!("committed"))), pushed);
    assert_eq!(one(with(commit, "event", Value::Null)), pushed);
    assert_eq!(one(json!({ "sha": sha })), None, "no commit");
}

#[test]
fn kinds_that_say_nothing_here_or_are_not_known_are_passed_over_whatever_they_hold() {
    for event in [
        json!({ "event": "cross-referenced", "actor": null, "source": { "issue": {} } }),
        json!({ "event": "line-commented", "comments": [{ "body": "/approve" }] }),
        json!({ "event": "renamed", "rename": { "from": "a", "to": "/approve" } }),
        json!({ "event": "copilot_work_started", "actor": "a text", "label": 7 }),
        json!({ "event": "sub_issue_added", "created_at": "not a time" }),
        json!({ "event": null }),
        json!({ "event": 7 }),
        json!({}),
        json!("labeled"),
        json!(null),
    ] {
        assert_eq!(one(event.clone()), None, "{event}");
    }
}

#[test]
fn an_event_that_matters_and_lacks_what_matters_is_no_answer() {
    assert_eq!(refused(without(labeled(), "created_at")), "labeled without a time");
    assert_eq!(refused(with(labeled(), "created_at", json!(null))), "labeled without a time");
    assert_eq!(refused(without(labeled(), "label")), "labeled without a label");
    let unlabeled = with(labeled(), "event", json!("unlabeled"));
    assert_eq!(refused(without(unlabeled.clone(), "label")), "unlabeled without a label");
    assert_eq!(refused(without(unlabeled, "created_at")), "unlabeled without a time");
    assert_eq!(refused(without(commented("/approve"), "created_at")), "commented without a time");
    refused(with(labeled(), "created_at", json!("yesterday")));
    refused(with(labeled(), "actor", json!({ "login": "bea" })));
}

#[test]
fn a_deleted_account_is_nobody_and_logins_are_one_whatever_their_case() {
    let by = labeled_by(labeled()).unwrap();
    assert_eq!((by.id, by.login.as_str(), by.is_bot), (UserId::from(2), "Bea", false));
    assert_eq!(labeled_by(with(labeled(), "actor", json!(null))), None);
    assert_eq!(labeled_by(without(labeled(), "actor")), None);
    assert_eq!(labeled_by(with(labeled(), "actor", actor("ghost", 10_137, "User"))), None);
    assert_eq!(labeled_by(with(labeled(), "actor", actor("Ghost", 10_137, "User"))), None);
    let nobody = with(with(commented("/approve"), "user", json!(null)), "actor", json!(null));
    assert_eq!(comment_of(nobody).by, None);
}

/// The author of a comment is its `user`, if there is one.
#[test]
fn a_comment_is_by_its_user() {
    let by = |event| comment_of(event).by.map(|by| by.login.as_str().to_owned());
    let event = with(commented("/approve"), "actor", actor("mallory", 3, "User"));
    assert_eq!(by(event.clone()).as_deref(), Some("Bea"));
    assert_eq!(by(without(event.clone(), "user")).as_deref(), Some("mallory"));
    // A deleted author is not replaced by the actor.
    assert_eq!(by(with(event, "user", actor("ghost", 10_137, "User"))), None);
}

#[test]
fn a_bot_is_known_by_its_kind_or_by_its_login() {
    let is_bot = |actor| labeled_by(with(labeled(), "actor", actor)).unwrap().is_bot;
    assert!(is_bot(actor("github-actions[bot]", 41_898_282, "Bot")));
    assert!(is_bot(actor("kit", 5, "Bot")));
    assert!(is_bot(actor("kit[bot]", 5, "User")));
    assert!(!is_bot(actor("bot", 6, "User")));
    assert!(!is_bot(json!({ "login": "bea", "id": 2 })));
}

#[test]
fn a_comment_by_an_app_in_somebodys_name_is_known() {
    let app = |app| comment_of(with(commented("/approve"), "performed_via_github_app", app));
    assert_eq!(app(json!(null)).through_app, None);
    assert_eq!(app(json!({ "id": 7, "slug": "slack" })).through_app.as_deref(), Some("slack"));
    assert_eq!(app(json!({ "id": 7, "slug": null })).through_app.as_deref(), Some("an App"));
    assert_eq!(app(json!({})).through_app.as_deref(), Some("an App"));
    let absent = without(commented("/approve"), "performed_via_github_app");
    assert_eq!(comment_of(absent).through_app, None);
}

#[test]
fn a_comment_that_does_not_say_when_it_was_changed_may_have_been() {
    assert!(!comment_of(commented("/approve")).is_edited);
    let later = json!("2026-11-02T11:00:01Z");
    assert!(comment_of(with(commented("/approve"), "updated_at", later)).is_edited);
    assert!(comment_of(with(commented("/approve"), "updated_at", json!(null))).is_edited);
    assert!(comment_of(without(commented("/approve"), "updated_at")).is_edited);
}

#[test]
fn only_the_repositorys_people_are_from_inside() {
    let inside = |word: &str| {
        comment_of(with(commented("/approve"), "author_association", json!(word))).is_from_inside
    };
    let known = ["OWNER", "MEMBER", "COLLABORATOR"];
    assert!(known.into_iter().all(inside));
    let others =
        ["CONTRIBUTOR", "FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR", "MANNEQUIN", "NONE", "", "owner"];
    assert!(!others.into_iter().any(inside));
    assert!(!comment_of(without(commented("/approve"), "author_association")).is_from_inside);
}

#[test]
fn the_longest_comment_is_read_to_its_end() {
    let longest = |last: &str| {
        let line = "All good here, I looked at each of them.\r\n\r\n";
        let mut body = line.repeat(65_536 / line.len() + 1);
        body.truncate(65_536 - last.len() - 4);
        let body = format!("{body}\r\n\r\n{last}");
        assert_eq!(body.len(), 65_536);
        comment_of(commented(&body)).spoken
    };
    assert_eq!(longest("/approve"), CommandReading::Given);
    assert_eq!(longest("> /approve"), CommandReading::InQuote);
    assert_eq!(comment_of(commented(&"/".repeat(65_536))).spoken, CommandReading::Absent);
    assert_eq!(comment_of(with(commented(""), "body", json!(null))).spoken, CommandReading::Absent);
    assert_eq!(comment_of(without(commented(""), "body")).spoken, CommandReading::Absent);
}

fn standing(answer: Value) -> (Option<Permission>, String) {
    let standing = serde_json::from_value::<WireStanding>(answer).unwrap().domain();
    (standing.permission, standing.role)
}

/// GitHub's answer for a role and the five rights of its user.
fn answer(permission: &str, role: &str, rights: &str) -> Value {
    let right = |name: &str| rights.split(' ').any(|one| one == name);
    let mut user = bea();
    user["role_name"] = json!(role);
    user["permissions"] = json!({
        "pull": right("pull"), "triage": right("triage"), "push": right("push"),
        "maintain": right("maintain"), "admin": right("admin"),
    });
    json!({ "permission": permission, "role_name": role, "user": user })
}

#[test]
fn githubs_own_roles_are_told_apart_by_their_names() {
    use Permission::{Admin, Maintain, Read, Triage, Write};
    for (permission, role, rights, is) in [
        ("admin", "admin", "pull triage push maintain admin", Some(Admin)),
        ("write", "maintain", "pull triage push maintain", Some(Maintain)),
        ("write", "write", "pull triage push", Some(Write)),
        ("read", "triage", "pull triage", Some(Triage)),
        ("read", "read", "pull", Some(Read)),
        ("none", "none", "", None),
    ] {
        let told = standing(answer(permission, role, rights));
        assert_eq!(told, (is, role.to_owned()));
    }
}

/// Enterprise Server from before `role_name` has only `permission`.
#[test]
fn without_a_role_the_old_word_tells() {
    let old = |word: &str| standing(json!({ "permission": word, "user": bea() }));
    assert_eq!(old("write"), (Some(Permission::Write), "write".to_owned()));
    assert_eq!(old("admin"), (Some(Permission::Admin), "admin".to_owned()));
    assert_eq!(old("none"), (None, "none".to_owned()));
    assert_eq!(old("superuser"), (None, "superuser".to_owned()));
}

#[test]
fn a_custom_role_is_what_its_rights_say_and_else_what_it_stands_on() {
    let told = standing(answer("read", "deployer", "pull triage"));
    assert_eq!(told, (Some(Permission::Triage), "deployer".to_owned()));
    let told = standing(answer("write", "deployer", "pull triage push maintain"));
    assert_eq!(told.0, Some(Permission::Maintain));
    let bare = |permission: &str| {
        standing(json!({ "permission": permission, "role_name": "deployer", "user": null }))
    };
    assert_eq!(bare("write").0, Some(Permission::Write));
    assert_eq!(bare("read").0, Some(Permission::Read));
    assert_eq!(bare("none").0, None);
    assert_eq!(bare("security").0, None);
    // If no rights are set, `permission` decides.
    assert_eq!(standing(answer("read", "deployer", "")).0, Some(Permission::Read));
    // Rights do not count if GitHub reports the permission `none`.
    assert_eq!(standing(answer("none", "deployer", "pull push")).0, None);
}

#[test]
fn an_invitation_is_no_membership() {
    let is_active = |state: &str| {
        let answer = json!({ "state": state, "role": "member", "url": "https://x.test" });
        serde_json::from_value::<WireMembership>(answer).unwrap().is_active()
    };
    assert!(is_active("active"));
    assert!(!["pending", "Active", ""].into_iter().any(is_active));
}

#[test]
fn a_merged_pull_request_is_told_with_the_name_that_its_base_had() {
    let merged = |base: &str, at: Value, user: Value| {
        let answer = json!({
            "number": 42, "state": "closed", "user": user, "merged_at": at,
            "base": { "ref": base, "label": format!("acme:{base}") },
            "head": { "ref": "main", "sha": "7638417db6d59f3c431d3e1f261cc637155684cd" },
        });
        let pull = serde_json::from_value::<WirePull>(answer).unwrap();
        pull.merged()
    };
    let at = || json!("2026-11-02T11:00:00Z");
    let (base, pull) = merged("main", at(), bea()).unwrap();
    assert_eq!(base, Branch::from("main"));
    assert_eq!(pull.author.unwrap().login.as_str(), "Bea");
    assert_eq!(merged("main", json!(null), bea()), None);
    assert_eq!(merged("Main", at(), bea()).unwrap().0, Branch::from("Main"));
    assert_eq!(merged("main", at(), json!(null)).unwrap().1.author, None);
    assert_eq!(merged("main", at(), actor("ghost", 10_137, "User")).unwrap().1.author, None);
}

#[test]
fn labels_are_read_by_their_names() {
    let answer = json!({
        "number": 42,
        "labels": [{ "id": 1, "name": "release:approved", "description": null }, { "name": "ünï" }],
    });
    let labels = serde_json::from_value::<WireLabels>(answer).unwrap();
    assert_eq!(labels.names(), ["release:approved", "ünï"]);
}
