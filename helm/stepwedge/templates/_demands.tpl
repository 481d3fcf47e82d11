{{/* What a schema can say only cryptically: a release that could not work is refused, with the value to set. */}}
{{- define "stepwedge.demands" -}}
{{- with .Values.database }}
{{- if eq (empty .existingSecret.name) (empty .cloudNativePG.cluster) }}
{{- fail "database: set exactly one of database.existingSecret.name and database.cloudNativePG.cluster" }}
{{- end }}
{{- if and (hasPrefix "verify-" .tls.mode) (not .cloudNativePG.cluster) (not .tls.caSecret.name) }}
{{- fail "database: database.tls.mode verifies the server; set database.tls.caSecret.name to the secret that holds its authority" }}
{{- end }}
{{- end }}
{{- if not .Values.pseudonyms.existingSecret.name }}
{{- fail "pseudonyms: set pseudonyms.existingSecret.name to the secret that holds the key (README.md shows how to make it)" }}
{{- end }}
{{- with .Values.objects }}
{{- $places := list (not (empty .url)) (not (empty .volume.existingClaim)) .volume.create }}
{{- if ne (len (without $places false)) 1 }}
{{- fail "objects: set exactly one of objects.url, objects.volume.existingClaim and objects.volume.create" }}
{{- end }}
{{- $several := or $.Values.gateway.autoscaling.enabled (gt (int $.Values.gateway.replicas) 1) }}
{{- if and .volume.create $several (not (has "ReadWriteMany" .volume.accessModes)) }}
{{- fail "objects: several gateways share the folder; set objects.volume.accessModes to [ReadWriteMany], use objects.url, or run one gateway" }}
{{- end }}
{{- end }}
{{- with .Values.webhook }}
{{- if and (or .existingSecret.urlKey .existingSecret.signingKey) (not .existingSecret.name) }}
{{- fail "webhook: set webhook.existingSecret.name to the secret that holds its keys" }}
{{- end }}
{{- if and .url .existingSecret.urlKey }}
{{- fail "webhook: set one of webhook.url and webhook.existingSecret.urlKey" }}
{{- end }}
{{- end }}
{{- with .Values.pacs }}
{{- if and .existingSecret.authorizationKey (not .existingSecret.name) }}
{{- fail "pacs: set pacs.existingSecret.name to the secret that holds authorizationKey" }}
{{- end }}
{{- if and .existingSecret.authorizationKey (not .url) }}
{{- fail "pacs: set pacs.url, the root of the DICOMweb service that the secret is for" }}
{{- end }}
{{- end }}
{{- with .Values.results }}
{{- if and .existingSecret.signingKey (not .existingSecret.name) }}
{{- fail "results: set results.existingSecret.name to the secret that holds signingKey" }}
{{- end }}
{{- end }}
{{- with .Values.tls }}
{{- if and .clientCaSecret.name (not .existingSecret.name) }}
{{- fail "tls: set tls.existingSecret.name; callers can show a certificate only to a gateway that has one" }}
{{- end }}
{{- end }}
{{- with .Values.gateway }}
{{- if le (int .terminationGracePeriodSeconds) (int .drainSeconds) }}
{{- fail "gateway: terminationGracePeriodSeconds must be longer than drainSeconds, or requests under way are cut off" }}
{{- end }}
{{- if and .autoscaling.enabled (gt (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas)) }}
{{- fail "gateway: autoscaling.minReplicas is more than autoscaling.maxReplicas" }}
{{- end }}
{{- end }}
{{- with .Values.ingress }}
{{- if and .enabled (not .hosts) }}
{{- fail "ingress: name at least one host in ingress.hosts" }}
{{- end }}
{{- if and .enabled (eq (empty .tls.secretName) (not .tls.elsewhere)) }}
{{- fail "ingress: films carry patients; set ingress.tls.secretName, or ingress.tls.elsewhere=true where a load balancer before it holds the certificate" }}
{{- end }}
{{- end }}
{{- end }}
