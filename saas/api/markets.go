package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// Markets knows what is traded, and at which prices.
type Markets interface {
	exchange.MarketData
	// Now returns the market's time: that of a replay is not the wall clock's.
	Now() time.Time
}

// market is a market as the API shows it.
type market struct {
	Pair      string           `json:"pair" doc:"The market's symbol." example:"XBTMYR"`
	Base      string           `json:"base" doc:"The currency that is traded." example:"XBT"`
	Counter   string           `json:"counter" doc:"The currency that prices are in." example:"MYR"`
	Tick      decimal.Decimal  `json:"tick" doc:"The smallest difference of prices." example:"1"`
	Step      decimal.Decimal  `json:"step" doc:"The smallest difference of volumes." example:"0.0001"`
	MinVolume decimal.Decimal  `json:"min_volume" doc:"The least volume of an order." example:"0.0005"`
	MaxVolume *decimal.Decimal `json:"max_volume" nullable:"true" doc:"The largest volume; null is no bound."`
	MinPrice  decimal.Decimal  `json:"min_price" doc:"The least price of an order."`
	MaxPrice  *decimal.Decimal `json:"max_price" nullable:"true" doc:"The largest price; null is no bound."`
	MinValue  decimal.Decimal  `json:"min_value" doc:"The least value of an order."`
	Status    string           `json:"status" doc:"Which orders the market takes: ACTIVE, POSTONLY or DISABLED." example:"ACTIVE"`
	Label     string           `json:"label" doc:"Where the prices come from." example:"Luno, live prices"`
}

func (a *API) marketView(m exchange.Market) market {
	return market{
		Pair: m.Pair, Base: m.Base, Counter: m.Counter, Tick: m.Tick, Step: m.Step, MinVolume: m.Volume(m.MinVolume), MaxVolume: present(m.Volume(m.MaxVolume)),
		MinPrice: m.Price(m.MinPrice), MaxPrice: present(m.Price(m.MaxPrice)), MinValue: m.Amount(m.MinValue), Status: string(m.Status), Label: a.cfg.MarketLabel,
	}
}

// candle is a closed candle as the API shows it.
type candle struct {
	Time   time.Time       `json:"time" doc:"When the interval opened, in market time." example:"2026-01-02T15:04:00Z"`
	Open   decimal.Decimal `json:"open" doc:"First price."`
	High   decimal.Decimal `json:"high" doc:"Highest price."`
	Low    decimal.Decimal `json:"low" doc:"Lowest price."`
	Close  decimal.Decimal `json:"close" doc:"Last price."`
	Volume decimal.Decimal `json:"volume" doc:"Traded volume, in the base currency."`
}

// candleQuery is the input of a market's candles.
type candleQuery struct {
	Pair     string    `path:"pair" doc:"The market's symbol." example:"XBTMYR"`
	Interval string    `query:"interval" validate:"omitempty,oneof=1m 5m 15m 30m 1h 4h 1d" doc:"The length of a candle; 1m if it is left out." example:"1m"`
	Since    time.Time `query:"since" doc:"The earliest opening, in market time. Without it, the newest candles come." example:"2026-01-02T15:04:00Z"`
	Limit    int       `query:"limit" default:"500" validate:"min=1,max=1000" doc:"How many candles at most; 500 if it is left out."`
	Cursor   string    `query:"cursor" validate:"max=500" doc:"The next_cursor of the part before."`
}

func (a *API) marketRoutes() {
	handle(a, operation{
		method: http.MethodGet, path: "/api/v1/markets", id: "list-markets", tag: tagMarkets,
		summary: "List markets", description: "Lists the pairs that can be traded, with their rules. It comes whole: next_cursor is null.",
	}, a.listMarkets)
	handle(a, operation{
		method: http.MethodGet, path: "/api/v1/markets/{pair}/candles", id: "list-candles", tag: tagMarkets,
		summary: "List candles", description: "Lists closed candles of a pair, oldest first.",
	}, a.listCandles)
}

func (a *API) listMarkets(ctx context.Context, _ tenancy.Principal, _ *nothing) (*answer[listOf[market]], error) {
	all, err := a.cfg.Markets.Markets(ctx)
	if err != nil {
		return nil, errMarketDown(err)
	}
	return listed(a.cursors, nil, page.List[exchange.Market]{Items: all}, a.marketView), nil
}

func (a *API) listCandles(ctx context.Context, who tenancy.Principal, in *candleQuery) (*answer[listOf[candle]], error) {
	m, err := a.market(ctx, in.Pair)
	if err != nil {
		return nil, err
	}
	of := list{"candles", who.TenantID, in.Pair, in.Interval}
	after, err := a.cursors.open(of, in.Cursor)
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Markets.Candles(ctx, in.Pair, bot.ParseInterval(in.Interval), a.since(in, after), in.Limit)
	if err != nil {
		return nil, errMarketDown(err)
	}
	l := page.List[exchange.Candle]{Items: rows}
	if len(rows) == in.Limit {
		l.Next = decimalKey(rows[len(rows)-1].Time)
	}
	return listed(a.cursors, of, l, func(c exchange.Candle) candle {
		return candle{
			Time: c.OpenTime(), Open: m.Price(c.Open), High: m.Price(c.High), Low: m.Price(c.Low), Close: m.Price(c.Close), Volume: m.Volume(c.Volume),
		}
	}), nil
}

// since returns where a part of the candles begins: after the part before, at
// the time that is asked for, or so that the newest candles come.
func (a *API) since(in *candleQuery, after string) time.Time {
	if last, err := strconv.ParseInt(after, 10, 64); err == nil {
		return time.UnixMilli(last + 1)
	}
	if !in.Since.IsZero() {
		return in.Since
	}
	// The candle that is forming now does not count.
	length := bot.ParseInterval(in.Interval)
	return a.cfg.Markets.Now().Truncate(length).Add(-time.Duration(in.Limit) * length)
}

// market returns a market by its symbol.
func (a *API) market(ctx context.Context, pair string) (exchange.Market, error) {
	all, err := a.cfg.Markets.Markets(ctx)
	if err != nil {
		return exchange.Market{}, errMarketDown(err)
	}
	for _, m := range all {
		if m.Pair == pair {
			return m, nil
		}
	}
	return exchange.Market{}, errs.New(errs.NotFound, "market_not_found", "there is no market %q", pair)
}

func errMarketDown(err error) error {
	return errs.New(errs.Unavailable, "market_unavailable", "the market's data cannot be had at present; try again").Wrap(err)
}
