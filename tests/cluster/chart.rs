//! Tests what an installation of the chart consists of.

use std::process::Command;

use serde_json::{Value, json};

use crate::rendered::{CHART, Rendered, all_values, values_file, yaml};
use crate::tools::{Helm, KUBERNETES, complaints, root, text};

/// Custom resources, which are not in Kubernetes' own schemas.
const CUSTOM: [&str; 3] = ["ServiceMonitor", "PrometheusRule", "HTTPRoute"];

#[test]
fn every_manifest_is_valid_for_the_oldest_and_the_newest_kubernetes() {
    let mut manifests = String::new();
    for values in all_values() {
        for one in Rendered::of(&values).0 {
            if !CUSTOM.contains(&one["kind"].as_str().unwrap()) {
                manifests.push_str(&format!("---\n{one}\n"));
            }
        }
    }
    for kubernetes in KUBERNETES {
        assert_eq!(complaints(kubernetes, &manifests), None, "Kubernetes {kubernetes}");
        let wrong = manifests.replacen("\"replicas\":1", "\"replicas\":\"one\"", 1);
        assert_ne!(wrong, manifests);
        assert!(complaints(kubernetes, &wrong).is_some(), "it complains of nothing");
    }
}

/// The program itself reads the rendered configuration, with the variables that the chart sets.
#[test]
fn the_rendered_configuration_passes_check_config() {
    let directory = tempfile::tempdir().unwrap();
    for values in all_values() {
        let rendered = Rendered::of(&values);
        let variables = rendered.variables();
        let (_, path) =
            variables.iter().find(|(name, _)| name == "RELEASE_GOVERNOR_CONFIG").unwrap();
        let file = directory.path().join(path.rsplit('/').next().unwrap());
        let written = rendered.find("ConfigMap", "-config");
        let written = written.map(|map| map["data"]["release-governor.yaml"].as_str().unwrap());
        // The file comes from an existing `ConfigMap`, whose content the chart does not know.
        let theirs = match file.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => "[[repositories]]\nname = \"acme/shop\"\n",
            _ => "repositories: [{name: acme/shop}]\n",
        };
        std::fs::write(&file, written.unwrap_or(theirs)).unwrap();
        let checked = text(
            Command::new(env!("CARGO_BIN_EXE_release-governor"))
                .args(["check-config", "--json"])
                .env_clear()
                .envs(variables.iter().cloned())
                .env("RELEASE_GOVERNOR_CONFIG", &file),
        );
        let checked: Value = serde_json::from_str(&checked).unwrap();
        let container = rendered.container();
        assert_eq!(checked["state"]["dir"], container["volumeMounts"][1]["mountPath"], "{values}");
        let port = container["ports"][0]["containerPort"].to_string();
        let listen = checked["server"]["listen"].as_str().unwrap();
        assert!(listen.ends_with(&format!(":{port}")), "{values}: {listen} and {port}");
        let asks = |key: &str| checked["github"][key].as_str().unwrap_or_default().to_owned();
        let files = [asks("token_file"), asks("ca_file")];
        let mounts = container["volumeMounts"].to_string();
        for file in files.iter().filter(|file| !file.is_empty() && values != "no-persistence") {
            let directory = file.rsplit_once('/').unwrap().0;
            assert!(mounts.contains(directory), "{values}: {file} is not mounted");
        }
    }
}

#[test]
fn an_apps_number_stays_a_number_of_seven_digits() {
    let rendered = Rendered::of("app");
    let config = yaml(
        rendered.the("ConfigMap", "-config")["data"]["release-governor.yaml"].as_str().unwrap(),
    );
    let app = json!({
        "app_id": 1_234_567,
        "installation_id": 76_543_210,
        "private_key_file": "/var/run/secrets/github/app.pem",
    });
    assert_eq!(config["github"]["app"], app);
    let variables = Rendered::of("existing-configmap").variables();
    for (name, value) in [("APP_ID", "1234567"), ("INSTALLATION_ID", "76543210")] {
        let set = (format!("RELEASE_GOVERNOR_GITHUB__APP__{name}"), value.to_owned());
        assert!(variables.contains(&set), "{variables:?}");
    }
}

#[test]
fn every_pod_gives_up_all_that_it_does_not_need() {
    for values in all_values() {
        let rendered = Rendered::of(&values);
        let mut pods = vec![&rendered.pod()["spec"]];
        pods.extend(rendered.find("Pod", "-test").map(|pod| &pod["spec"]));
        for pod in pods {
            assert_eq!(pod["automountServiceAccountToken"], false, "{values}");
            assert_eq!(pod["enableServiceLinks"], false, "{values}");
            let of_pod = &pod["securityContext"];
            assert_eq!(of_pod["runAsNonRoot"], true, "{values}");
            assert_eq!(of_pod["runAsUser"], 65_532, "{values}");
            assert_eq!(of_pod["fsGroup"], 65_532, "{values}");
            assert_eq!(of_pod["seccompProfile"]["type"], "RuntimeDefault", "{values}");
            let container = &pod["containers"][0];
            let own = &container["securityContext"];
            assert_eq!(own["readOnlyRootFilesystem"], true, "{values}");
            assert_eq!(own["allowPrivilegeEscalation"], false, "{values}");
            assert_eq!(own["capabilities"], json!({"drop": ["ALL"]}), "{values}");
            assert!(container["resources"]["limits"]["memory"].is_string(), "{values}");
            assert!(!pod.to_string().contains("hostPath"), "{values}");
        }
        assert!(rendered.0.iter().all(|one| one["kind"] != "Secret"), "{values} holds a secret");
        assert!(rendered.0.iter().all(|one| one["kind"] != "Role"), "{values} gives rights");
    }
}

#[test]
fn one_process_writes_the_state() {
    let rendered = Rendered::of("token");
    let set = &rendered.the("StatefulSet", "")["spec"];
    assert_eq!(set["replicas"], 1);
    assert_eq!(set["podManagementPolicy"], "Parallel");
    let claim = rendered.the("PersistentVolumeClaim", "-state");
    assert_eq!(claim["spec"]["accessModes"], json!(["ReadWriteOncePod"]));
    assert_eq!(claim["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    let state = &rendered.pod()["spec"]["volumes"][1];
    assert_eq!(state["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"]);

    let given = Rendered::of("enterprise");
    assert!(given.find("PersistentVolumeClaim", "").is_none());
    let state = &given.pod()["spec"]["volumes"][1];
    assert_eq!(state["persistentVolumeClaim"]["claimName"], "governor");

    let lost = Rendered::of("no-persistence");
    assert!(lost.find("PersistentVolumeClaim", "").is_none());
    assert_eq!(lost.pod()["spec"]["volumes"][1], json!({"name": "state", "emptyDir": {}}));
}

/// A file mounted by `subPath` is never updated, and a checksum annotation would cause needless
/// restarts.
#[test]
fn a_changed_configuration_reaches_the_running_pod() {
    let rendered = Rendered::of("token");
    assert!(!rendered.pod().to_string().contains("subPath"));
    let noted = |rendered: &Rendered| {
        rendered.pod()["metadata"]["annotations"]["checksum/config"].as_str().map(str::to_owned)
    };
    assert_eq!(noted(&rendered), None);
    let restarting = |more: &str| {
        noted(&Rendered::with(
            "token",
            "gov",
            &["--set", "restartOnConfigChange=true", "--set", more],
        ))
    };
    let (one, other) =
        (restarting("tests.enabled=true"), restarting("config.state.history_days=30"));
    assert!(one.is_some() && one != other, "{one:?}");
}

#[test]
fn a_credential_is_a_file_that_only_the_governors_group_reads() {
    for (values, key, path) in [
        ("token", "token", "token"),
        ("enterprise", "pat", "token"),
        ("app", "private-key.pem", "app.pem"),
    ] {
        let rendered = Rendered::of(values);
        let volumes = rendered.pod()["spec"]["volumes"].as_array().unwrap();
        let secret = &volumes.iter().find(|one| one["name"] == "github").unwrap()["secret"];
        assert_eq!(secret["items"], json!([{"key": key, "path": path}]), "{values}");
        assert_eq!(secret["defaultMode"], 0o440, "{values}");
        assert!(!rendered.container()["env"].to_string().contains("TOKEN\""), "{values}");
    }
}

/// Selectors are immutable: with a version in them, every upgrade would fail.
#[test]
fn selectors_find_the_governor_alone_and_never_change() {
    let rendered = Rendered::of("everything");
    let pod = &rendered.pod()["metadata"]["labels"];
    let test = &rendered.the("Pod", "-test")["metadata"]["labels"];
    let finds = |selector: &Value, labels: &Value| {
        let selector = selector.as_object().unwrap();
        selector.iter().all(|(key, value)| labels[key] == *value)
    };
    let spec = |kind: &str| &rendered.the(kind, "")["spec"];
    let selectors = [
        &spec("StatefulSet")["selector"]["matchLabels"],
        &spec("Service")["selector"],
        &spec("NetworkPolicy")["podSelector"]["matchLabels"],
        &spec("PodDisruptionBudget")["selector"]["matchLabels"],
    ];
    for selector in selectors {
        assert!(finds(selector, pod) && !finds(selector, test), "{selector}");
        assert_eq!(
            *selector,
            json!({
                "app.kubernetes.io/name": "release-governor",
                "app.kubernetes.io/instance": "gov",
                "app.kubernetes.io/component": "controller",
            })
        );
    }
    let service = &rendered.the("Service", "")["metadata"]["labels"];
    assert!(finds(&spec("ServiceMonitor")["selector"]["matchLabels"], service));
    // The pod of `helm test` is admitted, although others are not.
    let let_in = &spec("NetworkPolicy")["ingress"][0]["from"][1]["podSelector"]["matchLabels"];
    assert!(finds(let_in, test), "{let_in}");
}

#[test]
fn the_longest_name_of_a_release_still_makes_good_names() {
    let longest = "a".repeat(53);
    let rendered = Rendered::with("everything", &longest, &[]);
    for one in &rendered.0 {
        let name = one["metadata"]["name"].as_str().unwrap();
        let most = if one["kind"] == "StatefulSet" { 52 } else { 63 };
        assert!(name.len() <= most && !name.ends_with('-'), "{}: {name}", one["kind"]);
        let labels = one["metadata"]["labels"].as_object();
        for (key, value) in labels.into_iter().flatten() {
            assert!(value.as_str().unwrap().len() <= 63, "{key}: {value}");
        }
    }
    // If the release has the name of the chart, it is not repeated.
    let same = Rendered::with("token", "release-governor", &[]);
    assert_eq!(same.the("StatefulSet", "")["metadata"]["name"], "release-governor");
}

#[test]
fn ports_are_one_from_the_program_to_the_outside() {
    let rendered = Rendered::of("everything");
    let service = &rendered.the("Service", "")["spec"];
    assert_eq!(service["ports"][0]["port"], 80);
    assert_eq!(service["ports"][0]["targetPort"], rendered.container()["ports"][0]["name"]);
    // The page explains why the governor is not ready, so it must be reachable just then.
    assert_eq!(service["publishNotReadyAddresses"], true);
    let name = &rendered.the("Service", "")["metadata"]["name"];
    let ingress = &rendered.the("Ingress", "")["spec"]["rules"][0]["http"]["paths"][0]["backend"];
    assert_eq!(*ingress, json!({"service": {"name": name, "port": {"name": "http"}}}));
    let route = &rendered.the("HTTPRoute", "")["spec"];
    assert_eq!(route["rules"][0]["backendRefs"], json!([{"name": name, "port": 80}]));
    assert_eq!(route["parentRefs"], json!([{"name": "internal", "namespace": "gateways"}]));
    let monitor = &rendered.the("ServiceMonitor", "")["spec"];
    assert_eq!(monitor["endpoints"][0]["port"], service["ports"][0]["name"]);
    assert_eq!(monitor["endpoints"][0]["path"], "/metrics");
    assert_eq!(monitor["namespaceSelector"], json!({"matchNames": ["releases"]}));
    let test = &rendered.the("Pod", "-test")["spec"]["containers"][0]["args"];
    assert_eq!(*test, json!(["probe", "http://gov-release-governor:80"]));
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let asked = &rendered.container()[probe]["httpGet"];
        let path = if probe == "readinessProbe" { "/readyz" } else { "/healthz" };
        assert_eq!(*asked, json!({"path": path, "port": "http"}), "{probe}");
    }
}

#[test]
fn a_load_balancer_lets_in_whom_it_is_told_to_and_no_other_service_says_so() {
    let ranges = ["--set", "service.loadBalancerSourceRanges={10.0.0.0/8}"];
    let of = |kind: &str| {
        let kind = format!("service.type={kind}");
        let more = ["--set", &kind, ranges[0], ranges[1]];
        Rendered::with("token", "gov", &more).the("Service", "")["spec"]["loadBalancerSourceRanges"]
            .clone()
    };
    assert_eq!(of("LoadBalancer"), json!(["10.0.0.0/8"]));
    assert_eq!(of("ClusterIP"), Value::Null);
}

/// The image may support only one architecture, and nodes may be reserved.
#[test]
fn the_test_runs_where_the_governor_may() {
    let rendered = Rendered::of("everything");
    let (test, pod) = (&rendered.the("Pod", "-test")["spec"], &rendered.pod()["spec"]);
    for key in ["affinity", "tolerations", "nodeSelector", "securityContext", "imagePullSecrets"] {
        assert_eq!(test[key], pod[key], "{key}");
    }
}

/// The pod's own manifest must not depend on the chart version.
#[test]
fn nothing_restarts_because_the_chart_has_another_version() {
    let rendered = Rendered::of("everything");
    let chart = "helm.sh/chart";
    assert_eq!(rendered.pod()["metadata"]["labels"][chart], Value::Null);
    assert!(rendered.the("StatefulSet", "")["metadata"]["labels"][chart].is_string());
}

#[test]
fn nothing_is_shown_or_watched_unless_it_is_asked_for() {
    let rendered = Rendered::of("token");
    let mut kinds: Vec<&str> = rendered.0.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    let least =
        ["ConfigMap", "PersistentVolumeClaim", "Pod", "Service", "ServiceAccount", "StatefulSet"];
    assert_eq!(kinds, least);
}

#[test]
fn alerts_come_from_the_file_and_can_be_changed_one_by_one() {
    let file = std::fs::read_to_string(root().join(CHART).join("files/alerts.yaml")).unwrap();
    let file = yaml(&file);
    let alerts = |groups: &Value| -> Vec<Value> {
        let rules =
            groups.as_array().unwrap().iter().flat_map(|one| one["rules"].as_array().unwrap());
        rules.filter(|rule| rule["alert"].is_string()).cloned().collect()
    };
    let written = alerts(&file["groups"]);
    let rendered = Rendered::of("everything");
    let groups = &rendered.the("PrometheusRule", "")["spec"]["groups"];
    let shown = alerts(groups);
    assert_eq!(shown.len(), written.len());
    for (shown, written) in shown.iter().zip(&written) {
        assert_eq!(shown["labels"]["team"], "platform");
        for key in ["alert", "expr", "annotations"] {
            assert_eq!(shown[key], written[key], "what Prometheus fills in stays as it is written");
        }
    }
    let changed = shown.iter().find(|one| one["alert"] == "ReleaseGovernorNotReconciling").unwrap();
    assert_eq!((&changed["for"], &changed["labels"]["severity"]), (&json!("42m"), &json!("page")));
    assert_eq!(groups.as_array().unwrap().last().unwrap()["name"], "ours");

    let without = "prometheusRule.disabled={ReleaseGovernorNotReconciling}";
    let fewer = Rendered::with("everything", "gov", &["--set", without]);
    let left = alerts(&fewer.the("PrometheusRule", "")["spec"]["groups"]);
    assert_eq!(left.len(), written.len() - 1);
}

#[test]
fn the_dashboard_is_the_file_for_grafanas_sidecar() {
    let rendered = Rendered::of("everything");
    let map = rendered.the("ConfigMap", "-dashboard");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    let file = std::fs::read_to_string(root().join(CHART).join("files/dashboard.json")).unwrap();
    let shown = map["data"]["gov-release-governor.json"].as_str().unwrap();
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(json(shown), json(&file));
}

#[test]
fn notes_say_what_to_do_next_and_what_to_mind() {
    let notes = |values: &str| {
        let file = values_file(values);
        let install = ["install", "gov", CHART, "-n", "releases", "--dry-run=client", "-f", &file];
        // Helm 3 contacts a cluster even for this.
        let said = text(&mut Helm::Four.command(&install));
        said.split_once("\nNOTES:\n").unwrap().1.to_owned()
    };
    let token = notes("token");
    let governor = "kubectl -n releases exec statefulset/gov-release-governor -- release-governor";
    for words in [
        "acme/shop  (dry run: writes nothing to GitHub)",
        &format!("{governor} check-config --github\n"),
        &format!("{governor} status\n"),
        "kubectl -n releases rollout status statefulset/gov-release-governor",
        "port-forward service/gov-release-governor 8080:8080",
        "helm -n releases test gov",
        "The claim gov-release-governor-state stays when the release is uninstalled",
        "Nobody watches it",
    ] {
        assert!(token.contains(words), "{words}\n{token}");
    }
    assert!(!token.contains("WARNING") && !token.contains("To look before it acts"), "{token}");

    let lost = notes("no-persistence");
    assert!(lost.contains("WARNING: persistence.enabled is false"), "{lost}");
    assert!(lost.contains("To look before it acts, set `config.defaults.dry_run: true`"), "{lost}");
    let open = notes("everything");
    assert!(open.contains("WARNING: the pages can be reached from outside"), "{open}");
    assert!(open.contains("acme/api  (not enabled)") && !open.contains("Nobody watches"), "{open}");
}

#[test]
fn the_chart_is_of_this_version_and_for_the_oldest_kubernetes_that_is_tested() {
    let chart = std::fs::read_to_string(root().join(CHART).join("Chart.yaml")).unwrap();
    let chart = yaml(&chart);
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["kubeVersion"], format!(">={}-0", KUBERNETES[0]));
}
