{{- /* Where people find the suite. */}}
{{- define "outrigger.url" -}}
{{ ternary "https" "http" (not (empty .Values.ingress.issuer)) }}://{{ required "host is missing: the name that people type, such as --set host=tasks.example.org" .Values.host }}
{{- end }}

{{- /* One of the suite's own images: (list $ name). */}}
{{- define "outrigger.image" -}}
{{- $images := (first .).Values.images -}}
{{ required "images.registry is missing: where the images are, such as --set images.registry=registry.example/team" $images.registry }}/{{ last . }}:
{{- required "images.tag is missing: the release, such as --set images.tag=$(git rev-parse --short=12 HEAD)" $images.tag }}
{{- end }}

{{- define "outrigger.settings" -}}
PUBLIC_URL: {{ include "outrigger.url" . }}
COMMIT: {{ .Values.images.tag | quote }}
{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end }}

{{- /* A change of the settings makes another name, and the pods follow. */}}
{{- define "outrigger.settings-name" -}}
outrigger-{{ include "outrigger.settings" . | sha256sum | trunc 10 }}
{{- end }}
