package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	hooks "github.com/cert-manager/cert-manager/internal/webhook"
	"github.com/cert-manager/cert-manager/pkg/client/clientset/versioned/scheme"
	injector "github.com/cert-manager/cert-manager/pkg/controller/cainjector"
	"github.com/cert-manager/cert-manager/pkg/issuer/acme/http/solver"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/util"
	"github.com/cert-manager/cert-manager/pkg/util/cmapichecker"
	"github.com/cert-manager/cert-manager/pkg/webhook/options"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	kubernetes "k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// webhook looks at every object of cert-manager's kinds before the API server takes it.
func webhook(ctx context.Context, arguments []string) error {
	settings, err := options.NewWebhookConfiguration()
	if err != nil {
		return err
	}
	flags := pflag.NewFlagSet("webhook", pflag.ContinueOnError)
	options.NewWebhookFlags().AddFlags(flags)
	options.AddConfigFlags(flags, settings)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if err := logf.ValidateAndApply(&settings.Logging); err != nil {
		return err
	}
	server, err := hooks.NewCertManagerWebhookServer(logf.FromContext(ctx), *settings)
	if err != nil {
		return err
	}
	return server.Run(ctx)
}

// cainjector tells the API server by which certificate it knows the webhook.
func cainjector(ctx context.Context, arguments []string) error {
	flags := pflag.NewFlagSet("cainjector", pflag.ContinueOnError)
	if err := parse(flags, arguments); err != nil {
		return err
	}
	kinds := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{kubernetes.AddToScheme, scheme.AddToScheme, apiextensions.AddToScheme, apiregistration.AddToScheme} {
		if err := add(kinds); err != nil {
			return err
		}
	}
	// What it writes is told apart from what others wrote by this name.
	config := util.RestConfigWithUserAgent(ctrl.GetConfigOrDie(), "cainjector")
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: kinds,
		Cache:  cache.Options{ReaderFailOnMissingInformer: true},
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
	})
	if err != nil {
		return err
	}
	err = injector.RegisterAllInjectors(ctx, manager, injector.SetupOptions{
		EnableCertificatesDataSource: true,
		EnabledReconcilersFor: map[string]bool{
			injector.MutatingWebhookConfigurationName:   true,
			injector.ValidatingWebhookConfigurationName: true,
			injector.APIServiceName:                     true,
			injector.CustomResourceDefinitionName:       true,
		},
	})
	if err != nil {
		return err
	}
	return manager.Start(ctx)
}

// acmesolver answers the one question of a challenge.
func acmesolver(ctx context.Context, arguments []string) error {
	answers := &solver.HTTP01Solver{}
	flags := pflag.NewFlagSet("acmesolver", pflag.ContinueOnError)
	flags.IntVar(&answers.ListenPort, "listen-port", 8089, "where it is asked")
	flags.StringVar(&answers.Domain, "domain", "", "by which name")
	flags.StringVar(&answers.Token, "token", "", "after which token")
	flags.StringVar(&answers.Key, "key", "", "what it answers")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		<-ctx.Done()
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		ended <- answers.Shutdown(patience)
	}()
	if err := answers.Listen(logf.FromContext(ctx)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}

// startupapicheck waits until the API server takes an object of cert-manager's kinds, after its webhook has seen it.
func startupapicheck(ctx context.Context, arguments []string) error {
	flags := pflag.NewFlagSet("startupapicheck", pflag.ContinueOnError)
	patience := flags.Duration("wait", 0, "for how long")
	if err := parse(flags, arguments); err != nil {
		return err
	}
	checker, err := cmapichecker.New(ctrl.GetConfigOrDie(), os.Getenv("POD_NAMESPACE"))
	if err != nil {
		return err
	}
	var last error
	err = wait.PollUntilContextTimeout(ctx, time.Second, *patience, true, func(ctx context.Context) (bool, error) {
		last = checker.Check(ctx)
		return last == nil, nil
	})
	return errors.Join(err, last)
}
