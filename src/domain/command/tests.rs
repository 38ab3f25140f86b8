//! Comments as people write them, and how each is read.

#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is an assertion: it names the line that was wrong"
)]

use proptest::prelude::*;

use super::*;

fn approve() -> ApprovalCommand {
    ApprovalCommand::new("/approve").unwrap()
}

fn spoken(body: &str) -> CommandReading {
    approve().spoken_in(body)
}

/// Asserts that each body is read this way, whatever its line endings.
fn all_are(expected: CommandReading, bodies: &[&str]) {
    for body in bodies {
        for end in ["\n", "\r\n", "\r"] {
            let body = body.replace('\n', end);
            assert_eq!(spoken(&body), expected, "{body:?}");
        }
    }
}

#[test]
fn alone_on_a_line_of_the_comment_it_is_given() {
    all_are(
        CommandReading::Given,
        &[
            "/approve",
            "/approve\n",
            "\n\n/approve\n\n",
            "  /approve \t",
            "/approve  \nThanks!",
            "Looks good to me.\n/approve",
            "Looks good to me.\n\n/approve\n\nThanks, @alice!",
            "Good.\n      /approve",
            "# Review\n/approve",
            "> Ready?\n\n/approve",
            "- read\n- tried\n\n/approve",
            "| a |\n|---|\n| b |\n\n/approve",
            "```sh\nmake\n```\n/approve",
            "<!-- what to check -->\n/approve",
            "<!-- what\nto check -->\n\n/approve",
            "<details><summary>Log</summary>\n\nlong\n\n</details>\n\n/approve",
            "Nice <kbd>x</kbd><br>\n/approve",
            "![shot](a.png) **well** done\n/approve\n~~no~~",
            "***\n/approve\n***",
            "/approve\n/approve",
            "I would not say `/approve` yet.\n\n> /approve\n\n/approve",
            "It costs $5.\n\n/approve\n\nIt saved $7.",
            "An unclosed ` tick, ** star and <!-- comment\n\n/approve",
        ],
    );
}

#[test]
fn in_a_quote_it_is_somebody_elses() {
    all_are(
        CommandReading::InQuote,
        &[
            "> /approve",
            ">/approve\n\nNot yet.",
            "> Say this:\n/approve",
            "> a\n> > b\n/approve",
            "   > - a\n/approve",
            ">\n/approve",
            "> [!NOTE]\n> /approve",
            "> ```\n> /approve\n> ```",
            "On Monday bob wrote:\n> Please\n>\n> /approve\n\nWhy?",
        ],
    );
}

#[test]
fn in_code_it_is_talked_about() {
    all_are(
        CommandReading::InCode,
        &[
            "```\n/approve\n```",
            "```\n/approve",
            "~~~text\n/approve\n~~~",
            "````\n```\n/approve\n```\n````",
            "    /approve",
            "\t/approve",
            "Write\n\n    /approve",
            "`/approve`",
            "``\n/approve\n``",
            "Say `/approve` to ship it.",
            "a `b\n/approve\nc` d",
        ],
    );
}

#[test]
fn in_html_or_a_definition_it_is_hidden() {
    all_are(
        CommandReading::Hidden,
        &[
            "<!-- /approve -->",
            "<!--\n/approve\n-->",
            "<!-- to ship it, write\n\n/approve",
            "Hm <!--\n/approve\n--> hm",
            "<details>\n/approve\n</details>",
            "<details>\n\n/approve\n\n</details>",
            "<details>\n<summary>Log</summary>\n\n/approve",
            "<pre>\n/approve\n</pre>",
            "<pre>\n\n/approve\n\n</pre>",
            "<blockquote>\n\n/approve\n\n</blockquote>",
            "Not <code>this\n/approve\n</code>",
            "Not <del>this\n\n/approve\n\n</del>",
            "<div>\n<!--\n\n/approve\n\n-->",
            "<div title='\n\n/approve\n\n'>",
            "<?php\n/approve\n?>",
            "<!DOCTYPE\n/approve\n>",
            "<![CDATA[\n/approve\n]]>",
            "a <![CDATA[\n/approve\n]]>",
            "<script>\n/approve\n</script>",
            "</details>\n/approve",
            "[a]:\n/approve",
            "[a]: b '\n/approve\n'",
            "[a]: b\n/approve",
            "x[^1]\n\n[^1]: /approve",
            "x[^1]\n\n[^1]: y\n/approve",
            "[^1]: nobody refers to it\n\n    /approve",
        ],
    );
}

#[test]
fn in_lists_tables_and_headings_it_is_a_part_of_something() {
    all_are(
        CommandReading::InList,
        &[
            "- /approve",
            "1. /approve",
            "- [ ] /approve",
            "- [x] /approve",
            "* then\n/approve",
            "+ then\n\n  /approve",
            "-\n/approve",
            "-\t\n  \n  /approve",
            "- [ ] \n/approve",
        ],
    );
    all_are(
        CommandReading::InTable,
        &[
            "| a |\n|---|\n| /approve |",
            "| a |\n|---|\n/approve",
            "/approve\n|--|",
            "| a\n|--\n/approve",
        ],
    );
    all_are(
        CommandReading::InHeading,
        &["# /approve", "/approve\n===", "/approve\n--\nAlice", "##### /approve #"],
    );
}

#[test]
fn with_other_words_or_under_markup_it_is_not_alone() {
    all_are(
        CommandReading::NotAlone,
        &[
            "/approve please",
            "I /approve.",
            "/approve!",
            "/approve /approve",
            "**/approve**",
            "*see\n/approve\nbelow*",
            "~~/approve~~",
            "~~no\n/approve\nno~~",
            "~no\n/approve\nno~",
            "[/approve](https://example.com)",
            "[see\n/approve\nhere](https://example.com)",
            "![\n/approve\n](a.png)",
            "$$\n/approve\n$$",
            "/approve[^1]\n\n[^1]: only on Mondays",
            "/approve\u{1f44d}",
        ],
    );
}

#[test]
fn a_line_that_only_looks_like_it_is_told() {
    all_are(
        CommandReading::LooksLike,
        &[
            "/Approve",
            "/APPROVE",
            "\u{feff}/approve",
            "/approve\u{200b}",
            "/app\u{200d}rove",
            "\u{2060}/approve",
            "/approve\u{a0}",
            "\u{3000}/approve",
            "\u{202e}/approve",
            "/аpprove",
            "/aррrоvе",
            "／ａｐｐｒｏｖｅ",
            "\u{2215}approve",
            "/approve\\\nThanks",
            "\\/approve",
            "&sol;approve",
            "&#47;approve",
            "/approve&#8203;",
            "/approve\u{fe0f}",
        ],
    );
}

#[test]
fn a_word_that_holds_it_is_not_it() {
    all_are(
        CommandReading::Absent,
        &[
            "",
            "\0",
            "/approved",
            "/approve-all",
            "/approve/",
            "src/approve",
            "https://example.com/approve",
            "//approve",
            "approve",
            "/ approve",
            "/app\nrove",
            "[x](y '\n/approve\n')",
            "Good work!",
        ],
    );
}

#[test]
fn a_comment_that_readers_differ_over_gives_nothing() {
    all_are(CommandReading::Hidden, &["/approve\n\u{c}", "\u{b}\n/approve", "\0\n/approve"]);
}

#[test]
fn of_several_ways_the_one_that_was_meant_most_is_told() {
    assert_eq!(spoken("> /approve\n\nI think `/approve` is early."), CommandReading::InCode);
    assert_eq!(spoken("Say `/approve`.\n\n- /approve"), CommandReading::InList);
    assert_eq!(spoken("# /approve\n\n/Approve"), CommandReading::LooksLike);
}

#[test]
fn a_command_may_be_any_plain_line() {
    for line in [
        "/approve",
        "/release approve",
        "LGTM",
        "ship it!",
        "@release-bot approve",
        ":shipit:",
        "approve: production",
        "+1",
        "2.0 may go",
        "承認",
        "genehmigt – für heute",
        "C# & D < 5",
    ] {
        let command = ApprovalCommand::new(line).unwrap();
        assert_eq!(command.to_string(), line);
        assert_eq!(
            command.spoken_in(&format!("Well.\n\n {line}\t\n")),
            CommandReading::Given,
            "{line}"
        );
    }
    assert!(ApprovalCommand::new(&"x".repeat(LONGEST)).is_ok());
}

#[test]
fn a_command_that_no_comment_could_give_is_refused_with_its_reason() {
    let long = "x".repeat(LONGEST + 1);
    let rows = [
        ("", "is empty"),
        (" ", "is empty"),
        (" /approve", "white space"),
        ("/approve\u{a0}", "white space"),
        ("/approve\n/now", "more than one line"),
        ("/approve\rnow", "more than one line"),
        ("/app\u{200b}rove", "cannot be seen"),
        ("/approve\tnow", "cannot be seen"),
        ("/approve\0now", "cannot be seen"),
        (long.as_str(), "more than 100 characters"),
        ("---", "no letter or digit"),
        ("===", "no letter or digit"),
        ("+", "no letter or digit"),
        ("> approve", "a quote"),
        (">approve", "a quote"),
        ("- approve", "a list"),
        ("1. approve", "a list"),
        ("# approve", "a heading"),
        ("`approve`", "is code"),
        ("```approve", "is code"),
        ("<!-- approve -->", "is HTML"),
        ("<approve>", "is HTML"),
        ("<approve", "is HTML"),
        ("[approve]: x", "is HTML or a definition"),
        ("[approve]:", "is HTML or a definition"),
        ("**approve**", "holds markup"),
        ("~~approve~~", "holds markup"),
        ("[approve](x)", "holds markup"),
        ("\\/approve", "holds markup"),
        ("&sol;approve", "holds markup"),
    ];
    for (line, reason) in rows {
        let error = ApprovalCommand::new(line).unwrap_err();
        assert!(error.why.contains(reason), "{line:?}: {error}");
    }
}

#[test]
fn what_json_calls_it_is_what_it_is_called() {
    for spoken in [
        CommandReading::Absent,
        CommandReading::InQuote,
        CommandReading::Hidden,
        CommandReading::InCode,
        CommandReading::NotAlone,
        CommandReading::InList,
        CommandReading::InTable,
        CommandReading::InHeading,
        CommandReading::LooksLike,
        CommandReading::Given,
    ] {
        assert_eq!(serde_json::to_value(spoken).unwrap(), spoken.as_str());
    }
}

/// GitHub's limit for the length of a comment.
const LONGEST_COMMENT: usize = 65_536;

fn repeated(part: &str) -> String {
    part.chars().cycle().take(LONGEST_COMMENT).collect()
}

/// Runs on a small stack and must finish quickly: quadratic time would take minutes at this
/// length.
#[test]
fn the_longest_hostile_comments_are_read_as_easily_as_others() {
    let parts = [
        ">",
        "> ",
        "- ",
        "1. ",
        "* ",
        "[",
        "![",
        "]",
        "`",
        "``a`",
        "*",
        "_",
        "**a ",
        "*a_",
        "~~",
        "<",
        "<!--",
        "<a ",
        "<a>",
        "</a>",
        "<!",
        "<?",
        "$",
        "|",
        "a|b\n-|-\n",
        "\n",
        "\r",
        "&",
        "&amp;",
        "[^1]:",
        "[a]: b\n",
        "[a](",
        "[a](<",
        "(",
        "\\",
        "# a\n",
        "a\n=\n",
        ">\n",
        "- \n",
        "\t",
        "\0",
    ];
    let mut bodies: Vec<String> = parts.iter().map(|part| repeated(part)).collect();
    for (deep, lazy) in [("> ", "a\n"), ("- ", "`\n"), ("> - ", "a\n"), ("1. ", "a\n")] {
        let half = LONGEST_COMMENT / 2;
        let deep: String = deep.chars().cycle().take(half).collect();
        let lazy: String = lazy.chars().cycle().take(half).collect();
        bodies.push(deep + &lazy);
    }
    let read = move || {
        for body in &bodies {
            assert_ne!(spoken(body), CommandReading::Given);
            spoken(&format!("{body}/approve\n"));
        }
        assert_eq!(spoken(&repeated("a\n\n/approve\n\n")), CommandReading::Given);
    };
    std::thread::Builder::new().stack_size(128 * 1024).spawn(read).unwrap().join().unwrap();
}

/// Comments built from text with a meaning in Markdown.
fn bodies() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "/approve",
        "/approve",
        "\n/approve\n",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        " ",
        "    ",
        "\t",
        "> ",
        ">",
        "- ",
        "1. ",
        "```",
        "~~~",
        "`",
        "# ",
        "===",
        "---",
        "|",
        "|-|",
        "a | b",
        "<!--",
        "-->",
        "<details>",
        "</details>",
        "<pre>",
        "</pre>",
        "<b>",
        "</b>",
        "<br>",
        "<?",
        "<!X",
        "*",
        "**",
        "_",
        "~~",
        "[",
        "]",
        "(",
        ")",
        "[a]: ",
        "[^1]: ",
        "[^1]",
        "[x] ",
        "\\",
        "&sol;",
        "$",
        "word",
        "\u{200b}",
        "\u{feff}",
        "é",
        "\0",
        "\u{c}",
    ]);
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

fn lines_of(body: &str) -> impl Iterator<Item = &str> {
    body.split(['\n', '\r'])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_read(body in any::<String>(), line in any::<String>()) {
        spoken(&body);
        if let Ok(command) = ApprovalCommand::new(&line) {
            prop_assert_eq!(command.spoken_in(&line), CommandReading::Given);
            prop_assert!(command.spoken_in(&body) != CommandReading::Given || body.contains(&line));
        }
    }

    #[test]
    fn only_a_line_that_is_the_command_gives_it(body in bodies()) {
        if spoken(&body) == CommandReading::Given {
            prop_assert!(lines_of(&body).any(|line| line.trim_matches([' ', '\t']) == "/approve"));
        }
    }

    #[test]
    fn a_comment_without_one_of_its_characters_never_gives_it(body in bodies(), gone in 0..8_usize) {
        let gone = "/approve".chars().nth(gone).unwrap();
        // An entity such as `&sol;` would restore the removed character.
        let body: String = body.chars().filter(|c| *c != gone && *c != '&').collect();
        prop_assert!(spoken(&body) < CommandReading::LooksLike, "{:?}", body);
    }

    #[test]
    fn a_quoted_comment_never_gives_it(body in bodies()) {
        let quoted: Vec<String> = lines_of(&body).map(|line| format!("> {line}")).collect();
        prop_assert_ne!(spoken(&quoted.join("\n")), CommandReading::Given);
    }

    #[test]
    fn a_fenced_comment_never_gives_it(body in bodies()) {
        let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or_default();
        let fence = "`".repeat(longest.max(2) + 1);
        let fenced = format!("{fence}\n{body}\n{fence}\n");
        prop_assert_ne!(spoken(&fenced), CommandReading::Given);
    }

    #[test]
    fn beneath_plain_words_it_is_given(words in "[a-z ,.!?\n]{0,200}", end in "\n|\r\n|\r") {
        let body = format!("{words}\n\n/approve\n").replace('\n', &end);
        prop_assert_eq!(spoken(&body), CommandReading::Given);
    }
}
