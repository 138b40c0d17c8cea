package api

import (
	"context"
	"net/http"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/report"
	"github.com/lunobot/lunobot/strategy/perf"
	"github.com/lunobot/lunobot/tenancy"
)

// performance is a bot's figures as the API shows them.
type performance struct {
	From         *time.Time  `json:"from" doc:"When the account began, in market time; null before there is anything." example:"2026-01-02T15:04:05Z"`
	To           *time.Time  `json:"to" doc:"The newest that is known of it, in market time." example:"2026-02-02T15:04:05Z"`
	Sharpe       perf.Number `json:"sharpe" doc:"Sharpe ratio: the mean of the daily returns divided by their standard deviation, made annual with the root of 365; the risk-free rate is 0. Null before two whole days." example:"1.2"`
	Days         int64       `json:"days" doc:"How many daily returns, from midnight to midnight UTC, that rests on." example:"31"`
	Trades       int         `json:"trades" doc:"Closed trades: what one order sold is one." example:"40"`
	Won          int         `json:"won" doc:"Those with a profit, fees of both sides taken off." example:"22"`
	Lost         int         `json:"lost" doc:"Those with a loss." example:"18"`
	WinRate      perf.Number `json:"win_rate" doc:"Won as a fraction of all closed trades; null before the first." example:"0.55"`
	ProfitFactor perf.Number `json:"profit_factor" doc:"The sum of the profits divided by that of the losses; null before the first loss." example:"1.4"`
	Exposure     perf.Number `json:"exposure" doc:"The fraction of the time in which a position was held." example:"0.43"`
	TradesFrom   *time.Time  `json:"trades_from" doc:"When the time begins that trades, win_rate, profit_factor and exposure are of: from, or later for an account of very many fills." example:"2026-01-02T15:04:05Z"`
}

func (a *API) performanceRoute() {
	handle(a, operation{
		method: http.MethodGet, path: "/api/v1/trading/bots/{bot_id}/performance", id: "get-performance", tag: tagHistory,
		summary:     "Get a bot's performance",
		description: "Shows the figures of a bot's account since it began, up to its newest checkpoint. What cannot be told yet is null.",
	}, a.performance)
}

func (a *API) performance(ctx context.Context, who tenancy.Principal, in *struct{ BotPath }) (*answer[performance], error) {
	b, err := a.cfg.Bots.Bot(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	var markets []exchange.Market
	for _, pair := range b.Pairs() {
		m, err := a.market(ctx, pair)
		if err != nil {
			return nil, err
		}
		markets = append(markets, m)
	}
	p, err := report.Measure(ctx, a.cfg.Journal, b, markets[0], markets[1:]...)
	if err != nil {
		return nil, err
	}
	return &answer[performance]{Body: performance{
		From: moment(p.From), To: moment(p.To), Sharpe: p.Sharpe, Days: p.Days, Trades: p.Trips, Won: p.Won, Lost: p.Lost, WinRate: p.WinRate,
		ProfitFactor: p.ProfitFactor, Exposure: p.Exposure, TradesFrom: moment(p.TripsFrom),
	}}, nil
}
