package saas

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/api"
	"github.com/lunobot/lunobot/saas/backtester"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/saas/runner"
	"github.com/lunobot/lunobot/saas/web"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
)

// Contained lists the versions of strategies that a program contains.
func Contained(b plugin.Bundle) []catalog.Ref {
	var refs []catalog.Ref
	for _, d := range b.Definitions() {
		refs = append(refs, catalog.Ref{Name: d.Info().Name, Version: d.Info().Version})
	}
	return refs
}

// strategies shows what is on the shelf to the services, and starts it.
type strategies struct {
	host  *pluginhost.Host
	shelf *catalog.Shelf
	plans *plans
}

// Names implements bot.Strategies.
func (s strategies) Names() []string {
	var names []string
	for _, i := range s.shelf.Items() {
		if !slices.Contains(names, i.Name) {
			names = append(names, i.Name)
		}
	}
	return names
}

// Pin implements bot.Strategies.
func (s strategies) Pin(name, version string) (string, error) {
	i, err := s.shelf.Usable(catalog.Ref{Name: name, Version: version})
	return i.Pin(), err
}

// takesSignals reports whether a version takes signals, as hook.Config asks for it.
func (s strategies) takesSignals(_ context.Context, name, version string) (bool, error) {
	i, err := s.has(catalog.Ref{Name: name, Version: version})
	return i.Manifest.Can(plugin.Signals), err
}

// Validate implements bot.Strategies.
func (s strategies) Validate(ctx context.Context, name, pin string, params json.RawMessage) (json.RawMessage, error) {
	return s.host.Validate(ctx, pluginhost.Key(name, pin), params)
}

// CanTrade implements bot.Strategies.
func (s strategies) CanTrade(ctx context.Context, name, pin string, params json.RawMessage, own exchange.Market, also ...exchange.Market) error {
	key := pluginhost.Key(name, pin)
	m, err := s.host.Manifest(ctx, key)
	if err != nil {
		return err
	}
	if !m.Can(plugin.Pairs) {
		if len(also) == 0 {
			return nil
		}
		return &bot.PairsError{Reason: "must be empty: " + name + " trades one pair only"}
	}
	err = s.host.Try(ctx, key, strategy.OpenInput{Interval: time.Minute, Market: own, Also: also, Params: params})
	var said *plugin.BotError
	if errors.As(err, &said) && len(said.Faults) == 0 {
		return &bot.PairsError{Reason: "cannot be traded: " + said.Text}
	}
	return err
}

// Usable implements runner.Plugins.
func (s strategies) Usable(ref catalog.Ref) error {
	_, err := s.has(ref)
	return err
}

// has returns what a bot of a version runs. One that is pinned to nothing runs what
// the program contains, and never a version that somebody put in.
func (s strategies) has(ref catalog.Ref) (catalog.Item, error) {
	i, err := s.shelf.Usable(ref)
	if err == nil && i.Pin() != ref.Version {
		return catalog.Item{}, &catalog.UnusableError{Ref: ref, Why: catalog.Unknown}
	}
	return i, err
}

// Share implements runner.Plugins: the strictest of what the operator, the tenant's
// plan and, as far as that allows it, the bot ask for.
func (s strategies) Share(ctx context.Context, tenantID, botID string, ref catalog.Ref, wish catalog.Isolation) (string, error) {
	isolation, err := s.plans.isolation(ctx, tenantID, wish)
	if err != nil {
		return "", err
	}
	return isolation.Stricter(s.shelf.Isolation(ref)).Key(tenantID, botID), nil
}

// Process implements runner.Plugins. The host finds a file that was changed even
// if nobody saw that yet.
func (s strategies) Process(ctx context.Context, ref catalog.Ref, key string) (runner.Process, error) {
	p, err := s.host.Process(ctx, pluginhost.Key(ref.Name, ref.Version), key)
	if errors.Is(err, &pluginhost.Error{Kind: pluginhost.Tampered}) {
		return nil, &catalog.UnusableError{Ref: ref, Why: catalog.FileChanged, Err: err}
	}
	if err != nil {
		return nil, err // not p: a nil *Process is not a nil Process
	}
	return p, nil
}

// Schema implements bot.Strategies.
func (s strategies) Schema(ctx context.Context, name, pin string) (*param.Schema, error) {
	m, err := s.host.Manifest(ctx, pluginhost.Key(name, pin))
	if err != nil {
		return nil, err
	}
	return m.Schema, nil
}

// tests shows the plugin host to the worker of backtests.
type tests struct{ *pluginhost.Host }

// Open implements backtester.Plugins.
func (t tests) Open(ctx context.Context, key string) (backtester.Process, error) {
	p, err := t.Start(ctx, key)
	if err != nil {
		return nil, err // not p: a nil *Process is not a nil Process
	}
	return p, nil
}

// Start implements replay.Plugins.
func (s strategies) Start(ctx context.Context, ref catalog.Ref) (replay.Process, error) {
	p, err := s.host.Start(ctx, pluginhost.Key(ref.Name, ref.Version))
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Manifests implements api.Strategies: each strategy once, as a new bot gets it,
// with all versions that can be chosen.
func (s strategies) Manifests(context.Context) ([]api.Manifest, error) {
	var list []api.Manifest
	for _, name := range s.Names() {
		offered, err := s.shelf.Usable(catalog.Ref{Name: name})
		if err != nil {
			continue // it went meanwhile
		}
		m := offered.Manifest
		one := api.Manifest{Name: m.Name, Version: m.Version, Title: m.Title, Summary: m.Summary, Guide: m.Guide, Schema: m.Schema.JSONSchema()}
		for _, i := range s.shelf.Items() {
			if i.Name == name {
				one.Versions = append(one.Versions, i.Version)
			}
		}
		list = append(list, one)
	}
	return list, nil
}

// forPages lists the strategies as the pages show them.
func (s strategies) forPages() []web.Strategy {
	var list []web.Strategy
	for _, name := range s.Names() {
		if i, err := s.shelf.Usable(catalog.Ref{Name: name}); err == nil { // else it went meanwhile
			list = append(list, shownStrategy(i))
		}
	}
	return list
}

// versions lists those of a strategy that can be used as the pages show them.
func (s strategies) versions(name string) []web.Strategy {
	var list []web.Strategy
	for _, i := range s.shelf.Items() {
		if i.Name == name {
			list = append(list, shownStrategy(i))
		}
	}
	return list
}

func shownStrategy(i catalog.Item) web.Strategy {
	m := i.Manifest
	return web.Strategy{Name: m.Name, Version: m.Version, Pin: i.Pin(), Title: m.Title, Summary: m.Summary, Guide: m.Guide, Schema: m.Schema, TradesPairs: m.Can(plugin.Pairs)}
}
