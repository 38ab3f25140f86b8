//! The API's form of ledger entries, for any possible entry.

use proptest::prelude::*;
use release_governor::domain::Entry;

use crate::arbitrary::{cases, kinds, times};
use crate::described::judge;

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn every_entry_is_one_that_is_described((at, kind) in (times(), kinds())) {
        let entry = serde_json::to_value(Entry { at, kind: kind.clone() }).unwrap();
        prop_assert_eq!(entry["kind"].as_str(), Some(kind.name()));
        prop_assert_eq!(judge("LedgerEntry", &entry), Ok(()), "{}", entry);
        // The shas that it can be found by are in it.
        let text = entry.to_string();
        prop_assert!(kind.shas().iter().all(|sha| text.contains(sha.as_str())));
    }
}
