{{- define "answerback.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "answerback.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "answerback.labels" -}}
{{ include "answerback.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "answerback.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- /* What is in the image does not say which code a worker runs if that is in a ConfigMap, or if the tag is moved. */ -}}
{{- define "answerback.version" -}}
{{- with .Values.image -}}
{{- $tag := .tag | default $.Chart.AppVersion }}
{{- if and (not $.Values.agents.configMap) (or .digest (ne $tag "latest")) }}
{{- .digest | trimPrefix "sha256:" | default $tag | trunc 64 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "answerback.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "answerback.name" .) }}
{{- end }}

{{- /* SHUTDOWN_GRACE_SECONDS, and 10 s in which the process ends. */ -}}
{{- define "answerback.terminationGracePeriodSeconds" -}}
{{ add (ceil .Values.shutdownGraceSeconds) 10 }}
{{- end }}

{{- /* The settings of a component: the ConfigMap, and what the chart decides. */ -}}
{{- define "answerback.environment" -}}
envFrom:
  - configMapRef:
      name: {{ include "answerback.name" .root }}-{{ .component }}
env:
  {{- with .root.Values.redis }}
  {{- if .secret.name }}
  - name: REDIS_URL_FILE
    value: /run/secrets/redis/{{ .secret.key }}
  {{- else if .trial.enabled }}
  - name: REDIS_URL
    value: redis://{{ include "answerback.name" $.root }}-redis:6379
  {{- else }}
  - name: REDIS_URL
    value: {{ .url | quote }}
  {{- end }}
  {{- end }}
  {{- range .variables }}
  - name: {{ . }}_FILE
    value: /run/secrets/answerback/{{ . }}
  {{- end }}
{{- end }}

{{- define "answerback.mounts" -}}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- if .root.Values.agents.configMap }}
  - name: agents
    mountPath: /app
    readOnly: true
  {{- end }}
  {{- if .variables }}
  - name: secrets
    mountPath: /run/secrets/answerback
    readOnly: true
  {{- end }}
  {{- if .root.Values.redis.secret.name }}
  - name: redis
    mountPath: /run/secrets/redis
    readOnly: true
  {{- end }}
{{- end }}

{{- define "answerback.volumes" -}}
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: 256Mi
  {{- with .root.Values.agents.configMap }}
  - name: agents
    configMap:
      name: {{ . }}
  {{- end }}
  {{- if .variables }}
  - name: secrets
    secret:
      secretName: {{ .root.Values.secret.name }}
      defaultMode: 0440
      items:
        {{- range .variables }}
        - key: {{ . }}
          path: {{ . }}
        {{- end }}
  {{- end }}
  {{- with .root.Values.redis.secret }}
  {{- if .name }}
  - name: redis
    secret:
      secretName: {{ .name }}
      defaultMode: 0440
      items:
        - key: {{ .key }}
          path: {{ .key }}
  {{- end }}
  {{- end }}
{{- end }}

{{- define "answerback.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "answerback.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- define "answerback.podMetadata" -}}
annotations:
  # A change of the settings restarts the pods.
  checksum/settings: {{ include (print .root.Template.BasePath "/settings.yaml") .root | sha256sum }}
  {{- with .values.annotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
labels:
  {{- include "answerback.labels" . | nindent 2 }}
{{- end }}

{{- define "answerback.placement" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "answerback.selector" . | nindent 8 }}
{{- end }}

{{- /* What values.schema.json cannot say. */ -}}
{{- define "answerback.validate" -}}
{{- $redis := .Values.redis }}
{{- $chosen := 0 }}
{{- range list $redis.url $redis.secret.name $redis.trial.enabled }}{{ if . }}{{ $chosen = add1 $chosen }}{{ end }}{{ end }}
{{- if ne (int $chosen) 1 }}
{{- fail "\n\nredis: set one of redis.url, redis.secret.name and redis.trial.enabled.\n" }}
{{- end }}
{{- if regexMatch "://[^/@]*:[^/@]*@" $redis.url }}
{{- fail "\n\nredis.url: has a password. Put the URL into a Secret, and name that in redis.secret.\n" }}
{{- end }}
{{- range concat .Values.secret.ingress .Values.secret.worker }}
{{- if hasSuffix "_FILE" . }}
{{- fail (printf "\n\nsecret: list %s, not %s: the chart mounts the file and names it.\n" (trimSuffix "_FILE" .) .) }}
{{- end }}
{{- end }}
{{- if and (or .Values.secret.ingress .Values.secret.worker) (not .Values.secret.name) }}
{{- fail "\n\nsecret: secret.ingress or secret.worker lists variables: set secret.name, the Secret that has them.\n" }}
{{- end }}
{{- range $name := concat (keys .Values.settings) (keys .Values.ingress.settings) (keys .Values.worker.settings) }}
{{- $owner := get (dict "SHUTDOWN_GRACE_SECONDS" "shutdownGraceSeconds" "DRAIN_SECONDS" "ingress.drainSeconds"
  "TRUSTED_PROXIES" "ingress.trustedProxies" "WORKER_CONCURRENCY" "worker.concurrency" "METRICS_PORT" "metrics.port"
  "WORKER_METRICS_PORT" "metrics.port" "REDIS_URL" "redis" "HOST" "nothing: it is 0.0.0.0" "PORT" "nothing: it is 8080") $name }}
{{- if $owner }}
{{- fail (printf "\n\nsettings: %s is set by the chart, from %s.\n" $name $owner) }}
{{- end }}
{{- end }}
{{- if ge (float64 .Values.ingress.drainSeconds) (float64 .Values.shutdownGraceSeconds) }}
{{- fail "\n\ningress.drainSeconds is part of shutdownGraceSeconds: it must be less.\n" }}
{{- end }}
{{- end }}
