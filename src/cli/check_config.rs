//! `check-config`: validates the configuration and, with `--github`, compares it with GitHub.

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::domain::EntryAhead;
use crate::preflight::{self, Checked, Preflight, Severity};
use crate::request::CommandFailure;

use super::args::{CheckConfig, ConfigSource};
use super::{Exit, in_runtime, print, print_json, render, say, width};

pub(super) fn check_config(
    source: &ConfigSource,
    args: &CheckConfig,
) -> Result<Exit, CommandFailure> {
    let now = Clock::system().now();
    let environment = source.environment().into_iter();
    let checked = preflight::check_config(source.file(), environment, now)?;
    for warning in &checked.warnings {
        say("warning", warning);
    }
    let preflight = if args.github {
        Some(in_runtime(preflight::preflight(&checked.config, Clock::system()))?)
    } else {
        None
    };
    let calendar = args.calendar.then(|| preflight::calendar(&checked.config, now));
    if args.output.json {
        print_json(&as_json(&checked, preflight.as_ref(), calendar.as_deref()))?;
    } else {
        print(&render::checked(&checked, width()))?;
        if let Some(entries) = &calendar {
            print(&render::calendar(entries, now))?;
        }
        if let Some(found) = &preflight {
            print(&render::preflight(found))?;
        }
    }
    Ok(preflight.as_ref().map_or(Exit::Done, exit))
}

/// A definite error takes precedence over checks that could not be completed.
fn exit(preflight: &Preflight) -> Exit {
    if preflight.findings.iter().any(|finding| finding.severity == Severity::Error) {
        Exit::Usage
    } else if preflight.unchecked.is_empty() {
        Exit::Done
    } else {
        Exit::Dependency
    }
}

/// The effective configuration, and what was asked for besides.
fn as_json(
    checked: &Checked,
    preflight: Option<&Preflight>,
    calendar: Option<&[EntryAhead]>,
) -> Value {
    let mut effective = checked.effective.clone();
    let Value::Object(keys) = &mut effective else { return effective };
    if let Some(Preflight { findings, unchecked, notes }) = preflight {
        keys.insert("findings".to_owned(), json!(findings));
        keys.insert("unchecked".to_owned(), json!(unchecked));
        keys.insert("notes".to_owned(), json!(notes));
    }
    if let Some(entries) = calendar {
        keys.insert("calendar".to_owned(), json!(entries));
    }
    effective
}
