//! Values that make no sense are refused, and what is said names the value.

use crate::rendered::{CHART, all_values, template, values_file};
use crate::tools::{HELMS, Helm, refusal, root, text};
use serde_json::Value;

/// What is set beside the least that works, and what the refusal must name.
const REFUSED: &[(&str, &str)] = &[
    // The schema.
    ("replicas=2", "replicas"),
    ("persistance.enabled=false", "persistance"),
    ("image.repo=x", "repo"),
    ("image.pullPolicy=Sometimes", "pullPolicy"),
    ("image.digest=sha256:abc", "digest"),
    ("image.tag=a b", "tag"),
    ("config=text", "config"),
    ("config=null", "config"),
    ("config.github.token=ghp_x", "token"),
    ("config.repositories[0].name=shop", "name"),
    ("persistence.size=much", "size"),
    ("persistence.accessModes={ReadWriteMany}", "accessModes"),
    ("service.port=0", "port"),
    ("service.port=http", "port"),
    ("service.type=ExternalName", "type"),
    ("serviceMonitor.interval=often", "interval"),
    ("terminationGracePeriodSeconds=1", "terminationGracePeriodSeconds"),
    ("podDisruptionBudget.maxUnavailable=3", "maxUnavailable"),
    ("podLabels.a=true", "podLabels"),
    ("githubApp.installationId=mine", "installationId"),
    ("proxy.httpsProxy=http://me:secret@proxy:3128", "httpsProxy"),
    ("existingConfigMapKey=governor.ini", "existingConfigMapKey"),
    ("resources.cpu=1", "cpu"),
    ("extraEnv[0].name=GITHUB_TOKEN,extraEnv[0].value=ghp_x", "extraEnv"),
    ("prometheusRule.overrides.X.fro=1m", "fro"),
    // The chart itself, where values do not go together.
    ("image.repository=", "image.repository is empty"),
    ("github.existingSecret=", "there is no credential"),
    ("githubApp.existingSecret=x", "a token or an App, not both"),
    ("config.github.app.app_id=1", "a token or an App, not both"),
    ("config.github.token_file=/mine", "config.github.token_file is /mine"),
    ("existingConfigMap=mine", "config and existingConfigMap are both given"),
    ("caBundle.existingSecret=a,caBundle.existingConfigMap=b", "are both given: keep one"),
    ("config.server.listen=127.0.0.1:8080", "neither probes nor Prometheus reach it"),
    ("config.state.dir=./state", "config.state.dir is ./state, which cannot be mounted"),
    ("ingress.enabled=true", "ingress.host is empty"),
    ("httpRoute.enabled=true", "httpRoute.parentRefs is empty"),
    ("prometheusRule.enabled=true,prometheusRule.disabled={Nope}", "there is no alert Nope"),
    ("prometheusRule.enabled=true,prometheusRule.overrides.Nope.for=1m", "there is no alert Nope"),
];

#[test]
fn values_that_make_no_sense_are_refused_by_name() {
    for (set, named) in REFUSED {
        for helm in HELMS {
            let said = refusal(&mut template(helm, "token", "gov", &["--set", set]));
            assert!(said.contains(named), "{helm:?} --set {set}: expected {named} in\n{said}");
            assert!(!said.contains("ghp_x"), "{set} shows a secret:\n{said}");
        }
    }
}

#[test]
fn what_is_missing_is_said_all_at_once() {
    let said = refusal(&mut Helm::Three.command(&["template", "gov", CHART]));
    for missing in ["image.repository", "config.repositories", "there is no credential"] {
        assert!(said.contains(&format!("  - {missing}")), "{missing}: {said}");
    }
}

#[test]
fn every_file_of_values_passes_a_strict_lint() {
    for helm in HELMS {
        for values in all_values() {
            let said =
                text(&mut helm.command(&["lint", "--strict", CHART, "-f", &values_file(&values)]));
            assert!(said.contains("1 chart(s) linted, 0 chart(s) failed"), "{values}: {said}");
            assert!(!said.contains("[WARNING]") && !said.contains("[ERROR]"), "{values}: {said}");
        }
    }
}

/// The schema and the values tell of the same keys.
#[test]
fn the_schema_describes_every_value_and_nothing_else() {
    fn compare(path: &str, values: &Value, schema: &Value, wrong: &mut Vec<String>) {
        let (Some(values), Some(properties)) =
            (values.as_object(), schema["properties"].as_object())
        else {
            return;
        };
        if schema["additionalProperties"] != false {
            return;
        }
        for (key, value) in values {
            match properties.get(key) {
                Some(inner) => compare(&format!("{path}.{key}"), value, inner, wrong),
                None => wrong.push(format!("{path}.{key} is in no schema")),
            }
        }
        // What Helm itself, or a chart around this one, sets; and parts of what is given whole.
        let foreign = ["global", "enabled", "claims"];
        let unknown = properties.keys().filter(|key| !values.contains_key(*key));
        let unknown = unknown.filter(|key| !foreign.contains(&key.as_str()));
        wrong.extend(unknown.map(|key| format!("{path}.{key} is no value")));
    }
    let read = |file: &str| std::fs::read_to_string(root().join(CHART).join(file)).unwrap();
    let values = crate::rendered::yaml(&read("values.yaml"));
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    let mut wrong = Vec::new();
    compare("", &values, &schema, &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
