//! Commands that do not need GitHub.

use assert_cmd::Command;
use insta::assert_snapshot;

use crate::config::{file, yaml};

fn governor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_release-governor"));
    command.env_clear().args(arguments);
    command
}

fn output(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const COMMANDS: [&str; 17] = [
    "run",
    "check-config",
    "status",
    "simulate",
    "backtest",
    "trigger",
    "approve",
    "pause",
    "resume",
    "set-production",
    "history",
    "reconcile",
    "probe",
    "demo",
    "completions",
    "man",
    "schema",
];

#[test]
fn the_help_of_every_command_has_an_example_and_the_configurations_place() {
    for command in COMMANDS {
        let (code, help, _) = output(&mut governor(&[command, "--help"]));
        assert_eq!(code, 0, "{command}");
        assert!(help.contains("Examples:\n"), "{command}: {help}");
        assert!(help.contains(&format!("release-governor {command}")), "{command}: {help}");
        assert!(help.contains("--config <FILE>"), "{command}: {help}");
        assert!(help.contains("config/release-governor.yaml"), "{command}: {help}");
    }
}

#[test]
fn the_help_says_what_the_exit_codes_mean() {
    let (code, help, _) = output(&mut governor(&["--help"]));
    assert_eq!(code, 0);
    assert!(help.contains("Exit codes: 0 success"), "{help}");
    for command in COMMANDS {
        assert!(help.contains(&format!("  {command} ")), "{command}");
    }
}

#[test]
fn a_wrong_command_line_exits_2() {
    for arguments in [
        &[][..],
        &["deploy"],
        &["status", "--nope"],
        &["status", "shop"],
        &["status", "acme/shop", "--repo", "acme/api"],
        &["simulate", "xyz"],
        &["pause", "acme/shop"],
        &["pause", "acme/shop", "--reason", " "],
        &["reconcile"],
    ] {
        let (code, _, error) = output(&mut governor(arguments));
        assert_eq!(code, 2, "{arguments:?}");
        assert!(!error.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_good_configuration_exits_0_and_shows_what_it_comes_to() {
    let written = yaml(
        "repositories:\n  - name: acme/shop\n  - {name: acme/api, branch: trunk, dry_run: true, \
         paused: freeze, deploy_workflow_name: ''}\n",
    );
    let path = written.path();
    let mut command = governor(&["check-config", "--config", path.to_str().unwrap()]);
    let (code, shown, warnings) = output(command.env("GITHUB_TOKEN", "x"));
    assert_eq!((code, warnings.as_str()), (0, ""));
    let (summary, table) = shown.split_once("\n\n").unwrap();
    assert!(summary.starts_with("ok: 2 repositories in "), "{summary}");
    assert_snapshot!(table, @r"
    REPOSITORY  BRANCH     VERIFICATION  DEPLOY      APPROVAL     NOTES
    acme/shop   (default)  Verify main   deploy.yml  environment
    acme/api    trunk      Verify main   (none)      environment  dry run, paused: freeze

    limits:
      - 700 points a minute carry so many settled repositories of one credential: 180 every 60 s, 617 every 300 s, 887 every 600 s
      - token: 2 repositories, each looked at every 60 s while settled
    ");

    let (code, json, _) = output(command.arg("--json"));
    assert_eq!(code, 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["repositories"][1]["branch"], "trunk");
    assert_eq!(json["repositories"][0]["cooldown_minutes"], 30);
}

#[test]
fn more_repositories_than_the_limits_carry_are_warned_of() {
    let names = |count: usize| -> String {
        (0..count).map(|number| format!("- {{name: acme/r{number}}}\n")).collect()
    };
    let check = |text: String| {
        let written = yaml(&text);
        let mut command = governor(&["check-config", "--config"]);
        let (code, shown, warnings) = output(command.arg(written.path()).env("GITHUB_TOKEN", "x"));
        assert_eq!(code, 0);
        let limits = shown.split_once("limits:").unwrap().1.to_owned();
        (limits, warnings)
    };
    let (_, fits) = check(format!("repositories:\n{}", names(180)));
    assert_eq!(fits, "");
    let (limits, warnings) = check(format!("repositories:\n{}", names(1_000)));
    assert!(limits.contains("token: 1000 repositories, each looked at every 486.5 s"), "{limits}");
    assert!(
        warnings.starts_with("warning: token has 1000 repositories: at 700 points a minute"),
        "{warnings}"
    );
    let no_pace =
        format!("github: {{max_requests_per_minute: 0}}\nrepositories:\n{}", names(1_000));
    let (limits, warnings) = check(no_pace);
    assert!(limits.contains("no pace") && limits.contains("every 60 s"), "{limits}");
    assert_eq!(warnings, "");
}

#[test]
fn the_configurations_place_may_come_from_the_environment() {
    let written = yaml("repositories: [{name: acme/shop}]\n");
    let mut command = governor(&["check-config"]);
    let (code, _, warnings) = output(command.env("RELEASE_GOVERNOR_CONFIG", written.path()));
    assert_eq!(code, 0);
    assert!(warnings.starts_with("warning: no token"), "{warnings}");
}

#[test]
fn a_bad_configuration_exits_2_and_says_why_on_the_standard_error() {
    let written = yaml("repositories: [{name: shop}]\n");
    let path = written.path();
    let (code, shown, error) =
        output(&mut governor(&["check-config", "--config", path.to_str().unwrap()]));
    assert_eq!((code, shown.as_str()), (2, ""));
    let error = error.replace(path.to_str().unwrap(), "governor.yaml");
    assert_snapshot!(error, @"error: governor.yaml:1: repositories[0].name: found `shop`, expected a repository as OWNER/NAME, as in acme/shop");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let repositories: String =
        (0..3_000).map(|number| format!("[[repositories]]\nname = 'acme/r{number}'\n")).collect();
    let written = file("governor.toml", repositories);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_release-governor"))
        .args(["check-config", "--json", "--config", written.path().to_str().unwrap()])
        .stdout(writer)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A freeze that began long ago and ends long after this test runs, and a window that is over.
const CALENDAR: &str = r#"repositories: [{name: acme/shop}, {name: acme/api}]
freezes:
  - name: migration
    from: 2026-01-01T00:00
    to: 2126-01-01T00:00
    zone: Asia/Kathmandu
    repositories: [acme/shop]
    reason: the database moves
    owner: "@acme/data"
windows:
  - { name: launch, from: 2026-01-01T00:00, to: 2026-01-02T00:00, zone: UTC }
"#;

#[test]
fn check_config_shows_what_freezes_and_windows_cover_in_the_next_weeks() {
    let written = yaml(CALENDAR);
    let path = written.path();
    let path = path.to_str().unwrap();
    let arguments = ["check-config", "--calendar", "--config", path];
    let (code, told, warned) = output(&mut governor(&arguments));
    assert_eq!(code, 0, "{told}");
    let endless = "windows: launch: does not open again, nor does another window: nothing ships in";
    assert!(warned.contains(endless), "{warned}");
    let told = told.split_once("\nfreezes and windows:\n").unwrap().1;
    assert_snapshot!(told, @"
      - freeze migration (Asia/Kathmandu): 1 of 2 repositories
      - window launch (UTC): 2 of 2 repositories

    The next four weeks:

    freeze migration of @acme/data (Asia/Kathmandu): the database moves
      repositories: acme/shop
      nothing ships: now to Tue 1 Jan 2126 00:00 +0545

    window launch (UTC)
      repositories: acme/shop, acme/api
      ships only: never in this time
    ");
    let arguments = ["check-config", "--calendar", "--json", "--config", path];
    let (_, json, _) = output(&mut governor(&arguments));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let entry = &json["calendar"][0];
    assert_eq!(entry["repositories"], serde_json::json!(["acme/shop"]));
    assert_eq!(entry["intervals"][0]["to"], "2126-01-01T00:00:00+05:45");
    assert_eq!(json["calendar"][1]["intervals"], serde_json::json!([]));

    let without = yaml("repositories: [{name: acme/shop}]\n");
    let path = without.path();
    let arguments = ["check-config", "--calendar", "--config", path.to_str().unwrap()];
    let (_, told, _) = output(&mut governor(&arguments));
    assert!(told.contains("No freezes and no windows are configured"), "{told}");
}
