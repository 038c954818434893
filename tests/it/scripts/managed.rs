//! A cloud's own Kubernetes: the way there by the cloud's tool, then Dapr, the chart, the validation.

use anyhow::{Result, ensure};
use tests::recorder::said;

use super::cloud::prepared;
use super::{Clone, RECORDER, same};

/// A script, its own options, and what its cloud is asked for.
const CLOUDS: [(&str, &str, &str); 3] = [
    (
        "aks",
        "--resource-group group --cluster suite",
        "az aks get-credentials --resource-group group --name suite --file /.kube/outrigger-aks.yaml --overwrite-existing",
    ),
    (
        "gke",
        "--project project --location europe-west1 --cluster suite",
        "gcloud container clusters get-credentials suite --location europe-west1 --project project",
    ),
    (
        "oke",
        "--cluster-id ocid1.cluster --region eu-zurich-1",
        "oci ce cluster create-kubeconfig --cluster-id ocid1.cluster --region eu-zurich-1 --file /.kube/outrigger-oke.yaml \
         --token-version 2.0.0 --kube-endpoint PUBLIC_ENDPOINT --overwrite",
    ),
];

const RELEASE: &str = "--host tasks.example.org --mail admin@example.org --registry registry.example/team --tag new";

const CHART: &str = "helm upgrade --install outrigger /clone/k8s/helm-charts/outrigger --namespace outrigger \
                     --values /clone/k8s/helm-charts/outrigger/values-cloud.yaml --atomic --timeout 10m \
                     --set-string host=tasks.example.org,ingress.mail=admin@example.org,images.registry=registry.example/team,images.tag=new";
const CERTIFICATE: &str = "kubectl wait --for=condition=Ready certificates --all --timeout=300s";
const VALIDATION: &str = "validate-deployment.sh --url https://tasks.example.org";

/// Helm, which has one release that runs, the third.
const HELM: &str = r#"
if [[ $call == "helm list"* && ! -e $SCRATCH/cluster/first ]]; then
  printf 'NAME\tNAMESPACE\tREVISION\tUPDATED\tSTATUS\noutrigger\toutrigger\t3\tThu Nov 5\tdeployed\n'
fi
"#;

fn account() -> Result<Clone> {
    let clone = prepared(&["old"])?;
    clone.record_scripts(&["setup-dapr"])?;
    clone.record(&["az", "gcloud", "gke-gcloud-auth-plugin", "oci"])?;
    clone.scratch.program("bin/helm", &format!("{RECORDER}{HELM}"))?;
    Ok(clone)
}

fn options(own: &str) -> Vec<&str> {
    own.split(' ').chain(RELEASE.split(' ')).collect()
}

/// Tried: the values of Minikube, no address for the validation, a KUBECONFIG that is not exported, no `--atomic`.
#[test]
fn contract_each_cloud_gives_the_way_then_come_dapr_the_chart_and_the_validation() -> Result<()> {
    for (cloud, own, credentials) in CLOUDS {
        let mut clone = account()?;
        clone.set("KUBECONFIG", "/another/cluster");
        let says = clone.well(&format!("deploy-{cloud}"), &options(own))?;
        same(&clone.calls()?, &[credentials, "setup-dapr.sh", CHART, CERTIFICATE, VALIDATION])?;
        ensure!(clone.ways()?.iter().eq([&format!("/.kube/outrigger-{cloud}.yaml")]), "another way was taken");
        ensure!(says.contains("new runs at https://tasks.example.org"), "{says}");

        let mut without = clone.command(clone.script(&format!("deploy-{cloud}")));
        let output = without.env_remove("KUBECONFIG").args(options(own)).output()?;
        ensure!(
            output.status.success() && clone.ways()?.iter().eq([&format!("/.kube/outrigger-{cloud}.yaml")]),
            "{}",
            said(&output)
        );
    }
    Ok(())
}

/// Tried: Dapr before the preflight, `|| true` behind the credentials.
#[test]
fn contract_what_a_cloud_lacks_is_told_before_anything_is_changed_there() -> Result<()> {
    for (cloud, own, credentials) in CLOUDS {
        let script = format!("deploy-{cloud}");
        let mut clone = account()?;
        clone.set("FAILS", "kubectl*get*");
        let says = clone.refuses(&script, &options(own), "error: nothing was changed")?;
        ensure!(
            says.matches("missing: ").count() == 9 && says.contains("class nginx") && says.contains("cert-manager"),
            "{says}"
        );
        same(&clone.calls()?, &[credentials])?;

        clone.set("FAILS", format!("{} *", credentials.split(' ').next().unwrap_or_default()));
        clone.refuses(&script, &options(own), "gave no credentials: '")?;
        ensure!(clone.calls()?.len() == 1);

        let all = options(own);
        for missing in all.iter().filter(|word| word.starts_with("--")) {
            let place = all.iter().position(|word| word == missing).unwrap_or_default();
            let fewer = [&all[..place], &all[place + 2..]].concat();
            clone.refuses(&script, &fewer, &format!("error: {missing} is missing (see --help)"))?;
        }
        clone.refuses(&script, &["--tag"], "--tag needs a value")?;
        clone.refuses(&script, &["here"], "unknown option here")?;
        ensure!(clone.calls()?.is_empty());
    }
    Ok(())
}

/// Tried: `helm rollback` without a number, which after `--atomic` is another one; `|| true` behind the validation.
#[test]
fn contract_a_release_that_is_not_well_in_a_cloud_gives_way_to_the_one_before() -> Result<()> {
    const BACK: &str = "helm rollback outrigger 3 --namespace outrigger --wait --timeout 10m";
    for (cloud, own, credentials) in CLOUDS {
        let script = format!("deploy-{cloud}");
        for (fails, why, calls) in [
            ("validate*", "the validation of new failed; the release before", &[CHART, CERTIFICATE, VALIDATION, BACK][..]),
            ("kubectl*wait*", "there is no certificate for tasks.example.org; the release before", &[CHART, CERTIFICATE, BACK]),
            ("helm upgrade*", "new did not become ready; the release before", &[CHART]),
        ] {
            let mut clone = account()?;
            clone.set("FAILS", fails);
            clone.refuses(&script, &options(own), &format!("error: {why} runs again"))?;
            same(&clone.calls()?, &[&[credentials, "setup-dapr.sh"], calls].concat())?;
        }
        let mut clone = account()?;
        clone.write("cluster/first", "")?;
        clone.set("FAILS", "validate*");
        clone.refuses(&script, &options(own), "error: the validation of new failed; there is no release before it")?;
        clone.set("FAILS", "helm upgrade*");
        clone.refuses(&script, &options(own), "error: new did not become ready; nothing runs")?;
    }
    Ok(())
}
