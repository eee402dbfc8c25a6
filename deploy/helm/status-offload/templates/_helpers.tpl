{{- define "offload.name" -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "offload.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "offload.labels" -}}
{{ include "offload.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* Settings of both programs, then of one: a later map wins. Sorted, so that a pod changes only with them. */}}
{{- define "offload.env" -}}
{{- $v := .root.Values -}}
{{- $env := dict "AWS_REGION" $v.region "OFFLOAD_BUCKET" $v.bucket "OFFLOAD_TABLE" $v.table -}}
{{- $queues := dict
  "OFFLOAD_QUEUE_URL" $v.queues.orders
  "OFFLOAD_DEAD_LETTER_QUEUE_URL" $v.queues.deadLetters
  "OFFLOAD_HIGH_QUEUE_URL" $v.queues.high
  "OFFLOAD_LOW_QUEUE_URL" $v.queues.low
  "OFFLOAD_QUIET_QUEUE_URL" $v.queues.quiet
  "OFFLOAD_NOTIFICATIONS_QUEUE_URL" $v.queues.notifications
  "OFFLOAD_NOTIFICATIONS_DEAD_LETTER_QUEUE_URL" $v.queues.notificationsDeadLetters
  "OFFLOAD_WEBHOOKS_QUEUE_URL" $v.queues.webhooks
  "OFFLOAD_WEBHOOK_RETRIES_QUEUE_URL" $v.queues.webhookRetries -}}
{{- range $name, $url := $queues -}}
{{- if $url -}}{{- $_ := set $env $name $url -}}{{- end -}}
{{- end -}}
{{- $_ := set $env "OFFLOAD_SHUTDOWN_GRACE_SECONDS" $v.shutdownGraceSeconds -}}
{{- range $key := .secrets -}}
{{- if has $key $v.secret.keys -}}
{{- $_ := set $env (printf "OFFLOAD_%s_FILE" ($key | upper | replace "-" "_")) (printf "/secrets/%s" $key) -}}
{{- end -}}
{{- end -}}
{{- $env = mergeOverwrite $env .own $v.settings .settings $v.env -}}
{{- $separator := "" -}}
{{- range $name, $value := $env }}
{{- $separator }}- name: {{ $name }}
  {{- $separator = "\n" -}}
  {{- /* A number of YAML is a float, which from a million on would be written with an exponent. */}}
  value: {{ ternary (printf "%.0f" (float64 $value)) (toString $value) (and (kindIs "float64" $value) (eq (toString (floor $value)) (toString $value))) | quote }}
{{- end -}}
{{- end -}}

{{/* Those of a part's secrets that there are. Without any, its pod mounts none: a list of no keys would mean all. */}}
{{- define "offload.secrets" -}}
{{- $items := list -}}
{{- range $key := .secrets -}}
{{- if has $key $.root.Values.secret.keys -}}{{- $items = append $items (dict "key" $key "path" $key) -}}{{- end -}}
{{- end -}}
{{- if $items -}}
- name: secrets
  secret:
    secretName: {{ .root.Values.secret.name }}
    defaultMode: 0440
    items: {{ toYaml $items | nindent 6 }}
{{- end -}}
{{- end -}}

{{/* The same for both pods. */}}
{{- define "offload.pod" -}}
serviceAccountName: {{ include "offload.name" .root }}-{{ .part }}
# Nothing of Kubernetes is called, and no variables are made of its Services.
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  # The group by which the files of the secrets may be read.
  fsGroup: 65532
  seccompProfile: { type: RuntimeDefault }
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{ include "offload.selector" . | nindent 8 }}
{{- with .values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "offload.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}
