package web

import (
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/journal"
)

// botRow is a bot in a list.
type botRow struct {
	bot.Bot
	Market  market
	Title   string // the strategy's
	Sum     journal.Summary
	Percent decimal.Decimal
	// Traded says that there is a summary.
	Traded bool
	// Held is what the bot has in each pair, of one that trades several.
	Held []heldRow
	// Line is the recent equity, for a sparkline.
	Line  []float64
	Since moment
}

// heldRow is what a bot has in one of several pairs.
type heldRow struct {
	journal.Position
	Market market
}

// Levels are the entry and the protective exits of the position, in words that go on
// after its price.
func (h heldRow) Levels() string {
	if h.Position.Position.IsZero() {
		return ""
	}
	text := ", entry " + h.Market.PriceText(h.Entry)
	if !h.Stop.IsZero() {
		text += ", stop " + h.Market.PriceText(h.Stop)
	}
	if !h.Target.IsZero() {
		text += ", target " + h.Market.PriceText(h.Target)
	}
	return text
}

// heldIn is what a bot has in each of its pairs; nothing for a bot of one pair.
func heldIn(b bot.Bot, sum journal.Summary, markets marketIndex) []heldRow {
	if !several(b) {
		return nil
	}
	var rows []heldRow
	for _, pair := range b.Pairs() {
		row := heldRow{Position: journal.Position{Pair: pair}, Market: markets.of(pair)}
		for _, p := range sum.Positions {
			if p.Pair == pair {
				row.Position = p
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// Several reports whether the bot trades several pairs.
func (r botRow) Several() bool { return several(r.Bot) }

// PairsText names all pairs.
func (r botRow) PairsText() string { return strings.Join(r.Pairs(), ", ") }

// Holdings tells what the bot holds, in words.
func (r botRow) Holdings() string {
	var list []string
	for _, h := range r.Held {
		if !h.Position.Position.IsZero() {
			list = append(list, h.Market.VolumeText(h.Position.Position)+" "+h.Market.Base)
		}
	}
	if !r.Several() {
		list = append(list, r.Market.VolumeText(r.Sum.Position)+" "+r.Market.Base)
	}
	return strings.Join(list, " and ")
}

// Attention reports whether somebody should look at the bot.
func (r botRow) Attention() bool {
	return r.Status == bot.Failed || r.Status == bot.Degraded || r.Status == bot.Paused
}

// Period is the length of the candles that the bot decides on.
func (r botRow) Period() period { return periodOf(r.Interval) }

// Active reports whether the bot runs or is to.
func (r botRow) Active() bool { return r.Desired || r.Status.Active() }

// Holding reports whether the bot has a position in any pair.
func (r botRow) Holding() bool {
	return r.Traded && (!r.Sum.Position.IsZero() || slices.ContainsFunc(r.Held, func(h heldRow) bool { return !h.Position.Position.IsZero() }))
}

// Balance is what the bot began with.
func (r botRow) Balance() decimal.Decimal { return r.Sum.Equity.Sub(r.Sum.Profit) }

// Drawdown is the largest fall from a peak in per cent, as a negative number.
func (r botRow) Drawdown() decimal.Decimal {
	return r.Sum.MaxDrawdown.Mul(decimal.NewFromInt(-100))
}

// sparkPoints is how many points a sparkline has.
const sparkPoints = 40

// rows adds to bots what lists show of them.
func (w *Web) rows(rq *request, bots []bot.Bot, lines bool) ([]botRow, error) {
	if len(bots) == 0 {
		return nil, nil
	}
	ids := make([]string, len(bots))
	for i, b := range bots {
		ids[i] = b.ID
	}
	sums, err := w.cfg.Journal.Summaries(rq.Context(), rq.who.TenantID, ids...)
	if err != nil {
		return nil, err
	}
	markets, err := w.markets(rq)
	if err != nil {
		return nil, err
	}
	rows := make([]botRow, len(bots))
	for i, b := range bots {
		r := botRow{Bot: b, Title: w.title(b.Strategy), Since: moment{b.StartedAt}, Market: markets.of(b.Pair)}
		if sum, ok := sums[b.ID]; ok && sum.Ledger == b.Ledger {
			r.Sum, r.Traded = sum, true
		}
		if r.Traded {
			r.Percent = percent(r.Sum.Profit, r.Balance())
		}
		r.Held = heldIn(b, r.Sum, markets)
		if lines && r.Traded {
			points, err := w.cfg.Journal.Equity(rq.Context(), rq.who.TenantID, b.ID, journal.EquityQuery{From: sinceOf(b, r.Sum), Points: sparkPoints})
			if err != nil {
				return nil, err
			}
			for _, p := range points {
				r.Line = append(r.Line, p.Equity.InexactFloat64())
			}
		}
		rows[i] = r
	}
	return rows, nil
}

// sinceOf is when the account began that a bot keeps, in market time; zero if it never
// had another.
func sinceOf(b bot.Bot, sum journal.Summary) time.Time {
	if b.Ledger == 0 {
		return time.Time{}
	}
	return sum.Since
}

// marketIndex finds markets by pair.
type marketIndex map[string]market

func (w *Web) markets(rq *request) (marketIndex, error) {
	list, err := w.cfg.Markets.Markets(rq.Context())
	if err != nil {
		return nil, err
	}
	index := marketIndex{}
	for _, m := range list {
		index[m.Pair] = market{m}
	}
	return index, nil
}

// of returns the market of a pair; for one that is no longer traded here, a
// market with plain decimals and no currencies.
func (x marketIndex) of(pair string) market {
	if m, ok := x[pair]; ok {
		return m
	}
	return market{exchange.Market{Pair: pair, Tick: decimal.New(1, -2), Step: decimal.New(1, -8)}}
}
