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

{{/*
The image. `global.imageRegistry` takes the place of the registry in `image.repository`: the part
before the first slash where that is a host, as for every image reference.
*/}}
{{- define "release-governor.image" -}}
{{- $name := .Values.image.repository -}}
{{- with (.Values.global | default dict).imageRegistry -}}
{{- $name = printf "%s/%s" (trimSuffix "/" .) (regexReplaceAll "^(localhost|[^/]*[.:][^/]*)/" $name "") -}}
{{- end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $name .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/*
`imagePullSecrets:` with the global ones first, or nothing. Umbrella charts give the global ones as
objects or as plain names.
*/}}
{{- define "release-governor.imagePullSecrets" -}}
{{- $names := list -}}
{{- range concat ((.Values.global | default dict).imagePullSecrets | default list) .Values.imagePullSecrets -}}
{{- $names = append $names (ternary . (dict "name" .) (kindIs "map" .)) -}}
{{- end -}}
{{- with $names | uniq -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
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

{{/* Whether there is a network policy; without a word about it, where people outside reach the Service. */}}
{{- define "release-governor.hasNetworkPolicy" -}}
{{- $enabled := .Values.networkPolicy.enabled -}}
{{- if ternary (ne .Values.service.type "ClusterIP") $enabled (kindIs "invalid" $enabled) -}}
true
{{- end -}}
{{- end -}}

{{/* The ports that lead to GitHub: those that are given, and those of the proxy and of the API's address. */}}
{{- define "release-governor.egressPorts" -}}
{{- $ports := list -}}
{{- range .Values.networkPolicy.egressPorts -}}
{{- $ports = append $ports (int .) -}}
{{- end -}}
{{- $github := .Values.config.github | default dict -}}
{{- range list .Values.proxy.httpsProxy $github.api_url -}}
{{- $address := . | default "" | toString -}}
{{- with regexFind "^https?://[^/]*:[0-9]+" $address | regexFind "[0-9]+$" -}}
{{- $ports = append $ports (int .) -}}
{{- else -}}
{{- if hasPrefix "http://" $address -}}
{{- $ports = append $ports 80 -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

{{/*
A text of `extraObjects`, as `{value: …}` in JSON: a template where it refers to Helm, else as it is,
because its braces are then for somebody else (Prometheus, Grafana, External Secrets).
*/}}
{{- define "release-governor.extraText" -}}
{{- $escape := "\\{\\{-?\\s*(`|\"\\{\\{)" -}}
{{- $object := "\\{\\{([^}]*[^\\w)}])?\\.(Release|Values|Chart|Capabilities|Files|Template|Subcharts)\\b" -}}
{{- $function := "\\{\\{([^}]*[\\s(])?-?(include|tpl|lookup)\\s+[\"$.(]" -}}
{{- if regexMatch (join "|" (list $escape $object $function)) .value -}}
{{- dict "value" (tpl .value .context) | toJson -}}
{{- else -}}
{{- dict "value" .value | toJson -}}
{{- end -}}
{{- end -}}

{{/*
A part of `extraObjects`, as `{value: …}` in JSON, with every text in it as above. A number in the
values of an umbrella chart is of a type of its own, which is of the kind of a string.
*/}}
{{- define "release-governor.extraValue" -}}
{{- $context := .context -}}
{{- if typeIs "string" .value -}}
{{- include "release-governor.extraText" . -}}
{{- else if kindIs "map" .value -}}
{{- $made := dict -}}
{{- range $key, $value := .value -}}
{{- $key = (include "release-governor.extraText" (dict "value" $key "context" $context) | fromJson).value -}}
{{- $_ := set $made $key (include "release-governor.extraValue" (dict "value" $value "context" $context) | fromJson).value -}}
{{- end -}}
{{- dict "value" $made | toJson -}}
{{- else if kindIs "slice" .value -}}
{{- $made := list -}}
{{- range .value -}}
{{- $made = append $made (include "release-governor.extraValue" (dict "value" . "context" $context) | fromJson).value -}}
{{- end -}}
{{- dict "value" $made | toJson -}}
{{- else -}}
{{- dict "value" .value | toJson -}}
{{- end -}}
{{- end -}}

{{/* Whether any of the pod's variables may bring a token or an App's key. */}}
{{- define "release-governor.hasCredential" -}}
{{- $github := .Values.config.github | default dict -}}
{{- if or .Values.github.existingSecret .Values.githubApp.existingSecret $github.token_file $github.app .Values.extraEnv .Values.extraEnvFrom .Values.existingConfigMap -}}
true
{{- end -}}
{{- end -}}
