// The programs of cert-manager in one: its release consists of five modules that no module proxy serves, because their names are not those of
// their folders. What they do is in the packages of the main module, all of it; what starts it is here, as the chart's deployments ask for it.
//
//	cert-manager controller|webhook|cainjector|acmesolver|startupapicheck ARGUMENTS-OF-THE-CHART...
//
// Left out: leader election (one replica each), configuration files, metrics, and every authority but those that speak ACME.
// The module's name begins with cert-manager's own, as those of its programs do: Go lets nobody else in to its internal packages.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	logf "github.com/cert-manager/cert-manager/pkg/logs"
	ctrl "sigs.k8s.io/controller-runtime"
)

var programs = map[string]func(context.Context, []string) error{
	"controller":      controllers,
	"webhook":         webhook,
	"cainjector":      cainjector,
	"acmesolver":      acmesolver,
	"startupapicheck": startupapicheck,
}

func main() {
	logf.InitLogs()
	ctrl.SetLogger(logf.Log)
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) < 2 || programs[os.Args[1]] == nil {
		return fmt.Errorf("which program? %v", os.Args)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return programs[os.Args[1]](logf.NewContext(ctx, logf.Log, os.Args[1]), os.Args[2:])
}
