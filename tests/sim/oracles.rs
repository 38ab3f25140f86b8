//! The checks after every step. They read the fake GitHub and the model, never the program.

use std::collections::BTreeMap;

use ghbox::{Dispatch, Exchange, Fate, story as stage};
use jiff::{SignedDuration, Timestamp};

use crate::due::{self, Asks};
use crate::judged;
use crate::model::{Deploy, Lift, Model, Try};
use crate::world::{Ground, World};

/// A broken promise, with a description.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) promise: &'static str,
    pub(crate) how: String,
}

pub(crate) fn broken(promise: &'static str, how: impl Into<String>) -> Result<(), Broken> {
    Err(Broken { promise, how: how.into() })
}

/// The state right before a step that may have dispatched.
pub(crate) fn before(world: &World, at: usize) -> Model {
    world.grounds[at].model.clone()
}

/// Checks everything that the step did.
pub(crate) fn check(
    world: &mut World,
    at: usize,
    before: &Model,
    killed: bool,
) -> Result<(), Broken> {
    judged::check(world)?;
    let dispatches = ours(&world.grounds[at]);
    let (mut then, judged) = (before.clone(), before.judged);
    let asked = world.asked_for.take();
    for dispatch in dispatches.iter().skip(judged) {
        let lost = killed || answer_lost(world, dispatch);
        // An operator's request applies to the first dispatch, and only to the commit it named.
        let (_, asks) = asked
            .as_ref()
            .filter(|(sha, _)| Some(sha.as_str()) == dispatch.sha())
            .map_or(("", Asks::Nothing), |(sha, asks)| (sha.as_str(), *asks));
        let looked_at = looked_at(world, &then, dispatch);
        due::check(&then, &world.grounds[at].repo, dispatch, asks, looked_at)?;
        if asks == Asks::Rollback {
            then.rollbacks.insert(dispatch.run_id);
            world.grounds[at].model.rollbacks.insert(dispatch.run_id);
        }
        note(&mut then, dispatch, lost);
        note(&mut world.grounds[at].model, dispatch, lost);
    }
    if let Some((sha, _)) = asked.filter(|(sha, _)| was_sent(world, sha)) {
        let now = world.now();
        let model = &mut world.grounds[at].model;
        model.lifts.push((now, Lift::Below(sha.clone())));
        model.triggered.push(sha);
    }
    let ground = &mut world.grounds[at];
    ground.model.judged = dispatches.len();
    // They are only changed by writes.
    if !world.requests.iter().any(Exchange::is_write) {
        return Ok(());
    }
    issues(ground)?;
    statuses(ground)
}

/// When the deploy runs were last read before a dispatch. Responses can take minutes, and
/// nobody can take into account what appears meanwhile. With two processes, it may be the read
/// of either.
fn looked_at(world: &World, model: &Model, dispatch: &Dispatch) -> Timestamp {
    let list = format!("/{}/runs", model.deploy_workflow());
    let is_it = |one: &&Exchange| {
        one.operation == Some("actions/create-workflow-dispatch") && one.at == dispatch.at
    };
    let before = world.requests.iter().take_while(|one| !is_it(one));
    let reads = before.filter(|one| {
        one.operation == Some("actions/list-workflow-runs") && one.path.contains(&list)
    });
    let mut times = reads.map(|one| one.at);
    let found = if model.twin_seen { times.next() } else { times.last() };
    found.unwrap_or(dispatch.at)
}

fn ours(ground: &Ground) -> Vec<Dispatch> {
    let all = ground.repo.dispatches();
    all.into_iter().filter(|one| one.by == stage::GOVERNOR).collect()
}

fn answer_lost(world: &World, dispatch: &Dispatch) -> bool {
    let sha = dispatch.sha().unwrap();
    world.requests.iter().any(|one| {
        one.operation == Some("actions/create-workflow-dispatch")
            && one.fate != Fate::Answered
            && String::from_utf8_lossy(&one.request_body).contains(sha)
    })
}

/// Whether a dispatch of it was sent and may have started something.
fn was_sent(world: &World, sha: &str) -> bool {
    world.requests.iter().any(|one| {
        let refused = one.fate == Fate::Answered || one.fate == Fate::Spoiled;
        one.operation == Some("actions/create-workflow-dispatch")
            && String::from_utf8_lossy(&one.request_body).contains(sha)
            && !(refused && (400..500).contains(&one.response_status))
    })
}

fn note(model: &mut Model, dispatch: &Dispatch, lost: bool) {
    let sha = dispatch.sha().unwrap().to_owned();
    let workflow = model.workflows[dispatch.workflow.as_str()];
    let deploy = model.deploys.entry(dispatch.run_id).or_insert_with(|| Deploy {
        id: dispatch.run_id,
        workflow,
        event: "workflow_dispatch".to_owned(),
        branch: Some(dispatch.reference.trim_start_matches("refs/heads/").to_owned()),
        head_sha: String::new(),
        title: format!("Deploy {sha}"),
        sent: Some(sha),
        created_at: dispatch.at,
        tries: BTreeMap::new(),
        deleted_at: None,
        was_listed: false,
        hidden_until: None,
        answer_lost: false,
    });
    deploy.answer_lost |= lost;
    deploy.tries.entry(1).or_insert(Try { started_at: dispatch.at, ended: None });
}

/// S7.
fn issues(ground: &Ground) -> Result<(), Broken> {
    let mut titles: BTreeMap<String, u64> = BTreeMap::new();
    let mut markers: BTreeMap<String, u64> = BTreeMap::new();
    for issue in ground.repo.issues() {
        let comments = issue.comments.iter().filter(|one| one.author == stage::GOVERNOR);
        for text in comments.map(|one| &one.body).chain([&issue.body]) {
            let Some((_, marker)) = text.split_once("<!-- release-governor") else { continue };
            *markers.entry(marker.to_owned()).or_default() += 1;
        }
        *titles.entry(issue.title.clone()).or_default() += 1;
    }
    for title in titles.keys() {
        let Some(short) = title.strip_prefix("Deploy failure: ") else { continue };
        let failed = due::may_have_failed(&ground.model, short);
        if !failed {
            return broken("S7", format!("{title:?}, though no deploy of it failed"));
        }
    }
    // Two processes without a shared disk may both read, find nothing, and write.
    if ground.model.twin_seen {
        return Ok(());
    }
    if let Some((title, _)) = titles.iter().find(|(_, count)| **count > 1) {
        return broken("S7", format!("two issues are called {title:?}"));
    }
    if let Some((marker, _)) = markers.iter().find(|(_, count)| **count > 1) {
        return broken("S7", format!("said twice: {marker}"));
    }
    Ok(())
}

/// S8.
fn statuses(ground: &Ground) -> Result<(), Broken> {
    for sha in ground.model.order.iter() {
        let mut ours: Vec<(Timestamp, bool)> = Vec::new();
        for status in ground.repo.statuses(sha) {
            if status.creator != stage::GOVERNOR {
                continue;
            }
            if status.description.chars().count() > 140 {
                return broken("S8", format!("a long status: {}", status.description));
            }
            ours.push((status.created_at, status.description.contains("dispatching")));
        }
        ours.sort_unstable();
        let most = if ground.model.twin_seen { 40 } else { 20 };
        let crowded = (0..ours.len()).any(|from| {
            let hour = ours[from..].iter().take_while(|(at, _)| {
                at.duration_since(ours[from].0) < SignedDuration::from_mins(59)
            });
            let (all, marks) = hour
                .fold((0, 0), |(all, marks), (_, marked)| (all + 1, marks + usize::from(*marked)));
            // Each dispatch has its mark, its run and its outcome. One in progress when the
            // hour began has its outcome.
            let goes_on = usize::from(ours[..from].iter().any(|(_, marked)| *marked));
            all > most + 3 * marks + goes_on
        });
        if crowded {
            return broken("S8", format!("more than {most} statuses on {} in an hour", &sha[..7]));
        }
    }
    Ok(())
}
