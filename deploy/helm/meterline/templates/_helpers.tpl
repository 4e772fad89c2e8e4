{{- define "meterline.name" -}}
{{- $name := .Release.Name }}
{{- if not (contains "meterline" $name) }}{{ $name = printf "%s-meterline" $name }}{{ end }}
{{- $name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "meterline.selector" -}}
app.kubernetes.io/name: meterline
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "meterline.labels" -}}
{{ include "meterline.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "meterline.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* What no container needs is taken from it. */}}
{{- define "meterline.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "meterline.secretVariable" -}}
- name: {{ .key }}
  valueFrom: { secretKeyRef: { name: {{ .secret }}, key: {{ .key }} } }
{{- end }}

{{/* What an API and a worker both read. */}}
{{- define "meterline.environment" -}}
{{ include "meterline.secretVariable" (dict "secret" .Values.secrets.database "key" "DATABASE_URL") }}
{{- with .Values.secrets.queue }}
{{ include "meterline.secretVariable" (dict "secret" . "key" "QUEUE_URL") }}
{{- end }}
{{ include "meterline.secretVariable" (dict "secret" .Values.secrets.keys "key" "METERLINE_SECRET_KEY") }}
{{ include "meterline.secretVariable" (dict "secret" .Values.secrets.keys "key" "REPORT_API_KEY") }}
- name: REPORT_API_URL
  value: {{ .Values.config.reportApiUrl | quote }}
{{- range $name, $value := .Values.config.environment }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "meterline.probes" -}}
startupProbe:
  httpGet: { path: /health/live, port: health }
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: { path: /health/live, port: health }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /health/ready, port: health }
  periodSeconds: 10
  timeoutSeconds: 5
{{- end }}

{{/* The parts of a pod that every process has. */}}
{{- define "meterline.pod" -}}
serviceAccountName: {{ include "meterline.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: tmp
    emptyDir: { sizeLimit: 256Mi }
{{- end }}

{{- define "meterline.placement" -}}
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
