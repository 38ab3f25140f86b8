//! Tests single values of the chart.

use std::fs;

use serde_json::{Value, json};

use crate::rendered::{CHART, Rendered, template, yaml};
use crate::tools::{HELMS, Helm, root, text};

/// The minimal values, plus the given ones.
fn with(values: &str) -> Rendered {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("more.yaml");
    fs::write(&file, values).unwrap();
    Rendered::with("token", "gov", &["-f", file.to_str().unwrap()])
}

fn set(value: &str) -> Rendered {
    Rendered::with("token", "gov", &["--set", value])
}

/// The image, which must be the same for the governor and for `helm test`.
#[track_caller]
fn image(rendered: &Rendered) -> String {
    let image = &rendered.container()["image"];
    assert_eq!(rendered.the("Pod", "-test")["spec"]["containers"][0]["image"], *image);
    image.as_str().unwrap().to_owned()
}

#[test]
fn a_global_registry_takes_the_place_of_the_images_own() {
    for (global, repository, expected) in [
        ("", "registry.example.com/team/governor", "registry.example.com/team/governor:v1"),
        (
            "mirror.example.com",
            "registry.example.com/team/governor",
            "mirror.example.com/team/governor:v1",
        ),
        ("mirror:5000/cache", "registry:5000/governor", "mirror:5000/cache/governor:v1"),
        ("mirror.example.com/", "localhost/governor", "mirror.example.com/governor:v1"),
        ("mirror.example.com", "team/governor", "mirror.example.com/team/governor:v1"),
        ("mirror.example.com", "governor", "mirror.example.com/governor:v1"),
    ] {
        let values =
            format!("global.imageRegistry={global},image.repository={repository},image.tag=v1");
        assert_eq!(image(&set(&values)), expected, "{values}");
    }
}

#[test]
fn global_pull_secrets_come_first_as_names_or_objects_and_none_twice() {
    let rendered = with(
        "global: {imagePullSecrets: [shared, {name: registry}]}\n\
         imagePullSecrets: [{name: registry}, {name: own}]\n",
    );
    let expected = json!([{"name": "shared"}, {"name": "registry"}, {"name": "own"}]);
    assert_eq!(rendered.pod()["spec"]["imagePullSecrets"], expected);
    assert_eq!(rendered.the("Pod", "-test")["spec"]["imagePullSecrets"], expected);
    assert_eq!(Rendered::of("token").pod()["spec"]["imagePullSecrets"], Value::Null);
}

/// Numbers in the values of a parent chart have another type than those of `-f`.
#[test]
fn an_umbrella_chart_gives_its_global_values_and_its_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("Chart.yaml", "apiVersion: v2\nname: umbrella\nversion: 1.0.0\n");
    fs::create_dir(directory.path().join("charts")).unwrap();
    let chart = directory.path().join("charts/release-governor");
    std::os::unix::fs::symlink(root().join(CHART), chart).unwrap();
    write(
        "values.yaml",
        "global:\n  imageRegistry: mirror.example.com\n  imagePullSecrets: [{name: shared}]\n\
         release-governor:\n  image: {repository: registry.example.com/release-governor}\n\
         \x20 github: {existingSecret: mine}\n  config: {repositories: [{name: acme/shop}]}\n\
         \x20 networkPolicy: {enabled: true, egressPorts: [8443], dnsPorts: [5353]}\n\
         \x20 serviceMonitor: {enabled: true, sampleLimit: 1000000}\n\
         \x20 extraObjects: [{apiVersion: v1, kind: Ours, metadata: {name: x}, many: 1234567}]\n",
    );
    for helm in HELMS {
        let umbrella = directory.path().to_str().unwrap();
        let rendered = Rendered::parse(&text(&mut helm.command(&["template", "gov", umbrella])));
        assert_eq!(image(&rendered), "mirror.example.com/release-governor:0.1.0", "{helm:?}");
        assert_eq!(rendered.pod()["spec"]["imagePullSecrets"], json!([{"name": "shared"}]));
        assert_eq!(rendered.the("ServiceMonitor", "")["spec"]["sampleLimit"], 1_000_000);
        assert_eq!(rendered.the("Ours", "")["many"], 1_234_567);
        let egress = &rendered.the("NetworkPolicy", "")["spec"]["egress"];
        assert_eq!(egress[0]["ports"][0]["port"], 5353);
        assert_eq!(egress[1]["ports"][0]["port"], 8443);
    }
}

#[test]
fn the_logs_format_and_level_are_the_programs_variables() {
    let variables = with("{logFormat: text, logLevel: 'info,release_governor=debug'}").variables();
    for (name, value) in [
        ("RELEASE_GOVERNOR_LOG", "info,release_governor=debug"),
        ("RELEASE_GOVERNOR_LOG_FORMAT", "text"),
    ] {
        assert!(variables.contains(&(name.to_owned(), value.to_owned())), "{name}: {variables:?}");
    }
    // If nothing is set, the program's own defaults apply.
    let variables = Rendered::of("token").variables();
    assert!(variables.iter().all(|(name, _)| !name.contains("_LOG")), "{variables:?}");
}

#[test]
fn a_service_that_is_reached_from_outside_has_a_network_policy_unless_it_is_refused() {
    for (values, expected) in [
        ("service.type=ClusterIP", false),
        ("service.type=NodePort", true),
        ("service.type=LoadBalancer", true),
        ("service.type=LoadBalancer,networkPolicy.enabled=false", false),
        ("service.type=ClusterIP,networkPolicy.enabled=true", true),
        ("service.type=NodePort,networkPolicy.enabled=null", true),
    ] {
        assert_eq!(set(values).find("NetworkPolicy", "").is_some(), expected, "{values}");
    }
}

/// A network policy created by default must not cut the governor off.
#[test]
fn the_network_policy_allows_the_clusters_dns_the_proxy_and_the_api() {
    let ports = |values: &str, rule: usize| {
        let rendered = set(&format!("networkPolicy.enabled=true,{values}"));
        let policy = rendered.the("NetworkPolicy", "");
        policy["spec"]["egress"][rule]["ports"].clone()
    };
    let tcp = |port: u16| json!({"port": port, "protocol": "TCP"});
    let udp = |port: u16| json!({"port": port, "protocol": "UDP"});
    assert_eq!(ports("tests.enabled=true", 0), json!([udp(53), tcp(53)]));
    let dns = ports("networkPolicy.dnsPorts={53,5353}", 0);
    assert_eq!(dns, json!([udp(53), tcp(53), udp(5353), tcp(5353)]));

    assert_eq!(ports("tests.enabled=true", 1), json!([tcp(443)]));
    let proxy = "proxy.httpsProxy=http://proxy.example.com:3128";
    assert_eq!(ports(proxy, 1), json!([tcp(443), tcp(3128)]));
    let usual = "proxy.httpsProxy=http://proxy.example.com";
    assert_eq!(ports(usual, 1), json!([tcp(443), tcp(80)]));
    let given = format!("{proxy},networkPolicy.egressPorts={{3128}}");
    assert_eq!(ports(&given, 1), json!([tcp(3128)]), "no port stands there twice");
    let server = "config.github.api_url=https://ghe.example.com:8443/api/v3";
    assert_eq!(ports(server, 1), json!([tcp(443), tcp(8443)]));
}

#[test]
fn the_claim_names_its_class_its_volume_and_its_source() {
    let claim = |values: &str| with(values).the("PersistentVolumeClaim", "-state")["spec"].clone();
    let usual = claim("{}");
    for key in ["storageClassName", "volumeName", "dataSource"] {
        assert_eq!(usual[key], Value::Null, "{key}");
    }
    let fast = claim("persistence: {storageClassName: fast}");
    assert_eq!(fast["storageClassName"], "fast");
    let fixed = claim("persistence: {storageClassName: '-', volumeName: governor-0001}");
    assert_eq!(
        (&fixed["storageClassName"], &fixed["volumeName"]),
        (&json!(""), &json!("governor-0001"))
    );
    let source = "{apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: before}";
    let restored = claim(&format!("persistence: {{dataSource: {source}}}"));
    assert_eq!(restored["dataSource"], yaml(source));
}

#[test]
fn the_service_monitor_says_how_prometheus_scrapes() {
    let usual = set("serviceMonitor.enabled=true");
    let spec = &usual.the("ServiceMonitor", "")["spec"];
    assert_eq!(spec["jobLabel"], "app.kubernetes.io/name");
    assert_eq!(spec["sampleLimit"], Value::Null);
    for key in ["honorLabels", "scheme", "tlsConfig"] {
        assert_eq!(spec["endpoints"][0][key], Value::Null, "{key}");
    }
    let rendered = with(
        "serviceMonitor: {enabled: true, honorLabels: true, jobLabel: team, sampleLimit: 1000000, \
         tlsConfig: {insecureSkipVerify: true}}",
    );
    let spec = &rendered.the("ServiceMonitor", "")["spec"];
    assert_eq!((&spec["jobLabel"], &spec["sampleLimit"]), (&json!("team"), &json!(1_000_000)));
    let endpoint = &spec["endpoints"][0];
    assert_eq!(endpoint["honorLabels"], true);
    assert_eq!(endpoint["tlsConfig"], json!({"insecureSkipVerify": true}));
    assert_eq!(endpoint["scheme"], "https", "settings of TLS mean nothing without it");
    let none = set("serviceMonitor.enabled=true,serviceMonitor.jobLabel=");
    assert_eq!(none.the("ServiceMonitor", "")["spec"]["jobLabel"], Value::Null);
}

#[test]
fn the_service_account_bears_the_labels_that_it_is_given() {
    let rendered = with("serviceAccount: {labels: {azure.workload.identity/use: 'true'}}");
    let labels = &rendered.the("ServiceAccount", "")["metadata"]["labels"];
    assert_eq!(labels["azure.workload.identity/use"], "true");
    assert_eq!(labels["app.kubernetes.io/instance"], "gov", "and those that all have");
}

const EXTRA: &str = r#"
extraObjects:
  - apiVersion: monitoring.coreos.com/v1
    kind: PrometheusRule
    metadata:
      name: "{{ .Release.Name }}-ours"
      labels: {"{{ .Release.Name }}/key": "{{.Values.service.port}}"}
    spec:
      groups:
        - name: ours
          limit: 1234567
          rules:
            - alert: OursHeld
              expr: a > 1 and b < 2 and c{d="&"} == bool 1
              annotations:
                summary: "{{ $labels.repository }} has {{ $value | humanize }} ({{ $labels.Release }})"
                title: '{{ template "ours.title" . }}{{ range .Alerts }}{{ .Labels.include }}{{ end }}'
                secret: "{{ .password | toString }} {{.Value}}"
                workflow: "{{workflow.parameters.sha}} ${{ inputs.sha }}"
                escaped: "{{`{{ $labels.repository }}`}} by {{ .Release.Name }}"
                named: '{{- include "release-governor.fullname" $ -}}'
                chosen: '{{ if eq $.Values.service.type "ClusterIP" }}inside{{ else }}outside{{ end }}'
  - |
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: {{ .Release.Name }}-whole
    {{- if .Values.tests.enabled }}
    data: {port: {{ .Values.service.port | quote }}, alert: "{{`{{ $labels.x }}`}}"}
    {{- end }}
"#;

#[test]
fn extra_objects_keep_the_braces_of_other_templates_and_fill_in_those_of_helm() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("extra.yaml");
    fs::write(&file, EXTRA).unwrap();
    let given = yaml(EXTRA)["extraObjects"][0]["spec"]["groups"][0].clone();
    for helm in HELMS {
        let more = ["-f", file.to_str().unwrap()];
        let rendered = Rendered::parse(&text(&mut template(helm, "token", "gov", &more)));
        let rule = rendered.the("PrometheusRule", "");
        assert_eq!(rule["metadata"]["name"], "gov-ours");
        assert_eq!(rule["metadata"]["labels"], json!({"gov/key": "8080"}));
        let group = &rule["spec"]["groups"][0];
        assert_eq!(group["limit"], 1_234_567);
        let (shown, given) = (&group["rules"][0], &given["rules"][0]);
        assert_eq!(shown["expr"], given["expr"]);
        for key in ["summary", "title", "secret", "workflow"] {
            assert_eq!(shown["annotations"][key], given["annotations"][key], "{helm:?} {key}");
        }
        for (key, filled) in [
            ("escaped", "{{ $labels.repository }} by gov"),
            ("named", "gov-release-governor"),
            ("chosen", "inside"),
        ] {
            assert_eq!(shown["annotations"][key], filled, "{helm:?} {key}");
        }
        let whole = rendered.the("ConfigMap", "-whole");
        assert_eq!(whole["data"], json!({"port": "8080", "alert": "{{ $labels.x }}"}));
    }
}

#[test]
fn the_chart_says_where_it_comes_from_and_who_keeps_it() {
    let read = |file: &str| fs::read_to_string(root().join(CHART).join(file)).unwrap();
    let chart = yaml(&read("Chart.yaml"));
    let home = chart["home"].as_str().unwrap();
    assert_eq!(chart["sources"], json!([home]));
    assert!(read("files/alerts.yaml").contains(&format!("{home}/blob/main/docs/runbook.md#")));
    let repository = home.strip_prefix("https://github.com/").unwrap();
    let (owner, _) = repository.split_once('/').unwrap();
    let url = format!("https://github.com/{owner}");
    assert_eq!(chart["maintainers"], json!([{"name": owner, "url": url}]));
    let icon = chart["icon"].as_str().unwrap();
    let raw = format!("https://raw.githubusercontent.com/{repository}/main/");
    let file = root().join(icon.strip_prefix(&raw).unwrap());
    assert!(fs::read_to_string(file).unwrap().starts_with("<svg "));
    // `helm lint` recommends an icon, and has no complaint about this one.
    for helm in HELMS {
        let said =
            text(&mut helm.command(&["lint", CHART, "-f", "tests/cluster/values/token.yaml"]));
        assert!(!said.contains("[INFO]"), "{said}");
    }
}

#[test]
fn the_notes_say_that_a_network_policy_is_on_by_itself() {
    let notes = |values: &[&str]| {
        let file = crate::rendered::values_file("token");
        let install = ["install", "gov", CHART, "-n", "releases", "--dry-run=client", "-f", &file];
        text(Helm::Four.command(&install).args(values))
            .split_once("\nNOTES:\n")
            .unwrap()
            .1
            .to_owned()
    };
    let told = "The NetworkPolicy is on, because service.type is NodePort. It allows egress\n\
                only to DNS and to TCP 443.";
    let by_itself = notes(&["--set", "service.type=NodePort"]);
    assert!(by_itself.contains(told), "{by_itself}");
    let asked = notes(&["--set", "service.type=NodePort,networkPolicy.enabled=true"]);
    assert!(!asked.contains("The NetworkPolicy is on"), "{asked}");
}
