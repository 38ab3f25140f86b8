//! Responses without a body, and errors.

use super::asking::{ask, get, good};
use crate::town::{Running, Town};

fn shop() -> (Town, Running) {
    let (town, _, _) = Town::with_shop();
    let running = town.govern();
    town.row_when("acme/shop", |row| row["last_pass"].is_string());
    (town, running)
}

#[test]
fn who_has_it_already_gets_no_body() {
    let (mut town, _, _) = Town::with_shop();
    // The index contains the time of the last pass, so prevent another one.
    town.intervals = ("1h", "1h");
    town.configure("repositories: [{name: acme/shop, enabled: false}]\n");
    let running = town.govern();
    town.row_when("acme/shop", |row| row["last_pass"].is_string());
    let index = good(&running, "/api/v1");
    let etag = index.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.len() == 34, "{etag}");
    assert_eq!(index.header("cache-control"), "no-cache");
    assert_eq!(index.header("x-content-type-options"), "nosniff");
    assert_eq!(index.header("access-control-allow-origin"), "");
    for known in [etag.clone(), format!("W/{etag}"), format!("\"a\", {etag}"), "*".to_owned()] {
        let answer = ask(&running, "GET", "/api/v1", &[("If-None-Match", &known)]);
        assert_eq!((answer.code, answer.body.as_str()), (304, ""), "{known}");
        assert_eq!(answer.header("etag"), etag);
        assert_eq!(answer.header("content-type"), "");
    }
    for other in ["\"a\"", "a", &etag.to_uppercase()] {
        assert_eq!(ask(&running, "GET", "/api/v1", &[("If-None-Match", other)]).code, 200);
    }
    // Two header lines are one list.
    let two = [("If-None-Match", "\"a\""), ("If-None-Match", etag.as_str())];
    assert_eq!(ask(&running, "GET", "/api/v1", &two).code, 304);
    assert_ne!(good(&running, "/api/v1/openapi.json").header("etag"), etag);
    assert_eq!(running.end().0, 0);
}

#[test]
fn a_list_of_repositories_is_narrowed_and_a_wrong_parameter_is_named() {
    let (_town, running) = shop();
    let count = |query: &str| {
        let answer = good(&running, &format!("/api/v1/repos?{query}"));
        answer.json()["repositories"].as_array().unwrap().len()
    };
    assert_eq!(count("decision=ALLOW"), 1);
    assert_eq!(count("decision=HOLD"), 0);
    assert_eq!(count("decision=ALLOW&reason=deployed&error=false"), 1);
    assert_eq!(count("error=true"), 0);
    for (query, parameter) in [
        ("decision=hold", "decision"),
        ("reason=weather", "reason"),
        ("error=perhaps", "error"),
        ("outcome=HOLD", "outcome"),
    ] {
        let answer = get(&running, &format!("/api/v1/repos?{query}"));
        assert_eq!((answer.code, &answer.json()["parameter"]), (400, &parameter.into()), "{query}");
    }
    let (index, too) = (good(&running, "/api/v1"), good(&running, "/api/v1/"));
    assert_eq!(index.body, too.body);
}

#[test]
fn a_head_is_a_get_without_its_body_and_nothing_else_is_allowed() {
    let (_town, running) = shop();
    for address in ["/api/v1", "/api/v1/openapi.json", "/api/v1/repos/acme/shop/attempts"] {
        let (whole, head) = (good(&running, address), ask(&running, "HEAD", address, &[]));
        assert_eq!((head.code, head.body.as_str()), (200, ""));
        assert_eq!(head.header("etag"), whole.header("etag"));
        assert_eq!(head.header("content-length"), whole.body.len().to_string());
        let etag = [("If-None-Match", whole.header("etag"))];
        assert_eq!(ask(&running, "HEAD", address, &etag).code, 304);
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
            let refused = ask(&running, method, address, &[]);
            assert_eq!(refused.code, 405, "{method} {address}");
            assert_eq!(refused.header("allow"), "GET,HEAD");
            assert_eq!(refused.header("content-type"), "application/problem+json");
            assert_eq!(refused.json()["type"], "urn:problem-type:release-governor:read-only");
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let (_town, running) = shop();
    let long = format!("/api/v1/repos/acme/{}", "x".repeat(2_048));
    let many = format!("/api/v1/repos/acme/shop/ledger?{}", "limit=1&".repeat(40));
    let noon = "2026-11-01T12:00:00Z";
    let never = format!("/api/v1/repos/acme/shop/ledger?since={noon}&until={noon}");
    let table = [
        ("/api/v1/nothing", 404, "no-such-address", ""),
        ("/api/v2/repos", 404, "no-such-address", ""),
        ("/api/v1/repos/acme", 404, "no-such-address", ""),
        ("/api/v1/repos/acme/shop/../../..", 404, "no-such-address", ""),
        ("/api/v1/repos/acme/shop/commits/", 404, "no-such-address", ""),
        ("/api/v1/repos/acme/other", 404, "no-such-repository", ""),
        ("/api/v1/repos/acme/other/attempts", 404, "no-such-repository", ""),
        ("/api/v1/repos/acme/other/ledger", 404, "no-such-repository", ""),
        ("/api/v1/repos/acme/other/commits/0123456", 404, "no-such-repository", ""),
        ("/api/v1/repos/acme/sh%20op", 400, "bad-parameter", "owner/name"),
        ("/api/v1/repos/acme%2Fshop/x", 400, "bad-parameter", "owner/name"),
        ("/api/v1/repos/acme/..%2f..%2fetc", 400, "bad-parameter", "owner/name"),
        ("/api/v1/repos/acme/shop%00", 400, "bad-parameter", "owner/name"),
        ("/api/v1/repos/%E2%80%AEacme/shop", 400, "bad-parameter", "owner/name"),
        ("/api/v1/repos/acme/%ff%fe", 400, "bad-parameter", "path"),
        ("/api/v1/repos/acme/shop/commits/012345", 400, "bad-parameter", "sha"),
        ("/api/v1/repos/acme/shop/commits/main", 400, "bad-parameter", "sha"),
        ("/api/v1/repos/acme/shop/commits/%27%20OR%201=1--", 400, "bad-parameter", "sha"),
        ("/api/v1/repos/acme/shop/commits/0123456", 404, "no-such-commit", ""),
        ("/api/v1?x=1", 400, "bad-parameter", "x"),
        ("/api/v1/repositories?limit=3", 400, "bad-parameter", "limit"),
        ("/api/v1/repos/acme/shop/attempts?kind=x", 400, "bad-parameter", "kind"),
        ("/api/v1/repos/acme/shop/attempts?limit=0", 400, "bad-parameter", "limit"),
        ("/api/v1/repos/acme/shop/attempts?limit=201", 400, "bad-parameter", "limit"),
        ("/api/v1/repos/acme/shop/attempts?limit=-1", 400, "bad-parameter", "limit"),
        ("/api/v1/repos/acme/shop/attempts?limit=%00", 400, "bad-parameter", "limit"),
        (
            "/api/v1/repos/acme/shop/attempts?limit=99999999999999999999",
            400,
            "bad-parameter",
            "limit",
        ),
        ("/api/v1/repos/acme/shop/attempts?before=7f3a9", 400, "bad-parameter", "before"),
        ("/api/v1/repos/acme/shop/attempts?before=7f3a9c", 400, "bad-parameter", "before"),
        ("/api/v1/repos/acme/shop/ledger?before=x", 400, "bad-parameter", "before"),
        ("/api/v1/repos/acme/shop/ledger?kind=decided,x", 400, "bad-parameter", "kind"),
        ("/api/v1/repos/acme/shop/ledger?kind=", 400, "bad-parameter", "kind"),
        ("/api/v1/repos/acme/shop/ledger?sha=xyz", 400, "bad-parameter", "sha"),
        ("/api/v1/repos/acme/shop/ledger?since=yesterday", 400, "bad-parameter", "since"),
        ("/api/v1/repos/acme/shop/ledger?until=2026", 400, "bad-parameter", "until"),
        (&never, 400, "bad-parameter", "until"),
        (&many, 400, "bad-parameter", "limit"),
        (&long, 414, "address-too-long", ""),
    ];
    for (address, code, kind, parameter) in table {
        let refused = get(&running, address);
        let problem = refused.json();
        assert_eq!(refused.code, code, "{address}: {problem}");
        assert_eq!(
            problem["type"],
            format!("urn:problem-type:release-governor:{kind}"),
            "{address}"
        );
        assert_eq!(problem["status"], code);
        assert_eq!(problem["parameter"].as_str().unwrap_or_default(), parameter, "{address}");
        assert_eq!(refused.header("cache-control"), "no-store");
        assert!(refused.body.len() < 1_000, "it does not echo it all: {}", refused.body);
        assert!(!refused.body.contains('\u{202e}'), "{}", refused.body);
    }
    insta::assert_snapshot!(get(&running, "/api/v1/repos/acme/shop/attempts?limit=1000").body, @r#"{"type":"urn:problem-type:release-governor:bad-parameter","title":"A parameter is wrong","status":400,"detail":"`limit` cannot be `1000`: expected a number from 1 to 200","parameter":"limit","expected":"a number from 1 to 200"}"#);
    // Beyond what any client sends, the server's own limits apply, and it continues to run.
    let flood = ask(&running, "HEAD", &format!("/api/v1?{}", "x".repeat(70_000)), &[]);
    assert!([414, 431].contains(&flood.code), "{flood:?}");
    // Other paths still answer people and probes in plain text.
    let elsewhere = ask(&running, "HEAD", "/nothing", &[]);
    assert_eq!(
        (elsewhere.code, elsewhere.header("content-type")),
        (404, "text/plain; charset=utf-8")
    );
    assert_eq!(good(&running, "/api/v1/repos/ACME/SHOP").json()["repository"], "acme/shop");
    assert_eq!(running.end().0, 0);
}
