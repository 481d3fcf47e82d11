{{- define "stepwedge.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* Forty characters: every suffix of the chart still fits into the 63 of a DNS label. */}}
{{- define "stepwedge.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "stepwedge.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "stepwedge.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* What selects the pods of one component. Argument: (list $ "gateway"). */}}
{{- define "stepwedge.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "stepwedge.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Argument: (list $ "gateway"). */}}
{{- define "stepwedge.labels" -}}
{{- $root := index . 0 -}}
{{ include "stepwedge.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: stepwedge
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "stepwedge.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ printf "%s@%s" .repository .digest }}
{{- else -}}
{{ printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "stepwedge.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "stepwedge.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end }}

{{/* Hooks run before the release's own service account exists. */}}
{{- define "stepwedge.hookServiceAccount" -}}
{{- if .Values.serviceAccount.create -}}default{{- else -}}{{ include "stepwedge.serviceAccount" . }}{{- end -}}
{{- end }}

{{- define "stepwedge.objectsClaim" -}}
{{- with .Values.objects.volume -}}
{{- if .create -}}{{ include "stepwedge.fullname" $ }}-objects{{- else -}}{{ .existingClaim }}{{- end -}}
{{- end -}}
{{- end }}

{{- /* Where an ingress sends a path. */}}
{{- define "stepwedge.gatewayBackend" -}}
service:
  name: {{ include "stepwedge.fullname" . }}-gateway
  port:
    name: http
{{- end }}
