//! `check-config --github` for a new user: each line says what is wrong, where, and what to do.

use ghbox::{APP_TEST_KEY, Fault, FaultOn, NewApp, NewCommit, UserKind, story};
use insta::assert_snapshot;

use crate::town::Town;

/// The terminal output in order, and the exit code.
fn seen(town: &Town) -> String {
    let (told, code) = town.on_a_terminal(&["check-config", "--github"]);
    let (_, found) = told.rsplit_once("\n\n").unwrap_or(("", &told));
    let directory = town.directory.path().display().to_string();
    let found = found.replace(&directory, "[dir]").replace(town.api_url(), "[github]");
    format!("{found}exit {code}")
}

fn two_repositories() -> Town {
    let town = Town::new();
    story::repository(&town.github, "acme/api");
    story::repository(&town.github, "acme/shop");
    town
}

const TWO: &str = "repositories: [{name: acme/shop}, {name: acme/api}]\n";

#[test]
fn a_token_that_github_does_not_take_is_said_once_for_all_repositories() {
    let mut town = two_repositories();
    town.configure(TWO);
    town.use_token("ghp_another");
    assert_snapshot!(seen(&town), @r#"
    failed   acme/api, acme/shop GITHUB_TOKEN `(not shown)`: GitHub does not accept the token "Bad credentials". Renew it; a token file is read again by itself
    GitHub: 2 repositories could not be checked completely
    exit 3
    "#);
}

#[test]
fn a_token_file_that_is_not_there_or_empty_is_named_with_what_to_do() {
    let mut town = two_repositories();
    town.use_token("");
    let file = town.directory.path().join("token");
    town.authenticate(&format!("token_file: \"{}\"", file.display()));
    town.configure(TWO);
    assert_snapshot!(seen(&town), @"
    warning: github.token_file: [dir]/token does not exist
    error: github.token_file `[dir]/token`: it cannot be read: No such file or directory (os error 2). Put the token into this file, or name the one that holds it
    exit 2
    ");
    std::fs::write(&file, "\n").unwrap();
    assert_snapshot!(seen(&town), @r"
    error: github.token_file `[dir]/token`: it is empty. Put the token into this file
    exit 2
    ");
}

#[test]
fn no_token_at_all_is_said_with_the_ways_to_give_one() {
    let mut town = two_repositories();
    town.use_token("");
    town.configure(TWO);
    assert_snapshot!(seen(&town), @r"
    warning: no token: set github.token_file or GITHUB_TOKEN, or mount /var/run/secrets/github/token
    error: no GitHub token: name its file as `github.token_file`, give it as GITHUB_TOKEN, or configure `github.app`
    exit 2
    ");
}

#[test]
fn what_is_wrong_with_an_apps_key_or_its_installation_is_named_with_what_to_do() {
    let mut town = two_repositories();
    town.use_token("");
    town.github.add_user("acme", UserKind::Organization);
    let app = town.github.register_app(NewApp::new("shipper"));
    let key = town.directory.path().join("key.pem");
    let by_app =
        |id: u64| format!("app: {{app_id: {id}, private_key_file: \"{}\"}}", key.display());
    town.authenticate(&by_app(app.id()));
    town.configure(TWO);
    assert_snapshot!(seen(&town), @"
    warning: github.app.private_key_file: [dir]/key.pem does not exist
    error: github.app.private_key_file `[dir]/key.pem`: it cannot be read: No such file or directory (os error 2). Put the App's private key there, or name the file that holds it
    exit 2
    ");
    std::fs::write(&key, "ghp_a-token").unwrap();
    assert_snapshot!(seen(&town), @r"
    error: github.app.private_key_file `[dir]/key.pem`: it holds no RSA private key in PEM (InvalidKeyFormat). Put the file there that GitHub gave when the App's key was made
    exit 2
    ");
    std::fs::write(&key, APP_TEST_KEY).unwrap();
    assert_snapshot!(seen(&town), @"
    failed   acme/api, acme/shop github.app.app_id `1200001`: the App is not installed for acme. Install it there
    GitHub: 2 repositories could not be checked completely
    exit 3
    ");
}

#[test]
fn a_github_that_is_not_reached_is_said_before_the_sum() {
    let mut town = two_repositories();
    town.lose_github();
    town.configure(TWO);
    assert_snapshot!(seen(&town), @"
    failed   acme/api, acme/shop github.api_url `[github]`: cannot identify the token's user: client error (Connect): tcp connect error: Connection refused (os error 111): see whether `github.api_url` is right, and reached from here
    GitHub: 2 repositories could not be checked completely
    exit 3
    ");
}

#[test]
fn what_is_wrong_with_a_repository_and_what_could_not_be_asked_of_another_stand_before_the_sum() {
    let town = two_repositories();
    let api = town.github.repository("acme/api");
    api.push(NewCommit::on("main").file(
        ".github/workflows/deploy.yml",
        "name: Deploy\non:\n  workflow_dispatch:\n    inputs: {version: {required: true}}\n",
    ));
    let shop = FaultOn::operation("list-repo-workflows").in_repository("acme/shop").always();
    town.github.fail(shop, Fault::Status(502));
    town.configure(TWO);
    assert_snapshot!(seen(&town), @"
    error    acme/api deploy_workflow_name `deploy.yml`: it requires the input `version`, which is never sent: give it a default
    error    acme/api deploy_workflow_name `deploy.yml`: its `workflow_dispatch` has no input `sha`, so that GitHub refuses to start it: declare one, of type string
    warning  acme/api deploy_workflow_name `deploy.yml`: its `run-name` does not carry `${{ inputs.sha }}`: a run that somebody else starts cannot be told, and leaves production uncertain. Add `run-name: Deploy ${{ inputs.sha }}`
    warning  acme/api run_title ``: it takes the input `version` besides `sha`, so that a title alone does not say what a run deploys to production: set `run_title` to the titles that do, and `other_run_titles` to those of other environments
    failed   acme/shop name `acme/shop`: cannot list the workflows of acme/shop: GitHub failed with 502: check again later
    note     GitHub does not tell what this token may write: whether it may start workflows, set statuses and open issues shows with the first of them. Grant it actions, statuses and issues: write
    GitHub: 2 errors, 2 warnings; 1 repository could not be checked completely
    exit 2
    ");
}
