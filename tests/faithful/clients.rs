//! Third-party clients work with the fake GitHub.

use ghbox::story;
use octocrab::{AuthState, OctocrabBuilder};
use secrecy::SecretString;

use crate::client::github;
use crate::openapi::check_all;

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "this is octocrab as it comes: it runs inside a runtime, and over a service of ours"
)]
fn octocrab_reads_the_box_through_its_service() {
    let github = github();
    let shop = story::repository(&github, "acme/shop");
    let tip = shop.in_production();
    github.add_token("app", "release-governor[bot]");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let token = SecretString::from("app".to_owned());
        let Ok(octocrab) = OctocrabBuilder::new_empty()
            .with_service(github.service())
            .with_auth(AuthState::AccessToken { token })
            .build();
        let repository = octocrab.repos("acme", "shop").get().await.expect("a repository");
        assert_eq!(*repository.id, shop.id());
        let runs = octocrab.workflows("acme", "shop").list_runs("deploy.yml").send().await;
        let runs = runs.expect("runs").items;
        assert_eq!(runs[0].head_sha, tip);
        let commits = octocrab.repos("acme", "shop").list_commits().send().await.expect("commits");
        assert_eq!(commits.items[0].sha, tip);
    });
    check_all(&github.requests());
}
