//! Checks everything that README and the pages in `docs` show: configurations load, values
//! render, commands parse, links resolve, and the documented command runs all tests.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use clap::Parser as _;
use release_governor::cli::Arguments;
use release_governor::config;
use serde_json::{Value, json};

use crate::rendered::{Rendered, yaml};
use crate::tools::{refusal, root, text};

/// README and every page in `docs`, as path and text.
fn pages() -> Vec<(String, String)> {
    let mut paths = vec!["README.md".to_owned(), "charts/release-governor/README.md".to_owned()];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        paths.push(format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
    }
    paths.retain(|path| Path::new(path).extension().is_some_and(|extension| extension == "md"));
    let read = |path: String| (fs::read_to_string(root().join(&path)).unwrap(), path);
    paths.into_iter().map(read).map(|(text, path)| (path, text)).collect()
}

fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The fenced blocks in a language, without the indentation of the fence.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), None::<(usize, bool, String)>);
    for line in text.lines() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(name)) => {
                open =
                    Some((line.len() - line.trim_start().len(), name == language, String::new()));
            }
            (Some((indent, _, block)), None) => {
                block.push_str(line.get(*indent..).unwrap_or_default());
                block.push('\n');
            }
            (Some(_), Some(_)) => found.extend(open.take().filter(|(_, wanted, _)| *wanted)),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block does not end");
    found.into_iter().map(|(_, _, block)| block).collect()
}

/// The kind of a YAML block, from the file that its first line names.
#[derive(Debug, PartialEq)]
enum Shown {
    Configuration,
    Values,
    Workflow,
    /// Belongs to another program.
    Foreign,
}

fn shown(block: &str) -> Option<Shown> {
    let file = block.lines().next()?.strip_prefix("# ")?;
    Some(match file {
        "config/release-governor.yaml" => Shown::Configuration,
        "values.yaml" => Shown::Values,
        "prometheus.yml" | "alertmanager.yml" => Shown::Foreign,
        _ if file.starts_with(".github/workflows/") => Shown::Workflow,
        _ if file.starts_with("/etc/grafana/") => Shown::Foreign,
        _ => return None,
    })
}

/// Checks that the configuration loads, with a repository added if it has none.
fn check_configuration(text: &str) -> Result<(), String> {
    let repository = "repositories: [{name: acme/shop}]\n";
    let names_some = text.lines().any(|line| line.starts_with("repositories:"));
    let more = if names_some { "" } else { repository };
    let text = format!("{text}{more}");
    load("release-governor.yaml", &text)?;
    crate::schema::wrong(&yaml(&text)).map_or(Ok(()), Err)
}

fn load(name: &str, text: &str) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    config::load(&path, std::iter::empty()).map(drop).map_err(|mistakes| mistakes.to_string())
}

/// Checks that the chart renders with these values, and that the configuration in them loads.
fn check_values(text: &str) -> Result<(), String> {
    let values = yaml(text);
    let base = if values["githubApp"].is_null() { "token" } else { "app" };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("values.yaml");
    fs::write(&file, text).unwrap();
    Rendered::with(base, "gov", &["-f", file.to_str().unwrap()]).the("StatefulSet", "");
    let mut configuration = values["config"].clone();
    let Some(keys) = configuration.as_object_mut() else { return Ok(()) };
    keys.entry("repositories").or_insert_with(|| json!([{"name": "acme/shop"}]));
    crate::schema::wrong(&configuration).map_or(Ok(()), Err)?;
    load("release-governor.json", &configuration.to_string())
}

fn check_workflow(text: &str) -> Result<(), String> {
    let workflow = yaml(text);
    let jobs = workflow["jobs"].as_object().ok_or("it has no jobs")?;
    let runs = |job: &Value| job["uses"].is_string() || job["steps"].is_array();
    if !jobs.values().all(runs) || workflow["name"].is_null() || workflow["on"].is_null() {
        return Err("a workflow has a name, triggers, and jobs that do something".to_owned());
    }
    let dispatched = &workflow["on"]["workflow_dispatch"];
    if !dispatched.is_null() {
        let sha = &dispatched["inputs"]["sha"]["required"];
        let named = workflow["run-name"].as_str().is_some_and(|name| name.contains("inputs.sha"));
        if sha != &Value::Bool(true) || !named {
            return Err("a deploy workflow has the input `sha`, and a title with it".to_owned());
        }
    }
    Ok(())
}

#[test]
fn every_configuration_and_workflow_on_a_page_works() {
    let mut configurations = 0;
    for (path, text) in pages() {
        for block in blocks(&text, "yaml") {
            let checked = match shown(&block) {
                Some(Shown::Configuration) => {
                    configurations += 1;
                    check_configuration(&block)
                }
                Some(Shown::Values) => check_values(&block),
                Some(Shown::Workflow) => check_workflow(&block),
                Some(Shown::Foreign) => {
                    yaml(&block);
                    Ok(())
                }
                // Another test renders the examples of the chart's README.
                None if path.starts_with("charts/") => Ok(()),
                None => Err("its first line names no file that is known here".to_owned()),
            };
            checked.unwrap_or_else(|why| panic!("{path}: {why}\n{block}"));
        }
    }
    assert!(configurations >= 10, "{configurations}");
}

/// A part of a command line.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    /// Anything that ends a command: a pipe, a bracket, a redirection.
    End,
}

/// Splits a line as a shell does, as far as the pages need it.
fn tokens(line: &str) -> Vec<Token> {
    let (mut found, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (None, '#') if word.is_none() => break,
            (None, '$') if chars.peek() == Some(&'(') => {}
            (None, '|' | ';' | '(' | ')' | '>' | '<' | '&') => {
                found.extend(word.take().map(Token::Word));
                found.push(Token::End);
            }
            (None, _) if c.is_whitespace() => found.extend(word.take().map(Token::Word)),
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    found.extend(word.map(Token::Word));
    found
}

/// The arguments of each call of the program in a block of commands.
fn calls(block: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in block.replace("\\\n", " ").lines() {
        let tokens = tokens(line);
        for command in tokens.split(|token| *token == Token::End) {
            let words: Vec<&str> = command
                .iter()
                .map(|token| match token {
                    Token::Word(word) => word.as_str(),
                    Token::End => unreachable!("split there"),
                })
                .collect();
            let Some(at) = words.iter().position(|word| *word == "release-governor") else {
                continue;
            };
            let is_prefix = |word: &&str| *word == "do" || word.contains('=');
            let called = words[..at].iter().all(is_prefix)
                || words[at - 1] == "--"
                || words.starts_with(&["docker", "exec"]);
            if called {
                found.push(words[at..].iter().map(|word| argument(word)).collect());
            }
        }
    }
    found
}

/// Replaces a placeholder on a page with an example.
fn argument(word: &str) -> String {
    match word {
        "SHA" | "$sha" => "1a2b3c4".to_owned(),
        "$repository" => "acme/shop".to_owned(),
        _ => word.to_owned(),
    }
}

fn check_call(call: &[String]) -> Result<(), String> {
    match Arguments::try_parse_from(call) {
        Ok(_) => Ok(()),
        Err(error) if !error.use_stderr() => Ok(()),
        Err(error) => Err(format!("{}: {error}", call.join(" "))),
    }
}

#[test]
fn every_command_on_a_page_is_one_that_the_program_has() {
    let mut checked = 0;
    for (path, text) in pages() {
        for call in blocks(&text, "sh").iter().flat_map(|block| calls(block)) {
            check_call(&call).unwrap_or_else(|why| panic!("{path}: {why}"));
            checked += 1;
        }
    }
    assert!(checked >= 30, "{checked}");
}

/// On this page, commands within the text are complete, too.
#[test]
fn the_commands_in_the_text_of_the_recipes_are_whole() {
    let text = page("docs/recipes.md");
    let calls: Vec<_> = text
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|code| code.starts_with("release-governor ") && !code.ends_with('…'))
        .flat_map(calls)
        .collect();
    assert!(calls.len() >= 4, "{calls:?}");
    for call in calls {
        check_call(&call).unwrap_or_else(|why| panic!("{why}"));
    }
}

/// GitHub's anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The anchors of all headings of a page.
fn anchors(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside && line.starts_with('#') {
            found.push(anchor(line.trim_start_matches('#').trim()));
        }
    }
    found
}

#[test]
fn every_link_leads_to_a_page_and_a_heading_that_is_there() {
    let mut wrong = Vec::new();
    for (path, text) in pages() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => root().join(&path),
                _ => root().join(&path).parent().unwrap().join(file),
            };
            let known = match fs::read_to_string(&target) {
                Ok(found) => heading.is_empty() || anchors(&found).iter().any(|one| one == heading),
                Err(_) => target.is_dir(),
            };
            if !known {
                wrong.push(format!("{path}: {link}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn readme_links_every_page() {
    let readme = page("README.md");
    for (path, _) in pages() {
        assert!(path == "README.md" || readme.contains(&format!("]({path}")), "{path}");
    }
}

/// README documents one command for all tests, and the pre-commit checks call it.
#[test]
fn readme_and_ci_run_all_tests_by_the_same_command() {
    let readme = page("README.md");
    let (_, section) = readme.split_once("\n## Test\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    assert_eq!(blocks(section, "sh"), ["tests/run\n"]);
    let install = readme.find("\n## Install\n").unwrap();
    assert!(install < readme.find("\n## Test\n").unwrap(), "who reads it installs first");
    let ci = page(".ci/run");
    assert!(ci.lines().any(|line| line == "tests/run"), "{ci}");
    assert!(!ci.contains("\ncargo test"), "{ci}");
    assert!(page("docs/architecture.md").contains("`tests/run`"));
    for script in ["tests/run", "tests/install-packages", ".ci/run"] {
        let mode = fs::metadata(root().join(script)).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{script} can be run");
    }
}

#[test]
fn packages_that_cannot_be_installed_are_named() {
    let mut command = Command::new("/bin/bash");
    command.args(["tests/install-packages", "prometheus", "procps"]).current_dir(root());
    let refused = refusal(command.env("PATH", "/nonexistent"));
    assert!(refused.contains("this system has no apt-get"), "{refused}");
    assert!(refused.contains("install these, then try again: prometheus procps\n"), "{refused}");
    text(Command::new("/bin/bash").arg("tests/install-packages").current_dir(root()));
}

#[test]
fn mistakes_on_a_page_are_found() {
    let page = "x\n\n   ```yaml\n   # values.yaml\n   a:\n     b: 1\n   ```\n\n```sh\nx\n```\n";
    assert_eq!(blocks(page, "yaml"), ["# values.yaml\na:\n  b: 1\n"]);
    assert_eq!(shown("# values.yaml\n"), Some(Shown::Values));
    assert_eq!(shown("repositories: []\n"), None);
    assert!(check_configuration("defaults: {freeze: weekend}\n").is_err());
    assert!(crate::schema::wrong(&json!({"repositories": []})).is_some());
    assert!(check_configuration("defaults: {dry_run: true}\n").is_ok());
    assert!(check_workflow("name: x\non: push\njobs: {a: {steps: []}}\n").is_ok());
    let untitled = "name: x\non: {workflow_dispatch: {inputs: {sha: {required: true}}}}\n\
                    jobs: {a: {steps: []}}\n";
    assert!(check_workflow(untitled).is_err());

    let lines = "for r in $(release-governor status --json | jq '.a | .b'); do\n\
                 release-governor pause \"$repository\" \\\n  --reason \"a b\" # not this\n\
                 kubectl exec x -- release-governor stop\n\
                 kubectl -n release-governor create secret generic x\n";
    let found = calls(lines);
    assert_eq!(found[0], ["release-governor", "status", "--json"]);
    assert_eq!(found[1], ["release-governor", "pause", "acme/shop", "--reason", "a b"]);
    assert_eq!(found.len(), 3);
    assert!(check_call(&found[1]).is_ok());
    assert!(check_call(&found[2]).is_err(), "there is no such command");
    assert_eq!(anchor("2. Who it is to GitHub"), "2-who-it-is-to-github");
}
