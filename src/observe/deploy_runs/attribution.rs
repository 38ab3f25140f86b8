//! Finds which commit a run deploys (design, section 6, 1), from the run itself. The attempt
//! that owns the run, and a status of ours that links to it, take precedence; `plan` applies
//! those.

use std::collections::{BTreeMap, BTreeSet};

use super::titles::{Titles, titles_of};
use super::{kind_of, newest_success};
use crate::domain::{
    Attribution, DeployScope, KnownRun, Login, RefHistory, ReleaseState, Run, RunEvent, RunId,
    RunKind, RunSource, SeenRuns, Sha, ShaPrefix,
};
use crate::github::AllOrFirst;
use crate::observe::{ObserveError, ReadContext, RepoFacts, range, read_tips};

/// The most commits named in run titles that are looked up per pass.
const MOST_LOOKED_UP: usize = 10;
/// The most commits named in titles of earlier deploys that are looked up per pass. This
/// happens only after the branch or the configured titles changed.
const MOST_ASKED_ANEW: usize = 100;
/// The most commits whose statuses are read because one may name a run of ours.
const MOST_STATUSES_READ: usize = 10;

/// The properties of a run that its attribution depends on.
pub(super) struct RunToAttribute<'a> {
    event: &'a RunEvent,
    pub(super) source: RunSource,
    pub(super) kind: RunKind,
    /// Whether a decision may rest on it.
    pub(super) matters: bool,
    /// Whether it may turn out to be a stray run.
    undetermined: bool,
    finished: bool,
    /// Whether an account of ours may have started it.
    may_be_ours: bool,
}

/// Attributes new runs, and the run that production rests on, to commits.
pub(super) async fn attribute(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    us: &BTreeSet<Login>,
    seen: &mut SeenRuns,
) -> Result<(), ObserveError> {
    let Some(scope) = seen.scope.clone() else { return Ok(()) };
    let newest = newest_success(release, seen);
    let tip = ctx.memory.slow_changing.as_ref().and_then(|slow_changing| slow_changing.tip.clone());
    let mut lookups = MOST_LOOKED_UP;
    let mut attributions = BTreeMap::new();
    let mut untold = false;
    for run in &seen.runs {
        let id = run.at.id;
        let known = release.runs.get(&id).map(|known| &**known);
        let owned = release.attempt_of(id).is_some() || seen.named_by_status.contains_key(&id);
        let asked = RunToAttribute {
            event: &run.event,
            source: RunSource::from(run),
            kind: kind_of(&scope, run),
            matters: !run.progress.finished() || newest == Some(id),
            undetermined: is_undetermined(&scope, seen, run, known),
            finished: run.progress.finished(),
            may_be_ours: run.actors.is_empty() || run.actors.iter().any(|by| us.contains(by)),
        };
        if owned
            || !asked.kind.moves_production()
            || stands(&scope, known, asked.matters, tip.as_ref())
        {
            continue;
        }
        let (attribution, asks_statuses) =
            attribution_of(ctx, repo_facts, &scope, &asked, &mut lookups).await?;
        untold |= asks_statuses;
        attributions.insert(id, attribution);
    }
    ask_anew(ctx, repo_facts, release, &scope, newest, &mut attributions).await?;
    if untold {
        seen.statuses = statuses_of_newest(ctx).await?;
    }
    seen.attributions = attributions;
    // If the tip was read again in the meantime, the next pass asks about the new one.
    seen.searched_tip = tip;
    Ok(())
}

fn is_undetermined(
    scope: &DeployScope,
    seen: &SeenRuns,
    run: &Run,
    known: Option<&KnownRun>,
) -> bool {
    let kept = known.map_or(RefHistory::NotAsked, |known| known.history);
    let history = seen.histories.get(&run.at.id).copied().unwrap_or(kept);
    scope.claims_a_ref(&RunSource::from(run)) && history != RefHistory::Contains
}

/// Whether the known attribution of a run is still valid.
fn stands(scope: &DeployScope, known: Option<&KnownRun>, matters: bool, tip: Option<&Sha>) -> bool {
    let Some(known) = known else { return false };
    let is_of_today = known.is_told_by(scope) && known.was_searched_at(&scope.branch, tip);
    known.attribution != Attribution::Unresolved && (is_of_today || !matters)
}

/// Attributes known runs that no page shows again if their attribution answers another question
/// than today's. For the newest success, that is done whatever it was; for the others, if no
/// commit was found. A missing earlier production would hide a rollback.
async fn ask_anew(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    scope: &DeployScope,
    newest: Option<RunId>,
    attributions: &mut BTreeMap<RunId, Attribution>,
) -> Result<(), ObserveError> {
    let tip = ctx.memory.slow_changing.as_ref().and_then(|slow_changing| slow_changing.tip.clone());
    let mut lookups = MOST_ASKED_ANEW;
    for known in release.runs.values().rev() {
        let is_newest = newest == Some(known.id);
        let is_answered = if is_newest {
            stands(scope, Some(known), true, tip.as_ref())
        } else {
            !known.succeeded() || known.is_answer_in(scope)
        };
        if is_answered
            || attributions.contains_key(&known.id)
            || release.attempt_of(known.id).is_some()
        {
            continue;
        }
        let told = of_known(ctx, repo_facts, scope, known, is_newest, &mut lookups).await?;
        attributions.extend(told.map(|told| (known.id, told)));
    }
    Ok(())
}

async fn of_known(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    scope: &DeployScope,
    known: &KnownRun,
    is_newest: bool,
    lookups: &mut usize,
) -> Result<Option<Attribution>, ObserveError> {
    let source = match &known.source {
        Some(source) => source.clone(),
        // An entry written by an earlier version lacks it.
        None if is_newest => match ctx.reader.run(ctx.name(), known.id).await? {
            Some(run) => RunSource::from(&run),
            None => return Ok(None),
        },
        None => return Ok(None),
    };
    let mut asked = RunToAttribute {
        event: &known.event,
        kind: scope.kind_by_source(&known.event, &source),
        source,
        matters: is_newest,
        undetermined: known.history == RefHistory::Lacks,
        finished: true,
        may_be_ours: false,
    };
    if !asked.kind.moves_production() {
        return Ok(None);
    }
    let (told, _) = attribution_of(ctx, repo_facts, scope, &asked, lookups).await?;
    if told != Attribution::Unresolved || is_newest || asked.undetermined {
        return Ok(Some(told));
    }
    // The facts at hand do not suffice, so read more.
    asked.matters = true;
    Ok(Some(attribution_of(ctx, repo_facts, scope, &asked, lookups).await?.0))
}

/// Attributes past runs, for a backtest.
pub(in crate::observe) async fn attribute_past(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    release: &ReleaseState,
    runs: &[Run],
    mut lookups: usize,
) -> Result<BTreeMap<RunId, Attribution>, ObserveError> {
    let mut attributions = BTreeMap::new();
    let Some(scope) = repo_facts.scope(ctx.policy) else { return Ok(attributions) };
    for run in runs {
        let known = release.runs.get(&run.at.id);
        let is_told = |known: &KnownRun| known.attribution != Attribution::Unresolved;
        if known.is_some_and(|known| is_told(known) && known.is_answer_in(&scope)) {
            continue;
        }
        let asked = RunToAttribute {
            event: &run.event,
            source: RunSource::from(run),
            kind: kind_of(&scope, run),
            matters: true,
            undetermined: false,
            finished: true,
            may_be_ours: false,
        };
        let (attribution, _) =
            attribution_of(ctx, repo_facts, &scope, &asked, &mut lookups).await?;
        attributions.insert(run.at.id, attribution);
    }
    Ok(attributions)
}

/// The attribution from the run itself, and whether a status of ours may say more.
async fn attribution_of(
    ctx: &mut ReadContext<'_>,
    repo_facts: &RepoFacts,
    scope: &DeployScope,
    asked: &RunToAttribute<'_>,
    lookups: &mut usize,
) -> Result<(Attribution, bool), ObserveError> {
    if asked.undetermined && asked.matters {
        return Ok((Attribution::Unresolved, false));
    }
    let source = &asked.source;
    let on_the_ref = asked.kind == RunKind::Deploy && source.head_branch.is_some();
    let attribution = if asked.event.is_push() {
        if on_the_ref {
            return Ok((Attribution::Sha(source.head_sha.clone()), false));
        }
        by_head(ctx, source, asked.matters).await?
    } else if asked.event.title_is_trusted() {
        let titles = titles_of(ctx, repo_facts, scope, asked).await?;
        match by_title(ctx, &titles, &source.title, asked.matters, lookups).await? {
            Attribution::Unknown if titles.takes_a_sha => Attribution::Unknown,
            Attribution::Unknown => by_tag(ctx, source, asked).await?,
            told @ (Attribution::Sha(_) | Attribution::Unresolved) => told,
        }
    } else {
        by_tag(ctx, source, asked).await?
    };
    if attribution != Attribution::Unknown
        || !asked.matters
        || !asked.may_be_ours
        || !asked.event.is_workflow_dispatch()
    {
        return Ok((attribution, false));
    }
    // Its status may not be written yet, so the attribution stays open until the run has ended.
    Ok((if asked.finished { Attribution::Unknown } else { Attribution::Unresolved }, true))
}

/// The run's head commit, if the branch contains it.
async fn by_head(
    ctx: &mut ReadContext<'_>,
    source: &RunSource,
    matters: bool,
) -> Result<Attribution, ObserveError> {
    let sha = &source.head_sha;
    if ctx.memory.branch_commits.place(sha).is_some() {
        return Ok(Attribution::Sha(sha.clone()));
    }
    if !matters {
        return Ok(Attribution::Unresolved);
    }
    let is_there = is_on_branch(ctx, sha).await?;
    Ok(if is_there { Attribution::Sha(sha.clone()) } else { Attribution::Unknown })
}

/// A run on a tag deploys the tag's commit, unless it takes another one as input.
async fn by_tag(
    ctx: &mut ReadContext<'_>,
    source: &RunSource,
    asked: &RunToAttribute<'_>,
) -> Result<Attribution, ObserveError> {
    let Some(tag) = source.head_branch.as_ref().filter(|_| asked.kind == RunKind::OtherDeploy)
    else {
        return Ok(Attribution::Unknown);
    };
    if !asked.matters {
        return Ok(Attribution::Unresolved);
    }
    let name = ctx.name().clone();
    let at = ctx.reader.resolve_commit(&name, &format!("tags/{tag}")).await?;
    if at.as_ref() != Some(&source.head_sha) {
        return Ok(Attribution::Unknown);
    }
    by_head(ctx, source, true).await
}

/// The commit of the branch that a title names where a pattern expects it, if exactly one.
async fn by_title(
    ctx: &mut ReadContext<'_>,
    titles: &Titles,
    title: &str,
    matters: bool,
    lookups: &mut usize,
) -> Result<Attribution, ObserveError> {
    let prefixes: BTreeSet<ShaPrefix> =
        titles.patterns.iter().flat_map(|pattern| pattern.shas_in(title)).collect();
    let mut named: BTreeSet<Sha> = BTreeSet::new();
    let mut unresolved = false;
    for prefix in prefixes {
        let commits = ctx.memory.branch_commits.commits.iter();
        let mut shown = commits.filter(|(sha, _)| sha.starts_with(&prefix));
        if let Some((sha, _)) = shown.next() {
            // Two commits share the prefix, so the title is ambiguous.
            if shown.next().is_some() {
                return Ok(Attribution::Unknown);
            }
            named.insert(sha.clone());
        } else if !matters {
            unresolved = true;
        } else if let Some(left) = lookups.checked_sub(1) {
            *lookups = left;
            named.extend(on_branch(ctx, &prefix).await?);
        } else {
            unresolved = true;
        }
    }
    let mut named = named.into_iter();
    Ok(match (named.next(), named.next(), unresolved) {
        (Some(sha), None, false) => Attribution::Sha(sha),
        (None | Some(_), None, true) => Attribution::Unresolved,
        (None, None, false) | (_, Some(_), _) => Attribution::Unknown,
    })
}

/// The commit with this prefix, if the branch contains it.
async fn on_branch(
    ctx: &mut ReadContext<'_>,
    prefix: &ShaPrefix,
) -> Result<Option<Sha>, ObserveError> {
    let name = &ctx.name().clone();
    let Some(sha) = ctx.reader.resolve_commit(name, prefix.as_str()).await? else {
        return Ok(None);
    };
    // A branch or a tag may have a name that looks like a sha.
    if !sha.starts_with(prefix) {
        return Ok(None);
    }
    Ok(is_on_branch(ctx, &sha).await?.then_some(sha))
}

async fn is_on_branch(ctx: &mut ReadContext<'_>, sha: &Sha) -> Result<bool, ObserveError> {
    let tip = |ctx: &ReadContext<'_>| {
        ctx.memory.slow_changing.as_ref().and_then(|slow_changing| slow_changing.tip.clone())
    };
    if let Some(tip) = tip(ctx)
        && range::is_ancestor(ctx, sha, &tip).await?
    {
        return Ok(true);
    }
    // The known tip may be minutes old, and this answer is permanent.
    read_tips(ctx).await?;
    let Some(tip) = tip(ctx) else { return Ok(false) };
    range::is_ancestor(ctx, sha, &tip).await
}

/// The statuses of the branch's newest commits, one of which may link to a run of ours.
async fn statuses_of_newest(
    ctx: &ReadContext<'_>,
) -> Result<Vec<(Sha, Vec<crate::domain::CommitStatus>)>, ObserveError> {
    let (name, context) = (ctx.name(), &ctx.policy.status_context);
    let mut all = Vec::new();
    for (sha, _) in ctx.memory.branch_commits.commits.iter().take(MOST_STATUSES_READ) {
        let statuses = ctx.reader.statuses(name, sha, context, AllOrFirst::First).await?;
        all.push((sha.clone(), statuses));
    }
    Ok(all)
}
