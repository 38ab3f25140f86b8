//! Runs the fuzz target named in `FUZZ_TARGET` on libFuzzer's inputs.

#![no_main]

// Private modules that cannot easily be reached through the public API, included directly.
#[path = "../../src/store/packed.rs"]
mod packed;
#[path = "../../src/store/release.rs"]
#[allow(dead_code, reason = "targets use part of it")]
mod release;
#[path = "../../src/observe/workflow_calls.rs"]
mod workflow_calls;

/// The names that these modules import.
mod domain {
    pub(crate) use release_governor::domain::*;
}
mod error {
    #[derive(Debug)]
    #[expect(dead_code, reason = "nobody asks whose it is")]
    pub(crate) enum StoreError {
        Broken { repo: crate::domain::RepoId, what: String },
    }
}

mod support;
mod targets {
    pub mod answers;
    pub mod api;
    pub mod command;
    pub mod config;
    pub mod pages;
    pub mod patterns;
    pub mod refusals;
    pub mod reverts;
    pub mod signals;
    pub mod socket;
    pub mod stored;
    pub mod texts;
    pub mod titles;
    pub mod workflows;
}

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use targets::{
    answers, api, command, config, pages, patterns, refusals, reverts, signals, socket, stored,
    texts, titles, workflows,
};

/// The input type of a target.
#[derive(Clone, Copy)]
enum Target {
    /// Arbitrary bytes.
    Bytes(fn(&[u8])),
    /// Valid UTF-8 only.
    Text(fn(&str)),
}

const TARGETS: [(&str, Target); 14] = [
    ("answers", Target::Bytes(answers::run)),
    ("api", Target::Text(api::run)),
    ("command", Target::Text(command::run)),
    ("config", Target::Text(config::run)),
    ("pages", Target::Text(pages::run)),
    ("patterns", Target::Text(patterns::run)),
    ("refusals", Target::Bytes(refusals::run)),
    ("reverts", Target::Text(reverts::run)),
    ("signals", Target::Bytes(signals::run)),
    ("socket", Target::Bytes(socket::run)),
    ("stored", Target::Bytes(stored::run)),
    ("texts", Target::Text(texts::run)),
    ("titles", Target::Text(titles::run)),
    ("workflows", Target::Text(workflows::run)),
];

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(name, _)| *name == wanted);
    let names = TARGETS.map(|(name, _)| name).join(", ");
    found.unwrap_or_else(|| panic!("FUZZ_TARGET is {wanted:?}, expected one of {names}")).1
});

fuzz_target!(init: { LazyLock::force(&TARGET); }, |input: &[u8]| -> Corpus {
    match *TARGET {
        Target::Bytes(run) => run(input),
        Target::Text(run) => match std::str::from_utf8(input) {
            Ok(text) => run(text),
            Err(_) => return Corpus::Reject,
        },
    }
    Corpus::Keep
});
