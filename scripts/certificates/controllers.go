package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/cert-manager/cert-manager/pkg/apis/certmanager"
	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/controller/acmechallenges"
	"github.com/cert-manager/cert-manager/pkg/controller/acmeorders"
	ingresses "github.com/cert-manager/cert-manager/pkg/controller/certificate-shim/ingresses"
	requests "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/acme"
	"github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	"github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	"github.com/cert-manager/cert-manager/pkg/controller/issuers"
	"github.com/cert-manager/cert-manager/pkg/healthz"
	dns "github.com/cert-manager/cert-manager/pkg/issuer/acme/dns/util"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/component-base/logs"

	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
)

// enabled are the controllers that run by default, without those of the authorities that are not asked here.
var enabled = []string{
	issuers.ControllerName,
	clusterissuers.ControllerName,
	ingresses.ControllerName,
	acmeorders.ControllerName,
	acmechallenges.ControllerName,
	requests.CRControllerName,
	approver.ControllerName,
	trigger.ControllerName,
	issuing.ControllerName,
	keymanager.ControllerName,
	requestmanager.ControllerName,
	readiness.ControllerName,
	revisionmanager.ControllerName,
}

// workers of each controller, as by default.
const workers = 5

// healthTimeout is the default, too.
const healthTimeout = 20 * time.Second

// controllers starts them: each has registered itself when it was linked.
func controllers(ctx context.Context, arguments []string) error {
	options := defaults()
	flags := pflag.NewFlagSet("controller", pflag.ContinueOnError)
	flags.StringVar(&options.ClusterResourceNamespace, "cluster-resource-namespace", "kube-system", "where the secrets of cluster issuers are")
	flags.StringVar(&options.HTTP01SolverImage, "acme-http01-solver-image", "", "what answers a challenge")
	flags.IntVar(&options.MaxConcurrentChallenges, "max-concurrent-challenges", 60, "how many at once")
	flags.DurationVar(&options.DNS01CheckRetryPeriod, "dns01-check-retry-period", 10*time.Second, "how often a challenge is looked at before the authority is told, of either kind")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	factory, err := controller.NewContextFactory(ctx, options)
	if err != nil {
		return err
	}
	shared, err := factory.Build()
	if err != nil {
		return err
	}
	// The kubelet asks here, and begins anew what does not answer.
	health, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ":9403")
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return healthz.NewServer(healthTimeout).Start(ctx, health) })
	for _, name := range enabled {
		make, known := controller.Known()[name]
		if !known {
			return fmt.Errorf("no controller is called %s", name)
		}
		each, err := make(factory)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		group.Go(func() error { return each.Run(workers, ctx) })
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	shared.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// parse takes what every program of the chart is told beside its own, and sets up the log as it says.
func parse(flags *pflag.FlagSet, arguments []string) error {
	flags.String("leader-election-namespace", "", "not looked at: there is one replica")
	options := logs.NewOptions()
	logf.AddFlagsNonDeprecated(options, flags)
	flags.Lookup("v").NoOptDefVal = "2"
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	return logf.ValidateAndApply(options)
}

// defaults are cert-manager's own (internal/apis/config/controller/v1alpha1), which cannot be linked: they name every authority, and the client
// of one of them is a module that no proxy serves.
func defaults() controller.ContextOptions {
	return controller.ContextOptions{
		KubernetesAPIQPS:   20,
		KubernetesAPIBurst: 50,
		ACMEOptions: controller.ACMEOptions{
			HTTP01SolverResourceRequestCPU:    resource.MustParse("10m"),
			HTTP01SolverResourceRequestMemory: resource.MustParse("64Mi"),
			HTTP01SolverResourceLimitsCPU:     resource.MustParse("100m"),
			HTTP01SolverResourceLimitsMemory:  resource.MustParse("64Mi"),
			ACMEHTTP01SolverRunAsNonRoot:      true,
			DNS01Nameservers:                  dns.RecursiveNameservers,
			DNS01CheckAuthoritative:           true,
		},
		IssuerOptions: controller.IssuerOptions{ClusterIssuerAmbientCredentials: true},
		IngressShimOptions: controller.IngressShimOptions{
			DefaultIssuerKind:                 "Issuer",
			DefaultIssuerGroup:                certmanager.GroupName,
			DefaultAutoCertificateAnnotations: []string{"kubernetes.io/tls-acme"},
			GatewayAPIExtraProtocols:          sets.New[string](),
		},
		CertificateOptions: controller.CertificateOptions{
			CopiedAnnotationPrefixes:                 []string{"*", "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/"},
			CertificateRequestMinimumBackoffDuration: time.Hour,
			CertificateRequestMaximumBackoffDuration: 32 * time.Hour,
		},
	}
}
