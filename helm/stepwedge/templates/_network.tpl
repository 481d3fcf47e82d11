{{/* Peers of a rule; an empty list says nothing, which is everybody. Argument: (list "from" peers). */}}
{{- define "stepwedge.peers" -}}
{{- with index . 1 }}
{{ index $ 0 }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Argument: values of one destination, {to, ports}. */}}
{{- define "stepwedge.destination" -}}
- ports:
    {{- range .ports }}
    - port: {{ . }}
    {{- end }}
  {{- include "stepwedge.peers" (list "to" .to) | nindent 2 }}
{{- end }}

{{- define "stepwedge.names" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end }}
