{{/* The chart's name, or its override. */}}
{{- define "release-governor.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/*
The name of all objects that the chart creates. It has at most 52 characters: Kubernetes labels a
StatefulSet's pods with its name, a dash and ten digits, and a label has at most 63.
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

{{/* The selector of the governor's pod. It contains no version, because selectors are immutable. */}}
{{- define "release-governor.selectorLabels" -}}
app.kubernetes.io/name: {{ include "release-governor.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end -}}

{{/* The labels of all objects, merged with `extra`. */}}
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

{{/* `annotations:` with the common annotations and `extra`, or nothing. */}}
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
The image. `global.imageRegistry` replaces the registry in `image.repository`, which is the part before the
first slash if that part is a host.
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
`imagePullSecrets:` with the global ones first, or nothing. Umbrella charts set the global ones as objects or
as plain names.
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

{{/* The directory of the ledger and of the command socket. */}}
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

{{/* The directory where Secrets are mounted. */}}
{{- define "release-governor.secretsDir" -}}/var/run/secrets/github{{- end -}}

{{/* The keys of `github` that the chart sets. */}}
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

{{/* The configuration: the given values, merged over those that the chart sets. */}}
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

{{/* Whether to create a NetworkPolicy. The default is yes if the Service is reachable from outside. */}}
{{- define "release-governor.hasNetworkPolicy" -}}
{{- $enabled := .Values.networkPolicy.enabled -}}
{{- if ternary (ne .Values.service.type "ClusterIP") $enabled (kindIs "invalid" $enabled) -}}
true
{{- end -}}
{{- end -}}

{{/* The ports of GitHub: the given ports, and those of the proxy and of the API address. */}}
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
A string of `extraObjects`, as `{value: …}` in JSON. It is a template if it refers to Helm. Otherwise it is not
changed, because its braces are for another tool (Prometheus, Grafana, External Secrets).
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
A part of `extraObjects`, as `{value: …}` in JSON, with every string in it as above. A number in the values of
an umbrella chart has a type of its own, whose kind is string.
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

{{/* Whether an environment variable of the pod may provide a token or an App's key. */}}
{{- define "release-governor.hasCredential" -}}
{{- $github := .Values.config.github | default dict -}}
{{- if or .Values.github.existingSecret .Values.githubApp.existingSecret $github.token_file $github.app .Values.extraEnv .Values.extraEnvFrom .Values.existingConfigMap -}}
true
{{- end -}}
{{- end -}}
