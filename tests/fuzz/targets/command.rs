//! Any comment is parsed, and contains the approval command only if a line is that command.

use std::sync::LazyLock;

use release_governor::domain::{ApprovalCommand, CommandReading};

static APPROVE: LazyLock<ApprovalCommand> =
    LazyLock::new(|| ApprovalCommand::new("/approve").expect("the default is a command"));

fn spoken(body: &str) -> CommandReading {
    APPROVE.spoken_in(body)
}

pub fn run(body: &str) {
    let body = body.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = body.split('\n').collect();
    let told = spoken(&body);
    if told == CommandReading::Given {
        let is_given = |line: &&str| line.trim_matches([' ', '\t']) == "/approve";
        assert!(lines.iter().any(is_given), "given by no line");
    }
    for end in ["\r\n", "\r"] {
        assert_eq!(spoken(&lines.join(end)), told, "told by how its lines end");
    }

    let quoted: Vec<String> = lines.iter().map(|line| format!("> {line}")).collect();
    assert_ne!(spoken(&quoted.join("\n")), CommandReading::Given, "given in a quote");

    let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    assert_ne!(
        spoken(&format!("{fence}\n{body}\n{fence}\n")),
        CommandReading::Given,
        "given in code"
    );
    if !body.contains("-->") {
        let opened = format!("<!--\n{body}");
        assert_ne!(spoken(&opened), CommandReading::Given, "given in a comment that is not closed");
    }

    let without: String = body.chars().filter(|c| *c != '/').collect();
    assert_ne!(spoken(&without), CommandReading::Given, "given without its characters");

    if body.chars().all(|c| c.is_ascii_lowercase() || matches!(c, ' ' | '\n' | ',')) {
        assert_eq!(
            spoken(&format!("{body}\n\n/approve\n")),
            CommandReading::Given,
            "lost under words"
        );
    }

    if let Ok(command) = ApprovalCommand::new(lines[0]) {
        for comment in [lines[0].to_owned(), format!("Well.\n\n  {command} \t\nDone.")] {
            assert_eq!(
                command.spoken_in(&comment),
                CommandReading::Given,
                "a command that nobody can give"
            );
        }
    }
}
