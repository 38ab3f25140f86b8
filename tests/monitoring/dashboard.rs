//! The Grafana dashboard: its layout and its queries.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::metrics::metrics_of_the_reference;

/// `charts/release-governor/files/dashboard.json`.
pub(crate) struct Dashboard(Value);

/// A Prometheus query of the dashboard.
pub(crate) struct Question {
    pub(crate) asked_by: String,
    /// The query, with variables replaced by values.
    pub(crate) query: String,
}

/// The number of columns of Grafana's grid.
const COLUMNS: u64 = 24;
/// Defaults of the dashboard's variables, and values for Grafana's own.
const VALUES: [(&str, &str); 6] = [
    ("$job", ".+"),
    ("$namespace", ".*"),
    ("$repository", ".+"),
    ("$__rate_interval", "2m"),
    ("$__interval", "2m"),
    ("$__range", "1h"),
];

impl Dashboard {
    pub(crate) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("charts/release-governor/files/dashboard.json");
        Self(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    fn all(&self) -> &[Value] {
        self.0["panels"].as_array().unwrap()
    }

    /// All panels but the titles of rows.
    fn panels(&self) -> impl Iterator<Item = &Value> {
        self.all().iter().filter(|panel| panel["type"] != "row")
    }

    fn variables(&self) -> &[Value] {
        self.0["templating"]["list"].as_array().unwrap()
    }

    /// All queries: of panels, variables and annotations.
    pub(crate) fn questions(&self) -> Vec<Question> {
        let question = |asked_by: &Value, query: &str| Question {
            asked_by: asked_by.as_str().unwrap().to_owned(),
            query: VALUES
                .iter()
                .fold(query.to_owned(), |query, (name, value)| query.replace(name, value)),
        };
        let mut questions = Vec::new();
        for panel in self.panels() {
            for target in panel["targets"].as_array().unwrap() {
                questions.push(question(&panel["title"], target["expr"].as_str().unwrap()));
            }
        }
        for annotation in self.0["annotations"]["list"].as_array().unwrap() {
            if let Some(query) = annotation["expr"].as_str() {
                questions.push(question(&annotation["name"], query));
            }
        }
        for variable in self.variables().iter().filter(|one| one["type"] == "query") {
            let asks = variable["query"]["query"].as_str().unwrap();
            let inside = asks.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
            let (series, label) = inside.rsplit_once(", ").unwrap();
            // An absent label has no values.
            let query = match series.strip_suffix('}') {
                Some(series) => format!("count by ({label}) ({series}, {label}!=\"\"}})"),
                None => format!("count by ({label}) ({series}{{{label}!=\"\"}})"),
            };
            questions.push(question(&variable["name"], &query));
        }
        questions
    }
}

#[test]
fn the_dashboard_is_whole_and_nothing_lies_over_anything_else() {
    let dashboard = Dashboard::read();
    assert_eq!(dashboard.0["uid"], "release-governor");
    assert!(dashboard.0["schemaVersion"].as_u64().unwrap() >= 39);
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    let mut titles = BTreeSet::new();
    for panel in dashboard.all() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is another's");
        assert!(titles.insert(title), "{title} twice");
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        let (x, y, width, height) = (place("x"), place("y"), place("w"), place("h"));
        assert!(x + width <= COLUMNS && width > 0 && height > 0, "{title} leaves the grid");
        for column in x..x + width {
            for line in y..y + height {
                assert!(taken.insert((column, line)), "{title} lies over another panel");
            }
        }
    }
    // There are no gaps, either: each line of the grid is full.
    let lines = taken.iter().map(|(_, line)| line).max().unwrap() + 1;
    assert_eq!(u64::try_from(taken.len()).unwrap(), COLUMNS * lines);
}

#[test]
fn the_rows_ask_what_people_ask() {
    let dashboard = Dashboard::read();
    let rows = dashboard.all().iter().filter(|panel| panel["type"] == "row");
    let rows: Vec<&str> = rows.map(|row| row["title"].as_str().unwrap()).collect();
    assert_eq!(
        rows,
        [
            "What is held, and why?",
            "What shipped?",
            "Is production degraded?",
            "Is the governor healthy?",
            "What does it cost in rate limit?",
        ]
    );
}

#[test]
fn each_panel_says_what_it_shows_and_in_which_unit() {
    let dashboard = Dashboard::read();
    for panel in dashboard.panels() {
        let title = panel["title"].as_str().unwrap();
        let description = panel["description"].as_str().unwrap();
        assert!(description.len() > 20 && description.ends_with('.'), "{title}: {description}");
        let defaults = &panel["fieldConfig"]["defaults"];
        assert!(defaults["unit"].as_str().is_some_and(|unit| !unit.is_empty()), "{title}: no unit");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let steps = defaults["thresholds"]["steps"].as_array().unwrap();
        assert!(steps[0]["value"].is_null(), "{title}: the first threshold has no beginning");
        let values: Vec<f64> = steps.iter().skip(1).map(|s| s["value"].as_f64().unwrap()).collect();
        assert!(values.is_sorted(), "{title}: {values:?}");
        let mut references = BTreeSet::new();
        for target in panel["targets"].as_array().unwrap() {
            assert!(references.insert(target["refId"].as_str().unwrap()), "{title}: a refId twice");
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
        assert!(!references.is_empty(), "{title} asks nothing");
    }
}

#[test]
fn each_question_is_of_metrics_that_are_there_and_of_what_was_chosen() {
    let dashboard = Dashboard::read();
    let metrics = metrics_of_the_reference();
    let is_one = |name: &str| {
        let family = name.strip_suffix("_bucket").unwrap_or(name);
        metrics.contains(name) || metrics.contains(family)
    };
    for panel in dashboard.panels() {
        for target in panel["targets"].as_array().unwrap() {
            let expr = target["expr"].as_str().unwrap();
            for rest in expr.split("release_governor_").skip(1) {
                let (name, selector) = rest.split_once('{').unwrap_or_else(|| panic!("{expr}"));
                let name = format!("release_governor_{name}");
                assert!(is_one(&name), "{}: there is no {name}", panel["title"]);
                let chosen = "job=~\"$job\", namespace=~\"$namespace\"";
                assert!(selector.starts_with(chosen), "{}: {name}", panel["title"]);
            }
        }
    }
}

#[test]
fn every_variable_that_is_used_is_there() {
    let dashboard = Dashboard::read();
    let names: BTreeSet<&str> =
        dashboard.variables().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(
        names.iter().copied().collect::<Vec<_>>(),
        ["datasource", "github", "job", "namespace", "repository"]
    );
    let text = dashboard.0.to_string();
    for used in text.split('$').skip(1) {
        let used = used.trim_start_matches('{');
        let end = used.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap();
        let used = &used[..end];
        assert!(names.contains(used) || used.starts_with("__"), "${used}");
    }
}
