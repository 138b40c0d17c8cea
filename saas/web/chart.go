package web

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
)

// chartCandles is how many candles a chart begins with.
const chartCandles = 500

// chartData is what a bot's chart begins with. Decimals are written exactly, as
// numbers in candles, for a chart, and as strings elsewhere.
type chartData struct {
	// Interval is in seconds; MarketTime in epoch milliseconds.
	Interval   int64            `json:"interval"`
	MarketTime int64            `json:"market_time"`
	Candles    [][6]json.Number `json:"candles"`
	Fills      []chartFill      `json:"fills"`
	Orders     []chartOrder     `json:"orders"`
	// Plots are what the strategy has drawn, by line: times in epoch milliseconds
	// and values.
	Plots map[string][][2]json.Number `json:"plots"`
}

type chartFill struct {
	Sequence int64  `json:"sequence"`
	Time     int64  `json:"time"`
	Side     string `json:"side"`
	Price    string `json:"price"`
	Volume   string `json:"volume"`
}

type chartOrder struct {
	ClientID string `json:"client_id"`
	Side     string `json:"side"`
	Price    string `json:"price"`
	Volume   string `json:"volume"`
}

// botChart answers with candles, fills, open orders and the strategy's lines of a
// bot, in its own pair or in the one that is asked for.
func (w *Web) botChart(rq *request) error {
	b, markets, err := w.owned(rq)
	if err != nil {
		return err
	}
	pair := cmp.Or(rq.URL.Query().Get("pair"), b.Pair)
	if !slices.Contains(b.Pairs(), pair) {
		return errs.New(errs.Malformed, "pair_unknown", "The pair must be one of the bot's: %s.", strings.Join(b.Pairs(), ", "))
	}
	m := markets.of(pair)
	interval := bot.ParseInterval(rq.URL.Query().Get("interval"))
	if interval <= 0 {
		return errs.New(errs.Malformed, "interval_unknown", "The interval must be one of %s.", strings.Join(bot.Intervals(), ", "))
	}
	candles, err := w.candles(rq, pair, interval)
	if err != nil {
		return err
	}
	out := chartData{Interval: int64(interval / time.Second), MarketTime: w.cfg.MarketTime().UnixMilli(), Candles: make([][6]json.Number, len(candles))}
	for i, c := range candles {
		out.Candles[i] = [6]json.Number{
			json.Number(strconv.FormatInt(c.Time/1000, 10)), json.Number(m.Price(c.Open).String()), json.Number(m.Price(c.High).String()),
			json.Number(m.Price(c.Low).String()), json.Number(m.Price(c.Close).String()), json.Number(m.Volume(c.Volume).String()),
		}
	}
	fills, err := w.cfg.Journal.Fills(rq.Context(), rq.who.TenantID, b.ID, page.Page{Limit: page.MaxLimit})
	if err != nil {
		return err
	}
	since, begun, err := w.began(rq, b)
	if err != nil {
		return err
	}
	for _, f := range fills {
		if f.Pair != pair || !begun || f.Time.Before(since) {
			continue
		}
		out.Fills = append(out.Fills, chartFill{Sequence: f.Sequence, Time: f.Time.UnixMilli(), Side: f.Side, Price: f.Price.String(), Volume: f.Volume.String()})
	}
	orders, err := w.cfg.Journal.OpenOrders(rq.Context(), rq.who.TenantID, b.ID)
	if err != nil {
		return err
	}
	for _, o := range orders {
		if o.Pair == pair && o.Price.IsPositive() {
			out.Orders = append(out.Orders, chartOrder{ClientID: o.ClientID, Side: o.Side, Price: o.Price.String(), Volume: o.Volume.String()})
		}
	}
	plots, err := w.cfg.Journal.Plots(rq.Context(), rq.who.TenantID, b.ID)
	if err != nil {
		return err
	}
	plots = slices.DeleteFunc(plots, func(p journal.Plot) bool { return cmp.Or(p.Pair, b.Pair) != pair })
	out.Plots = lines(plots, m.PriceScale()+2)
	return w.json(rq, out)
}

// lines gathers the points of each line, written with so many decimals.
func lines(plots []journal.Plot, scale int32) map[string][][2]json.Number {
	list := map[string][][2]json.Number{}
	for _, p := range plots {
		list[p.Line] = append(list[p.Line], [2]json.Number{
			json.Number(strconv.FormatInt(p.Time.UnixMilli(), 10)), json.Number(strconv.FormatFloat(p.Value, 'f', int(scale), 64)),
		})
	}
	return list
}

// candles returns the newest candles of a pair; the last is the one that is
// still forming, as far as its minutes have closed.
func (w *Web) candles(rq *request, pair string, interval time.Duration) ([]exchange.Candle, error) {
	now := w.cfg.MarketTime()
	forming := now.Truncate(interval)
	list, err := w.cfg.Markets.Candles(rq.Context(), pair, interval, forming.Add(-chartCandles*interval), chartCandles)
	if err != nil || interval == time.Minute {
		return list, err
	}
	minutes, err := w.minutes(rq, pair, forming)
	if err != nil || len(minutes) == 0 {
		return list, err
	}
	open := minutes[0]
	for _, c := range minutes[1:] {
		open = exchange.Merge(open, c)
	}
	open.Time = forming.UnixMilli()
	return append(list, open), nil
}

// minutes returns all closed candles of a minute since a time.
func (w *Web) minutes(rq *request, pair string, since time.Time) ([]exchange.Candle, error) {
	var list []exchange.Candle
	for {
		part, err := w.cfg.Markets.Candles(rq.Context(), pair, time.Minute, since, chartCandles)
		list = append(list, part...)
		if err != nil || len(part) < chartCandles {
			return list, err
		}
		since = part[len(part)-1].OpenTime().Add(time.Minute)
	}
}

// equityPoints is how many points the equity curve begins with.
const equityPoints = 600

// botEquity answers with a bot's equity over time.
func (w *Web) botEquity(rq *request) error {
	b, markets, err := w.owned(rq)
	if err != nil {
		return err
	}
	out := curve{Counter: markets.of(b.Pair).Counter}
	since, begun, err := w.began(rq, b)
	if err != nil {
		return err
	}
	if !begun {
		return w.json(rq, out)
	}
	points, err := w.cfg.Journal.Equity(rq.Context(), rq.who.TenantID, b.ID, journal.EquityQuery{From: since, Points: equityPoints})
	if err != nil {
		return err
	}
	for _, p := range points {
		out.Times, out.Values = append(out.Times, p.Time.Unix()), append(out.Values, p.Equity.InexactFloat64())
	}
	// The last point may be older than the last fills: of a bot that has come to rest it is
	// those that count.
	sums, err := w.cfg.Journal.Summaries(rq.Context(), rq.who.TenantID, b.ID)
	if err != nil {
		return err
	}
	if sum, ok := sums[b.ID]; ok && sum.Ledger == b.Ledger {
		now := w.cfg.MarketTime()
		if !b.Status.Active() && len(points) > 0 {
			now = points[len(points)-1].Time
		}
		out.end(now, sum.Equity)
	}
	return w.json(rq, out)
}
