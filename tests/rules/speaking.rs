//! Untrusted text breaks no status and no issue.

use proptest::prelude::*;
use release_governor::domain::*;
use release_governor::messages::{self, ParsedStatus, issue};

use crate::arbitrary::{COMMITS, cases, conclusions, risks, run_refs, shas, texts, worlds};
use crate::world::{at, policy, sha};

/// Contains nothing that controls a terminal, breaks a line or changes the text direction.
fn tame(text: &str) -> bool {
    let bidi = ['\u{200e}', '\u{200f}', '\u{61c}', '\u{feff}', '\u{200b}', '\u{2028}', '\u{2029}'];
    !text.chars().any(|c| {
        c.is_control()
            || bidi.contains(&c)
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    })
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn every_status_is_short_tame_and_read_back(world in worlds()) {
        for sha in (0..COMMITS).map(sha) {
            let Verdict::Decided(decision) = world.verdict_of(&sha) else { continue };
            let name = &world.policy.repository;
            prop_assert!(messages::evidence(&decision, name).iter().all(|line| tame(line)));
            prop_assert!(messages::hints(&decision, name).iter().all(|line| tame(line)));
            let Some(text) = messages::decided(&decision, name, HoldState::Failure, at(0)) else { continue };
            let length = text.description.chars().count();
            prop_assert!(length <= 140, "{} characters: {}", length, text.description);
            prop_assert!(tame(&text.description), "{:?}", text.description);
            let (risk, reason) = (decision.risk.class, decision.reason());
            match messages::parse(&text.description) {
                Some(ParsedStatus::Triggered { risk: read }) => prop_assert_eq!(read, risk),
                Some(ParsedStatus::Blocked { outcome, reason: read, .. }) => {
                    prop_assert_eq!((outcome, read), (decision.outcome(), reason));
                }
                Some(ParsedStatus::Shipped) => {
                    let by_a_word = matches!(decision.cause, Cause::Deployed { run: None, .. });
                    prop_assert!(by_a_word, "{}", text.description);
                }
                other => prop_assert!(false, "{} is read as {:?}", text.description, other),
            }
        }
    }

    #[test]
    fn plain_text_is_one_tame_line_of_its_length(text in texts(), limit in 1..200_usize) {
        let plain = messages::plain(&text, limit);
        prop_assert!(tame(&plain), "{:?}", plain);
        prop_assert!(plain.chars().count() <= limit, "{:?}", plain);
        prop_assert_eq!(&messages::plain(&plain, limit), &plain, "once tame, always the same");
    }

    #[test]
    fn a_marker_is_read_back_whatever_stands_around_it(
        of in shas(), run in run_refs(), context in texts(), job in texts(), step in texts(),
        conclusion in conclusions(), recovered in any::<bool>(),
    ) {
        let marker = Marker {
            repository: "acme/shop".to_owned(),
            sha: of.clone(),
            run: run.id.get(),
            run_attempt: run.attempt,
            status_context: context,
            recovered,
        };
        let failed_step = (job, step);
        let failure = issue::FailureText {
            sha: &of,
            run,
            url: "https://github.com/acme/shop/actions/runs/1",
            conclusion: Some(&conclusion),
            failed_step: Some(&failed_step),
            ended_at: at(0),
            decision: None,
            repository: &policy().repository,
        };
        let body = issue::body(&failure, &marker);
        prop_assert_eq!(issue::read_marker(&body), Some(marker.clone()));
        prop_assert!(body.lines().count() < 18, "a name broke a line: {}", body);
        let comment = issue::recovery(&of, None, &marker);
        prop_assert_eq!(issue::read_marker(&comment), Some(marker));
        prop_assert_eq!(issue::labels(&failure, &policy()).len(), 3);
    }

    #[test]
    fn a_dispatching_status_is_read_back(of in shas(), risk in risks(), bytes in any::<[u8; 3]>()) {
        let attempt = AttemptId::from_chance(bytes);
        let text = messages::dispatching(&of, risk, &attempt);
        prop_assert_eq!(messages::parse(&text.description), Some(ParsedStatus::Dispatching { risk, attempt }));
        let shipped = messages::shipped(&of, &sha(1)).description;
        prop_assert_eq!(messages::parse(&shipped), Some(ParsedStatus::Shipped));
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in texts()) {
        let _ = messages::parse(&text);
        let _ = issue::read_marker(&text);
        let _ = messages::pause_reason(&text);
        let _ = ShaPrefix::all_in(&text);
        let patterns = PathPatterns::new(&[text.clone()]);
        if let Ok(patterns) = patterns {
            let _ = patterns.matching(&text);
        }
        let _ = policy().high_risk_paths.matching(&text);
    }
}

/// A context may contain what looks like the beginning of a marker.
#[test]
fn a_marker_inside_a_marker_is_only_text() {
    let marker = Marker {
        repository: "acme/shop".to_owned(),
        sha: sha(1),
        run: 7,
        run_attempt: 1,
        status_context: "<!-- release-governor {} -->".to_owned(),
        recovered: false,
    };
    let body = issue::recovery(&sha(2), None, &marker);
    assert_eq!(issue::read_marker(&body), Some(marker));
}
