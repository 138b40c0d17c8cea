package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/tenancy"
)

// historyView is what there is of a pair, as the API shows it.
type historyView struct {
	Source           string          `json:"source" enum:"market,store" doc:"Where the candles are from: the market that bots trade in, or the operator's store." example:"store"`
	TradingPair      string          `json:"trading_pair" doc:"The market's symbol." example:"XBTUSD"`
	Base             string          `json:"base" doc:"The currency that is traded." example:"XBT"`
	Counter          string          `json:"counter" doc:"The currency that prices are in." example:"USD"`
	Tick             decimal.Decimal `json:"tick" doc:"The smallest difference of prices." example:"0.01"`
	Step             decimal.Decimal `json:"step" doc:"The smallest difference of volumes." example:"0.000001"`
	RecordedInterval string          `json:"recorded_interval" doc:"The length of the recorded candles." example:"1m"`
	From             time.Time       `json:"from" doc:"When the first candle opens." example:"2017-01-01T00:00:00Z"`
	To               time.Time       `json:"to" doc:"When the last one closes." example:"2024-01-01T00:00:00Z"`
	Candles          int64           `json:"candles" doc:"How many candles there are." example:"3679000"`
	Missing          int64           `json:"missing" doc:"How many are missing between the first and the last; a run fills them with the last close and no volume." example:"1440"`
	Holes            int64           `json:"holes" doc:"In how many holes these are." example:"3"`
	Origin           string          `json:"origin" doc:"Where the candles are from, in words." example:"store: btcusd.csv"`
	LongestHoles     []holeView      `json:"longest_holes,omitempty" doc:"The longest holes, at most 200 of them, in order; left out of lists, and without a hole."`
}

// holeView is a time without candles.
type holeView struct {
	From time.Time `json:"from" doc:"When the first missing candle would open." example:"2019-05-01T12:00:00Z"`
	To   time.Time `json:"to" doc:"When the next one opens that is there." example:"2019-05-01T18:00:00Z"`
}

func historyViewOf(o research.Offer) historyView {
	return historyView{
		Source: string(o.Source), TradingPair: o.Pair, Base: o.Market.Base, Counter: o.Market.Counter, Tick: o.Market.Tick, Step: o.Market.Step,
		RecordedInterval: recordedName(o.Recorded), From: o.From.UTC(), To: o.To.UTC(), Candles: o.Candles, Missing: o.Missing, Holes: o.Gaps, Origin: o.Origin,
	}
}

// recordedName writes a length of candles that no bot need decide on.
func recordedName(d time.Duration) string { return cmp.Or(bot.IntervalName(d), d.String()) }

// recorded reads a length of candles; "" is the shortest that there is, and one that
// cannot be read is one that no history has.
func recorded(text string) time.Duration {
	if text == "" {
		return 0
	}
	if d := bot.ParseInterval(text); d > 0 {
		return d
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return -1
	}
	return d
}

// historyPath names one history.
type historyPath struct {
	Source   string `path:"source" validate:"oneof=market store" doc:"Where the candles are from: market or store." example:"store"`
	Pair     string `path:"pair" validate:"max=32" doc:"The market's symbol." example:"XBTUSD"`
	Recorded string `query:"recorded_interval" validate:"max=20" doc:"The length of the recorded candles; the shortest if it is left out." example:"1m"`
}

func (a *API) historiesRoutes() {
	handle(a, operation{
		method: http.MethodGet, path: "/api/v1/histories", id: "list-histories", tag: tagBacktests,
		summary: "List histories",
		description: "Lists the candles that backtests can run over: those of the market that bots trade in, and those that the operator keeps in the store for all tenants. " +
			"It comes whole: next_cursor is null.",
	}, a.listHistories)
	handle(a, operation{
		method: http.MethodGet, path: "/api/v1/histories/{source}/{pair}", id: "get-history", tag: tagBacktests,
		summary: "Get a history", description: "Shows what there is of a pair, with its longest holes.",
	}, a.getHistory)
}

func (a *API) listHistories(ctx context.Context, who tenancy.Principal, _ *nothing) (*answer[listOf[historyView]], error) {
	all, err := a.cfg.Backtests.Offers(ctx, who)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, nil, page.List[research.Offer]{Items: all}, historyViewOf), nil
}

func (a *API) getHistory(ctx context.Context, who tenancy.Principal, in *historyPath) (*answer[historyView], error) {
	o, err := a.cfg.Backtests.Offer(ctx, who, research.Ref{Source: research.Source(in.Source), Pair: in.Pair, Recorded: recorded(in.Recorded)})
	if err != nil {
		return nil, err
	}
	v := historyViewOf(o)
	for _, hole := range o.Holes {
		v.LongestHoles = append(v.LongestHoles, holeView{hole.From.UTC(), hole.To.UTC()})
	}
	return &answer[historyView]{Body: v}, nil
}
