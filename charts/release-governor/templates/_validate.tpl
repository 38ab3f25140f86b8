{{/*
Keys of other charts, and keys that must not be set here, with what to do instead. The schema accepts them
(`patternProperties`), because it could only reject them without an explanation. Values are not printed,
because some of them are secrets.
*/}}
{{- define "release-governor.refusedKeys" -}}
replicas: "One process writes the state, so there is always one pod. Remove the key."
replicaCount: "One process writes the state, so there is always one pod. Remove the key."
autoscaling: "One process writes the state, so there is always one pod. Remove the key."
strategy: "The StatefulSet stops the old pod before it starts the new one. Remove the key."
updateStrategy: "The StatefulSet stops the old pod before it starts the new one. Remove the key."
rbac: "The governor does not use the Kubernetes API and needs no rights. Remove the key."
env: "Set extraEnv instead."
envFrom: "Set extraEnvFrom instead."
volumes: "Set extraVolumes instead."
volumeMounts: "Set extraVolumeMounts instead."
extraDeploy: "Set extraObjects instead."
extraManifests: "Set extraObjects instead."
image.name: "Set image.repository instead."
image.registry: "Put the registry into image.repository, or set global.imageRegistry."
image.pullSecrets: "Set imagePullSecrets instead."
persistence.storageClass: "Set persistence.storageClassName instead."
persistence.accessMode: "Set persistence.accessModes instead."
ingress.hosts: "Set ingress.host instead."
ingress.hostname: "Set ingress.host instead."
ingress.ingressClassName: "Set ingress.className instead."
github.token: "A token does not belong in values. Put it into a Secret, and name the Secret in github.existingSecret."
githubApp.privateKey: "A private key does not belong in values. Put it into a Secret, and name the Secret in githubApp.existingSecret."
config.github.token: "A token does not belong in values. Put it into a Secret, and name the Secret in github.existingSecret."
{{- end -}}

{{/* The required format of strings: a pattern, and the text of the error message. */}}
{{- define "release-governor.textRules" -}}
- pattern: "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"
  words: "use a Kubernetes name: lowercase letters, digits, `-` and `.`"
  keys:
    - nameOverride
    - fullnameOverride
    - existingConfigMap
    - github.existingSecret
    - githubApp.existingSecret
    - caBundle.existingConfigMap
    - caBundle.existingSecret
    - persistence.existingClaim
    - persistence.volumeName
    - serviceAccount.name
    - priorityClassName
    - runtimeClassName
    - schedulerName
    - ingress.className
    - serviceMonitor.namespace
    - prometheusRule.namespace
    - dashboard.namespace
- pattern: "^(-|[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"
  words: "use the name of a StorageClass, or `-` for no class"
  keys: [persistence.storageClassName]
- pattern: "^[-._a-zA-Z0-9]+$"
  words: "use a key of a Secret or ConfigMap: letters, digits, `-`, `_` and `.`"
  keys: [github.existingSecretKey, githubApp.existingSecretKey, caBundle.key]
- pattern: "^[-._a-zA-Z0-9]+\\.(yaml|yml|toml|json)$"
  words: "use a key that ends in .yaml, .yml, .toml or .json, because that says how it is read"
  keys: [existingConfigMapKey]
- pattern: "^[A-Za-z0-9.]*$"
  words: "use the App's number or its client id"
  keys: [githubApp.appId]
- pattern: "^([a-z0-9][^\\s@]*)?$"
  words: "use a name such as registry.example.com/release-governor; a digest goes into image.digest"
  keys: [image.repository]
- pattern: "^[A-Za-z0-9_]?[A-Za-z0-9_.-]{0,127}$"
  words: "use a tag: up to 128 letters, digits, `_`, `.` and `-`"
  keys: [image.tag]
- pattern: "^(sha256:[0-9a-f]{64})?$"
  words: "use `sha256:` and 64 hexadecimal digits"
  keys: [image.digest]
- pattern: "^([a-z0-9][^\\s@]*)?$"
  words: "use a host, with a port or a path where it has one, such as mirror.example.com:5000"
  keys: [global.imageRegistry]
- pattern: "^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$"
  words: "use a quantity such as 1Gi"
  keys: [persistence.size]
- pattern: "^((\\*\\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"
  words: "use a host name such as governor.example.com"
  keys: [ingress.host]
- pattern: "^([0-9]+(ms|[smhdwy]))+$"
  words: "use a duration such as 30s"
  keys: [serviceMonitor.interval, serviceMonitor.scrapeTimeout]
- pattern: "^$|^(?i)((off|error|warn|info|debug|trace)|[^,\\s]+=(off|error|warn|info|debug|trace))(,((off|error|warn|info|debug|trace)|[^,\\s]+=(off|error|warn|info|debug|trace)))*$"
  words: "use error, warn, info, debug or trace, or a filter such as info,release_governor=debug"
  keys: [logLevel]
{{- end -}}

{{/* The value at a path such as `image.tag`, as `{found: …, value: …}` in JSON. */}}
{{- define "release-governor.lookup" -}}
{{- $at := .values -}}
{{- $found := true -}}
{{- range splitList "." .path -}}
{{- if and $found (kindIs "map" $at) (hasKey ($at | default dict) .) -}}
{{- $at = get $at . -}}
{{- else -}}
{{- $found = false -}}
{{- end -}}
{{- end -}}
{{- ternary (dict "found" true "value" $at) (dict "found" false) $found | toJson -}}
{{- end -}}

{{/* Checks that the schema cannot make, or cannot explain. Reports all mistakes at once. */}}
{{- define "release-governor.validate" -}}
{{- $wrong := list -}}
{{- $values := .Values -}}
{{- range $path, $words := include "release-governor.refusedKeys" . | fromYaml -}}
{{- if (include "release-governor.lookup" (dict "values" $values "path" $path) | fromJson).found -}}
{{- $wrong = append $wrong (printf "%s is not a value of this chart. %s" $path $words) -}}
{{- end -}}
{{- end -}}
{{- range $rule := include "release-governor.textRules" . | fromYamlArray -}}
{{- range $path := $rule.keys -}}
{{- $value := (include "release-governor.lookup" (dict "values" $values "path" $path) | fromJson).value -}}
{{- if and (kindIs "string" $value) (not (regexMatch $rule.pattern $value)) -}}
{{- $wrong = append $wrong (printf "%s is %q: %s" $path $value $rule.words) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $name := "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" -}}
{{- range $list, $secrets := dict "imagePullSecrets" .Values.imagePullSecrets "global.imagePullSecrets" ((.Values.global | default dict).imagePullSecrets | default list) -}}
{{- range $number, $secret := $secrets -}}
{{- if kindIs "map" $secret -}}
{{- $secret = get $secret "name" | toString -}}
{{- end -}}
{{- if not (regexMatch $name $secret) -}}
{{- $wrong = append $wrong (printf "%s[%d] is %q: use the name of a Secret" $list $number $secret) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.persistence.dataSource -}}
{{- if not (and .kind .name) -}}
{{- $wrong = append $wrong "persistence.dataSource has no kind or no name: give both, and apiGroup where the kind has one" -}}
{{- end -}}
{{- end -}}
{{- range $key := list "volumeName" "dataSource" -}}
{{- if and $values.persistence.existingClaim (get $values.persistence $key) -}}
{{- $wrong = append $wrong (printf "persistence.existingClaim and persistence.%s are both given, but an existing claim has its volume: keep one" $key) -}}
{{- end -}}
{{- end -}}
{{- range .Values.persistence.accessModes -}}
{{- if not (has . (list "ReadWriteOncePod" "ReadWriteOnce")) -}}
{{- $wrong = append $wrong (printf "persistence.accessModes has %s: one pod writes the state, so use ReadWriteOncePod or ReadWriteOnce" .) -}}
{{- end -}}
{{- end -}}
{{- if not (regexMatch "^(https?://[^@\\s]+)?$" .Values.proxy.httpsProxy) -}}
{{- $wrong = append $wrong "proxy.httpsProxy is not accepted: use an address such as http://proxy.example.com:3128 without user and password; for a proxy with a password, set HTTPS_PROXY from a Secret through extraEnv" -}}
{{- end -}}
{{- range $number, $variable := .Values.extraEnv -}}
{{- if and (eq $variable.name "GITHUB_TOKEN") (hasKey $variable "value") -}}
{{- $wrong = append $wrong (printf "extraEnv[%d] holds GITHUB_TOKEN: use valueFrom.secretKeyRef or github.existingSecret, because a token does not belong in values" $number) -}}
{{- end -}}
{{- range $key, $its := dict "logLevel" "RELEASE_GOVERNOR_LOG" "logFormat" "RELEASE_GOVERNOR_LOG_FORMAT" -}}
{{- if and (get $values $key) (eq $variable.name $its) -}}
{{- $wrong = append $wrong (printf "%s and %s in extraEnv are both given: keep one" $key $its) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $number, $path := .Values.ingress.paths -}}
{{- if not (hasPrefix "/" $path.path) -}}
{{- $wrong = append $wrong (printf "ingress.paths[%d].path is %q: begin it with /" $number $path.path) -}}
{{- end -}}
{{- end -}}
{{- range $number, $tls := .Values.ingress.tls -}}
{{- if and $tls.secretName (not (regexMatch $name $tls.secretName)) -}}
{{- $wrong = append $wrong (printf "ingress.tls[%d].secretName is %q: use the name of a Secret" $number $tls.secretName) -}}
{{- end -}}
{{- end -}}
{{- range $alert, $override := .Values.prometheusRule.overrides -}}
{{- range $key := list "for" "keep_firing_for" -}}
{{- if and (hasKey $override $key) (not (regexMatch "^([0-9]+(ms|[smhdwy]))+$" (get $override $key))) -}}
{{- $wrong = append $wrong (printf "prometheusRule.overrides.%s.%s is %q: use a duration such as 30m" $alert $key (get $override $key)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $config := .Values.config -}}
{{- $github := $config.github | default dict -}}
{{- $secrets := include "release-governor.secretsDir" . -}}
{{- if not .Values.image.repository -}}
{{- $wrong = append $wrong "image.repository is empty: name the image that you built (docs/install.md)" -}}
{{- end -}}
{{- if and .Values.existingConfigMap $config -}}
{{- $wrong = append $wrong "config and existingConfigMap are both given: keep one" -}}
{{- end -}}
{{- if not (or .Values.existingConfigMap $config.repositories) -}}
{{- $wrong = append $wrong "config.repositories is empty: name at least one repository, as in --set 'config.repositories[0].name=acme/shop', or an existingConfigMap" -}}
{{- end -}}
{{- if not (include "release-governor.hasCredential" .) -}}
{{- $wrong = append $wrong "there is no credential: name a Secret in github.existingSecret (a token) or githubApp.existingSecret (an App's key), or bring GITHUB_TOKEN by extraEnv or extraEnvFrom" -}}
{{- end -}}
{{- if and .Values.github.existingSecret .Values.githubApp.existingSecret -}}
{{- $wrong = append $wrong "github.existingSecret and githubApp.existingSecret are both given: a token or an App, not both" -}}
{{- end -}}
{{- if and .Values.github.existingSecret $github.app -}}
{{- $wrong = append $wrong "github.existingSecret and config.github.app are both given: a token or an App, not both" -}}
{{- end -}}
{{- if and .Values.githubApp.existingSecret $github.token_file -}}
{{- $wrong = append $wrong "githubApp.existingSecret and config.github.token_file are both given: a token or an App, not both" -}}
{{- end -}}
{{- if and .Values.github.existingSecret $github.token_file (ne ($github.token_file | toString) (printf "%s/token" $secrets)) -}}
{{- $wrong = append $wrong (printf "config.github.token_file is %s, but github.existingSecret is mounted as %s/token: leave token_file out" $github.token_file $secrets) -}}
{{- end -}}
{{- if and .Values.githubApp.existingSecret (not .Values.existingConfigMap) (not (dig "github" "app" "app_id" .Values.githubApp.appId $config)) -}}
{{- $wrong = append $wrong "githubApp.appId is empty: give the App's number or its client id" -}}
{{- end -}}
{{- if and .Values.caBundle.existingConfigMap .Values.caBundle.existingSecret -}}
{{- $wrong = append $wrong "caBundle.existingConfigMap and caBundle.existingSecret are both given: keep one" -}}
{{- end -}}
{{- if regexMatch "^(127\\.|localhost|\\[::1\\])" (include "release-governor.listen" .) -}}
{{- $wrong = append $wrong (printf "config.server.listen is %s, where neither probes nor Prometheus reach it: leave it out" (include "release-governor.listen" .)) -}}
{{- end -}}
{{- if not (hasPrefix "/" (include "release-governor.stateDir" .)) -}}
{{- $wrong = append $wrong (printf "config.state.dir is %s, which cannot be mounted: leave it out, or give an absolute path" (include "release-governor.stateDir" .)) -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- $wrong = append $wrong "ingress.host is empty: name the host" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- $wrong = append $wrong "httpRoute.parentRefs is empty: name the gateway" -}}
{{- end -}}
{{- if $wrong -}}
{{- fail (printf "\n  - %s" (join "\n  - " $wrong)) -}}
{{- end -}}
{{- end -}}
