//! Renders the chart and parses the result.

use std::process::Command;

use serde_json::Value;

use crate::tools::{HELMS, Helm, root, text};

pub(crate) const CHART: &str = "charts/release-governor";

/// The rendered manifests.
pub(crate) struct Rendered(pub(crate) Vec<Value>);

impl Rendered {
    /// Renders one of the files in `values/`, as release `gov` in the namespace `releases`.
    pub(crate) fn of(values: &str) -> Self {
        Self::with(values, "gov", &[])
    }

    /// Renders under another release name and with more arguments.
    pub(crate) fn with(values: &str, release: &str, more: &[&str]) -> Self {
        Self::parse(&text(&mut template(Helm::Three, values, release, more)))
    }

    pub(crate) fn parse(manifests: &str) -> Self {
        Self(documents(manifests).map(yaml).filter(|value| !value.is_null()).collect())
    }

    pub(crate) fn find(&self, kind: &str, end: &str) -> Option<&Value> {
        self.0.iter().find(|one| {
            one["kind"] == kind && one["metadata"]["name"].as_str().unwrap().ends_with(end)
        })
    }

    /// The only manifest of this kind whose name has this suffix.
    #[track_caller]
    pub(crate) fn the(&self, kind: &str, end: &str) -> &Value {
        self.find(kind, end).unwrap_or_else(|| panic!("no {kind} …{end}"))
    }

    /// The governor's pod template in the `StatefulSet`.
    pub(crate) fn pod(&self) -> &Value {
        &self.the("StatefulSet", "")["spec"]["template"]
    }

    pub(crate) fn container(&self) -> &Value {
        &self.pod()["spec"]["containers"][0]
    }

    /// The container's environment variables that have plain values.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let plain = |one: &Value| {
            let name = one["name"].as_str()?.to_owned();
            Some((name, one["value"].as_str()?.to_owned()))
        };
        self.container()["env"].as_array().unwrap().iter().filter_map(plain).collect()
    }
}

/// `helm template` with a file of values.
pub(crate) fn template(helm: Helm, values: &str, release: &str, more: &[&str]) -> Command {
    let file = values_file(values);
    let mut command =
        helm.command(&["template", release, CHART, "--namespace", "releases", "-f", &file]);
    command.args(more);
    command
}

pub(crate) fn values_file(name: &str) -> String {
    format!("tests/cluster/values/{name}.yaml")
}

/// The names of all files of values.
pub(crate) fn all_values() -> Vec<String> {
    let files = std::fs::read_dir(root().join("tests/cluster/values")).unwrap();
    let stem = |path: std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = files.map(|file| stem(file.unwrap().path())).collect();
    names.sort();
    assert!(names.len() >= 6, "{names:?}");
    names
}

pub(crate) fn documents(manifests: &str) -> impl Iterator<Item = &str> {
    manifests.split("\n---\n").map(|one| one.trim_start_matches("---\n"))
}

#[track_caller]
pub(crate) fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn helm_3_and_helm_4_render_the_same() {
    for values in all_values() {
        let [three, four] = HELMS.map(|helm| text(&mut template(helm, &values, "gov", &[])));
        let sorted = |manifests: &str| {
            let mut all: Vec<String> =
                Rendered::parse(manifests).0.iter().map(Value::to_string).collect();
            all.sort();
            all
        };
        assert_eq!(sorted(&three), sorted(&four), "{values}");
    }
}
