package saas

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata/demo"
	"github.com/lunobot/lunobot/saas/api"
	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/runner"
	"github.com/lunobot/lunobot/saas/web"
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

// strategies shows the plugin host's catalog to the services.
type strategies struct {
	host  *pluginhost.Host
	names []string
}

func newStrategies(host *pluginhost.Host, b plugin.Bundle) strategies {
	s := strategies{host: host}
	for _, d := range b.Definitions() {
		s.names = append(s.names, d.Info().Name)
	}
	return s
}

// Names implements bot.Strategies.
func (s strategies) Names() []string { return s.names }

// Validate implements bot.Strategies.
func (s strategies) Validate(name string, params json.RawMessage) (json.RawMessage, error) {
	return s.host.Validate(context.Background(), name, params)
}

// Process implements runner.Plugins.
func (s strategies) Process(ctx context.Context, name, key string) (runner.Process, error) {
	p, err := s.host.Process(ctx, name, key)
	if err != nil {
		return nil, err // not p: a nil *Process is not a nil Process
	}
	return p, nil
}

// Manifests implements api.Strategies. A strategy that cannot be started is
// left out; the log says why.
func (s strategies) Manifests(ctx context.Context) ([]api.Manifest, error) {
	var list []api.Manifest
	for _, item := range s.host.Catalog(ctx) {
		if item.Err == nil {
			m := item.Manifest
			list = append(list, api.Manifest{Name: m.Name, Version: m.Version, Title: m.Title, Summary: m.Summary, Schema: m.Schema.JSONSchema()})
		}
	}
	return list, nil
}

// forPages lists the strategies as the pages show them.
func (s strategies) forPages() []web.Strategy {
	var list []web.Strategy
	for _, item := range s.host.Catalog(context.Background()) {
		if item.Err == nil {
			m := item.Manifest
			list = append(list, web.Strategy{Name: m.Name, Version: m.Version, Title: m.Title, Summary: m.Summary, Schema: m.Schema})
		}
	}
	return list
}

// markets knows the demo market's pairs.
type markets struct {
	byPair map[string]exchange.Market
	pairs  []string
}

func newMarkets(ctx context.Context, replay *demo.Replay) (markets, error) {
	list, err := replay.Markets(ctx)
	if err != nil {
		return markets{}, err
	}
	m := markets{byPair: map[string]exchange.Market{}}
	for _, one := range list {
		m.byPair[one.Pair] = one
		m.pairs = append(m.pairs, one.Pair)
	}
	return m, nil
}

// Market implements bot.Markets.
func (m markets) Market(pair string) (exchange.Market, error) {
	one, ok := m.byPair[pair]
	if !ok {
		return exchange.Market{}, fmt.Errorf("there is no market %q", pair)
	}
	return one, nil
}

// Pairs implements bot.Markets.
func (m markets) Pairs() []string { return m.pairs }
