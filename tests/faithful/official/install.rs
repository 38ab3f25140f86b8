//! Installs the official clients into `target/clients` once, in the versions pinned beside this
//! file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The command that runs the calls with PyGithub.
pub(super) fn python() -> Command {
    let folder = prepared("python", &["requirements.txt"], |folder| {
        done(
            Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder),
            "python3 with its venv: `apt-get install python3 python3-venv`",
        );
        done(
            Command::new(folder.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
                .arg(here("requirements.txt")),
            "PyPI within reach",
        );
    });
    let mut command = Command::new(folder.join("bin/python"));
    command.arg(here("calls.py"));
    command
}

/// The command that runs the calls with Octokit.
pub(super) fn node() -> Command {
    let files = ["package.json", "package-lock.json"];
    let folder = prepared("node", &files, |folder| {
        for file in files {
            fs::copy(here(file), folder.join(file)).expect("cannot copy into target/clients");
        }
        done(
            Command::new("npm")
                .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                .current_dir(folder),
            "node with npm, `apt-get install nodejs npm`, and its registry within reach",
        );
    });
    // Node.js resolves packages relative to the script.
    let script = folder.join("calls.mjs");
    fs::copy(here("calls.mjs"), &script).expect("cannot copy into target/clients");
    let mut command = Command::new("node");
    command.arg(script);
    command
}

/// Runs a client to completion. Returns the JSON it printed.
pub(super) fn run(mut command: Command, told: &str) -> Value {
    let output = command.arg(told).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the client refused what the box said:\n{complaints}");
    serde_json::from_slice(&output.stdout).expect("the client printed no JSON")
}

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faithful/official").join(file)
}

/// The client's folder, refilled if the pinned versions have changed.
fn prepared(client: &str, pins: &[&str], fill: impl FnOnce(&Path)) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients").join(client);
    fs::create_dir_all(&folder).expect("cannot make target/clients");
    // Two tests may run this at the same time.
    let lock = File::create(folder.with_extension("lock")).expect("cannot make a lock file");
    lock.lock().expect("cannot lock target/clients");
    let texts = pins.iter().map(|pin| fs::read_to_string(here(pin)).expect("a file of pins"));
    let pinned: String = texts.collect();
    let noted = folder.with_extension("pinned");
    if fs::read_to_string(&noted).is_ok_and(|text| text == pinned) {
        return folder;
    }
    fill(&folder);
    fs::write(noted, pinned).expect("cannot note what is installed");
    folder
}

fn done(command: &mut Command, needs: &str) {
    let output = command.output().unwrap_or_else(|error| {
        panic!(
            "cannot run {command:?} ({error}). The official clients prove the box: it needs {needs}"
        )
    });
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{command:?} failed; it needs {needs}:\n{said}");
}
