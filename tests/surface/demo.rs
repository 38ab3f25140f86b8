//! `demo`: the first thing a user sees must work, and must end when asked to.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

/// The demo takes less than a minute, and gives up after two; a busy machine starts slowly.
const LONGEST_STORY: Duration = Duration::from_secs(150);
/// How long the program may take to exit.
const LONGEST_END: Duration = Duration::from_secs(5);

/// The demo, with its own temporary directory.
fn demo(arguments: &[&str], temporary: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_release-governor"));
    command.arg("demo").args(arguments).env("TMPDIR", temporary.path());
    // Variables of the environment that runs the tests must not affect the demo.
    command.env("RELEASE_GOVERNOR_DRY_RUN", "true").env_remove("CLICOLOR_FORCE");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The exit code and output of the program, which must end in time.
fn ended(mut child: Child, limit: Duration) -> (Option<i32>, String) {
    let id = child.id().to_string();
    let mut stderr = child.stderr.take().unwrap();
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || sender.send(child.wait().unwrap().code()).unwrap());
        let code = receiver.recv_timeout(limit).unwrap_or_else(|_| {
            signal("KILL", &id);
            panic!("the demo did not end within {limit:?}")
        });
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        (code, said)
    })
}

/// Every shell has `kill`, but not every machine has it as a program.
fn signal(name: &str, id: &str) {
    let told = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().unwrap();
    assert!(told.success());
}

fn left_in(directory: &TempDir) -> usize {
    std::fs::read_dir(directory.path()).unwrap().count()
}

#[test]
fn the_demo_tells_each_act_and_its_story_comes_true() {
    let temporary = tempfile::tempdir().unwrap();
    let mut child = demo(&["--once"], &temporary).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let teller = std::thread::spawn(move || {
        let mut told = String::new();
        stdout.read_to_string(&mut told).unwrap();
        told
    });
    let (code, said) = ended(child, LONGEST_STORY);
    let told = teller.join().unwrap();
    assert_eq!(code, Some(0), "{told}\n{said}");
    for words in [
        "1. A low-risk change ships by itself (acme/shop)",
        "LOW · Triggered: deploy workflow run [success]",
        "2. A high-risk change waits for a person (acme/shop)",
        "HIGH · high_risk_no_approval",
        "HIGH · Triggered: deploy workflow run [success]",
        "3. A deploy fails (acme/api)",
        "LOW · deploy_failed",
        "opens issue #1 \"Deploy failure: ",
        "comments on issue #1",
        "4. A verification fails (acme/billing)",
        "LOW · verification_failed",
        "5. The answer to a dispatch is lost (acme/mail)",
        "LOW · dispatching ",
        "each dispatched once.",
        "although the answer was lost.",
        "The story came true: every promise was kept.",
    ] {
        assert!(told.contains(words), "{words:?} is missing in:\n{told}");
    }
    assert!(!told.contains("BROKEN"), "{told}");
    assert!(!told.contains('\u{1b}'), "what is piped has no colour:\n{told}");
    assert_eq!(said, "", "its log goes to a file");
    assert_eq!(left_in(&temporary), 0, "its files leave with it");
}

#[test]
fn the_demo_ends_when_it_is_told_to() {
    let temporary = tempfile::tempdir().unwrap();
    let mut child = demo(&[], &temporary).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The governor is running, and something is in flight.
    assert!(lines.any(|line| line.unwrap().contains("Triggered: deploy workflow run")));
    assert_eq!(left_in(&temporary), 1);
    signal("TERM", &child.id().to_string());
    let (code, said) = ended(child, LONGEST_END);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert_eq!(left_in(&temporary), 0, "its files leave with it");
}

#[test]
fn what_it_suggests_at_its_end_fits_a_terminal_and_can_be_pasted() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = demo(&[], &temporary);
    let here = std::path::Path::new(env!("CARGO_BIN_EXE_release-governor")).ancestors().nth(3);
    command.current_dir(here.unwrap());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let begins = |line: &String| line.starts_with("It goes on governing until Ctrl-C");
    let mut screen = vec![lines.find(begins).unwrap()];
    while !screen.last().unwrap().contains("what Prometheus reads") {
        screen.push(lines.next().unwrap());
    }
    assert!(screen.len() <= 23, "a prompt stands below it: {screen:#?}");
    // Without a terminal, paragraphs are wider than on a terminal of 80 columns.
    let typed = screen.iter().skip_while(|line| !line.starts_with("  export "));
    let usual = |line: &str| line.replace(&*temporary.path().to_string_lossy(), "/tmp");
    assert!(typed.clone().all(|line| usual(line).chars().count() <= 80), "{screen:#?}");

    let (mut set_up, mut ran) = (String::new(), 0);
    for line in typed.map(|line| line.trim_end()).filter(|line| !line.is_empty()) {
        if line.starts_with("  export ") {
            set_up.push_str(&format!("{line}\n"));
        } else if !line.starts_with("      ") && !line.trim_start().starts_with("curl") {
            ran += 1;
            let pasted = format!("{set_up}{line}");
            let done = Command::new("sh")
                .args(["-c", &pasted])
                .current_dir(here.unwrap())
                .output()
                .unwrap();
            let expected =
                if line.contains(" simulate ") || line.contains(" trigger ") { 1 } else { 0 };
            let said = String::from_utf8_lossy(&done.stdout);
            assert_eq!(done.status.code(), Some(expected), "{pasted}: {said} {done:?}");
            let shown = match line.split(' ').nth(3).unwrap() {
                "status" => "HOLD HIGH",
                "simulate" => "src/auth/login.rs",
                "approve" => "approved: I read it",
                "trigger" => "verification_failed",
                "pause" => "paused: lunch",
                "history" => ": lunch",
                other => panic!("{other} is not known"),
            };
            assert!(said.contains(shown), "{pasted}: {said}");
        }
    }
    assert_eq!(ran, 6, "{screen:#?}");
    signal("TERM", &child.id().to_string());
    assert_eq!(ended(child, LONGEST_END), (Some(0), String::new()));
}
