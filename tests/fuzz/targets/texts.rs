//! Any text through the functions that sanitize text: nothing remains of a token or of
//! characters that break a line or change the text direction, and harmless text is unchanged.
//! Data that must be found again is found: markers of issues, URLs of runs, and the content of
//! a status.

use release_governor::domain::{Marker, RunRef, secrets};
use release_governor::messages::{self, issue};
use serde_json::{Value, json};

use crate::support::{TOKEN, is_one_line, now, sha};

const LIMIT: usize = 80;

pub fn run(text: &str) {
    secrets_are_hidden(text);

    let plain = messages::plain(text, LIMIT);
    is_one_line(&plain);
    assert!(plain.chars().count() <= LIMIT, "{plain:?}");
    assert_eq!(messages::plain(&plain, LIMIT), plain, "made plain twice");
    let is_tame = messages::is_plain(text) && text.split_whitespace().eq(text.split(' '));
    if is_tame && text.chars().count() <= LIMIT {
        assert_eq!(plain, text, "a plain text is another");
    }

    let visible = messages::visible(text);
    is_one_line(&visible);
    assert_eq!(messages::visible(text) == text, messages::is_plain(text) && !text.contains('\\'));

    let json = json!({ "title": text, (text): [text] });
    let tame = messages::tame_json(json.to_string());
    is_one_line(&tame);
    assert_eq!(serde_json::from_str::<Value>(&tame).unwrap(), json, "another value");

    a_marker(text);
    let page = messages::runs_page("https://github.com/acme/shop", text, &text.into());
    assert!(page.is_ascii(), "{page:?}");
    if !text.is_empty() && !text.contains(['/', '?', '#']) {
        let read = messages::read_runs_page(&page);
        assert_eq!(read, Some((text.to_owned(), Some(text.into()))));
    }
    let _ = messages::read_runs_page(text);
    let _ = messages::parse(text);
    let _ = messages::pause_reason(text);
}

fn secrets_are_hidden(text: &str) {
    let hidden = secrets::hide(text);
    assert_eq!(secrets::hide(&hidden), hidden, "hidden twice");
    let around = format!("{text} {TOKEN}\n{text}");
    assert!(!secrets::hide(&around).contains(TOKEN), "the token shows");
    if !text.contains("gh") && !text.contains("eyJ") && !text.contains("github_pat_") {
        assert_eq!(hidden, text, "no secret, and hidden");
    }
}

/// GitHub keeps the marker in an issue's text, whatever precedes it.
fn a_marker(text: &str) {
    let marker = Marker {
        repository: text.to_owned(),
        sha: sha('1').parse().unwrap(),
        run: 7,
        run_attempt: 1,
        status_context: text.to_owned(),
        recovered: false,
    };
    let run = RunRef { id: 7.into(), attempt: 1 };
    let production = &sha('2').parse().unwrap();
    for body in [
        issue::healthy_again(now(), &marker),
        issue::recovery(production, Some((run, text)), &marker),
        issue::not_deleted(run, text, &marker),
    ] {
        assert_eq!(issue::read_marker(&body), Some(marker.clone()), "{body}");
        let shown = body.rsplit_once("<!-- ").expect("a marker").0;
        assert!(!shown.contains('<') && !shown.contains("-->"), "{shown:?}");
    }
    let _ = issue::read_marker(text);
}
