// What reads the dashboards by Grafana's own schema, which is Apache-2.0; Grafana itself is not needed.
module outrigger.dev/grafana-schema

go 1.26.5

require github.com/grafana/grafana-foundation-sdk/go v0.0.22
