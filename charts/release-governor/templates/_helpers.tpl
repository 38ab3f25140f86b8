{{/* The chart's name, or its override. */}}
{{- define "release-governor.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/*
The name of all that the chart makes. At most 52 characters: Kubernetes labels a StatefulSet's pods
with its name, a dash and ten digits, and a label has 63.
*/}}
{{- define "release-governor.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What selects the governor's pod. Never changes with a version: selectors are immutable. */}}
{{- define "release-governor.selectorLabels" -}}
app.kubernetes.io/name: {{ include "release-governor.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end -}}

{{/* Labels of everything, with those given as `extra`. */}}
{{- define "release-governor.labels" -}}
{{- $context := .context -}}
{{- $own := include "release-governor.selectorLabels" $context | fromYaml -}}
{{- $own = merge (dict
    "helm.sh/chart" (printf "%s-%s" $context.Chart.Name $context.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
    "app.kubernetes.io/version" ($context.Chart.AppVersion | replace "+" "_" | trunc 63)
    "app.kubernetes.io/managed-by" $context.Release.Service
    "app.kubernetes.io/part-of" "release-governor"
  ) $own -}}
{{- $own = mergeOverwrite $own (.own | default dict) -}}
{{- mergeOverwrite (dict) $context.Values.commonLabels (.extra | default dict) $own | toYaml -}}
{{- end -}}

{{/* `annotations:` with those of everything and those given as `extra`, or nothing. */}}
{{- define "release-governor.annotations" -}}
{{- $all := mergeOverwrite (dict) .context.Values.commonAnnotations (.extra | default dict) -}}
{{- with $all -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "release-governor.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "release-governor.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "release-governor.image" -}}
{{- $name := .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $name .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The directory of the ledger and of the commands' socket. */}}
{{- define "release-governor.stateDir" -}}
{{- dig "state" "dir" "/var/lib/release-governor" .Values.config -}}
{{- end -}}

{{- define "release-governor.listen" -}}
{{- dig "server" "listen" "0.0.0.0:8080" .Values.config -}}
{{- end -}}

{{/* The port that the program listens on. */}}
{{- define "release-governor.port" -}}
{{- include "release-governor.listen" . | regexFind "[0-9]+$" | default "8080" -}}
{{- end -}}

{{/* Where what is secret is mounted: files that the configuration names. */}}
{{- define "release-governor.secretsDir" -}}/var/run/secrets/github{{- end -}}

{{/* What the chart knows of `github`. */}}
{{- define "release-governor.github" -}}
{{- $github := dict -}}
{{- $secrets := include "release-governor.secretsDir" . -}}
{{- if .Values.github.existingSecret -}}
{{- $_ := set $github "token_file" (printf "%s/token" $secrets) -}}
{{- end -}}
{{- if .Values.githubApp.existingSecret -}}
{{- $app := dict "private_key_file" (printf "%s/app.pem" $secrets) -}}
{{- if .Values.githubApp.appId -}}
{{- $_ := set $app "app_id" .Values.githubApp.appId -}}
{{- end -}}
{{- if .Values.githubApp.installationId -}}
{{- $_ := set $app "installation_id" .Values.githubApp.installationId -}}
{{- end -}}
{{- $_ := set $github "app" $app -}}
{{- end -}}
{{- if or .Values.caBundle.existingConfigMap .Values.caBundle.existingSecret -}}
{{- $_ := set $github "ca_file" "/etc/release-governor-ca/ca.pem" -}}
{{- end -}}
{{- toYaml $github -}}
{{- end -}}

{{/* The configuration: what is given, and what the chart knows where nothing is. */}}
{{- define "release-governor.config" -}}
{{- $known := dict
    "state" (dict "dir" (include "release-governor.stateDir" .))
    "server" (dict "listen" (include "release-governor.listen" .))
-}}
{{- with include "release-governor.github" . | fromYaml -}}
{{- $_ := set $known "github" . -}}
{{- end -}}
{{- mergeOverwrite $known (deepCopy .Values.config) | toYaml -}}
{{- end -}}

{{- define "release-governor.configMapName" -}}
{{- default (printf "%s-config" (include "release-governor.fullname" .)) .Values.existingConfigMap -}}
{{- end -}}

{{- define "release-governor.configFile" -}}
{{- ternary .Values.existingConfigMapKey "release-governor.yaml" (not (empty .Values.existingConfigMap)) -}}
{{- end -}}

{{/* Whether any of the pod's variables may bring a token or an App's key. */}}
{{- define "release-governor.hasCredential" -}}
{{- $github := .Values.config.github | default dict -}}
{{- if or .Values.github.existingSecret .Values.githubApp.existingSecret $github.token_file $github.app .Values.extraEnv .Values.extraEnvFrom .Values.existingConfigMap -}}
true
{{- end -}}
{{- end -}}

{{/* What the values' schema cannot say, all of it at once. */}}
{{- define "release-governor.validate" -}}
{{- $wrong := list -}}
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
