//! GitHub Apps: identity, permissions, and loss of access.

use std::time::Duration;

use ghbox::story;
use ghbox::{Access, GhApp, GhBox, Installed, NewApp, Permission, Role, UserKind};
use http::Method;
use serde_json::{Value, json};

use crate::client::{Client, github};
use crate::openapi::check_all;

/// An App installed in two accounts: in all repositories of `acme`, and in one of two of `ben`.
pub(crate) fn two_accounts(github: &GhBox) -> (GhApp, Installed, Installed) {
    github.add_user("acme", UserKind::Organization);
    for name in ["acme/shop", "acme/till", "ben/blog", "ben/diary"] {
        story::repository(github, name);
    }
    let app = github.register_app(NewApp::new("release-governor"));
    let (acme, ben) = (app.install("acme"), app.install_on("ben", &["blog"]));
    (app, acme, ben)
}

pub(crate) fn mint(github: &GhBox, app: &GhApp, of: &Installed, body: &Value) -> (u16, Value) {
    let path = format!("/app/installations/{}/access_tokens", of.id());
    let answer = Client::with_token(github, &app.jwt()).post(&path, body);
    (answer.status, answer.json())
}

fn minted(github: &GhBox, app: &GhApp, of: &Installed) -> Client {
    let (status, answer) = mint(github, app, of, &json!({}));
    assert_eq!(status, 201, "{answer}");
    Client::with_token(github, answer["token"].as_str().expect("a token"))
}

#[test]
fn an_app_finds_its_installations_in_every_way_that_github_has() {
    let github = github();
    let (app, acme, ben) = two_accounts(&github);
    let as_app = Client::with_token(&github, &app.jwt());
    let itself = as_app.get("/app").json();
    assert_eq!((&itself["id"], &itself["slug"]), (&json!(app.id()), &json!("release-governor")));
    assert_eq!(as_app.get("/app/installations").json().as_array().map(Vec::len), Some(2));
    for (path, id) in [
        (format!("/app/installations/{}", acme.id()), acme.id()),
        ("/orgs/acme/installation".to_owned(), acme.id()),
        ("/users/ben/installation".to_owned(), ben.id()),
        ("/repos/acme/till/installation".to_owned(), acme.id()),
        ("/repos/ben/blog/installation".to_owned(), ben.id()),
    ] {
        let answer = as_app.get(&path).json();
        assert_eq!(answer["id"], id, "{path}: {answer}");
    }
    for path in [
        "/repos/ben/diary/installation",
        "/orgs/ben/installation",
        "/users/acme/installation",
        "/orgs/nobody/installation",
        "/app/installations/1",
    ] {
        assert_eq!(as_app.get(path).status, 404, "{path}");
    }
    let selections = ["/orgs/acme/installation", "/users/ben/installation"]
        .map(|path| as_app.get(path).json()["repository_selection"].clone());
    assert_eq!(selections, ["all", "selected"]);
    check_all(&github.requests());
}

#[test]
fn a_json_web_token_must_be_signed_and_timely() {
    let github = github();
    let (app, _, _) = two_accounts(&github);
    let now = github.clock().now().as_second();
    let said = |token: &str| {
        let answer = Client::with_token(&github, token).get("/app");
        (answer.status, answer.json()["message"].as_str().unwrap_or_default().to_owned())
    };
    let claims = |iat: i64, exp: i64| json!({ "iat": iat, "exp": exp, "iss": app.id() });
    let of = |iat: i64, exp: i64| said(&app.signed(&claims(iat, exp)));
    assert_eq!(of(now - 60, now + 600).0, 200);
    assert_eq!(of(now + 60, now + 60).0, 200, "a minute ahead is drift");
    let issued = "'Issued at' claim ('iat') must be an Integer representing the time that the \
                  assertion was issued";
    assert_eq!(of(now + 61, now + 120), (401, issued.to_owned()));
    let far = "'Expiration time' claim ('exp') is too far in the future";
    assert_eq!(of(now, now + 601), (401, far.to_owned()));
    assert_eq!(of(now - 700, now).0, 401, "it is over");
    let text = app.signed(&json!({ "iat": "now", "exp": now + 60, "iss": app.client_id() }));
    assert_eq!(said(&text), (401, issued.to_owned()));
    let letters = json!({ "iat": now, "exp": now + 60, "iss": app.id().to_string() });
    assert_eq!(said(&app.signed(&letters)).0, 200, "the id in letters");
    let stranger = app.signed(&json!({ "iat": now, "exp": now + 60, "iss": 7 }));
    assert_eq!(said(&stranger), (404, "Integration not found".to_owned()));
    let undecoded = (401, "A JSON web token could not be decoded".to_owned());
    assert_eq!(said("ghs_abc"), undecoded);
    let good = app.jwt();
    let other = app.signed(&claims(now, now + 60));
    let head = good.rsplit_once('.').expect("three parts").0;
    let forged = format!("{head}.{}", other.rsplit_once('.').expect("three parts").1);
    assert_eq!(said(&forged), undecoded, "signed for other claims");
    assert_eq!(Client::with_token(&github, &good).get("/user").status, 401);
}

#[test]
fn an_installation_token_sees_its_repositories_and_no_others() {
    let github = github();
    let (app, acme, ben) = two_accounts(&github);
    let (in_acme, in_ben) = (minted(&github, &app, &acme), minted(&github, &app, &ben));
    let seen = |client: &Client| {
        ["acme/shop", "acme/till", "ben/blog", "ben/diary"]
            .map(|name| client.get(&format!("/repos/{name}")).status)
    };
    assert_eq!(seen(&in_acme), [200, 200, 404, 404]);
    assert_eq!(seen(&in_ben), [404, 404, 200, 404]);
    let listed = in_ben.get("/installation/repositories").json();
    assert_eq!(
        (&listed["total_count"], &listed["repositories"][0]["full_name"]),
        (&json!(1), &json!("ben/blog"))
    );
    ben.select("diary");
    ben.unselect("blog");
    assert_eq!(seen(&in_ben), [404, 404, 404, 200], "without a new token");
    let narrow = json!({ "repositories": ["till"], "permissions": { "contents": "read" } });
    let (_, answer) = mint(&github, &app, &acme, &narrow);
    assert_eq!(answer["repositories"][0]["full_name"], "acme/till");
    assert_eq!(answer["permissions"], json!({ "contents": "read" }));
    let narrowed = Client::with_token(&github, answer["token"].as_str().expect("a token"));
    assert_eq!(seen(&narrowed), [404, 200, 404, 404]);
    assert_eq!(narrowed.get("/repos/acme/till/issues").status, 403);
    let beyond = json!({ "repositories": ["blog"] });
    assert_eq!(mint(&github, &app, &acme, &beyond).0, 422);
    assert_eq!(
        mint(&github, &app, &acme, &json!({ "permissions": { "contents": "write" } })).0,
        422
    );
    github.repository("ben/blog").set_private(false);
    assert_eq!(seen(&in_acme), [200, 200, 200, 404], "what is public is read by all");
    let issue = json!({ "title": "Hello" });
    assert_eq!(in_acme.post("/repos/ben/blog/issues", &issue).status, 403);
    check_all(&github.requests());
}

#[test]
fn an_installation_acts_as_the_apps_bot_and_has_no_user() {
    let github = github();
    let (app, acme, _) = two_accounts(&github);
    let client = minted(&github, &app, &acme);
    let shop = github.repository("acme/shop");
    let tip = shop.tip("main");
    let user = client.get("/user");
    assert_eq!(
        (user.status, &user.json()["message"]),
        (403, &json!("Resource not accessible by integration"))
    );
    let at = |path: &str| format!("/repos/acme/shop{path}");
    let status = client.post(&at(&format!("/statuses/{tip}")), &json!({ "state": "success" }));
    assert_eq!(status.json()["creator"]["login"], "release-governor[bot]");
    assert_eq!(status.json()["creator"]["type"], "Bot");
    let issue = client.post(&at("/issues"), &json!({ "title": "It broke", "labels": ["x"] }));
    assert_eq!(issue.json()["user"]["login"], "release-governor[bot]");
    assert_eq!(issue.json()["labels"][0]["name"], "x");
    let dispatch = json!({ "ref": "main", "inputs": { "sha": tip } });
    assert_eq!(client.post(&at("/actions/workflows/deploy.yml/dispatches"), &dispatch).status, 204);
    let runs = client.get(&at("/actions/runs")).json();
    assert_eq!(runs["workflow_runs"][0]["actor"]["login"], app.bot());
    acme.without(Permission::Actions);
    let poorer = minted(&github, &app, &acme);
    let refused = poorer.post(&at("/actions/workflows/deploy.yml/dispatches"), &dispatch);
    assert_eq!(
        (refused.status, refused.header("x-accepted-github-permissions")),
        (403, "actions=write")
    );
    acme.grant(Permission::Actions, Access::Write);
    check_all(&github.requests());
}

#[test]
fn a_token_lasts_an_hour_and_has_its_own_etags_and_limit() {
    let github = github();
    let (app, acme, ben) = two_accounts(&github);
    ben.set_requests_per_hour(2);
    let (first, second) = (minted(&github, &app, &acme), minted(&github, &app, &acme));
    let answer = first.get("/repos/acme/shop");
    assert_eq!(answer.header("x-ratelimit-limit"), "5000");
    let etag = answer.header("etag");
    assert_eq!(first.clone().header("if-none-match", etag).get("/repos/acme/shop").status, 304);
    let other = second.header("if-none-match", etag).get("/repos/acme/shop");
    assert_eq!((other.status, other.header("x-ratelimit-remaining")), (200, "4998"));
    let blog = minted(&github, &app, &ben);
    let statuses = [(); 3].map(|()| blog.get("/repos/ben/blog").status);
    assert_eq!(statuses, [200, 200, 403]);
    let words = blog.get("/repos/ben/blog").json()["message"].clone();
    assert_eq!(words, format!("API rate limit exceeded for installation ID {}.", ben.id()));
    assert_eq!(first.get("/repos/acme/shop").status, 200, "the other installation has its own");
    let writer = Client::writer(&github, "acme/shop", "dev");
    assert_eq!(writer.get("/repos/acme/shop").header("x-ratelimit-remaining"), "4999");
    github.advance(Duration::from_secs(3_599));
    assert_eq!(first.get("/repos/acme/shop").status, 200);
    github.advance(Duration::from_secs(1));
    let over = first.get("/repos/acme/shop");
    assert_eq!((over.status, &over.json()["message"]), (401, &json!("Bad credentials")));
    assert_eq!((acme.tokens_minted(), ben.tokens_minted(), github.tokens_minted()), (2, 1, 3));
    assert_eq!(github.requests().last().and_then(|last| last.installation), None);
}

#[test]
fn what_happens_to_an_installation_happens_to_its_tokens() {
    let github = github();
    let (app, acme, ben) = two_accounts(&github);
    let client = minted(&github, &app, &acme);
    let get = |client: &Client| client.get("/repos/acme/shop").status;
    acme.suspend("lead");
    let (status, answer) = mint(&github, &app, &acme, &json!({}));
    assert_eq!((status, &answer["message"]), (403, &json!("This installation has been suspended")));
    assert_eq!(get(&client), 403);
    let as_app = Client::with_token(&github, &app.jwt());
    let shown = as_app.get("/orgs/acme/installation").json();
    assert_eq!(shown["suspended_by"]["login"], "lead");
    acme.unsuspend();
    assert_eq!(get(&client), 200);
    acme.revoke_tokens();
    assert_eq!(get(&client), 401);
    let client = minted(&github, &app, &acme);
    assert_eq!(client.send(Method::DELETE, "/installation/token", None).expect("it").status, 204);
    assert_eq!(get(&client), 401);
    let client = minted(&github, &app, &acme);
    github.set_owner_gone("ACME", true);
    assert_eq!((get(&client), mint(&github, &app, &acme, &json!({})).0), (401, 404));
    assert_eq!(as_app.get("/app/installations").json().as_array().map(Vec::len), Some(1));
    github.set_owner_gone("acme", false);
    assert_eq!(get(&client), 200);
    acme.uninstall();
    assert_eq!((get(&client), mint(&github, &app, &acme, &json!({})).0), (401, 404));
    let blog = minted(&github, &app, &ben);
    assert_eq!(blog.get("/repos/ben/blog").status, 200, "the other account has noticed nothing");
    github.repository("acme/shop").add_collaborator("dev", Role::Write);
    check_all(&github.requests());
}
