//! From a clone to the suite on a laptop: what `deploy-local.sh` calls, in which order, by which way, and where it stops.

use anyhow::{Result, ensure};

use super::{Clone, apps, same};

const STEPS: [&str; 8] = [
    "setup-minikube",
    "install-k3s",
    "setup-dapr",
    "setup-kafka",
    "build-images",
    "create-local-secrets",
    "database",
    "validate-deployment",
];

/// A clone in which every step of the way only notes that it was taken.
fn steps() -> Result<Clone> {
    let clone = Clone::new()?;
    clone.record_scripts(&STEPS)?;
    clone.record(&["minikube", "loader", "cargo"])?;
    Ok(clone)
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

fn each_app(line: &str) -> Result<Vec<String>> {
    Ok(apps()?.iter().map(|app| line.replace("APP", app)).collect())
}

/// What has an image.
fn each_image(line: &str) -> Result<Vec<String>> {
    let mut lines = each_app(line)?;
    lines.push(line.replace("APP", "outrigger"));
    Ok(lines)
}

/// The servers are ready before the database is made, which is before the apps.
const SERVERS: &str = "kubectl rollout status statefulset/postgres --timeout=180s
    kubectl rollout status statefulset/redis --timeout=180s
    kubectl rollout status deployment/zipkin --timeout=180s
    kubectl rollout status deployment/mailbox --timeout=180s
    database.sh";
const PLACE: &str = "kubectl apply --server-side --force-conflicts -k .run/deploy-place";
/// What the other broker's overlay has left does not stay.
const APPS: &str = "kubectl apply --server-side --force-conflicts -k .run/deploy
    kubectl delete --ignore-not-found role,rolebinding read-outrigger-kafka";
const READY: &str = "kubectl rollout status deployment/APP --timeout=240s";

/// Tried: no wait for servers and no database, images loaded that nobody built, the secrets before Dapr, no wait for the apps.
#[test]
fn contract_one_command_deploys_to_minikube_step_by_step() -> Result<()> {
    for script in ["deploy-local", "deploy-minikube"] {
        let clone = steps()?;
        let says = clone.well(script, &["--tag", "one"])?;
        let expected = [
            lines("setup-minikube.sh\n setup-dapr.sh\n build-images.sh --tag one"),
            each_image("minikube image load outrigger/APP:one")?,
            lines("create-local-secrets.sh"),
            lines(PLACE),
            lines(SERVERS),
            lines(APPS),
            each_app(READY)?,
            lines("validate-deployment.sh"),
        ];
        same(&clone.calls()?, &expected.concat())?;
        ensure!(says.contains("The suite runs."), "{says}");
    }
    Ok(())
}

/// Tried: the caller's KUBECONFIG, of another cluster, instead of the one that k3s wrote; images without `sudo`.
#[test]
fn contract_on_k3s_everything_goes_to_the_cluster_that_was_installed() -> Result<()> {
    let mut clone = steps()?;
    clone.set("KUBECONFIG", "/another/cluster");
    clone.well("deploy-local", &["--tag", "one", "--cluster", "k3s"])?;
    let calls = clone.calls()?;
    ensure!(
        calls[..3] == ["install-k3s.sh --kubeconfig /.kube/k3s.yaml", "setup-dapr.sh", "build-images.sh --tag one"],
        "{calls:#?}"
    );
    for image in each_image("docker save outrigger/APP:one")? {
        ensure!(calls.contains(&image), "{calls:#?}");
    }
    ensure!(calls.iter().filter(|call| *call == "sudo k3s ctr images import -").count() == apps()?.len() + 1, "{calls:#?}");
    let ways = clone.ways()?;
    ensure!(ways.iter().eq(["/.kube/k3s.yaml"]), "{ways:?}");
    Ok(())
}

/// The current context, images as they are or by a loader, Kafka, another image for a server. Tried: the overlay of Redis for both brokers, no
/// Strimzi, a loader without its own arguments, a server's image without its name, apps that are not told their release.
#[test]
fn contract_on_a_cluster_that_is_there_broker_images_and_servers_are_what_was_said() -> Result<()> {
    let clone = steps()?;
    let options = "--cluster existing --tag one --pubsub kafka --load loader\u{a0}--fast --binaries built --server postgres=mirror.example/postgres:17";
    let options: Vec<String> = options.split(' ').map(|word| word.replace('\u{a0}', " ")).collect();
    clone.well("deploy-local", &options.iter().map(String::as_str).collect::<Vec<_>>())?;
    let expected = [
        lines("setup-dapr.sh\n setup-kafka.sh"),
        each_image("loader --fast outrigger/APP:one built/APP")?,
        lines("create-local-secrets.sh"),
        lines(PLACE),
        lines(SERVERS),
        lines(&APPS.replace("read-outrigger-kafka", "read-outrigger-redis-broker")),
        each_app(READY)?,
        lines("validate-deployment.sh"),
    ];
    same(&clone.calls()?, &expected.concat())?;
    let overlays = clone.below("clone/.run")?;
    for (folder, resource) in [("deploy-place", "k8s/local/place"), ("deploy", "k8s/local/kafka")] {
        let text = &overlays[&format!("{folder}/kustomization.yaml")];
        ensure!(text.starts_with(&format!("resources: [../../{resource}]\n")), "{text}");
        for line in each_image("  - { name: outrigger/APP, newTag: 'one' }\n")? {
            ensure!(text.contains(&line), "{text}");
        }
        ensure!(text.contains("  - { name: postgres, newName: mirror.example/postgres, newTag: '17' }\n"), "{text}");
    }
    ensure!(overlays["deploy/kustomization.yaml"].contains("'COMMIT=one'"), "{overlays:#?}");

    // A Kafka that is there: Strimzi is not asked for, and the overlay is the same.
    clone.well("deploy-local", &["--cluster", "existing", "--tag", "one", "--pubsub", "kafka", "--brokers", "kafka:9092"])?;
    let changes = clone.changes()?;
    ensure!(changes[..2] == ["setup-dapr.sh", "create-local-secrets.sh"], "{changes:#?}");
    ensure!(clone.below("clone/.run")?["deploy/kustomization.yaml"].starts_with("resources: [../../k8s/local/kafka]\n"));

    clone.well("deploy-local", &["--cluster", "existing", "--tag", "one"])?;
    let changes = clone.changes()?;
    ensure!(changes[..2] == ["setup-dapr.sh", "create-local-secrets.sh"], "no images are built or loaded: {changes:#?}");
    ensure!(clone.below("clone/.run")?["deploy/kustomization.yaml"].starts_with("resources: [../../k8s/local]\n"));
    Ok(())
}

/// The chart instead of the overlays; the rest is the same. Tried: `--wait`, `redis` for the chart's `local`, an overlay applied beside it, the
/// database before the chart.
#[test]
fn contract_with_helm_the_chart_takes_the_place_of_the_overlays() -> Result<()> {
    let clone = steps()?;
    let chart = |components: &str, more: &str| {
        format!(
            "helm upgrade --install outrigger k8s/helm-charts/outrigger --namespace outrigger --take-ownership \
             --values k8s/helm-charts/outrigger/values-minikube.yaml --set components={components} --set-string images.tag=one{more}"
        )
    };
    let expected = |chart: String, kafka: &str| -> Result<Vec<String>> {
        let first = format!("setup-dapr.sh\n{kafka}\n create-local-secrets.sh\n{chart}");
        Ok([lines(&first), lines(SERVERS), each_app(READY)?, lines("validate-deployment.sh")].concat())
    };
    clone.well("deploy-local", &["--cluster", "existing", "--tag", "one", "--helm"])?;
    same(&clone.calls()?, &expected(chart("local", ""), "")?)?;
    let servers = ["--server", "postgres=mirror.example/postgres:17", "--server", "openzipkin/zipkin=mirror.example/zipkin:3"];
    clone.well(
        "deploy-local",
        &[&["--cluster", "existing", "--tag", "one", "--helm", "--pubsub", "kafka"][..], &servers].concat(),
    )?;
    let images = " --set servers.postgres.image=mirror.example/postgres:17 --set servers.zipkin.image=mirror.example/zipkin:3";
    same(&clone.calls()?, &expected(chart("kafka", images), "setup-kafka.sh")?)?;
    // What the options name is in the chart.
    let chart = crate::workspace::root()?.join("k8s/helm-charts/outrigger");
    let values: serde_json::Value = serde_yaml_ng::from_str(&std::fs::read_to_string(chart.join("values.yaml"))?)?;
    ensure!(values["components"] == "local" && values["images"]["tag"] == "", "{values}");
    ensure!(["postgres", "redis", "zipkin", "mailbox"].iter().all(|server| values["servers"][server].is_object()), "{values}");
    Ok(())
}

/// Tried: no restart of Redis, which then keeps its old password; no restart of the apps; secrets that are not made anew.
#[test]
fn contract_new_secrets_reach_redis_the_database_and_then_the_apps() -> Result<()> {
    for way in [&[][..], &["--helm"]] {
        let clone = steps()?;
        clone.well("deploy-local", &[&["--cluster", "existing", "--tag", "one", "--rotate-secrets"][..], way].concat())?;
        let calls = clone.calls()?;
        let place = |wanted: &str| calls.iter().position(|call| call.starts_with(wanted));
        let restart = each_app("deployment/APP")?.join(" ");
        let order = [
            place("create-local-secrets.sh --rotate"),
            place("kubectl rollout restart statefulset/redis"),
            place("kubectl rollout status statefulset/redis"),
            place("database.sh"),
            place(&format!("kubectl rollout restart {restart}")),
            place("kubectl rollout status deployment/audit"),
            place("validate-deployment.sh"),
        ];
        ensure!(order.iter().all(Option::is_some) && order.is_sorted(), "{order:?} {calls:#?}");
    }
    Ok(())
}

/// The steps themselves, but for the validation, on a cluster that keeps what it is told. Tried: secrets made anew by each run, Dapr installed
/// again, an overlay with a name of its own for each run.
#[test]
fn contract_a_second_deployment_changes_nothing() -> Result<()> {
    let clone = Clone::new()?;
    clone.record_scripts(&["validate-deployment"])?;
    clone.write("cluster/dapr", "1.18.2")?;
    let run = || clone.well("deploy-local", &["--cluster", "existing", "--tag", "one"]);
    run()?;
    ensure!(clone.runs()? == "one", "{}", clone.runs()?);
    let (cluster, overlays) = (clone.cluster()?, clone.below("clone/.run")?);
    ensure!(
        cluster["database"].contains("\\set tasks_password '") && cluster["database"].contains("create schema"),
        "no database"
    );
    clone.changes()?;
    let says = run()?;
    ensure!(says.contains("Dapr 1.18.2: there already") && says.contains("secrets: all kept"), "{says}");
    ensure!(clone.cluster()? == cluster && clone.below("clone/.run")? == overlays, "the second run changed something");
    let changes = clone.changes()?;
    ensure!(!changes.iter().any(|call| call.starts_with("helm ") || call.contains("restart")), "{changes:#?}");
    Ok(())
}

/// Tried: `|| true` behind each step.
#[test]
fn contract_a_deployment_ends_at_the_step_that_fails_and_says_which() -> Result<()> {
    for (fails, words, last) in [
        ("setup-minikube.sh*", "it says no", "setup-minikube.sh"),
        ("setup-dapr.sh*", "it says no", "setup-dapr.sh"),
        ("build-images.sh*", "it says no", "build-images.sh"),
        ("create-local-secrets.sh*", "it says no", "create-local-secrets.sh"),
        ("*deploy-place", "the cluster says no", PLACE),
        (
            "*status statefulset/redis*",
            "error: statefulset/redis did not become ready; 'kubectl -n outrigger describe",
            "kubectl rollout status statefulset/redis",
        ),
        ("database.sh*", "it says no", "database.sh"),
        (
            "*status deployment/web*",
            "error: web did not become ready; 'kubectl -n outrigger get pods'",
            "kubectl rollout status deployment/web",
        ),
        ("validate-deployment.sh*", "it says no", "validate-deployment.sh"),
    ] {
        let mut clone = steps()?;
        clone.set("FAILS", fails);
        let says = clone.refuses("deploy-local", &["--tag", "one"], words)?;
        let calls = clone.calls()?;
        ensure!(
            calls.last().is_some_and(|call| call.starts_with(last)) && !says.contains("The suite runs"),
            "{fails}: {calls:#?} {says}"
        );
    }
    let mut clone = steps()?;
    clone.set("FAILS", "helm*");
    clone.refuses("deploy-local", &["--tag", "one", "--helm"], "error: helm could not install the chart")?;
    ensure!(clone.calls()?.last().is_some_and(|call| call.starts_with("helm ")));
    for (options, words) in [
        (&["--cluster", "somewhere"][..], "--cluster is minikube, k3s or existing, not somewhere"),
        (&["--pubsub", "rabbit"], "--pubsub is redis or kafka, not rabbit"),
        (&["--brokers", "kafka:9092"], "--brokers goes with --pubsub kafka"),
        (&["--tag"], "--tag needs a value"),
    ] {
        clone.refuses("deploy-local", options, words)?;
        ensure!(clone.calls()?.is_empty(), "{options:?}");
    }
    clone.set("OUTRIGGER_NAMESPACE", "elsewhere");
    clone.refuses("deploy-local", &["--tag", "one"], "only --helm deploys to another namespace than outrigger")?;
    ensure!(clone.calls()?.is_empty());
    Ok(())
}
