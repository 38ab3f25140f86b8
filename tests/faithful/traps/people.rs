//! Permissions: roles, teams, bots, and deleted accounts.

use ghbox::story::{self, GOVERNOR};
use ghbox::{Access, GhBox, Ghost, NewApp, NewCommit, Permission, Repo, Role, Token};
use serde_json::{Value, json};

use super::apps::mint;
use crate::client::{Answer, Client, github};
use crate::openapi::check_all;

fn shop(github: &GhBox) -> (Repo, Client) {
    (story::repository(github, "acme/shop"), Client::app(github))
}

fn permission(client: &Client, login: &str) -> Answer {
    client.get(&format!("/repos/acme/shop/collaborators/{login}/permission"))
}

fn membership(client: &Client, login: &str) -> Answer {
    client.get(&format!("/orgs/acme/teams/release-captains/memberships/{login}"))
}

#[test]
fn permission_knows_three_roles_and_role_name_all_of_them() {
    let github = github();
    let (shop, app) = shop(&github);
    for (role, permission, role_name) in [
        (Role::Read, "read", "read"),
        (Role::Triage, "read", "triage"),
        (Role::Write, "write", "write"),
        (Role::Maintain, "write", "maintain"),
        (Role::Admin, "admin", "admin"),
    ] {
        shop.add_collaborator("lead", role);
        let said = app.get("/repos/acme/shop/collaborators/lead/permission").json();
        assert_eq!(
            (&said["permission"], &said["role_name"]),
            (&permission.into(), &role_name.into())
        );
    }
    shop.remove_collaborator("lead");
    let said = app.get("/repos/acme/shop/collaborators/lead/permission").json();
    assert_eq!(said["permission"], "none");
}

#[test]
fn a_custom_role_says_its_own_name_over_the_word_of_its_base() {
    let github = github();
    let (shop, app) = shop(&github);
    for (base, word, push) in [(Role::Maintain, "write", true), (Role::Triage, "read", false)] {
        shop.add_in_custom_role("lead", "release-manager", base);
        let said = permission(&app, "lead").json();
        assert_eq!(
            (&said["permission"], &said["role_name"]),
            (&json!(word), &json!("release-manager"))
        );
        assert_eq!(said["user"]["role_name"], "release-manager");
        assert_eq!(said["user"]["permissions"]["push"], push);
        assert_eq!(said["user"]["permissions"]["triage"], true);
        assert_eq!(said["user"]["permissions"]["admin"], false);
    }
    check_all(&github.requests());
}

#[test]
fn everybody_may_read_what_is_public_and_a_stranger_nothing_else() {
    let github = github();
    let (shop, app) = shop(&github);
    github.add_user("stranger", ghbox::UserKind::User);
    let said = permission(&app, "stranger").json();
    assert_eq!((&said["permission"], &said["role_name"]), (&json!("none"), &json!("")));
    assert_eq!(said["user"]["permissions"]["pull"], false);
    shop.set_private(false);
    let said = permission(&app, "stranger").json();
    assert_eq!((&said["permission"], &said["role_name"]), (&json!("read"), &json!("read")));
    assert_eq!(permission(&app, "nobody").status, 404);
    check_all(&github.requests());
}

#[test]
fn a_permission_that_was_taken_away_is_gone_at_the_next_look_and_its_etag_with_it() {
    let github = github();
    let (shop, app) = shop(&github);
    shop.add_collaborator("lead", Role::Write);
    let etag = permission(&app, "lead").header("etag").to_owned();
    let again = app.clone().header("if-none-match", &etag);
    assert_eq!(permission(&again, "lead").status, 304);
    shop.remove_collaborator("lead");
    let said = permission(&again, "lead");
    assert_eq!((said.status, &said.json()["permission"]), (200, &json!("none")));
}

#[test]
fn who_may_not_push_may_not_ask_who_may() {
    let github = github();
    let (shop, _) = shop(&github);
    let reader = Client::writer(&github, "acme/shop", "reader");
    assert_eq!(permission(&reader, "dev").status, 200);
    shop.add_collaborator("reader", Role::Triage);
    let refused = permission(&reader, "dev");
    let words = "Must have push access to view collaborator permission.";
    assert_eq!((refused.status, &refused.json()["message"]), (403, &json!(words)));
}

#[test]
fn members_of_a_team_are_active_once_they_came() {
    let github = github();
    let (_shop, _) = shop(&github);
    let captains = github.team("acme/release-captains", &["bea", "lead"]);
    captains.invite("cy");
    captains.maintainer("lead");
    let token = Token::installation(GOVERNOR).grant(Permission::Members, Access::Read);
    github.add_token_with("app", token);
    let app = Client::with_token(&github, "app");
    let said = |login: &str| {
        let said = membership(&app, login).json();
        (said["state"].clone(), said["role"].clone())
    };
    assert_eq!(said("BEA"), (json!("active"), json!("member")));
    assert_eq!(said("lead"), (json!("active"), json!("maintainer")));
    assert_eq!(said("cy"), (json!("pending"), json!("member")));
    assert_eq!(membership(&app, "dev").status, 404);
    captains.remove("bea");
    assert_eq!(membership(&app, "bea").status, 404);
    captains.delete();
    assert_eq!(membership(&app, "lead").status, 404);
    check_all(&github.requests());
}

#[test]
fn who_is_in_a_team_below_is_in_the_one_above_and_not_the_other_way_round() {
    let github = github();
    let captains = github.team("acme/release-captains", &["bea"]);
    let night = github.team("acme/night-watch", &["cy"]);
    night.below(&captains);
    github.team("acme/interns", &["di"]).below(&night);
    let token = Token::installation(GOVERNOR).grant(Permission::Members, Access::Read);
    github.add_token_with("app", token);
    let app = Client::with_token(&github, "app");
    assert_eq!(membership(&app, "cy").json()["state"], "active");
    assert_eq!(membership(&app, "di").json()["state"], "active");
    assert_eq!(app.get("/orgs/acme/teams/night-watch/memberships/bea").status, 404);
}

#[test]
fn a_team_shows_to_who_has_the_permission_or_the_scope_and_is_at_home_there() {
    let github = github();
    github.team("acme/release-captains", &["bea", "dev"]);
    let asks = |token: Token| {
        github.add_token_with("token", token);
        membership(&Client::with_token(&github, "token"), "bea")
    };
    let app = asks(Token::installation(GOVERNOR));
    assert_eq!((app.status, app.header("x-accepted-github-permissions")), (403, "members=read"));
    assert_eq!(asks(Token::fine_grained("dev")).status, 403);
    let fine = Token::fine_grained("dev").grant(Permission::Members, Access::Read);
    assert_eq!(asks(fine).status, 200);
    let narrow = asks(Token::classic("dev", &["repo"]));
    assert_eq!(narrow.status, 404);
    assert_eq!(narrow.header("x-accepted-oauth-scopes"), "admin:org, read:org, write:org");
    assert_eq!(asks(Token::classic("dev", &["repo", "read:org"])).status, 200);
    assert_eq!(asks(Token::classic("stranger", &["read:org"])).status, 404);
    assert_eq!(membership(&Client::with_token(&github, ""), "bea").status, 401);
    check_all(&github.requests());
}

#[test]
fn a_role_comes_from_a_team_too_and_the_highest_counts() {
    let github = github();
    let (shop, app) = shop(&github);
    let captains = github.team("acme/release-captains", &["bea", "cy"]);
    let night = github.team("acme/night-watch", &["di"]);
    night.below(&captains);
    captains.invite("eve");
    shop.add_team(&captains, Role::Maintain);
    shop.add_collaborator("bea", Role::Triage);
    shop.add_collaborator("cy", Role::Admin);
    let role = |login: &str| permission(&app, login).json()["role_name"].clone();
    assert_eq!(
        [role("bea"), role("cy"), role("di"), role("eve")],
        ["maintain", "admin", "maintain", ""]
    );
    captains.remove("bea");
    assert_eq!(role("bea"), "triage");
}

#[test]
fn talk_on_a_pull_request_goes_with_either_permission_and_on_an_issue_with_one() {
    let github = github();
    let (shop, _) = shop(&github);
    shop.push(NewCommit::on("feature").file("a", "1"));
    let pull = shop.open_pull_request("feature", "main", "Add it", "dev");
    let issue = shop.open_issue("It is slow", "", &[], "dev");
    let asks = |token: Token, number: u64, path: &str| {
        github.add_token_with("token", token);
        let client = Client::with_token(&github, "token");
        client.get(&format!("/repos/acme/shop/issues/{number}{path}"))
    };
    let neither = || {
        Token::installation(GOVERNOR).without(Permission::Issues).without(Permission::PullRequests)
    };
    let pulls = || neither().grant(Permission::PullRequests, Access::Read);
    for path in ["", "/timeline", "/comments", "/events"] {
        assert_eq!(asks(pulls(), pull, path).status, 200, "{path}");
        assert_eq!(asks(pulls(), issue, path).status, 403, "{path}");
        let refused = asks(neither(), pull, path);
        let accepted = "issues=read; pull_requests=read";
        assert_eq!(refused.header("x-accepted-github-permissions"), accepted);
    }
}

#[test]
fn an_app_sees_the_teams_of_the_accounts_that_it_is_installed_on() {
    let github = github();
    github.team("acme/release-captains", &["bea"]);
    story::repository(&github, "acme/shop");
    let app = github.register_app(NewApp::new("gov").grant(Permission::Members, Access::Read));
    for (account, status) in [("acme", 200), ("ben", 404)] {
        let installed = app.install(account);
        let (_, minted) = mint(&github, &app, &installed, &json!({}));
        let client = Client::with_token(&github, minted["token"].as_str().expect("a token"));
        assert_eq!(membership(&client, "bea").status, status, "{account}");
    }
}

#[test]
fn of_an_account_that_is_gone_only_a_ghost_is_left() {
    let github = github();
    let (shop, app) = shop(&github);
    github.team("acme/release-captains", &["bea"]);
    shop.add_collaborator("bea", Role::Write);
    let sha = shop.commit("main", "By bea", "bea", &[("a", Some("1"))]);
    shop.set_status(&sha, "security/scan", "success", "fine", "bea");
    let bea = Client::writer(&github, "acme/shop", "bea");
    github.delete_user("bea");
    assert_eq!(permission(&app, "bea").status, 404);
    assert_eq!(app.get("/users/bea").status, 404);
    assert_eq!(bea.get("/user").status, 401);
    let seen = |who: &Value| who["login"].clone();
    for (shown, login) in [(Ghost::Null, Value::Null), (Ghost::Named, json!("ghost"))] {
        github.show_ghosts_as(shown);
        let commit = app.get(&format!("/repos/acme/shop/commits/{sha}")).json();
        assert_eq!(seen(&commit["author"]), login);
        assert_eq!(commit["commit"]["author"]["name"], "bea");
        let statuses = app.get(&format!("/repos/acme/shop/commits/{sha}/statuses")).json();
        assert_eq!(seen(&statuses[0]["creator"]), login);
    }
    check_all(&github.requests());
}
