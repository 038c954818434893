//! The manifests of what watches: Prometheus, Grafana, Loki with its collector, Zipkin. Grafana and Loki themselves are not started here: what is
//! compared is that each file finds what it names, that no password is in any, and that all of them have their place in the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::recorder::{Scratch, said};

use crate::cluster::{name, of_kind, quantity, rendered};
use crate::workspace::{files, root};

const PARTS: [&str; 4] = ["prometheus", "grafana", "loki", "zipkin"];
/// What all of it may take of the free machine: 1.5 GB, as Kubernetes counts.
const MEMORY: &str = "1536Mi";
/// The labels of a line. Whatever has more values stands beside it.
const LABELS: [&str; 4] = ["app", "pod", "container", "level"];

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// What keeps pods.
fn workloads(objects: &[Value]) -> Vec<&Value> {
    ["Deployment", "StatefulSet", "DaemonSet"].into_iter().flat_map(|kind| of_kind(objects, kind)).collect()
}

/// A file of a part, as YAML.
fn file(path: &str) -> Result<Value> {
    let text = std::fs::read_to_string(root()?.join("monitoring").join(path)).with_context(|| path.to_owned())?;
    serde_yaml_ng::from_str(&text).with_context(|| path.to_owned())
}

/// Each pod is bounded, may do nothing that it does not need, and the sum of the bounds is the place that monitoring has. Seen red: Loki with
/// 512Mi, Grafana without a limit, a collector with a volume of the node.
#[test]
fn contract_all_that_watches_fits_beside_the_suite_and_has_no_rights() -> Result<()> {
    let (mut memory, mut pods) = (0.0, 0);
    for part in PARTS {
        for workload in workloads(&rendered(&format!("monitoring/{part}"))?) {
            let (who, pod) = (name(workload), &workload["spec"]["template"]["spec"]);
            let copies = workload["spec"]["replicas"].as_f64().unwrap_or(1.0);
            ensure!(workload["kind"] != "DaemonSet", "{who} runs as often as there are machines");
            ensure!(pod["securityContext"]["runAsNonRoot"] == true, "{who}: {pod}");
            ensure!(pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", "{who}: {pod}");
            ensure!(list(&pod["volumes"]).iter().all(|volume| volume["hostPath"].is_null()), "{who} reaches into the node");
            for container in list(&pod["containers"]) {
                let rights = &container["securityContext"];
                ensure!(
                    rights["readOnlyRootFilesystem"] == true && rights["allowPrivilegeEscalation"] == false,
                    "{who}: {rights}"
                );
                ensure!(rights["capabilities"]["drop"][0] == "ALL", "{who}: {rights}");
                let limit = container["resources"]["limits"]["memory"].as_str().with_context(|| format!("{who} has no limit"))?;
                memory += quantity(limit)? * copies;
                // Every file that it is given is there.
                for mount in list(&container["volumeMounts"]) {
                    let claims = list(&workload["spec"]["volumeClaimTemplates"]);
                    let is_there = list(&pod["volumes"]).iter().any(|volume| volume["name"] == mount["name"])
                        || claims.iter().any(|claim| claim["metadata"]["name"] == mount["name"]);
                    ensure!(is_there, "{who} has no volume {mount}");
                }
                pods += 1;
            }
        }
    }
    ensure!(pods == 5 && memory <= quantity(MEMORY)?, "{pods} pods may take {} MiB", memory / 1024.0 / 1024.0);
    Ok(())
}

/// Where a part listens, by its service's name.
fn services() -> Result<BTreeMap<String, u64>> {
    let mut services = BTreeMap::new();
    for part in PARTS {
        for service in of_kind(&rendered(&format!("monitoring/{part}"))?, "Service") {
            services.insert(name(service).to_owned(), service["spec"]["ports"][0]["port"].as_u64().unwrap_or_default());
        }
    }
    Ok(services)
}

/// Seen red: a dashboard that the kustomization does not name, another uid of the source, the password as a value, a provider that reads
/// another folder.
#[test]
fn contract_grafana_begins_with_its_sources_and_dashboards_and_a_password_from_a_secret() -> Result<()> {
    let (objects, services) = (rendered("monitoring/grafana")?, services()?);
    let maps: BTreeMap<&str, &Value> = of_kind(&objects, "ConfigMap").into_iter().map(|map| (name(map), &map["data"])).collect();
    let pod = &of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    // What lies at a path of its file system.
    let at = |path: &str| -> Result<&Value> {
        let mount = list(&container["volumeMounts"]).iter().find(|mount| mount["mountPath"] == path);
        let volume = mount.and_then(|mount| list(&pod["volumes"]).iter().find(|volume| volume["name"] == mount["name"]));
        let map = volume.and_then(|volume| volume["configMap"]["name"].as_str()).with_context(|| format!("nothing at {path}"))?;
        Ok(maps[map])
    };

    let sources: Value = serde_yaml_ng::from_str(text(at("/etc/grafana/provisioning/datasources")?, "sources.yaml"))?;
    let mut uids = BTreeSet::new();
    for source in list(&sources["datasources"]) {
        let (host, port) = text(source, "url").trim_start_matches("http://").split_once(':').context("a port")?;
        let service = host.split('.').next().unwrap_or_default();
        ensure!(services.get(service) == port.parse().ok().as_ref(), "{source}: no such service among {services:?}");
        ensure!(source["editable"] == false && uids.insert(text(source, "uid")), "{source}");
    }
    let providers: Value = serde_yaml_ng::from_str(text(at("/etc/grafana/provisioning/dashboards")?, "providers.yaml"))?;
    let folder = providers["providers"][0]["options"]["path"].as_str().context("a folder")?;
    let shown = at(folder)?;

    let kept = files(&root()?.join("monitoring/grafana/dashboards"), ".json")?;
    ensure!(shown.as_object().map(serde_json::Map::len) == Some(kept.len()) && kept.len() >= 4, "{kept:?}");
    let mut ids = BTreeSet::new();
    for path in kept {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let dashboard: Value = serde_json::from_str(text(shown, &file)).with_context(|| file.clone())?;
        ensure!(
            format!("{}.json", text(&dashboard, "uid")) == file && ids.insert(file.clone()),
            "{file} is {}",
            dashboard["uid"]
        );
        for panel in list(&dashboard["panels"]) {
            ensure!(uids.contains(text(&panel["datasource"], "uid")), "{file}: {} reads nowhere", panel["title"]);
        }
    }

    for variable in list(&container["env"]) {
        let is_secret = text(variable, "name").contains("ADMIN");
        let reference = &variable["valueFrom"]["secretKeyRef"];
        ensure!(!is_secret || (reference["name"] == "grafana-admin" && variable["value"].is_null()), "{variable}");
    }
    let names: BTreeSet<&str> = list(&container["env"]).iter().map(|variable| text(variable, "name")).collect();
    ensure!(names.contains("GF_SECURITY_ADMIN_PASSWORD") && of_kind(&objects, "Secret").is_empty(), "{names:?}");
    Ok(())
}

/// Seen red: the id as a label, a collector that reads every namespace, a retention without a compactor.
#[test]
fn contract_loki_has_few_labels_an_id_beside_each_line_and_an_end() -> Result<()> {
    let collector = std::fs::read_to_string(root()?.join("monitoring/loki/collector.alloy"))?;
    let block = |name: &str| -> Result<&str> {
        let (_, rest) = collector.split_once(&format!("{name} {{")).with_context(|| name.to_owned())?;
        Ok(rest.split_once("\n  }").with_context(|| name.to_owned())?.0)
    };
    let words = |text: &str| -> BTreeSet<String> {
        text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let mut labels: BTreeSet<String> = collector
        .lines()
        .filter_map(|line| line.trim().strip_prefix("target_label")?.split('"').nth(1).map(str::to_owned))
        .collect();
    labels.extend(words(block("stage.labels")?).into_iter().filter(|word| word != "values"));
    ensure!(labels == LABELS.map(str::to_owned).into(), "{labels:?}");
    let beside = words(block("stage.structured_metadata")?);
    ensure!(beside.contains("correlation_id") && beside.contains("trace_id"), "{beside:?}");
    ensure!(collector.contains("namespaces { names = [\"outrigger\"] }"), "it reads other namespaces, too");
    let pushed = collector.split("url = \"").nth(1).and_then(|rest| rest.split('"').next()).context("where it pushes")?;
    let port = file("loki/loki.yaml")?["server"]["http_listen_port"].clone();
    ensure!(pushed == format!("http://loki:{port}/loki/api/v1/push") && services()?["loki"] == port, "{pushed}");

    let loki = file("loki/loki.yaml")?;
    let (limits, schema) = (&loki["limits_config"], &loki["schema_config"]["configs"][0]);
    // What stands beside a line needs this schema.
    ensure!(limits["allow_structured_metadata"] == true && schema["schema"] == "v13" && schema["store"] == "tsdb", "{loki}");
    ensure!(limits["max_label_names_per_series"].as_u64() >= Some(LABELS.len() as u64), "{limits}");
    ensure!(limits["retention_period"] == "168h" && loki["compactor"]["retention_enabled"] == true, "nothing ends: {loki}");
    ensure!(loki["compactor"]["delete_request_store"] == schema["object_store"], "{loki}");
    let kept = &of_kind(&rendered("monitoring/loki")?, "StatefulSet")[0]["spec"]["template"]["spec"]["containers"][0].clone();
    let data = list(&kept["volumeMounts"])
        .iter()
        .any(|mount| mount["name"] == "data" && mount["mountPath"] == loki["common"]["path_prefix"]);
    ensure!(data, "what it keeps is not on its volume: {kept}");

    // It may read pods and their lines there, and nothing else anywhere.
    let objects = rendered("monitoring/loki")?;
    ensure!(
        of_kind(&objects, "ClusterRole").is_empty() && of_kind(&objects, "ClusterRoleBinding").is_empty(),
        "rights everywhere"
    );
    let role = of_kind(&objects, "Role")[0];
    ensure!(role["metadata"]["namespace"] == "outrigger", "{role}");
    for rule in list(&role["rules"]) {
        let known =
            |value: &Value, known: &[&str]| list(value).iter().all(|each| known.contains(&each.as_str().unwrap_or_default()));
        ensure!(known(&rule["resources"], &["pods", "pods/log"]) && known(&rule["verbs"], &["get", "list", "watch"]), "{rule}");
    }
    Ok(())
}

/// Zipkin is where sidecars and apps report to, and the local overlay has that very one. Seen red: another port in zipkin.yaml.
#[test]
fn contract_zipkin_is_where_sidecars_and_apps_report_to() -> Result<()> {
    let (alone, local) = (rendered("monitoring/zipkin")?, rendered("k8s/local")?);
    let port = services()?["zipkin"];
    for configuration in of_kind(&local, "Configuration") {
        let endpoint = &configuration["spec"]["tracing"]["zipkin"]["endpointAddress"];
        ensure!(*endpoint == format!("http://zipkin:{port}/api/v2/spans"), "{}: {endpoint}", name(configuration));
    }
    let told = of_kind(&local, "ConfigMap").into_iter().filter_map(|map| map["data"]["ZIPKIN_URL"].as_str()).collect::<Vec<_>>();
    ensure!(told == [format!("http://zipkin:{port}/api/v2/spans")], "{told:?}");
    for mut object in alone {
        object["metadata"]["namespace"] = "outrigger".into();
        ensure!(local.contains(&object), "k8s/local has another {} {}", object["kind"], name(&object));
    }
    Ok(())
}

/// What is broken in a copy of a dashboard, and what has to be said of it.
const FAULTS: [(&str, &str, &str); 7] = [
    ("\"expr\"", "\"exprr\"", "/panels/0/targets/0/exprr is not known"),
    ("\"unit\"", "\"units\"", "/panels/0/fieldConfig/defaults/units is not known"),
    ("\"type\": \"timeseries\"", "\"type\": \"timeserie\"", "no panel is a timeserie"),
    ("\"type\": \"prometheus\"", "\"type\": \"prometeus\"", "a query of no kind that it knows"),
    ("\"refresh\"", "\"refersh\"", "unexpected field 'refersh'"),
    ("\"showLegend\": true", "\"showLegend\": \"yes\"", "options.legend.showLegend: json: cannot unmarshal string"),
    ("\"calcs\": []", "\"calc\": []", "options.legend.calcs: required field is missing"),
];

/// By the schema that Grafana publishes of itself; Grafana itself does not run here. Tried: each of the checks of
/// `scripts/grafana-schema/main.go` taken out (the strict reading, the kinds, what is lost), and its verdict.
#[test]
fn contract_grafana_understands_every_word_of_the_dashboards_and_refuses_a_misspelt_one() -> Result<()> {
    // With the real home, where the schema is kept: it is built once a machine.
    let check = |files: &[PathBuf]| -> Result<(bool, String)> {
        let output = Command::new(root()?.join("scripts/check-dashboards.sh")).args(files).output()?;
        Ok((output.status.success(), said(&output)))
    };
    let (well, says) = check(&[])?;
    ensure!(well && says.matches("ok    ").count() == 4, "{says}");
    let scratch = Scratch::new()?;
    let text = std::fs::read_to_string(root()?.join("monitoring/grafana/dashboards/task-operations.json"))?;
    for (right, wrong, words) in FAULTS {
        ensure!(text.contains(right), "no {right} any more");
        let file = scratch.path("broken.json");
        std::fs::write(&file, text.replace(right, wrong))?;
        let (well, says) = check(&[file])?;
        ensure!(!well && says.contains(words), "{wrong} is not refused by {words:?}: {says}");
    }
    Ok(())
}
