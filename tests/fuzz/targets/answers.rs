//! Any body as any of GitHub's successful responses. It is parsed completely or rejected, with
//! the same result when parsed twice: from the cache and from the body, and with unknown keys
//! added. A list is read as a whole or not at all.
//!
//! The first byte of the input selects the response; the body begins after the first line.

use http::{Response, header};
use release_governor::domain::{ApprovalCommand, RangeFiles, RunRef};
use release_governor::github::{
    AllOrFirst, Compared, PermissionProbe, ReadError, Reader, RunFilter,
};
use serde_json::{Map, Value};

use crate::support::{REPOSITORY, block_on, connected, first_line, sha, shows_no_token};

const TAG: &str = "\"1\"";
const CONTEXT: &str = "booty/release-governor";

pub fn run(input: &[u8]) {
    let (which, body) = first_line(input);
    let which = which.first().copied().unwrap_or_default();
    let told = read_twice(which, body);
    if let Err(error) = &told {
        let words = error.to_string();
        shows_no_token(&words);
        assert!(!words.is_empty() && error_is_of_the_answer(error), "{error:?}");
    }
    let Ok(json) = serde_json::from_slice::<Value>(body) else { return };
    if let Ok(told) = &told {
        if has_its_shape(which, &json) {
            assert_eq!(told.items, items(which, &json), "not all of a list: {}", told.value);
        }
        let more = with_more(json).to_string();
        let again = read_twice(which, more.as_bytes());
        let again = again.map(|again| again.value).map_err(|error| error.to_string());
        assert_eq!(again.as_ref(), Ok(&told.value), "told by what nobody reads: {more}");
    }
}

/// The requests succeeded and no limit was reached, so any error concerns the response.
fn error_is_of_the_answer(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::Malformed { .. } | ReadError::EmptyList { .. } | ReadError::TooMany { .. }
    )
}

/// What was parsed.
struct Told {
    value: String,
    /// The number of items of a list; `None` if it is not checked.
    items: Option<usize>,
}

/// Parses the body, and then what was cached of it.
fn read_twice(which: u8, body: &[u8]) -> Result<Told, ReadError> {
    let body = bytes::Bytes::copy_from_slice(body);
    block_on(async {
        let (reader, _, _) = connected(move |_, asked| {
            let answer = Response::builder().header(header::ETAG, TAG);
            let (status, body) = if asked.headers.contains_key(header::IF_NONE_MATCH) {
                (304, bytes::Bytes::new())
            } else if asked.uri.query().is_some_and(|query| query.contains("&page=2")) {
                (200, bytes::Bytes::from_static(b"[]"))
            } else {
                (200, body.clone())
            };
            answer.status(status).body(body.into()).unwrap()
        });
        let first = read(which, &reader).await;
        let kept = read(which, &reader).await;
        match (&first, &kept) {
            (Ok(first), Ok(kept)) => assert_eq!(first.value, kept.value, "kept otherwise"),
            (Err(first), Err(kept)) => assert_eq!(first, kept, "another error the second time"),
            (Ok(_), Err(error)) => panic!("it could be read, and then not: {error}"),
            (Err(error), Ok(_)) => panic!("it could not be read, and then it could: {error}"),
        }
        first
    })
}

async fn read(which: u8, reader: &Reader) -> Result<Told, ReadError> {
    let name = &REPOSITORY.parse().unwrap();
    let (one, other) = (&sha('1').parse().unwrap(), &sha('2').parse().unwrap());
    let (main, ada) = (&"main".into(), &"ada".into());
    let at = RunRef { id: 7.into(), attempt: 1 };
    let command = ApprovalCommand::new("/approve").unwrap();
    let all = AllOrFirst::All;
    Ok(match which {
        b'a' => told(reader.repository(name).await?),
        b'b' => told(reader.user().await?),
        b'c' => told(reader.branch_tip(name, main).await?),
        b'd' => told(reader.resolve_commit(name, "v1").await?),
        b'e' => {
            let commits = reader.branch_commits(name, one, 1).await?;
            list(commits.commits.len(), commits)
        }
        b'f' => match reader.compare(name, one, other).await? {
            Compared::Known(compared) => {
                let (RangeFiles::Complete(files) | RangeFiles::Truncated(files)) = &compared.files;
                list(files.len(), &compared)
            }
            gone @ Compared::Gone(_) => panic!("nothing is gone: {gone:?}"),
        },
        b'g' => {
            let tree = reader.tree(name, one).await?;
            list(tree.entries.len(), tree)
        }
        b'h' => of(reader.workflows(name).await?),
        b'i' => of(reader.runs(name, 3.into(), &RunFilter::default(), 1).await?.runs),
        b'j' => told(reader.run(name, at.id).await?),
        b'k' => of(reader.jobs(name, at).await?),
        b'l' => {
            let files = reader.workflow_files(name, one).await?;
            list(files.len(), files)
        }
        b'm' => told(reader.renamed_to(name, main).await?),
        b'n' => told(reader.is_made_by_github(name, one).await?),
        b'o' => of(reader.pulls_of(name, one).await?),
        b'p' => match reader.pull_files(name, 5.into()).await? {
            RangeFiles::Complete(files) | RangeFiles::Truncated(files) => of(files),
        },
        b'q' => of(reader.timeline(name, 5.into(), &command).await?),
        b'r' => of(reader.labels_of(name, 5.into()).await?),
        b's' => told(reader.standing(name, ada).await?),
        b't' => told(reader.is_member(&"acme/captains".parse().unwrap(), ada).await?),
        b'u' => {
            let commits = reader.commits_between(name, one, other).await?;
            list(commits.commits.len(), commits)
        }
        b'v' => {
            let commits = reader.messages_between(name, one, other).await?;
            list(commits.as_ref().map_or(0, Vec::len), commits)
        }
        b'w' => of(reader.statuses(name, one, CONTEXT, all).await?),
        b'x' => told(reader.flags(name, one, &[CONTEXT.to_owned()]).await?),
        b'y' => of(reader.issues_by(name, None, all).await?),
        b'z' => of(reader.issue_comments(name, 9.into()).await?),
        b'0' => told(reader.access(name).await?),
        b'1' => told(reader.file_text(name, "a.yml", "main").await?),
        b'2' => of(reader.labels(name).await?.expect("one page is not too many")),
        _ => told(reader.probe(name, one, PermissionProbe::Statuses).await?),
    })
}

fn told(value: impl std::fmt::Debug) -> Told {
    Told { value: format!("{value:?}"), items: None }
}

fn list(items: usize, value: impl std::fmt::Debug) -> Told {
    Told { items: Some(items), ..told(value) }
}

fn of<T: std::fmt::Debug>(value: Vec<T>) -> Told {
    list(value.len(), value)
}

/// The number of items of a list, from a simple reading of the body; `None` if it is not
/// checked.
fn items(which: u8, json: &Value) -> Option<usize> {
    let all = |list: &Value| list.as_array().map(Vec::len);
    let those = |list: &Value, counts: fn(&Value) -> bool| {
        list.as_array().map(|list| list.iter().filter(|one| counts(one)).count())
    };
    let counted = |key: &str| {
        let items = all(&json[key]).expect("it was read");
        let is_said = json["total_count"].as_u64().is_some_and(|count| count > 0);
        assert!(items > 0 || !is_said, "GitHub counts some and lists none, and none is believed");
        Some(items)
    };
    match which {
        b'e' | b'p' | b'z' | b'2' => all(json),
        b'f' => all(&json["files"]).or(Some(0)),
        b'h' => counted("workflows"),
        b'i' => counted("workflow_runs"),
        b'k' => counted("jobs"),
        b'r' => all(&json["labels"]),
        b'u' => all(&json["commits"]),
        b'v' => {
            let listed = all(&json["commits"]).expect("it was read");
            let is_whole = json["total_commits"].as_u64() == u64::try_from(listed).ok();
            Some(if is_whole { listed } else { 0 })
        }
        b'o' => those(json, |pull| !pull["merged_at"].is_null()),
        b'q' => those(json, is_an_event),
        b'y' => those(json, |issue| issue["pull_request"].is_null()),
        b'w' => {
            let ours = json.as_array().into_iter().flatten().filter(|one| {
                one["context"].as_str().is_some_and(|context| context.to_lowercase() == CONTEXT)
            });
            let ids: std::collections::BTreeSet<u64> =
                ours.filter_map(|one| one["id"].as_u64()).collect();
            Some(ids.len())
        }
        b'g' => {
            let entries = json["tree"].as_array().into_iter().flatten();
            let files = entries.filter(|entry| entry["type"] != "tree");
            let paths: std::collections::BTreeSet<&str> =
                files.filter_map(|entry| entry["path"].as_str()).collect();
            Some(paths.len())
        }
        b'l' => {
            let entries = json.as_array().into_iter().flatten();
            let paths: std::collections::BTreeSet<&str> =
                entries.filter_map(|entry| entry["path"].as_str()).collect();
            Some(paths.len())
        }
        _ => None,
    }
}

/// Whether there are objects where GitHub has objects: serde also accepts an array of the field
/// values.
fn has_its_shape(which: u8, json: &Value) -> bool {
    match (json, which) {
        (Value::Array(list), b'e' | b'l' | b'o'..=b'q' | b'w'..=b'z' | b'2') => {
            list.iter().all(Value::is_object)
        }
        (Value::Object(_), which) => !matches!(which, b'l'),
        _ => false,
    }
}

/// Whether an approval or a risk may depend on this event of a timeline.
fn is_an_event(event: &Value) -> bool {
    match event["event"].as_str() {
        Some(kind) => matches!(
            kind,
            "committed"
                | "head_ref_force_pushed"
                | "base_ref_changed"
                | "base_ref_force_pushed"
                | "automatic_base_change_succeeded"
                | "merged"
                | "labeled"
                | "unlabeled"
                | "commented"
        ),
        None => ["sha", "tree", "parents"].iter().all(|key| !event[key].is_null()),
    }
}

/// Adds a key to every object that no version of GitHub has.
fn with_more(json: Value) -> Value {
    match json {
        Value::Array(list) => list.into_iter().map(with_more).collect(),
        Value::Object(object) => {
            let mut object: Map<String, Value> =
                object.into_iter().map(|(key, value)| (key, with_more(value))).collect();
            object.insert("added_later".to_owned(), serde_json::json!([{ "id": -1 }, null]));
            Value::Object(object)
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}
