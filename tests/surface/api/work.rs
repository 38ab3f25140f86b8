//! The cost of an answer about a thousand repositories: it waits for nothing, and grows
//! linearly. Measured in CPU time of this thread, not in wall clock time.

use std::collections::BTreeMap;
use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use release_governor::bootstrap;
use release_governor::clock::Clock;
use release_governor::domain::{
    Attribution, AttributionRule, Conclusion, EntryKind, KnownRun, KnownRunAttempt, RefHistory,
    RunEvent, RunKind, RunProgress,
};
use release_governor::queries::ReadModel;
use release_governor::store::Store;
use release_governor::{config, http};
use tower::ServiceExt as _;

const DEPLOYS: u64 = 20;

/// A deploy from some time ago.
fn deployed(number: u64) -> EntryKind {
    let at = "2026-11-02T09:00:00Z".parse::<jiff::Timestamp>().unwrap();
    let at = at + jiff::SignedDuration::from_mins(i64::try_from(number).unwrap());
    let attempt = KnownRunAttempt {
        started_at: at,
        updated_at: at,
        progress: RunProgress::Finished(Conclusion::Success),
        superseded: None,
        failed_step: None,
        has_jobs: None,
    };
    EntryKind::RunSeen {
        run: KnownRun {
            id: number.into(),
            event: RunEvent("workflow_dispatch".to_owned()),
            attribution: Attribution::Sha(format!("{number:040x}").parse().unwrap()),
            created_at: at,
            html_url: format!("https://github.com/acme/x/actions/runs/{number}"),
            attempts: BTreeMap::from([(1, Box::new(attempt))]),
            deleted: false,
            kind: RunKind::Deploy,
            source: None,
            history: RefHistory::NotAsked,
            attributed_by: AttributionRule::Own,
            searched: None,
            moved_deploy_files: None,
        },
    }
}

/// The router of a controller with `count` repositories, each after its first pass. All are
/// disabled, so GitHub receives no request. The store is closed, so that it cannot be used
/// either.
async fn router_of(count: u64) -> axum::Router {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("governor.yaml");
    let names: String = (0..count).map(|n| format!("- {{name: acme/r{n}}}\n")).collect();
    let text = format!("defaults: {{enabled: false}}\nrepositories:\n{names}");
    std::fs::write(&file, text).unwrap();
    let token = ("GITHUB_TOKEN".to_owned(), "ghp_none".to_owned());
    let config = config::load(&file, std::iter::once(token)).unwrap();
    let store = Store::in_memory();
    for number in 0..count {
        let mut ledger = store.ledger((number + 1).into()).await.unwrap();
        let governed = EntryKind::Governed { name: format!("acme/r{number}").parse().unwrap() };
        let entries = std::iter::once(governed).chain((1..=DEPLOYS).map(deployed)).collect();
        ledger.record("2026-11-02T12:00:00Z".parse().unwrap(), entries).await.unwrap();
    }
    let surroundings = bootstrap::surroundings(&config, Clock::system(), store.clone()).unwrap();
    let controller = bootstrap::controller(&config, surroundings, false).unwrap();
    for policy in &config.repositories {
        controller.pass(&policy.repository).await.unwrap().unwrap();
    }
    store.close().await.unwrap();
    http::routes(ReadModel::on(controller))
}

/// CPU time of this thread, in nanoseconds.
fn computed() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// The lowest cost of the answer, and the number of repositories in it.
async fn cost(router: axum::Router) -> (u64, usize) {
    let mut least = u64::MAX;
    let mut rows = 0;
    for _ in 0..5 {
        let request = Request::get("/api/v1/repositories").body(Body::empty()).unwrap();
        let before = computed();
        let answer = pin!(router.clone().oneshot(request));
        let polled = answer.poll(&mut Context::from_waker(Waker::noop()));
        least = least.min(computed() - before);
        let Poll::Ready(Ok(response)) = polled else { panic!("it waits for something") };
        assert_eq!(response.status(), StatusCode::OK);
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let repositories = json["repositories"].as_array().unwrap();
        let newest = format!("{DEPLOYS:040x}");
        assert!(repositories.iter().all(|row| row["production_sha_current"] == newest.as_str()));
        rows = repositories.len();
    }
    (least, rows)
}

#[test]
fn a_thousand_repositories_cost_four_times_as_much_as_a_quarter_of_them() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (few, rows) = cost(router_of(250).await).await;
        assert_eq!(rows, 250);
        let (many, rows) = cost(router_of(1_000).await).await;
        assert_eq!(rows, 1_000);
        println!("250 repositories: {few} ns, 1,000: {many} ns");
        // Quadratic growth would be sixteen times as much.
        assert!(many < few * 9, "250 repositories: {few} ns, 1,000: {many} ns");
    });
}
