//! `freezes` and `windows` in the configuration.

use insta::assert_snapshot;

use super::{SHOP, shop_with, yaml};

const WEEKEND: &str = r#"
freezes:
  - name: weekend
    weekly: [{ from: "Fri 16:00", to: "Mon 08:00" }]
    zone: Europe/Berlin
    repositories: ["acme/*"]
    environments: [production]
    reason: nobody is at work
    owner: "@acme/platform"
  - { name: year end, from: 2026-12-19T00:00, to: 2027-01-04T08:00, zone: Europe/Berlin }
windows:
  - { name: daytime, weekly: [{ from: "Mon 09:00", to: "Mon 16:00" }], zone: America/New_York }
"#;

fn with_shop(text: &str) -> String {
    format!("{SHOP}{text}")
}

#[test]
fn freezes_and_windows_go_to_the_repositories_that_they_name() {
    let written = yaml(
        &format!("{}  - name: other/shop\n", with_shop(""))
            .replace("[{name: acme/shop}]\n", "\n  - name: acme/shop\n"),
    );
    let text = std::fs::read_to_string(written.path()).unwrap() + WEEKEND;
    let config = yaml(&text).good();
    let named = |index: usize| -> Vec<&str> {
        let calendar = &config.repositories[index].calendar;
        let entries = calendar.freezes.iter().chain(&calendar.windows);
        entries.map(|entry| entry.name.as_str()).collect()
    };
    assert_eq!(named(0), ["weekend", "year end", "daytime"]);
    assert_eq!(named(1), ["year end", "daytime"]);
    let about = config.warnings.iter().find(|warning| warning.contains("freezes"));
    assert_eq!(about, None);
}

#[test]
fn an_environment_is_the_name_that_the_repository_gives_its_production() {
    let named = |environment: &str| {
        let freeze = format!(
            "freezes: [{{name: f, zone: UTC, from: 2026-01-01T00:00, to: 2026-01-02T00:00, \
             environments: [{environment}]}}]\n"
        );
        let shop = "repositories: [{name: acme/shop, production_environment_name: live}]\n";
        yaml(&format!("{shop}{freeze}"))
    };
    assert_eq!(named("live").only().calendar.freezes.len(), 1);
    assert_snapshot!(named("production").mistakes(), @"governor.yaml:2: freezes[0].environments[0]: found `production`, expected the environment of a lane, which is its production_environment_name: live");
}

#[test]
fn each_mistake_in_a_calendar_says_what_was_expected() {
    let entry = |keys: &str| yaml(&with_shop(&format!("freezes:\n  - {{{keys}}}\n"))).mistakes();
    let times = "from: 2026-12-19T00:00, to: 2027-01-04T08:00";
    let said: Vec<String> = [
        format!("name: x, zone: Europe/Berln, {times}"),
        format!("name: x, zone: berlin, {times}"),
        format!("name: x, {times}"),
        format!("zone: UTC, {times}"),
        "name: x, zone: UTC".to_owned(),
        format!("name: x, zone: UTC, weekly: [], {times}"),
        "name: x, zone: UTC, weekly: []".to_owned(),
        "name: x, zone: UTC, weekly: [{from: Fri 16:00}]".to_owned(),
        "name: x, zone: UTC, weekly: [{from: Fri 16:00, to: Friday 16:00}]".to_owned(),
        "name: x, zone: UTC, weekly: [{from: Fry 16:00, to: Mon 24:00}]".to_owned(),
        "name: x, zone: UTC, from: 2026-12-19T00:00, to: 2026-12-19T00:00".to_owned(),
        "name: x, zone: UTC, from: 2026-12-19T00:00, to: 2026-12-18T00:00".to_owned(),
        "name: x, zone: UTC, from: 2026-12-19T00:00Z, to: 2026-02-30T00:00".to_owned(),
        format!("name: x, zone: UTC, {times}, repositories: []"),
        format!("name: x, zone: UTC, {times}, repositories: [shop]"),
        format!("name: x, zone: UTC, {times}, environments: [staging]"),
        format!("name: x, zone: UTC, {times}, until: tomorrow"),
    ]
    .iter()
    .map(|keys| entry(keys))
    .collect();
    assert_snapshot!(said.join("\n"), @"
    governor.yaml:3: freezes[0].zone: found `Europe/Berln`, expected an IANA time zone, as in Europe/Berlin: did you mean Europe/Berlin?
    governor.yaml:3: freezes[0].zone: found `berlin`, expected an IANA time zone, as in Europe/Berlin: did you mean Europe/Berlin?
    governor.yaml:3: freezes[0]: lacks the key `zone`
    governor.yaml:3: freezes[0]: lacks the key `name`
    governor.yaml:3: freezes[0]: lacks its times: expected `weekly`, or `from` and `to`
    governor.yaml:3: freezes[0]: has `weekly` beside `from` or `to`: choose one
    governor.yaml:3: freezes[0].weekly: has 0 intervals: expected from 1 to 50
    governor.yaml:3: freezes[0].weekly[0]: lacks the key `to`
    governor.yaml:3: freezes[0].weekly[0]: begins and ends at Fri 16:00: expected two different times
    the configuration has 2 mistakes:
    governor.yaml:3: freezes[0].weekly[0].from: found `Fry 16:00`, expected a day and a time of the week, as in Fri 16:00
    governor.yaml:3: freezes[0].weekly[0].to: found `Mon 24:00`, expected a day and a time of the week, as in Fri 16:00
    governor.yaml:3: freezes[0].to: found `2026-12-19T00:00`, expected a time other than `from`, which is 2026-12-19T00:00:00
    governor.yaml:3: freezes[0].to: found `2026-12-18T00:00`, expected a time after `from`, which is 2026-12-19T00:00:00
    the configuration has 2 mistakes:
    governor.yaml:3: freezes[0].from: found `2026-12-19T00:00Z`, expected a date and a time without an offset, as in 2026-12-19T00:00
    governor.yaml:3: freezes[0].to: found `2026-02-30T00:00`, expected a date and a time without an offset, as in 2026-12-19T00:00
    governor.yaml:3: freezes[0].repositories: is empty: expected repositories as OWNER/NAME, as in acme/*, or no such key, which means all
    governor.yaml:3: freezes[0].repositories[0]: found `shop`, expected OWNER/NAME, in which `*` stands for anything but a slash, as in acme/*
    governor.yaml:3: freezes[0].environments[0]: found `staging`, expected the environment of a lane, which is its production_environment_name: production
    governor.yaml:3: freezes[0].until: is not a known key: known are name, weekly, from, to, zone, repositories, environments, reason, owner
    ");
    let twice = format!("freezes:\n  - {{name: x, zone: UTC, {times}}}\n");
    let twice = format!("{twice}{}", twice.lines().nth(1).unwrap());
    assert_snapshot!(yaml(&with_shop(&twice)).mistakes(), @"governor.yaml:4: freezes[1].name: found `x`, expected each name once in this list");
}

#[test]
fn what_has_no_effect_or_no_end_is_warned_about() {
    let written = yaml(&with_shop(
        r#"
freezes:
  - { name: gone, zone: UTC, from: 2026-12-19T00:00, to: 2027-01-04T08:00, repositories: ["other/*"] }
  - { name: jump, zone: Europe/Berlin, from: 2026-03-29T02:10, to: 2026-03-29T02:50 }
windows:
  - { name: always, zone: UTC, weekly: [{from: Mon 00:00, to: Fri 00:00}, {from: Fri 00:00, to: Mon 00:00}] }
"#,
    ));
    assert_snapshot!(written.good().warnings.join("\n"), @"
    freezes: gone: repositories: other/* matches no repository
    freezes: gone: names no lane, so it has no effect
    freezes: jump: holds no instant, as clocks jump over all of it
    windows: always: its intervals fill the whole week
    no token: set github.token_file or GITHUB_TOKEN, or mount /var/run/secrets/github/token
    ");
}

#[test]
fn a_calendar_is_part_of_the_effective_configuration_and_of_what_changed() {
    let before = yaml(&with_shop("")).good();
    let after = yaml(&with_shop(WEEKEND)).good();
    assert_ne!(before.digest, after.digest);
    let shown = after.effective()["freezes"][0].clone();
    assert_eq!(shown["weekly"][0]["from"], "Fri 16:00");
    assert_eq!(shown["zone"], "Europe/Berlin");
    let changes = release_governor::config::changes(&before, &after);
    let lines = release_governor::config::lines(&changes);
    assert!(lines.iter().any(|line| line.contains("freezes.weekend")), "{lines:?}");
    let needs = release_governor::config::needs_restart("x.yaml".as_ref(), &before, &after);
    assert!(needs.is_ok(), "it is live");
}

#[test]
fn a_policy_has_no_calendar_of_its_own() {
    let said = shop_with("freezes: []").mistakes();
    assert!(said.contains("repositories[0].freezes: is not a known key"), "{said}");
}
