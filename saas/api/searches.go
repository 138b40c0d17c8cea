package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/backtest/search"
	"github.com/lunobot/lunobot/tenancy"
)

// newSearch says what a sweep or a walk-forward tries.
type newSearch struct {
	Ranges      []string `json:"ranges" validate:"required" doc:"The parameters that are varied: name=a,b,c or, of numbers and time spans, name=from:to, name=from:to:step, name=from:to:log and name=from:to:log:count." example:"[\"fast=5:50:5\",\"kind=sma,ema\"]"`
	Method      string   `json:"method,omitempty" validate:"omitempty,oneof=grid random tpe" doc:"How the sets are gone through; grid, which tries every one, if it is left out." example:"grid"`
	Trials      int      `json:"trials,omitempty" validate:"omitempty,min=1,max=5000" doc:"How many sets random and tpe try; 200 if it is left out." example:"200"`
	Seed        uint64   `json:"seed,omitempty" doc:"Makes the random choices; 1 if it is left out." example:"1"`
	Objective   string   `json:"objective,omitempty" validate:"omitempty,oneof=sharpe sortino calmar profit-factor equity" doc:"What the sets compete in; the Sharpe ratio if it is left out." example:"sharpe"`
	MaxDrawdown *amount  `json:"max_drawdown,omitempty" doc:"Sets that fell deeper below a peak are left out, as a fraction; none if it is left out." example:"\"0.2\""`
	MinTrades   int      `json:"min_trades,omitempty" validate:"min=0,max=1000000" doc:"Sets with fewer closed trades are left out." example:"30"`
	InSample    int      `json:"in_sample_hours,omitempty" validate:"min=0,max=100000" doc:"Length of a walk-forward's windows; a third of the time if it is left out." example:"720"`
	OutOfSample int      `json:"out_of_sample_hours,omitempty" validate:"min=0,max=100000" doc:"How long a choice is traded after its window; a third of the window if it is left out." example:"240"`
	Anchored    bool     `json:"anchored,omitempty" doc:"Whether every window begins where the time does."`
}

func (n *newSearch) search() *research.Search {
	if n == nil {
		return nil
	}
	s := &research.Search{
		Ranges: n.Ranges, Method: search.Method(n.Method), Trials: n.Trials, Seed: n.Seed, Measure: search.Measure(n.Objective), MinTrades: n.MinTrades,
		InSample: time.Duration(n.InSample) * time.Hour, OutOfSample: time.Duration(n.OutOfSample) * time.Hour, Anchored: n.Anchored,
	}
	if n.MaxDrawdown != nil {
		s.MaxDrawdown = n.MaxDrawdown.InexactFloat64()
	}
	return s
}

// searchView is what a sweep or a walk-forward tries as the API shows it.
type searchView struct {
	Ranges      []string `json:"ranges" doc:"The parameters that are varied." example:"[\"fast=5:50:5\",\"kind=sma,ema\"]"`
	Method      string   `json:"method" enum:"grid,random,tpe" doc:"How the sets are gone through." example:"grid"`
	Trials      int      `json:"trials" doc:"How many sets random and tpe try." example:"200"`
	Seed        uint64   `json:"seed" doc:"Makes the random choices." example:"1"`
	Objective   string   `json:"objective" enum:"sharpe,sortino,calmar,profit-factor,equity" doc:"What the sets compete in." example:"sharpe"`
	MaxDrawdown float64  `json:"max_drawdown" doc:"Sets that fell deeper are left out; 0 is no bound." example:"0.2"`
	MinTrades   int      `json:"min_trades" doc:"Sets with fewer trades are left out." example:"30"`
	InSample    float64  `json:"in_sample_hours" doc:"Length of a walk-forward's windows; 0 for a sweep." example:"720"`
	OutOfSample float64  `json:"out_of_sample_hours" doc:"How long a choice is traded after its window; 0 for a sweep." example:"240"`
	Anchored    bool     `json:"anchored" doc:"Whether every window begins where the time does."`
}

func searchViewOf(s *research.Search) *searchView {
	if s == nil {
		return nil
	}
	return &searchView{
		Ranges: s.Ranges, Method: string(s.Method), Trials: s.Trials, Seed: s.Seed, Objective: string(s.Measure), MaxDrawdown: s.MaxDrawdown,
		MinTrades: s.MinTrades, InSample: s.InSample.Hours(), OutOfSample: s.OutOfSample.Hours(), Anchored: s.Anchored,
	}
}

// resultDocument reads the document of a run; one of another kind is a Conflict,
// code "backtest_kind".
func (a *API) resultDocument(ctx context.Context, who tenancy.Principal, r research.Run, kind research.Kind) (json.RawMessage, error) {
	if r.Kind != kind {
		return nil, errs.New(errs.Conflict, "backtest_kind", "%s is a %s: its result is elsewhere", r.Name, r.Kind)
	}
	raw, err := a.cfg.Backtests.Result(ctx, who, r.ID, research.PartDocument)
	if err != nil {
		return nil, err
	}
	return research.Document(raw)
}

func (a *API) sweepResult(ctx context.Context, who tenancy.Principal, in *struct{ BacktestPath }) (*huma.StreamResponse, error) {
	return a.searchResult(ctx, who, in.ID, research.Sweep)
}

func (a *API) walkResult(ctx context.Context, who tenancy.Principal, in *struct{ BacktestPath }) (*huma.StreamResponse, error) {
	return a.searchResult(ctx, who, in.ID, research.WalkForward)
}

// searchResult writes the document of a sweep or a walk-forward as it is kept.
func (a *API) searchResult(ctx context.Context, who tenancy.Principal, id string, kind research.Kind) (*huma.StreamResponse, error) {
	r, err := a.cfg.Backtests.Run(ctx, who, id)
	if err != nil {
		return nil, err
	}
	document, err := a.resultDocument(ctx, who, r, kind)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/json")
		_, _ = hc.BodyWriter().Write(document) // the client may be gone
	}}, nil
}
