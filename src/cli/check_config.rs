//! `check-config`: validates the configuration and, with `--github`, compares it with GitHub.

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::preflight;
use crate::preflight::Checked;
use crate::preflight::{Preflight, Severity};
use crate::request::CommandFailure;

use super::args::{CheckConfig, ConfigSource};
use super::{Exit, in_runtime, print, print_json, render, say, width};

pub(super) fn check_config(
    source: &ConfigSource,
    args: &CheckConfig,
) -> Result<Exit, CommandFailure> {
    let checked = preflight::check_config(source.file(), source.environment().into_iter())?;
    for warning in &checked.warnings {
        say("warning", warning);
    }
    if !args.github {
        show(args, &checked, None)?;
        return Ok(Exit::Done);
    }
    let preflight = in_runtime(preflight::preflight(&checked.config, Clock::system()))?;
    show(args, &checked, Some(&preflight))?;
    Ok(exit(&preflight))
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

fn show(
    args: &CheckConfig,
    checked: &Checked,
    preflight: Option<&Preflight>,
) -> Result<(), CommandFailure> {
    if !args.output.json {
        print(&render::checked(checked, width()))?;
        return preflight.map_or(Ok(()), |found| print(&render::preflight(found)));
    }
    let mut effective = checked.effective.clone();
    if let (Some(found), Value::Object(keys)) = (preflight, &mut effective) {
        let Preflight { findings, unchecked, notes } = found;
        keys.insert("findings".to_owned(), json!(findings));
        keys.insert("unchecked".to_owned(), json!(unchecked));
        keys.insert("notes".to_owned(), json!(notes));
    }
    print_json(&effective)
}
