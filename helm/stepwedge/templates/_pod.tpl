{{/*
What every pod shares. No service links: Kubernetes would set STEPWEDGE_WORKER_PORT=tcp://... for a service named
stepwedge-worker, and the service reads that name as its own setting.
*/}}
{{- define "stepwedge.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  {{- with .Values.podSecurity.runAsUser }}
  runAsUser: {{ . | toJson }}
  {{- end }}
  {{- with .Values.podSecurity.runAsGroup }}
  runAsGroup: {{ . | toJson }}
  {{- end }}
  {{- with .Values.podSecurity.fsGroup }}
  fsGroup: {{ . | toJson }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "stepwedge.container" -}}
image: {{ include "stepwedge.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Where the pods of a Deployment may run. Argument: (list $ "gateway"). */}}
{{- define "stepwedge.placement" -}}
{{- $component := index . 1 -}}
{{- with index (index . 0).Values $component -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
topologySpreadConstraints:
  {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "stepwedge.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}

{{/*
Probes of one port named http. While Postgres is away the gateway stays in service: its spool takes the answers. With mutual TLS they ask
only whether the port is open: the kubelet has no certificate. Argument: (list longest-start-in-seconds scheme mutual).
*/}}
{{- define "stepwedge.probes" -}}
{{- $scheme := index . 1 -}}
{{- $mutual := index . 2 -}}
startupProbe:
  {{- include "stepwedge.question" (list "/livez" $scheme $mutual) | nindent 2 }}
  periodSeconds: 2
  failureThreshold: {{ div (add (index . 0) 1) 2 }}
livenessProbe:
  {{- include "stepwedge.question" (list "/livez" $scheme $mutual) | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  {{- include "stepwedge.question" (list "/readyz?exclude=postgres" $scheme $mutual) | nindent 2 }}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end }}

{{- define "stepwedge.question" -}}
{{- if index . 2 -}}
tcpSocket: {port: http}
{{- else -}}
httpGet: {path: {{ index . 0 | quote }}, port: http{{ if eq (index . 1) "HTTPS" }}, scheme: HTTPS{{ end }}}
{{- end -}}
{{- end }}
