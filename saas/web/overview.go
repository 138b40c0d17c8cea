package web

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/ceiling"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

const (
	// mostBots bounds the bots that are summed up.
	mostBots = 5000
	// curveBots bounds those whose curves are, because each is a query.
	curveBots = 200
	// curvePoints is how many points the summed curve has at most.
	curvePoints = 400
	// overviewRows is how many bots the overview lists.
	overviewRows = 12
)

// overviewPage is what the overview shows.
type overviewPage struct {
	Totals    []total
	Attention []botRow
	Rows      []botRow
	Count     int
	Running   int
	Meters    []meter
	// Partial says that today's change is that of the newest bots only.
	Partial  int
	MayWrite bool
	// Over are the limits of all live bots that were reached today.
	Over []ceiling.Ceiling
	// MayStop is true for who may use the kill switch.
	MayStop bool
}

// total sums up the bots of one currency that trade with real money, or without.
type total struct {
	Counter              string
	Mode                 bot.Mode
	Decimals             int32
	Equity, Profit       decimal.Decimal
	Today                decimal.Decimal
	Percent, TodayChange decimal.Decimal
}

func (w *Web) overview(rq *request) error { return w.showOverview(rq, "page") }

// overviewLive answers with the part that is renewed.
func (w *Web) overviewLive(rq *request) error { return w.showOverview(rq, "live") }

func (w *Web) showOverview(rq *request, part string) error {
	bots, err := w.allBots(rq)
	if err != nil {
		return err
	}
	rows, err := w.rows(rq, bots, false)
	if err != nil {
		return err
	}
	p := overviewPage{Count: len(rows), MayWrite: rq.who.Can(tenancy.BotsWrite), MayStop: rq.who.Can(tenancy.BotsTrade)}
	if p.Over, err = w.cfg.Ceilings.Reached(rq.Context(), rq.who); err != nil {
		return err
	}
	if p.Totals, err = w.totals(rq, rows); err != nil {
		return err
	}
	if len(rows) > curveBots {
		p.Partial = curveBots
	}
	slices.SortStableFunc(rows, func(a, b botRow) int { return cmp.Compare(rank(a), rank(b)) })
	var listed []bot.Bot
	for _, r := range rows {
		switch {
		case r.Attention():
			p.Attention = append(p.Attention, r)
		case len(listed) < overviewRows:
			listed = append(listed, r.Bot)
		}
		if r.Status == bot.Running {
			p.Running++
		}
	}
	if p.Rows, err = w.rows(rq, listed, true); err != nil {
		return err
	}
	if p.Meters, err = w.meters(rq); err != nil {
		return err
	}
	v := view{Title: "Overview", Nav: "overview", MarketNotice: w.cfg.MarketNotice, D: p}
	if part == "page" {
		return w.page(rq, http.StatusOK, "overview/overview", v)
	}
	return w.part(rq, "overview/overview", part, v)
}

// rank orders bots by how much they need somebody.
func rank(r botRow) int {
	switch r.Status {
	case bot.Failed:
		return 0
	case bot.Degraded, bot.Paused:
		return 1
	case bot.Starting, bot.Stopping, bot.Running:
		return 2
	case bot.Stopped:
	}
	return 3
}

// allBots lists the tenant's bots, newest first.
func (w *Web) allBots(rq *request) ([]bot.Bot, error) {
	var all []bot.Bot
	next := page.Page{Limit: page.MaxLimit}
	for {
		list, err := w.cfg.Bots.Bots(rq.Context(), rq.who, next)
		if err != nil {
			return nil, err
		}
		all = append(all, list.Items...)
		if list.Next == "" || len(all) >= mostBots {
			return all, nil
		}
		next.After = list.Next
	}
}

// totals sums up the rows by mode and currency: real money is never added to simulated.
// Real money comes first, and then the larger. Today begins at midnight, UTC, of the
// market's clock.
func (w *Web) totals(rq *request, rows []botRow) ([]total, error) {
	midnight := w.cfg.MarketTime().UTC().Truncate(24 * time.Hour)
	type kind struct {
		mode    bot.Mode
		counter string
	}
	byKind := map[kind]*total{}
	for i, r := range rows {
		if !r.Traded {
			continue
		}
		of := kind{r.Mode, r.Market.Counter}
		t, ok := byKind[of]
		if !ok {
			t = &total{Counter: of.counter, Mode: of.mode, Decimals: r.Market.MoneyDecimals()}
			byKind[of] = t
		}
		t.Equity, t.Profit = t.Equity.Add(r.Sum.Equity), t.Profit.Add(r.Sum.Profit)
		if i >= curveBots {
			continue
		}
		points, err := w.cfg.Journal.Equity(rq.Context(), rq.who.TenantID, r.ID, journal.EquityQuery{From: latest(midnight, sinceOf(r.Bot, r.Sum)), Points: 2})
		if err != nil {
			return nil, err
		}
		if len(points) > 0 {
			t.Today = t.Today.Add(r.Sum.Equity.Sub(points[0].Equity))
		}
	}
	var list []total
	for _, t := range byKind {
		t.Percent = percent(t.Profit, t.Equity.Sub(t.Profit))
		t.TodayChange = percent(t.Today, t.Equity.Sub(t.Today))
		list = append(list, *t)
	}
	money := func(t total) int {
		if t.Mode == bot.Live {
			return 0
		}
		return 1
	}
	slices.SortFunc(list, func(a, b total) int {
		return cmp.Or(cmp.Compare(money(a), money(b)), b.Equity.Cmp(a.Equity), cmp.Compare(a.Counter, b.Counter))
	})
	return list, nil
}

// latest is the later of two times.
func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// curve is a line for a chart: times in seconds and values.
type curve struct {
	Counter string    `json:"counter"`
	Times   []int64   `json:"times"`
	Values  []float64 `json:"values"`
}

// end lets a line that has begun end at what there is now.
func (c *curve) end(now time.Time, equity decimal.Decimal) {
	n, value := len(c.Times), equity.InexactFloat64()
	switch {
	case n == 0:
	case now.Unix() > c.Times[n-1]:
		c.Times, c.Values = append(c.Times, now.Unix()), append(c.Values, value)
	default:
		c.Values[n-1] = value
	}
}

// overviewEquity answers with the summed equity of the bots of the first total, which is
// where the line ends. Before a bot's first point its first value counts, so that a new
// bot does not look like a gain; one without any counts as it stands.
func (w *Web) overviewEquity(rq *request) error {
	bots, err := w.allBots(rq)
	if err != nil {
		return err
	}
	rows, err := w.rows(rq, bots[:min(len(bots), curveBots)], false)
	if err != nil {
		return err
	}
	totals, err := w.totals(rq, rows)
	if err != nil || len(totals) == 0 {
		return cmp.Or(err, w.json(rq, curve{}))
	}
	type step struct {
		at    int64
		delta float64
	}
	out := curve{Counter: totals[0].Counter}
	var steps []step
	sum := 0.0
	for _, r := range rows {
		if !r.Traded || r.Market.Counter != out.Counter || r.Mode != totals[0].Mode {
			continue
		}
		points, err := w.cfg.Journal.Equity(rq.Context(), rq.who.TenantID, r.ID, journal.EquityQuery{From: sinceOf(r.Bot, r.Sum), Points: curvePoints / 2})
		if err != nil {
			return err
		}
		if len(points) == 0 {
			sum += r.Sum.Equity.InexactFloat64()
		}
		for i, p := range points {
			value := p.Equity.InexactFloat64()
			if i == 0 {
				sum += value
				steps = append(steps, step{p.Time.Unix(), 0})
				continue
			}
			steps = append(steps, step{p.Time.Unix(), value - points[i-1].Equity.InexactFloat64()})
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	every := max(1, len(steps)/curvePoints)
	for i, s := range steps {
		sum += s.delta
		last := i == len(steps)-1
		if (!last && steps[i+1].at == s.at) || (i%every != 0 && !last) {
			continue
		}
		out.Times, out.Values = append(out.Times, s.at), append(out.Values, sum)
	}
	out.end(w.cfg.MarketTime(), totals[0].Equity)
	return w.json(rq, out)
}
