//! Checks the plain manifests for use without Helm, which are generated from the chart, after
//! kustomize has processed them.

use std::fs;

use std::process::Command;

use crate::readme::held_to;
use crate::rendered::{Rendered, template};
use crate::tools::{Helm, KUBERNETES, complaints, kustomize, root, text};

const FOLDER: &str = "config/manifests";

/// The chart's manifests without Helm-specific metadata.
fn plain() -> String {
    let more = ["--namespace", "release-governor"];
    let rendered = text(&mut template(Helm::Three, "manifests", "release-governor", &more));
    let of_helm = ["helm.sh/", "app.kubernetes.io/managed-by: Helm", "# Source: "];
    let empty = "  annotations:\n---";
    let lines = rendered.lines().filter(|line| !of_helm.iter().any(|word| line.contains(word)));
    let kept: String = lines.map(|line| format!("{line}\n")).collect();
    assert!(!kept.contains(empty), "an annotation of Helm's left its key behind");
    format!("# Made from the chart: RELEASE_GOVERNOR_REWRITE=1 cargo test --test cluster\n{kept}")
}

#[test]
fn the_plain_manifests_are_what_the_chart_makes() {
    held_to(&format!("{FOLDER}/governor.yaml"), &plain());
}

#[test]
fn kustomize_makes_valid_manifests_of_them() {
    let manifests = kustomize(FOLDER);
    for kubernetes in KUBERNETES {
        assert_eq!(complaints(kubernetes, &manifests), None, "Kubernetes {kubernetes}");
    }
    let made = Rendered::parse(&manifests);
    let mut kinds: Vec<&str> = made.0.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            "ConfigMap",
            "Namespace",
            "PersistentVolumeClaim",
            "Service",
            "ServiceAccount",
            "StatefulSet"
        ]
    );
    for one in made.0.iter().filter(|one| one["kind"] != "Namespace") {
        assert_eq!(one["metadata"]["namespace"], "release-governor", "{}", one["kind"]);
    }
    let enforced = &made.the("Namespace", "")["metadata"]["labels"];
    assert_eq!(enforced["pod-security.kubernetes.io/enforce"], "restricted");
    // The name has no hash suffix, because a change must reach the running pod.
    let volume = &made.pod()["spec"]["volumes"][0]["configMap"]["name"];
    assert_eq!(*volume, made.the("ConfigMap", "")["metadata"]["name"]);
    let image = made.container()["image"].as_str().unwrap();
    assert!(image.starts_with("registry.example.com/release-governor:"), "{image}");
}

#[test]
fn their_configuration_passes_check_config() {
    let made = Rendered::parse(&kustomize(FOLDER));
    let written = made.the("ConfigMap", "")["data"]["release-governor.yaml"].as_str().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("release-governor.yaml");
    fs::write(&file, written).unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_release-governor"));
    check.arg("check-config").env_clear().envs(made.variables());
    let said = text(check.env("RELEASE_GOVERNOR_CONFIG", &file));
    assert!(said.contains("acme/shop") && root().join(FOLDER).is_dir(), "{said}");
}
