// Reads Grafana's dashboards by Grafana's own schema: every word of a file has to be one that it knows, of the type that it expects, and what it
// wants has to be there.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	status := 0
	for _, file := range os.Args[1:] {
		problems := read(file)
		for _, problem := range problems {
			fmt.Printf("FAIL  %s: %s\n", file, problem)
			status = 1
		}
		if len(problems) == 0 {
			fmt.Printf("ok    %s\n", file)
		}
	}
	os.Exit(status)
}

// read says what is wrong with a file.
func read(file string) (problems []string) {
	say := func(err error) {
		// An error without words is how the schema says that there is none.
		if err != nil && err.Error() != "" {
			problems = append(problems, err.Error())
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return []string{err.Error()}
	}
	say(new(dashboard.Dashboard).UnmarshalJSONStrict(raw))
	var read dashboard.Dashboard
	var said, kept map[string]any
	if err := json.Unmarshal(raw, &read); err != nil {
		return append(problems, err.Error())
	}
	say(read.Validate())
	for _, each := range read.Panels {
		if each.Panel == nil {
			continue
		}
		// Of kinds that it does not know it keeps whatever they say.
		if _, known := cog.NewRuntime().ConfigForPanelcfgVariant(each.Panel.Type); !known {
			problems = append(problems, "no panel is a "+each.Panel.Type)
		}
		for _, target := range each.Panel.Targets {
			if _, unknown := target.(variants.UnknownDataquery); unknown {
				problems = append(problems, "a query of no kind that it knows")
			}
		}
	}
	// What it does not know it does not give back. Strict as it is, it does not look into queries.
	again, err := json.Marshal(read)
	if err == nil {
		err = json.Unmarshal(again, &kept)
	}
	if err == nil {
		err = json.Unmarshal(raw, &said)
	}
	say(err)
	return append(problems, lost("", said, kept)...)
}

// lost are the places of what was said that were not kept.
func lost(place string, said, kept any) (all []string) {
	switch said := said.(type) {
	case map[string]any:
		kept, _ := kept.(map[string]any)
		for key, value := range said {
			if _, is := kept[key]; !is && !empty(value) {
				all = append(all, place+"/"+key+" is not known")
			} else {
				all = append(all, lost(place+"/"+key, value, kept[key])...)
			}
		}
	case []any:
		kept, _ := kept.([]any)
		for at, value := range said {
			if at >= len(kept) {
				return append(all, fmt.Sprintf("%s/%d is not known", place, at))
			}
			all = append(all, lost(fmt.Sprintf("%s/%d", place, at), value, kept[at])...)
		}
	}
	slices.Sort(all)
	return all
}

// empty is what a schema may leave out when it gives it back.
func empty(value any) bool {
	switch value := value.(type) {
	case []any:
		return len(value) == 0
	case map[string]any:
		return len(value) == 0
	}
	return false
}
