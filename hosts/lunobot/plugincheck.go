package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/strategytest/conformance"
)

// pluginCheckCommand holds a plugin's file to what hosts rely on.
type pluginCheckCommand struct {
	File string `arg:"" optional:"" placeholder:"FILE" help:"The plugin's file."`
	attachFlag
	JSON bool `name:"json" help:"Print the outcome as JSON."`
}

// verdict is the outcome of all checks.
type verdict struct {
	File    string `json:"file"`
	SHA256  string `json:"sha256,omitempty"`
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	SDK     string `json:"sdk,omitempty"`
	// Sandbox is how well the plugin was shut in while it was checked.
	Sandbox string    `json:"sandbox,omitempty"`
	Passed  bool      `json:"passed"`
	Checks  []outcome `json:"checks"`
}

// outcome is that of one check.
type outcome struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	// Note says what was looked at, Reason why it failed.
	Note   string `json:"note,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Run carries out the checks, each in processes of its own, and prints them as
// they end.
func (p pluginCheckCommand) Run(ctx context.Context, c *console) error {
	if p.File == "" && p.Attach == "" {
		return input("say which plugin's file to check")
	}
	v := verdict{File: filepath.Base(p.File)}
	s, err := p.begin(ctx, c)
	var wrong inputError
	if errors.As(err, &wrong) || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	tell := func(o outcome) {
		v.Checks = append(v.Checks, o)
		if !p.JSON {
			o.write(c)
		}
	}
	if err != nil {
		tell(outcome{Name: "starts", Reason: err.Error()})
	} else {
		defer s.host.Stop()
		v.SHA256, v.Name, v.Version, v.SDK = s.sha256, s.manifest.Name, s.manifest.Version, s.manifest.SDK
		v.Sandbox = s.host.Sandbox(ctx).String()
		if !p.JSON {
			v.head(c)
		}
		tell(outcome{Name: "starts", Passed: true, Note: "serves gRPC and tells its manifest"})
		for _, check := range conformance.Checks(conformance.Config{Now: time.Now, Start: s.start}) {
			o := outcome{Name: check.Name, Passed: true}
			if o.Note, err = check.Run(ctx); err != nil {
				o.Passed, o.Note, o.Reason = false, "", err.Error()
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			tell(o)
		}
	}
	return v.finish(c, p.JSON)
}

func (p pluginCheckCommand) begin(ctx context.Context, c *console) (*subject, error) {
	if p.File != "" {
		return c.openFile(ctx, p.File)
	}
	return p.openAttached(ctx)
}

// start begins a process for one check.
func (s *subject) start(ctx context.Context) (conformance.Subject, func(), error) {
	p, err := s.host.Start(ctx, s.key)
	if err != nil {
		return nil, nil, err
	}
	return process{p}, p.Stop, nil
}

// process is a plugin's process as the checks want it.
type process struct{ *pluginhost.Process }

var _ conformance.Subject = process{}

// Open implements conformance.Subject.
func (p process) Open(ctx context.Context, bots []strategy.OpenInput) ([]conformance.Opened, error) {
	opened, err := p.Process.Open(ctx, bots)
	out := make([]conformance.Opened, len(opened))
	for i, o := range opened {
		out[i] = conformance.Opened(o)
	}
	return out, err
}

// head prints what was found in the file.
func (v verdict) head(c *console) {
	fmt.Fprintf(c.out, "%s %s (sdk %s)\n", v.Name, v.Version, v.SDK)
	if v.SHA256 != "" {
		fmt.Fprintf(c.out, "SHA-256 %s\n", v.SHA256)
	}
	fmt.Fprintf(c.out, "sandbox %s\n", v.Sandbox)
	fmt.Fprintln(c.out)
}

// write prints one check.
func (o outcome) write(c *console) {
	mark, text := "✓", o.Note
	if !o.Passed {
		mark, text = "✗", strings.ReplaceAll(o.Reason, "\n", "\n    ")
	}
	fmt.Fprintf(c.out, "%s %-20s %s\n", mark, o.Name, text)
}

// finish prints the sum of all, and fails if a check did.
func (v verdict) finish(c *console, asJSON bool) error {
	failed := 0
	for _, o := range v.Checks {
		if !o.Passed {
			failed++
		}
	}
	v.Passed = failed == 0
	if asJSON {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		if err := e.Encode(v); err != nil {
			return fmt.Errorf("printing the outcome: %w", err)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(v.Checks))
	}
	if !asJSON {
		fmt.Fprintf(c.out, "\nAll %d checks passed.\n", len(v.Checks))
	}
	return nil
}
