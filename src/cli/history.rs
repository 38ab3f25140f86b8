//! `history`: shows the ledger entries of one or all repositories; `--follow` streams new ones.

use std::cmp::Reverse;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::domain::RepoName;
use crate::queries;
use crate::queries::Filter;
use crate::queries::view;
use crate::queries::view::{HistoryLine, LineOf};
use crate::request::CommandFailure;
use crate::rpc;
use crate::rpc::Setup;

use super::args::{ConfigSource, Filters, HistoryArgs};
use super::ask::{note_drift, one, show};
use super::live::Audience;
use super::{Exit, in_runtime, print, print_json_line, render, say, width};

/// The poll interval of `--follow`.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// The maximum number of entries per request.
const MOST: usize = 1_000;
/// The default number of entries.
const SHOWN: usize = 50;

pub(super) fn history(source: &ConfigSource, args: &HistoryArgs) -> Result<Exit, CommandFailure> {
    let setup = source.setup();
    if args.all {
        return of_all(&setup, args);
    }
    let (repository, unknown) = match (one(&setup, &args.target), args.target.repository()) {
        (Ok(repository), _) => (repository, None),
        // A repository that was removed from the configuration still has its history.
        (Err(failure), Some(named)) => (named.clone(), Some(failure)),
        (Err(failure), None) => return Err(failure),
    };
    let clock = Clock::system();
    let filter = filter(&args.filters, clock.now())?;
    let first = queries::HistoryRequest {
        repository,
        before: args.before,
        after: None,
        limit: limit(args),
        filter,
    };
    if let Some(failure) = unknown {
        let any = queries::HistoryRequest { limit: 1, filter: Filter::default(), ..first.clone() };
        if in_runtime(whole(&setup, &clock, any))?.newest.is_none() {
            return Err(failure);
        }
    }
    if args.follow {
        in_runtime(follow(&setup, &clock, first, args.output.json))?;
        return Ok(Exit::Done);
    }
    let is_filtered = first.filter != Filter::default();
    let history = in_runtime(async {
        note_drift(&setup, &clock).await;
        whole(&setup, &clock, first).await
    })?;
    if args.csv {
        let lines = history.entries.iter().map(|line| (&history.repository, line));
        print(&render::csv(lines)?)?;
        return Ok(Exit::Done);
    }
    show(args.output.json, &history, || render::history(&history, is_filtered, width()))?;
    Ok(Exit::Done)
}

fn limit(args: &HistoryArgs) -> usize {
    let unsaid = if args.csv { usize::MAX } else { SHOWN };
    args.limit.map_or(unsaid, usize::from)
}

/// Prints the entries of all repositories, newest first.
fn of_all(setup: &Setup, args: &HistoryArgs) -> Result<Exit, CommandFailure> {
    let clock = Clock::system();
    let limit = limit(args);
    let mut ask = queries::FleetHistoryRequest {
        from: None,
        limit: (limit != usize::MAX).then_some(limit),
        filter: filter(&args.filters, clock.now())?,
    };
    let is_filtered = ask.filter != Filter::default();
    let mut found = in_runtime(async {
        note_drift(setup, &clock).await;
        let mut found = rpc::look(setup, ask.clone(), &clock).await?;
        while let Some(next) = found.next.take() {
            ask.from = Some(next);
            let more = rpc::look(setup, ask.clone(), &clock).await?;
            found.entries.extend(more.entries);
            found.next = more.next;
        }
        Ok::<_, CommandFailure>(found)
    })?;
    found.entries = newest_first(found.entries);
    found.entries.truncate(limit);
    if args.csv {
        print(&render::csv(found.entries.iter().map(|one| (&one.repository, &one.line)))?)?;
        return Ok(Exit::Done);
    }
    show(args.output.json, &found, || render::history_of_all(&found, is_filtered, width()))?;
    Ok(Exit::Done)
}

/// Merges several ledgers, newest entry first. The entries of a ledger keep their order, even if
/// their times go back by a few seconds.
fn newest_first(ledgers: Vec<LineOf>) -> Vec<LineOf> {
    let mut before: Option<(RepoName, Timestamp)> = None;
    let mut timed: Vec<(Timestamp, LineOf)> = Vec::with_capacity(ledgers.len());
    for one in ledgers {
        let at = match before {
            Some((repository, at)) if repository == one.repository => at.min(one.line.entry.at),
            Some(_) | None => one.line.entry.at,
        };
        before = Some((one.repository.clone(), at));
        timed.push((at, one));
    }
    timed.sort_by_key(|(at, _)| Reverse(*at));
    timed.into_iter().map(|(_, one)| one).collect()
}

fn filter(filters: &Filters, now: Timestamp) -> Result<Filter, CommandFailure> {
    let filter = Filter {
        since: filters.since.map(|moment| moment.seen_from(now)),
        until: filters.until.map(|moment| moment.seen_from(now)),
        kinds: filters.kind.clone(),
        sha: filters.sha.clone(),
        by: filters.by.clone(),
    };
    if filter.is_never() {
        return Err(CommandFailure::Usage(
            "nothing lies between --since and --until: the second must be the later".to_owned(),
        ));
    }
    Ok(filter)
}

/// Reads until `ask.limit` matching entries are found or the ledger ends. A response can hold
/// fewer, because it covers a limited part of the ledger.
async fn whole(
    setup: &Setup,
    clock: &Clock,
    mut ask: queries::HistoryRequest,
) -> Result<view::HistoryView, CommandFailure> {
    let mut history = rpc::look(setup, ask.clone(), clock).await?;
    while history.entries.len() < ask.limit
        && let Some(before) = history.next
    {
        let limit = ask.limit - history.entries.len();
        ask.before = Some(before);
        let more =
            rpc::look(setup, queries::HistoryRequest { limit, ..ask.clone() }, clock).await?;
        history.entries.extend(more.entries);
        history.next = more.next;
    }
    Ok(history)
}

/// Prints the existing entries, oldest first, and then new ones as they appear.
async fn follow(
    setup: &Setup,
    clock: &Clock,
    first: queries::HistoryRequest,
    json: bool,
) -> Result<(), CommandFailure> {
    let mut audience = Audience::new(clock.clone())?;
    let Some(seen) = audience.unless_gone(whole(setup, clock, first.clone())).await else {
        return Ok(());
    };
    let seen = seen?;
    tell(seen.entries, json)?;
    let mut followed =
        Followed { repository: first.repository.clone(), last: seen.newest, lost: false };
    while audience.waits(BETWEEN_LOOKS).await {
        let after = followed.last.or(Some(0));
        let ask = queries::HistoryRequest { after, limit: MOST, before: None, ..first.clone() };
        let Some(seen) = audience.unless_gone(newer(setup, clock, ask)).await else { break };
        if let Some(entries) = followed.take(seen)? {
            tell(entries, json)?;
        }
    }
    Ok(())
}

/// Reads all entries after `ask.after`, in as many requests as needed.
async fn newer(
    setup: &Setup,
    clock: &Clock,
    mut ask: queries::HistoryRequest,
) -> Result<view::HistoryView, CommandFailure> {
    let mut history = rpc::look(setup, ask.clone(), clock).await?;
    while let Some(before) = history.next {
        ask.before = Some(before);
        let more = rpc::look(setup, ask.clone(), clock).await?;
        history.entries.extend(more.entries);
        history.next = more.next;
    }
    Ok(history)
}

/// The position of `--follow` in a ledger.
struct Followed {
    repository: RepoName,
    /// The number of the newest entry that was read.
    last: Option<u64>,
    /// Whether the last read failed. A run of failures is reported once.
    lost: bool,
}

impl Followed {
    /// The entries to print. `None` if the read failed temporarily, or the ledger was replaced.
    fn take(
        &mut self,
        seen: Result<view::HistoryView, CommandFailure>,
    ) -> Result<Option<Vec<HistoryLine>>, CommandFailure> {
        let seen = match seen {
            Ok(seen) => seen,
            Err(CommandFailure::Dependency(why)) => {
                if !self.lost {
                    say("note", &format!("{why}. Retrying until it responds"));
                }
                self.lost = true;
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        };
        if std::mem::take(&mut self.lost) {
            say("note", "it answers again");
        }
        if seen.newest < self.last {
            // The old ledger was lost, and a new one numbers from the start: read all of it.
            say("note", &format!("the ledger of {} began anew", self.repository));
            self.last = None;
            return Ok(None);
        }
        self.last = seen.newest;
        Ok(Some(seen.entries))
    }
}

fn tell(newest_first: Vec<HistoryLine>, json: bool) -> Result<(), CommandFailure> {
    for line in newest_first.iter().rev() {
        if json {
            print_json_line(line)?;
        } else {
            print(&render::followed(line))?;
        }
    }
    Ok(())
}
