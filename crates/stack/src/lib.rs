//! Starts and stops the real parts from dapr.yaml: PostgreSQL, Redis, Kafka, Zipkin, daprd, apps.
