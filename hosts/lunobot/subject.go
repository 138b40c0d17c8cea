package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

// strategyFlags say which strategy is run.
type strategyFlags struct {
	Strategy string `placeholder:"NAME" help:"A strategy that this program contains; 'lunobot strategies list' names them."`
	Plugin   string `placeholder:"FILE" help:"A plugin's file in its place."`
	attachFlag
}

// attachFlag names a strategy that its author debugs.
type attachFlag struct {
	Attach string `env:"LUNOBOT_PLUGIN_ATTACH" placeholder:"JSON" help:"What a plugin prints that was started with -debug: it is used as it runs."`
}

// source returns the source of the strategy that runs already.
func (f attachFlag) source() (pluginhost.Source, error) {
	a, err := plugin.ParseAttachment(f.Attach)
	if err != nil {
		return pluginhost.Source{}, input("--attach: %w", err)
	}
	return pluginhost.Attached(a), nil
}

// subject is a strategy with the host that starts it, which the caller stops.
type subject struct {
	host *pluginhost.Host
	// key is what the host calls it.
	key      string
	manifest plugin.Manifest
	// sha256 is the file's sum, if it has one.
	sha256 string
	// called is how a command line names it.
	called string
	// contained is the strategy itself if this program contains it.
	contained *strategy.Definition
}

// validate returns parameters complete; bad ones are param.Errors. It starts the
// strategy only if that finds faults which its schema does not.
func (s *subject) validate(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
	whole, err := s.manifest.Schema.Validate(params)
	if err != nil || !s.manifest.Can(plugin.Checks) {
		return whole, err
	}
	return s.host.Validate(ctx, s.key, whole)
}

// open finds the strategy.
func (f strategyFlags) open(ctx context.Context, c *console) (*subject, error) {
	switch {
	case f.Strategy != "" && f.Plugin != "":
		return nil, input("give --strategy or --plugin and not both")
	case f.Plugin != "":
		return c.openFile(ctx, f.Plugin)
	case f.Attach != "":
		return f.openAttached(ctx)
	case f.Strategy == "":
		return nil, input("say which strategy: --strategy NAME or --plugin FILE")
	}
	def, err := c.find(f.Strategy)
	if err != nil {
		return nil, err
	}
	sources, err := pluginhost.Bundled(c.bundle)
	if err != nil {
		return nil, err
	}
	host, err := c.host(ctx, sources...)
	if err != nil {
		return nil, err
	}
	return &subject{host: host, key: f.Strategy, manifest: plugin.ManifestOf(def), called: f.Strategy, contained: &def}, nil
}

// openFile finds out what is in a plugin's file.
func (c *console) openFile(ctx context.Context, path string) (*subject, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, input("%s: %w", path, reasonOf(err))
	case !info.Mode().IsRegular():
		return nil, input("%s is no file", path)
	}
	host, err := c.host(ctx)
	if err != nil {
		return nil, err
	}
	item, err := host.Inspect(ctx, path)
	if err == nil {
		err = host.Add(pluginhost.Source{Name: item.Name, Version: item.Manifest.Version, Path: path, SHA256: item.SHA256})
	}
	if err != nil {
		host.Stop()
		return nil, err
	}
	return &subject{
		host: host, key: pluginhost.Key(item.Name, item.Manifest.Version), manifest: item.Manifest, sha256: item.SHA256, called: "--plugin " + path,
	}, nil
}

// openAttached connects to a strategy that runs already.
func (f attachFlag) openAttached(ctx context.Context) (*subject, error) {
	source, err := f.source()
	if err != nil {
		return nil, err
	}
	host, err := pluginhost.New(pluginhost.Config{Attach: true, Sandbox: sandbox.Off, Sources: []pluginhost.Source{source}})
	if err != nil {
		return nil, err
	}
	s := &subject{host: host, key: source.Key(), called: "--attach …"}
	if s.manifest, err = host.Manifest(ctx, s.key); err != nil {
		host.Stop()
		return nil, err
	}
	return s, nil
}
