//! Checks what can be checked of the installation pages.

use std::fs;

use crate::rendered::{Rendered, yaml};
use crate::tools::root;

fn page(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// The names of GitHub operations, as `src` writes them.
fn operations() -> Vec<String> {
    let mut found = Vec::new();
    for file in
        ["reads.rs", "reads/actions.rs", "reads/pulls.rs", "reads/talk.rs", "reads/preflight.rs"]
    {
        let text = page(&format!("src/github/{file}"));
        let named = text.split("ReadRequest::new(\"").skip(1);
        found.extend(named.map(|rest| rest.split('"').next().unwrap().to_owned()));
    }
    let writes = page("src/apply/writes.rs");
    let quoted = writes.split('"').skip(1).step_by(2);
    let is_write = |name: &&str| name.starts_with("create_") || name.starts_with("update_");
    found.extend(quoted.filter(is_write).filter(|name| *name != "created_at").map(str::to_owned));
    found.sort();
    found.dedup();
    assert!(found.len() >= 20, "{found:?}");
    found
}

#[test]
fn the_page_says_which_permission_each_request_needs() {
    let page = page("docs/install.md");
    let missing: Vec<String> =
        operations().into_iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/install.md does not tell of {missing:?}");
}

#[test]
fn the_example_of_a_deploy_workflow_has_what_the_governor_expects() {
    let page = page("docs/install.md");
    let (_, rest) = page.split_once("# .github/workflows/deploy.yml\n").unwrap();
    let workflow = yaml(rest.split_once("```").unwrap().0);
    assert_eq!(workflow["run-name"], "Deploy ${{ inputs.sha }}");
    assert_eq!(workflow["on"]["workflow_dispatch"]["inputs"]["sha"]["required"], true);
    assert_eq!(workflow["concurrency"]["cancel-in-progress"], false);
    let job = &workflow["jobs"]["deploy"];
    assert_eq!(job["environment"], "production");
    assert_eq!(job["steps"][0]["with"]["ref"], "${{ inputs.sha }}");
}

/// The values on the page are valid for the chart.
#[test]
fn the_values_on_the_page_render() {
    let page = page("docs/install.md");
    let (_, rest) = page.split_once("# values.yaml\n").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("values.yaml");
    fs::write(&file, rest.split_once("```").unwrap().0).unwrap();
    let mut command = crate::tools::Helm::Four.command(&["template", "release-governor"]);
    let manifests = crate::tools::text(command.arg(crate::rendered::CHART).arg("-f").arg(&file));
    for name in ["kind: PrometheusRule", "kind: ServiceMonitor", "\n  name: release-governor\n"] {
        assert!(manifests.contains(name), "{name}");
    }
}

/// The values for other tools in the chart's README render and are valid.
#[test]
fn the_values_that_the_charts_readme_shows_render() {
    let page = page("charts/release-governor/README.md");
    let (_, rest) = page.split_once("\n## With Argo CD").unwrap();
    let (section, _) = rest.split_once("\n## Values").unwrap();
    let examples: Vec<&str> =
        section.split("```yaml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert_eq!(examples.len(), 2);
    let directory = tempfile::tempdir().unwrap();
    for (number, example) in examples.iter().enumerate() {
        let file = directory.path().join(format!("{number}.yaml"));
        let text: String = example
            .lines()
            .map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line)))
            .collect();
        fs::write(&file, text).unwrap();
        let rendered = Rendered::with("token", "gov", &["-f", file.to_str().unwrap()]);
        let kinds =
            [["Ingress"].as_slice(), &["ServiceMonitor", "PrometheusRule", "NetworkPolicy"]];
        for kind in kinds[number] {
            rendered.the(kind, "");
        }
    }
}

/// The words that follow each occurrence of `lead`.
fn after<'a>(text: &'a str, lead: &str) -> Vec<&'a str> {
    let rest = text.split(lead).skip(1);
    rest.map(|rest| rest.split(|it: char| it.is_whitespace() || "`'".contains(it)).next().unwrap())
        .collect()
}

/// All pages use the same name, so that commands can be copied from one page to the next.
#[test]
fn namespace_and_release_have_one_name_on_every_page() {
    let name = "release-governor";
    for file in [
        "README.md",
        "charts/release-governor/README.md",
        "config/manifests/kustomization.yaml",
        "docs/install.md",
        "docs/operations.md",
        "docs/recipes.md",
        "docs/runbook.md",
    ] {
        let page = page(file);
        for lead in ["kubectl -n ", "helm -n ", "namespace: ", "create namespace ", "statefulset/"]
        {
            let found = after(&page, lead);
            let examples = ["gateways"];
            let other = found.iter().find(|one| {
                **one != name && !examples.iter().any(|example| one.starts_with(example))
            });
            assert_eq!(other, None, "{file}: {lead}");
        }
        for lead in ["install ", "test "] {
            for line in page.lines().filter(|line| line.starts_with("helm -n ")) {
                for release in after(line, lead) {
                    assert!(release == name || release == "--install", "{file}: {line}");
                }
            }
        }
    }
    let namespace = yaml(&page("config/manifests/namespace.yaml"));
    assert_eq!(namespace["metadata"]["name"], name);
}

#[test]
fn the_first_commands_of_a_page_create_the_namespace_that_the_others_use() {
    let files = [
        "README.md",
        "charts/release-governor/README.md",
        "config/manifests/kustomization.yaml",
        "docs/install.md",
    ];
    for file in files {
        let page = page(file);
        let created = page.find("kubectl create namespace release-governor\n").unwrap();
        let used = page.find(" -n release-governor ").unwrap();
        assert!(created < used, "{file} uses the namespace before it creates it");
    }
}

#[test]
fn the_extra_object_that_the_charts_readme_shows_keeps_what_is_for_prometheus() {
    let page = page("charts/release-governor/README.md");
    let (_, rest) = page.split_once("\n## Other templates in `extraObjects`\n").unwrap();
    let (_, rest) = rest.split_once("```yaml\n").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("values.yaml");
    fs::write(&file, rest.split_once("```").unwrap().0).unwrap();
    let rendered = Rendered::with("token", "gov", &["-f", file.to_str().unwrap()]);
    let rule = rendered.the("PrometheusRule", "gov-ours");
    let annotations = &rule["spec"]["groups"][0]["rules"][0]["annotations"];
    assert_eq!(annotations["summary"], "{{ $labels.repository }} is held");
}
