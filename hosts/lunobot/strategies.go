package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
)

// find returns a bundled strategy; the error lists those that there are.
func (c *console) find(name string) (strategy.Definition, error) {
	if def, ok := c.bundle.Definition(name); ok {
		return def, nil
	}
	var names []string
	for _, def := range c.bundle.Definitions() {
		names = append(names, def.Info().Name)
	}
	return strategy.Definition{}, input("there is no strategy %q; there is: %s", name, strings.Join(names, ", "))
}

// strategiesCommand shows the strategies.
type strategiesCommand struct {
	List     listCommand     `cmd:"" help:"List the strategies."`
	Describe describeCommand `cmd:"" help:"Describe a strategy and its parameters."`
}

type listCommand struct{}

// Run lists the strategies.
func (listCommand) Run(c *console) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "NAME\tVERSION\tSUMMARY")
	for _, def := range c.bundle.Definitions() {
		info := def.Info()
		fmt.Fprintf(w, "%s\t%s\t%s\n", info.Name, info.Version, info.Summary)
	}
	return w.Flush()
}

type describeCommand struct {
	Name   string `arg:"" optional:"" help:"The strategy's name."`
	Plugin string `placeholder:"FILE" help:"A plugin's file in its place."`
	attachFlag
	JSON bool `name:"json" help:"Print the manifest as JSON."`
}

// Run describes a strategy.
func (d describeCommand) Run(ctx context.Context, c *console) error {
	s, err := strategyFlags{Strategy: d.Name, Plugin: d.Plugin, attachFlag: d.attachFlag}.open(ctx, c)
	if err != nil {
		return err
	}
	defer s.host.Stop()
	if d.JSON {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		return e.Encode(s.manifest)
	}
	info := s.manifest.Info
	fmt.Fprintf(c.out, "%s (%s %s)\n%s\n\n", info.Title, info.Name, info.Version, info.Summary)
	w := tabwriter.NewWriter(c.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "PARAMETER\tDEFAULT\tVALUES\tMEANING")
	for _, f := range s.manifest.Schema.Fields() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.Name, f.DefaultText(), values(f), meaning(f))
	}
	return w.Flush()
}

// values says which values a parameter takes.
func values(f param.Field) string {
	switch {
	case len(f.Options) > 0:
		texts := make([]string, len(f.Options))
		for i, o := range f.Options {
			texts[i] = o.Value
		}
		return strings.Join(texts, ", ")
	case f.Min != "" && f.Max != "":
		return f.Min + " to " + f.Max
	case f.Min != "":
		return "at least " + f.Min
	case f.Max != "":
		return "at most " + f.Max
	}
	return string(f.Type)
}

// meaning says what a parameter is.
func meaning(f param.Field) string {
	text := f.Label
	if f.Unit != "" {
		text += " (" + f.Unit + ")"
	}
	if f.Help != "" {
		text += ". " + f.Help
	}
	return text
}
