//! The HTML pages, as a browser receives them.

use ghbox::NewCommit;

use crate::town::{Running, Town};

fn page(running: &Running, address: &str) -> (u16, String, String) {
    running.ask("GET", address)
}

#[track_caller]
fn good(running: &Running, address: &str) -> String {
    let (code, head, body) = page(running, address);
    assert_eq!(code, 200, "{address}: {body}");
    assert!(head.contains("content-type: text/html; charset=utf-8"), "{head}");
    let policy = "content-security-policy: default-src 'none'; style-src 'self';";
    assert!(head.contains(policy) && head.contains("x-content-type-options: nosniff"), "{head}");
    assert!(!body.contains("<script") && !body.contains("style="), "{body}");
    body
}

#[test]
fn a_held_commit_says_why_in_a_sentence_and_then_what_to_do() {
    let (town, shop, production) = Town::with_shop();
    let sha = shop.verified(&["db/migrations/1.sql"]);
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "high_risk_no_approval");
    let all = good(&running, "/");
    let short = &sha[..7];
    for told in [
        "<a href=\"/repos/acme/shop\">acme/shop</a>",
        "<span class=\"word HOLD\">HOLD</span>",
        "It waits for an approval: it is risky to ship.",
        &format!("href=\"/repos/acme/shop/commits/{production}\""),
    ] {
        assert!(all.contains(told), "{told} is not in {all}");
    }
    let one = good(&running, "/repos/acme/shop");
    for told in [
        format!("<a class=\"sha\" href=\"/repos/acme/shop/commits/{sha}\">{short}</a>"),
        format!(
            "<li><code>release-governor approve acme/shop {short} --reason &#34;WHY&#34;</code>"
        ),
        "The governor has not started any deploy yet.".to_owned(),
    ] {
        assert!(one.contains(&told), "{told} is not in {one}");
    }
    let why = good(&running, &format!("/repos/acme/shop/commits/{short}"));
    for told in [
        "<p>It waits for an approval: it is risky to ship.</p>",
        "HOLD · HIGH · high_risk_no_approval",
        "<h2>What to do</h2>",
        "<code>db/migrations/1.sql</code>",
        "<td><code>high_risk_no_approval</code></td>",
        "is the candidate",
        &format!("href=\"/api/v1/repos/acme/shop/commits/{sha}\""),
    ] {
        assert!(why.contains(told), "{told} is not in {why}");
    }
    assert!(why.find("It waits").unwrap() < why.find("What to do").unwrap());
    assert_eq!(running.end().0, 0);
}

#[test]
fn what_strangers_write_shows_as_text() {
    let (town, shop, _) = Town::with_shop();
    let hostile = "<img src=x onerror=alert(1)>\u{202e}/auth/a.rs";
    shop.push(NewCommit::on("main").file(hostile, "x"));
    let sha = shop.tip("main");
    shop.verify(&sha, "success");
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "high_risk_no_approval");
    let reason = "<script>alert(2)</script> & `x";
    town.run(&["pause", "acme/shop", "--reason", reason]).with(0);
    town.row_when("acme/shop", |row| row["reason"] == "paused");
    let commit = format!("/repos/acme/shop/commits/{sha}");
    for address in ["/", "/repos/acme/shop", &commit, "/?q=%3Cscript%3E"] {
        let body = good(&running, address);
        assert!(!body.contains("<img") && !body.contains('\u{202e}'), "{address}: {body}");
    }
    assert!(
        good(&running, "/").contains("Paused: &#60;script&#62;alert(2)&#60;/script&#62; &#38; `x")
    );
    let why = good(&running, &commit);
    let shown = "&#60;img src=x onerror=alert(1)&#62;\\u{202e}/auth/a.rs";
    assert!(why.contains(shown), "{why}");
    assert_eq!(running.end().0, 0);
}

#[test]
fn what_is_not_there_says_so_to_people() {
    let (town, _, _) = Town::with_shop();
    let running = town.govern();
    town.row_when("acme/shop", |row| row["last_pass"].is_string());
    for (address, expected, told) in [
        ("/repos/acme/nope", 404, "acme/nope is not governed here"),
        ("/repos/acme/shop/commits/1234567", 404, "nothing is known of a commit 1234567"),
        ("/repos/acme/shop/commits/main", 400, "7 to 64 hex digits"),
        ("/?state=red", 400, "any of any, ERROR, HOLD"),
        ("/?colour=red", 400, "one of q, state"),
    ] {
        let (code, head, body) = page(&running, address);
        assert_eq!(code, expected, "{address}: {body}");
        assert!(head.contains("text/html") && head.contains("no-store"), "{head}");
        assert!(body.contains(told) && body.contains("All repositories"), "{address}: {body}");
    }
    let (code, head, _) = page(&running, "/style.css");
    assert_eq!(code, 200);
    assert!(head.contains("text/css") && head.contains("etag: "), "{head}");
    assert_eq!(running.ask("POST", "/").0, 405);
    assert_eq!(running.end().0, 0);
}

#[test]
fn the_list_shows_only_what_is_asked_for_and_what_needs_somebody_first() {
    let (town, shop, _) = Town::with_shop();
    for name in ["acme/api", "other/web"] {
        ghbox::story::repository(&town.github, name).in_production();
    }
    let all = "repositories: [{name: acme/api}, {name: other/web}, {name: acme/shop}, \
               {name: acme/gone}]\n";
    town.configure(all);
    shop.verified(&["db/migrations/1.sql"]);
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "high_risk_no_approval");
    town.row_when("acme/gone", |row| row["error"].is_string());
    town.row_when("other/web", |row| row["last_pass"].is_string());
    let place = |body: &str, name: &str| body.find(&format!("href=\"/repos/{name}\""));
    let body = good(&running, "/");
    let order = ["acme/gone", "acme/shop", "acme/api", "other/web"].map(|name| place(&body, name));
    assert!(order.is_sorted() && order[0].is_some(), "{order:?}: {body}");
    let held = good(&running, "/?state=HOLD");
    assert!(place(&held, "acme/shop").is_some() && place(&held, "acme/api").is_none(), "{held}");
    assert!(held.contains("1 of 4 repositories"), "{held}");
    let named = good(&running, "/?q=OTHER");
    assert!(place(&named, "other/web").is_some() && place(&named, "acme/api").is_none());
    assert!(good(&running, "/?q=zzz").contains("No repository matches."));
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_held_status_links_to_a_page_that_is_there() {
    let (mut town, shop, _) = Town::with_shop();
    let sha = shop.verified(&["db/migrations/1.sql"]);
    town.set("RELEASE_GOVERNOR_SERVER__PUBLIC_URL", "https://governor.example.com");
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "high_risk_no_approval");
    crate::town::until(|| !shop.statuses(&sha).is_empty());
    let status = shop.statuses(&sha).into_iter().next().unwrap();
    let target = status.target_url.unwrap();
    let address = target.strip_prefix("https://governor.example.com").unwrap();
    assert!(good(&running, address).contains("It waits for an approval"), "{address}");
    assert_eq!(running.end().0, 0);
}

#[test]
fn every_page_says_which_freeze_is_in_force_and_when_a_held_commit_ships() {
    let (town, shop, _) = Town::with_shop();
    town.configure(
        "repositories: [{name: acme/shop}]\n\
         freezes:\n\
         - {name: '<b>audit</b>', zone: Asia/Kathmandu, from: 2026-01-01T00:00, \
            to: 2126-01-01T00:00, owner: '@acme/<i>data</i>', reason: the books are closed}\n\
         windows: [{name: always, zone: UTC, weekly: [{from: Mon 00:00, to: Sun 23:59}]}]\n",
    );
    let sha = shop.verified(&["src/cart.rs"]);
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "frozen");
    let until = "now to Tue 1 Jan 2126 00:00 +0545";
    let commit = format!("/repos/acme/shop/commits/{sha}");
    for address in ["/", "/repos/acme/shop", &commit, "/calendar"] {
        let body = good(&running, address);
        assert!(!body.contains("<b>") && !body.contains("<i>"), "{address}: {body}");
        assert!(body.contains("Frozen: &#60;b&#62;audit&#60;/b&#62;"), "{address}: {body}");
        assert!(body.contains(until), "{address}: {body}");
    }
    let forecast = "It ships Tue 1 Jan 2126 00:00 +0545 if nothing changes.";
    assert!(good(&running, &commit).contains(forecast), "{}", good(&running, &commit));
    assert!(good(&running, "/").contains(forecast));
    let calendar = good(&running, "/calendar");
    for told in
        ["Ask @acme/&#60;i&#62;data&#60;/i&#62;. Reason: the books are closed.", "Ships only"]
    {
        assert!(calendar.contains(told), "{told} is not in {calendar}");
    }
    let row = town.run(&["status", "--json"]).with(0).json()["repositories"][0].clone();
    assert_eq!(row["ships_at"], "2125-12-31T18:15:00Z");
    let told = town.run(&["status", "acme/shop"]).with(0).text();
    assert!(told.contains("ships Tue 1 Jan 2126 00:00 +0545 if nothing changes"), "{told}");
    assert_eq!(running.end().0, 0);
}
