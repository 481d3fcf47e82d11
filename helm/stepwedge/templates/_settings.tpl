{{/*
The service's settings as plain environment entries rather than a ConfigMap: a pod of the old ReplicaSet that restarts
during an upgrade keeps the settings that it was deployed with, and a change rolls the pods by itself.
toJson, because Helm prints large integers as 1.34217728e+08.
*/}}
{{- define "stepwedge.settings" -}}
- name: STEPWEDGE_HOST
  value: {{ .Values.listenAddress | quote }}
- name: STEPWEDGE_DATA_DIR
  value: /var/lib/stepwedge
{{- range $name, $value := .Values.settings }}
- name: {{ printf "STEPWEDGE_%s" (upper $name) }}
  value: {{ ternary $value (toJson $value) (kindIs "string" $value) | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "stepwedge.databaseSecret" -}}
{{- with .Values.database -}}
{{- if .cloudNativePG.cluster -}}
name: {{ .cloudNativePG.cluster }}-app
key: uri
{{- else -}}
name: {{ .existingSecret.name }}
key: {{ .existingSecret.key }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "stepwedge.databaseMode" -}}
{{- with .Values.database -}}
{{- default (ternary "verify-full" "" (not (empty .cloudNativePG.cluster))) .tls.mode -}}
{{- end -}}
{{- end }}

{{/* The secret of the certificate authority that signs Postgres; empty where the mode verifies nothing. */}}
{{- define "stepwedge.databaseAuthority" -}}
{{- with .Values.database -}}
{{- if hasPrefix "verify-" (include "stepwedge.databaseMode" $) -}}
{{- default (ternary (printf "%s-ca" .cloudNativePG.cluster) "" (not (empty .cloudNativePG.cluster))) .tls.caSecret.name -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* PGSSLMODE and PGSSLROOTCERT are libpq's own: they hold where the URL does not say otherwise. */}}
{{- define "stepwedge.databaseEnv" -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      {{- include "stepwedge.databaseSecret" . | nindent 6 }}
{{- with include "stepwedge.databaseMode" . }}
- name: PGSSLMODE
  value: {{ . }}
{{- end }}
{{- if include "stepwedge.databaseAuthority" . }}
- name: PGSSLROOTCERT
  value: /var/run/stepwedge/database/ca.crt
{{- end }}
{{- end }}

{{- define "stepwedge.databaseMount" -}}
{{- if include "stepwedge.databaseAuthority" . }}
- name: database-authority
  mountPath: /var/run/stepwedge/database
  readOnly: true
{{- end }}
{{- end }}

{{- define "stepwedge.databaseVolume" -}}
{{- with include "stepwedge.databaseAuthority" . }}
- name: database-authority
  secret:
    secretName: {{ . }}
    defaultMode: 0444
    items:
      - key: {{ $.Values.database.tls.caSecret.key }}
        path: ca.crt
{{- end }}
{{- end }}

{{/* AWS_* are read by s3fs, which the image carries. */}}
{{- define "stepwedge.objectsEnv" -}}
{{- with .Values.objects -}}
- name: STEPWEDGE_OBJECTS
  value: {{ default "/objects" .url }}
{{- if .url }}
{{- with .s3.endpoint }}
- name: AWS_ENDPOINT_URL_S3
  value: {{ . }}
{{- end }}
{{- with .s3.region }}
- name: AWS_DEFAULT_REGION
  value: {{ . }}
{{- end }}
{{- with .s3.existingSecret }}
{{- if .name }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .accessKeyIdKey }}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .secretAccessKeyKey }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "stepwedge.objectsMount" -}}
{{- if include "stepwedge.objectsClaim" . }}
- name: objects
  mountPath: /objects
{{- end }}
{{- end }}

{{- define "stepwedge.objectsVolume" -}}
{{- with include "stepwedge.objectsClaim" . }}
- name: objects
  persistentVolumeClaim:
    claimName: {{ . }}
{{- end }}
{{- end }}

{{- define "stepwedge.webhookEnv" -}}
{{- with .Values.webhook }}
{{- if .existingSecret.urlKey }}
- name: STEPWEDGE_WEBHOOK_URL
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret.name }}
      key: {{ .existingSecret.urlKey }}
{{- else if .url }}
- name: STEPWEDGE_WEBHOOK_URL
  value: {{ .url | quote }}
{{- end }}
{{- with .existingSecret.signingKey }}
- name: STEPWEDGE_WEBHOOK_SECRET
  valueFrom:
    secretKeyRef:
      name: {{ $.Values.webhook.existingSecret.name }}
      key: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "stepwedge.pacsEnv" -}}
{{- with .Values.pacs }}
{{- if .url }}
- name: STEPWEDGE_PACS_URL
  value: {{ .url | quote }}
{{- with .existingSecret.authorizationKey }}
- name: STEPWEDGE_PACS_AUTHORIZATION
  valueFrom:
    secretKeyRef:
      name: {{ $.Values.pacs.existingSecret.name }}
      key: {{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "stepwedge.resultsEnv" -}}
{{- with .Values.results.url }}
- name: STEPWEDGE_RESULTS_URL
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{/* Only the worker signs and sends. */}}
{{- define "stepwedge.resultsSecretEnv" -}}
{{- with .Values.results }}
{{- if .url }}
{{- with .existingSecret.signingKey }}
- name: STEPWEDGE_RESULTS_SECRET
  valueFrom:
    secretKeyRef:
      name: {{ $.Values.results.existingSecret.name }}
      key: {{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "stepwedge.tlsEnv" -}}
{{- with .Values.tls }}
{{- if .existingSecret.name }}
- name: STEPWEDGE_TLS_CERTIFICATE
  value: /var/run/stepwedge/tls/tls.crt
- name: STEPWEDGE_TLS_KEY
  value: /var/run/stepwedge/tls/tls.key
{{- end }}
{{- if .clientCaSecret.name }}
- name: STEPWEDGE_TLS_CLIENT_CA
  value: /var/run/stepwedge/callers/ca.crt
{{- end }}
{{- end }}
{{- end }}

{{- define "stepwedge.tlsMount" -}}
{{- with .Values.tls }}
{{- if .existingSecret.name }}
- name: tls
  mountPath: /var/run/stepwedge/tls
  readOnly: true
{{- end }}
{{- if .clientCaSecret.name }}
- name: callers
  mountPath: /var/run/stepwedge/callers
  readOnly: true
{{- end }}
{{- end }}
{{- end }}

{{- define "stepwedge.tlsVolume" -}}
{{- with .Values.tls }}
{{- with .existingSecret.name }}
- name: tls
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- with .clientCaSecret }}
{{- if .name }}
- name: callers
  secret:
    secretName: {{ .name }}
    defaultMode: 0444
    items:
      - key: {{ .key }}
        path: ca.crt
{{- end }}
{{- end }}
{{- end }}
{{- end }}
