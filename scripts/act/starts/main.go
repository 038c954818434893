// Says which workflows an event starts, each with its file: by the event, its types, branches, paths and the workflows that it follows. The runner act
// takes them all for started, and has the patterns of GitHub's filters in a package of its own.
//
//	act-starts EVENT PAYLOAD.json [CHANGED-FILE...]
//
// Reads .github/workflows of the folder that it runs in.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nektos/act/pkg/model"
	"github.com/nektos/act/pkg/workflowpattern"
)

// payload is what GitHub sends of an event, as far as filters ask for it.
type payload struct {
	Action      string
	Ref         string
	PullRequest struct{ Base struct{ Ref string } } `json:"pull_request"`
	WorkflowRun struct {
		Name       string
		HeadBranch string `json:"head_branch"`
	} `json:"workflow_run"`
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: act-starts EVENT PAYLOAD.json [CHANGED-FILE...]")
		os.Exit(64)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(event, file string, changed []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var sent payload
	if err := json.Unmarshal(text, &sent); err != nil {
		return err
	}
	files, err := filepath.Glob(".github/workflows/*.y*ml")
	if err != nil {
		return err
	}
	for _, file := range files {
		open, err := os.Open(file)
		if err != nil {
			return err
		}
		workflow, err := model.ReadWorkflow(open, true)
		open.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		for _, on := range workflow.On() {
			if on != event {
				continue
			}
			filters, _ := workflow.OnEvent(event).(map[string]any)
			started, err := starts(event, sent, changed, filters)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if started {
				fmt.Println(filepath.Base(file))
			}
		}
	}
	return nil
}

// starts says whether the event passes all filters of a workflow. One that is not known is an error: it would pass unseen.
func starts(event string, sent payload, changed []string, filters map[string]any) (bool, error) {
	branch, types := strings.TrimPrefix(sent.Ref, "refs/heads/"), []string(nil)
	switch event {
	case "pull_request":
		branch, types = sent.PullRequest.Base.Ref, []string{"opened", "synchronize", "reopened"}
	case "workflow_run":
		branch = sent.WorkflowRun.HeadBranch
	}
	for name, value := range filters {
		var inputs []string
		skips := workflowpattern.Skip
		switch name {
		case "types":
			types = words(value)
			continue
		case "inputs":
			continue
		case "workflows":
			inputs = []string{sent.WorkflowRun.Name}
		case "branches":
			inputs = []string{branch}
		case "branches-ignore":
			inputs, skips = []string{branch}, workflowpattern.Filter
		case "paths":
			inputs = changed
		case "paths-ignore":
			inputs, skips = changed, workflowpattern.Filter
		default:
			return false, fmt.Errorf("what is %s of %s?", name, event)
		}
		patterns, err := workflowpattern.CompilePatterns(words(value)...)
		if err != nil {
			return false, err
		}
		if skips(patterns, inputs, &workflowpattern.EmptyTraceWriter{}) {
			return false, nil
		}
	}
	if types == nil {
		return true, nil
	}
	for _, known := range types {
		if known == sent.Action {
			return true, nil
		}
	}
	return false, nil
}

// words is a list, or one word alone.
func words(value any) []string {
	if one, ok := value.(string); ok {
		return []string{one}
	}
	var all []string
	list, _ := value.([]any)
	for _, each := range list {
		all = append(all, fmt.Sprint(each))
	}
	return all
}
