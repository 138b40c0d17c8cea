package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// Strategies says which strategies can be used here.
type Strategies interface {
	// Manifests lists the strategies, in the order in which they are shown.
	Manifests(ctx context.Context) ([]Manifest, error)
}

// Manifest is what a strategy tells of itself.
type Manifest struct {
	// Name is what configurations call it, and Version the semantic version that a
	// new one gets.
	Name, Version string
	// Versions are all that a configuration may name.
	Versions []string
	// Title and Summary are for people.
	Title, Summary string
	// Guide is its documentation in Markdown; "" if it has none.
	Guide string
	// Schema is the JSON Schema of its parameters.
	Schema json.RawMessage
}

// strategyView is a strategy as the API shows it.
type strategyView struct {
	Name       string   `json:"name" doc:"What a configuration's strategy_type says." example:"basic"`
	Version    string   `json:"version" doc:"The version that a new configuration gets." example:"1.0.0"`
	Versions   []string `json:"versions" doc:"The versions that a configuration's strategy_version may name." example:"[\"1.0.0\"]"`
	Title      string   `json:"title" doc:"Its name for people." example:"Moving-average cross"`
	Summary    string   `json:"summary" doc:"The idea in a sentence."`
	Parameters object   `json:"parameters" doc:"JSON Schema (2020-12) of the parameters."`
	Guide      string   `json:"guide,omitempty" doc:"Its documentation in Markdown: the idea, when it earns, when it loses. Lists leave it out. It is the author's text: show it as text that you do not trust." example:"## Idea"`
}

func manifestView(m Manifest) strategyView {
	return strategyView{Name: m.Name, Version: m.Version, Versions: append([]string{}, m.Versions...), Title: m.Title, Summary: m.Summary, Parameters: object(m.Schema)}
}

// StrategyPath is a strategy in a path.
type StrategyPath struct {
	Name string `path:"strategy" doc:"The strategy's name." example:"basic"`
}

func (a *API) strategyRoutes() {
	handle(a, operation{
		method: http.MethodGet, path: "/api/v1/strategies", id: "list-strategies", tag: tagStrategies,
		summary: "List strategies", description: "Lists the strategies with the schemas of their parameters. It comes whole: next_cursor is null.",
	}, a.listStrategies)
	handle(a, operation{
		method: http.MethodGet, path: "/api/v1/strategies/{strategy}", id: "get-strategy", tag: tagStrategies,
		summary: "Get a strategy", description: "Shows one strategy with the schema of its parameters and its documentation.",
	}, a.getStrategy)
}

func (a *API) listStrategies(ctx context.Context, _ tenancy.Principal, _ *nothing) (*answer[listOf[strategyView]], error) {
	all, err := a.cfg.Strategies.Manifests(ctx)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, nil, page.List[Manifest]{Items: all}, manifestView), nil
}

func (a *API) getStrategy(ctx context.Context, _ tenancy.Principal, in *struct{ StrategyPath }) (*answer[strategyView], error) {
	all, err := a.cfg.Strategies.Manifests(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if m.Name == in.Name {
			v := manifestView(m)
			v.Guide = m.Guide
			return &answer[strategyView]{Body: v}, nil
		}
	}
	return nil, errs.New(errs.NotFound, "strategy_not_found", "there is no strategy %q", in.Name)
}
