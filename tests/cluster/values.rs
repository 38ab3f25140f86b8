//! Invalid values are rejected with a message that names the value.

use crate::rendered::{CHART, all_values, template, values_file};
use crate::tools::{HELMS, Helm, refusal, root, text};
use serde_json::Value;

/// A value added to the minimal ones, and what the error must contain.
const REFUSED: &[(&str, &str)] = &[
    // Rejected by the schema.
    ("persistance.enabled=false", "persistance"),
    ("image.repo=x", "repo"),
    ("image.pullPolicy=Sometimes", "pullPolicy"),
    ("config=text", "config"),
    ("config=null", "config"),
    ("service.port=0", "port"),
    ("service.port=http", "port"),
    ("service.type=ExternalName", "type"),
    ("terminationGracePeriodSeconds=1", "terminationGracePeriodSeconds"),
    ("podDisruptionBudget.maxUnavailable=3", "maxUnavailable"),
    ("podLabels.a=true", "podLabels"),
    ("githubApp.installationId=mine", "installationId"),
    ("resources.cpu=1", "cpu"),
    ("prometheusRule.overrides.X.fro=1m", "fro"),
    ("logFormat=xml", "logFormat"),
    ("serviceMonitor.sampleLimit=-1", "sampleLimit"),
    ("networkPolicy.dnsPorts={dns}", "dnsPorts"),
    ("networkPolicy.enabled=maybe", "networkPolicy"),
    // Invalid texts, with a message that shows a valid form.
    ("image.repository=Registry/x", "image.repository is \"Registry/x\": use a name such as"),
    ("image.digest=sha256:abc", "image.digest is \"sha256:abc\": use `sha256:` and 64"),
    ("image.tag=a b", "image.tag is \"a b\": use a tag"),
    ("global.imageRegistry=https://x@y", "global.imageRegistry is \"https://x@y\": use a host"),
    ("global.imagePullSecrets={A_B}", "global.imagePullSecrets[0] is \"A_B\": use the name of"),
    ("imagePullSecrets[0].name=A_B", "imagePullSecrets[0] is \"A_B\": use the name of a Secret"),
    ("existingConfigMapKey=governor.ini", "existingConfigMapKey is \"governor.ini\": use a key"),
    ("github.existingSecretKey=a/b", "github.existingSecretKey is \"a/b\": use a key of a Secret"),
    ("githubApp.appId=a/b", "githubApp.appId is \"a/b\": use the App's number or its client id"),
    ("persistence.size=much", "persistence.size is \"much\": use a quantity such as 1Gi"),
    ("persistence.storageClassName=--", "use the name of a StorageClass, or `-` for no class"),
    ("persistence.volumeName=A", "persistence.volumeName is \"A\": use a Kubernetes name"),
    ("persistence.dataSource.name=x", "persistence.dataSource has no kind or no name: give both"),
    ("persistence.existingClaim=a,persistence.volumeName=b", "an existing claim has its volume"),
    ("persistence.accessModes={ReadWriteMany}", "so use ReadWriteOncePod or ReadWriteOnce"),
    ("serviceAccount.name=A", "serviceAccount.name is \"A\": use a Kubernetes name"),
    ("ingress.host=a/b", "ingress.host is \"a/b\": use a host name such as"),
    ("ingress.paths[0].path=x,ingress.paths[0].pathType=Exact", "path is \"x\": begin it with /"),
    ("ingress.tls[0].secretName=A", "ingress.tls[0].secretName is \"A\": use the name of a Secret"),
    ("serviceMonitor.interval=often", "serviceMonitor.interval is \"often\": use a duration"),
    ("prometheusRule.overrides.X.for=soon", "overrides.X.for is \"soon\": use a duration"),
    ("logLevel=verbose", "logLevel is \"verbose\": use error, warn, info, debug or trace, or"),
    ("logLevel=debug,extraEnv[0].name=RELEASE_GOVERNOR_LOG", "are both given: keep one"),
    ("logFormat=text,extraEnv[0].name=RELEASE_GOVERNOR_LOG_FORMAT", "are both given: keep one"),
    ("proxy.httpsProxy=http://me:ghp_x@proxy:3128", "set HTTPS_PROXY from a Secret"),
    ("extraEnv[0].name=GITHUB_TOKEN,extraEnv[0].value=ghp_x", "use valueFrom.secretKeyRef"),
    // Rejected by the templates, because values conflict.
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

/// Keys that people know from other charts, and keys that must not be set.
#[test]
fn a_key_that_is_refused_is_named_with_what_to_do_instead() {
    let instead = [
        ("replicas", "Remove the key."),
        ("replicaCount", "Remove the key."),
        ("autoscaling", "Remove the key."),
        ("strategy", "Remove the key."),
        ("updateStrategy", "Remove the key."),
        ("rbac", "Remove the key."),
        ("env", "Set extraEnv instead."),
        ("envFrom", "Set extraEnvFrom instead."),
        ("volumes", "Set extraVolumes instead."),
        ("volumeMounts", "Set extraVolumeMounts instead."),
        ("extraDeploy", "Set extraObjects instead."),
        ("extraManifests", "Set extraObjects instead."),
        ("image.name", "Set image.repository instead."),
        ("image.registry", "Put the registry into image.repository, or set global.imageRegistry."),
        ("image.pullSecrets", "Set imagePullSecrets instead."),
        ("persistence.storageClass", "Set persistence.storageClassName instead."),
        ("persistence.accessMode", "Set persistence.accessModes instead."),
        ("ingress.hosts", "Set ingress.host instead."),
        ("ingress.hostname", "Set ingress.host instead."),
        ("ingress.ingressClassName", "Set ingress.className instead."),
        ("github.token", "Put it into a Secret, and name the Secret in github.existingSecret."),
        ("githubApp.privateKey", "Put it into a Secret, and name the Secret in githubApp.existing"),
        (
            "config.github.token",
            "Put it into a Secret, and name the Secret in github.existingSecret.",
        ),
    ];
    let all: String = instead.map(|(key, _)| format!("{key}=ghp_x")).join(",");
    for helm in HELMS {
        let said = refusal(&mut template(helm, "token", "gov", &["--set", &all]));
        for (key, words) in instead {
            let line = format!("  - {key} is not a value of this chart. ");
            let line = said.lines().find(|told| told.starts_with(&line));
            assert!(line.is_some_and(|told| told.contains(words)), "{helm:?} {key}: {said}");
        }
        assert!(!said.contains("ghp_x"), "{said}");
    }
}

/// The schema and the default values have the same keys.
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
            // The configuration is covered by the `schema` tests.
            if path.is_empty() && key == "config" {
                continue;
            }
            match properties.get(key) {
                Some(inner) => compare(&format!("{path}.{key}"), value, inner, wrong),
                None => wrong.push(format!("{path}.{key} is in no schema")),
            }
        }
        // These are set by Helm or a parent chart, or belong to values that are passed through
        // whole.
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
